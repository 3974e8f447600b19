"""What can be told from where inside the model, and does the model use an attribute that is written there?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.fidelity.causal import CAUSAL
from affect_workbench.analyses.fidelity.layers import LAYERS
from affect_workbench.analyses.inference.intervals import distance_from_zero
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface.intervals import Series, interval_figure
from affect_workbench.workbench.interface.numbers import (
    counts,
    interval,
    intervals,
    percent,
    percents,
    plural,
    points,
    probability,
)
from affect_workbench.workbench.report.figures.fidelity import layer_figure
from affect_workbench.workbench.report.sections.section import Section, rows_of

_MOST_DRAWN = 12
_MOST_ROWS = 60
_FITTED = {"answers": "the model’s answers", "labels": "true labels", "nothing": "nothing"}


def layer_sweep(result: AuditResult) -> Section | None:
    """What every reader makes of every place that was recorded."""
    table = result.table(LAYERS)
    return None if table is None else sweep_section(table)


def sweep_section(table: pd.DataFrame) -> Section:
    """The same of a sweep that is in no audit.

    Args:
        table: of `analyses.fidelity.layers.layer_sweep`.
    """
    answers = table[table["reader"] == "answer probe"]
    labels = table[(table["reader"] == "linear probe") & table["accuracy"].notna()]
    found = [_best(answers, "fidelity", "The answer probe says what the model answered most often at")]
    if len(labels):
        found.append(_best(labels, "accuracy", "True labels are most readable at"))
    if answers["skew"].notna().any():
        found.append(_skew(answers, labels))
    found += _connector(answers, labels)
    leading = table.head(_MOST_ROWS)
    return Section(
        "layers",
        "Where in the model do its answers and the labels stand?",
        tuple(found),
        (
            "Each reader is judged on pictures that it was not fitted on. Fidelity: share of pictures where it says what "
            "the model answered. Accuracy: share where it says the true label. Selectivity: what it gets right of what it "
            "was fitted on, less what the same reader gets right when fitted on labels permuted at random. Skew: of the "
            "pair where the model’s answers are most surely skewed, beyond the true labels where they are known. Only "
            "the answer probe speaks for the model: what a "
            "probe on true labels finds is readable there, whether or not the model uses it; means and label rows are "
            "baselines."
        ),
        layer_figure(table),
        pd.DataFrame(
            {
                "place": leading["place"],
                "reader": leading["reader"],
                "fitted on": leading["fitted_on"].map(_FITTED),
                "width": counts(leading["width"]),
                "fidelity": _shares(leading, "fidelity"),
                "accuracy": _shares(leading, "accuracy"),
                "control": percents(leading["control"]),
                "selectivity": [points(value, signed=False) for value in leading["selectivity"]],
                "skew (of the answers)": [
                    f"{points(row.skew)} ({points(row.answers_skew)}) {row.slice} → {row.emotion}"
                    if isinstance(row.slice, str)
                    else "–"
                    for row in rows_of(leading)
                ],
            }
        ),
        len(table),
        [None] * len(leading),
        LAYERS,
    )


def causal_check(result: AuditResult) -> Section | None:
    """What erasing an attribute inside the model does to its answers."""
    table = result.table(CAUSAL)
    if table is None:
        return None
    own, others = table[table["erased"]], table[~table["erased"]]
    whole = rows_of(table)[0]
    drawn = own.loc[own["before"].abs().sort_values(ascending=False, kind="stable").index].head(_MOST_DRAWN)
    leading = pd.concat([drawn, _surest(others)]).head(_MOST_ROWS)
    place = f" at {whole.place}" if whole.place else ""
    found = [*causal_sentences(table), *_beside(whole)]
    if len(others):
        change = (others["after"] - others["before"]).abs()
        row = rows_of(others.loc[[change.idxmax()]])[0]
        found.append(
            f"Of the skews by other attributes that of {row.slice}, {row.emotion} changed most: from {points(row.before)} "
            f"to {points(row.after)} points."
        )
    return Section(
        "causal",
        f"Does the model use {whole.attribute.replace('_', ' ')} where it is written{place}?",
        tuple(found),
        (
            "The attribute was erased from the model’s inner values, fitted on one half of the pictures within true labels; "
            "the rest of the model ran on and answered the other half, which is shown here. Skew: how much more often than "
            "for the other pictures the emotion is answered. Random directions of equal rank at the same place say what "
            "erasing anything does; what they remove as well is not due to the attribute."
        ),
        interval_figure(
            [f"{row.emotion}, {row.slice}" for row in rows_of(drawn)],
            [
                Series.of("before", drawn, ("before", "before_low", "before_high")),
                Series.of("after erasing", drawn, ("after", "after_low", "after_high")),
            ],
            axis="skew of the model’s answers, points",
            band=100 * result.run.config.tolerance,
        ),
        pd.DataFrame(
            {
                "slice": leading["slice"],
                "emotion": leading["emotion"],
                "n": counts(leading["n"]),
                "before": intervals(leading, ("before", "before_low", "before_high")),
                "after": intervals(leading, ("after", "after_low", "after_high")),
                "removed, %": intervals(leading, ("removed", "removed_low", "removed_high"), digits=0),
                "random, %": [
                    f"{_whole_percent(row.random_removed)} ({_whole_percent(row.random_least)} to "
                    f"{_whole_percent(row.random_most)})"
                    if row.random_removed == row.random_removed
                    else "–"
                    for row in rows_of(leading)
                ],
                "p": [probability(value) for value in leading["p"]],
            }
        ),
        len(table),
        [None] * len(leading),
        CAUSAL,
    )


def causal_sentences(table: pd.DataFrame) -> list[str]:
    """How much of the skew of the answers went with each erased attribute, beside random directions: a sentence each.

    Args:
        table: of `analyses.fidelity.causal.causal_table`, of several attributes one below the other.
    """
    found = []
    for name, own in table[table["erased"]].groupby("attribute", sort=False):
        row = rows_of(own.head(1))[0]
        place = f" at {row.place}" if row.place else ""
        nothing = f"The answers have no skew by {column_words(name)} beyond chance: there was nothing to remove{place}."
        found += [_removed(row, place) for row in rows_of(_surest(own).head(1))] or [nothing]
    return found


def _best(rows: pd.DataFrame, name: str, words: str) -> str:
    row = rows_of(rows.loc[[rows[name].idxmax()]])[0]
    low, high = (100 * getattr(row, f"{name}_{end}") for end in ("low", "high"))
    return (
        f"{words} {row.place}: {percent(getattr(row, name))} [{low:.1f}, {high:.1f}] of {plural(int(row.n), 'picture')}, "
        f"{points(row.selectivity, signed=False)} points beyond its control."
    )


def _skew(answers: pd.DataFrame, labels: pd.DataFrame) -> str:
    row = rows_of(answers.loc[[answers["fidelity"].idxmax()]])[0]
    text = (
        f"{row.slice}, {row.emotion}: skew of the model’s answers {points(row.answers_skew)} points, of the answer probe at "
        f"{row.place} {points(row.skew)}"
    )
    there = labels[labels["place"] == row.place]
    if len(there):
        text += f", of a probe on true labels there {points(float(there['skew'].iloc[0]))}"
    return f"{text}."


def _connector(answers: pd.DataFrame, labels: pd.DataFrame) -> list[str]:
    """What the connector keeps, loses and skews, where both of its sides were recorded."""
    parts = []
    for table, name, words in (
        (labels, "accuracy", "readable labels"),
        (answers, "fidelity", "fidelity of the answer probe"),
        (answers, "skew", "its skew"),
    ):
        values = {str(place).partition(":")[0]: value for place, value in zip(table["place"], table[name], strict=True)}
        before, after = (values.get(f"connector.{side}", float("nan")) for side in ("in", "out"))
        if before == before and after == after:
            write = (lambda value: f"{points(value)} points") if name == "skew" else percent
            parts.append(f"{words} {write(before)} before it, {write(after)} after it")
    return [f"The connector: {'; '.join(parts)}."] if parts else []


def _surest(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with a skew to remove, the surest first."""
    there = rows[rows["removed"].notna()]
    sure = distance_from_zero(there["before_low"], there["before_high"])
    return there.iloc[(-sure).argsort(kind="stable")]


def _removed(row: Any, place: str) -> str:
    removed, low, high = map(_whole_percent, (row.removed, row.removed_low, row.removed_high))
    least, mean, most = map(_whole_percent, (row.random_least, row.random_removed, row.random_most))
    between = "" if row.removed_low != row.removed_low else f" [{low}, {high}]"
    return (
        f"Erasing {row.attribute.replace('_', ' ')}{place} removes {removed} %{between} of the skew of the answers "
        f"for {row.slice}, {row.emotion}: {interval(row.before, row.before_low, row.before_high)} points before, "
        f"{interval(row.after, row.after_low, row.after_high)} after. {row.random} random erasures of equal rank remove "
        f"{mean} % on average ({least} to {most} %), p = {probability(row.p)}."
    )


def _whole_percent(share: float) -> str:
    text = f"{100 * share:.0f}"
    return "0" if text == "-0" else text.replace("-", "−")


def _beside(row: Any) -> list[str]:
    """What else changed: answers, accuracy, free text."""
    sentences = [
        f"{percent(row.answers_changed)} of the pictures are answered otherwise, {percent(row.random_changed)} after a "
        "random erasure."
    ]
    if row.accuracy == row.accuracy:
        sentences.append(
            f"Accuracy: {percent(row.accuracy)} before, {percent(row.accuracy_after)} after (p = "
            f"{probability(row.accuracy_p)}), {percent(row.random_accuracy)} after a random erasure."
        )
    if row.texts_same == row.texts_same:
        sentences.append(
            f"Free text stays word for word for {percent(row.texts_same)} of the pictures; texts before and after share "
            f"{percent(row.texts_overlap)} of their words on average."
        )
    return sentences


def _shares(rows: pd.DataFrame, name: str) -> list[str]:
    numbers = rows[[name, f"{name}_low", f"{name}_high"]].to_numpy(float).tolist()
    return [
        f"{percent(value)} [{100 * low:.1f}, {100 * high:.1f}]" if value == value else "–" for value, low, high in numbers
    ]
