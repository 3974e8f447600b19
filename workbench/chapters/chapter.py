"""What is a chapter of a report? A question, what was found in words, a figure, a short table, the pictures behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from analyses.audit import AuditResult

MOST_ROWS = 30
EFFECT = ("effect", "low", "high")
Where = dict[str, Any]


@dataclass(frozen=True)
class Chapter:
    """One further question and its answer, for the report and for the app.

    Attributes:
        name: short and fit for an anchor.
        title: the question.
        found: what was found, a sentence each; the first one alone must be right.
        reading: how the figure and the table are to be read.
        figure: what is drawn, if anything.
        table: the leading rows, columns as they are headed, cells as text.
        total: how many rows there are in all.
        where: the slice behind each row of the table, None for a row of no slice.
        source: name of the table in the run folder.
    """

    name: str
    title: str
    found: tuple[str, ...]
    reading: str
    figure: go.Figure | None
    table: pd.DataFrame
    total: int
    where: Sequence[Where | None] = field(default=())
    source: str = ""


def interval(value: float, low: float, high: float, *, scale: float = 100.0, digits: int = 1) -> str:
    """`+2.0 [−1.1, +5.0]`, or a dash where it is not known."""
    if math.isnan(value):
        return "–"
    return f"{signed(scale * value, digits)} [{signed(scale * low, digits)}, {signed(scale * high, digits)}]"


def signed(value: float, digits: int = 1) -> str:
    """`+2.0`, `−1.1`, `0.0`."""
    text = f"{value:+.{digits}f}"
    return (text[1:] if float(text) == 0 else text).replace("-", "−")


def intervals(table: pd.DataFrame, names: Sequence[str] = EFFECT, *, scale: float = 100.0, digits: int = 1) -> list[str]:
    """`interval` of every row; `names` are the columns of the number and of its interval."""
    numbers = table[list(names)].to_numpy(float)
    return [interval(*row, scale=scale, digits=digits) for row in numbers.tolist()]


def rows_of(table: pd.DataFrame) -> list[Any]:
    """The rows as named tuples."""
    return list(table.itertuples())


def counts(column: pd.Series) -> list[str]:
    """Whole numbers with separators."""
    return [f"{number:,}" for number in column.tolist()]


def percents(column: pd.Series) -> list[str]:
    """`percent` of every row."""
    return [percent(share) for share in column.tolist()]


def percent(share: float, digits: int = 1) -> str:
    """`35.9 %`."""
    return "–" if math.isnan(share) else f"{100 * share:.{digits}f} %"


def small_q(q: float) -> str:
    """`q < 0.001`, `q = 0.03`."""
    return "q < 0.001" if q < 0.001 else f"q = {q:.2g}"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 pair`, `12 pairs`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def nearer_to_zero(low: pd.Series, high: pd.Series) -> pd.Series:
    """How far each interval surely lies from zero: its nearer end, 0 where it holds zero or is not known."""
    return low.clip(lower=0).fillna(0) + (-high).clip(lower=0).fillna(0)


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Tested rows: the skewed ones first, then by what is surely reached, then by size."""
    tested = table[table["effect"].notna()]
    order = pd.DataFrame(
        {
            "skewed": tested["verdict"] != "skewed",
            "sure": -nearer_to_zero(tested["low"], tested["high"]),
            "size": -tested["effect"].abs(),
        }
    )
    return tested.loc[order.sort_values(list(order.columns), kind="stable").index]


def sampled(result: AuditResult, table: str) -> tuple[str, ...]:
    """A sentence where the table rests on a sample of the pictures."""
    count = result.run.get("sampled", {}).get(table)
    return (f"Measured on {count:,} of {result.run['pictures']:,} pictures, drawn at random.",) if count else ()
