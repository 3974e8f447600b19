"""What was measured of every picture (a rating, the score of a text), where no model's predictions of emotions are given?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from affect_workbench.arrays import Mask
from affect_workbench.data.tables.read import with_ids
from affect_workbench.data.taxonomies.frame_columns import as_our_columns
from affect_workbench.data.taxonomies.taxonomy import closest
from affect_workbench.keywords import column_names, python_errors


@dataclass(frozen=True)
class Measurements:
    """Numbers of `n` pictures.

    Attributes:
        rows: one row a picture, unique `image_id`; the outcomes, attributes, `group_id` where pictures come in groups.
        outcomes: the columns that are compared between slices.
        source: the name of the table they came from.
        notes: sentences about what was found wanting while reading.

    Raises:
        ValueError: no row, no outcome, an outcome that is no column, or one that holds text.
    """

    rows: pd.DataFrame
    outcomes: tuple[str, ...]
    source: str = ""
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        rows = with_ids(self.rows, where=self.source or "measurements")
        if not len(rows):
            raise ValueError("measurements need at least one picture, got none")
        if not self.outcomes:
            raise ValueError("no outcome is named: say which numeric columns to compare (--outcomes=valence)")
        for name in self.outcomes:
            if name not in rows:
                columns = [str(column) for column in rows.columns if column != "image_id"]
                raise ValueError(f"no outcome {name!r} in the data: {closest(name, columns)}")
            require_numbers(rows, name)
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "outcomes", tuple(dict.fromkeys(self.outcomes)))

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    @python_errors()
    def from_frame(cls, frame: pd.DataFrame, outcomes: str | Sequence[str]) -> Measurements:
        """Numbers of the pictures in a data frame, one row each; ids are found as by `Predictions.from_frame`.

        Args:
            frame: `n` rows; columns that are neither core nor outcomes are attributes.
            outcomes: the columns of numbers, in units of their own.

        Raises:
            TypeError: no data frame, or outcomes that are no names.
            ValueError: no outcome, an outcome that is no column or holds text, or ids that repeat.
        """
        columns = as_our_columns(frame, {}, {})
        return cls(columns.rows, column_names(outcomes, keyword="outcomes"), "data frame", columns.notes)

    def with_rows(self, rows: pd.DataFrame, *, outcomes: Sequence[str] = (), notes: Sequence[str] = ()) -> Measurements:
        """The same pictures with other columns beside them, and maybe more outcomes among these.

        Args:
            rows: of the same `n` pictures in the same order.
            outcomes: columns of them that are compared as well.
            notes: what else was found wanting.

        Raises:
            ValueError: the ids or their order differ.
        """
        if list(rows["image_id"].astype(str)) != list(self.rows["image_id"]):
            raise ValueError("the new rows name other pictures, or name them in another order")
        return Measurements(rows, (*self.outcomes, *outcomes), self.source, (*self.notes, *notes))

    def take(self, mask: Mask) -> Measurements:
        """The pictures where `mask (n,)` is true."""
        return Measurements(self.rows[mask], self.outcomes, self.source, self.notes)


def require_numbers(rows: pd.DataFrame, outcome: str) -> None:
    """Refuses an outcome that is text.

    Raises:
        ValueError: the column holds no numbers (what it holds, and which columns do).
    """
    if pd.api.types.is_numeric_dtype(rows[outcome]):
        return
    numeric = [str(name) for name in rows if pd.api.types.is_numeric_dtype(rows[name])]
    known = rows[outcome].dropna()
    held = f"text, first {str(known.iloc[0])!r}" if len(known) else "nothing"
    raise ValueError(
        f"outcome {outcome!r}: the column holds no numbers but {held}; an outcome is one number per picture (a valence, a "
        f"score); columns of numbers: {', '.join(numeric[:12]) or 'none'}"
    )
