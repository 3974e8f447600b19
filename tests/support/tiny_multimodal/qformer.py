"""BLIP-2 and InstructBLIP, whose connector asks a fixed number of queries."""

from __future__ import annotations

import transformers

from tiny_multimodal.parts import SQUARE, VISION, WIDTH
from tiny_multimodal.text import VOCABULARY, tokenizer

QUERIES = 4
FORMER = {
    "hidden_size": WIDTH,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": VOCABULARY,
    "encoder_hidden_size": WIDTH,
}


def _opt():
    return transformers.OPTConfig(
        hidden_size=WIDTH,
        word_embed_proj_dim=WIDTH,
        ffn_dim=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        vocab_size=VOCABULARY,
        max_position_embeddings=512,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )


def blip_2():
    words = tokenizer()
    pictures = transformers.BlipImageProcessor(size=SQUARE)
    processor = transformers.Blip2Processor(pictures, words, num_query_tokens=QUERIES)
    config = transformers.Blip2Config(
        vision_config=transformers.Blip2VisionConfig(**VISION),
        qformer_config=transformers.Blip2QFormerConfig(**FORMER),
        text_config=_opt(),
        num_query_tokens=QUERIES,
        image_text_hidden_size=WIDTH,
        image_token_index=words.convert_tokens_to_ids("<image>"),
    )
    return transformers.Blip2ForConditionalGeneration(config), processor


def instructblip():
    words, asked = tokenizer(), tokenizer()
    pictures = transformers.BlipImageProcessor(size=SQUARE)
    processor = transformers.InstructBlipProcessor(pictures, words, asked, num_query_tokens=QUERIES)
    config = transformers.InstructBlipConfig(
        vision_config=transformers.InstructBlipVisionConfig(**VISION),
        qformer_config=transformers.InstructBlipQFormerConfig(**FORMER),
        text_config=_opt(),
        num_query_tokens=QUERIES,
        image_token_index=words.convert_tokens_to_ids("<image>"),
    )
    return transformers.InstructBlipForConditionalGeneration(config), processor


QFORMER = {"blip_2": blip_2, "instructblip": instructblip}
