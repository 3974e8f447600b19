"""Which data have a known truth, because it was put there?"""
