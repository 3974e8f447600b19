"""Where do tests get conversations about pictures from, and stand-ins that answer, of which all is known?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
from PIL.Image import Image

from affect_workbench.data.instruct.folder import vocabulary_of
from affect_workbench.data.instruct.plan import Plan, records_of
from affect_workbench.data.instruct.records import DESCRIBED, LABEL_LINE, InstructRecord, Turn
from affect_workbench.data.instruct.vocabulary import scenes_vocabulary
from affect_workbench.data.instruct.writers import PlantedWords, RulesWriter, sentence
from affect_workbench.data.synthetic.scenes import annotate, emotion_probabilities, region, sample_scenes
from affect_workbench.data.synthetic.scenes.emotions import EMOTIONS
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

EKMAN = Taxonomy.named("ekman6")
VOCABULARY = scenes_vocabulary()
ATTRIBUTE_OF = {question: name for name, ways in VOCABULARY.questions.items() for question in ways}
Row = Mapping[str, object]
Model = Callable[[Sequence[Image], Sequence[str]], list[str]]


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


def said(name: str, row: Row) -> str:
    """How a value of a picture is said."""
    return VOCABULARY.words[name][str(row[name])][0].removeprefix("and ")


def felt(row: Row) -> str:
    """The likeliest emotion by the rule of the drawn world."""
    return _felt(tuple(row[name] for name in VOCABULARY.words))


@lru_cache(maxsize=10_000)
def _felt(values: tuple[object, ...]) -> str:
    scene = pd.DataFrame([dict(zip(VOCABULARY.words, values, strict=True))])
    return EMOTIONS[int(emotion_probabilities(scene).argmax())]


def answer(row: Row, question: str, *, hidden: Sequence[str] = (), obeys: bool = True) -> str:
    """What somebody says who knows the picture, but for what is hidden."""
    seen = {name: value for name, value in VOCABULARY.shown(row).items() if name not in hidden}
    if question in ATTRIBUTE_OF:
        name = ATTRIBUTE_OF[question]
        return sentence(said(name, row)) if name in seen else VOCABULARY.absent
    if question.startswith("True or false: "):
        claim = question.removeprefix("True or false: ").removesuffix(".")
        true = any(claim in VOCABULARY.words[name][value] for name, value in seen.items())
        return "True." if true else "False."
    first, _, rest = question.partition("\n")
    if rest or question.startswith("Which emotion"):
        label = first.removeprefix(LABEL_LINE) if rest and obeys else felt(row)
        causes = [name for name in VOCABULARY.causes_of(row, label) if name in seen]
        named = ", ".join(said(name, row) for name in causes) or "nothing in it"
        return sentence(f"{label}: {named}")
    return sentence(", ".join(said(name, row) for name in seen))


class Seer:
    """Looks at the picture: finds which one it is, and which of its regions are as they were drawn; then tells the truth."""

    def __init__(self, rows: pd.DataFrame, pictures: Mapping[str, Image], seeds: Mapping[str, int], *, obeys: bool = True):
        known = rows.astype(object).where(rows.notna(), None)
        self._rows = {str(row["image_id"]): row for row in known.to_dict("records")}
        self._pixels = {one: np.asarray(pictures[one]) for one in self._rows}
        self._known = {pixels.tobytes(): one for one, pixels in self._pixels.items()}
        self._seeds, self._obeys = seeds, obeys
        self._regions: dict[tuple[str, str], np.ndarray] = {}
        self.asked = 0

    def __call__(self, pictures: Sequence[Image], questions: Sequence[str]) -> list[str]:
        self.asked += len(questions)
        return [self._answer(np.asarray(one), question) for one, question in zip(pictures, questions, strict=True)]

    def _answer(self, pixels: np.ndarray, question: str) -> str:
        one = self._known.get(pixels.tobytes())
        if one is not None:
            return answer(self._rows[one], question, obeys=self._obeys)
        alike = {name: (own == pixels).all(axis=2) for name, own in self._pixels.items()}
        one = max(alike, key=lambda name: alike[name].sum())
        if alike[one].mean() < 0.2:
            return "Nothing can be seen."
        row = self._rows[one]
        hidden = [name for name in VOCABULARY.shown(row) if self._hides(one, name, alike[one])]
        return answer(row, question, hidden=hidden, obeys=self._obeys)

    def _hides(self, one: str, name: str, alike: np.ndarray) -> bool:
        own = self._region(one, name)
        return bool(own.any()) and not alike[own].any()

    def _region(self, one: str, name: str) -> np.ndarray:
        if (one, name) not in self._regions:
            self._regions[one, name] = region(self._rows[one], name, seed=self._seeds[one])
        return self._regions[one, name]


def blind(pictures: Sequence[Image], questions: Sequence[str]) -> list[str]:
    """Never looks: the same answer to the same question."""
    one = {"setting": "beach", "light": "sunny", "weather": "clear", "subject": "person", "figure_tone": "light"}
    one |= {"held": "gift", "extras": "none", "camera": "sharp"}
    return [answer(one, question) for question in questions]
