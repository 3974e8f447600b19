"""How do pictures and texts become features, and what are encoders and their weights called?"""
