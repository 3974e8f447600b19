"""What do the commands evaluate and reproduce do?"""
