"""Idefics, SmolVLM and LFM2-VL."""

from __future__ import annotations

import transformers

from tiny_multimodal.parts import LANGUAGE, PATCH, SIDE, VISION, WIDTH
from tiny_multimodal.text import template, tokenizer


def idefics2():
    words = tokenizer(image_token="<image>", image_boundary_token="<fake_token_around_image>")
    config = transformers.Idefics2Config(
        vision_config=transformers.Idefics2VisionConfig(**VISION),
        perceiver_config=transformers.Idefics2PerceiverConfig(
            hidden_size=WIDTH,
            resampler_n_latents=4,
            resampler_depth=1,
            resampler_n_heads=4,
            resampler_head_dim=8,
            num_key_value_heads=2,
        ),
        text_config=transformers.MistralConfig(**LANGUAGE),
        image_token_id=words.image_token_id,
    )
    processor = transformers.Idefics2Processor(
        transformers.Idefics2ImageProcessor(size={"shortest_edge": 42, "longest_edge": SIDE}),
        words,
        image_seq_len=4,
        chat_template=template("<image>"),
    )
    return transformers.Idefics2ForConditionalGeneration(config), processor


def _idefics3_words():
    rows = {f"row{row}_col{col}_token": f"<row_{row}_col_{col}>" for row in range(1, 4) for col in range(1, 4)}
    return tokenizer(
        image_token="<image>",
        fake_image_token="<fake_token_around_image>",
        end_of_utterance_token="<end_of_utterance>",
        global_image_token="<global-img>",
        video_token="<video>",
        **rows,
    )


TILED = {"size": {"longest_edge": 2 * SIDE}, "max_image_size": {"longest_edge": SIDE}}


def idefics3():
    words = _idefics3_words()
    config = transformers.Idefics3Config(
        vision_config=transformers.Idefics3VisionConfig(**VISION),
        text_config=transformers.LlamaConfig(**LANGUAGE),
        image_token_id=words.image_token_id,
    )
    processor = transformers.Idefics3Processor(
        transformers.Idefics3ImageProcessor(**TILED), words, image_seq_len=4, chat_template=template("<image>")
    )
    return transformers.Idefics3ForConditionalGeneration(config), processor


def smolvlm():
    words = _idefics3_words()
    config = transformers.SmolVLMConfig(
        vision_config=transformers.SmolVLMVisionConfig(**VISION),
        text_config=transformers.LlamaConfig(**LANGUAGE),
        image_token_id=words.image_token_id,
    )
    processor = transformers.SmolVLMProcessor(
        transformers.SmolVLMImageProcessor(**TILED),
        words,
        transformers.SmolVLMVideoProcessor(**TILED),
        image_seq_len=4,
        chat_template=template("<image>"),
    )
    return transformers.SmolVLMForConditionalGeneration(config), processor


def lfm2_vl():
    words = tokenizer(
        image_token="<image>",
        image_start_token="<|image_start|>",
        image_end_token="<|image_end|>",
        image_thumbnail_token="<|img_thumbnail|>",
    )
    tower = {key: value for key, value in VISION.items() if key != "image_size"}
    config = transformers.Lfm2VlConfig(
        vision_config=transformers.Siglip2VisionConfig(**tower, num_patches=16, vision_use_head=False),
        text_config=transformers.Lfm2Config(
            **LANGUAGE, layer_types=["conv", "full_attention", "conv"], block_auto_adjust_ff_dim=False
        ),
        image_token_id=words.image_token_id,
        projector_hidden_size=WIDTH,
    )
    processor = transformers.Lfm2VlProcessor(
        transformers.Lfm2VlImageProcessor(
            encoder_patch_size=PATCH,
            tile_size=SIDE,
            size={"height": SIDE, "width": SIDE},
            min_image_tokens=1,
            max_image_tokens=4,
            max_tiles=4,
        ),
        words,
        chat_template=template("<image>"),
    )
    return transformers.Lfm2VlForConditionalGeneration(config), processor


IDEFICS = {"idefics2": idefics2, "idefics3": idefics3, "smolvlm": smolvlm, "lfm2_vl": lfm2_vl}
