"""What is asked and answered about pictures to train a multimodal LLM, who wrote it, and what is wrong with it?"""
