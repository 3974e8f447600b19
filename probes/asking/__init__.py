"""How is a question about pictures put to a model, in memory or behind an address, so that a kill loses little?"""
