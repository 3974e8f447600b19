"""How is a comparison of two sets kept in a folder, and opened again without the sets?

The folder holds `overlap.json` (what was compared, and how), `pairs.csv`, `counts.csv`, `classes.csv` and `overlap.html`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from affect_workbench.analyses.duplicates.find import Overlap
from affect_workbench.data.storage.atomic import require_complete, write_json
from affect_workbench.data.storage.saved import read_record
from affect_workbench.data.storage.saved_arrays import numbers, read_saved_csv
from affect_workbench.workbench.datasets.overlap_page import outcome

RECORD = "overlap.json"
_WHOLE = ("a", "b", "exact", "near", "pictures", "pictures_a", "pictures_b", "relabelled")
_FRACTIONS = ("cosine", "hamming")
_COLUMNS = {
    "pairs": (
        "kind",
        "found_by",
        "a",
        "b",
        "id_a",
        "id_b",
        "label_a",
        "label_b",
        "split_a",
        "split_b",
        "path_a",
        "path_b",
        "cosine",
        "hamming",
    ),
    "counts": ("split_a", "split_b", "exact", "near", "pictures_a", "pictures_b"),
    "classes": ("label", "pictures", "exact", "near", "relabelled"),
}
"""What each table holds."""
_AGAIN = "compare the sets again with `workbench overlap`"
_UNKNOWN = ("label_a", "label_b", "path_a", "path_b", "id_a", "id_b")
"""Columns of `pairs` in which an empty cell stands for what is not known."""


@dataclass(frozen=True)
class SavedOverlap:
    """A comparison, and what its two sides are called (the same name within one set)."""

    overlap: Overlap
    name_a: str
    name_b: str


def save_overlap(saved: SavedOverlap, partial: Path) -> None:
    """Writes the tables and the record into a folder that is being made."""
    result = saved.overlap
    for name in ("pairs", "counts", "classes"):
        getattr(result, name).to_csv(partial / f"{name}.csv", index=False)
    record = {
        "headline": outcome(result, name_a=saved.name_a, name_b=saved.name_b),
        "a": saved.name_a,
        "b": saved.name_b,
        "within": result.within,
        "n_a": result.n_a,
        "n_b": result.n_b,
        "pairs": len(result.pairs),
        "pictures": result.pictures(),
        "radius": result.radius,
        "calibration": result.calibration,
        "threshold": None if math.isnan(result.threshold) else result.threshold,
        "notes": list(result.notes),
    }
    write_json(partial / RECORD, record)


def load_overlap(folder: Path | str) -> SavedOverlap:
    """The comparison saved in a folder.

    Raises:
        FileNotFoundError: no such folder, or a file is missing.
        ValueError: unfinished, damaged, or no comparison.
    """
    folder = Path(folder)
    require_complete(folder, what="overlap")
    if not (folder / RECORD).is_file():
        raise ValueError(f"{folder} is not a comparison of two sets: it has no {RECORD}; make one with `workbench overlap`")
    record = read_record(folder / RECORD, otherwise=_AGAIN)
    tables = {name: _table(folder / f"{name}.csv") for name in _COLUMNS}
    result = Overlap(
        **tables,
        threshold=record.number("threshold") if record.known("threshold") else math.nan,
        radius=record.whole("radius"),
        calibration=record.text("calibration"),
        n_a=record.whole("n_a", least=0),
        n_b=record.whole("n_b", least=0),
        within=record.flag("within"),
        notes=record.texts("notes"),
    )
    return SavedOverlap(result, record.text("a"), record.text("b"))


def _table(path: Path) -> pd.DataFrame:
    """The table with the types it had: an id such as 007 or NA stays text."""
    table = read_saved_csv(path, needed=_COLUMNS[path.stem], otherwise=_AGAIN)
    columns: dict[str, Any] = {}
    for name in table.columns:
        if name in _WHOLE:
            columns[name] = numbers(table, name, path=path, whole=True, otherwise=_AGAIN)
        elif name in _FRACTIONS:
            columns[name] = numbers(table, name, path=path, otherwise=_AGAIN)
        else:
            missing = None if name in _UNKNOWN else ""
            columns[name] = pd.Series([text or missing for text in table[name]], dtype=object)
    return table.assign(**columns)
