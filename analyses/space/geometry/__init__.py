"""How far apart do anchors and slices lie, and how far can a map of them be trusted?"""
