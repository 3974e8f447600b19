"""In which slices is the model right more often, or less often, than on the other pictures?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.disparities.accuracy import ACCURACY
from affect_workbench.analyses.inference.intervals import distance_from_zero
from affect_workbench.workbench.interface.numbers import (
    counts,
    interval,
    intervals,
    percent,
    percents,
    plural,
    probabilities,
    small_q,
)
from affect_workbench.workbench.report.sections.section import Section, rows_of, skew_figure, skewed

MOST_INTERSECTIONS = 100
_MOST_DRAWN = 16
_MOST_SENTENCES = 3


def slice_accuracy(result: AuditResult) -> Section | None:
    """Accuracy of each slice (with votes: vote agreement), its gap to the complement, and what may be said of it."""
    table = result.table(ACCURACY)
    if table is None or table.empty or not table["effect"].notna().any():
        return None
    votes = result.run.truth == "votes"
    name = accuracy_name(result)
    order = by_gap(table)
    single, several = order[order["order"] == 1], order[order["order"] > 1]
    sure = skewed(table)
    alone = int((sure["order"] == 1).sum())
    found = (
        _widest(single if single["effect"].notna().any() else order, name),
        (
            f"{alone:,} of {plural(len(single), 'slice')} of one attribute and {len(sure) - alone:,} of "
            f"{plural(len(several), 'intersection')} differ{'s' if len(sure) == 1 else ''} from the other pictures "
            f"beyond chance and by more than the tolerance of {100 * result.run.config.tolerance:g} points."
        ),
        *(gap_sentence(row, name=name) for row in rows_of(skewed(single).head(_MOST_SENTENCES))),
    )
    drawn = order[order["effect"].notna()]
    drawn = drawn.loc[(drawn["order"] > 1).sort_values(kind="stable").index].head(_MOST_DRAWN)
    shown = pd.concat([single, several.head(MOST_INTERSECTIONS)])
    mean = "the mean share of votes for the predicted label" if votes else "the share of pictures predicted as labelled"
    return Section(
        "slice-accuracy",
        f"{name} by slice",
        found,
        (
            f"{name} is {mean}; the difference is from the other pictures with a known value. Largest gaps first, "
            "slices of one attribute before intersections. A large gap may come from the pictures (some are harder) "
            "as well as from the model."
        ),
        skew_figure(
            result,
            drawn.loc[drawn["effect"].sort_values().index],
            lambda row: str(row.slice),
            axis=f"difference of {name.lower()} from the other pictures, points",
        ),
        pd.DataFrame(
            {
                "slice": shown["slice"],
                "n": counts(shown["n"]),
                name.lower(): percents(shown["accuracy"]),
                "complement": percents(shown["complement_accuracy"]),
                "difference": intervals(shown),
                "q": probabilities(shown["q"]),
                "verdict": shown["verdict"],
            }
        ),
        len(table),
        list(shown["where"]),
        ACCURACY,
    )


def accuracy_name(result: AuditResult) -> str:
    """`Accuracy`, or where the truth is votes `Vote agreement`: a mean share of votes, not a share of right answers."""
    return "Vote agreement" if result.run.truth == "votes" else "Accuracy"


def by_gap(table: pd.DataFrame) -> pd.DataFrame:
    """The largest lower bound of the absolute gap first, then the largest; slices without a number last."""
    order = pd.DataFrame(
        {
            "skewed": table["verdict"] != "skewed",
            "sure": -distance_from_zero(table["low"], table["high"]),
            "size": -table["effect"].abs(),
        }
    )
    return table.loc[order.sort_values(list(order.columns), kind="stable", na_position="last").index]


def _widest(rows: pd.DataFrame, name: str) -> str:
    """The best and the worst slice of the attribute with the largest gap."""
    top = next(iter(rows_of(rows)))
    same = rows[rows["where"].map(lambda where: list(where) == list(top.where)) & rows["effect"].notna()]
    best, worst = rows_of(same.loc[[same["accuracy"].idxmax(), same["accuracy"].idxmin()]])
    if best.slice == worst.slice:
        return (
            f"{name} of pictures with {top.slice} is {percent(top.accuracy)}, of the other pictures "
            f"{percent(top.complement_accuracy)}."
        )
    return (
        f"{name} is {percent(best.accuracy)} in pictures with {best.slice} (n = {best.n:,}) against "
        f"{percent(worst.accuracy)} in those with {worst.slice} (n = {worst.n:,})."
    )


def gap_sentence(row: Any, *, name: str) -> str:
    """One slice's gap in words; `row` of the table of `analyses.disparities.accuracy`."""
    return (
        f"Pictures with {row.slice}: {name.lower()} {percent(row.accuracy)}, other pictures "
        f"{percent(row.complement_accuracy)}: {interval(row.effect, row.low, row.high)} points, {small_q(row.q)}, "
        f"n = {row.n:,}."
    )
