"""What did a model answer, to which prompt, and what may be concluded from it?"""
