"""What does a language model read to learn the drawn world's language: pictures described in words, with conversations?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.arrays import Mask
from affect_workbench.data.instruct.plan import Plan, records_of
from affect_workbench.data.instruct.records import InstructRecord
from affect_workbench.data.instruct.vocabulary import scenes_vocabulary
from affect_workbench.data.instruct.writers import RulesWriter
from affect_workbench.data.synthetic.scenes import annotate, captions, sample_scenes
from affect_workbench.data.synthetic.scenes.captions import WORDS
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.mmllm.examples import chat_of, lessons, tokenised
from affect_workbench.probes.mmllm.language.model import new_tokenizer

_IN_PART = 1 / 2
"""Share of pictures that are described in part, all of persons, and asked about two things that are said. What is to be
found stands out there; tones, which no other attribute's words help to find, are one of the two wherever they are said."""
_HARDEST = "figure_tone"
_TOKENIZER_PICTURES = 2_000


def world_examples(pictures: int, *, seed: int = 0) -> tuple[Any, list[dict[str, list[int]]]]:
    """A tokenizer of the world's words, and what is learned of described pictures, as `examples.tokenised` gives it.

    Args:
        pictures: how many pictures are described.
        seed: of contents, labels and words.
    """
    described, records = world_conversations(pictures, seed=seed)
    known = set(list(described)[:_TOKENIZER_PICTURES])
    texts = [text for one in records if one.image_id in known for turn in one.turns for text in (turn.question, turn.answer)]
    tokenizer = new_tokenizer([*texts, *(described[one] for one in known)])
    chats = [chat_of(lesson, instead=described[one.image_id]) for one in records for lesson in lessons(one)]
    return tokenizer, tokenised(tokenizer, tokenizer.chat_template, chats)


def world_conversations(pictures: int, *, seed: int = 0) -> tuple[dict[str, str], list[InstructRecord]]:
    """Descriptions of pictures by their ids, and the rules' conversations about what each description says."""
    rng = np.random.default_rng(seed)
    in_part = round(_IN_PART * pictures)
    sides = [sample_scenes(pictures - in_part, rng=rng), sample_scenes(in_part, rng=rng, fixed={"subject": "person"})]
    scenes = pd.concat(sides, ignore_index=True)
    rows = pd.concat([scenes, annotate(scenes, rng=rng)], axis=1)
    rows = rows.assign(image_id=[f"{number:06d}" for number in range(len(rows))], path="", content="")
    share = np.concatenate([np.ones(pictures - in_part), rng.uniform(0.2, 0.8, in_part)])
    said = rng.random((pictures, len(WORDS))) < share[:, None]
    described = dict(zip(rows["image_id"], captions(rows, rng=rng, mentioned=said), strict=True))
    asked = {one: _asked(row, rng) for one, row in zip(rows["image_id"], said, strict=True)}
    vocabulary = scenes_vocabulary()
    turns = [
        turn
        for turn in Plan(vocabulary, questions=len(vocabulary.words), seed=seed).turns(rows)
        if len(asked[turn.image_id]) == len(WORDS) or turn.about in asked[turn.image_id]
    ]
    writer = RulesWriter(rows, vocabulary, Taxonomy.named("ekman6"), seed=seed)
    return described, records_of(turns, writer.written(turns), rows, (writer.name, writer.model), seed=seed)[0]


def _asked(said: Mask, rng: np.random.Generator) -> set[str]:
    """The attributes that are asked about where these are said."""
    names = [name for name, one in zip(WORDS, said, strict=True) if one]
    if len(names) == len(WORDS):
        return set(names)
    chosen = [*(name for name in names if name == _HARDEST), *rng.permutation([name for name in names if name != _HARDEST])]
    return set(chosen[:2])
