"""What does an audit look like? Plotly figures of a saved audit, one function a figure, nothing computed anew.

Colours are from Okabe and Ito's colour-blind-safe set; differences use blue to vermilion through white, centred on zero.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.skew.findings import on_its_own
from affect_workbench.workbench.interface.numbers import percent, points, small_q
from affect_workbench.workbench.interface.style import (
    BLUE,
    DIVERGING,
    GREEN,
    ORANGE,
    VERDICT_COLOURS,
    axis_title,
    blank,
    safe,
    short,
)
from affect_workbench.workbench.report.comparisons import compared_with

MOST_ROWS = 20
MOST_SLICES = 48


def forest(result: AuditResult, *, most: int = MOST_ROWS) -> go.Figure:
    """Effects with their intervals, strongest first, over the tolerance band; hollow markers are not skewed."""
    return verdict_forest(
        _leading(result.findings, most),
        "effect",
        colours=VERDICT_COLOURS,
        filled=("skewed",),
        hover=_hover,
        axis=f"difference from {compared_with(result.findings).axis}, points",
        band=100 * result.run.config.tolerance,
    )


def verdict_forest(
    rows: pd.DataFrame,
    value: str,
    *,
    colours: Mapping[str, str],
    filled: Collection[str],
    hover: Callable[[Any], str],
    axis: str,
    band: float | None = None,
) -> go.Figure:
    """A row a slice and emotion, a colour a verdict, each with its 95 % interval.

    Args:
        rows: from the top down: `slice`, `emotion`, `verdict`, the column `value`, its `low` and `high`, as shares.
        value: the column that is drawn, in points.
        colours: verdict -> colour.
        filled: verdicts whose markers are filled.
        hover: what is said of a row that is pointed at.
        axis: title of the axis.
        band: half the width of the band around zero in which nothing matters, in points.
    """
    figure = blank(height=110 + 30 * max(len(rows), 1))
    if band is not None:
        figure.add_vrect(x0=-band, x1=band, fillcolor=GREEN, opacity=0.13, line_width=0, layer="below")
    figure.add_vline(x=0, line_color="#555555", line_width=1)
    for verdict in dict.fromkeys(rows["verdict"]):
        at = np.flatnonzero((rows["verdict"] == verdict).to_numpy())
        part = rows.iloc[at]
        figure.add_scatter(
            x=100 * part[value],
            y=at,
            error_x={
                "type": "data",
                "symmetric": False,
                "array": 100 * (part["high"] - part[value]),
                "arrayminus": 100 * (part[value] - part["low"]),
                "thickness": 2,
                "width": 5,
            },
            mode="markers",
            name=verdict,
            marker={
                "color": colours[verdict],
                "size": 10,
                "line": {"width": 2, "color": colours[verdict]},
                "symbol": "circle" if verdict in filled else "circle-open",
            },
            hovertext=[hover(row) for row in part.itertuples()],
            hoverinfo="text",
        )
    names = [f"{short(row.slice)} → <b>{safe(row.emotion)}</b>" for row in rows.itertuples()]
    figure.update_yaxes(
        tickvals=list(range(len(rows))), ticktext=names, autorange="reversed", automargin=True, showgrid=False
    )
    figure.update_xaxes(title=axis_title(axis), zeroline=False, automargin=True)
    return figure


def split(result: AuditResult, *, most: int = MOST_ROWS) -> go.Figure | None:
    """For each leading skew: how much the labels differ already and how much the predictions differ beyond that.

    None where no skewed finding has a truth.
    """
    rows = result.findings[(result.findings["verdict"] == "skewed") & result.findings["model_gap"].notna()]
    rows = _leading(rows, most)
    if rows.empty:
        return None
    figure = blank(height=110 + 34 * len(rows))
    figure.add_vline(x=0, line_color="#555555", line_width=1)
    places = np.arange(len(rows))
    for column, name, colour, symbol, offset in (
        ("label_gap", f"label gap: the {result.run.truth} differ", ORANGE, "diamond", -0.14),
        ("model_gap", "model gap: the model adds", BLUE, "circle", 0.14),
    ):
        figure.add_scatter(
            x=100 * rows[column],
            y=places + offset,
            error_x={
                "type": "data",
                "symmetric": False,
                "thickness": 2,
                "width": 4,
                "array": (100 * (rows[f"{column}_high"] - rows[column])).clip(lower=0),
                "arrayminus": (100 * (rows[column] - rows[f"{column}_low"])).clip(lower=0),
            },
            mode="markers",
            name=name,
            marker={"color": colour, "size": 10, "symbol": symbol},
            hovertext=[
                f"{safe(row.slice)} → {safe(row.emotion)}<br>{name}: {points(getattr(row, column))} points"
                for row in rows.itertuples()
            ],
            hoverinfo="text",
        )
    figure.update_yaxes(
        tickvals=places.tolist(),
        ticktext=[f"{short(row.slice)} → <b>{safe(row.emotion)}</b>" for row in rows.itertuples()],
        autorange="reversed",
        automargin=True,
        showgrid=False,
    )
    title = axis_title(f"difference from {compared_with(rows).axis}, points")
    figure.update_xaxes(title=title, zeroline=False, automargin=True)
    return figure


def heat_map(result: AuditResult, *, order: int = 1, most: int = MOST_SLICES) -> go.Figure | None:
    """Emotion x slice. Colour is the effect of skewed and equivalent cells; `?` is undetermined, `·` is too small.

    None where there is no slice of this order.
    """
    cells, slices = _grid(result, order, most)
    if cells.empty:
        return None
    labels = list(result.taxonomy.labels)
    effect = cells.pivot(index="slice", columns="emotion", values="effect").reindex(index=slices, columns=labels)
    verdict = cells.pivot(index="slice", columns="emotion", values="verdict").reindex(index=slices, columns=labels)
    known = verdict.isin(["skewed", "equivalent"])
    hover = cells.assign(text=[_hover(row) for row in cells.itertuples()])
    text = hover.pivot(index="slice", columns="emotion", values="text").reindex(index=slices, columns=labels)
    mark = np.select(
        [verdict == "skewed", verdict == "equivalent", verdict == "undetermined"],
        [(100 * effect).map(lambda value: f"{value:+.0f}".replace("-", "−")), "≈", "?"],
        "·",
    )
    limit = max(100 * np.nanmax(np.abs(effect.where(known).to_numpy()), initial=0.0), 5.0)
    figure = blank(height=150 + 24 * len(slices))
    rows, columns = list(range(len(slices))), [safe(label) for label in labels]
    axes = {"x": columns, "y": rows, "xgap": 2, "ygap": 2, "hoverinfo": "skip"}
    for kind, colour in (("undetermined", "#ECECEC"), ("too small", "#D5D5D5")):
        figure.add_heatmap(
            z=np.where(verdict == kind, 0.0, np.nan), colorscale=[[0, colour], [1, colour]], showscale=False, **axes
        )
    figure.add_heatmap(
        z=(100 * effect).where(known).to_numpy(),
        zmin=-limit,
        zmax=limit,
        colorscale=[list(stop) for stop in DIVERGING],
        colorbar=_colour_bar("points", len(slices)),
        **axes,
    )
    figure.add_scatter(
        x=np.tile(columns, len(rows)),
        y=np.repeat(rows, len(labels)),
        text=mark.ravel(),
        mode="text",
        showlegend=False,
        hovertext=text.to_numpy().ravel(),
        hoverinfo="text",
        textfont={"size": 11, "color": "#1f2328"},
        unselected={"textfont": {"color": "#1f2328"}},
        customdata=[[number, label] for number in range(len(slices)) for label in labels],
    )
    return _as_table(figure, slices)


def heat_map_slices(result: AuditResult, *, order: int = 1, most: int = MOST_SLICES) -> list[str]:
    """Names of the slices that `heat_map` draws, from the top down; a cell's `customdata` has its slice's place here."""
    return _grid(result, order, most)[1]


def pull(result: AuditResult, *, order: int = 1, most: int = MOST_SLICES) -> go.Figure | None:
    """How much nearer each slice's centroid is to each label than the complement's, in hundredths of a cosine or score.

    Only differences whose 95 % interval excludes zero are written into their cell. None where there are no distances.
    """
    if result.structure.empty:
        return None
    known = result.slices[(result.slices["order"] == order) & (result.slices["n"] >= result.run.config.min_count)]
    cells = result.structure[result.structure["slice"].isin(known["slice"])]
    strongest = cells.groupby("slice", sort=False)["pull"].agg(lambda column: column.abs().max()).nlargest(most).index
    slices = [name for name in known["slice"] if name in set(strongest)]
    if not slices:
        return None
    labels = list(result.taxonomy.labels)

    def grid(column: str) -> pd.DataFrame:
        return cells.pivot(index="slice", columns="emotion", values=column).reindex(index=slices, columns=labels)

    return pull_heat_map(
        100 * grid("pull"), (grid("difference_low") > 0) | (grid("difference_high") < 0), measure=result.run.measure
    )


def pull_heat_map(values: pd.DataFrame, written: pd.DataFrame, *, measure: str) -> go.Figure:
    """A row a slice, a column an emotion, coloured by `values` in hundredths of the measure; numbers where `written`."""
    slices = [str(name) for name in values.index]
    limit = max(float(np.nanmax(np.abs(values.to_numpy()), initial=0.0)), 0.1)
    figure = blank(height=150 + 24 * len(slices))
    figure.add_heatmap(
        z=values.to_numpy(),
        x=[safe(label) for label in values.columns],
        y=list(range(len(slices))),
        xgap=2,
        ygap=2,
        zmin=-limit,
        zmax=limit,
        colorscale=[list(stop) for stop in DIVERGING],
        colorbar=_colour_bar(f"pull, {measure} × 100", len(slices)),
        text=np.where(written, values.map(lambda value: f"{value:+.1f}".replace("-", "−")), ""),
        texttemplate="%{text}",
        textfont={"size": 11, "color": "#1f2328"},
        customdata=[[short(name, 90)] * values.shape[1] for name in slices],
        hovertemplate="%{customdata} → %{x}: %{z:.2f}<extra></extra>",
    )
    return _as_table(figure, slices)


def _leading(findings: pd.DataFrame, most: int) -> pd.DataFrame:
    """The first findings that have an effect, those that only repeat a wider slice last."""
    known = findings[findings["effect"].notna()]
    own = known[on_its_own(known)] if "explained_by" in known else known
    return own.head(most).reset_index(drop=True)


def _grid(result: AuditResult, order: int, most: int) -> tuple[pd.DataFrame, list[str]]:
    slices = result.slices[result.slices["order"] == order]
    cells = result.findings[result.findings["slice"].isin(slices["slice"])]
    if len(slices) > most:
        strength = cells.assign(size=cells["effect"].abs()).groupby("slice")["size"].max()
        kept = set(strength.nlargest(most).index)
        slices = slices[slices["slice"].isin(kept)]
        cells = cells[cells["slice"].isin(kept)]
    return cells, list(slices["slice"])


def _as_table(figure: go.Figure, slices: Sequence[str]) -> go.Figure:
    """Rows named by their slices from the top down, labels along the top edge."""
    figure.update_yaxes(
        tickvals=list(range(len(slices))),
        ticktext=[short(name) for name in slices],
        range=[len(slices) - 0.5, -0.5],
        automargin=True,
        showgrid=False,
        zeroline=False,
    )
    figure.update_xaxes(side="top", showgrid=False, type="category", automargin=True)
    return figure


def _colour_bar(title: str, rows: int) -> dict[str, Any]:
    return {"title": {"text": title, "side": "right"}, "thickness": 12, "len": min(1.0, 260 / (24 * rows + 30))}


def _hover(row: Any) -> str:
    lines = [f"<b>{short(row.slice, 90)}</b> → <b>{safe(row.emotion)}</b>", f"{row.verdict}, n = {row.n:,}"]
    if not pd.isna(row.effect):
        lines.append(f"{percent(row.rate)} against {percent(row.complement_rate)}")
        lines.append(f"{points(row.effect)} points [{points(row.low)}, {points(row.high)}], {safe(small_q(row.q))}")
    return "<br>".join(lines)
