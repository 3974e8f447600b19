"""How are the settings of a projector searched within a time?"""
