"""Which parts do several pages of the app share?"""
