"""A small tokenizer as language models have them: bytes, merged where texts about emotion repeat them."""

from __future__ import annotations

from functools import cache

import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

CORPUS = (
    "What emotion does this picture show? Answer with one word.",
    "How does this image feel: anger, disgust, fear, joy, sadness, surprise or neutral?",
    "The person in the picture is angry, happy, sad, afraid, surprised, disgusted, calm.",
    "amusement anger awe contentment disgust excitement fear sadness joy surprise neutral",
    " anger disgust fear joy sadness surprise neutral user assistant I cannot tell. yes no",
)
VOCABULARY = 480
"""Bytes, merges and special tokens together; what a model's table needs."""

TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}{% endif %}{% endfor %}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


@cache
def _trained() -> str:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=["<pad>", "<s>", "</s>", "<unk>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer.to_str()


def tokenizer(**special: str) -> transformers.PreTrainedTokenizerFast:
    """The tokenizer, with a family's special tokens: `image_token="<image>"` becomes an attribute and an id."""
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(_trained()),
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        padding_side="right",
        extra_special_tokens=special,
    )


def template(image: str) -> str:
    """A chat template that writes `image` for a picture."""
    return TEMPLATE.replace("IMAGE", image)
