"""Which pictures show what a finding says?"""
