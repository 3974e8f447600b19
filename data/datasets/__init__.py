"""How does a folder or a list of pictures become a checked manifest, and where are feature files read?"""
