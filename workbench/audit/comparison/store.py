"""How is a comparison of two audits kept in a folder, and opened again without them?

The folder holds `comparison.json` (what was compared, and how), `changes.csv`, `slices.csv`, `flips.csv`, where there are
any `causes.csv` and `outcomes.csv`, and `pictures.parquet`: what is known of the pictures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.compare.accuracy import FLIP_COLUMNS, SLICE_COLUMNS
from affect_workbench.analyses.audit.compare.changes import CHANGE_COLUMNS
from affect_workbench.analyses.audit.compare.compare import Comparison
from affect_workbench.analyses.audit.compare.outcomes import OUTCOME_CHANGE_COLUMNS
from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.result import versions
from affect_workbench.analyses.skew.causes.changes import CHANGE_COLUMNS as CAUSE_COLUMNS
from affect_workbench.data.storage.atomic import require_complete, write_json
from affect_workbench.data.storage.saved import Record, read_record
from affect_workbench.data.storage.saved_arrays import numbers, read_parquet, read_saved_csv
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.audit.comparison.sentences import headline
from affect_workbench.workbench.runs.store import conditions_of, storable

RECORD, PICTURES = "comparison.json", "pictures.parquet"
ASKED = ("tolerance", "alpha", "order", "min_count", "bins")
"""What both audits must have been asked alike."""
_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "changes": CHANGE_COLUMNS,
        "slices": SLICE_COLUMNS,
        "flips": FLIP_COLUMNS,
        "causes": CAUSE_COLUMNS,
        "outcomes": OUTCOME_CHANGE_COLUMNS,
    }
)
_OPTIONAL = ("causes", "outcomes")
_WHOLE = ("n", "n_complement", "into", "out_of", "flipped", "labelled", "gained", "lost")
_TEXT = (
    "slice",
    "emotion",
    "verdict",
    "explained_by",
    "image_id",
    "predicted_a",
    "predicted_b",
    "outcome",
    "method",
    "cause",
)
_TEXT_OF_CAUSES = (*_TEXT, "change", "kind_a", "kind_b")
_AGAIN = "compare the runs again with `workbench compare`"


@dataclass(frozen=True)
class SavedComparison:
    """A comparison, what its two runs are called, and the command that made it."""

    comparison: Comparison
    names: tuple[str, str]
    command: str = ""


def write_comparison(saved: SavedComparison, partial: Path) -> None:
    """Writes the tables and the record into a folder that is being made."""
    result = saved.comparison
    for name in _COLUMNS:
        table = getattr(result, name)
        if len(table) or name not in _OPTIONAL:
            _written(table).to_csv(partial / f"{name}.csv", index=False)
    storable(result.rows).to_parquet(partial / PICTURES)
    record = {
        "headline": headline(result),
        "runs": list(saved.names),
        "taxonomy": result.taxonomy.as_json(),
        "overall": dict(result.overall),
        "config": {name: getattr(result.config, name) for name in ASKED},
        "notes": list(result.notes),
        "versions": versions(),
        "command": saved.command,
    }
    write_json(partial / RECORD, record)


def load_comparison(folder: Path | str) -> SavedComparison:
    """The comparison saved in a folder.

    Raises:
        FileNotFoundError: no such folder, or a file is missing.
        ValueError: unfinished, damaged, no comparison, or one of a version that kept no pictures.
    """
    folder = Path(folder)
    require_complete(folder, what="comparison")
    record = read_record(folder / RECORD, otherwise=_AGAIN)
    if not (folder / PICTURES).is_file():
        raise ValueError(f"{folder} was written by a version that kept no {PICTURES}: {_AGAIN}")
    rows = read_parquet(folder / PICTURES, needed=("image_id",), otherwise=_AGAIN)
    names, asked = record.texts("runs"), record.record("config")
    if len(names) != 2:
        raise record.refused("runs", "the names of two runs")
    config = AuditConfig(
        tolerance=asked.number("tolerance"),
        alpha=asked.number("alpha"),
        order=asked.whole("order"),
        min_count=asked.whole("min_count"),
        bins=asked.whole("bins"),
    )
    tables = {
        name: _table(folder / f"{name}.csv")
        for name in _COLUMNS
        if name not in _OPTIONAL or (folder / f"{name}.csv").is_file()
    }
    result = Comparison(
        taxonomy=Taxonomy.from_record(record, "taxonomy"),
        overall=_overall(record.record("overall")),
        rows=rows,
        config=config,
        notes=record.texts("notes"),
        **tables,
    )
    return SavedComparison(result, (names[0], names[1]), record.text("command"))


def _written(table: pd.DataFrame) -> pd.DataFrame:
    if "where" not in table:
        return table
    return table.assign(where=[json.dumps(where, ensure_ascii=False) for where in table["where"]])


def _overall(record: Record) -> dict[str, Any]:
    for name in ("pictures", "labelled", "flipped"):
        record.whole(name, least=0)
    for name in record.values:
        if record.known(name) and name != "votes":
            record.number(name)
    return dict(record.values)


def _table(path: Path) -> pd.DataFrame:
    """The table with the types that it had; an empty cell of text is what is not known."""
    table = read_saved_csv(path, needed=_COLUMNS[path.stem], otherwise=_AGAIN)
    texts = _TEXT_OF_CAUSES if path.stem == "causes" else _TEXT
    columns: dict[str, Any] = {}
    for name in table.columns:
        if name == "where":
            columns[name] = conditions_of(table[name], path=path, otherwise=_AGAIN)
        elif name in texts:
            columns[name] = pd.Series([text or None for text in table[name]], dtype=object)
        else:
            columns[name] = numbers(table, name, path=path, whole=name in _WHOLE, otherwise=_AGAIN)
    return table.assign(**columns)
