"""Of data sets whose true differences are known: which intervals held them, and which tests rejected what is so?

One cell a data set, so that what is counted is independent: an emotion of 35 % of the pictures and one of 4 %, on one side
of a coin. Functions are asked directly, without the rest of an audit: thousands of sets take minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from affect_workbench.analyses.audit.compare.compare import compare
from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.analyses.benchmark.promises.sampling import (
    COMMON,
    EKMAN,
    RARE,
    Sampled,
    SamplingScheme,
    expected_hit,
    sampled,
)
from affect_workbench.analyses.disparities.error_rates import odds_table
from affect_workbench.analyses.inference.clusters import group_spreads, of_scores
from affect_workbench.analyses.inference.means.shares import share_gap
from affect_workbench.analyses.inference.means.sums import Sums
from affect_workbench.analyses.slices.coding import coded_attribute
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.sums import slice_sums
from affect_workbench.data.predictions import Predictions

TRUTHS = ("labels", "votes")
HEADS = "coin: heads"
CELLS = AuditConfig(attributes=("coin",), order=1, map_pictures=0, space_pictures=0, further=False, causes=False)
_KINDS = {COMMON: "", RARE: ", rare emotion"}


class IntervalCheck(NamedTuple):
    """What was promised of one cell: whether the interval held the truth, whether p was at most .05; None = not asked."""

    of: str
    covered: bool | None
    rejected: bool | None


def promises(scheme: SamplingScheme, seed: Sequence[int], *, truth: str, differ: bool) -> list[IntervalCheck]:
    """All that one data set of a design says; with `differ` only intervals are asked, since no null is true."""
    world = sampled(scheme, np.random.default_rng(seed), votes=truth == "votes", differ=differ)
    found = list(_of_cells(world, differ=differ))
    if not differ:
        found += [*_of_odds(world.predictions), *_of_comparison(world)]
    return found


def _of_cells(world: Sampled, *, differ: bool) -> Iterator[IntervalCheck]:
    predictions = world.predictions
    audit = run_audit(
        predictions,
        AuditConfig(attributes=("coin",), order=1, map_pictures=0, space_pictures=0, further=False, causes=False),
    )
    heads: Any = audit.findings[audit.findings["slice"] == HEADS].set_index("emotion")
    for emotion, kind in _KINDS.items():
        cell: Any = heads.loc[EKMAN.labels[emotion]]
        true = {"effect": world.predicted_gap[emotion], "label_gap": world.labelled[emotion], "rate": world.rate[emotion]}
        true["model_gap"] = true["effect"] - true["label_gap"]
        for name, value in true.items():
            low, high = (cell[end] for end in (("low", "high") if name == "effect" else (f"{name}_low", f"{name}_high")))
            rejected = None if differ or name != "effect" else bool(cell["p"] <= 0.05)
            if np.isfinite(low):
                yield IntervalCheck(f"findings: {name}{kind}", bool(low <= value <= high), rejected)
        if not differ and np.isfinite(cell["model_gap_p"]):
            two_sided = 2 * min(cell["model_gap_p"], 1 - cell["model_gap_p"])
            yield IntervalCheck(f"findings: shift{kind}", None, bool(two_sided <= 0.05))
    if differ:
        return
    agreement = "vote agreement" if predictions.has_votes else "accuracy"
    row: Any = audit.slices[audit.slices["slice"] == HEADS].iloc[0]
    if np.isfinite(row["accuracy_low"]):
        expected = expected_hit(votes=predictions.has_votes)
        yield IntervalCheck(f"slices: {agreement}", bool(row["accuracy_low"] <= expected <= row["accuracy_high"]), None)
    yield from _of_gap(predictions, agreement)


def _of_gap(predictions: Predictions, agreement: str) -> Iterator[IntervalCheck]:
    data = SlicedPredictions(predictions, (coded_attribute(predictions.rows["coin"]),))
    per_picture = data.scores
    sums = slice_sums(data.attributes, per_picture.columns, order=1)
    spreads = group_spreads(sums, data, compared={"hit": of_scores(per_picture)["hit"]})
    at = [spec.name for spec in sums.specs].index(HEADS)
    inside, outside = (
        Sums(*(side[:, per_picture.at[name]] for name in ("hit", "hit2", "labelled")))
        for side in (sums.inside, sums.outside)
    )
    gap = share_gap(inside, outside, spread=spreads.get("hit"))
    low, high, p = (float(one[at, 0]) for one in (gap.low, gap.high, gap.p))
    if np.isfinite(low):
        yield IntervalCheck(f"slices: gap of {agreement}", low <= 0 <= high, p <= 0.05)


def _of_odds(predictions: Predictions) -> Iterator[IntervalCheck]:
    """Errors are independent of the side given the label, so that every gap is zero (with votes the truth is another)."""
    if predictions.has_votes:
        return
    table: Any = odds_table(SlicedPredictions(predictions, (coded_attribute(predictions.rows["coin"]),)))
    heads = table[(table["slice"] == HEADS) & (table["emotion"] == EKMAN.labels[COMMON])]
    for row in heads.itertuples():
        if np.isfinite(row.p):
            yield IntervalCheck(f"odds: {row.measure}", bool(row.low <= 0 <= row.high), bool(row.p <= 0.05))


def _of_comparison(world: Sampled) -> Iterator[IntervalCheck]:
    asked = AuditConfig(attributes=("coin",))
    found = compare(world.predictions, world.second, config=asked)
    changes: Any = found.changes[found.changes["slice"] == HEADS].set_index("emotion")
    for emotion, kind in _KINDS.items():
        cell: Any = changes.loc[EKMAN.labels[emotion]]
        if np.isfinite(cell["p"]):
            yield IntervalCheck(f"compare: change{kind}", bool(cell["low"] <= 0 <= cell["high"]), bool(cell["p"] <= 0.05))
    row: Any = found.slices[found.slices["slice"] == HEADS].iloc[0]
    if np.isfinite(row["low"]):
        yield IntervalCheck("compare: change of accuracy", bool(row["low"] <= 0 <= row["high"]), bool(row["p"] <= 0.05))
    whole = found.overall
    yield IntervalCheck(
        "compare: change of accuracy, all pictures", bool(whole["low"] <= 0 <= whole["high"]), bool(whole["p"] <= 0.05)
    )
