"""What does the space that pictures are read in look like? Figures of the tables that an audit keeps of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.space.erasure.erasure_test import RUNS_THROUGH
from affect_workbench.workbench.interface.numbers import points, small_p
from affect_workbench.workbench.interface.style import BLUE, ORANGE, VERMILION, blank, safe, short
from affect_workbench.workbench.report.figures.findings import pull_heat_map
from affect_workbench.workbench.report.figures.map import look
from affect_workbench.workbench.report.space.sentences import leading_erasures, plane_objection

MOST_SLICES = 30
MOST_CELLS = 14
SURE = 0.05
_PLANE_HEIGHT = 430
"""Pixels that the pictures of the plane fill."""


def within_pull(result: AuditResult, *, most: int = MOST_SLICES) -> go.Figure | None:
    """Pull of every slice toward every emotion among pictures of the same label, in hundredths; sure ones have a number.

    None where nobody knows a label, or nothing is pulled anywhere.
    """
    table = result.table("space_pull")
    if table is None or table["pull_within"].isna().all():
        return None
    known = table[table["pull_within"].notna() & (table["n_within"] >= result.run.config.min_count)]
    strongest = known.groupby("slice", sort=False)["pull_within"].agg(lambda column: column.abs().max()).nlargest(most).index
    slices = [name for name in dict.fromkeys(known["slice"]) if name in set(strongest)]
    if not slices:
        return None
    labels = list(result.taxonomy.labels)
    values = known.pivot(index="slice", columns="emotion", values="pull_within").reindex(index=slices, columns=labels)
    sure = known.pivot(index="slice", columns="emotion", values="q_within").reindex(index=slices, columns=labels) <= SURE
    return pull_heat_map(100 * values, sure, measure=result.run.measure)


def erasure(result: AuditResult, *, most: int = MOST_CELLS) -> go.Figure | None:
    """Skews before and after the attribute is erased, the largest first; filled: more went than with random directions.

    None where no skew was tested so.
    """
    cells = leading_erasures(result).head(most)
    if cells.empty:
        return None
    figure = blank(height=110 + 32 * len(cells))
    figure.add_vline(x=0, line_color="#555555", line_width=1)
    places = np.arange(len(cells))
    for start, stop, place in zip(cells["before"], cells["after"], places, strict=True):
        figure.add_scatter(
            x=[100 * start, 100 * stop],
            y=[place, place],
            mode="lines",
            line={"color": "#BDBDBD", "width": 3},
            showlegend=False,
            hoverinfo="skip",
        )
    through = (cells["verdict"] == RUNS_THROUGH).to_numpy()
    figure.add_scatter(
        x=100 * cells["before"],
        y=places,
        mode="markers",
        name="before erasing",
        hoverinfo="text",
        marker={"color": VERMILION, "size": 10, "symbol": "diamond"},
        hovertext=[f"{short(row.slice)} → {safe(row.emotion)}: {points(row.before)} points" for row in _rows(cells)],
    )
    for chosen, name, symbol in (
        (through, "after erasing: more removed than by 97.5 % of random directions", "circle"),
        (~through, "after erasing: no more removed than by random directions", "circle-open"),
    ):
        if chosen.any():
            figure.add_scatter(
                x=100 * cells["after"][chosen],
                y=places[chosen],
                mode="markers",
                name=name,
                hoverinfo="text",
                marker={"color": BLUE, "size": 10, "symbol": symbol, "line": {"width": 2, "color": BLUE}},
                hovertext=[
                    f"{short(row.slice)} → {safe(row.emotion)}: {points(row.after)} points, {safe(small_p(row.p))}"
                    for row in _rows(cells[chosen])
                ],
            )
    figure.update_yaxes(
        tickvals=places.tolist(),
        autorange="reversed",
        automargin=True,
        showgrid=False,
        ticktext=[f"{short(row.slice)} → <b>{safe(row.emotion)}</b>" for row in _rows(cells)],
    )
    figure.update_xaxes(title="difference from the other pictures of the same label, points", zeroline=False)
    if cells["method"].eq("plain").all():
        figure.update_xaxes(title="difference from the other pictures, points")
    return figure


def hubs(result: AuditResult) -> go.Figure | None:
    """For each label the share of pictures nearest to it, with its interval, and how many ought to be."""
    table = result.table("space_hubs")
    if table is None:
        return None
    figure = blank(height=110 + 26 * len(table))
    places = np.arange(len(table))
    figure.add_scatter(
        x=100 * table["prior"],
        y=places,
        mode="markers",
        name=_prior_name(table),
        hoverinfo="text",
        marker={"color": ORANGE, "size": 11, "symbol": "diamond-open", "line": {"width": 2, "color": ORANGE}},
        hovertext=[f"{safe(row.emotion)}: {100 * row.prior:.1f} %" for row in _rows(table)],
    )
    figure.add_scatter(
        x=100 * table["share"],
        y=places,
        mode="markers",
        name="nearest to the label",
        hoverinfo="text",
        error_x={
            "type": "data",
            "symmetric": False,
            "thickness": 2,
            "width": 4,
            "array": 100 * (table["high"] - table["share"]),
            "arrayminus": 100 * (table["share"] - table["low"]),
        },
        marker={"color": BLUE, "size": 9},
        hovertext=[f"{safe(row.emotion)}: {100 * row.share:.1f} %, {row.hits:,} pictures" for row in _rows(table)],
    )
    figure.update_yaxes(
        tickvals=places.tolist(),
        ticktext=[safe(label) for label in table["emotion"]],
        autorange="reversed",
        automargin=True,
        showgrid=False,
    )
    figure.update_xaxes(title="share of pictures, %", rangemode="tozero")
    return figure


def plane(result: AuditResult, *, most: int = 2_000) -> go.Figure | None:
    """Pictures in the plane of the label vectors, coloured by what they are predicted as; labels stand where they are."""
    places, labels = result.table("space_plane"), result.table("space_plane_labels")
    if places is None or labels is None:
        return None
    if plane_objection(result):
        return None
    known = result.samples.loc[result.samples["image_id"].isin(places["image_id"]), ["image_id", "predicted"]]
    placed = known.merge(places, on="image_id")
    if len(placed) > most:
        placed = placed.sample(most, random_state=0).sort_index()
    figure = blank(height=520)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    for number, label in enumerate(result.taxonomy.labels):
        part = placed[placed["predicted"] == label]
        if len(part):
            figure.add_scatter(
                x=part["x"].round(4),
                y=part["y"].round(4),
                mode="markers",
                name=short(label, 40),
                hoverinfo="text",
                hovertext=[short(name, 48) for name in part["image_id"]],
                marker={"size": 6, "opacity": 0.6, **look(number)},
            )
    figure.add_scatter(
        x=labels["x"],
        y=labels["y"],
        mode="markers",
        name="label vectors",
        hoverinfo="text",
        hovertext=[safe(label) for label in labels["label"]],
        marker={"symbol": "star", "size": 13, "color": "#000000", "line": {"width": 1, "color": "#FFFFFF"}},
    )
    for row, (along, up) in zip(_rows(labels), _free_places(labels, placed), strict=True):
        figure.add_annotation(
            x=row.x,
            y=row.y,
            xshift=along,
            yshift=up,
            showarrow=False,
            text=f"<b>{safe(row.label)}</b>",
            bgcolor="rgba(255,255,255,0.8)",
            borderpad=1,
            font={"size": 12},
        )
    figure.update_layout(legend={"orientation": "h", "y": -0.02, "yanchor": "top", "itemsizing": "constant"})
    return figure


def _free_places(labels: pd.DataFrame, pictures: pd.DataFrame) -> list[tuple[float, float]]:
    """Where to write each label's name, in pixels from its star, so that names keep clear of stars and of each other."""
    span = float(max(np.ptp(np.append(pictures["y"], labels["y"])), np.ptp(np.append(pictures["x"], labels["x"])) / 2, 1e-9))
    stars = labels[["x", "y"]].to_numpy() * _PLANE_HEIGHT / span
    taken = [(x - 9, y - 9, x + 9, y + 9) for x, y in stars]
    offsets = []
    for (x, y), label in zip(stars, labels["label"], strict=True):
        wide = 4.0 * len(str(label)) + 4
        around = [
            (along * (wide + 11), up * 18.0)
            for along, up in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1), (1, -1), (-1, 1))
        ]
        boxes = [(x + dx - wide, y + dy - 9, x + dx + wide, y + dy + 9) for dx, dy in around]
        best = int(np.argmin([sum(_shared(box, other) for other in taken) for box in boxes]))
        taken.append(boxes[best])
        offsets.append(around[best])
    return offsets


def _shared(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Area that two rectangles (left, bottom, right, top) share."""
    wide, high = (min(one[at + 2], other[at + 2]) - max(one[at], other[at]) for at in (0, 1))
    return max(wide, 0.0) * max(high, 0.0)


def _prior_name(table: pd.DataFrame) -> str:
    kind = table["prior_is"].iloc[0]
    return "equal share of all labels" if kind == "even" else f"expected from the {kind}"


def _rows(table: pd.DataFrame) -> Iterator[Any]:
    return table.itertuples()
