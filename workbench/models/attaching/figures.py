"""What did a model answer about one picture, and what do its places say of it? Plotly figures of ready tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from affect_workbench.workbench.interface.style import BLUE, PALETTE, blank, safe, short

_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star", "x", "triangle-down")
_BAR = "#BFD9EA"
_ROW = 34
_TALL_ROW = 56
_MOST_WRITTEN = 12
"""Labels beyond which no number is written into the cells."""
_LANES = 0.32
"""How far the points of the first and the last prompt lie from the middle of their bar, which is 0.8 wide."""


def answer_figure(shares: pd.DataFrame, *, what: str, label: str | None = None) -> go.Figure:
    """A bar a label, the mean over prompts; on it a point a prompt, each prompt in a lane of its own.

    Args:
        shares: prompts x labels.
        what: what the numbers are, e.g. "probability".
        label: the true label, marked at the axis.
    """
    labels = [str(one) for one in shares.columns]
    rows = np.arange(len(labels), dtype=np.float64)
    figure = blank(height=130 + _TALL_ROW * len(labels))
    mean = 100 * shares.mean(axis=0).to_numpy(np.float64)
    figure.add_bar(
        x=mean,
        y=rows,
        orientation="h",
        width=0.8,
        name="mean over prompts",
        marker={"color": _BAR, "line": {"color": BLUE, "width": 1}},
        hovertext=[f"<b>{safe(one)}</b>: mean {value:.1f} %" for one, value in zip(labels, mean, strict=True)],
        hoverinfo="text",
    )
    lanes = np.linspace(-_LANES, _LANES, len(shares)) if len(shares) > 1 else np.zeros(1)
    for number, (prompt, row) in enumerate(shares.iterrows()):
        values = 100 * row.to_numpy(np.float64)
        figure.add_scatter(
            x=values,
            y=rows + lanes[number],
            mode="markers",
            name=short(prompt, 24),
            marker={
                "color": PALETTE[number % len(PALETTE)],
                "symbol": _SYMBOLS[number % len(_SYMBOLS)],
                "size": 7,
                "line": {"color": "#FFFFFF", "width": 0.5},
            },
            hovertext=[
                f"<b>{safe(one)}</b>, prompt {safe(prompt)}: {value:.1f} %"
                for one, value in zip(labels, values, strict=True)
            ],
            hoverinfo="text",
        )
    names = [short(one, 28) + (" (label)" if one == label else "") for one in labels]
    figure.update_yaxes(tickvals=rows, ticktext=names, autorange="reversed", automargin=True, zeroline=False, showgrid=False)
    figure.update_xaxes(title=f"{what}, %", range=[-1, 101], automargin=True)
    return figure


def places_figure(shares: pd.DataFrame) -> go.Figure:
    """A heat map: a row a place, from the model's input down to its output, a column a label; the largest in bold.

    Args:
        shares: places x labels, probabilities.
    """
    values = 100 * shares.to_numpy(np.float64)
    places, labels = [short(place, 32) for place in shares.index], [short(label, 24) for label in shares.columns]
    largest = values == values.max(axis=1, keepdims=True)
    texts = [
        [f"<b>{value:.0f}</b>" if top else f"{value:.0f}" for value, top in zip(row, tops, strict=True)]
        for row, tops in zip(values, largest, strict=True)
    ]
    figure = blank(height=120 + _ROW * len(places))
    figure.add_heatmap(
        z=values,
        x=list(range(len(labels))),
        y=list(range(len(places))),
        zmin=0,
        zmax=100,
        colorscale=((0.0, "#FFFFFF"), (1.0, BLUE)),
        xgap=2,
        ygap=2,
        text=texts,
        texttemplate="%{text}" if len(labels) <= _MOST_WRITTEN else None,
        hovertext=[
            [f"<b>{place}</b><br>{label}: {value:.1f} %" for label, value in zip(labels, row, strict=True)]
            for place, row in zip(places, values, strict=True)
        ],
        hoverinfo="text",
        colorbar={"title": {"text": "%"}, "thickness": 12},
    )
    figure.update_yaxes(tickvals=list(range(len(places))), ticktext=places, autorange="reversed", automargin=True)
    figure.update_xaxes(tickvals=list(range(len(labels))), ticktext=labels, automargin=True, zeroline=False)
    figure.update_yaxes(title="place, from input to output", zeroline=False)
    return figure
