"""How is an evaluation kept in a folder, and opened again without a probe?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.accuracy import MODEL_COLUMNS, MeasuredAccuracy
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import require_complete
from affect_workbench.data.storage.saved import Record, read_record
from affect_workbench.data.storage.saved_arrays import table_of
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.models.evaluation.table import DatasetTable
from affect_workbench.workbench.runs.store import accuracy_of

RECORD = "evaluation.json"
_TABLES = "datasets"
_TEXT = ("model", "kind", "interval")
_AGAIN = "evaluate again with `workbench evaluate`"


def evaluation_record(tables: Sequence[DatasetTable]) -> dict[str, Any]:
    """What `load_evaluation` reads: plain values only, null for what is not known."""
    first, *others = tables
    headline = first.headline if not others else f"{plural(len(tables), 'dataset')}: {', '.join(one.name for one in tables)}"
    return {"headline": headline, _TABLES: [_dataset(item) for item in tables]}


def load_evaluation(folder: Path | str) -> tuple[DatasetTable, ...]:
    """The tables of the evaluation in a folder, one a dataset.

    Raises:
        FileNotFoundError: no such folder, or a file is missing.
        ValueError: unfinished, damaged, or of a version that kept only the page.
    """
    folder = Path(folder)
    require_complete(folder, what="evaluation")
    record = read_record(folder / RECORD, otherwise=_AGAIN)
    tables = tuple(_opened(one) for one in record.records(_TABLES))
    if not tables:
        raise record.refused(_TABLES, "at least one dataset")
    return tables


def _dataset(item: DatasetTable) -> dict[str, Any]:
    rows = item.table.to_dict("records")
    return {
        "name": item.name,
        "taxonomy": item.taxonomy.as_json(),
        "measured_on": item.measured_on,
        "table": [{name: None if pd.isna(value) else value for name, value in row.items()} for row in rows],
        "footnotes": list(item.footnotes),
        "sentences": list(item.sentences),
        "accuracy": MeasuredAccuracy(pd.DataFrame(columns=list(MODEL_COLUMNS)), None, item.confidence).as_json(),
    }


def _opened(record: Record) -> DatasetTable:
    figures = {name: None for row in record.records("table") for name in row.values if name not in _TEXT}
    table = table_of(record, "table", text=_TEXT, numeric=figures)
    confidence = accuracy_of(record.record("accuracy")).confidence
    if confidence is None:
        raise record.damaged("it does not say what the confidence of the first model is worth")
    try:
        return DatasetTable(
            record.text("name"),
            Taxonomy.from_record(record, "taxonomy"),
            record.text("measured_on"),
            table,
            record.texts("footnotes"),
            confidence,
            record.texts("sentences"),
        )
    except ValueError as error:
        raise record.damaged(str(error)) from error
