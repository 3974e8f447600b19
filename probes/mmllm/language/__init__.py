"""How does a small language model learn the words of the drawn world, from nothing, as text?"""
