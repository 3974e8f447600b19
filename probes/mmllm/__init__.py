"""How is a multimodal LLM made of a vision tower, a language model and a fresh connector, and taught to tell emotions?"""
