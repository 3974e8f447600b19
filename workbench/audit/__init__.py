"""What do the commands audit, compare and selftest do?"""
