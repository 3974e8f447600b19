"""What does the command discover do, and how is its result shown?"""
