"""What do a probe's confidence, and what abstaining would bring, look like? Plotly figures of ready tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go

from affect_workbench.workbench.interface.style import GREY, PALETTE, VERMILION, blank, safe, short

MOST_POINTS = 400
"""Points that a curve is drawn with; a curve of more thresholds is thinned evenly over coverage."""
FEWEST = 10
"""Answered pictures from which the coverage curve is drawn: the interval of fewer spans half the figure."""
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "pentagon")
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash")
_HEIGHT = 430
_RIGHT = 30
"""Margin in which the last tick, 100 %, has room."""


def reliability_figure(tables: Mapping[str, pd.DataFrame]) -> go.Figure:
    """Accuracy against confidence, with the 95 % interval of each bin; on the dashed line confidence can be believed.

    Args:
        tables: what to call it -> what `probes.evaluation.calibration.reliability` returned; several are told apart by
            colour and mark.

    Raises:
        ValueError: no table, or more than can be told apart.
    """
    _require_some(tables)
    figure = blank(height=_HEIGHT)
    lowest = min(min(table["confidence"].min(), table["low"].min()) for table in tables.values())
    start = 100 * max(0.0, np.floor(10 * lowest) / 10)
    figure.add_scatter(
        x=[start, 100],
        y=[start, 100],
        mode="lines",
        line={"color": GREY, "width": 1.5, "dash": "dash"},
        name="confidence = accuracy",
        hoverinfo="skip",
    )
    for number, (name, table) in enumerate(tables.items()):
        colour = PALETTE[number]
        figure.add_scatter(
            x=100 * table["confidence"],
            y=100 * table["accuracy"],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": 100 * (table["high"] - table["accuracy"]).clip(lower=0),
                "arrayminus": 100 * (table["accuracy"] - table["low"]).clip(lower=0),
                "thickness": 1.5,
                "width": 3,
            },
            mode="lines+markers",
            name=short(name),
            line={"color": colour, "width": 1},
            marker={"color": colour, "size": 8, "symbol": _SYMBOLS[number]},
            hovertext=[_said(name, row) for row in table.itertuples()],
            hoverinfo="text",
        )
    figure.update_xaxes(title="confidence: mean top probability of the bin", ticksuffix=" %", range=[start - 1, 101])
    figure.update_yaxes(title="accuracy, 95 % interval", ticksuffix=" %", range=[start - 2, 102])
    figure.update_layout(margin_r=_RIGHT)
    return figure


def coverage_figure(curves: Mapping[str, pd.DataFrame], *, threshold: float | None = None) -> go.Figure:
    """Accuracy among the answered against the share that is answered, the least sure left out first, with 95 % bands.

    Args:
        curves: what to call it -> what `probes.evaluation.calibration.coverage_curve` returned.
        threshold: a ring marks where the first of them stands when it abstains below this confidence.

    Raises:
        ValueError: no curve, or more than can be told apart.
    """
    _require_some(curves)
    figure = blank(height=_HEIGHT)
    for number, (name, curve) in enumerate(curves.items()):
        colour = PALETTE[number]
        part = curve.iloc[_drawn(curve, MOST_POINTS)]
        x = 100 * part["coverage"].to_numpy()
        figure.add_scatter(
            x=np.concatenate([x, x[::-1]]),
            y=100 * np.concatenate([part["high"], part["low"].to_numpy()[::-1]]),
            mode="lines",
            line={"width": 0},
            fill="toself",
            fillcolor=_veil(colour),
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_scatter(
            x=x,
            y=100 * part["accuracy"],
            mode="lines",
            name=short(name),
            line={"color": colour, "width": 2, "dash": _DASHES[number]},
            hovertext=[_answered(name, row) for row in part.itertuples()],
            hoverinfo="text",
        )
    if threshold is not None:
        _mark(figure, *next(iter(curves.items())), threshold)
    figure.update_xaxes(title="coverage: share answered, most confident first", ticksuffix=" %", range=[0, 102], dtick=20)
    figure.update_yaxes(title="accuracy of the answered", ticksuffix=" %")
    figure.update_layout(margin_r=_RIGHT)
    return figure


def thinned(curve: pd.DataFrame, *, threshold: float | None = None) -> pd.DataFrame:
    """As much of a coverage curve as a figure of it shows, and the row where the answered begin at `threshold`."""
    kept = _drawn(curve, MOST_POINTS - 1)
    if threshold is not None:
        kept = np.union1d(kept, np.flatnonzero(curve["threshold"] >= threshold)[-1:])
    return curve.iloc[kept].reset_index(drop=True)


def _mark(figure: go.Figure, name: str, curve: pd.DataFrame, threshold: float) -> None:
    """A ring where the curve stands at this threshold; none where no picture is as sure."""
    reached = curve[curve["threshold"] >= threshold].tail(1)
    figure.add_scatter(
        x=100 * reached["coverage"],
        y=100 * reached["accuracy"],
        mode="markers",
        name=f"answered: confidence ≥ {100 * threshold:.1f} %",
        marker={"color": VERMILION, "size": 12, "symbol": "circle-open", "line": {"width": 3}},
        hovertext=[_answered(name, row) for row in reached.itertuples()],
        hoverinfo="text",
    )


def _said(name: str, row: Any) -> str:
    return (
        f"<b>{safe(name)}</b><br>{row.n:,} pictures, mean confidence {100 * row.confidence:.1f} %<br>accuracy "
        f"{100 * row.accuracy:.1f} % [{100 * row.low:.1f}, {100 * row.high:.1f}]"
    )


def _answered(name: str, row: Any) -> str:
    return (
        f"<b>{safe(name)}</b><br>coverage {100 * row.coverage:.1f} % ({row.n:,} answered), confidence ≥ "
        f"{100 * row.threshold:.1f} %<br>accuracy {100 * row.accuracy:.1f} % [{100 * row.low:.1f}, "
        f"{100 * row.high:.1f}]"
    )


def _drawn(curve: pd.DataFrame, most: int) -> npt.NDArray[np.int64]:
    """Positions of the rows that are drawn: none of very few pictures (unless all are), evenly over coverage."""
    told = np.flatnonzero(curve["n"] >= min(FEWEST, int(curve["n"].iloc[-1])))
    if len(told) <= most:
        return told
    coverage = curve["coverage"].to_numpy()[told]
    wanted = np.linspace(coverage[0], coverage[-1], most)
    return told[np.unique(np.searchsorted(coverage, wanted).clip(max=len(told) - 1))]


def _veil(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"


def _require_some(tables: Mapping[str, pd.DataFrame]) -> None:
    if not 1 <= len(tables) <= len(PALETTE):
        raise ValueError(f"{len(tables)} curves were given: between 1 and {len(PALETTE)} can be drawn and distinguished")
