"""Is there a difference by this attribute? One card for each, the same wherever it is shown."""
