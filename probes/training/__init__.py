"""How is a projector trained, on one set of pictures or on several, on one device or on several?"""
