"""What do the commands train, sweep and import-tinyemo do, and what did a probe learn from?"""
