"""What do the commands bench and demo do?"""
