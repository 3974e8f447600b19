"""What else was measured of the slice that a card is about? A line each, where it was measured."""

from __future__ import annotations

from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.disparities.accuracy import ACCURACY
from affect_workbench.analyses.space.erasure.erasure_test import NO_SKEW, RUNS_THROUGH
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface.numbers import interval, percent, points
from affect_workbench.workbench.report.cards.assessed import Assessed
from affect_workbench.workbench.report.first_page.headline import StrataByPair, caveats
from affect_workbench.workbench.report.sections.accuracy import accuracy_name


def measured_lines(result: AuditResult, assessed: Assessed, *, strata: StrataByPair) -> tuple[str, ...]:
    """Erasure, label tree, severity, accuracy, gold labels, strata and permutation check, as far as there are any.

    Args:
        result: the audit.
        assessed: the attribute.
        strata: of `workbench.report.first_page.headline.differing_strata`.
    """
    row = assessed.finding
    if row is None:
        return ()
    lines = [_erasure(result, row), _label_tree(row), _severity(result, row), _accuracy(result, row)]
    lines += [_sentence(caveats(result, row, strata=strata))]
    if result.permutation_check is not None:
        lines.append(result.permutation_check.sentence)
    return tuple(filter(None, lines))


def _of_slice(table: pd.DataFrame | None, row: Any, *, emotion: bool = False) -> Any | None:
    """The row of the same slice (and emotion), None where there is none."""
    if table is None:
        return None
    mine = table[table["slice"] == row["slice"]]
    if emotion:
        mine = mine[mine["emotion"] == row["emotion"]]
    return None if mine.empty else mine.iloc[0]


def _erasure(result: AuditResult, row: Any) -> str:
    cell = _of_slice(result.table("space_erasure"), row, emotion=True)
    if cell is None or cell["verdict"] == NO_SKEW:
        return ""
    ending = f"it {RUNS_THROUGH}" if cell["verdict"] == RUNS_THROUGH else "random directions remove as much"
    return (
        f"With {column_words(cell['attribute'])} erased from the features the difference changes from "
        f"{points(cell['before'])} to {interval(cell['after'], cell['after_low'], cell['after_high'])} points: {ending}."
    )


def _label_tree(row: Any) -> str:
    level = row.get("label_tree_level")
    if not isinstance(level, str) or level == row["emotion"]:
        return ""
    return f"It is also skewed at the label-tree level {level}."


def _severity(result: AuditResult, row: Any) -> str:
    cell = _of_slice(result.table("severity"), row)
    if cell is None or pd.isna(cell["effect"]):
        return ""
    difference = interval(cell["effect"], cell["low"], cell["high"], scale=1.0, digits=2)
    return f"Severity: valence of predictions for {row['slice']} {difference} beside the others ({cell['verdict']})."


def _accuracy(result: AuditResult, row: Any) -> str:
    cell = _of_slice(result.table(ACCURACY), row)
    if cell is None or pd.isna(cell["effect"]):
        return ""
    difference = interval(cell["effect"], cell["low"], cell["high"])
    return (
        f"{accuracy_name(result)} of {row['slice']}: {percent(cell['accuracy'])}, others "
        f"{percent(cell['complement_accuracy'])}: {difference} points ({cell['verdict']})."
    )


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}." if words else ""
