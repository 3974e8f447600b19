"""Where do tests get conversations about pictures from, of whose every answer is known what is wrong with it?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from affect_workbench.data.instruct.folder import vocabulary_of
from affect_workbench.data.instruct.plan import Plan, records_of
from affect_workbench.data.instruct.records import DESCRIBED, InstructRecord, Turn
from affect_workbench.data.instruct.writers import PlantedWords, RulesWriter
from affect_workbench.data.synthetic.scenes import annotate, sample_scenes
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

EKMAN = Taxonomy.named("ekman6")


def scene_rows(n: int, *, seed: int = 0) -> pd.DataFrame:
    """Contents and labels of drawn pictures, as a manifest has them; no picture is drawn."""
    rng = np.random.default_rng(seed)
    scenes = sample_scenes(n, rng=rng)
    ids = [f"p{number:04d}" for number in range(n)]
    files = pd.DataFrame({"image_id": ids, "path": [f"pictures/{one}.png" for one in ids], "content": ids})
    return pd.concat([files, scenes, annotate(scenes, rng=rng)], axis=1)


def by_rules(rows: pd.DataFrame, *, plant: str = "", seed: int = 0, **planned: object) -> list[InstructRecord]:
    """What the rules write about these pictures."""
    vocabulary = vocabulary_of(rows)
    planted = PlantedWords.parse(plant, vocabulary) if plant else None
    writer = RulesWriter(rows, vocabulary, EKMAN, seed=seed, plant=planted)
    turns = Plan(vocabulary, seed=seed, **planned).turns(rows)
    return records_of(turns, writer.written(turns), rows, (writer.name, writer.model), seed=seed)[0]


def conversation(
    *turns: tuple[str, str, str], image_id: str = "a", label: str | None = "joy", **more: str
) -> InstructRecord:
    """One about `a.png` by hand: (task, question, answer)."""
    given = {"id": f"{image_id}/{DESCRIBED}", "kind": DESCRIBED} | more
    answered = tuple(Turn(*turn) for turn in turns)
    return InstructRecord(given["id"], image_id, f"{image_id}.png", given["kind"], answered, label)
