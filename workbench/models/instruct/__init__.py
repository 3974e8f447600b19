"""How does `workbench instruct` make data to train a multimodal LLM on, and what does it say of it before anyone trains?"""
