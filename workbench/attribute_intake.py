"""How do tables that are given beside predictions become attributes, and which of them does each attribute come from?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from data.attributes import join_attributes
from data.predictions import Predictions
from data.tables import read_table


def with_tables(predictions: Predictions, tables: Sequence[str]) -> tuple[Predictions, dict[str, str]]:
    """The predictions with the attributes of the tables, and attribute -> table; what did not match is in the notes.

    Raises:
        FileNotFoundError: no such table.
        ValueError: not a table, or see `data.attributes.join_attributes`.
    """
    origins: dict[str, str] = {}
    for path in tables:
        rows, joined = join_attributes(predictions.rows, read_table(Path(path)))
        predictions = predictions.with_rows(rows, notes=tuple(joined.notes()))
        origins |= dict.fromkeys(joined.attributes, path)
    return predictions, origins
