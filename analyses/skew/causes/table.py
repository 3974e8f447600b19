"""Which causes were found, how sure is each, and which skews does it explain?

A cause is a summary, not another test: it carries the interval and q of its own cell, and beside them its adjusted effect
(with the other causes held), the skews that follow from it, and how often it is found again in halves of the data. A cause
is *new* where the labels give no ground for it, *amplified* where they differ that way and the model exaggerates, *muted*
where the model says less than they do, and a *difference* where no truth is known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.inference.means.spread import Spread
from affect_workbench.analyses.inference.verdicts import Rules
from affect_workbench.analyses.skew.causes.evidence import Observed
from affect_workbench.analyses.skew.causes.explain import adjusted_effects, explained_cells
from affect_workbench.analyses.skew.causes.membership import Membership
from affect_workbench.analyses.skew.causes.observed import Labelled, Voted
from affect_workbench.analyses.skew.causes.search import Search, evidence_of, search
from affect_workbench.analyses.skew.causes.stability import HALVES, MOST_SLICES, times_found
from affect_workbench.analyses.skew.causes.threshold import threshold
from affect_workbench.analyses.skew.causes.votes import expected_shares, followed_shares, votes_of_each
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.sums import SliceSums
from affect_workbench.arrays import Codes, Floats, Positions
from affect_workbench.data.tables.columns import VOTE_PREFIX

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
    k = len(data.predictions.taxonomy)
    shape = len(sums.specs), k
    # Rows of the findings in the order of the cells.
    position = pd.Series(np.arange(len(sums.specs)), index=[spec.name for spec in sums.specs])
    row = np.empty(shape, dtype=np.int64)
    row[position[findings["slice"]].to_numpy(), data.predictions.taxonomy.codes(findings["emotion"])] = np.arange(
        len(findings)
    )
    at_cells = partial(_cells, findings, row)
    scale, freedom = _uncertainty(spreads or {}, shape)
    skewed = (findings["verdict"].to_numpy() == "skewed")[row]
    # What is no skew explains none; but a model may also say less than labels do that surely differ.
    differ = np.maximum(at_cells("label_gap_low"), -at_cells("label_gap_high")) > rules.tolerance
    tested = np.isfinite(at_cells("p")) & np.isfinite(scale)
    allowed = (skewed | differ) & tested
    against = np.where(skewed, 0.0, -np.sign(np.nan_to_num(at_cells("label_gap"))))
    limits = Search(allowed, rules.tolerance, np.inf, np.where(allowed, scale, 0.0), freedom, against)
    observed, groups = _observed(data, sums), data.groups
    sample = _drawn(len(observed.predicted), groups, SAMPLE, seed)
    part = observed.among(sample)
    if isinstance(observed, Voted):
        observed, groups = part, None if groups is None else groups[sample]
    # Which cells are skewed was seen in the same pictures: the threshold is one of all that were tested.
    limits = replace(limits, threshold=threshold(part, tested, seed=seed))
    found = search(observed, limits)
    explained = found.explained
    evidence = np.array([evidence_of(observed, explained, limits, at) for at in range(len(explained.causes))])
    adjusted = adjusted_effects(observed, explained, evidence=evidence, tolerance=rules.tolerance)
    which, way = explained_cells(
        observed, explained, effect=np.nan_to_num(at_cells("effect")), skewed=skewed, adjusted=adjusted
    )
    names = [
        f"{sums.specs[cause.slice].name}, {data.predictions.taxonomy.labels[cause.emotion]} "
        f"{'more' if adjusted.effect[at] > 0 else 'less'} often"
        for at, cause in enumerate(explained.causes)
    ]
    told = pd.DataFrame(columns=list(CAUSE_COLUMNS))
    if explained.causes:
        rivals = np.unique([*np.argsort(-found.nearest)[:MOST_SLICES], *(cause.slice for cause in explained.causes)])
        few = _drawn(len(observed.predicted), groups, HALVED, seed)
        chosen = times_found(
            observed.among(few),
            limits,
            explained,
            rivals,
            groups=None if groups is None else groups[few],
            seed=seed,
            halves=halves,
        )
        cells = findings.iloc[[row[cause] for cause in explained.causes]].reset_index(drop=True)
        told = cells[["slice", "where", "emotion", *_OF_CELL]].assign(
            cause=names,
            kind=[_kind(cells.loc[at], adjusted.effect[at], rules.tolerance) for at in range(len(names))],
            adjusted_effect=adjusted.effect,
            adjusted_low=adjusted.effect - adjusted.half,
            adjusted_high=adjusted.effect + adjusted.half,
            evidence=evidence,
            threshold=limits.threshold,
            explains=[int(((which == at) & (way != "cause") & skewed).sum()) for at in range(len(names))],
            stable=chosen,
            halves=halves,
            sample=len(sample),
            halved=len(few),
        )[list(CAUSE_COLUMNS)]
        told = told[adjusted.part_of == np.arange(len(names))].reset_index(drop=True)
        order = pd.DataFrame(
            {
                "kind": told["kind"].map({kind: rank for rank, kind in enumerate(KINDS)}),
                "conditions": told["where"].map(len),
                "size": -np.minimum(told["adjusted_low"].abs(), told["adjusted_high"].abs()),
                "cause": told["cause"],
            }
        )
        told = told.iloc[order.sort_values(list(order.columns), kind="stable").index].reset_index(drop=True)
    by = np.array([*names, None, "labels"], dtype=object)[which]  # NOTHING and LABELS count from the end
    by[way == "cause"] = None
    cell = np.empty(len(findings), dtype=np.int64)
    cell[row.ravel()] = np.arange(row.size)
    return Causes(told, findings.assign(explained_by=by.ravel()[cell], way=way.ravel()[cell]))


def _cells(findings: pd.DataFrame, row: Positions, name: str) -> Floats:
    """A column of the findings as cells `(s, k)`."""
    return np.asarray(findings[name].to_numpy(float)[row])


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
