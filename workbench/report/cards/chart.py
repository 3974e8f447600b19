"""How often is each value of an attribute predicted as an emotion? One common scale, drawn as SVG without a script.

Lengths across are shares of the width, so that the drawing fits a phone as well as a page, and its words stay readable.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import escape

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface.numbers import percent
from affect_workbench.workbench.report.cards.assessed import Assessed
from affect_workbench.workbench.report.evidence.choice import Claims

MOST_VALUES = 8
MOST_LETTERS = 38
"""Of a name in the drawing, which is as narrow as a phone; the whole name is in its words."""
_ROW, _AXIS = 33, 22
_LEFT, _WIDTH = 2.0, 94.0
"""Where the scale begins, and its length, in percent of the width: intervals and marks at its ends are not cut."""
_ENDS = (5, 10, 20, 30, 40, 50, 60, 80, 100)
"""Where a scale ends, in percent."""
_PREDICTED, _LABELS, _BAND, _QUIET = "#0b5394", "#1f2328", "#dfeee0", "#59636e"

SHAPES = {
    "new": '<path d="M8 1 15 15 1 15Z" fill="#b3400b"/>',
    "difference": '<path d="M8 1 15 8 8 15 1 8Z" fill="#b3400b"/>',
    "amplified": '<path d="M8 1 15 15 1 15Z" fill="none" stroke="#b3400b" stroke-width="2"/>',
    "muted": '<path d="M8 15 15 1 1 1Z" fill="none" stroke="#b3400b" stroke-width="2"/>',
    "unexplained": '<path d="M8 1 15 8 8 15 1 8Z" fill="none" stroke="#b3400b" stroke-width="2"/>',
    "carried": '<path d="M1 8H12M8 3 14 8 8 13" fill="none" stroke="#59636e" stroke-width="2"/>',
    "labels": '<path d="M2 5H14M2 11H14" stroke="#59636e" stroke-width="3"/>',
    "none": '<circle cx="8" cy="8" r="6" fill="none" stroke="#1a6b35" stroke-width="2"/>',
    "too few": '<circle cx="8" cy="8" r="6" fill="none" stroke="#59636e" stroke-width="2" stroke-dasharray="3 2"/>',
    "unproven": '<path d="M3 3 13 13M13 3 3 13" stroke="#59636e" stroke-width="2"/>',
}
"""Kind of a card -> the shape beside its verdict, in a square of 16."""


def mark(kind: str) -> str:
    """The shape of a kind of card, as SVG that a screen reader passes over: the verdict stands beside it in words."""
    return f'<svg class="mark" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">{SHAPES[kind]}</svg>'


@dataclass(frozen=True)
class Bar:
    """What is drawn of one value.

    Attributes:
        name: of the value.
        n: pictures.
        rate: share of them predicted as the emotion; NaN where too few were counted.
        low: lower end of its 95 % interval.
        high: upper end.
        label_rate: the share by labels or votes; NaN where none is known.
        leading: whether the card's sentence is about it.
        beside: the rate of the other pictures, where that is drawn beside it; NaN where not.
    """

    name: str
    n: int
    rate: float
    low: float
    high: float
    label_rate: float
    leading: bool
    beside: float = math.nan

    def words(self, truth: str) -> str:
        """For who does not see it."""
        if math.isnan(self.rate):
            return f"{self.name}: too few pictures (n = {self.n:,})"
        labels = "" if math.isnan(self.label_rate) else f"; {truth} {percent(self.label_rate)}"
        others = "" if math.isnan(self.beside) else f"; others {percent(self.beside)}"
        interval = f"[{percent(self.low)}, {percent(self.high)}]"
        return f"{self.name}: {percent(self.rate)} {interval} of {self.n:,} pictures{others}{labels}"


@dataclass(frozen=True)
class Chart:
    """A drawing and what is drawn, in words."""

    svg: str
    words: str


def chart(result: AuditResult, assessed: Assessed, claims: Claims) -> Chart | None:
    """Rates of the values of an attribute for the emotion that its card is about; None where nothing was tested.

    Args:
        result: the audit.
        assessed: the attribute.
        claims: of the audit's samples, which know the votes or labels of each picture.
    """
    if assessed.finding is None:
        return None
    emotion = str(assessed.finding["emotion"])
    cells = assessed.cells if assessed.beside is None else assessed.beside
    rows = cells[cells["emotion"] == emotion]
    leading = assessed.finding["slice"]
    rows = rows.assign(order=rows["slice"].map({name: at for at, name in enumerate(result.slices["slice"])}))
    rows = rows.sort_values("order", kind="stable")
    of = len(rows)
    columns = list(assessed.finding["where"]) if assessed.alone else [assessed.attribute]
    overall = _overall(result, columns, claims, emotion)
    if of > MOST_VALUES:
        far = (rows["rate"] - overall).abs().where(rows["slice"] != leading, math.inf)
        rows = rows.loc[far.sort_values(ascending=False, kind="stable", na_position="last").index[:MOST_VALUES]]
        rows = rows.sort_values("order", kind="stable")
    if leading not in set(rows["slice"]):  # an intersection
        rows = pd.concat([assessed.finding.to_frame().T, rows])
    bars = [_bar(row, claims, columns, leading=row["slice"] == leading) for row in rows.to_dict("records")]
    truth, tolerance = result.run.truth, result.run.config.tolerance
    svg = drawn(
        bars, title=f"Predicted as {emotion}", truth=truth, overall=overall, tolerance=tolerance, name=assessed.attribute
    )
    hollow = f", by the {truth} ◇" if any(not math.isnan(bar.label_rate) for bar in bars) else ""
    some = f"; {MOST_VALUES} of {of:,} values" if of > MOST_VALUES else ""
    return Chart(svg, f"{emotion}: predicted ●{hollow}{some}")


def chart_key(result: AuditResult) -> str:
    """What all charts have in common, to be said once beside them."""
    band = f"the rate of all pictures ±{100 * result.run.config.tolerance:g} points, a difference that does not matter"
    return f"In the chart lines are 95 % intervals; the band is {band}."


def drawn(
    bars: Sequence[Bar], *, title: str, truth: str, name: str, overall: float = math.nan, tolerance: float = math.nan
) -> str:
    """The bars below each other as SVG as wide as where it stands.

    Args:
        bars: one a value.
        title: what is drawn.
        truth: what the hollow marks are of, `labels` or `votes`.
        name: of the attribute; makes ids unique on a page.
        overall: rate of all pictures, around which the band of the tolerance lies; NaN where the bars have none in common.
        tolerance: half the width of the band.
    """
    ends = [end for bar in bars for end in (bar.high, bar.label_rate, bar.beside, overall + tolerance)]
    known = [end for end in ends if not math.isnan(end)]
    end = next((one for one in _ENDS if one >= 100 * max(known, default=1.0)), 100)
    height = _ROW * len(bars) + _AXIS

    def x(share: float) -> str:
        return f"{_LEFT + _WIDTH * min(max(share, 0.0), end / 100) / (end / 100):.2f}%"

    band: list[str] = []
    if not math.isnan(overall):
        low, high = max(overall - tolerance, 0.0), min(overall + tolerance, end / 100)
        band = [
            f'<rect x="{x(low)}" y="0" width="{_WIDTH * (high - low) / (end / 100):.2f}%" height="{height - _AXIS}" '
            f'fill="{_BAND}"/>',
            f'<line x1="{x(overall)}" x2="{x(overall)}" y1="0" y2="{height - _AXIS}" stroke="{_QUIET}" '
            'stroke-dasharray="3 3"/>',
        ]
    parts = [
        *band,
        *(_drawn_bar(bar, _ROW * place, x, truth) for place, bar in enumerate(bars)),
        f'<line x1="{x(0)}" x2="{x(end / 100)}" y1="{height - _AXIS}" y2="{height - _AXIS}" stroke="{_QUIET}"/>',
    ]
    ticks = ((0, "start", "0"), (end / 200, "middle", f"{end / 2:g}"), (end / 100, "end", f"{end} %"))
    parts += [
        f'<text x="{x(at)}" y="{height - 6}" text-anchor="{anchor}" fill="{_QUIET}">{text}</text>'
        for at, anchor, text in ticks
    ]
    about = "; ".join(bar.words(truth) for bar in bars)
    about += "" if math.isnan(overall) else f"; all pictures {percent(overall)}"
    ids = f"{_slug(name)}-drawn", f"{_slug(name)}-described"
    return (
        f'<svg class="rates" role="img" width="100%" height="{height}" aria-labelledby="{ids[0]} {ids[1]}" '
        f'font-family="system-ui, sans-serif" font-size="12.5"><title id="{ids[0]}">{escape(title)}</title>'
        f'<desc id="{ids[1]}">{escape(about)}</desc>{"".join(parts)}</svg>'
    )


def _drawn_bar(bar: Bar, y: int, x: Callable[[float], str], truth: str) -> str:
    weight = ' font-weight="700"' if bar.leading else ""
    words, name = escape(bar.words(truth)), escape(_cut(bar.name))
    if math.isnan(bar.rate):
        return f'<g><title>{words}</title><text x="{x(0)}" y="{y + 13}" fill="{_QUIET}">{name}: too few pictures</text></g>'
    middle, radius = y + 23, 5.5 if bar.leading else 4.5
    hollow = (
        ""
        if math.isnan(bar.label_rate)
        else f'<svg x="{x(bar.label_rate)}" y="{middle}" overflow="visible"><path d="M0-6 6 0 0 6-6 0Z" fill="#fff" '
        f'fill-opacity=".6" stroke="{_LABELS}" stroke-width="1.5"/></svg>'
    )
    others = (
        ""
        if math.isnan(bar.beside)
        else f'<line x1="{x(bar.beside)}" x2="{x(bar.beside)}" y1="{middle - 8}" y2="{middle + 8}" stroke="{_LABELS}" '
        'stroke-width="2"/>'
    )
    return (
        f'<g><title>{words}</title><text x="{x(0)}" y="{y + 13}"{weight}>{name}</text>'
        f'<text x="{_LEFT + _WIDTH:.2f}%" y="{y + 13}" text-anchor="end"{weight}>{100 * bar.rate:.0f} %</text>'
        f'<line x1="{x(bar.low)}" x2="{x(bar.high)}" y1="{middle}" y2="{middle}" stroke="{_PREDICTED}" stroke-width="2"/>'
        f'<circle cx="{x(bar.rate)}" cy="{middle}" r="{radius}" fill="{_PREDICTED}"/>{others}{hollow}</g>'
    )


def _bar(row: Mapping[Any, Any], claims: Claims, columns: Sequence[str], *, leading: bool) -> Bar:
    name = str(row["slice"])
    if len(row["where"]) == len(columns) == 1:
        name = name.removeprefix(f"{column_words(next(iter(row['where'])))}: ")
    counted = not pd.isna(row["p"])
    rate, low, high = (float(row[column]) if counted else math.nan for column in ("rate", "rate_low", "rate_high"))
    return Bar(name, int(row["n"]), rate, low, high, claims.label_rate(row["where"], str(row["emotion"])), leading)


def _overall(result: AuditResult, columns: Sequence[str], claims: Claims, emotion: str) -> float:
    """Rate of all pictures that have a value of each attribute."""
    return float((claims.predicted == emotion)[result.samples[list(columns)].notna().all(axis=1)].mean())


def _cut(name: str) -> str:
    return name if len(name) <= MOST_LETTERS else name[: MOST_LETTERS - 1] + "…"


def _slug(name: str) -> str:
    return re.sub(r"\W+", "-", name)
