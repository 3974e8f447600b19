"""Which sets of emotion labels are there, and when do two spellings name one label?"""
