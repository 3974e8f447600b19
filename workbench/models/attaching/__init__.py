"""How does `workbench attach` find out where inside a multimodal LLM an emotion sits, and whether a probe speaks for it?"""
