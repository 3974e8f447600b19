"""Which pages of the app show what a multimodal LLM answers, and what is inside it?"""
