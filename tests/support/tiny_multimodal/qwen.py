"""Qwen-VL and GLM-4V: pictures of any shape, positions in three axes."""

from __future__ import annotations

import transformers

from tiny_multimodal.parts import LANGUAGE, PATCH, SIDE, WIDTH
from tiny_multimodal.text import template, tokenizer

PIXELS = {"size": {"shortest_edge": SIDE * SIDE, "longest_edge": 2 * SIDE * SIDE}, "patch_size": PATCH}
TOWER = {"depth": 2, "num_heads": 4, "patch_size": PATCH}
ROTARY = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]}


def _words():
    return tokenizer(
        image_token="<|image_pad|>",
        video_token="<|video_pad|>",
        vision_start_token="<|vision_start|>",
        vision_end_token="<|vision_end|>",
    )


def _ids(words):
    names = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    return {name: getattr(words, name) for name in names}


TEMPLATE = template("<|vision_start|><|image_pad|><|vision_end|>")


def qwen2_vl():
    words = _words()
    config = transformers.Qwen2VLConfig(
        vision_config={**TOWER, "embed_dim": WIDTH, "hidden_size": WIDTH, "mlp_ratio": 2},
        text_config={**LANGUAGE, "rope_parameters": ROTARY},
        **_ids(words),
    )
    processor = transformers.Qwen2VLProcessor(
        transformers.Qwen2VLImageProcessor(**PIXELS),
        words,
        transformers.Qwen2VLVideoProcessor(**PIXELS),
        chat_template=TEMPLATE,
    )
    return transformers.Qwen2VLForConditionalGeneration(config), processor


def qwen2_5_vl():
    words = _words()
    config = transformers.Qwen2_5_VLConfig(
        vision_config={
            **TOWER,
            "hidden_size": WIDTH,
            "intermediate_size": 64,
            "out_hidden_size": WIDTH,
            "window_size": SIDE,
            "fullatt_block_indexes": [1],
        },
        text_config={**LANGUAGE, "rope_parameters": ROTARY},
        **_ids(words),
    )
    processor = transformers.Qwen2_5_VLProcessor(
        transformers.Qwen2VLImageProcessor(**PIXELS),
        words,
        transformers.Qwen2VLVideoProcessor(**PIXELS),
        chat_template=TEMPLATE,
    )
    return transformers.Qwen2_5_VLForConditionalGeneration(config), processor


def qwen3_vl():
    words = _words()
    config = transformers.Qwen3VLConfig(
        vision_config={
            **TOWER,
            "hidden_size": WIDTH,
            "intermediate_size": 64,
            "out_hidden_size": WIDTH,
            "num_position_embeddings": 16,
            "deepstack_visual_indexes": [0],
        },
        text_config={**LANGUAGE, "head_dim": 8, "rope_parameters": ROTARY},
        **_ids(words),
    )
    return transformers.Qwen3VLForConditionalGeneration(config), _qwen3_processor(words)


def qwen3_5():
    words = _words()
    config = transformers.Qwen3_5Config(
        vision_config={
            **TOWER,
            "hidden_size": WIDTH,
            "intermediate_size": 64,
            "out_hidden_size": WIDTH,
            "num_position_embeddings": 16,
        },
        text_config={
            **LANGUAGE,
            "head_dim": 8,
            "rope_parameters": {**ROTARY, "partial_rotary_factor": 1.0},
            "layer_types": ["linear_attention", "full_attention", "linear_attention"],
            "linear_key_head_dim": 8,
            "linear_value_head_dim": 8,
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 4,
        },
        **_ids(words),
    )
    return transformers.Qwen3_5ForConditionalGeneration(config), _qwen3_processor(words)


def _qwen3_processor(words):
    return transformers.Qwen3VLProcessor(
        transformers.Qwen2VLImageProcessor(**PIXELS),
        words,
        transformers.Qwen3VLVideoProcessor(**PIXELS),
        chat_template=TEMPLATE,
    )


def glm4v():
    words = tokenizer(
        image_token="<|image|>",
        video_token="<|video|>",
        image_start_token="<|begin_of_image|>",
        image_end_token="<|end_of_image|>",
        video_start_token="<|begin_of_video|>",
        video_end_token="<|end_of_video|>",
    )
    names = ("image", "video", "image_start", "image_end", "video_start", "video_end")
    config = transformers.Glm4vConfig(
        vision_config={**TOWER, "hidden_size": WIDTH, "intermediate_size": 64, "out_hidden_size": WIDTH, "image_size": SIDE},
        text_config={**LANGUAGE, "rope_parameters": {**ROTARY, "partial_rotary_factor": 1.0}},
        **{f"{name}_token_id": getattr(words, f"{name}_token_id") for name in names},
    )
    processor = transformers.Glm4vProcessor(
        transformers.Glm4vImageProcessor(**PIXELS),
        words,
        transformers.Glm4vVideoProcessor(**PIXELS),
        chat_template=template("<|begin_of_image|><|image|><|end_of_image|>"),
    )
    return transformers.Glm4vForConditionalGeneration(config), processor


QWEN = {"qwen2_vl": qwen2_vl, "qwen2_5_vl": qwen2_5_vl, "qwen3_vl": qwen3_vl, "qwen3_5": qwen3_5, "glm4v": glm4v}
