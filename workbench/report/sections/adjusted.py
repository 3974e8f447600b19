"""Which differences stay, go, turn round or fall apart when pictures are compared with pictures alike in something else?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.outcome_tables import ADJUSTED_PREFIX
from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.inference.homogeneity import DIFFERS
from affect_workbench.analyses.inference.intervals import distance_from_zero
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface.intervals import Series, interval_figure
from affect_workbench.workbench.interface.numbers import EFFECT, interval, intervals, plural, signed, small_q
from affect_workbench.workbench.report.sections.section import MOST_ROWS, Section, named_tables, rows_of

_KINDS = {
    "reversed": "is reversed (Simpson’s paradox)",
    "explained": "is mostly explained",
    "uncovered": "was mostly masked",
}
_COUNTED = {
    "reversed": "reversed (Simpson’s paradox)",
    "explained": "mostly explained by it",
    "uncovered": "mostly masked by it",
}
WITHIN = ("within", "within_low", "within_high")
_MOST_SENTENCES = 4
_MOST_DRAWN = 14
_BETWEEN = ("homogeneity_p", "homogeneity_q", "smallest", "smallest_in", "largest", "largest_in")
"""Columns that runs of version 0.1.0 lack."""


@dataclass(frozen=True)
class _Wording:
    """How the rows of a table of adjusted differences are spoken of.

    Attributes:
        about: what a row is, with a place for its attributes: `Pictures with {0.slice} predicted as {0.emotion}`.
        gap: the difference that a row is about, in the same way.
        many: one row in a count: `pair`, `slice`.
        unit: what follows a number in a sentence, with its blank.
        scale: what numbers are multiplied by.
        digits: after the point.
        axis: what the figure's numbers are.
        by: how it was adjusted.
        test: of homogeneity.
    """

    about: str
    gap: str
    many: str
    unit: str
    scale: float
    digits: int
    axis: str
    by: str
    test: str

    def number(self, value: float) -> str:
        return signed(self.scale * value, self.digits)

    def interval(self, row: Any, names: tuple[str, str, str] = EFFECT) -> str:
        return interval(*(getattr(row, name) for name in names), scale=self.scale, digits=self.digits)


_RATES = _Wording(
    about="Pictures with {0.slice} predicted as {0.emotion}",
    gap="The difference in {0.emotion} predictions for {0.slice}",
    many="pair",
    unit=" points",
    scale=100.0,
    digits=1,
    axis="difference from the other pictures, points",
    by="(Mantel-Haenszel)",
    test="Breslow and Day’s test of the odds ratios with Tarone’s correction, and a test of the differences themselves",
)


def adjusted_differences(result: AuditResult) -> Section | None:
    """The adjusted differences of rates; None where nothing was adjusted for."""
    table = result.table("adjusted")
    if table is None or table.empty:
        return None
    return _section(
        table,
        _RATES,
        name="adjusted",
        title="Adjusted for {}",
        source="adjusted",
        keys=("slice", "emotion"),
        band=100 * result.run.config.tolerance,
    )


def adjusted_outcomes(result: AuditResult) -> list[Section]:
    """The adjusted differences of each numeric outcome."""
    found: list[Section] = []
    for outcome, table in named_tables(result, ADJUSTED_PREFIX):
        spoken = column_words(outcome)
        name = spoken.replace("{", "{{").replace("}", "}}")
        wording = _Wording(
            about=name + " of pictures with {0.slice}",
            gap=f"The difference in mean {name} for {{0.slice}}",
            many="slice",
            unit="",
            scale=1.0,
            digits=2,
            axis=f"difference of mean {spoken}",
            by="(within strata, averaged with Mantel and Haenszel’s weights)",
            test="an interaction contrast over the strata, by the same model as the interval",
        )
        found.append(
            _section(
                table,
                wording,
                name=f"adjusted-outcome-{len(found) + 1}",
                title=f"Outcome {name}, adjusted for {{}}",
                source=ADJUSTED_PREFIX + outcome,
                keys=("slice",),
                band=float(table["tolerance"].iloc[0]),
            )
        )
    return found


def _section(
    table: pd.DataFrame, wording: _Wording, *, name: str, title: str, source: str, keys: tuple[str, ...], band: float
) -> Section:
    held = column_words(table["adjusted_for"].iloc[0])
    table = table.reindex(columns=[*table.columns, *(column for column in _BETWEEN if column not in table)])
    known = table[table["within"].notna()].copy()
    known["sure"] = distance_from_zero(known["within_low"], known["within_high"])
    known["moved"] = (known["effect"] - known["within"]).abs()
    known["apart"] = known["verdict"] == DIFFERS
    known["gap"] = (known["largest"] - known["smallest"]).where(known["apart"], 0.0)
    order = known.sort_values(
        ["apart", "gap", "simpson", "sure", "moved", *keys], ascending=[False] * 5 + [True] * len(keys), kind="stable"
    )
    flagged = order[order["simpson"] & ~order["apart"]].sort_values("moved", ascending=False, kind="stable")
    differing = order[order["apart"]]
    drawn, leading = order.head(_MOST_DRAWN), order.head(MOST_ROWS)
    figure = interval_figure(
        [" → ".join(str(getattr(row, key)) for key in keys) for row in rows_of(drawn)],
        [
            Series.of("unadjusted", drawn, scale=wording.scale),
            Series.of(f"adjusted for {held}", drawn, WITHIN, scale=wording.scale),
        ],
        axis=wording.axis,
        band=band,
    )
    tested = int(known["homogeneity_p"].notna().sum())
    reading = (
        f"Blue: the unadjusted difference. Orange: the difference adjusted for {held} {wording.by}. What remains is not "
        f"explained by {held}; something else that is correlated with the slice may still explain it."
    )
    if "homogeneity_strata" in table:
        untold = (
            f"; {plural(len(known) - tested, wording.many)} had too few pictures in all strata but one"
            if tested < len(known)
            else ""
        )
        reading += f" Whether the difference is the same in all strata (homogeneity) is tested by {wording.test}{untold}."
    columns = {key: leading[key] for key in keys} | {
        "unadjusted": intervals(leading, scale=wording.scale, digits=wording.digits),
        "adjusted": intervals(leading, WITHIN, scale=wording.scale, digits=wording.digits),
        "strata": leading["strata_used"].map(str),
        "verdict": leading["verdict"],
        "effect of adjusting": [_effect(row, wording) for row in rows_of(leading)],
    }
    return Section(
        name,
        title.format(held),
        (
            _summary(table, known, flagged, held, wording),
            *(_differing_sentence(row, held, wording) for row in rows_of(differing.head(_MOST_SENTENCES))),
            *(_sentence(row, held, wording) for row in rows_of(flagged.head(_MOST_SENTENCES))),
        ),
        reading,
        figure if len(drawn) else None,
        pd.DataFrame(columns),
        len(table),
        list(leading["where"]),
        source,
    )


def _summary(table: pd.DataFrame, known: pd.DataFrame, flagged: pd.DataFrame, held: str, wording: _Wording) -> str:
    skewed = int((known["verdict"] == "skewed").sum())
    counts = flagged["simpson_kind"].value_counts()
    parts = [f"{int(counts[kind]):,} {words}" for kind, words in _COUNTED.items() if kind in counts]
    sentence = (
        f"Adjusted for {held}, {skewed:,} of {plural(len(known), wording.many)} {'is' if skewed == 1 else 'are'} skewed."
    )
    differing = int(known["apart"].sum())
    if differing:
        sentence += (
            f" {plural(differing, wording.many)} {'differs' if differing == 1 else 'differ'} between strata; there the "
            "average describes no single stratum."
        )
    if parts:
        sentence += f" Unadjusted differences: {', '.join(parts)}."
    unknown = len(table) - len(known)
    if unknown:
        sentence += f" {plural(unknown, wording.many)} could not be adjusted (the table in the run folder gives the reason)."
    return sentence


def _between(row: Any, wording: _Wording) -> str:
    ends = ((row.smallest, row.smallest_in), (row.largest, row.largest_in))
    return ", ".join(f"{wording.number(value)}{wording.unit} in {stratum}" for value, stratum in ends)


def _effect(row: Any, wording: _Wording) -> str:
    return _between(row, wording) if row.apart else _KINDS.get(row.simpson_kind, "").partition(" (")[0]


def _differing_sentence(row: Any, held: str, wording: _Wording) -> str:
    return (
        f"{wording.gap.format(row)} depends on {held}: {_between(row, wording)} (the strata differ, "
        f"{small_q(row.homogeneity_q)}); averaged over all strata, {wording.interval(row, WITHIN)}."
    )


def _sentence(row: Any, held: str, wording: _Wording) -> str:
    return (
        f"{wording.about.format(row)}: {wording.interval(row)}{wording.unit} unadjusted, {wording.interval(row, WITHIN)} "
        f"adjusted for {held}: the difference {_KINDS[row.simpson_kind]}."
    )
