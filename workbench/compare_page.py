"""How does one HTML file show what changed between two models: sentences first, then how sure, then the pictures?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analyses.compare import Comparison
from analyses.slices import SliceSpec
from workbench import compare_sentences as sentences
from workbench.figures import BLUE, GREEN, GREY, MOST_ROWS, ORANGE, VERMILION, blank, safe, short
from workbench.page import figure_html, template
from workbench.sentences import points, probability
from workbench.thumbnails import thumbnail_uri

MOST_SENTENCES = 12
MOST_TABLE = 400
MOST_MOVES = 15
MOST_EXAMPLES = 8
_FOUND = ("worse", "better", "changed")
_COLOURS = {
    "worse": VERMILION, "better": BLUE, "changed": ORANGE, "equivalent": GREEN, "undetermined": GREY, "too small": "#BDBDBD",
}  # fmt: skip


@dataclass(frozen=True)
class Flip:
    """A picture that is read otherwise: its id, both readings in words, and itself where its file is there."""

    id: str
    what: str
    thumbnail: str | None


def compare_html(result: Comparison, *, name_a: str, name_b: str, command: str = "") -> str:
    """The comparison as one self-contained page; the same comparison and files always give the same bytes.

    plotly.js is inlined once, nothing is fetched, and everything that comes from the data is escaped.

    Args:
        result: of `analyses.compare.compare`.
        name_a: what the first run is called.
        name_b: what the second run is called.
        command: the command line, for the record.
    """
    changes = result.changes
    found = changes[changes["verdict"].isin(_FOUND)]
    own = found[found["repeats"].isna()]
    grouped = bool((changes["design"] > 1).any())
    moves = result.flips.value_counts(["predicted_a", "predicted_b"]).reset_index()
    moves = moves.sort_values(["count", "predicted_a", "predicted_b"], ascending=[False, True, True])
    return template("compare.html").render(
        result=result, name_a=name_a, name_b=name_b, command=command, headline=sentences.headline(result),
        outcome=sentences.outcome(result),
        counts=[(verdict, result.count(verdict), words) for verdict, words in sentences.VERDICT_MEANING.items()],
        leading=[
            (row.verdict, sentences.change_sentence(row), sentences.flip_sentence(row, grouped=grouped), _flips(result, row))
            for row in own.head(MOST_SENTENCES).itertuples()
        ],
        leading_of=len(own), forest=figure_html("forest", change_forest(changes)),
        rows=list(changes.head(MOST_TABLE).itertuples()),
        slices=list(result.slices[result.slices["p"].notna()].head(MOST_TABLE).itertuples()),
        slices_of=int(result.slices["p"].notna().sum()),
        moves=list(moves.head(MOST_MOVES).itertuples(index=False)), moves_of=len(moves),
        lost=_examples(result, result.flips),
    )  # fmt: skip


def change_forest(changes: pd.DataFrame, *, most: int = MOST_ROWS) -> go.Figure:
    """The leading changes of skew with their 95 % intervals; hollow markers did not surely change."""
    told = changes[changes["change"].notna() & changes["repeats"].isna()].head(most)
    figure = blank(height=110 + 30 * max(len(told), 1))
    figure.add_vline(x=0, line_color="#555555", line_width=1)
    for verdict in dict.fromkeys(told["verdict"]):
        at = np.flatnonzero((told["verdict"] == verdict).to_numpy())
        part = told.iloc[at]
        figure.add_scatter(
            x=100 * part["change"],
            y=at,
            error_x={
                "type": "data",
                "symmetric": False,
                "array": 100 * (part["high"] - part["change"]),
                "arrayminus": 100 * (part["change"] - part["low"]),
                "thickness": 2,
                "width": 5,
            },
            mode="markers",
            name=verdict,
            marker={
                "color": _COLOURS[verdict],
                "size": 10,
                "line": {"width": 2, "color": _COLOURS[verdict]},
                "symbol": "circle" if verdict in _FOUND else "circle-open",
            },
            hovertext=[_hover(row) for row in part.itertuples()],
            hoverinfo="text",
        )
    names = [f"{short(row.slice)} → <b>{safe(row.emotion)}</b>" for row in told.itertuples()]
    figure.update_yaxes(
        tickvals=list(range(len(told))), ticktext=names, autorange="reversed", automargin=True, showgrid=False
    )
    figure.update_xaxes(title="change of the difference from the other pictures, points", zeroline=False)
    figure.update_layout(showlegend=True)
    return figure


def _hover(row: Any) -> str:
    return (
        f"<b>{short(row.slice, 90)}</b> → <b>{safe(row.emotion)}</b><br>{row.verdict}, n = {row.n:,}<br>"
        f"skew {points(row.skew_a)} → {points(row.skew_b)} points, q = {probability(row.q)}"
    )


def _flips(result: Comparison, row: Any) -> list[Flip]:
    """Pictures of the slice that moved the way the slice did."""
    inside = result.rows["image_id"][SliceSpec.from_json(row.where).mask(result.rows)]
    side = "predicted_b" if row.change > 0 else "predicted_a"
    flips = result.flips
    return _examples(result, flips[flips["image_id"].isin(set(inside)) & (flips[side] == row.emotion)])


def _examples(result: Comparison, flips: pd.DataFrame) -> list[Flip]:
    """A few of these flips, those that were right before and are wrong now first."""
    order = (
        flips.assign(gain=flips["hit_b"] - flips["hit_a"])
        .sort_values(["gain", "image_id"], na_position="last", kind="stable")
        .head(MOST_EXAMPLES)
    )
    known = result.rows.set_index("image_id").loc[order["image_id"]]
    labels = known["label"] if "label" in known else pd.Series([None] * len(known))
    paths = known["path"] if "path" in known else pd.Series([None] * len(known))
    return [
        Flip(
            str(row.image_id),
            f"{row.predicted_a} → {row.predicted_b}" + (f", labelled {label}" if pd.notna(label) else ""),
            thumbnail_uri(path),
        )
        for row, label, path in zip(order.itertuples(), labels, paths, strict=True)
    ]
