"""Which causes were found, how sure is each, and which skews does it explain?

A cause is a summary, not another test: it carries the interval and q of its own cell, and beside them its adjusted effect
(with the other causes held), the skews that follow from it, and how often it is found again in halves of the data. A cause
is *new* where the labels give no ground for it, *amplified* where they differ that way and the model exaggerates, *muted*
where the model says less than they do, and a *difference* where no truth is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.inference.means.spread import Spread
from affect_workbench.analyses.inference.verdicts import Rules
from affect_workbench.analyses.skew.causes.evidence import Cause, Observed
from affect_workbench.analyses.skew.causes.explain import adjusted_effects, explained_cells
from affect_workbench.analyses.skew.causes.membership import Membership
from affect_workbench.analyses.skew.causes.observed import Labelled, Voted
from affect_workbench.analyses.skew.causes.search import Search, evidence_of, search
from affect_workbench.analyses.skew.causes.stability import HALVES, MOST_SLICES, times_found
from affect_workbench.analyses.skew.causes.threshold import threshold
from affect_workbench.analyses.skew.causes.votes import expected_shares, followed_shares, votes_of_each
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.sums import SliceSums
from affect_workbench.arrays import Codes, Floats, Mask, Positions
from affect_workbench.data.tables.columns import VOTE_PREFIX
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

KINDS = ("new", "difference", "amplified", "muted")
"""In the order in which they are told."""
SAMPLE = 50_000
"""Pictures that the threshold rests on at most, and with votes the search too."""
HALVED = 10_000
"""Pictures that are halved at most."""
_OF_CELL = (
    "n",
    "n_complement",
    "rate",
    "complement_rate",
    "effect",
    "low",
    "high",
    "p",
    "q",
    "verdict",
    "label_gap",
    "label_gap_low",
    "label_gap_high",
    "model_gap",
    "model_gap_low",
    "model_gap_high",
)
CAUSE_COLUMNS = (
    "cause",
    "kind",
    "slice",
    "where",
    "emotion",
    *_OF_CELL,
    "adjusted_effect",
    "adjusted_low",
    "adjusted_high",
    "evidence",
    "threshold",
    "explains",
    "stable",
    "halves",
    "sample",
    "halved",
)
"""Of one row a cause. `cause` is its name; `kind` one of `KINDS`; slice, emotion and what follows are those of its cell in
the findings; `adjusted_*` how much more often the emotion is predicted there than without any cause there, those of other
slices held, with its 95 % interval; `evidence` the standard deviations by which it would be missed, `threshold` what chance
reaches in one data set of twenty; `explains` the skewed cells that follow from it; `stable` of `halves` half-samples in
which it is found again; `sample` the pictures that the threshold rests on, `halved` those that were halved."""


@dataclass(frozen=True)
class Causes:
    """What explains the skews.

    Attributes:
        table: one row a cause, `CAUSE_COLUMNS`, *new* ones first and then by size.
        findings: the findings, each skewed one with `explained_by` (the name of a cause; "labels"; None for a cause and for
            what nothing explains) and `way` (one of `analyses.skew.causes.explain.WAYS`, or None).
    """

    table: pd.DataFrame
    findings: pd.DataFrame


def find_causes(
    data: SlicedPredictions,
    sums: SliceSums,
    findings: pd.DataFrame,
    *,
    rules: Rules,
    spreads: dict[str, Spread] | None = None,
    seed: int = 0,
    halves: int = HALVES,
) -> Causes:
    """The smallest set of causes that explains every skew.

    Args:
        data: the pictures.
        sums: their slices.
        findings: what was found of each (slice, emotion), columns of `analyses.skew.findings.Finding`; a cause can only be a
            cell that was tested.
        rules: what decides a verdict.
        spreads: of pictures in groups or pairs (`analyses.inference.clusters.group_spreads`).
        seed: of permutations, halves and samples.
        halves: half-samples in which stability is looked at.
    """
    cells = _Cells.of(findings, sums, data.predictions.taxonomy)
    skewed = cells.skewed
    observed, groups = _observed(data, sums), data.groups
    sample = _drawn(len(observed.predicted), groups, SAMPLE, seed)
    part = observed.among(sample)
    if isinstance(observed, Voted):
        observed, groups = part, None if groups is None else groups[sample]
    rules_of_search = _limits(cells, rules, spreads or {}, part, seed=seed)
    found = search(observed, rules_of_search)
    explained = found.explained
    evidence = np.array([evidence_of(observed, explained, rules_of_search, at) for at in range(len(explained.causes))])
    adjusted = adjusted_effects(observed, explained, evidence=evidence, tolerance=rules.tolerance)
    effect = np.nan_to_num(cells.column("effect"))
    which, way = explained_cells(observed, explained, effect=effect, skewed=skewed, adjusted=adjusted)
    names = [
        f"{sums.specs[cause.slice].name}, {data.predictions.taxonomy.labels[cause.emotion]} "
        f"{'more' if adjusted.effect[at] > 0 else 'less'} often"
        for at, cause in enumerate(explained.causes)
    ]
    by = np.array([*names, None, "labels"], dtype=object)[which]  # NOTHING and LABELS count from the end
    by[way == "cause"] = None
    told = findings.assign(explained_by=cells.of_findings(by), way=cells.of_findings(way))
    if not names:
        return Causes(pd.DataFrame(columns=list(CAUSE_COLUMNS)), told)
    halved = _drawn(len(observed.predicted), groups, HALVED, seed)
    stable = times_found(
        observed.among(halved),
        rules_of_search,
        explained,
        np.unique([*np.argsort(-found.nearest)[:MOST_SLICES], *(cause.slice for cause in explained.causes)]),
        groups=None if groups is None else groups[halved],
        seed=seed,
        halves=halves,
    )
    table = cells.rows(explained.causes)[["slice", "where", "emotion", *_OF_CELL]].assign(
        cause=names,
        adjusted_effect=adjusted.effect,
        adjusted_low=adjusted.effect - adjusted.half,
        adjusted_high=adjusted.effect + adjusted.half,
        evidence=evidence,
        threshold=rules_of_search.threshold,
        explains=[int(((which == at) & (way != "cause") & skewed).sum()) for at in range(len(names))],
        stable=stable,
        halves=halves,
        sample=len(sample),
        halved=len(halved),
    )
    table["kind"] = [_kind(row, row["adjusted_effect"], rules.tolerance) for _, row in table.iterrows()]
    return Causes(_in_order(table[adjusted.part_of == np.arange(len(names))]), told)


@dataclass(frozen=True)
class _Cells:
    """The findings by (slice, emotion).

    Attributes:
        findings: one row a cell, in any order.
        row: the row of each cell `(s, k)`.
    """

    findings: pd.DataFrame
    row: Positions

    @classmethod
    def of(cls, findings: pd.DataFrame, sums: SliceSums, taxonomy: Taxonomy) -> _Cells:
        position = pd.Series(np.arange(len(sums.specs)), index=[spec.name for spec in sums.specs])
        row = np.empty((len(sums.specs), len(taxonomy)), dtype=np.int64)
        row[position[findings["slice"]].to_numpy(), taxonomy.codes(findings["emotion"])] = np.arange(len(findings))
        return cls(findings, row)

    @property
    def skewed(self) -> Mask:
        """Which cells are `(s, k)`."""
        return np.asarray((self.findings["verdict"].to_numpy() == "skewed")[self.row])

    def column(self, name: str) -> Floats:
        """A column of the findings `(s, k)`."""
        return np.asarray(self.findings[name].to_numpy(float)[self.row])

    def rows(self, causes: Sequence[Cause]) -> pd.DataFrame:
        """The findings of some cells."""
        return self.findings.iloc[[self.row[cause] for cause in causes]].reset_index(drop=True)

    def of_findings(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Values of the cells `(s, k)` in the order of the findings."""
        return values.ravel()[np.argsort(self.row, axis=None)]


def _limits(cells: _Cells, rules: Rules, spreads: dict[str, Spread], pictures: Observed, *, seed: int) -> Search:
    """What may be a cause, and how clear it must be."""
    scale, freedom = _uncertainty(spreads, cells.row.shape)
    skewed, tested = cells.skewed, np.isfinite(cells.column("p")) & np.isfinite(scale)
    # What is no skew explains none; but a model may also say less than labels do that surely differ.
    low, high = cells.column("label_gap_low"), cells.column("label_gap_high")
    differ = np.maximum(low, -high) > rules.tolerance
    direction = np.where(skewed, 0.0, -np.sign(np.nan_to_num(cells.column("label_gap"))))
    allowed = (skewed | differ) & tested
    # Which cells are skewed was seen in the same pictures: the threshold is one of all that were tested.
    least = threshold(pictures, tested, seed=seed)
    return Search(allowed, rules.tolerance, least, np.where(allowed, scale, 0.0), freedom, direction)


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Causes in the order in which they are told: by kind, wide slices first, then by what each surely adds."""
    order = pd.DataFrame(
        {
            "kind": table["kind"].map({kind: rank for rank, kind in enumerate(KINDS)}),
            "conditions": table["where"].map(len),
            "size": -np.minimum(table["adjusted_low"].abs(), table["adjusted_high"].abs()),
            "cause": table["cause"],
        }
    )
    ordered = table.loc[order.sort_values(list(order.columns), kind="stable").index, list(CAUSE_COLUMNS)]
    return ordered.reset_index(drop=True)


def _kind(cell: Any, added: float, tolerance: float) -> str:
    gap, low, high = cell["label_gap"], cell["label_gap_low"], cell["label_gap_high"]
    if not np.isfinite(gap):
        return "difference"
    if not (low > 0 or high < 0) or abs(gap) <= tolerance:
        return "new"
    if gap * added > 0:
        return "amplified"
    # The labels differ the other way: as long as the predictions still do so too, the model only says less than they do.
    return "muted" if cell["effect"] * gap > 0 or abs(cell["effect"]) <= tolerance else "new"


def _uncertainty(spreads: dict[str, Spread], shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """What standard deviations of independent pictures are multiplied by, NaN where that is not known; and its freedom."""
    spread = spreads.get("model_gap", spreads.get("said"))
    if spread is None:
        return np.ones(shape), np.full(shape, np.inf)
    return 1 / np.sqrt(spread.design_effect), np.broadcast_to(spread.freedom, shape).astype(float)


def _observed(data: SlicedPredictions, sums: SliceSums) -> Observed:
    predictions = data.predictions
    k, truth = len(predictions.taxonomy), predictions.truth
    membership = Membership.of(data.attributes, sums.specs)
    if truth is None:
        return Labelled(predictions.predicted, membership, k, np.zeros(len(predictions), np.int64))
    known = np.isfinite(truth[:, 0])
    if not predictions.has_votes:
        return Labelled(predictions.predicted, membership, k, np.where(known, truth.argmax(axis=1), k))
    shares = np.where(known[:, None], truth, 0.0)
    voters = votes_of_each(
        predictions.rows[[VOTE_PREFIX + label for label in predictions.taxonomy.labels]].to_numpy(float)[known]
    )
    if voters is not None:
        attributes = [replace(one, codes=one.codes[known]) for one in data.attributes]
        shares[known] = expected_shares(shares[known], voters, attributes)
    shares[known] = followed_shares(shares[known], predictions.predicted[known])[0]
    if not known.all():
        shares = np.column_stack([shares, ~known])
    return Voted(predictions.predicted, membership, k, shares)


def _drawn(n: int, groups: Codes | None, most: int, seed: int) -> Positions:
    """At most `most` of `n` pictures, in their order; groups are not torn."""
    if n <= most:
        return np.arange(n)
    rng = np.random.default_rng(seed)
    if groups is None:
        return np.sort(rng.choice(n, most, replace=False))
    order = rng.permutation(int(groups.max()) + 1)[groups]
    first_too_many = np.partition(order, most)[most]
    return np.flatnonzero(order < first_too_many)
