"""What is a section of a report? A question, what was found in words, a figure, a short table, the pictures behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.inference.intervals import distance_from_zero
from affect_workbench.workbench.interface.intervals import Series, interval_figure

MOST_ROWS = 30
FOUR_FIFTHS = 0.8
"""An impact ratio below is adverse by a rule of thumb (29 CFR § 1607.4(D)), whatever its uncertainty."""
Where = dict[str, Any]


@dataclass(frozen=True)
class Section:
    """One additional analysis and its result, for the report and for the app.

    Attributes:
        name: short and fit for an anchor.
        title: the question.
        found: what was found, a sentence each; the first one alone must be right.
        explanation: how the figure and the table are to be read.
        figure: what is drawn, if anything.
        table: the leading rows, columns as they are headed, cells as text.
        total: how many rows there are in all.
        where: the slice behind each row of the table, None for a row of no slice.
        source: name of the table in the run folder.
    """

    name: str
    title: str
    found: tuple[str, ...]
    explanation: str
    figure: go.Figure | None
    table: pd.DataFrame
    total: int
    where: Sequence[Where | None] = field(default=())
    source: str = ""


def rows_of(table: pd.DataFrame) -> list[Any]:
    """The rows as named tuples."""
    return list(table.itertuples())


def named_tables(result: AuditResult, prefix: str) -> list[tuple[str, pd.DataFrame]]:
    """Names, without the prefix, and tables of the run that start with it, in the order in which they were asked for."""
    asked = [str(name) for name in result.run.config.outcomes]
    found = {name.removeprefix(prefix): table for name, table in sorted(result.tables.items()) if name.startswith(prefix)}
    ordered = [*(name for name in asked if name in found), *(name for name in found if name not in asked)]
    return [(name, found[name]) for name in ordered if len(found[name])]


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Tested rows: the skewed ones first, then by the lower bound of the absolute effect, then by size."""
    tested = table[table["effect"].notna()]
    order = pd.DataFrame(
        {
            "skewed": tested["verdict"] != "skewed",
            "sure": -distance_from_zero(tested["low"], tested["high"]),
            "size": -tested["effect"].abs(),
        }
    )
    return tested.loc[order.sort_values(list(order.columns), kind="stable").index]


def sampled(result: AuditResult, table: str) -> tuple[str, ...]:
    """A sentence where the table rests on a sample of the pictures."""
    count = result.run.sampled.get(table)
    return (f"Measured on a random sample of {count:,} of {result.run.pictures:,} pictures.",) if count else ()


def skewed(rows: pd.DataFrame) -> pd.DataFrame:
    """Those that are called skewed, in their order."""
    return rows[rows["verdict"] == "skewed"]


def skew_figure(
    result: AuditResult, rows: pd.DataFrame, named: Callable[[Any], str], *, series: str = "difference", axis: str
) -> go.Figure:
    """Differences of rates in points over the audit's band of tolerance; filled markers are skewed."""
    return interval_figure(
        [named(row) for row in rows_of(rows)],
        [Series.of(series, rows, filled=rows["verdict"] == "skewed")],
        axis=axis,
        band=100 * result.run.config.tolerance,
    )
