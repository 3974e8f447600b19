"""How does one HTML file show what a model's reasoning rests on?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.texts.reasoning.answers import (
    CAPTION,
    CAUSE_MASKED,
    MEAN,
    OTHER_MASKED,
    PICTURES,
    QUESTION,
    REASONING,
    SHUFFLED,
    STATEMENT,
    TRUE,
    ReadAnswers,
)
from affect_workbench.analyses.texts.reasoning.estimates import Estimate
from affect_workbench.analyses.texts.reasoning.result import (
    ABSENT_MENTIONS,
    DIFFERENCE,
    MENTIONS_ABSENT,
    NAMES_CAUSE,
    NOT_SHARES,
    RECALL,
    RIGHT_LABEL,
    RIGHT_VERDICT,
    STATES_LABEL,
    VOTE_SHARE,
    ReasoningResult,
)
from affect_workbench.analyses.texts.unspoken import UnspokenBias
from affect_workbench.data.instruct.conditioning import GIVEN, MODES, NONE
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface.intervals import Series, interval_figure
from affect_workbench.workbench.interface.page import figure_html, template
from affect_workbench.workbench.interface.thumbnails import thumbnail_uri
from affect_workbench.workbench.report.outcomes.sentences import outcome_sentence

_NAMES = {TRUE: "true picture", SHUFFLED: "somebody else’s", MEAN: "mean picture"}
_MASKS = {CAUSE_MASKED: "cause masked", OTHER_MASKED: "another region masked", DIFFERENCE: "difference"}
_DRAWN = (
    f"{GIVEN}: {NAMES_CAUSE}",
    *(f"{mode}: {NAMES_CAUSE}" for mode in MODES if mode != GIVEN),
    f"{NONE}: {RIGHT_LABEL}",
    f"{NONE}: {VOTE_SHARE}",
    f"{STATEMENT}: {RIGHT_VERDICT}",
    f"{QUESTION}: {RECALL}",
    f"{CAPTION}: {ABSENT_MENTIONS}",
    *(f"{mode}: {MENTIONS_ABSENT}" for mode in MODES),
    *(f"{mode}: {STATES_LABEL}" for mode in MODES if mode != NONE),
)
"""Measures that are drawn, from the top; of the others there is a table."""
_MOST_EXAMPLES = 4
_MOST_SLICES = 8


@dataclass(frozen=True)
class Examined:
    """All that the page shows."""

    result: ReasoningResult
    answers: ReadAnswers
    rows: pd.DataFrame
    by_slice: AuditResult | None
    pairs: UnspokenBias | None
    notes: Sequence[str]


@dataclass(frozen=True)
class Example:
    """A picture with what was asked and answered, and what of the answers is not there."""

    id: str
    thumbnail: str | None
    shows: str
    answers: Sequence[tuple[str, str, str]]


def reasoning_html(examined: Examined, *, model: str, command: str = "") -> str:
    """The page; the same numbers give the same bytes, and whatever a model wrote is escaped."""
    result = examined.result
    right, wrong = examples(examined)
    skewed = None if examined.by_slice is None else examined.by_slice.outcomes
    leading = [] if skewed is None else list(skewed[skewed["verdict"] == "skewed"].head(_MOST_SLICES).itertuples())
    sentences = list(result.sentences())
    return template("reasoning.html").render(
        model=model,
        command=command,
        pictures=len(examined.rows),
        headline=result.headline,
        sentences=sentences[1:],
        figure=figure_html("measures", measures_figure(result)),
        notes=list(examined.notes),
        right=right,
        wrong=wrong,
        sliced=examined.by_slice is not None,
        leading=[outcome_sentence(row) for row in leading],
        more=0 if skewed is None else int((skewed["verdict"] == "skewed").sum()) - len(leading),
        pairs=examined.pairs,
        attribute="" if examined.pairs is None else column_words(examined.pairs.attribute),
        unspoken=[] if examined.pairs is None else unspoken_flips(examined.pairs),
        table=list(_table(result)),
    )


def measures_figure(result: ReasoningResult) -> go.Figure:
    """A row a measure: with the true picture, with somebody else's and with the mean picture, side by side."""
    table = result.table
    keys = [
        (measure, attribute)
        for measure in _DRAWN
        for attribute in dict.fromkeys(table.loc[(table["measure"] == measure) & (table["shown"] == TRUE), "attribute"])
    ]
    series = []
    for shown in PICTURES:
        found = [result.of(measure, shown=shown, attribute=attribute) for measure, attribute in keys]
        columns = pd.DataFrame([(one.share, one.low, one.high) for one in found], columns=["effect", "low", "high"])
        series.append(Series.of(_NAMES[shown], columns))
    names = [f"{measure} of {column_words(attribute)}" if attribute else measure for measure, attribute in keys]
    return interval_figure(names, series, axis="share of answers, %")


def unspoken_flips(pairs: UnspokenBias, *, most: int = _MOST_EXAMPLES) -> list[list[tuple[str, str, str]]]:
    """Some flips that no rationale admits: of both pictures the value of the attribute in words, the answer and the text."""
    some = pairs.flipped[pairs.flipped["unspoken"]].head(most)
    return [
        [(column_words(str(value)), answer, text) for value, answer, text in zip(*both, strict=True)]
        for both in zip(some["values"], some["answers"], some["texts"], strict=True)
    ]


def examples(examined: Examined, *, most: int = _MOST_EXAMPLES) -> tuple[list[Example], list[Example]]:
    """Pictures whose answers mention nothing absent and a true cause, and pictures of which something is invented."""
    rows = examined.answers.rows
    told = rows[(rows["shown"] == TRUE) & rows["task"].isin((CAPTION, REASONING)) & rows["mode"].isin(("", GIVEN, NONE))]
    absent = told["absent"].map(len).groupby(told["image_id"], sort=False).sum()
    causes = told["caused"].map(len).groupby(told["image_id"], sort=False).sum()
    right = absent.index[(absent == 0) & (causes > 0)][:most]
    wrong = absent.sort_values(ascending=False, kind="stable")
    pictures = examined.rows.set_index("image_id")
    first = wrong.index[wrong > 0][:most]
    return [_example(str(one), told, pictures) for one in right], [_example(str(one), told, pictures) for one in first]


def _example(image_id: str, told: pd.DataFrame, pictures: pd.DataFrame) -> Example:
    picture = pictures.loc[image_id]
    own = told[told["image_id"] == image_id]
    absent = [", ".join(f"{column_words(name)} {value}" for name, value in sorted(one)) for one in own["absent"]]
    answers = list(zip(own["question"], own["text"], absent, strict=True))
    return Example(image_id, thumbnail_uri(picture.get("path")), f"label: {picture['label']}", answers)


def _table(result: ReasoningResult) -> Iterator[tuple[str, ...]]:
    """A line a measure with what it is under each kind of picture; another table's lines for masks."""
    for (measure, attribute), rows in result.table.groupby(["measure", "attribute"], sort=False):
        name = f"{measure} of {column_words(attribute)}" if attribute else str(measure)
        kinds = PICTURES if TRUE in set(rows["shown"]) or not set(rows["shown"]) & set(_MASKS) else tuple(_MASKS)
        found = {shown: result.of(str(measure), shown=shown, attribute=str(attribute)) for shown in kinds}
        written = _number if str(measure).endswith(NOT_SHARES) else str
        heads = [f"{_MASKS[shown]}: " if shown in _MASKS else "" for shown in kinds]
        cells = [head + written(one) for head, one in zip(heads, found.values(), strict=True)]
        yield (name, *cells, f"{max(one.n for one in found.values()):,}")


def _number(one: Estimate) -> str:
    return f"{one.share:.1f} [{one.low:.1f}, {one.high:.1f}]" if one.n else "unknown"
