"""Which small text models are tested with? Real architectures of transformers, saved by `save_pretrained`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.runtime import declare_torchvision_operators

declare_torchvision_operators()
from transformers import (  # noqa: E402  the operators come first: that is what the call is for
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

EKMAN = Taxonomy.named("ekman6")


WORDS = ["[PAD]", "[UNK]", "<s>", "[SEP]", *EKMAN.labels, "an", "image", "expressing", "emotion"]


TEMPLATE = "an image expressing {} emotion"


def tokenizer(*, left: bool = False, closing: bool = False) -> PreTrainedTokenizerFast:
    """Word by word, with a token that begins the sequence, as LLMs have, and one that closes it, as BERT has."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    single = "<s> $A [SEP]" if closing else "<s> $A"
    words.post_processor = processors.TemplateProcessing(single=single, special_tokens=[("<s>", 2), ("[SEP]", 3)])
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        bos_token="<s>",
        eos_token="[SEP]",
        unk_token="[UNK]",
        pad_token="[PAD]",
        padding_side="left" if left else "right",
    )


def llama() -> LlamaForCausalLM:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(WORDS),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            pad_token_id=0,
            bos_token_id=2,
            eos_token_id=3,
        )
    )


def gpt2() -> GPT2LMHeadModel:
    return GPT2LMHeadModel(GPT2Config(vocab_size=len(WORDS), n_positions=16, n_embd=16, n_layer=1, n_head=2))


def bert() -> BertModel:
    return BertModel(
        BertConfig(vocab_size=len(WORDS), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2)
    )


def saved(model: torch.nn.Module, folder: Path, *, shard: str = "1GB", **options: bool) -> str:
    model.save_pretrained(folder, max_shard_size=shard)
    tokenizer(**options).save_pretrained(folder)
    return str(folder)


def unit(vectors: torch.Tensor) -> np.ndarray:
    return torch.nn.functional.normalize(vectors, dim=1).detach().numpy()
