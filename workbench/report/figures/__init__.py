"""Which figures does a report have?"""
