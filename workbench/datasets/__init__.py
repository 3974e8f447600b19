"""What do the commands data, features and overlap do?"""
