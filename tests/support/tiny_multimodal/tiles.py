"""Families that cut a picture into tiles."""

from __future__ import annotations

import transformers

from tiny_multimodal.parts import LANGUAGE, PATCH, SIDE, SQUARE, VISION, WIDTH, siglip
from tiny_multimodal.text import template, tokenizer


def internvl():
    words = tokenizer(
        start_image_token="<img>", end_image_token="</img>", context_image_token="<IMG_CONTEXT>", video_token="<video>"
    )
    config = transformers.InternVLConfig(
        vision_config=transformers.InternVLVisionConfig(**VISION),
        text_config=transformers.Qwen2Config(**LANGUAGE),
        image_token_id=words.context_image_token_id,
        image_seq_length=4,
    )
    processor = transformers.InternVLProcessor(
        transformers.GotOcr2ImageProcessor(size=SQUARE, max_patches=3),
        words,
        transformers.InternVLVideoProcessor(size=SQUARE),
        image_seq_length=4,
        chat_template=template("<IMG_CONTEXT>\n"),
    )
    return transformers.InternVLForConditionalGeneration(config), processor


def aya_vision():
    words = tokenizer(
        start_of_img_token="<|START_OF_IMG|>",
        end_of_img_token="<|END_OF_IMG|>",
        img_patch_token="<|IMG_PATCH|>",
        img_line_break_token="<|IMG_LINE_BREAK|>",
        tile_token="TILE",
        tile_global_token="TILE_GLOBAL",
    )
    config = transformers.AyaVisionConfig(
        vision_config=siglip(),
        text_config=transformers.Cohere2Config(**LANGUAGE),
        image_token_index=words.img_patch_token_id,
    )
    processor = transformers.AyaVisionProcessor(
        transformers.GotOcr2ImageProcessor(size=SQUARE, max_patches=3),
        words,
        patch_size=PATCH,
        img_size=SIDE,
        downsample_factor=2,
        chat_template=template("<image>"),
    )
    return transformers.AyaVisionForConditionalGeneration(config), processor


def cohere2_vision():
    words = tokenizer(
        boi_token="<|START_OF_IMG|>",
        eoi_token="<|END_OF_IMG|>",
        image_token="<|IMG_PATCH|>",
        img_line_break_token="<|IMG_LINE_BREAK|>",
    )
    config = transformers.Cohere2VisionConfig(
        vision_config=siglip(),
        text_config=transformers.Cohere2Config(**LANGUAGE),
        image_token_id=words.image_token_id,
        alignment_intermediate_size=64,
    )
    processor = transformers.Cohere2VisionProcessor(
        transformers.Cohere2VisionImageProcessor(size=SQUARE, max_patches=3, patch_size=2),
        words,
        chat_template=template("<|IMG_PATCH|>"),
    )
    return transformers.Cohere2VisionForConditionalGeneration(config), processor


def llama4():
    words = tokenizer(
        image_token="<|image|>",
        image_start_token="<|image_start|>",
        image_end_token="<|image_end|>",
        patch_token="<|patch|>",
        tile_x_token="<|tile_x_separator|>",
        tile_y_token="<|tile_y_separator|>",
    )
    config = transformers.Llama4Config(
        vision_config=transformers.Llama4VisionConfig(
            **{**VISION, "intermediate_size": 4 * WIDTH},
            vision_output_dim=WIDTH,
            projector_input_dim=WIDTH,
            projector_output_dim=WIDTH,
        ),
        text_config=transformers.Llama4TextConfig(
            **LANGUAGE, head_dim=8, intermediate_size_mlp=64, num_local_experts=2, attention_chunk_size=512
        ),
        image_token_index=words.patch_token_id,
        boi_token_index=words.image_start_token_id,
        eoi_token_index=words.image_end_token_id,
    )
    processor = transformers.Llama4Processor(
        transformers.Llama4ImageProcessor(size=SQUARE, max_patches=4),
        words,
        patch_size=PATCH,
        chat_template=template("<|image|>"),
    )
    return transformers.Llama4ForConditionalGeneration(config), processor


def ovis2():
    names = ("IMG_START", "IMG_GRID", "IMG_COL", "IMG_ROW", "IMG_END")
    words = tokenizer(
        image_token="<image>", atom_token="<IMG_ATOM>", **{f"{name.lower()}_token": f"<{name}>" for name in names}
    )
    config = transformers.Ovis2Config(
        vision_config=transformers.Ovis2VisionConfig(**VISION, vocab_size=64, hidden_stride=2),
        text_config=transformers.Qwen2Config(**LANGUAGE),
        image_token_id=words.atom_token_id,
        visual_indicator_token_ids=[words.convert_tokens_to_ids(f"<{name}>") for name in names],
        vocab_size=LANGUAGE["vocab_size"],
        hidden_size=WIDTH,
    )
    processor = transformers.Ovis2Processor(
        transformers.Ovis2ImageProcessor(size=SQUARE, crop_to_patches=True, max_patches=3),
        words,
        chat_template=template("<image>\n"),
        image_seq_length=4,
    )
    return transformers.Ovis2ForConditionalGeneration(config), processor


def mllama():
    words = tokenizer(image_token="<|image|>", python_token="<|python_tag|>")
    ratios = [[1, 1], [1, 2], [1, 3], [1, 4], [2, 1], [2, 2], [3, 1], [4, 1]]
    config = transformers.MllamaConfig(
        vision_config=transformers.MllamaVisionConfig(
            hidden_size=WIDTH,
            intermediate_size=64,
            num_hidden_layers=2,
            num_global_layers=1,
            attention_heads=4,
            image_size=SIDE,
            patch_size=PATCH,
            max_num_tiles=4,
            intermediate_layers_indices=[0],
            vision_output_dim=2 * WIDTH,
            supported_aspect_ratios=ratios,
        ),
        text_config=transformers.MllamaTextConfig(
            **LANGUAGE, cross_attention_layers=[1], rope_parameters={"rope_type": "default", "rope_theta": 10000.0}
        ),
        image_token_index=words.image_token_id,
    )
    processor = transformers.MllamaProcessor(
        transformers.MllamaImageProcessor(size=SQUARE, max_image_tiles=4), words, chat_template=template("<|image|>")
    )
    return transformers.MllamaForConditionalGeneration(config), processor


def molmo2():
    marks = ("im_patch", "im_col", "im_start", "low_res_im_start", "frame_start", "im_end", "frame_end", "im_low")
    words = tokenizer(image_token="<|image|>", video_token="<|video|>", **{f"{mark}_token": f"<{mark}>" for mark in marks})
    narrow = {"hidden_size": WIDTH, "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 8}
    config = transformers.Molmo2Config(
        vision_config=transformers.Molmo2VisionConfig(
            **narrow, intermediate_size=64, num_hidden_layers=2, image_size=[SIDE, SIDE], patch_size=PATCH
        ),
        adapter_config=transformers.Molmo2AdapterConfig(
            **narrow, vision_feature_layer=[-1, -2], intermediate_size=64, text_hidden_size=WIDTH
        ),
        text_config=transformers.Molmo2TextConfig(
            **{**LANGUAGE, "vocab_size": words.im_patch_token_id}, additional_vocab_size=32, head_dim=8
        ),
        image_patch_id=words.im_patch_token_id,
        image_start_token_id=words.im_start_token_id,
        low_res_image_start_token_id=words.low_res_im_start_token_id,
        image_end_token_id=words.im_end_token_id,
        frame_start_token_id=words.frame_start_token_id,
        frame_end_token_id=words.frame_end_token_id,
    )
    processor = transformers.Molmo2Processor(
        transformers.Molmo2ImageProcessor(size=SQUARE, max_crops=2, overlap_margins=[0, 0], patch_size=PATCH),
        transformers.Molmo2VideoProcessor(size=SQUARE, patch_size=PATCH),
        words,
        chat_template=template("<|image|>"),
    )
    return transformers.Molmo2ForConditionalGeneration(config), processor


TILES = {
    "internvl": internvl,
    "aya_vision": aya_vision,
    "cohere2_vision": cohere2_vision,
    "llama4": llama4,
    "ovis2": ovis2,
    "mllama": mllama,
    "molmo2": molmo2,
}
