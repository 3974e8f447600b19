"""What did somebody's evaluation tool write down of a model's answers, and which labels do these name?"""
