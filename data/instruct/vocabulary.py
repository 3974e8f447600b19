"""In which words is said what a picture shows, what is asked about it, and what of it may be called a cause?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from affect_workbench.data.synthetic.scenes.captions import WORDS
from affect_workbench.data.synthetic.scenes.emotions import COMBINATIONS, WEIGHTS
from affect_workbench.data.synthetic.scenes.world import ATTRIBUTES
from affect_workbench.data.tables.columns import column_words
from affect_workbench.data.taxonomies.taxonomy import closest

_MOST_VALUES = 60
"""Different values up to which a column of text is an attribute to talk about, and not a name or a note."""
CAPTION = "caption"
"""The column with a text about the picture, where a table has one."""

_SCENE_QUESTIONS = {
    "setting": ("Where was this picture taken?", "Which place is this?"),
    "light": ("What is the light like?", "Which time or sky is this?"),
    "weather": ("What is the weather like?", "Is there rain, snow or fog?"),
    "subject": ("What is in this picture?", "Who or what is shown?"),
    "figure_tone": ("What does the person's face look like?",),
    "held": ("What is the person holding?", "What is in the person's hands?"),
    "extras": ("What else is there?", "What is beside it?"),
    "camera": ("What kind of photo is this?", "How sharp is this picture?"),
}
_UNSAID = {"extras": "none", "held": "nothing"}
_ORDER = ("subject", "figure_tone", "held", "setting", "light", "weather", "extras")


@dataclass(frozen=True)
class Vocabulary:
    """Words for the attributes of pictures.

    Attributes:
        words: attribute -> value -> ways to say it, in the order of a caption.
        questions: attribute -> ways to ask for it.
        first: attribute whose words open a caption; empty where none does.
        unsaid: attribute -> value that captions do not mention.
        causes: attribute -> value -> emotion -> how strongly it speaks for it; None where no rule is known.
        combined: pairs of values that together speak for emotions more than each alone.
        named: attributes that may be named as a cause where no rule is known.
        absent: what is answered about an attribute that the picture does not have.
        common: attribute -> value -> how often pictures show it; all alike where nothing is said. False statements claim
            values as often: were all claimed alike, a rare one would be false nine times in ten, and who never looks could
            tell.
    """

    words: Mapping[str, Mapping[str, tuple[str, ...]]]
    questions: Mapping[str, tuple[str, ...]]
    first: str = ""
    unsaid: Mapping[str, str] = field(default_factory=dict)
    causes: Mapping[str, Mapping[str, Mapping[str, float]]] | None = None
    combined: Sequence[tuple[Mapping[str, str], Mapping[str, float]]] = ()
    named: tuple[str, ...] = ()
    absent: str = "There is none."
    common: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def shown(self, row: Mapping[str, object]) -> dict[str, str]:
        """Attribute -> value, of what is known of a picture and has words."""
        values = {name: row.get(name) for name in self.words}
        return {name: str(value) for name, value in values.items() if str(value) in self.words[name]}

    def all_words(self) -> set[str]:
        """Every single word that names some value of an attribute."""
        return {
            word
            for values in self.words.values()
            for ways in values.values()
            for way in ways
            for word in way.lower().split()
        }

    def causes_of(self, row: Mapping[str, object], emotion: str) -> tuple[str, ...]:
        """Attributes of what the picture shows that speak for the emotion, the strongest first; in order without a rule."""
        shown = self.shown(row)
        if self.causes is None:
            return tuple(name for name in self.named if name in shown)
        weights = {name: self.causes.get(name, {}).get(value, {}).get(emotion, 0.0) for name, value in shown.items()}
        for where, added in self.combined:
            if all(shown.get(name) == value for name, value in where.items()):
                for name in where:
                    weights[name] += added.get(emotion, 0.0)
        return tuple(sorted((name for name, weight in weights.items() if weight > 0), key=lambda name: -weights[name]))


def is_drawn_world(rows: pd.DataFrame) -> bool:
    """Whether the columns are those of the drawn world, with its values."""
    return all(
        name in rows and set(rows[name].dropna().astype(str)) <= {value for value, _ in levels}
        for name, levels in ATTRIBUTES.items()
    )


def scenes_vocabulary() -> Vocabulary:
    """The words of the drawn world; its causes are those of its rule."""
    return Vocabulary(
        {name: WORDS[name] for name in (*_ORDER, "camera")},
        _SCENE_QUESTIONS,
        first="camera",
        unsaid=_UNSAID,
        causes=WEIGHTS,
        combined=COMBINATIONS,
        absent="There is no person.",
        common={name: dict(levels) for name, levels in ATTRIBUTES.items()},
    )


def attribute_vocabulary(rows: pd.DataFrame, attributes: Sequence[str], *, causes: Sequence[str] = ()) -> Vocabulary:
    """Words for the attributes of any table: `scene beach`, `weather rainy`; numbers and columns of many values stay out.

    Args:
        rows: one row a picture.
        attributes: names of the columns.
        causes: those that may be named as a cause of an emotion; all that are talked about when not given.

    Raises:
        ValueError: an attribute that is no column, or a cause that is none to talk about.
    """
    words: dict[str, Mapping[str, tuple[str, ...]]] = {}
    common: dict[str, Mapping[str, int]] = {}
    for name in attributes:
        if name not in rows:
            raise ValueError(f"--attributes names {name!r}, which is no column: {closest(name, map(str, rows.columns))}")
        values = rows[name].dropna()
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            continue
        counts = Counter(sorted(map(str, values)))
        if name != CAPTION and 1 <= len(counts) <= _MOST_VALUES:
            words[name] = {value: (f"{column_words(name)} {column_words(value)}",) for value in counts}
            common[name] = counts
    for name in causes:
        if name not in words:
            raise ValueError(f"--causes names {name!r}, which is no column of text with few values: {closest(name, words)}")
    questions = {name: (f"What is the {column_words(name)} of this picture?",) for name in words}
    return Vocabulary(words, questions, named=tuple(causes) or tuple(words), common=common)
