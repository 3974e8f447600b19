"""How do tables that are given beside predictions become attributes, and which of them does each attribute come from?"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from data.attributes import join_attributes
from data.features import CORE_COLUMNS
from data.predictions import Predictions
from data.tables import read_table


def with_pairs(predictions: Predictions, column: str) -> Predictions:
    """The predictions with the column as their `pair_id`, in place of one that is there.

    Raises:
        ValueError: no such column, or no two pictures share a value of it.
    """
    rows = predictions.rows
    if column == "pair_id" and column in rows:
        return predictions
    if column not in rows or column == "image_id":
        names = [str(name) for name in rows.columns if name != "image_id"]
        near = get_close_matches(column, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"columns: {', '.join(names[:20])}"
        raise ValueError(f"--pairs {column}: no such column says which pictures are a pair; {hint}")
    if not rows[column].dropna().duplicated().any():
        raise ValueError(f"--pairs {column}: no two pictures share a value of it, so that there are no pairs")
    notes = [f"pairs are those of the column {column} (--pairs)"]
    if "pair_id" in rows:
        notes.append(f"the column pair_id is left aside: --pairs names {column}")
    kept = rows.drop(columns="pair_id", errors="ignore").assign(pair_id=rows[column])
    # What says which pictures belong together is no attribute of theirs; group_id and the like keep their own meaning.
    kept = kept if column in CORE_COLUMNS else kept.drop(columns=column)
    return predictions.with_rows(kept, notes=tuple(notes))


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
