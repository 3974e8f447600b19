"""How are the numbers of a chapter written, one at a time and down a column?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from workbench.sentences import percent

EFFECT = ("effect", "low", "high")


def signed(value: float, digits: int = 1) -> str:
    """`+2.0`, `−1.1`, `0.0`."""
    text = f"{value:+.{digits}f}"
    return (text[1:] if float(text) == 0 else text).replace("-", "−")


def interval(value: float, low: float, high: float, *, scale: float = 100.0, digits: int = 1) -> str:
    """`+2.0 [−1.1, +5.0]`, or a dash where it is not known."""
    if math.isnan(value):
        return "–"
    return f"{signed(scale * value, digits)} [{signed(scale * low, digits)}, {signed(scale * high, digits)}]"


def intervals(table: pd.DataFrame, names: Sequence[str] = EFFECT, *, scale: float = 100.0, digits: int = 1) -> list[str]:
    """`interval` of every row; `names` are the columns of the number and of its interval."""
    numbers = table[list(names)].to_numpy(float)
    return [interval(*row, scale=scale, digits=digits) for row in numbers.tolist()]


def counts(column: pd.Series) -> list[str]:
    """Whole numbers with separators."""
    return [f"{number:,}" for number in column.tolist()]


def percents(column: pd.Series) -> list[str]:
    """`percent` of every row."""
    return [percent(share) for share in column.tolist()]


def small_q(q: float) -> str:
    """`q < 0.001`, `q = 0.03`."""
    return "q < 0.001" if q < 0.001 else f"q = {q:.2g}"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 pair`, `12 pairs`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def rates(rows: pd.DataFrame) -> dict[str, list[str]]:
    """The columns that say how often in the slice, how often in the others, and how much that differs."""
    return {
        "n": counts(rows["n"]), "rate": percents(rows["rate"]), "others": percents(rows["complement_rate"]),
        "difference": intervals(rows),
    }  # fmt: skip
