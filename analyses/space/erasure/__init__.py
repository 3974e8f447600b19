"""Does a skew go away when an attribute is erased from the features?"""
