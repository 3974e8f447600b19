"""What is said of numbers instead of emotions: outcomes, and what a model writes?"""
