"""Does a multimodal LLM's reasoning rest on the pictures? It is asked, with and without them, and measured."""
