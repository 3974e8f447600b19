"""How sure is a difference between pictures that are alike in all but one attribute?"""
