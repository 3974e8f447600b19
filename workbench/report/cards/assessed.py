"""Is there a difference by an attribute, and what explains it? Asked of the cells of its values and of the causes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.workbench.report.cards.card import VERDICTS

_OF_ATTRIBUTION = {"model": "new", "both": "amplified", "labels": "labels"}
"""Where causes were not looked for: what a skew is by what it is attributed to."""
_POWER, _LIKELY = 0.8, 0.9
"""Power that `detectable` of a finding stands for, and the one of what would very probably have been seen."""


@dataclass(frozen=True)
class Assessed:
    """What is known of one attribute, or of one finding alone.

    Attributes:
        attribute: the column; of a finding at an intersection its columns with "and" between.
        kind: one of `VERDICTS`.
        cells: findings of its values by themselves; of a finding this one.
        causes: what its card tells, rows of `AuditResult.causes`, the leading one first.
        within: causes at its intersections that make one of these causes, or of another attribute's, stronger there.
        finding: the row of the findings that the sentence is about; of no difference the largest one; None where nothing
            was tested.
        rank: place among cards of one kind.
        beside: of a finding what its chart draws: the values of its attribute, or the parent slices of an intersection;
            None of an attribute.
    """

    attribute: str
    kind: str
    cells: pd.DataFrame
    causes: pd.DataFrame
    within: pd.DataFrame
    finding: Any | None
    rank: float
    beside: pd.DataFrame | None = None

    @property
    def alone(self) -> bool:
        """Whether it is one finding, not an attribute."""
        return self.beside is not None

    @property
    def direction(self) -> float:
        """Positive where the emotion is predicted more often than it would be without the cause, or else than of others."""
        if len(self.causes):
            return float(self.causes["adjusted_effect"].iloc[0])
        return 0.0 if self.finding is None else float(self.finding["effect"])

    @cached_property
    def tested(self) -> pd.DataFrame:
        """Those of the cells that were tested."""
        return self.cells[self.cells["p"].notna()]


def assessed_attributes(result: AuditResult) -> list[Assessed]:
    """Every attribute, in the order in which their cards are told (protected ones not yet first)."""
    findings, causes = result.findings, result.causes
    single = findings[findings["where"].map(len) == 1]
    column = single["where"].map(lambda where: next(iter(where))) if len(single) else pd.Series(dtype=object)
    nested = causes["where"].index[[_is_nested(row, causes) for _, row in causes.iterrows()]]
    found = [
        _assessed(result, attribute, single[column == attribute], causes, nested, place)
        for place, attribute in enumerate(result.run.attributes)
    ]
    order = list(VERDICTS)
    return sorted(found, key=lambda one: (order.index(one.kind), one.rank))


def assessed_finding(result: AuditResult, position: int) -> Assessed:
    """Row `position` of the findings alone: what it is by its verdict, and by the causes where these were looked for."""
    findings, causes = result.findings, result.causes
    cell = findings.iloc[position]
    where, same = cell["where"], findings[findings["emotion"] == cell["emotion"]]
    mine = causes[(causes["slice"] == cell["slice"]) & (causes["emotion"] == cell["emotion"])]
    if len(where) == 1:
        beside = same[[len(other) == 1 and set(other) == set(where) for other in same["where"]]]
    else:
        beside = same[[len(other) == 1 and other.items() <= where.items() for other in same["where"]]]
    if len(mine):
        kind = str(mine["kind"].iloc[0])
    elif cell["verdict"] == "skewed":
        kind = _kind(cell, searched="way" in findings and result.run.config.causes)
    else:
        kind = "too few" if cell["verdict"] == "too small" else "none"
    return Assessed(" and ".join(where), kind, findings.iloc[[position]], mine, causes.iloc[:0], cell, 0.0, beside)


def would_be_seen(result: AuditResult, assessed: Assessed) -> float:
    """The smallest difference that this audit calls skewed nine times of ten, whichever value and emotion it is at.

    The column `detectable` is what one test finds by itself with 80 % power. An audit asks more: corrected for all pairs of
    its family, the interval has to lie outside the tolerance. inf where nothing was tested.
    """
    cells = assessed.tested
    if cells.empty:
        return np.inf
    normal, alpha = NormalDist(), result.run.config.alpha
    family = _family(result, cells["where"].iloc[0])
    tested, skewed = int(family["p"].notna().sum()), int((family["verdict"] == "skewed").sum())
    families = len({(len(where) > 1, _inferred(result, where)) for where in result.findings["where"]})
    level = alpha / families * max(skewed, 1) / tested
    error = cells["detectable"].max() / (normal.inv_cdf(_POWER) + normal.inv_cdf(1 - alpha / 2))
    return float(result.run.config.tolerance + error * (normal.inv_cdf(_LIKELY) + normal.inv_cdf(1 - level / 2)))


def more_pictures(result: AuditResult, assessed: Assessed) -> float:
    """How many more pictures would show nine times of ten that all differences lie within the tolerance, if there are none.

    inf where no number would.
    """
    cells, normal, tolerance = assessed.tested, NormalDist(), result.run.config.tolerance
    if cells.empty or not tolerance:
        return np.inf
    error = (cells["high"] - cells["low"]).max() / (2 * normal.inv_cdf(0.975))
    # Both ends of the interval have to stay inside.
    needed = error * (normal.inv_cdf(0.975) + normal.inv_cdf((1 + _LIKELY) / 2)) / tolerance
    first = cells.iloc[0]
    return float(max(needed**2 - 1, 0.0) * (first["n"] + first["n_complement"]))


def _assessed(
    result: AuditResult, attribute: str, cells: pd.DataFrame, causes: pd.DataFrame, nested: pd.Index, place: int
) -> Assessed:
    mine = causes[np.array([attribute in where for where in causes["where"]], dtype=bool)]
    within, own = mine[mine.index.isin(nested)], mine[~mine.index.isin(nested)]
    # A cause of the attribute alone says more of it than one of an intersection of the same kind: the table has it so.
    if len(own):
        top = own.iloc[0]
        pairs = result.findings
        cell = pairs[(pairs["slice"] == top["slice"]) & (pairs["emotion"] == top["emotion"])].iloc[0]
        return Assessed(attribute, str(top["kind"]), cells, own, within, cell, float(causes.index.get_indexer(own.index)[0]))
    skewed = cells[cells["verdict"] == "skewed"]
    searched = "way" in cells and result.run.config.causes
    if len(skewed):
        sure = skewed[["low", "high"]].abs().min(axis=1).to_numpy()
        kinds = [_kind(row, searched=searched) for _, row in skewed.iterrows()]
        kind = min(kinds, key=list(VERDICTS).index) if searched else kinds[int(sure.argmax())]
        sure = np.where([one == kind for one in kinds], sure, -np.inf)
        return Assessed(attribute, kind, cells, own, within, skewed.iloc[int(sure.argmax())], -float(sure.max()))
    tested = cells[cells["p"].notna()]
    if attribute in result.run.unproven:
        return Assessed(attribute, "unproven", cells, own, within, None, place)
    if tested.empty:
        return Assessed(attribute, "too few", cells, own, within, None, place)
    return Assessed(attribute, "none", cells, own, within, tested.iloc[int(tested["effect"].abs().argmax())], place)


def _kind(cell: Any, *, searched: bool) -> str:
    if not searched:
        attribution = cell["attribution"]
        return _OF_ATTRIBUTION.get(attribution, "difference") if isinstance(attribution, str) else "difference"
    way = cell["way"]
    if not isinstance(way, str):
        return "unexplained"
    return "labels" if way == "labels" else "carried"


def _is_nested(cause: Any, causes: pd.DataFrame) -> bool:
    """Whether another cause, of fewer of its conditions, has the same emotion and direction."""
    own = cause["where"].items()
    return any(
        set(where) < set(cause["where"]) and all(item in own for item in where.items())
        for where, emotion, added in zip(causes["where"], causes["emotion"], causes["adjusted_effect"], strict=True)
        if emotion == cause["emotion"] and added * cause["adjusted_effect"] > 0
    )


def _family(result: AuditResult, where: Any) -> pd.DataFrame:
    """The pairs that are corrected for together with one of this slice."""
    like = len(where) > 1, _inferred(result, where)
    mine = [(len(one) > 1, _inferred(result, one)) == like for one in result.findings["where"]]
    return result.findings.loc[np.array(mine, dtype=bool)]


def _inferred(result: AuditResult, where: Any) -> bool:
    return any(column in result.run.inferred for column in where)
