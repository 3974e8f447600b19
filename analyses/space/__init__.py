"""How do slices lie in the space in which the probe compares pictures with labels?"""
