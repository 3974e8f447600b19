"""How right is each model, and how sure is that? One plotly figure of a ready table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from affect_workbench.workbench.interface.style import BLUE, GREEN, GREY, VERMILION, blank, safe, short

_STYLE = {
    "probe": (BLUE, "circle", "the probe"),
    "model": (BLUE, "circle", "the model"),
    "baseline": (GREY, "square", "baselines"),
    "zero-shot": (GREEN, "triangle-up", "zero-shot text"),
    "reported": (VERMILION, "diamond-open", "reported by TinyEmo, no interval"),
}


def accuracy_figure(table: pd.DataFrame, *, measure: str = "accuracy") -> go.Figure:
    """Accuracy of every model with its 95 % interval, in the order of the table; kinds differ in colour and mark.

    Args:
        table: one row a model: `model`, `kind`, `accuracy`, `low`, `high` (NaN where there is no interval).
        measure: what it is called: with votes, vote agreement.
    """
    figure = blank(height=100 + 27 * len(table))
    for kind in dict.fromkeys(table["kind"]):
        at = np.flatnonzero((table["kind"] == kind).to_numpy())
        part = table.iloc[at]
        colour, symbol, name = _STYLE[kind]
        figure.add_scatter(
            x=100 * part["accuracy"],
            y=at,
            error_x={
                "type": "data",
                "symmetric": False,
                "array": (100 * (part["high"] - part["accuracy"])).fillna(0),
                "arrayminus": (100 * (part["accuracy"] - part["low"])).fillna(0),
                "thickness": 2,
                "width": 0 if kind == "reported" else 5,
            },
            mode="markers",
            name=name,
            marker={"color": colour, "size": 10, "symbol": symbol, "line": {"width": 2, "color": colour}},
            hovertext=[
                f"<b>{safe(model)}</b><br>{100 * accuracy:.1f} %"
                for model, accuracy in zip(part["model"], part["accuracy"], strict=True)
            ],
            hoverinfo="text",
        )
    figure.update_yaxes(
        tickvals=list(range(len(table))),
        ticktext=[short(model.replace(", reported", ""), 60) for model in table["model"]],
        range=[len(table) - 0.4, -0.6],
        automargin=True,
        zeroline=False,
    )
    figure.update_xaxes(title=f"{measure}, 95 % interval", ticksuffix=" %", range=[0, 101], zeroline=False)
    figure.update_layout(margin_r=40, showlegend=True)
    return figure
