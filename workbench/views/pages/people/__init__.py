"""The pages on which people decide: reviews and labels."""
