"""Which accuracies did TinyEmo report on its eight sets, and how far can each of them be believed?

Source: Gutierrez 2024, TinyEmo, https://arxiv.org/abs/2410.07062, Table VIII. Nothing here is computed; the paper gives no
seeds, no variance and no figure for a class.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_JOINT = "trained on EmotionROI, EmoSet and WEBEmo"
_TINYEMO = ("TinyEmo-700M (3 Syn.)", "TinyEmo-880M", "TinyEmo-1.53B (3 Syn.)", "TinyEmo-3.21B")
MODELS = (*_TINYEMO, "EmoVIT 7.91B", "CLIP ViT-B/32 zero-shot")
HEADLINE_NOTE = (
    "reported figures come without seeds, variance or intervals, and two of TinyEmo's four headline averages do not match "
    "the means of its own table"
)


@dataclass(frozen=True)
class ReportedSet:
    """One column of the table.

    Attributes:
        name: short name, as in `data.datasets.layouts`.
        title: what the set is called in print.
        taxonomy: name of its labels' taxonomy.
        percent: accuracy of each of `MODELS`, None where the table has none.
        grey: whether the TinyEmo models were trained on this set (printed in grey in the paper).
        note: what contaminates or weakens these figures, empty where nothing is known.
    """

    name: str
    title: str
    taxonomy: str
    percent: tuple[float | None, ...]
    grey: bool = False
    note: str = ""

    def rows(self) -> list[tuple[str, float, bool]]:
        """Model, accuracy 0 to 1, and whether the model was trained on this set, where there is a figure."""
        return [
            (model, percent / 100, self.grey and model in _TINYEMO)
            for model, percent in zip(MODELS, self.percent, strict=True)
            if percent is not None
        ]


SETS: Mapping[str, ReportedSet] = MappingProxyType(
    {
        item.name: item
        for item in (
            ReportedSet(
                "emotionroi",
                "EmotionROI",
                "ekman6",
                (71.72, 67.68, 71.04, 70.54, 53.87, 42.17),
                True,
                f"not zero-shot for TinyEmo, which was {_JOINT}",
            ),
            ReportedSet(
                "emoset",
                "EmoSet",
                "mikels8",
                (82.67, 83.45, 83.92, 83.82, 83.36, None),
                True,
                f"not zero-shot for TinyEmo, which was {_JOINT}",
            ),
            ReportedSet(
                "webemo",
                "WEBEmo",
                "webemo25",
                (35.77, 40.14, 39.65, 41.41, 21.12, 11.25),
                True,
                f"not zero-shot for TinyEmo, which was {_JOINT}",
            ),
            ReportedSet(
                "emotion6",
                "Emotion6",
                "ekman6",
                (73.40, 70.37, 76.09, 77.27, 57.81, 46.53),
                False,
                "contaminated: Emotion6 and EmotionROI, on which TinyEmo was trained, are very probably the same pictures; "
                "TinyEmo's validation set here is its test set",
            ),
            ReportedSet(
                "fi",
                "FI",
                "mikels8",
                (64.16, 60.47, 63.19, 63.10, 68.09, 49.97),
                False,
                "TinyEmo's validation set here is its test set",
            ),
            ReportedSet("artphoto", "ArtPhoto", "mikels8", (39.83, 41.19, 40.94, 40.20, 44.90, None)),
            ReportedSet("abstract", "Abstract", "mikels8", (28.32, 27.88, 27.43, 36.73, 32.34, None)),
            ReportedSet(
                "unbiasedemo",
                "UnbiasedEmo",
                "parrott6",
                (82.40, 76.29, 71.00, 64.11, 74.72, None),
                False,
                "the joint run of TinyEmo chose its epoch on the test set of UnbiasedEmo",
            ),
        )
    }
)
"""The eight sets by short name, in the order of the table."""


def set_named(name: str) -> ReportedSet | None:
    """The set that a folder name stands for (`EmoSet-118K`, `emotion6_features`, `FI`), None where it is no one of them."""
    words = re.split(r"[^a-z0-9]+", name.casefold())
    joined = "".join(words)
    for short, item in SETS.items():
        # Two letters are in many words: FI must stand alone.
        if short in words or (len(short) > 2 and joined.startswith(short)):
            return item
    return None
