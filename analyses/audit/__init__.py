"""How does a table of predictions become an audit: its options, its questions, its result?"""
