"""What is a concept that no column names, and what did people answer about it?"""
