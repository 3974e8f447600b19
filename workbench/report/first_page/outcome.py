"""Which causes explain the skews of an audit, in words for a reader without statistics?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.workbench.interface.numbers import plural

_FOUND_AGAIN = 0.5
"""Share of half-samples below which it is said how seldom a cause that the outcome names was found again."""


@dataclass(frozen=True)
class CauseOutcome:
    """The outcome of an audit by its causes.

    Attributes:
        headline: the new causes, or what stands in their place, without a full stop.
        lead: how certain that is, and how many other causes there are.
        rest: what none of them explains; "" where nothing is left.
    """

    headline: str
    lead: str
    rest: str

    def __str__(self) -> str:
        return " ".join(filter(None, (f"{self.headline}.", self.lead, self.rest)))


def cause_outcome(result: AuditResult) -> CauseOutcome | None:
    """The outcome of an audit by its causes; None where they were not looked for."""
    if "causes" not in result.tables:
        return None
    causes, truth = result.causes, "votes" if result.run.truth == "votes" else "labels"
    if causes.empty:
        return _without(result, truth)
    of_kind = {kind: causes[causes["kind"] == kind] for kind in ("new", "difference", "amplified", "muted")}
    own = causes[causes["kind"].isin(("new", "difference"))]
    named = own if len(own) == 2 else causes.head(1)
    headline = _named(named, truth)
    if own.empty:
        does = "exaggerates what the {} say" if len(of_kind["amplified"]) else "says less than the {} do"
        headline = f"The model {does.format(truth)}: {headline[0].lower()}{headline[1:]}"
    return CauseOutcome(headline, f"{_certainty(named)} {_others(of_kind, named, truth)}".strip(), _rest(result))


def _named(causes: pd.DataFrame, truth: str) -> str:
    """What the model does to the slices of one cause, or of two."""
    first, *more = causes.to_dict("records")
    than = "other pictures" if first["kind"] == "difference" else f"their {truth} explain"
    sentence = f"Pictures with {first['slice']} are predicted as {first['emotion']} {_size(first)} than {than}"
    for one in more:
        sentence += f", and those with {one['slice']} as {one['emotion']} {_size(one)}"
    return sentence


def _certainty(causes: pd.DataFrame) -> str:
    """The intervals of the causes that are named, and which of them was seldom found again."""
    records = causes.to_dict("records")
    ranges = " and ".join(_range(one) for one in records)
    sentence = f"The 95 % interval{' is' if len(records) == 1 else 's are'} {ranges} points."
    for one in records:
        if one["stable"] < _FOUND_AGAIN * one["halves"]:
            what = "It" if len(records) == 1 else f"{one['slice']}, {one['emotion']}"
            sentence += f" {what} was found again in only {one['stable']} of {one['halves']} halves of the data."
    return sentence


def _others(of_kind: dict[str, pd.DataFrame], named: pd.DataFrame, truth: str) -> str:
    """How many causes of each kind there are beside those that are named."""
    verbs = {
        "new": ("is new", "are new"),
        "difference": ("stands on its own", "stand on their own"),
        "amplified": (f"exaggerates what the {truth} say", f"exaggerate what the {truth} say"),
        "muted": (f"says less than the {truth} do", f"say less than the {truth} do"),
    }
    told: list[str] = []
    for kind, (one, many) in verbs.items():
        of_these = int((named["kind"] == kind).sum())
        if not (left := len(of_kind[kind]) - of_these):
            continue
        more = " more" if of_these else ""
        what = "" if told else f" difference{'' if left == 1 else 's'}"
        told.append(f"{left:,}{more}{what} {one if left == 1 else many}")
    return f"{'; '.join(told)}." if told else ""


def _without(result: AuditResult, truth: str) -> CauseOutcome:
    """The outcome where there is no cause."""
    skewed, undecided = result.count("skewed"), result.count("undetermined") + result.count("too small")
    points = f"{100 * result.run.config.tolerance:g} points"
    if not skewed:
        doubt = f"This does not prove the absence of bias: {plural(undecided, 'pair')} could not be decided."
        return CauseOutcome(
            f"No cause found: no difference is both beyond chance and larger than {points}", doubt if undecided else "", ""
        )
    if result.run.truth == "none":
        return CauseOutcome("No cause found", "", _rest(result))
    return CauseOutcome(f"No cause found: nothing shows that the model adds to what the {truth} say", "", _rest(result))


def _rest(result: AuditResult) -> str:
    """How many skews follow from causes or truth, and how many from neither."""
    skewed = result.findings[result.findings["verdict"] == "skewed"]
    left = int((skewed["explained_by"].isna() & (skewed["way"] != "cause")).sum())
    if not left:
        return ""
    verb = "is" if left == 1 else "are"
    return f"{left:,} of {plural(len(skewed), 'skewed pair')} {verb} explained neither by a cause nor by labels or votes."


def _size(cause: dict[Any, Any]) -> str:
    size = cause["effect" if cause["kind"] == "difference" else "adjusted_effect"]
    points = f"{100 * abs(size):.0f}"
    return f"{points} point{'' if points == '1' else 's'} {'more' if size > 0 else 'less'} often"


def _range(cause: dict[Any, Any]) -> str:
    """The interval of a cause in whole points, in the direction in which it is told."""
    names = ("low", "high") if cause["kind"] == "difference" else ("adjusted_low", "adjusted_high")
    low, high = (100 * cause[name] for name in names)
    if high <= 0:
        low, high = -high, -low
    return f"{low:.0f} to {high:.0f}".replace("-", "−")
