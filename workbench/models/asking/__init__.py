"""How does `workbench ask` make a table of predictions out of what a model answers?"""
