"""How do other programs, and people who never open the report, read what an audit found?"""
