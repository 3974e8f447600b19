"""What does the heat map of label anchors look like as a figure? The order, colours and numbers are those of the page."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from affect_workbench.analyses.space.geometry.anchors import AnchorGeometry
from affect_workbench.workbench.interface.style import blank, safe, short
from affect_workbench.workbench.models.anchors.page import ROOMY, colour, heat_rows, span

_CELL, _SMALL_CELL = 44, 24
_SELF = "#ececec"


def heat_figure(geometry: AnchorGeometry) -> go.Figure:
    """Cosines between labels, the more similar the darker."""
    rows = heat_rows(geometry)
    names = [f"{short(row['label'], 24)} {row['sign'][0]}".strip() for row in rows]
    between = ~np.eye(len(rows), dtype=bool)
    low, high = span(geometry)
    roomy = len(rows) <= ROOMY
    figure = blank(height=150 + (_CELL if roomy else _SMALL_CELL) * len(rows))
    figure.add_heatmap(
        z=np.where(between, geometry.cosines[np.ix_(geometry.order, geometry.order)], np.nan),
        x=names,
        y=names,
        zmin=low,
        zmax=high,
        colorscale=[(0, colour(0.0)), (1, colour(1.0))],
        text=[["·" if cell["self"] else cell["text"] for cell in row["cells"]] for row in rows],
        texttemplate="%{text}" if roomy else None,
        hovertext=[["" if cell["self"] else safe(cell["title"]) for cell in row["cells"]] for row in rows],
        hoverinfo="text",
        hoverongaps=False,
        showscale=not roomy,
        xgap=1,
        ygap=1,
    )
    figure.update_layout(plot_bgcolor=_SELF)
    figure.update_xaxes(showgrid=False)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure
