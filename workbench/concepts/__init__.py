"""How are concepts given, labelled by people, and shown?"""
