"""How does one HTML file show what changed between two models: sentences first, then how sure, then the pictures?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from affect_workbench.analyses.audit.compare.compare import Comparison
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.workbench.audit.comparison import sentences
from affect_workbench.workbench.interface.numbers import points, small_q
from affect_workbench.workbench.interface.page import figure_html, template
from affect_workbench.workbench.interface.style import BLUE, GREEN, GREY, ORANGE, VERMILION, safe, short
from affect_workbench.workbench.interface.thumbnails import thumbnail_uri
from affect_workbench.workbench.report.evidence.choice import truth_of
from affect_workbench.workbench.report.figures.findings import MOST_ROWS, verdict_forest
from affect_workbench.workbench.report.outcomes.sentences import number

MOST_SENTENCES = 12
MOST_TABLE = 400
MOST_MOVES = 15
MOST_EXAMPLES = 8
_FOUND = ("worse", "better", "changed")
_COLOURS = {
    "worse": VERMILION,
    "better": BLUE,
    "changed": ORANGE,
    "equivalent": GREEN,
    "undetermined": GREY,
    "too small": "#BDBDBD",
}


@dataclass(frozen=True)
class Flip:
    """A picture that is predicted differently: its id, both predictions in words, and where its file is."""

    id: str
    what: str
    path: object

    @property
    def thumbnail(self) -> str | None:
        """The picture itself; None where its file is not there."""
        return thumbnail_uri(self.path)


def compare_html(result: Comparison, *, name_a: str, name_b: str, command: str = "") -> str:
    """The comparison as one self-contained page; the same comparison and files always give the same bytes.

    plotly.js is inlined once, nothing is fetched, and everything that comes from the data is escaped.

    Args:
        result: of `analyses.audit.compare.compare.compare`.
        name_a: what the first run is called.
        name_b: what the second run is called.
        command: the command line, for the record.
    """
    changes, own = result.changes, own_changes(result)
    moves = moves_of(result)
    return template("compare.html").render(
        accuracy=sentences.accuracy_name(result.overall),
        result=result,
        name_a=name_a,
        name_b=name_b,
        command=command,
        headline=sentences.headline(result),
        outcome=sentences.outcome(result),
        causes=[(row.change, sentences.cause_change(row)) for row in result.causes.itertuples()],
        counts=[(verdict, result.count(verdict), words) for verdict, words in sentences.VERDICT_MEANING.items()],
        leading=[
            (row.verdict, sentences.change_sentence(row), inside_sentence(result, row), flips_of(result, row))
            for row in own.head(MOST_SENTENCES).itertuples()
        ],
        leading_of=len(own),
        forest=figure_html("forest", change_forest(changes)) if result.has_predictions else None,
        numbers=[
            (row, sentences.outcome_change(row) if row.verdict in _FOUND else "")
            for row in result.outcomes.head(MOST_TABLE).itertuples()
        ],
        number=number,
        rows=list(changes.head(MOST_TABLE).itertuples()),
        slices=list(result.slices[result.slices["p"].notna()].head(MOST_TABLE).itertuples()),
        slices_of=int(result.slices["p"].notna().sum()),
        moves=list(moves.head(MOST_MOVES).itertuples(index=False)),
        moves_of=len(moves),
        lost=examples(result, result.flips),
    )


def own_changes(result: Comparison) -> pd.DataFrame:
    """The changes that are told: beyond chance, and not explained by the parent slice."""
    changes = result.changes
    return changes[changes["verdict"].isin(_FOUND) & changes["explained_by"].isna()]


def inside_sentence(result: Comparison, row: Any) -> str:
    """What happened inside the slice of a change alone."""
    return sentences.flip_sentence(row, grouped=bool((result.changes["design_effect"] != 1).any()))


def moves_of(result: Comparison) -> pd.DataFrame:
    """How many pictures (`count`) went from which prediction to which (`predicted_a`, `predicted_b`), most first."""
    moves = result.flips.value_counts(["predicted_a", "predicted_b"]).reset_index()
    return moves.sort_values(["count", "predicted_a", "predicted_b"], ascending=[False, True, True])


def change_forest(changes: pd.DataFrame, *, most: int = MOST_ROWS) -> go.Figure:
    """The leading changes of skew with their 95 % intervals; hollow markers did not change beyond chance."""
    shown = changes[changes["change"].notna() & changes["explained_by"].isna()].head(most)
    figure = verdict_forest(
        shown,
        "change",
        colours=_COLOURS,
        filled=_FOUND,
        hover=_hover,
        axis="change of the difference from the other pictures, points",
    )
    figure.update_layout(showlegend=True)
    return figure


def _hover(row: Any) -> str:
    return (
        f"<b>{short(row.slice, 90)}</b> → <b>{safe(row.emotion)}</b><br>{row.verdict}, n = {row.n:,}<br>"
        f"skew {points(row.skew_a)} → {points(row.skew_b)} points, {safe(small_q(row.q))}"
    )


def flips_of(result: Comparison, row: Any) -> tuple[str, list[Flip]]:
    """Which pictures show the change of a skew, in words, and a few of them.

    A difference from the other pictures grows because pictures of the slice came to the emotion or because others left it.
    """
    inside = set(result.rows["image_id"][SliceSpec.from_json(row.where).mask(result.rows)])
    universe = set(result.rows["image_id"][SliceSpec.from_json(row.where).universe(result.rows)])
    came = row.change > 0
    flips = result.flips
    of_slice = flips["image_id"].isin(inside)
    beside = flips["image_id"].isin(universe) & ~of_slice
    mine = flips[of_slice & (flips["predicted_b" if came else "predicted_a"] == row.emotion)]
    others = flips[beside & (flips["predicted_a" if came else "predicted_b"] == row.emotion)]
    well = row.verdict == "better"
    if len(mine):
        way = "changed to" if came else "changed from"
        return f"Pictures of the slice whose prediction {way} {row.emotion} ({len(mine):,}):", examples(
            result, mine, well=well
        )
    if len(others):
        way = "changed from" if came else "changed to"
        words = f"No picture of the slice changed this way; other pictures {way} {row.emotion} ({len(others):,}):"
        return words, examples(result, others, well=well)
    return "No picture changed this way.", []


def examples(result: Comparison, flips: pd.DataFrame, *, well: bool = False, most: int = MOST_EXAMPLES) -> list[Flip]:
    """A few of these flips, those that were right before and are wrong now first; `well`: those that are right now first."""
    gain = flips["hit_b"] - flips["hit_a"]
    order = (
        flips.assign(gain=-gain if well else gain)
        .sort_values(["gain", "image_id"], na_position="last", kind="stable")
        .head(most)
    )
    known = result.rows.set_index("image_id").loc[order["image_id"]]
    paths = known["path"] if "path" in known else pd.Series([None] * len(known))
    shown = [f", {truth_of(row)}" if pd.notna(row.get("label")) else "" for row in known.to_dict("records")]
    return [
        Flip(str(row.image_id), f"{row.predicted_a} → {row.predicted_b}{truth}", path)
        for row, truth, path in zip(order.itertuples(), shown, paths, strict=True)
    ]
