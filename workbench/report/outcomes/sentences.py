"""How is a difference of a number between a slice and the other pictures said in a sentence?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface.numbers import plural, small_q
from affect_workbench.workbench.report.outcomes.texts import share_phrase, share_sentence, text_summary


def number(value: float, *, signed: bool = False) -> str:
    """Three digits with a proper minus: `0.482`, `−12.1`; with a sign in front where it is a difference."""
    text = f"{value:{'+' if signed else ''}.3g}"
    return (text.lstrip("+") if float(text) == 0 else text).replace("-", "−")


def outcome_sentence(row: Any) -> list[tuple[str, str]]:
    """A row of `AuditResult.outcomes` as (text, style) pieces, styles as in `report.sentences.finding_sentence`."""
    pieces = [("Pictures with ", "plain"), (row.slice, "slice")]
    if row.p != row.p:
        return [*pieces, (f": too few pictures (n = {row.n:,}).", "plain")]
    if share_phrase(row.outcome):
        return share_sentence(row)
    others = "other pictures" if pd.isna(getattr(row, "pairs", None)) else "their partners in pairs"
    return [
        *pieces,
        (" have a mean ", "plain"),
        (column_words(row.outcome), "emotion"),
        (f" of {number(row.mean)}, {others} {number(row.complement_mean)}: ", "plain"),
        (number(row.effect, signed=True), "effect"),
        (f" [{number(row.low, signed=True)}, {number(row.high, signed=True)}]", "plain"),
        (f", {number(row.effect / row.spread, signed=True)} standard deviations, {small_q(row.q)}, n = {row.n:,}", "quiet"),
        (".", "plain"),
    ]


def outcome_text(row: Any) -> str:
    """The same as plain text."""
    return "".join(text for text, _ in outcome_sentence(row))


def outcome_summary(result: AuditResult) -> str:
    """What the headline of an audit of numbers alone means, in a sentence or two."""
    outcomes = result.outcomes
    skewed = outcomes[outcomes["verdict"] == "skewed"]
    if skewed.empty:
        undecided = result.count("undetermined") + result.count("too small")
        not_decided = (
            f" This does not prove the absence of bias: {plural(undecided, 'pair')} could not be decided."
            if undecided
            else ""
        )
        return f"No outcome differs between slices both beyond chance and by more than the tolerance.{not_decided}"
    repeated = int(skewed["explained_by"].notna().sum())
    compared = text_summary(result) or "numeric outcomes are compared"
    parts = [f"{column_words(name)}: {count:,}" for name, count in skewed["outcome"].value_counts(sort=False).items()]
    sentence = f"No emotions were predicted; {compared}. Skewed pairs by outcome: {', '.join(parts)}."
    if repeated:
        sentence += f" {repeated:,} of the {len(skewed):,} {'is' if repeated == 1 else 'are'} explained by the parent slice."
    return sentence
