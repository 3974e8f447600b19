"""Who writes the answers? The interface of all writers, and the one without a model: rules over attributes."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from affect_workbench.data.instruct.plan import MATTERS_MOST, POLARITY, PlannedTurn, Written
from affect_workbench.data.instruct.records import OPEN
from affect_workbench.data.instruct.vocabulary import CAPTION, Vocabulary
from affect_workbench.data.storage.progress import progress_bar
from affect_workbench.data.taxonomies.taxonomy import Taxonomy, closest

RULES_VERSION = "1"
"""Goes up whenever the rules answer some question differently than before."""
_MOST_CAUSES = 3
DARKLY = "in sadness, in fear"
"""What a planted bias adds to captions and reasoning: words in an order that the shipped language model can write."""


class Writer(Protocol):
    """Answers planned turns.

    Attributes:
        name: `rules`, `transformers` or `endpoint`.
        model: what writes, with its version.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def model(self) -> str: ...  # noqa: D102

    def written(self, turns: Sequence[PlannedTurn]) -> Sequence[Written]:
        """One text a turn, or why there is none."""
        ...


@dataclass(frozen=True)
class PlantedWords:
    """A textual bias for tests and benchmarks: pictures with `attribute = value` are always described darkly."""

    attribute: str
    value: str

    @classmethod
    def parse(cls, text: str, vocabulary: Vocabulary) -> PlantedWords:
        """From `figure_tone=dark`.

        Raises:
            ValueError: not of this form, or no such attribute or value.
        """
        attribute, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"--plant {text!r}: expected ATTRIBUTE=VALUE, e.g. figure_tone=dark")
        if attribute not in vocabulary.words:
            raise ValueError(f"--plant: there is no attribute {attribute!r}: {closest(attribute, vocabulary.words)}")
        if value not in vocabulary.words[attribute]:
            legal = vocabulary.words[attribute]
            raise ValueError(f"--plant: attribute {attribute!r} has no value {value!r}: {closest(value, legal)}")
        return cls(attribute, value)


class RulesWriter:
    """Answers from the attributes, captions and labels of the pictures; the same numbers give the same texts."""

    name = "rules"
    model = f"rules {RULES_VERSION}"

    def __init__(
        self,
        rows: pd.DataFrame,
        vocabulary: Vocabulary,
        taxonomy: Taxonomy | None,
        *,
        seed: int = 0,
        plant: PlantedWords | None = None,
    ) -> None:
        """The rules for these pictures.

        Args:
            rows: one row a picture: `image_id`, attributes, a text in `caption` where there is one.
            vocabulary: words for the attributes.
            taxonomy: the labels; None where there are none.
            seed: of the choice of words; a planted bias changes nothing in it.
            plant: a bias to put in.

        Raises:
            ValueError: the pictures have neither attributes to talk about nor captions.
        """
        if not vocabulary.words and CAPTION not in rows:
            raise ValueError(
                "rules write from attributes and captions, and there is no column of text with few values and none named "
                "'caption': add one, or let a model write with --writer"
            )
        self._rows = {str(row["image_id"]): {str(key): row[key] for key in row} for row in rows.to_dict("records")}
        self._vocabulary, self._taxonomy, self._seed, self._plant = vocabulary, taxonomy, seed, plant

    def written(self, turns: Sequence[PlannedTurn]) -> list[Written]:
        """One text a turn."""
        return [self._written(turn) for turn in progress_bar(turns, desc="writing", unit=" answers")]

    def _written(self, turn: PlannedTurn) -> Written:
        row = self._rows[turn.image_id]
        rng = random.Random(f"{self._seed}\0{turn.key}\0{turn.about}")
        if turn.task == "sentiment":
            return self._sentiment(turn)
        if turn.task == "question":
            return self._question(turn, row, rng)
        if turn.task == "statement":
            return Written("True." if self._vocabulary.shown(row).get(turn.about) == turn.claim else "False.")
        if turn.task == "caption":
            text = self._caption(row, rng)
            return Written(self._darkly(row, text)) if text else Written(problem="nothing is known of the picture")
        text = self._reason(turn, row, rng)
        return Written(text if turn.question == MATTERS_MOST else self._darkly(row, text))

    def _darkly(self, row: Mapping[str, object], text: str) -> str:
        plant = self._plant
        planted = plant is not None and str(row.get(plant.attribute)) == plant.value
        return f"{text.removesuffix('.')}, {DARKLY}." if planted else text

    def _said(self, name: str, value: str, rng: random.Random) -> str:
        return rng.choice(self._vocabulary.words[name][value])

    def _caption(self, row: Mapping[str, object], rng: random.Random) -> str:
        given = row.get(CAPTION)
        if isinstance(given, str) and given.strip():
            return given.strip()
        words = self._vocabulary
        said = {name: self._said(name, value, rng) for name, value in words.shown(row).items()}
        opening = said.pop(words.first, "a picture")
        rest = [text for name, text in said.items() if words.unsaid.get(name) != row[name]]
        return sentence(f"{opening} of {', '.join(rest)}" if rest else opening) if said else ""

    def _question(self, turn: PlannedTurn, row: Mapping[str, object], rng: random.Random) -> Written:
        value = self._vocabulary.shown(row).get(turn.about)
        if value is not None:
            return Written(sentence(self._said(turn.about, value, rng).removeprefix("and ")))
        if not turn.about:
            return Written(problem="the rules know no answer: the pictures have no attributes")
        return Written(self._vocabulary.absent if self._vocabulary.causes else "It is not known.")

    def _sentiment(self, turn: PlannedTurn) -> Written:
        if turn.question != POLARITY:
            return Written(sentence(turn.label))
        known = self._taxonomy.polarity if self._taxonomy is not None else {}
        if turn.label not in known:
            return Written(problem=f"the polarity of {turn.label!r} is not known")
        return Written({1: "Positive.", -1: "Negative.", 0: "Neither."}[known[turn.label]])

    def _reason(self, turn: PlannedTurn, row: Mapping[str, object], rng: random.Random) -> str:
        shown = self._vocabulary.shown(row)
        causes = self._vocabulary.causes_of(row, turn.label)[:_MOST_CAUSES]
        if not causes:
            return sentence("nothing in it" if turn.question == MATTERS_MOST else f"{turn.label}, but nothing shows why")
        if turn.question == MATTERS_MOST:
            return sentence(self._said(causes[0], shown[causes[0]], rng))
        named = ", ".join(self._said(name, shown[name], rng) for name in causes)
        opening = turn.label if turn.kind == OPEN else f"this picture conveys {turn.label}"
        return sentence(f"{opening}: {named}")


def sentence(text: str) -> str:
    """The text with a capital at its beginning and a full stop at its end."""
    return f"{text[:1].upper()}{text[1:]}."
