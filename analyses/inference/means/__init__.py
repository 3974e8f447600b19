"""How sure is a mean, or the difference of two, where pictures may come in groups, pairs or strata?"""
