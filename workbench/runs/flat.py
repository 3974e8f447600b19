"""What was found, as flat tables for a spreadsheet: `findings.csv` and `causes.csv` of a run folder."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult

FINDINGS_CSV = "findings.csv"
CAUSES_CSV = "causes.csv"


def write_flat(result: AuditResult, folder: Path) -> None:
    """Puts `findings.csv` and `causes.csv` into a folder that exists; without causes the second holds its header only."""
    for name, table in ((FINDINGS_CSV, findings_table(result)), (CAUSES_CSV, flat(result.causes))):
        (folder / name).write_bytes(csv_bytes(table))


def findings_table(result: AuditResult) -> pd.DataFrame:
    """One row a (slice, emotion), then one a (slice, outcome): `outcome` is empty in the first, `emotion` in the second."""
    tables = [result.findings, result.outcomes]
    if result.outcomes.empty:
        return flat(result.findings.assign(outcome=None))
    filled = [table.dropna(axis=1, how="all") for table in tables if len(table)]
    columns = dict.fromkeys([*result.findings.columns, *result.outcomes.columns])
    return flat(pd.concat(filled, ignore_index=True).reindex(columns=list(columns)))


def flat(table: pd.DataFrame) -> pd.DataFrame:
    """The table with `where` as JSON text, and before it `attributes`: those that a slice is about, by name."""
    if "where" not in table:
        return table
    where = table["where"].tolist()
    written = table.assign(where=[json.dumps(one, ensure_ascii=False) for one in where])
    written.insert(list(written).index("where"), "attributes", [" and ".join(one) for one in where])
    return written


def csv_bytes(table: pd.DataFrame) -> bytes:
    """The table as CSV in UTF-8, numbers in full."""
    text = io.StringIO(newline="")
    table.to_csv(text, index=False, lineterminator="\n")
    return text.getvalue().encode("utf-8")


def flat_tables(result: AuditResult) -> Iterator[tuple[str, pd.DataFrame]]:
    """Every table of an audit with the name of its file."""
    yield FINDINGS_CSV, findings_table(result)
    yield CAUSES_CSV, flat(result.causes)
    for name in ("slices", "structure", "samples", "excluded"):
        yield f"{name}.csv", flat(getattr(result, name))
    for name, table in result.tables.items():
        if name != "causes":
            yield f"{name.replace(' ', '_')}.csv", flat(table)
