"""How is a multimodal LLM for emotional reasoning made, asked and measured?"""
