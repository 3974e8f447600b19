"""Which picture lies where? The map of a saved audit, coloured by whatever the reader asks about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface.style import PALETTE, blank, safe, short
from affect_workbench.workbench.report.evidence.choice import truth_of

MOST_AS_SVG = 4_000
ERROR, MARGIN = "agreement with the truth", "prediction margin"
SYMBOLS = ("circle", "diamond", "square", "cross", "triangle-up")


def picture_map(result: AuditResult, *, colour: str = "predicted", most: int | None = None) -> go.Figure | None:
    """The map, coloured by a column of the samples, by error or by margin; `customdata` carries the ids for selections.

    Args:
        result: the audit.
        colour: a column of `samples`, or one of `ERROR` (is the predicted label what most people said?) and `MARGIN`.
        most: at most this many pictures (the first by a fixed shuffle).

    Returns:
        None where there is no map.
    """
    samples = result.samples[result.samples["audit_x"].notna()]
    if samples.empty:
        return None
    if most is not None and len(samples) > most:
        samples = samples.sample(most, random_state=0).sort_index()
    values = _colouring(samples, colour)
    figure = blank(height=560)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    hover = _map_hover(samples)
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values) and values.nunique() > len(PALETTE):
        marker = {"color": values, "colorscale": "Cividis", "colorbar": {"title": safe(column_words(colour))}}
        figure.add_trace(_marks(samples, hover, marker, name=column_words(colour), showlegend=False))
    else:
        for number, (value, at) in enumerate(_groups(values, result.taxonomy.labels)):
            marker = {"color": PALETTE[number % len(PALETTE)], "symbol": SYMBOLS[number // len(PALETTE) % len(SYMBOLS)]}
            figure.add_trace(_marks(samples.iloc[at], [hover[place] for place in at], marker, name=short(value, 40)))
    anchors = (result.run.map or {}).get("anchors") or []
    if anchors:
        figure.add_scatter(
            x=[anchor["x"] for anchor in anchors],
            y=[anchor["y"] for anchor in anchors],
            text=[f"pictures nearest to {safe(anchor['label'])}" for anchor in anchors],
            mode="markers",
            hoverinfo="text",
            marker={"symbol": "star", "size": 13, "color": "#000000", "line": {"width": 1, "color": "#FFFFFF"}},
            name="label anchors",
        )
        for anchor in anchors:
            figure.add_annotation(
                x=anchor["x"],
                y=anchor["y"],
                yshift=16,
                showarrow=False,
                text=f"<b>{safe(anchor['label'])}</b>",
                bgcolor="rgba(255,255,255,0.8)",
                borderpad=1,
                font={"size": 12},
            )
    figure.update_layout(legend={"orientation": "h", "y": -0.02, "itemsizing": "constant"})
    return figure


def colourings(result: AuditResult) -> list[str]:
    """What the map can be coloured by, in the order a reader asks: prediction, label, error, then attributes."""
    first = ["predicted", *(name for name in ("label",) if name in result.samples)]
    if result.samples["audit_agreement"].notna().any():
        first.append(ERROR)
    return [*first, MARGIN, *(name for name in result.run.attributes if name in result.samples)]


def _marks(
    samples: pd.DataFrame, hover: list[str], marker: dict[str, Any], *, name: str, showlegend: bool = True
) -> go.Scatter | go.Scattergl:
    """One group of pictures; SVG while that is fast, because it prints and needs no WebGL."""
    kind = go.Scatter if len(samples) <= MOST_AS_SVG else go.Scattergl
    return kind(
        x=samples["audit_x"].round(3),
        y=samples["audit_y"].round(3),
        mode="markers",
        name=name,
        showlegend=showlegend,
        customdata=samples[["image_id"]],
        text=hover,
        hoverinfo="text",
        marker={"size": 5, "opacity": 0.75, **marker},
    )


def _colouring(samples: pd.DataFrame, colour: str) -> pd.Series:
    if colour == MARGIN:
        return samples["audit_margin"]
    if colour != ERROR:
        return samples[colour]
    right = np.where(samples["audit_agreement"] >= 0.5, "agrees with the truth", "disagrees with the truth")
    return pd.Series(np.where(samples["audit_agreement"].isna(), "no label", right), index=samples.index, name=ERROR)


def _groups(values: pd.Series, labels: Sequence[str]) -> list[tuple[Any, np.ndarray[Any, Any]]]:
    """(value, positions), labels in the taxonomy's order, other values by size; beyond 24 the rest is one group."""
    text = values.astype(object).where(values.notna(), "not known").astype(str).to_numpy()
    counts = pd.Series(text).value_counts()
    names = [label for label in labels if label in counts.index]
    names += sorted((name for name in counts.index if name not in names), key=lambda name: (-counts[name], name))
    shown, rest = names[:24], names[24:]
    groups: list[tuple[Any, np.ndarray[Any, Any]]] = [(name, np.flatnonzero(text == name)) for name in shown]
    return [*groups, (f"{len(rest)} other values", np.flatnonzero(np.isin(text, rest)))] if rest else groups


def _map_hover(samples: pd.DataFrame) -> list[str]:
    return [
        f"{short(row['image_id'], 48)}<br>predicted as {safe(row['predicted'])}"
        + (f", {safe(truth_of(row))}" if pd.notna(row.get("label")) else "")
        for row in samples.to_dict("records")
    ]
