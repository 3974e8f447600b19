"""Which language model is shipped? Files only: see `MODEL_CARD.md`; `probes.mmllm.language.shipping` writes them."""
