"""How sure is a difference: intervals, exact tests, multiplicity, groups, pairs, and the verdict rule?"""
