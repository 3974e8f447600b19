"""How do the emotion data sets lie on disk, which one is this, and what does it say of its pictures?"""
