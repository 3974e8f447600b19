"""What did people answer when they were asked which pictures have a concept, and what follows where several were asked?

A file of answers is a CSV with a row for each picture and annotator, made to be committed and shared:

    concept      what was asked, a concept's name
    image_id     the picture
    answer       yes, no or unsure
    annotator    the name that the person typed
    time         when, ISO 8601 in UTC
    stratum      the cell of the sample that the picture was drawn from
    probability  of having been drawn for labelling

Written by `workbench label` and the app. One made by hand needs `image_id` and `answer` only (and `concept`, where there are
several); pictures are then taken for a simple random sample.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.arrays import Floats
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.delimited import read_cells
from affect_workbench.data.tables.read import named
from affect_workbench.data.taxonomies.label_identity import label_set, plain

YES, NO, UNSURE = "yes", "no", "unsure"
ANSWERS = (YES, NO, UNSURE)
ANSWER_COLUMNS = ("concept", "image_id", "answer", "annotator", "time", "stratum", "probability")
_MISSING: dict[str, Any] = {"concept": "", "annotator": "somebody", "time": "", "stratum": 0, "probability": np.nan}


@dataclass(frozen=True)
class GoldLabels:
    """The answers about one concept, one a picture.

    Attributes:
        concept: what was asked; "" where the file does not say.
        table: one row a picture that anybody answered about: `image_id`, `yes`, `no` and `unsure` (how many said so), `gold`
            (1 or 0 by majority of yes and no, NaN for a tie or where all were unsure), and `probability` (NaN where the
            sample is not known).
        annotators: who answered.
    """

    concept: str
    table: pd.DataFrame
    annotators: tuple[str, ...]

    @property
    def decided(self) -> int:
        """Pictures with an answer that is yes or no."""
        return int(self.table["gold"].notna().sum())

    def of(self, image_ids: pd.Series) -> tuple[Floats, Floats | None]:
        """Gold and sampling weights `(n,)` of these pictures, NaN where there is none; None for equal weights."""
        found = self.table.set_index("image_id").reindex(image_ids.astype(str))
        gold = found["gold"].to_numpy(np.float64)
        probability = found["probability"].to_numpy(np.float64)
        return gold, None if np.isnan(self.table["probability"]).all() else 1 / probability

    def notes(self, image_ids: pd.Series) -> list[str]:
        """What a reader must know of these answers, a sentence each."""
        unsure = int((self.table["gold"].isna() & (self.table["yes"] + self.table["no"] == 0)).sum())
        tied = int((self.table["gold"].isna() & (self.table["yes"] + self.table["no"] > 0)).sum())
        strangers = self.table.loc[~self.table["image_id"].isin(image_ids.astype(str)), "image_id"]
        sentences = [
            f"{self.decided:,} pictures were labelled by {len(self.annotators)} "
            f"{'person' if len(self.annotators) == 1 else 'people'}."
        ]
        if unsure or tied:
            parts = [f"{unsure:,} that nobody was sure about"] * bool(unsure) + [f"{tied:,} with a tie"] * bool(tied)
            sentences.append(
                f"Left out: {' and '.join(parts)}; if these differ from the others, the computed rates are off."
            )
        if len(strangers):
            sentences.append(
                f"{plural(len(strangers), 'labelled picture is', 'labelled pictures are')} "
                f"not in this audit, first {named(strangers)}."
            )
        if np.isnan(self.table["probability"]).all():
            sentences.append("How the pictures were chosen is not known: they are taken for a simple random sample.")
        return sentences


def read_answers(paths: Sequence[Path | str]) -> pd.DataFrame:
    """The answers of one or several files, `ANSWER_COLUMNS`; of two about one picture by one annotator the later counts.

    Concepts that are spelt in several ways (`Smile`, `smile `) are one, in the commonest spelling.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a readable table, a column missing, an answer other than yes, no and unsure, a probability outside
            (0, 1], or two probabilities for one picture.
    """
    parts = [_answers(Path(path)) for path in paths]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(ANSWER_COLUMNS))
    shown = label_set(Counter(table["concept"]))
    table["concept"] = [shown[plain(concept)] for concept in table["concept"]]
    table = table.sort_values("time", kind="stable").drop_duplicates(["concept", "image_id", "annotator"], keep="last")
    several = table.dropna(subset="probability").groupby(["concept", "image_id"])["probability"].nunique()
    if (several > 1).any():
        pictures = [image_id for _, image_id in several.index[several > 1]]
        raise ValueError(
            f"{plural(len(pictures), 'picture was', 'pictures were')} "
            f"drawn with two probabilities, first {named(pictures)}: answers of two samples "
            "cannot be put together; give those of one"
        )
    return table.sort_index().reset_index(drop=True)


def gold_labels(answers: pd.DataFrame) -> dict[str, GoldLabels]:
    """Concept -> what people answered, from a table as `read_answers` gives it.

    Raises:
        ValueError: answers of a known sample beside answers without a probability.
    """
    found = {}
    for concept, own in answers.groupby("concept", sort=False):
        known = own["probability"].notna()
        if known.any() and not known.all():
            raise ValueError(
                f"{int((~known).sum())} of {len(own)} answers about {str(concept)!r} have no probability of having "
                "been drawn: give those of the sample, or remove the column from all"
            )
        counts = pd.crosstab(own["image_id"], own["answer"]).reindex(columns=list(ANSWERS), fill_value=0)
        gold = np.select([counts[YES] > counts[NO], counts[NO] > counts[YES]], [1.0, 0.0], np.nan)
        table = counts.assign(gold=gold, probability=own.groupby("image_id")["probability"].first()).reset_index()
        table.columns.name = None
        found[str(concept)] = GoldLabels(str(concept), table, tuple(sorted(own["annotator"].unique())))
    return found


def _answers(path: Path) -> pd.DataFrame:
    """One file's answers, each column there and of its type."""
    if not path.is_file():
        raise FileNotFoundError(f"no labels at {path}: the file does not exist")
    try:
        table = read_cells(path).frame()
    except ValueError as error:
        raise ValueError(f"{path} cannot be read as labels: {str(error).splitlines()[0]}") from error
    lacking = [name for name in ("image_id", "answer") if name not in table]
    if lacking:
        raise ValueError(
            f"{path} has the columns {', '.join(map(str, table.columns))}: expected image_id and answer, optionally "
            f"{', '.join(name for name in ANSWER_COLUMNS if name not in ('image_id', 'answer'))}"
        )
    table["answer"] = table["answer"].map(plain)
    wrong = table.loc[~table["answer"].isin(ANSWERS), "answer"].unique()
    if len(wrong):
        raise ValueError(f"{path} holds the answer {named(wrong)}: expected {', '.join(ANSWERS)}")
    table = table.assign(**{name: value for name, value in _MISSING.items() if name not in table})
    try:
        table["probability"] = pd.to_numeric(table["probability"].replace("", np.nan)).astype(np.float64)
        table["stratum"] = pd.to_numeric(table["stratum"]).astype(np.int64)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: probability and stratum must be numbers ({str(error).splitlines()[0]})") from error
    out_of_range = table["probability"].notna() & ~((table["probability"] > 0) & (table["probability"] <= 1))
    if out_of_range.any():
        raise ValueError(
            f"{path} holds the probability {table.loc[out_of_range, 'probability'].iloc[0]:g}: expected above 0, at most 1"
        )
    return table[list(ANSWER_COLUMNS)]
