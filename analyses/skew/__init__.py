"""Which emotions does a model predict more, or less, often for a slice than for its complement, and why?"""
