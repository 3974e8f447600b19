"""Which parts are models composed of in tests? Small real towers and language models, saved by themselves."""

from __future__ import annotations

from pathlib import Path

from affect_workbench.probes.runtime import declare_torchvision_operators, seed_everything

declare_torchvision_operators()

_PART = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
_TEXTS = ("Why does this picture convey joy?", "A dog at the beach, on a sunny day.", "Predicted Label: joy")


def saved_tower(kind: str, folder: Path) -> str:
    """A tower `clip`, `siglip`, `dinov2` or `registers` with its image processor."""
    import transformers as tf

    seed_everything(3)
    grid = {"image_size": 32, "patch_size": 8}
    if kind == "clip":
        text = {**_PART, "vocab_size": 64, "bos_token_id": 1, "eos_token_id": 2}
        model = tf.CLIPModel(tf.CLIPConfig(vision_config={**_PART, **grid}, text_config=text))
        pictures = tf.CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    elif kind == "siglip":
        model = tf.SiglipVisionModel(tf.SiglipVisionConfig(**_PART, **grid))
        pictures = tf.SiglipImageProcessorPil(size={"height": 32, "width": 32})
    else:
        dino = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, **grid}
        if kind == "dinov2":
            model = tf.Dinov2Model(tf.Dinov2Config(**dino))
        else:
            model = tf.Dinov2WithRegistersModel(tf.Dinov2WithRegistersConfig(**dino))
        pictures = tf.BitImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    model.save_pretrained(folder)
    pictures.save_pretrained(folder)
    return str(folder)


def saved_language(kind: str, folder: Path, *, rows: int = 0) -> str:
    """A language model `llama`, `phi`, `qwen3` or `gpt2` with its tokenizer; `rows` of embeddings other than its tokens."""
    import transformers as tf

    from affect_workbench.probes.mmllm.language.model import new_tokenizer

    tokenizer = new_tokenizer(_TEXTS, size=320)
    seed_everything(4)
    size = {**_PART, "vocab_size": rows or len(tokenizer), "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    if kind == "llama":
        model = tf.LlamaForCausalLM(tf.LlamaConfig(**size))
    elif kind == "phi":
        model = tf.PhiForCausalLM(tf.PhiConfig(**size))
        model.lm_head.bias.data.normal_()
    elif kind == "qwen3":
        model = tf.Qwen3ForCausalLM(tf.Qwen3Config(**size, num_key_value_heads=2, head_dim=16, tie_word_embeddings=True))
    else:
        size = {"n_embd": 32, "n_layer": 2, "n_head": 2, "vocab_size": rows or len(tokenizer)}
        model = tf.GPT2LMHeadModel(tf.GPT2Config(**size, bos_token_id=1, eos_token_id=2))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
