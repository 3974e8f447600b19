"""Does a probe speak for the model that it stands in for, where in the model, and does the model use what it reads?"""
