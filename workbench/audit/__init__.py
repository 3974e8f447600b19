"""What do the commands audit, compare and permutation-check do?"""
