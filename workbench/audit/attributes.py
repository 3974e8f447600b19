"""How do tables that are given beside the data become columns of them, and which table does each attribute come from?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from affect_workbench.data.plurals import plural
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.tables.attributes import JoinReport, join_attributes
from affect_workbench.data.tables.columns import CORE_COLUMNS, SCORE_PREFIX
from affect_workbench.data.tables.headers import is_table
from affect_workbench.data.tables.read import named, table_of
from affect_workbench.workbench.audit.precheck import nearest_column


@dataclass(frozen=True)
class Joined:
    """Rows with the columns of the tables that were given beside them.

    Attributes:
        rows: one row a picture, in the given order.
        origins: attribute -> table.
        reports: what each table matched.
        said: sentences about the tables themselves.
    """

    rows: pd.DataFrame
    origins: dict[str, str]
    reports: tuple[JoinReport, ...] = ()
    table_notes: tuple[str, ...] = ()

    def notes(self, ids: Collection[str]) -> tuple[str, ...]:
        """What a reader must know of the join, as far as it is about the pictures with these ids."""
        among = set(ids)
        return (*self.table_notes, *(note for report in self.reports for note in report.notes(among=among)))


def with_pairs(predictions: Predictions, column: str) -> Predictions:
    """The predictions with the column as their `pair_id`, in place of one that is there.

    Raises:
        ValueError: no such column, or no two pictures share a value of it.
    """
    rows, notes = with_pairs_column(predictions.rows, column)
    return predictions.with_rows(rows, notes=notes) if notes else predictions


def with_pairs_column(rows: pd.DataFrame, column: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows with the column as their `pair_id`, and what is said of that; the rows themselves where it is called so.

    Raises:
        ValueError: see `with_pairs`.
    """
    if column == "pair_id" and column in rows:
        return rows, ()
    if column not in rows or column == "image_id":
        names = [str(name) for name in rows.columns if name != "image_id"]
        raise ValueError(f"--pairs {column}: there is no such column; {nearest_column(column, names)}")
    known = rows[column].dropna()
    if not known.duplicated().any():
        held = f"{plural(len(known), 'value')} in {plural(len(rows), 'picture')}, first {named(known, most=2)}"
        raise ValueError(
            f"--pairs {column}: no two pictures share a value of it, so there are no pairs: it holds "
            f"{held if len(known) else 'nothing'}"
        )
    notes = [f"pairs are taken from the column {column} (--pairs)"]
    if "pair_id" in rows:
        notes.append(f"the column pair_id is ignored: --pairs names {column}")
    kept = rows.drop(columns="pair_id", errors="ignore").assign(pair_id=rows[column])
    # What says which pictures belong together is no attribute of theirs; group_id and the like keep their own meaning.
    kept = kept if column in CORE_COLUMNS else kept.drop(columns=column)
    return kept, tuple(notes)


def with_tables(
    rows: pd.DataFrame, given: Sequence[str], *, labels: Collection[str] = (), prefix: str = SCORE_PREFIX
) -> Joined:
    """The rows with the columns of the tables among what was given (attribute names may stand beside them).

    What a model said of the pictures is never taken from such a table: its column `predicted` must agree with that of the
    rows, its score columns are left aside.

    Args:
        rows: one row a picture, with `image_id`; with `predicted` where that is known already.
        given: tables and names.
        labels: labels that a score column may be for.
        prefix: what score columns start with.

    Raises:
        FileNotFoundError: no such table.
        ValueError: not a table, or see `data.tables.attributes.join_attributes`.
    """
    origins: dict[str, str] = {}
    reports: list[JoinReport] = []
    table_notes: list[str] = []
    scores = {f"{prefix}{label}".casefold() for label in labels}
    for path in given:
        if not is_table(Path(path)):
            continue
        read = table_of(Path(path))
        aside = [name for name in read.rows.columns if str(name).casefold() in scores]
        aside += [name for name in ("predicted",) if name in read.rows and name not in rows]
        if aside:
            table_notes.append(
                f"{path}: {named(aside)} are outputs of a model, which are not taken from an attribute table: ignored"
            )
        rows, report = join_attributes(rows, read.rows.drop(columns=aside))
        origins |= dict.fromkeys(report.attributes, path)
        reports.append(report)
        table_notes += read.notes
    return Joined(rows, origins, tuple(reports), tuple(table_notes))
