"""Which slices were compared in pairs, and do the pictures of a pair differ in any emotion at all?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.skew.in_pairs import EXACT, ROBUST
from affect_workbench.workbench.interface.numbers import counts, plural, probabilities, small_q
from affect_workbench.workbench.report.sections.section import MOST_ROWS, Section, rows_of
from affect_workbench.workbench.report.sentences import in_pairs as pairs_in_words

_MOST_SENTENCES = 4
_HOW = {
    EXACT: "Pairs are independent: each emotion has McNemar’s exact test and Tango’s score interval.",
    ROBUST: (
        "Where several pairs lie in one group, or a pair has several pictures on one side, tests and intervals are "
        "cluster-robust (CR2), with whole groups as units."
    ),
}


def in_pairs(result: AuditResult) -> Section | None:
    """The tests of all emotions at once in pairs; None where nothing was compared so."""
    table = result.table("pairs")
    if table is None or table.empty:
        return None
    single = table[table["where"].map(len) == 1]
    order = table.assign(conditions=table["where"].map(len)).sort_values(["conditions", "q", "slice"], kind="stable")
    leading = order.head(MOST_ROWS)
    leading_single = single.sort_values("q", kind="stable").head(_MOST_SENTENCES)
    return Section(
        "pairs",
        "In pairs: do predictions change when one attribute changes?",
        (
            f"{plural(len(single), 'slice')} of one attribute {'is' if len(single) == 1 else 'are'} compared in pairs.",
            *(_sentence(row) for row in rows_of(leading_single)),
        ),
        (
            "Stuart and Maxwell’s test asks for all emotions at once whether the pictures of a pair are predicted "
            "alike; the findings above say which emotion differs, and by how much. "
        )
        + " ".join(words for name, words in _HOW.items() if (table["method"] == name).any()),
        None,
        pd.DataFrame(
            {
                "slice": leading["slice"],
                "pairs": counts(leading["pairs"]),
                "n": counts(leading["n"]),
                "partners": counts(leading["n_complement"]),
                "also differ elsewhere": counts(leading["mixed"]),
                "Stuart-Maxwell": [_statistic(row) for row in rows_of(leading)],
                "q": probabilities(leading["q"]),
            }
        ),
        len(table),
        list(leading["where"]),
        "pairs",
    )


def _sentence(row: Any) -> str:
    lead = pairs_in_words(row.pairs, row.mixed, row.where)
    if row.q != row.q:
        return f"{lead}, no picture with {row.slice} is predicted differently from its partner."
    return f"{lead}, pictures with {row.slice} against their partners: {_statistic(row)}, {small_q(row.q)}."


def _statistic(row: Any) -> str:
    return "–" if row.statistic != row.statistic else f"χ² = {row.statistic:.1f}, {row.freedom:.0f} df"
