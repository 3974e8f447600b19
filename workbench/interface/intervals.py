"""How does a list of differences with their intervals look? A row each, up to three series, over the band of tolerance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from affect_workbench.workbench.interface.style import BLUE, GREEN, GREY, ORANGE, axis_title, blank, safe, short

_COLOURS = (BLUE, ORANGE, GREY)
_SYMBOLS = ("circle", "diamond", "square")
_LANE = {1: 0.0, 2: 0.3, 3: 0.24}
"""How far apart the series of a row stand, in rows."""
_ROW = {1: 30, 2: 36, 3: 44}


@dataclass(frozen=True)
class Series:
    """One number a row with its interval, in the unit of the axis; NaN is not drawn.

    Attributes:
        name: in the legend; nothing there for a single series.
        value: `(r,)`.
        low: lower ends.
        high: upper ends.
        filled: which markers are filled (beyond chance); all when not given.
    """

    name: str
    value: pd.Series
    low: pd.Series
    high: pd.Series
    filled: Sequence[bool] | None = None

    @classmethod
    def of(
        cls,
        name: str,
        table: pd.DataFrame,
        columns: Sequence[str] = ("effect", "low", "high"),
        *,
        scale: float = 100.0,
        filled: pd.Series | None = None,
    ) -> Series:
        """Three columns of a table: number, low, high; shares become points."""
        value, low, high = (scale * table[column] for column in columns)
        return cls(name, value, low, high, None if filled is None else [bool(full) for full in filled])


def interval_figure(names: Sequence[str], series: Sequence[Series], *, axis: str, band: float | None = None) -> go.Figure:
    """Rows from the top down.

    Args:
        names: what each row is, plain text.
        series: one, or up to three to be compared.
        axis: title of the axis, with its unit.
        band: tolerance around zero, in the unit of the axis.
    """
    figure = blank(height=110 + _ROW[len(series)] * max(len(names), 1))
    if band:
        figure.add_vrect(x0=-band, x1=band, fillcolor=GREEN, opacity=0.13, line_width=0, layer="below")
    figure.add_vline(x=0, line_color="#555555", line_width=1)
    places = np.arange(len(names))
    for number, one in enumerate(series):
        filled = np.ones(len(names), bool) if one.filled is None else np.asarray(one.filled, bool)
        value, low, high = (np.asarray(part, dtype=float) for part in (one.value, one.low, one.high))
        colour, symbol = _COLOURS[number], _SYMBOLS[number]
        figure.add_scatter(
            x=value,
            y=places + _LANE[len(series)] * (number - (len(series) - 1) / 2),
            mode="markers",
            name=one.name,
            showlegend=len(series) > 1,
            error_x={
                "type": "data",
                "symmetric": False,
                "array": np.maximum(high - value, 0),
                "arrayminus": np.maximum(value - low, 0),
                "thickness": 2,
                "width": 4,
            },
            marker={
                "color": colour,
                "size": 10,
                "line": {"width": 2, "color": colour},
                "symbol": [symbol if full else f"{symbol}-open" for full in filled],
            },
            hovertext=[
                f"<b>{short(name, 90)}</b><br>{one.name}: {_number(v)} [{_number(a)}, {_number(b)}]"
                for name, v, a, b in zip(names, value, low, high, strict=True)
            ],
            hoverinfo="text",
        )
    figure.update_yaxes(
        tickvals=places.tolist(),
        ticktext=[short(name, 60) for name in names],
        range=[len(names) - 0.5, -0.5],
        automargin=True,
        showgrid=False,
        zeroline=False,
    )
    figure.update_xaxes(title=axis_title(safe(axis)), zeroline=False, automargin=True)
    return figure


def _number(value: float) -> str:
    return f"{value:+.3g}".replace("-", "−")
