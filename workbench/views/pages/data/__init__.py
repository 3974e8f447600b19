"""Which pages of the app are about the pictures themselves?"""
