"""What do inferred attributes look like beside the emotion words, beside random directions, and beside true labels?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.concepts.entanglement import LABEL_CORRELATION
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.concepts.sentences import calibration_sentences
from affect_workbench.workbench.concepts.tables import CALIBRATED, NULL, OVERLAP
from affect_workbench.workbench.interface.numbers import points
from affect_workbench.workbench.interface.style import BLUE, DIVERGING, GREY, ORANGE, VERMILION, blank, safe, short

MOST_CONCEPTS = 12


@dataclass(frozen=True)
class ConceptFigure:
    """A figure with what is said above it: `name` is its id on a page."""

    name: str
    title: str
    words: str
    figure: go.Figure


def concept_figures(result: AuditResult) -> list[ConceptFigure]:
    """The figures of an audit's inferred attributes, those that there are; what true labels say comes first."""
    found = []
    calibrated, overlap, null = (result.table(name) for name in (CALIBRATED, OVERLAP, NULL))
    if calibrated is not None:
        found.append(
            ConceptFigure(
                "calibrated",
                "Skew calibrated on true labels",
                " ".join(calibration_sentences(calibrated)),
                calibrated_figure(calibrated, tolerance=float(result.run.config.tolerance)),
            )
        )
    if overlap is not None:
        found.append(
            ConceptFigure(
                "overlap", "Cosine of each concept with the emotion words", _overlap_words(overlap), overlap_figure(overlap)
            )
        )
    if null is not None:
        words = (
            "A concept is worth slicing by only where its blue dot, with its interval, lies to the right of the "
            "range that random directions of these pictures reach (vermilion)."
        )
        found.append(ConceptFigure("concept-null", "More than a random direction?", words, null_figure(null)))
    return found


def overlap_figure(table: pd.DataFrame) -> go.Figure:
    """Cosine of each concept's direction and each emotion word; a number where it reaches .2, under it the skew made up.

    Args:
        table: `concept_overlap` of an audit (`workbench.concepts.tables`).
    """
    names = list(dict.fromkeys(table["concept"]))[:MOST_CONCEPTS]
    labels = list(dict.fromkeys(table["label"]))
    cells = table.set_index(["concept", "label"])
    cosine = _grid(cells["cosine"], names, labels)
    made_up = _grid(cells["made_up"], names, labels) if "made_up" in cells else np.full(cosine.shape, np.nan)
    words = [
        [f"{value:+.2f}".replace("-", "−") if abs(value) >= LABEL_CORRELATION else "" for value in line] for line in cosine
    ]
    hover = [
        [
            f"{safe(name)} and {safe(label)}<br>cosine {value:+.2f}"
            + ("" if np.isnan(made) else f"<br>the overlap alone induces a spurious skew of {points(made)} points")
            for label, value, made in zip(labels, line, made_line, strict=True)
        ]
        for name, line, made_line in zip(names, cosine, made_up, strict=True)
    ]
    figure = blank(height=130 + 30 * len(names))
    figure.add_heatmap(
        z=cosine,
        x=[safe(label) for label in labels],
        y=[short(name) for name in names],
        text=words,
        texttemplate="%{text}",
        hovertext=hover,
        hoverinfo="text",
        colorscale=[list(stop) for stop in DIVERGING],
        zmid=0,
        zmin=-max(0.4, float(np.abs(cosine).max())),
        zmax=max(0.4, float(np.abs(cosine).max())),
        xgap=2,
        ygap=2,
        colorbar={"title": "cosine", "thickness": 12, "lenmode": "pixels", "len": max(110, 30 * len(names)), "nticks": 3},
    )
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False)
    figure.update_xaxes(side="top", showgrid=False, type="category")
    return figure


def null_figure(table: pd.DataFrame) -> go.Figure:
    """How strongly each concept goes with the outcome, beside what random directions reach.

    Args:
        table: `concept_null` of an audit.
    """
    rows = table.head(MOST_CONCEPTS)
    figure = blank(height=130 + 34 * len(rows))
    places = np.arange(len(rows))
    strength, low, high = (rows[name].to_numpy(np.float64) for name in ("r", "low", "high"))
    sign = np.where(strength < 0, -1.0, 1.0)
    ends = np.sort(np.stack([sign * low, sign * high]), axis=0)
    names = [short(row.concept) + (f" → <b>{safe(row.label)}</b>" if row.label else "") for row in rows.itertuples()]
    _dots(figure, np.abs(strength), places, BLUE, "circle", "this concept", (np.maximum(ends[0], 0), ends[1]))
    for column, colour, symbol, name in (
        ("null_95", VERMILION, "line-ns", "95 % of random directions of these pictures stay below"),
        ("isotropic_95", GREY, "line-ns", "95 % of uniformly drawn directions stay below"),
    ):
        _dots(figure, rows[column].to_numpy(np.float64), places, colour, symbol, name)
    figure.update_yaxes(tickvals=places.tolist(), ticktext=names, autorange="reversed", automargin=True, showgrid=False)
    figure.update_xaxes(title="|r| with the outcome", rangemode="tozero", zeroline=False)
    return figure


def calibrated_figure(table: pd.DataFrame, *, tolerance: float) -> go.Figure:
    """For each calibrated concept and emotion: the inferred attribute's skew, and what true labels make of it.

    Args:
        table: `concept_calibrated` of an audit.
        tolerance: largest difference that does not matter, as a share.
    """
    names = list(dict.fromkeys(table["column"]))[:MOST_CONCEPTS]
    rows = table[table["column"].isin(names)].reset_index(drop=True)
    figure = blank(height=120 + 34 * len(rows))
    figure.add_vrect(x0=-100 * tolerance, x1=100 * tolerance, fillcolor="#009E73", opacity=0.13, line_width=0, layer="below")
    figure.add_vline(x=0, line_color="#555555", line_width=1)
    places = np.arange(len(rows))
    for part, name, colour, symbol, offset in (
        ("naive", "inferred attribute, uncalibrated", ORANGE, "diamond", -0.15),
        ("", "calibrated on true labels", BLUE, "circle", 0.15),
    ):
        low, high = (f"{part}_{end}" if part else end for end in ("low", "high"))
        shown = 100 * rows[part or "effect"].to_numpy(np.float64)
        ends = 100 * rows[low].to_numpy(np.float64), 100 * rows[high].to_numpy(np.float64)
        _dots(figure, shown, places + offset, colour, symbol, name, ends)
    ticks = [
        (f"{short(column_words(row.column))} → " if len(names) > 1 else "") + f"<b>{safe(row.emotion)}</b>"
        for row in rows.itertuples()
    ]
    figure.update_yaxes(tickvals=places.tolist(), ticktext=ticks, autorange="reversed", automargin=True, showgrid=False)
    figure.update_xaxes(title="difference between pictures with and without the concept, points", zeroline=False)
    return figure


def _overlap_words(table: pd.DataFrame) -> str:
    """How large a skew the largest overlap can make up, in words."""
    words = (
        f"Cosine of each concept’s direction with each emotion word, before any projection; from {LABEL_CORRELATION:g} on "
        "(numbers) the overlap alone can induce a spurious skew of several points."
    )
    if "made_up" not in table:
        return words
    most = table.iloc[int(table["made_up"].abs().argmax())]
    return (
        f"{words} Largest here: with everything else permuted, the overlap of “{most['concept']}” induces a "
        f"spurious skew of {points(float(most['made_up']))} points toward {most['label']}."
    )


def _dots(
    figure: go.Figure,
    x: np.ndarray,
    y: np.ndarray,
    colour: str,
    symbol: str,
    name: str,
    ends: tuple[np.ndarray, np.ndarray] | None = None,
) -> None:
    """Markers with their intervals."""
    bars = None
    if ends is not None:
        bars = {
            "type": "data",
            "symmetric": False,
            "thickness": 2,
            "width": 4,
            "array": np.maximum(ends[1] - x, 0),
            "arrayminus": np.maximum(x - ends[0], 0),
        }
    marker: dict[str, Any] = {"color": colour, "size": 14 if symbol == "line-ns" else 10, "symbol": symbol}
    if symbol == "line-ns":
        marker["line"] = {"width": 3, "color": colour}
    figure.add_scatter(
        x=x, y=y, error_x=bars, mode="markers", name=name, marker=marker, hovertemplate="%{x:.2f}<extra></extra>"
    )


def _grid(values: pd.Series, names: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    return np.array([[float(values[name, label]) for label in labels] for name in names])
