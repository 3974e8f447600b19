"""LLaVA and what was built after it."""

from __future__ import annotations

import transformers

from tiny_multimodal.parts import LANGUAGE, PATCH, SIDE, SQUARE, VISION, WIDTH, clip, pixtral, siglip
from tiny_multimodal.text import template, tokenizer

GRID = [[SIDE, 2 * SIDE], [2 * SIDE, SIDE], [2 * SIDE, 2 * SIDE]]


def llava():
    words = tokenizer(image_token="<image>")
    config = transformers.LlavaConfig(
        vision_config=clip(),
        text_config=transformers.LlamaConfig(**LANGUAGE),
        image_token_index=words.image_token_id,
        image_seq_length=16,
    )
    return transformers.LlavaForConditionalGeneration(config), _llava_processor(words)


def vipllava():
    words = tokenizer(image_token="<image>")
    config = transformers.VipLlavaConfig(
        vision_config=clip(),
        text_config=transformers.LlamaConfig(**LANGUAGE),
        image_token_index=words.image_token_id,
        image_seq_length=16,
        vision_feature_layer=(-2, 0, 1),
    )
    return transformers.VipLlavaForConditionalGeneration(config), _llava_processor(words)


def _llava_processor(words):
    return transformers.LlavaProcessor(
        transformers.CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=SQUARE),
        words,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        chat_template=template("<image>\n"),
        num_additional_image_tokens=1,
    )


def llava_next():
    words = tokenizer(image_token="<image>")
    config = transformers.LlavaNextConfig(
        vision_config=clip(),
        text_config=transformers.LlamaConfig(**LANGUAGE),
        image_token_index=words.image_token_id,
        image_seq_length=16,
        image_grid_pinpoints=GRID,
    )
    processor = transformers.LlavaNextProcessor(
        transformers.LlavaNextImageProcessor(size={"shortest_edge": SIDE}, crop_size=SQUARE, image_grid_pinpoints=GRID),
        words,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        chat_template=template("<image>\n"),
        num_additional_image_tokens=1,
    )
    return transformers.LlavaNextForConditionalGeneration(config), processor


def llava_onevision():
    words = tokenizer(image_token="<image>", video_token="<video>")
    config = transformers.LlavaOnevisionConfig(
        vision_config=siglip(),
        text_config=transformers.Qwen2Config(**LANGUAGE),
        image_token_index=words.image_token_id,
        video_token_index=words.video_token_id,
        image_grid_pinpoints=GRID,
    )
    processor = transformers.LlavaOnevisionProcessor(
        transformers.LlavaOnevisionImageProcessor(size=SQUARE, image_grid_pinpoints=GRID),
        words,
        transformers.LlavaOnevisionVideoProcessor(size=SQUARE),
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        chat_template=template("<image>\n"),
    )
    return transformers.LlavaOnevisionForConditionalGeneration(config), processor


def llava_pixtral():
    words = _pixtral_words()
    config = transformers.LlavaConfig(
        vision_config=pixtral(),
        text_config=transformers.MistralConfig(**LANGUAGE),
        image_token_index=words.image_token_id,
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
    )
    return transformers.LlavaForConditionalGeneration(config), _pixtral_processor(words, SIDE, merge=1)


def mistral3():
    words = _pixtral_words()
    config = transformers.Mistral3Config(
        vision_config=pixtral(2 * SIDE),
        text_config=transformers.MistralConfig(**LANGUAGE),
        image_token_index=words.image_token_id,
        spatial_merge_size=2,
    )
    return transformers.Mistral3ForConditionalGeneration(config), _pixtral_processor(words, 2 * SIDE, merge=2)


def _pixtral_words():
    return tokenizer(image_token="[IMG]", image_break_token="[IMG_BREAK]", image_end_token="[IMG_END]")


def _pixtral_processor(words, side, *, merge):
    return transformers.PixtralProcessor(
        transformers.PixtralImageProcessor(patch_size={"height": PATCH, "width": PATCH}, size={"longest_edge": side}),
        words,
        patch_size=PATCH,
        spatial_merge_size=merge,
        chat_template=template("[IMG]"),
    )


def lighton_ocr():
    words = _pixtral_words()
    config = transformers.LightOnOcrConfig(
        vision_config=pixtral(2 * SIDE),
        text_config=transformers.Qwen3Config(**LANGUAGE, head_dim=8),
        image_token_id=words.image_token_id,
    )
    processor = transformers.LightOnOcrProcessor(
        transformers.PixtralImageProcessor(
            patch_size={"height": 2 * PATCH, "width": 2 * PATCH}, size={"longest_edge": 2 * SIDE}
        ),
        words,
        patch_size=PATCH,
        spatial_merge_size=2,
        chat_template=template("[IMG]"),
    )
    return transformers.LightOnOcrForConditionalGeneration(config), processor


def deepseek_vl():
    words = tokenizer(image_token="<image_placeholder>")
    config = transformers.DeepseekVLConfig(
        vision_config=siglip(), text_config=transformers.LlamaConfig(**LANGUAGE), image_token_id=words.image_token_id
    )
    processor = transformers.DeepseekVLProcessor(
        transformers.DeepseekVLImageProcessor(size=SQUARE),
        words,
        chat_template=template("<image_placeholder>"),
        num_image_tokens=16,
    )
    return transformers.DeepseekVLForConditionalGeneration(config), processor


def janus():
    words = tokenizer(image_token="<image_placeholder>", boi_token="<begin_of_image>", eoi_token="<end_of_image>")
    config = transformers.JanusConfig(
        vision_config=transformers.JanusVisionConfig(
            **{key: value for key, value in VISION.items() if key != "intermediate_size"},
            mlp_ratio=2.0,
            projection_dim=WIDTH,
            num_image_tokens=16,
        ),
        vq_config=transformers.JanusVQVAEConfig(
            latent_channels=32,
            base_channels=32,
            channel_multiplier=[1, 1],
            num_res_blocks=1,
            num_embeddings=16,
            num_patches=4,
            projection_dim=WIDTH,
            image_token_embed_dim=WIDTH,
        ),
        text_config=transformers.LlamaConfig(**LANGUAGE),
        image_token_id=words.image_token_id,
    )
    processor = transformers.JanusProcessor(
        transformers.JanusImageProcessor(size=SQUARE),
        words,
        chat_template=template("<image_placeholder>"),
        num_image_tokens=16,
    )
    return transformers.JanusForConditionalGeneration(config), processor


LLAVA = {
    "llava": llava,
    "vipllava": vipllava,
    "llava_pixtral": llava_pixtral,
    "mistral3": mistral3,
    "lighton_ocr": lighton_ocr,
    "llava_next": llava_next,
    "llava_onevision": llava_onevision,
    "deepseek_vl": deepseek_vl,
    "janus": janus,
}
