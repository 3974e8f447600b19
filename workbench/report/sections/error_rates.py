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
    Section,
    ranked,
    rows_of,
    sampled,
    skew_figure,
    skewed,
)

_MOST_SENTENCES = 3
_MOST_DRAWN = 16
_WORDS = {"true positive rate": "recognised", "false positive rate": "falsely predicted"}


def error_rates(result: AuditResult) -> Section | None:
    """Equalised odds, one emotion against all others, and directed confusions."""
    odds, confusions = result.table("odds"), result.table("confusions")
    if odds is None or confusions is None or odds.empty:
        return None
    gaps = ranked(odds)
    mistakes = ranked(confusions)
    sure, mixed = skewed(gaps), skewed(mistakes)
    truth = "With the most voted label as the truth" if result.run.truth == "votes" else "Against the labels"
    found = (
        (
            f"{truth}, {len(sure):,} of {plural(len(odds), 'gap')} in true or false positive rates "
            f"{'is' if len(sure) == 1 else 'are'} beyond chance and tolerance, and {len(mixed):,} of "
            f"{plural(len(confusions), 'confusion')}."
        ),
        *(_sentence(row, _WORDS[row.measure]) for row in rows_of(sure.head(_MOST_SENTENCES))),
        *(_sentence(row, f"predicted as {row.predicted_as}") for row in rows_of(mixed.head(_MOST_SENTENCES))),
    )
    leading = pd.concat([sure.head(MOST_ROWS // 2), mixed.head(MOST_ROWS // 2)])
    leading = leading if len(leading) else gaps.head(MOST_ROWS // 2)
    what = [
        f"{row.emotion} predicted as {row.predicted_as}"
        if isinstance(getattr(row, "predicted_as", None), str)
        else f"{row.emotion} {_WORDS[row.measure]}"
        for row in rows_of(leading)
    ]
    return Section(
        "error-rates",
        "Error rates: what is missed, what is confused",
        found,
        (
            "Recognised (true positive rate): of the pictures that show the emotion, the share predicted as that emotion. "
            "Falsely predicted (false positive rate): of all other pictures, the share predicted as that emotion. "
            "“Equalised odds” asks that both are equal in all slices. Filled markers are skewed; hollow ones are not."
        ),
        skew_figure(
            result,
            gaps.head(_MOST_DRAWN),
            lambda row: f"{row.emotion} {_WORDS[row.measure]}, {row.slice}",
            series="gap",
            axis="difference from the other pictures with the same truth, points",
        ),
        pd.DataFrame({"slice": leading["slice"], "what": what, **rates(leading), "verdict": leading["verdict"]}),
        len(odds) + len(confusions),
        list(leading["where"]),
        "odds",
    )


def calibration(result: AuditResult) -> Section | None:
    """Are probabilities as good in a slice as elsewhere?"""
    table = result.table("calibration")
    if table is None or table.empty:
        return None
    order = ranked(table)
    sure, leading = skewed(order), order.head(MOST_ROWS)
    worse = int((table["error_q"] <= 0.05).sum())
    found = [
        (
            f"The probabilities of {len(sure):,} of {plural(len(table), '(slice, emotion) pair')} are too high or too "
            f"low compared with those of the other pictures, beyond chance and tolerance; for {worse:,} the "
            "calibration error is larger than in random slices of the same size."
        )
    ]
    found += [
        (
            f"Pictures with {row.slice}: {row.emotion} has a mean probability of {percent(row.probability)} and is "
            f"true for {percent(row.share)}; the overstatement differs from that of the other pictures by "
            f"{interval(row.effect, row.low, row.high)} points, {small_q(row.q)}."
        )
        for row in rows_of(sure.head(_MOST_SENTENCES))
    ]
    return Section(
        "calibration",
        "Are the probabilities calibrated in every slice?",
        (*found, *sampled(result, "calibration")),
        (
            "Above zero, the model overstates the emotion in the slice more than elsewhere; below zero, it "
            "understates it. The error is the class-wise calibration error in 15 bins, with its mean in random "
            "slices of the same size."
        ),
        skew_figure(
            result,
            order.head(_MOST_DRAWN),
            lambda row: f"{row.emotion}, {row.slice}",
            axis="overstatement of the probability relative to the other pictures, points",
        ),
        pd.DataFrame(
            {
                "slice": leading["slice"],
                "emotion": leading["emotion"],
                "n": counts(leading["n"]),
                "mean probability": percents(leading["probability"]),
                "true": percents(leading["share"]),
                "excess over complement": intervals(leading),
                "error (expected by chance)": [
                    f"{percent(row.error)} ({percent(row.error_by_chance)})" for row in rows_of(leading)
                ],
                "verdict": leading["verdict"],
            }
        ),
        len(table),
        list(leading["where"]),
        "calibration",
    )


def _sentence(row: Any, verb: str) -> str:
    return (
        f"In pictures with {row.slice}, {row.emotion} is {verb} {percent(row.rate)} of the time, in the other "
        f"pictures {percent(row.complement_rate)}: {interval(row.effect, row.low, row.high)} points, "
        f"{small_q(row.q)}, n = {row.n:,}."
    )
