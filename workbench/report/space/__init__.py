"""What does the report say of the label space?"""
