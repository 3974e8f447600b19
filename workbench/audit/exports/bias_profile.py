"""The bias profile of a system: for each group what could go wrong, how it was measured, what came out, what is done.

One row a (group, hazard). Groups are the values of single attributes, and intersections that are skewed on their own. The
words follow the draft European standard on bias (prEN 18283): group, hazard, measure, threshold, result, treatment, review
trigger. The draft was not in the Official Journal when this was written; nothing here claims conformity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.disparities.accuracy import ACCURACY
from affect_workbench.analyses.inference.verdicts import VERDICTS
from affect_workbench.analyses.skew.findings import on_its_own
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import write_bytes, write_json, write_text
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.audit.exports.audited import audit_numbers, in_markdown, markdown_table
from affect_workbench.workbench.interface.numbers import points, small_q
from affect_workbench.workbench.report.first_page.headline import headline
from affect_workbench.workbench.report.outcomes.sentences import number
from affect_workbench.workbench.report.sections.accuracy import accuracy_name
from affect_workbench.workbench.report.system.section import stated_card
from affect_workbench.workbench.runs.flat import csv_bytes, flat
from affect_workbench.workbench.runs.reviews import Review, marks, match_reviews

FORMAT = "affect-workbench-bias-profile/1"
PROFILE = ("group", "hazard", "measure", "threshold", "result", "treatment", "review_trigger")
_NUMBERS = ("where", "n", "n_complement", "effect", "low", "high", "q", "verdict", "explained_by")
NO_TREATMENT = "none recorded"


def bias_profile(result: AuditResult, reviews: tuple[Review, ...] = ()) -> pd.DataFrame:
    """One row a (group, hazard), the skewed ones first: `PROFILE` in words, then the numbers behind the result.

    Args:
        result: the audit.
        reviews: what people decided about its findings.
    """
    rows = (*_rates(result, reviews), *_accuracies(result), *_outcomes(result))
    records = [_record(result, one) for one in rows]
    records.sort(key=lambda record: VERDICTS.index(record["verdict"]))
    return pd.DataFrame(records, columns=[*PROFILE, *_NUMBERS]).astype(object)


def write_bias_profile(result: AuditResult, folder: Path, reviews: tuple[Review, ...] = ()) -> None:
    """Puts `bias-profile.json`, `.csv` and `.md` into a folder that exists."""
    table, card = bias_profile(result, reviews), stated_card(result)
    record = {
        "format": FORMAT,
        "headline": headline(result),
        "system": card.as_json(),
        "impacts": list(card.impacts or ()),
        "not_stated": list(card.not_stated),
        "created": result.run.created,
        "numbers": audit_numbers(result),
        "rows": table.where(table.notna(), None).to_dict("records"),
    }
    write_json(folder / "bias-profile.json", record)
    write_bytes(folder / "bias-profile.csv", csv_bytes(flat(table)))
    write_text(folder / "bias-profile.md", _markdown(result, table))


@dataclass(frozen=True)
class _Assessed:
    """A row of one of the audit's tables, in words.

    Attributes:
        row: the row.
        hazard: what could go wrong, by direction: not known, upwards, downwards.
        measure: what was compared.
        told: the difference with its interval.
        tolerance: what is negligible.
        detectable: the smallest difference that one test finds; "" where not known.
        decided: what people decided about it.
    """

    row: Any
    hazard: tuple[str, ...]
    measure: str
    told: str
    tolerance: str
    detectable: str = ""
    decided: str = ""


def _rates(result: AuditResult, reviews: tuple[Review, ...]) -> Iterator[_Assessed]:
    findings, decided, truth = result.findings, marks(match_reviews(result, reviews)), result.run.truth
    own = on_its_own(findings) & (findings["verdict"] == "skewed").to_numpy()
    row: Any
    for position, row in enumerate(findings.itertuples()):
        if len(row.where) == 1 or own[position]:
            gap = f"; the {truth} differ by {points(row.label_gap)} points" if pd.notna(row.label_gap) else ""
            yield _Assessed(
                row,
                tuple(f"predicted as {row.emotion} {how} often" for how in ("more or less", "more", "less")),
                f"share predicted as {row.emotion} minus the same share of all other pictures, 95 % interval",
                _in_points(row) + gap,
                f"{points(result.run.config.tolerance, signed=False)} points",
                f"{points(row.detectable, signed=False)} points" if pd.notna(row.detectable) else "",
                decided.get(position, ""),
            )


def _accuracies(result: AuditResult) -> Iterator[_Assessed]:
    table, name = result.table(ACCURACY), accuracy_name(result).lower()
    if table is None:
        return
    row: Any
    for row in table.itertuples():
        if len(row.where) == 1:
            yield _Assessed(
                row,
                tuple(f"{how} {name}" for how in ("different", "higher", "lower")),
                f"{name} minus that of all other pictures, 95 % interval",
                _in_points(row),
                f"{points(result.run.config.tolerance, signed=False)} points",
            )


def _outcomes(result: AuditResult) -> Iterator[_Assessed]:
    outcomes = result.outcomes
    own = (outcomes["verdict"] == "skewed") & outcomes["explained_by"].isna()
    row: Any
    for row, stands in zip(outcomes.itertuples(), own, strict=True):
        if len(row.where) == 1 or stands:
            name = column_words(row.outcome)
            yield _Assessed(
                row,
                tuple(f"{how} {name}" for how in ("different", "higher", "lower")),
                f"mean {name} minus that of all other pictures, 95 % interval",
                f"{_signed(row.effect)} [{_signed(row.low)}, {_signed(row.high)}]",
                number(row.tolerance),
                number(row.detectable) if pd.notna(row.detectable) else "",
            )


def _record(result: AuditResult, found: _Assessed) -> dict[str, Any]:
    row, config = found.row, result.run.config
    either, more, less = found.hazard
    skewed = row.verdict == "skewed"
    told = f"n = {row.n:,} against {row.n_complement:,}"
    if pd.notna(row.p):
        told = f"{found.told}, {small_q(row.q)}, {told}"
    if isinstance(cause := getattr(row, "explained_by", None), str):
        told += f"; follows from {cause}"
    treatments = (
        found.decided,
        f"stated: {stated_card(result).treatment}" if skewed and stated_card(result).treatment else "",
    )
    words = {
        "group": row.slice,
        "hazard": either if not skewed else more if row.effect > 0 else less,
        "measure": found.measure,
        "threshold": f"skewed: q ≤ {config.alpha:g} and the interval outside ±{found.tolerance}; "
        f"equivalent: the interval inside ±{found.tolerance}",
        "result": f"{row.verdict}: {told}",
        "treatment": "; ".join(filter(None, treatments)) or NO_TREATMENT,
        "review_trigger": _trigger(result, found),
    }
    numbers = {name: getattr(row, name, None) for name in _NUMBERS}
    return words | {name: None if name != "where" and pd.isna(value) else value for name, value in numbers.items()}


def _trigger(result: AuditResult, found: _Assessed) -> str:
    """When this row is to be looked at again."""
    if found.row.verdict == "skewed":
        return "every new version of model or data: workbench compare with this run, --fail-on worse"
    if found.row.verdict == "equivalent":
        return f"an interval that leaves ±{found.tolerance} in the audit of a new version"
    if found.row.verdict == "too small":
        return f"{plural(result.run.config.min_count, 'picture')} on both sides"
    return "more pictures" + (f": a test now detects {found.detectable}" if found.detectable else "")


def _in_points(row: Any) -> str:
    return f"{points(row.effect)} points [{points(row.low)}, {points(row.high)}]"


def _signed(value: float) -> str:
    return number(value, signed=True)


def _markdown(result: AuditResult, table: pd.DataFrame) -> str:
    """The profile for people: what stands on its own row by row, of the rest how many rows of each group came out how."""
    card = stated_card(result)
    name = " ".join(filter(None, (card.name, card.version))) or result.run.source
    lines = [f"# Bias profile: {in_markdown(name)}", "", in_markdown(headline(result)) + ".", ""]
    said = [("Purpose", card.purpose), ("Possible impact", "; ".join(card.impacts or ())), ("Treatment", card.treatment)]
    lines += [f"- {title}: {in_markdown(text) if text else 'not stated'}" for title, text in said]
    lines += [f"- Audited: {plural(result.run.pictures, 'picture')}, {result.run.created}", ""]
    skewed = table[table["verdict"] == "skewed"]
    own = skewed[skewed["explained_by"].isna()]
    lines += ["## What is skewed", ""]
    lines += markdown_table(own[list(PROFILE)]) or ["Nothing."]
    if left := len(skewed) - len(own):
        lines += ["", f"{plural(left, 'more row')} of bias-profile.csv: explained by one of these, or by the labels."]
    rest = table[table["verdict"] != "skewed"]
    lines += ["", "## What is not shown to be skewed", ""]
    counts = pd.crosstab(rest["group"], rest["verdict"]).reindex(rest["group"].unique())
    counts = counts[[verdict for verdict in VERDICTS if verdict in counts]]
    lines += markdown_table(counts.reset_index()) or ["Nothing else was assessed."]
    lines += ["", "Undetermined and too small are never “no bias”. All rows: bias-profile.csv.", ""]
    return "\n".join(lines)
