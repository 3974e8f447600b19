"""Which groups of pictures are there, and what is summed over each of them and its complement?"""
