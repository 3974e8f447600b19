"""Where the truth is known: whose emotions are missed, seen where they are not, or mistaken for what?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.workbench.interface.numbers import (
    counts,
    interval,
    intervals,
    percent,
    percents,
    plural,
    rates,
    small_q,
)
from affect_workbench.workbench.report.sections.section import (
    MOST_ROWS,
    Chapter,
    ranked,
    rows_of,
    sampled,
    skew_figure,
    skewed,
)

_MOST_SAID = 3
_MOST_DRAWN = 16
_WORDS = {"true positive rate": "recognised", "false positive rate": "wrongly said"}


def missed_and_mistaken(result: AuditResult) -> Chapter | None:
    """Equalised odds, one emotion against all others, and directed confusions."""
    odds, confusions = result.tables.get("odds"), result.tables.get("confusions")
    if odds is None or confusions is None or odds.empty:
        return None
    gaps = ranked(odds)
    mistakes = ranked(confusions)
    sure, mixed = skewed(gaps), skewed(mistakes)
    truth = "With the most voted label as the truth" if result.run.truth == "votes" else "By the labels"
    found = (
        f"{truth}, {plural(len(sure), 'gap')} of {len(odds):,} in recognising or wrongly saying an emotion "
        f"{'is' if len(sure) == 1 else 'are'} beyond chance and tolerance, and {plural(len(mixed), 'confusion')} "
        f"of {len(confusions):,}.",
        *(_sentence(row, _WORDS[row.measure]) for row in rows_of(sure.head(_MOST_SAID))),
        *(_sentence(row, f"read as {row.read_as}") for row in rows_of(mixed.head(_MOST_SAID))),
    )
    leading = pd.concat([sure.head(MOST_ROWS // 2), mixed.head(MOST_ROWS // 2)])
    leading = leading if len(leading) else gaps.head(MOST_ROWS // 2)
    what = [
        f"{row.emotion} read as {row.read_as}"
        if isinstance(getattr(row, "read_as", None), str)
        else f"{row.emotion} {_WORDS[row.measure]}"
        for row in rows_of(leading)
    ]
    return Chapter(
        "truth",
        "What is missed, what is mistaken",
        found,
        "Recognised: of the pictures that truly show the emotion, the share read so. Wrongly said: of all others, the share "
        "read as it. Equal in all slices is what “equalised odds” asks for. Filled markers are skewed; hollow ones are not.",
        skew_figure(
            result,
            gaps.head(_MOST_DRAWN),
            lambda row: f"{row.emotion} {_WORDS[row.measure]}, {row.slice}",
            series="gap",
            axis="difference from the other pictures of the same truth, points",
        ),
        pd.DataFrame({"slice": leading["slice"], "what": what, **rates(leading), "verdict": leading["verdict"]}),
        len(odds) + len(confusions),
        list(leading["where"]),
        "odds",
    )


def calibrated(result: AuditResult) -> Chapter | None:
    """Are probabilities as good in a slice as elsewhere?"""
    table = result.tables.get("calibration")
    if table is None or table.empty:
        return None
    order = ranked(table)
    sure, leading = skewed(order), order.head(MOST_ROWS)
    worse = int((table["error_q"] <= 0.05).sum())
    found = [
        f"The probabilities of {plural(len(sure), '(slice, emotion) pair')} of {len(table):,} are too high or too low by "
        f"more, beyond chance and tolerance, than those of the other pictures; in {worse:,} the calibration error is larger "
        "than in slices of the same size drawn at random."
    ]
    found += [
        f"Pictures with {row.slice}: {row.emotion} is given {percent(row.probability)} on average and is true for "
        f"{percent(row.share)}; against the other pictures that is {interval(row.effect, row.low, row.high)} points more, "
        f"{small_q(row.q)}."
        for row in rows_of(sure.head(_MOST_SAID))
    ]
    return Chapter(
        "calibration",
        "Are the probabilities as good in every slice?",
        (*found, *sampled(result, "calibration")),
        "Above zero the model overstates the emotion in the slice more than elsewhere, below zero it understates it. The "
        "error is the class-wise calibration error in 15 bins, beside its mean in random slices of the same size.",
        skew_figure(
            result,
            order.head(_MOST_DRAWN),
            lambda row: f"{row.emotion}, {row.slice}",
            axis="overstatement of the probability, beyond that in the other pictures, points",
        ),
        pd.DataFrame(
            {
                "slice": leading["slice"],
                "emotion": leading["emotion"],
                "n": counts(leading["n"]),
                "mean probability": percents(leading["probability"]),
                "true": percents(leading["share"]),
                "beyond others": intervals(leading),
                "error (by chance)": [f"{percent(row.error)} ({percent(row.error_by_chance)})" for row in rows_of(leading)],
                "verdict": leading["verdict"],
            }
        ),
        len(table),
        list(leading["where"]),
        "calibration",
    )


def _sentence(row: Any, verb: str) -> str:
    return (
        f"In pictures with {row.slice}, {row.emotion} is {verb} {percent(row.rate)} of the time, in others "
        f"{percent(row.complement_rate)}: {interval(row.effect, row.low, row.high)} points, {small_q(row.q)}, n = {row.n:,}."
    )
