"""What is an experiment of the benchmark, what is a line of its table, and when does a measurement miss its bar?

A line fails only when the measurement is *surely* on the wrong side of the bar (one-sided, 5 %; in a quick run 0.2 %): an
exact binomial test for shares of data sets, Student's t for means. On the wrong side by no more than chance is "within
chance" and no failure; the more data sets, the less hides there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import special

from affect_workbench.analyses.inference.intervals import wilson

ALPHA = 0.05
QUICK_ALPHA = 0.002
"""In a quick run, which is also a test of the code: some forty lines shall not cry wolf."""
RIGHT = 0.9
"""Share of right answers that is asked of every scenario."""
PASS, CHANCE, FAIL, OPEN = "pass", "within chance", "fail", "not judged"
VERDICTS = (PASS, CHANCE, FAIL, OPEN)
TOOLS = ("random", "confusion cells", "ridge alone", "DivExplorer", "SliceLine", "Fairlearn", "four-fifths", "skewed cells")
"""The baselines of every table."""
Record = Mapping[str, Any]
"""What one block of an experiment found: numbers and lists that JSON can hold."""


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        kind: `gate`, `scenario`, `list` or `peer`.
        name: what was tried.
        measured: the number, None where it could not be measured (the note says why).
        low: lower end of its 95 % interval, None where it has none.
        high: upper end.
        unit: `share`, `rate` (a mean between -1 and 1), or `seconds`.
        bar: what is asked, in words; "" where nothing is.
        verdict: one of `VERDICTS`.
        judged: how it was judged, in words.
        p: how likely chance alone would miss the bar by this much, None where nothing was tested.
        others: the same number for each of `TOOLS` that can answer, by name.
        note: what else a reader must know.
    """

    kind: str
    name: str
    measured: float | None
    low: float | None = None
    high: float | None = None
    unit: str = "share"
    bar: str = ""
    verdict: str = OPEN
    judged: str = ""
    others: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    p: float | None = None

    def softened(self, alpha: float) -> Row:
        """The same line, which only fails below another chance: in a quick run few data sets decide much."""
        lenient = self.verdict == FAIL and self.p is not None and self.p >= alpha
        return replace(self, verdict=CHANCE) if lenient else self


@dataclass(frozen=True)
class Experiment:
    """Something that is tried over and over, in blocks that can be computed apart.

    Attributes:
        name: for files and progress; letters, digits and hyphens.
        blocks: how many blocks in a quick run, and in a full one; 0 leaves it out.
        run: (seed of the block, quick) -> its record.
        rows: (all records, quick) -> lines of the table.
    """

    name: str
    blocks: tuple[int, int]
    run: Callable[[Sequence[int], bool], Record]
    rows: Callable[[Sequence[Record], bool], list[Row]]


def values_of(records: Sequence[Record], key: str) -> list[Any]:
    """The lists under one key of all records, one after the other."""
    return [value for record in records for value in record[key]]


def totals(records: Sequence[Record], key: str) -> dict[str, list[float]]:
    """The lists by tool under one key of all records, one after the other; a tool that is not in all of them is left out."""
    names = [name for name in records[0][key] if all(name in record[key] for record in records)]
    return {name: [value for record in records for value in record[key][name]] for name in names}


def share_row(hits: int, n: int, *, at_most: float | None = None, at_least: float | None = None, **more: Any) -> Row:
    """A share of data sets with its Wilson interval, judged by an exact one-sided binomial test."""
    from scipy import stats

    low, high = (float(end) for end in wilson(np.array(hits), np.array(n)))
    share = hits / n
    if at_most is not None:
        failed, p = share > at_most, float(stats.binom.sf(hits - 1, n, at_most))
        bar, judged = f"≤ {at_most:g}", f"{hits} of {n}: one-sided binomial p = {p:.2g}"
    elif at_least is not None:
        failed, p = share < at_least, float(stats.binom.cdf(hits, n, at_least))
        bar, judged = f"≥ {at_least:g}", f"{hits} of {n}: one-sided binomial p = {p:.2g}"
    else:
        return Row(measured=share, low=low, high=high, judged=f"{hits} of {n}", **more)
    return Row(measured=share, low=low, high=high, bar=bar, verdict=verdict(failed, p), judged=judged, p=p, **more)


def mean_row(values: Sequence[float], *, at_most: float | None = None, at_least: float | None = None, **more: Any) -> Row:
    """A mean over data sets with its Student interval, judged by a one-sided t test."""
    mean, low, high = mean_and_interval(values)
    bar = at_most if at_most is not None else at_least
    sign = 1 if at_most is not None else -1
    if bar is None:
        return Row(measured=mean, low=low, high=high, judged=f"mean of {len(values)}", **more)
    p = one_sided(values, bar, sign)
    return Row(
        measured=mean,
        low=low,
        high=high,
        bar=f"{'≤' if sign > 0 else '≥'} {bar:g}",
        verdict=verdict(sign * (mean - bar) > 0, p),
        judged=f"mean of {len(values)}: one-sided t, p = {p:.2g}",
        p=p,
        **more,
    )


def mean_and_interval(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Mean with its Student interval; no interval for a single value."""
    x = np.asarray(values, float)
    if len(x) < 2:
        return float(x.mean()), None, None
    half = float(special.stdtrit(len(x) - 1, 0.975) * x.std(ddof=1) / np.sqrt(len(x)))
    return float(x.mean()), float(x.mean()) - half, float(x.mean()) + half


def one_sided(values: Sequence[float], bar: float, sign: int) -> float:
    """P of a mean this far above (sign 1) or below (sign -1) the bar; 1 where a single value cannot tell."""
    x = np.asarray(values, float)
    if len(x) < 2:
        return 1.0
    error = float(x.std(ddof=1) / np.sqrt(len(x)))
    gap = sign * (float(x.mean()) - bar)
    return float(special.stdtr(len(x) - 1, -gap / error)) if error > 0 else float(gap <= 0)


def verdict(failed: bool, p: float) -> str:
    """Pass on the right side of the bar; on the wrong side fail, unless chance explains it."""
    return PASS if not failed else FAIL if p < ALPHA else CHANCE
