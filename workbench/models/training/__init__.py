"""What do the commands train, sweep, anchors and import-tinyemo do, and what did a probe learn from?"""
