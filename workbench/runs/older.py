"""How do runs of older versions open? Their columns get the names that they have today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pandas as pd

from affect_workbench.data.storage.saved import Record

COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "composition": "label_gap",
        "composition_low": "label_gap_low",
        "composition_high": "label_gap_high",
        "shift": "model_gap",
        "shift_low": "model_gap_low",
        "shift_high": "model_gap_high",
        "shift_p": "model_gap_p",
        "shift_q": "model_gap_q",
        "origin": "attribution",
        "repeats": "explained_by",
        "shrunk": "pooled_rate",
        "coarsest": "label_tree_level",
        "design": "design_effect",
        "read_as": "predicted_as",
    }
)
"""Column of schema 1 -> column of today."""


def current_columns(table: pd.DataFrame) -> pd.DataFrame:
    """The table with today's names of columns."""
    return table.rename(columns=COLUMNS)


def current_records(record: Record, key: str, columns: Mapping[str, str] = COLUMNS) -> Record:
    """The record whose rows under `key` have today's names; what is no list of rows is left for whoever reads it."""
    rows = record.values.get(key)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return record
    renamed = [{columns.get(name, name): value for name, value in row.items()} for row in rows]
    return replace(record, values={**record.values, key: renamed})
