"""What can be told from where inside the model, and does the model use an attribute that is written there?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.fidelity.causal import CAUSAL, FEWEST_PICTURES
from affect_workbench.analyses.fidelity.layers import LAYERS, place_words
from affect_workbench.analyses.inference.intervals import distance_from_zero
from affect_workbench.analyses.inference.verdicts import STANDARD
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
_MOST_CREATED = 4
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
    projector = table[(table["reader"] == "Metric Projector") & table["accuracy"].notna()]
    found = [_best(answers, "fidelity", "The answer probe says what the model answered most often at")]
    if len(labels):
        by = " by a linear probe" if len(projector) else ""
        found.append(_best(labels, "accuracy", f"True labels are most readable{by} at"))
    if len(projector):
        found.append(_best(projector, "accuracy", "A Metric Projector reads true labels most often at"))
    if answers["skew"].notna().any():
        found.append(_skew(answers, labels, projector))
    found += _connector(answers, labels)
    leading = table.head(_MOST_ROWS)
    return Section(
        "layers",
        "Where in the model do its answers and the labels stand?",
        tuple(found),
        (
            "Each reader is judged on pictures that it was not fitted on. Fidelity: share of pictures where it says what "
            "the model answered. Accuracy: share where it says the true label. Control: what "
            "the same reader gets right when fitted on labels permuted at random; label rows are fitted on nothing, and are "
            "compared with permuted answers. Selectivity: what a reader gets right of what it was fitted on (label rows: of "
            "the answers), less its control. Skew: how much more often a reader says the emotion for the slice than for the "
            "other pictures, of the pair where the model’s answers are most surely skewed; intervals are in the audits of "
            "answers and of the answer probe. Only the answer probe speaks for the model: what a linear probe or a Metric "
            "Projector finds when fitted on true labels is readable there, whether or not the model uses it. The Metric "
            "Projector is a small network fitted anew at each place, which takes a picture to the row of its label’s word "
            "in the language model; it is no probe of yours. Means and label rows are baselines."
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
                "selectivity": [points(value) for value in leading["selectivity"]],
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


def causal_checks(result: AuditResult) -> list[Section]:
    """What erasing an attribute inside the model does to its answers: a section an erased attribute."""
    table = result.table(CAUSAL)
    if table is None:
        return []
    erasures = [rows for _, rows in table.groupby("erasure", sort=False)]
    return [
        _causal_check(rows, f"causal-{number}" if number > 1 else "causal", result.run.config.tolerance)
        for number, rows in enumerate(erasures, start=1)
    ]


def _causal_check(table: pd.DataFrame, name: str, tolerance: float) -> Section:
    """What one erasure does.

    Args:
        table: the rows of one erased attribute.
        name: of the section.
        tolerance: the largest skew that is negligible.
    """
    enough = table[_enough(table)]
    own, others = enough[enough["erased"]], enough[~enough["erased"]]
    whole = rows_of(table)[0]
    size = own[["before", "after"]].abs().max(axis=1)
    drawn = own.loc[size.sort_values(ascending=False, kind="stable").index].head(_MOST_DRAWN)
    leading = pd.concat([drawn, _surest(others)]).head(_MOST_ROWS)
    place = f" at {place_words(whole.place)}" if whole.place else ""
    found = [*causal_sentences(table, tolerance=tolerance), *_beside(whole)]
    if len(others):
        change = (others["after"] - others["before"]).abs()
        row = rows_of(others.loc[[change.idxmax()]])[0]
        found.append(
            f"Of the skews by other attributes, that of {row.slice} toward {row.emotion} changed most: from "
            f"{interval(row.before, row.before_low, row.before_high)} to "
            f"{interval(row.after, row.after_low, row.after_high)} points."
        )
    few = int((table["erased"] & ~_enough(table)).sum())
    if few:
        found.append(
            f"{plural(few, '(slice, emotion) pair')} with fewer than {FEWEST_PICTURES} pictures on either side "
            f"{'is' if few == 1 else 'are'} not shown: too few to tell."
        )
    return Section(
        name,
        f"Does the model use {column_words(whole.erasure)} where it is written{place}?",
        tuple(found),
        (
            "The attribute was erased from the model’s inner values, fitted on one half of the pictures within true labels; "
            "the rest of the model ran on and answered the other half, which is shown here. Skew: how much more often than "
            "for the other pictures the emotion is answered. Random directions of equal rank at the same place say what "
            "erasing anything does; what they remove as well is not due to the attribute; with 20 of them p is never "
            "below 1/21. The band is the tolerance. Removed: above 100 % the skew has "
            "turned around, below 0 % it has grown."
        ),
        interval_figure(
            [f"{row.emotion}, {row.slice}" for row in rows_of(drawn)],
            [
                Series.of("before", drawn, ("before", "before_low", "before_high")),
                Series.of("after erasing", drawn, ("after", "after_low", "after_high")),
                Series.of("after random erasures, least to most", _randomly(drawn), ("mean", "low", "high")),
            ],
            axis="skew of the model’s answers, points",
            band=100 * tolerance,
        )
        if len(drawn)
        else None,
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


def _randomly(drawn: pd.DataFrame) -> pd.DataFrame:
    """What random erasures leave of each skew: `mean`, and `low` to `high` over all of them."""
    left = {name: drawn["before"] * (1 - drawn[f"random_{name}"]) for name in ("removed", "least", "most")}
    ends = pd.DataFrame({name: left[name] for name in ("least", "most")})
    return pd.DataFrame({"mean": left["removed"], "low": ends.min(axis=1), "high": ends.max(axis=1)})


def causal_sentences(table: pd.DataFrame, *, tolerance: float = STANDARD.tolerance) -> list[str]:
    """How much of the skew of the answers went with each erased attribute, beside random directions, and which skew came.

    Args:
        table: of `analyses.fidelity.causal.causal_table`, of several attributes one below the other.
        tolerance: the largest skew that is negligible, as a share.
    """
    found = []
    for name, rows in table[table["erased"]].groupby("erasure", sort=False):
        own = rows[_enough(rows)]
        place = rows["place"].iloc[0]
        erasing = f"Erasing {column_words(name)}" + (f" at {place_words(place)}" if place else "")
        surest = rows_of(_surest(own).head(1))
        if surest:
            found.append(_removed(surest[0], erasing))
        elif len(own):
            found.append(
                f"{erasing} had nothing to remove: the skew of the answers by {column_words(name)} is within chance."
            )
        else:
            found.append(f"{erasing} cannot be judged: no value of it has {FEWEST_PICTURES} pictures on either side.")
        found += _created(own, f"Erasing {column_words(name)}", tolerance)
    return found


def _best(rows: pd.DataFrame, name: str, words: str) -> str:
    row = rows_of(rows.loc[[rows[name].idxmax()]])[0]
    low, high = (100 * getattr(row, f"{name}_{end}") for end in ("low", "high"))
    near = int((rows[name] >= low / 100).sum()) - 1
    others = f"; {plural(near, 'other place is', 'other places are')} within this interval" if near else ""
    side = "beyond" if row.selectivity >= 0 else "below"
    return (
        f"{words} {place_words(row.place)}: for {percent(getattr(row, name))} [{low:.1f}, {high:.1f}] of "
        f"{plural(int(row.n), 'picture')}, {points(abs(row.selectivity), signed=False)} points {side} its control{others}."
    )


def _skew(answers: pd.DataFrame, labels: pd.DataFrame, projector: pd.DataFrame) -> str:
    row = rows_of(answers.loc[[answers["fidelity"].idxmax()]])[0]
    text = (
        f"The skew of {row.slice} toward {row.emotion} is {points(row.answers_skew)} points in the model’s answers and "
        f"{points(row.skew)} in the answer probe at {place_words(row.place)}"
    )
    there = [
        f"{words} {points(float(skew))}"
        for table, words in ((labels, "a linear probe fitted on true labels there has"), (projector, "a Metric Projector"))
        for skew in table.loc[table["place"] == row.place, "skew"]
    ]
    if there:
        text += f"; {', '.join(there)}"
    return f"{text}."


def _connector(answers: pd.DataFrame, labels: pd.DataFrame) -> list[str]:
    """What the connector keeps, loses and skews, where both of its sides were recorded."""
    parts = []
    for table, name, words in (
        (labels, "accuracy", "the share of readable labels"),
        (answers, "fidelity", "the fidelity of the answer probe"),
        (answers, "skew", "its skew"),
    ):
        values = {str(place).partition(":")[0]: value for place, value in zip(table["place"], table[name], strict=True)}
        before, after = (values.get(f"connector.{side}", float("nan")) for side in ("in", "out"))
        if before == before and after == after:
            write = (lambda value: f"{points(value)} points") if name == "skew" else percent
            parts.append(f"{words} goes from {write(before)} to {write(after)}")
    return [f"Across the connector, {'; '.join(parts)}."] if parts else []


def _surest(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with a skew to remove, the surest first."""
    there = rows[rows["removed"].notna()]
    sure = distance_from_zero(there["before_low"], there["before_high"])
    return there.iloc[(-sure).argsort(kind="stable")]


def _enough(rows: pd.DataFrame) -> pd.Series:
    """Which rows have enough pictures on either side for anything to be said of them."""
    return rows[["n", "n_complement"]].min(axis=1) >= FEWEST_PICTURES


def _removed(row: Any, erasing: str) -> str:
    """What became of one skew."""
    removed, low, high = map(_whole_percent, (row.removed, row.removed_low, row.removed_high))
    least, mean, most = map(_whole_percent, (row.random_least, row.random_removed, row.random_most))
    between = "" if row.removed_low != row.removed_low else f" [{low}, {high}]"
    skew = f"the skew of the answers for {row.slice} toward {row.emotion}"
    before, after = interval(row.before, row.before_low, row.before_high), interval(row.after, row.after_low, row.after_high)
    random = (
        f"{row.random} random erasures of equal rank remove {mean} % on average ({least} to {most} %), "
        f"p = {probability(row.p)}."
    )
    if row.removed <= 1:
        return f"{erasing} removes {removed} %{between} of {skew}: {before} points before, {after} after. {random}"
    sure = row.after_low > 0 or row.after_high < 0
    gone, chance = ("gone and turned around", "") if sure else ("gone", ", which is within chance")
    return (
        f"After {erasing[0].lower()}{erasing[1:]}, {skew} is {gone}: {before} points before, {after} after{chance}. {random}"
    )


def _created(own: pd.DataFrame, erasing: str, tolerance: float) -> list[str]:
    """Names the skews that erasing creates.

    They are surely beyond the tolerance after, were not before (or were the other way), and have moved by more than the
    uncertainty of what they are now: an interval that just clears the tolerance is no news.
    """

    def side(when: str) -> pd.Series:
        return (own[f"{when}_low"] > tolerance).astype(int) - (own[f"{when}_high"] < -tolerance)

    moved = ~own["before"].between(own["after_low"], own["after_high"])
    new = own[(side("after") != 0) & (side("after") != side("before")) & moved]
    if new.empty:
        return []
    largest = new.loc[new["after"].abs().sort_values(ascending=False, kind="stable").index]
    named = [
        f"{row.slice} toward {row.emotion} from {interval(row.before, row.before_low, row.before_high)} to "
        f"{interval(row.after, row.after_low, row.after_high)}"
        for row in rows_of(largest.head(_MOST_CREATED))
    ]
    left = len(new) - len(named)
    more = f"; and {left:,} more" if left else ""
    what = "a skew that was not there before" if len(new) == 1 else f"{len(new):,} skews that were not there before"
    return [f"{erasing} creates {what}, surely beyond {100 * tolerance:g} points: {'; '.join(named)} points{more}."]


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
