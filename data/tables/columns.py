"""Which columns of a table have a meaning of their own, and which are attributes?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

CORE_COLUMNS = ("image_id", "path", "content", "label", "split", "group_id", "pair_id", "predicted")
"""Columns of `rows` with a fixed meaning (`content`: hash of the file; `group_id`: of one scene or person; `pair_id`:
pictures that differ in one attribute only; `predicted`: what some model said).

`vote_<label>` columns are votes; `prompt_<name>` columns are what a model answered to one prompt; every
other column is an attribute.
"""

SCORE_PREFIX = "score_"
VOTE_PREFIX = "vote_"
PROMPT_PREFIX = "prompt_"


def attribute_columns(rows: pd.DataFrame) -> list[str]:
    """Columns of `rows` that are neither core nor votes nor answers to a prompt."""
    return attribute_names(map(str, rows.columns))


def attribute_names(names: Iterable[str]) -> list[str]:
    """The same for the names of columns."""
    return [name for name in names if name not in CORE_COLUMNS and not name.startswith((VOTE_PREFIX, PROMPT_PREFIX))]
