"""How do emotion words become label anchors: vectors of a text model?"""
