"""What does a language model read to learn the drawn world's language: pictures described in words, with conversations?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.data.instruct.plan import Plan, records_of
from affect_workbench.data.instruct.records import InstructRecord
from affect_workbench.data.instruct.vocabulary import scenes_vocabulary
from affect_workbench.data.instruct.writers import RulesWriter
from affect_workbench.data.synthetic.scenes import annotate, captions, sample_scenes
from affect_workbench.data.synthetic.scenes.captions import WORDS
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.mmllm.examples import chat_of, lessons, tokenised
from affect_workbench.probes.mmllm.language import new_tokenizer

_WITH_PERSON = 1 / 3
"""Share of pictures that are of a person for sure: only persons have a tone and hold something."""
_IN_PART = 1 / 2
"""Share of pictures that are described in part, and asked about this part only: what is to be found stands out there."""
_TOKENIZER_PICTURES = 2_000


def world_examples(pictures: int, *, seed: int = 0) -> tuple[Any, list[dict[str, list[int]]]]:
    """A tokenizer of the world's words, and conversations about pictures that no eye sees, as `examples.tokenised` gives them.

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
    persons = round(_WITH_PERSON * pictures)
    sides = [sample_scenes(pictures - persons, rng=rng), sample_scenes(persons, rng=rng, fixed={"subject": "person"})]
    scenes = pd.concat(sides, ignore_index=True).iloc[rng.permutation(pictures)].reset_index(drop=True)
    rows = pd.concat([scenes, annotate(scenes, rng=rng)], axis=1)
    rows = rows.assign(image_id=[f"{number:06d}" for number in range(len(rows))], path="", content="")
    share = np.where(rng.random(pictures) < _IN_PART, rng.uniform(0.2, 0.8, pictures), 1.0)
    said = rng.random((pictures, len(WORDS))) < share[:, None]
    described = dict(zip(rows["image_id"], captions(rows, rng=rng, mentioned=said), strict=True))
    known = {one: dict(zip(WORDS, row, strict=True)) for one, row in zip(rows["image_id"], said, strict=True)}
    whole = dict(zip(rows["image_id"], said.all(axis=1), strict=True))
    vocabulary = scenes_vocabulary()
    turns = [
        turn
        for turn in Plan(vocabulary, questions=len(vocabulary.words), seed=seed).turns(rows)
        if whole[turn.image_id] or (turn.about and known[turn.image_id][turn.about] and known[turn.image_id]["subject"])
    ]
    writer = RulesWriter(rows, vocabulary, Taxonomy.named("ekman6"), seed=seed)
    return described, records_of(turns, writer.written(turns), rows, (writer.name, writer.model), seed=seed)[0]
