"""Which pages of the app show an audit?"""
