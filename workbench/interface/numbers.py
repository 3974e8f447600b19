"""How are the numbers of a section written, one at a time and down a column?"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import pandas as pd

from affect_workbench.data.plurals import plural as plural

EFFECT = ("effect", "low", "high")


def signed(value: float, digits: int = 1) -> str:
    """`+2.0`, `−1.1`, `0.0`."""
    text = f"{value:+.{digits}f}"
    return (text[1:] if float(text) == 0 else text).replace("-", "−")


def interval(value: float, low: float, high: float, *, scale: float = 100.0, digits: int = 1) -> str:
    """`+2.0 [−1.1, +5.0]`, without the interval where that is not known, or a dash where nothing is."""
    if math.isnan(value):
        return "–"
    if math.isnan(low) or math.isnan(high):
        return signed(scale * value, digits)
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


def small_q(q: float | None, letter: str = "q") -> str:
    """`q < 0.001`, `q = 0.032`."""
    words = probability(q)
    return f"{letter} {words}" if words.startswith("<") else f"{letter} = {words}"


def small_p(p: float | None) -> str:
    """`p < 0.001`, `p = 0.032`."""
    return small_q(p, "p")


def rates(rows: pd.DataFrame) -> dict[str, list[str]]:
    """The columns that say how often in the slice, how often in the others, and how much that differs."""
    return {
        "n": counts(rows["n"]),
        "rate": percents(rows["rate"]),
        "complement": percents(rows["complement_rate"]),
        "difference": intervals(rows),
    }


def points(share: float | None, *, signed: bool = True) -> str:
    """A difference of rates in points: `+14.2`, `−3.0`."""
    if share is None or math.isnan(share):
        return "–"
    text = f"{100 * abs(share):.1f}"
    sign = "" if float(text) == 0 else "−" if share < 0 else "+"
    return (sign + text) if signed else text


def percent(share: float | None) -> str:
    """A rate: `35.9 %`."""
    return "–" if share is None or math.isnan(share) else f"{round(100 * share, 1) + 0.0:.1f} %"


def probability(value: float | None) -> str:
    """A p or q, the same on every page: `0.53`, `0.032`, `< 0.001`."""
    if value is None or math.isnan(value):
        return "–"
    if value < 0.001:
        return "< 0.001"
    return f"{value:.3f}" if value < 0.0995 else f"{value:.2f}"


def probabilities(column: pd.Series) -> list[str]:
    """`probability` of every row."""
    return [probability(value) for value in column.tolist()]


def markdown_text(text: str) -> str:
    """Plain text as Markdown that shows exactly that text."""
    return _escaped(text)


def _escaped(text: str) -> str:
    """Markdown with nothing in it that Streamlit would format, colour, link or typeset."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>$~:&-])", r"\\\1", text)
