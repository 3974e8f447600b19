"""Does a multimodal LLM that explains an emotion look at the picture, or does it say what sounds right?"""
