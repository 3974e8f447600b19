"""Which slices that no attribute names are predicted wrongly? Searched on one half, verified on the other."""
