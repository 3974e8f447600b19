"""PaliGemma and Gemma."""

from __future__ import annotations

import transformers

from tiny_multimodal.parts import LANGUAGE, SQUARE, WIDTH, siglip
from tiny_multimodal.text import VOCABULARY, template, tokenizer

LOCATIONS = 1024 + 128
"""Tokens for places and outlines, which PaliGemma's processor adds to every tokenizer."""


def paligemma():
    words = tokenizer(image_token="<image>")
    config = transformers.PaliGemmaConfig(
        vision_config=siglip(),
        text_config=transformers.GemmaConfig(**{**LANGUAGE, "vocab_size": VOCABULARY + LOCATIONS}, head_dim=8),
        image_token_index=words.image_token_id,
        projection_dim=WIDTH,
        hidden_size=WIDTH,
    )
    processor = transformers.PaliGemmaProcessor(transformers.SiglipImageProcessor(size=SQUARE, image_seq_length=16), words)
    return transformers.PaliGemmaForConditionalGeneration(config), processor


def gemma3():
    words = tokenizer(boi_token="<start_of_image>", eoi_token="<end_of_image>", image_token="<image_soft_token>")
    config = transformers.Gemma3Config(
        vision_config=siglip(),
        text_config=transformers.Gemma3TextConfig(**LANGUAGE, head_dim=8, query_pre_attn_scalar=8),
        mm_tokens_per_image=4,
        boi_token_index=words.boi_token_id,
        eoi_token_index=words.eoi_token_id,
        image_token_index=words.image_token_id,
    )
    processor = transformers.Gemma3Processor(
        transformers.Gemma3ImageProcessor(size=SQUARE), words, chat_template=template("<start_of_image>"), image_seq_length=4
    )
    return transformers.Gemma3ForConditionalGeneration(config), processor


def gemma4():
    words = tokenizer(
        image_token="<|image|>",
        boi_token="<|image>",
        eoi_token="<image|>",
        audio_token="<|audio|>",
        boa_token="<|audio>",
        eoa_token="<audio|>",
        video_token="<|video|>",
    )
    config = transformers.Gemma4Config(
        vision_config=transformers.Gemma4VisionConfig(
            hidden_size=WIDTH,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=4,
            head_dim=8,
            patch_size=4,
            position_embedding_size=64,
        ),
        text_config=transformers.Gemma4TextConfig(
            **LANGUAGE,
            head_dim=8,
            global_head_dim=8,
            hidden_size_per_layer_input=8,
            vocab_size_per_layer_input=VOCABULARY,
            layer_types=["sliding_attention", "sliding_attention", "full_attention"],
        ),
        audio_config=None,
        boi_token_id=words.boi_token_id,
        eoi_token_id=words.eoi_token_id,
        image_token_id=words.image_token_id,
        video_token_id=words.video_token_id,
        audio_token_id=words.audio_token_id,
    )
    pixels = {"patch_size": 4, "max_soft_tokens": 70}
    processor = transformers.Gemma4Processor(
        transformers.Gemma4AudioFeatureExtractor(),
        transformers.Gemma4ImageProcessor(**pixels),
        words,
        transformers.Gemma4VideoProcessor(**pixels),
        chat_template=template("<|image|>"),
        image_seq_length=70,
    )
    return transformers.Gemma4ForConditionalGeneration(config), processor


GEMMA = {"paligemma": paligemma, "gemma3": gemma3, "gemma4": gemma4}
