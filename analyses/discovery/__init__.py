"""Which groups of pictures, that no column names, are read otherwise than their labels say?"""
