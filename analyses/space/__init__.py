"""How do slices lie in the space that a probe reads pictures in: pulled where, told apart by what, and does it matter?"""
