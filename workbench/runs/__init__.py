"""How is a finished audit kept, opened, reviewed and used as a gate?"""
