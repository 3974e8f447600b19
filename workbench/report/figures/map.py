"""Which picture lies where? The map of a saved audit, coloured by whatever the reader asks about.

Up to `MOST_POINTS` pictures are points; more are a density, with the points of a chosen slice on top.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.arrays import Mask
from affect_workbench.data.tables.columns import VOTE_PREFIX, column_words
from affect_workbench.workbench.interface.style import GREY, PALETTE, blank, safe, short
from affect_workbench.workbench.report.sentences import map_objection

MOST_AS_SVG = 4_000
MOST_POINTS = 50_000
ERROR, MARGIN = "agreement with the truth", "prediction margin"
SYMBOLS = ("circle", "diamond", "square", "cross", "triangle-up", "x", "triangle-down", "star-diamond")
_CELLS = 160
"""Cells of the density, across and up."""


def picture_map(
    result: AuditResult,
    *,
    colour: str = "predicted",
    most: int | None = None,
    among: Mask | None = None,
    on_top: Mask | None = None,
) -> go.Figure | None:
    """The map, coloured by a column of the samples, by error or by margin; `customdata` carries the ids for selections.

    Args:
        result: the audit.
        colour: a column of `samples`, or one of `ERROR` (is the predicted label what most people said?) and `MARGIN`.
        most: at most this many pictures (the first by a fixed shuffle).
        among: which pictures may be drawn `(n,)`; None for all.
        on_top: which of them are coloured, before all others in grey `(n,)`; None for all.

    Returns:
        None where there is no map, or none that means anything (`workbench.report.sentences.map_objection`).
    """
    mapped = result.samples["audit_x"].notna().to_numpy()
    shown = mapped if among is None else mapped & among
    if not shown.any() or map_objection(result.run.map):
        return None
    at = np.flatnonzero(shown)
    if most is not None and len(at) > most:
        at = np.sort(np.random.default_rng(0).choice(at, most, replace=False))
    dense = len(at) > MOST_POINTS
    coloured = at if on_top is None else at[on_top[at]]
    if dense and (on_top is None or len(coloured) > MOST_POINTS):
        coloured = at[:0]
    figure = blank(height=560)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    behind = at if dense else np.setdiff1d(at, coloured, assume_unique=True)
    if dense:
        figure.add_trace(_density(result.samples, at if on_top is None or len(coloured) else at[on_top[at]]))
    elif len(behind):
        rest = result.samples.iloc[behind]
        grey = {"color": GREY, "symbol": "circle", "size": 4, "opacity": 0.35}
        figure.add_trace(_marks(rest, _map_hover(rest), grey, name="other pictures"))
    if len(coloured):
        _add_points(figure, result, result.samples.iloc[coloured], colour)
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
    for label, x, y in [(anchor["label"], anchor["x"], anchor["y"]) for anchor in anchors] or _centres(result, at):
        figure.add_annotation(
            x=x,
            y=y,
            yshift=16 if anchors else 0,
            showarrow=False,
            text=f"<b>{safe(label)}</b>",
            bgcolor="rgba(255,255,255,0.8)",
            borderpad=1,
            font={"size": 12},
        )
    figure.update_layout(legend={"orientation": "h", "y": -0.02, "itemsizing": "constant"})
    return figure


def look(number: int) -> dict[str, str]:
    """Colour and shape of group `number`; shapes differ as well, so that colour alone never tells two of eight apart."""
    turn, place = divmod(number, len(PALETTE))
    return {"color": PALETTE[place], "symbol": SYMBOLS[(place + turn) % len(SYMBOLS)]}


def colourings(result: AuditResult) -> list[str]:
    """What the map can be coloured by, in the order a reader asks: prediction, label, error, then attributes."""
    first = ["predicted", *(name for name in ("label",) if name in result.samples)]
    if result.samples["audit_agreement"].notna().any():
        first.append(ERROR)
    return [*first, MARGIN, *(name for name in result.run.attributes if name in result.samples)]


def _add_points(figure: go.Figure, result: AuditResult, samples: pd.DataFrame, colour: str) -> None:
    values, hover = _colouring(samples, colour), _map_hover(samples)
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values) and values.nunique() > len(PALETTE):
        marker = {"color": values, "colorscale": "Cividis", "colorbar": {"title": safe(column_words(colour))}}
        figure.add_trace(_marks(samples, hover, marker, name=column_words(colour), showlegend=False))
        return
    for number, (value, at) in enumerate(_groups(values, result.taxonomy.labels)):
        figure.add_trace(_marks(samples.iloc[at], [hover[place] for place in at], look(number), name=short(value, 40)))


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
        marker={"size": 6, "opacity": 0.75, **marker},
    )


def _density(samples: pd.DataFrame, at: npt.NDArray[np.int64]) -> go.Heatmap:
    """How many of these pictures lie in each cell of the map, on a scale of powers of ten; empty cells are not drawn."""
    x, y = (samples[name].to_numpy(np.float64)[at] for name in ("audit_x", "audit_y"))
    counts, across, up = np.histogram2d(x, y, bins=_CELLS)
    with np.errstate(divide="ignore"):
        height = np.where(counts > 0, np.log10(counts), np.nan).T
    powers = list(range(int(np.nanmax(height)) + 1))
    return go.Heatmap(
        x=(across[1:] + across[:-1]) / 2,
        y=(up[1:] + up[:-1]) / 2,
        z=height.round(2),
        colorscale=((0.0, "#E8EEF4"), (1.0, "#31475E")),
        colorbar={"title": "pictures", "tickvals": powers, "ticktext": [f"{10**power:,}" for power in powers]},
        name="density",
        hoverinfo="skip",
    )


def _centres(result: AuditResult, at: npt.NDArray[np.int64]) -> list[tuple[str, float, float]]:
    """Each predicted emotion and the median place of its pictures."""
    columns = result.samples[["predicted", "audit_x", "audit_y"]].iloc[at]
    middle = columns.groupby("predicted")[["audit_x", "audit_y"]].median()
    places = {str(label): (float(x), float(y)) for label, (x, y) in zip(middle.index, middle.to_numpy(), strict=True)}
    return [(label, *places[label]) for label in result.taxonomy.labels if label in places]


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
    """What is said of each picture; of pictures predicted, labelled and voted alike it is worked out once."""
    votes = [name for name in map(str, samples) if name.startswith(VOTE_PREFIX)]
    columns = samples[["predicted", *(["label"] if "label" in samples else [])]].astype(object)
    if "label" in columns:
        shares = samples[votes].to_numpy(np.float64) if votes else np.zeros((len(samples), 1))
        most = np.nan_to_num(shares).max(axis=1)
        names = [name.removeprefix(VOTE_PREFIX) for name in votes] or [""]
        same = np.stack([columns["label"].to_numpy() == name for name in names], axis=1)
        own = np.where(same, np.nan_to_num(shares), 0.0).sum(axis=1)  # 0 where nobody was asked about the label
        columns["voted"] = (own == most) & (own > 0)
    codes, kinds = pd.factorize(pd.MultiIndex.from_frame(columns))
    words = [f"<br>{safe(_said(dict(zip(columns, kind, strict=True))))}" for kind in kinds]
    return [f"{short(name, 48)}{words[code]}" for name, code in zip(samples["image_id"], codes, strict=True)]


def _said(kind: Mapping[Any, Any]) -> str:
    truth = f", {'mostly voted' if kind['voted'] else 'labelled'} {kind['label']}" if pd.notna(kind.get("label")) else ""
    return f"predicted as {kind['predicted']}{truth}"
