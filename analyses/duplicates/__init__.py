"""Which pictures do two sets share, exactly or nearly?"""
