"""How are picture files decoded, prepared for a model and compared?"""
