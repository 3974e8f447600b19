"""Which few causes explain all skews? The smallest set of (slice, emotion) differences from which the others follow."""
