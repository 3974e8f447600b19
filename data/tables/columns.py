"""Which columns of a table have a meaning of their own, and which are attributes?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

ANSWER_COUNTS = ("answers_label", "answers_refusal", "answers_hedge", "answers_unparseable")
"""How many of a model's answers about a picture named a label, and how many were something else."""
MEANINGS = {
    "image_id": "the ids of the pictures",
    "path": "the files of the pictures",
    "content": "the hashes of the files",
    "label": "the true labels",
    "split": "the splits of the data",
    "group_id": "the groups of pictures that belong together (one scene or person)",
    "pair_id": "the pairs of pictures that differ in one attribute only",
    "predicted": "the predicted labels",
    "answered": "what a model itself answered, where the predictions are of a probe that stands in for it",
    **dict.fromkeys(ANSWER_COUNTS, "how many answers of a model were of one kind"),
}
CORE_COLUMNS = tuple(MEANINGS)
"""Columns of `rows` with a fixed meaning; `vote_<label>` columns are votes, `prompt_<name>` columns what was answered to one
prompt alone; every other column is an attribute."""

SCORE_PREFIX = "score_"
VOTE_PREFIX = "vote_"
PROMPT_PREFIX = "prompt_"
RUN = "run "
"""What the name of a prompt starts with that is a repeated run of the one prompt there is: `prompt_run 2`."""


def column_words(name: object) -> str:
    """The name of a column as people read it: `scene_kind` is `scene kind`. Files and exports keep the name itself."""
    return str(name).replace("_", " ")


def attribute_columns(rows: pd.DataFrame) -> list[str]:
    """Columns of `rows` that are neither core nor votes nor answers to single prompts."""
    return attribute_names(map(str, rows.columns))


def attribute_names(names: Iterable[str]) -> list[str]:
    """The same for the names of columns."""
    return [name for name in names if name not in CORE_COLUMNS and not name.startswith((VOTE_PREFIX, PROMPT_PREFIX))]
