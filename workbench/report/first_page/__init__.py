"""What does a reader see first of an audit: its outcome in a sentence or two, and what stands behind it?"""
