"""What several families share: sizes of towers and language models, as keyword arguments of their configurations."""

from __future__ import annotations

import transformers

from tiny_multimodal.text import VOCABULARY

WIDTH, LAYERS, HEADS = 32, 3, 4
SIDE, PATCH = 56, 14
"""Pixels of a square picture or tile, and of a patch: 4 x 4 patches."""

LANGUAGE = {
    "hidden_size": WIDTH,
    "intermediate_size": 64,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": 2,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 1024,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
VISION = {
    "hidden_size": WIDTH,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": HEADS,
    "image_size": SIDE,
    "patch_size": PATCH,
}
SQUARE = {"height": SIDE, "width": SIDE}


def siglip():
    return transformers.SiglipVisionConfig(**VISION, vision_use_head=False)


def clip():
    return transformers.CLIPVisionConfig(**VISION, projection_dim=WIDTH)


def pixtral(side=SIDE):
    return transformers.PixtralVisionConfig(**{**VISION, "image_size": side})
