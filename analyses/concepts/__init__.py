"""Which pictures have a concept that no column names, and how wrong is that guess?"""
