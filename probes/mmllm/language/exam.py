"""Can a language model read the drawn world's language? What it cannot read as text, no connector teaches it.

Each attribute is asked about a picture that is described in words. In a prototype, attributes were learned in jumps (the
camera at the majority's rate for 1,000 steps, perfectly at 1,400), so that a loss alone does not tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from affect_workbench.data.instruct.plan import Plan
from affect_workbench.data.instruct.vocabulary import Vocabulary, scenes_vocabulary
from affect_workbench.data.instruct.writers import sentence
from affect_workbench.data.synthetic.scenes import captions, sample_scenes
from affect_workbench.data.synthetic.scenes.captions import WORDS

PASSED = 0.95
"""Share of right answers at which the language model has learned an attribute."""


def text_exam(model: Any, tokenizer: Any, *, pictures: int = 200, seed: int = 1, batch: int = 200) -> dict[str, float]:
    """Attribute -> share of right answers about `pictures` fresh pictures, each described in one sentence.

    Args:
        model: a causal language model.
        tokenizer: its own, with a chat template.
        pictures: how many pictures each attribute is asked about.
        seed: of the pictures and the words that describe them.
        batch: questions answered at once.
    """
    vocabulary, rng = scenes_vocabulary(), np.random.default_rng([seed, 0xE])
    rows = sample_scenes(pictures, rng=rng)
    described = captions(rows, rng=rng, mentioned=np.ones((pictures, len(WORDS)), dtype=bool))
    asked, keys = [], []
    for name in vocabulary.words:
        for text, value in zip(described, rows[name], strict=True):
            asked.append(f"{text}\n{rng.choice(vocabulary.questions[name])}")
            keys.append((name, right_answers(vocabulary, name, value)))
    said = [
        text
        for start in range(0, len(asked), batch)
        for text in written(model, tokenizer, asked[start : start + batch], max_new_tokens=16)
    ]
    right = pd.Series([text in known for text, (_, known) in zip(said, keys, strict=True)])
    shares: Mapping[Any, float] = right.groupby([name for name, _ in keys], sort=False).mean().to_dict()
    return {str(name): float(share) for name, share in shares.items()}


def statement_exam(model: Any, tokenizer: Any, *, pictures: int = 1000, seed: int = 1, batch: int = 200) -> float:
    """Share of statements about described pictures that are judged rightly; half of them are true, so a half is a guess.

    No part of what has to be passed: a statement teaches one bit, an answer to a question many, and a small model learns the
    one long after the other.
    """
    vocabulary, rng = scenes_vocabulary(), np.random.default_rng([seed, 0xF])
    rows = sample_scenes(pictures, rng=rng).assign(image_id=[str(number) for number in range(pictures)])
    described = captions(rows, rng=rng, mentioned=np.ones((pictures, len(WORDS)), dtype=bool))
    turns = [turn for turn in Plan(vocabulary, ("questions",), 1, seed).turns(rows) if turn.task == "statement"]
    asked = [f"{text}\n{turn.question}" for text, turn in zip(described, turns, strict=True)]
    said = [
        text
        for start in range(0, len(asked), batch)
        for text in written(model, tokenizer, asked[start : start + batch], max_new_tokens=4)
    ]
    right = [str(rows[turn.about][at] == turn.claim) + "." for at, turn in enumerate(turns)]
    return float(np.mean([one == other for one, other in zip(said, right, strict=True)]))


def right_answers(vocabulary: Vocabulary, name: str, value: object) -> set[str]:
    """What counts as right about an attribute of a picture: each way to say its value."""
    ways = vocabulary.words[name].get(str(value))
    return {sentence(way.removeprefix("and ")) for way in ways} if ways else {vocabulary.absent}


def written(model: Any, tokenizer: Any, questions: Sequence[str], *, max_new_tokens: int) -> list[str]:
    """What a language model answers to texts, the likeliest token at each step."""
    read = tokenizer.apply_chat_template(
        [[{"role": "user", "content": question}] for question in questions],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        padding=True,
    )
    with torch.no_grad():
        ids = model.generate(
            **{name: read[name] for name in ("input_ids", "attention_mask")},
            max_new_tokens=max_new_tokens,
            do_sample=False,
            use_cache=True,
            pad_token_id=tokenizer.pad_token_id,
        )
    return [text.strip() for text in tokenizer.batch_decode(ids[:, read["input_ids"].shape[1] :], skip_special_tokens=True)]
