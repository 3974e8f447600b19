"""Which skews stay, go or turn round when pictures are compared with pictures alike in something else?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from analyses.audit import AuditResult
from workbench.chapters.chapter import MOST_ROWS, Chapter, nearer_to_zero, rows_of
from workbench.chapters.words import interval, intervals, plural
from workbench.interval_figure import Series, interval_figure

_KINDS = {
    "reversed": "turns round (Simpson’s paradox)",
    "explained": "mostly goes away",
    "uncovered": "was mostly hidden",
}
_COUNTED = {
    "reversed": "turned round (Simpson’s paradox)",
    "explained": "mostly explained by it",
    "uncovered": "mostly hidden by it",
}
WITHIN = ("within", "within_low", "within_high")
_MOST_SAID = 4
_MOST_DRAWN = 14


def held_fixed(result: AuditResult) -> Chapter | None:
    """The adjusted differences; None where nothing was held fixed."""
    table = result.tables.get("adjusted")
    if table is None or table.empty:
        return None
    held = str(table["adjusted_for"].iloc[0])
    known = table[table["within"].notna()].copy()
    known["sure"] = nearer_to_zero(known["within_low"], known["within_high"])
    known["moved"] = (known["effect"] - known["within"]).abs()
    order = known.sort_values(
        ["simpson", "sure", "moved", "slice", "emotion"], ascending=[False, False, False, True, True], kind="stable"
    )
    flagged = order[order["simpson"]].sort_values("moved", ascending=False, kind="stable")
    drawn = order.head(_MOST_DRAWN)
    names = [f"{row.slice} → {row.emotion}" for row in rows_of(drawn)]
    figure = interval_figure(
        names,
        [
            Series.of("as it is", drawn),
            Series.of(f"with {held} held fixed", drawn, WITHIN),
        ],
        axis="difference from the other pictures, points",
        band=100 * result.run["config"]["tolerance"],
    )
    leading = order.head(MOST_ROWS)
    return Chapter(
        "held-fixed",
        f"With {held} held fixed",
        (_summary(table, known, flagged, held), *(_sentence(row, held) for row in rows_of(flagged.head(_MOST_SAID)))),
        f"Blue: the plain difference. Orange: the difference among pictures alike in {held} (Mantel-Haenszel), averaged. "
        "What stays is not explained by it; something else that goes along with the slice may still be.",
        figure if len(drawn) else None,
        pd.DataFrame(
            {
                "slice": leading["slice"],
                "emotion": leading["emotion"],
                "as it is": intervals(leading),
                "held fixed": intervals(leading, WITHIN),
                "strata": leading["strata_used"].map(str),
                "verdict": leading["verdict"],
                "what happens": [_KINDS.get(kind, "").partition(" (")[0] for kind in leading["simpson_kind"]],
            }
        ),
        len(table),
        list(leading["where"]),
        "adjusted",
    )  # fmt: skip


def _summary(table: pd.DataFrame, known: pd.DataFrame, flagged: pd.DataFrame, held: str) -> str:
    skewed = int((known["verdict"] == "skewed").sum())
    counts = flagged["simpson_kind"].value_counts()
    parts = [f"{int(counts[kind]):,} {words}" for kind, words in _COUNTED.items() if kind in counts]
    sentence = (
        f"Among pictures alike in {held}, {plural(skewed, 'pair')} of {len(known):,} "
        f"{'is' if skewed == 1 else 'are'} skewed."
    )
    if parts:
        sentence += f" Plain differences: {', '.join(parts)}."
    unknown = len(table) - len(known)
    if unknown:
        sentence += f" {plural(unknown, 'pair')} could not be compared so (the table in the run folder says why)."
    return sentence


def _sentence(row: Any, held: str) -> str:
    return (
        f"Pictures with {row.slice} read as {row.emotion}: {interval(row.effect, row.low, row.high)} points as they are, "
        f"{interval(row.within, row.within_low, row.within_high)} with {held} held fixed: the difference "
        f"{_KINDS[row.simpson_kind]}."
    )
