"""Which groups of pictures are asked about, what are they called in words, and which pictures are in them?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.arrays import Mask
from affect_workbench.data.tables.columns import column_words


@dataclass(frozen=True)
class Condition:
    """`column` equals `value`, or lies in the half-open range `above < column <= up_to`.

    Attributes:
        column: name of the attribute.
        value: the value, for an equality.
        above: exclusive lower end, None for open.
        up_to: inclusive upper end, None for open.

    Raises:
        ValueError: both a value and a range, or neither.
    """

    column: str
    value: str | int | float | bool | None = None
    above: float | None = None
    up_to: float | None = None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.above is None and self.up_to is None):
            raise ValueError(f"a condition on {self.column!r} needs either a value or a range")

    @property
    def name(self) -> str:
        """The condition in words: `figure tone: dark`, `valence: above 2.9, up to 4.37`."""
        column = column_words(self.column)
        if self.value is not None:
            return f"{column}: {in_words(self.value)}"
        ends = [f"above {in_words(self.above)}"] if self.above is not None else []
        ends += [f"up to {in_words(self.up_to)}"] if self.up_to is not None else []
        return f"{column}: {', '.join(ends)}"

    def mask(self, rows: pd.DataFrame) -> Mask:
        """Which rows `(n,)` fulfil it; a missing value never does.

        Raises:
            KeyError: no such column.
        """
        if self.column not in rows:
            raise KeyError(f"no attribute {self.column!r}; attributes: {', '.join(map(str, rows.columns))}")
        column = rows[self.column]
        if self.value is not None:
            if isinstance(self.value, str) and not pd.api.types.is_string_dtype(column):
                column = column.map(str, na_action="ignore")  # dates and the like, which a condition keeps as text
            return np.asarray((column == self.value).fillna(False), dtype=bool)
        inside = column.notna()
        if self.above is not None:
            inside &= column > self.above
        if self.up_to is not None:
            inside &= column <= self.up_to
        return np.asarray(inside, dtype=bool)

    def as_json(self) -> Any:
        """The value, or `{"above": ..., "up_to": ...}` with open ends left out."""
        if self.value is not None:
            return self.value
        return {name: end for name, end in (("above", self.above), ("up_to", self.up_to)) if end is not None}


@dataclass(frozen=True)
class SliceSpec:
    """A conjunction of conditions on different columns; no condition means all pictures.

    Raises:
        ValueError: two conditions on one column.
    """

    conditions: tuple[Condition, ...]

    def __post_init__(self) -> None:
        columns = [condition.column for condition in self.conditions]
        if len(set(columns)) < len(columns):
            raise ValueError(f"a slice has at most one condition a column, got {', '.join(columns)}")

    @property
    def order(self) -> int:
        """How many conditions it has."""
        return len(self.conditions)

    @property
    def name(self) -> str:
        """The slice in words, e.g. `figure tone: dark and light: night`."""
        return " and ".join(condition.name for condition in self.conditions) or "all pictures"

    def mask(self, rows: pd.DataFrame) -> Mask:
        """Which rows `(n,)` are in the slice."""
        inside = np.ones(len(rows), dtype=bool)
        for condition in self.conditions:
            inside &= condition.mask(rows)
        return inside

    def universe(self, rows: pd.DataFrame) -> Mask:
        """Which rows `(n,)` have a value in every column of the slice: slice and complement together."""
        return np.asarray(rows[[condition.column for condition in self.conditions]].notna().all(axis=1), dtype=bool)

    def as_json(self) -> dict[str, Any]:
        """Column -> value or range: `{"figure_tone": "dark"}`."""
        return {condition.column: condition.as_json() for condition in self.conditions}

    @classmethod
    def from_json(cls, where: Mapping[str, Any]) -> SliceSpec:
        """The slice that `as_json` described."""
        return cls(
            tuple(
                Condition(column, **value) if isinstance(value, Mapping) else Condition(column, value)
                for column, value in where.items()
            )
        )


def in_words(value: object) -> str:
    """A value as it is written in a slice's name: exactly, so that different values have different names."""
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    return repr(float(value)).removesuffix(".0") if isinstance(value, float) else str(value)
