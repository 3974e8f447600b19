"""What does a probe find in one picture? A bar an emotion."""

from __future__ import annotations

import plotly.graph_objects as go

from affect_workbench.data.instruct.conditioning import Ranked
from affect_workbench.workbench.interface.style import BLUE, ORANGE, blank, safe, short

_ROW = 26


def emotions_figure(emotions: Ranked, *, asked: str) -> go.Figure:
    """A bar a label, the likeliest on top; the label that stands in the question in another colour.

    Args:
        emotions: labels with probabilities, the likeliest first.
        asked: the label in the question; empty where there is none.
    """
    labels = [label for label, _ in emotions]
    values = [100 * share for _, share in emotions]
    rows = list(range(len(labels)))
    figure = blank(height=80 + _ROW * len(labels))
    figure.add_bar(
        x=values,
        y=rows,
        orientation="h",
        marker={"color": [ORANGE if label == asked else BLUE for label in labels]},
        text=[f"{value:.1f}" for value in values],
        textposition="outside",
        cliponaxis=False,
        hovertext=[f"<b>{safe(label)}</b>: {value:.1f} %" for label, value in zip(labels, values, strict=True)],
        hoverinfo="text",
    )
    names = [short(label, 28) + (" (in the question)" if label == asked else "") for label in labels]
    figure.update_yaxes(tickvals=rows, ticktext=names, autorange="reversed", automargin=True, zeroline=False, showgrid=False)
    figure.update_xaxes(title="probability, %", range=[0, 109], automargin=True)
    return figure
