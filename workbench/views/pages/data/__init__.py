"""The pages about the data themselves."""
