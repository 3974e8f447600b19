"""What language model can learn the drawn world's language in minutes: its tokenizer and its sizes?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from affect_workbench.probes.mmllm.templates import IMAGE_TOKEN, template_for

SPECIAL = ("<pad>", "<s>", "</s>", IMAGE_TOKEN, "<user>", "<assistant>")


@dataclass(frozen=True)
class LanguageSize:
    """Sizes of a small Llama."""

    hidden_size: int = 128
    intermediate_size: int = 384
    num_hidden_layers: int = 4
    num_attention_heads: int = 4
    max_position_embeddings: int = 512


def new_tokenizer(texts: Iterable[str], *, size: int = 1024) -> Any:
    """A byte-level BPE tokenizer learned from these texts: their words are one token each, any other text is spelled out.

    Args:
        texts: what it learns from.
        size: the most tokens that it may have.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    pad, start, end, image, *roles = SPECIAL
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=pad,
        bos_token=start,
        eos_token=end,
        extra_special_tokens={"image_token": image, "user_token": roles[0], "assistant_token": roles[1]},
        model_max_length=LanguageSize.max_position_embeddings,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
    made.chat_template = template_for(made, "tiny")[1]
    return made


def new_language_model(tokenizer: Any, size: LanguageSize = LanguageSize()) -> Any:
    """A Llama that knows nothing yet, for this tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        **asdict(size),
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config)
