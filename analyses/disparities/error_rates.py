"""Where the truth is known: in which slices does the model miss an emotion, see it where it is not, or mistake it?

True and false positive rates of every emotion against all others (equalised odds), and directed confusions (joy read as
anger), each as a gap between a slice and its complement with interval, test and verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.inference import intervals
from affect_workbench.analyses.inference.paired import GroupTotals, group_totals
from affect_workbench.analyses.inference.verdicts import DECIDED, STANDARD, Rules, counted, known_design_effect, verdicts
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.families import families, slice_families
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.strata import series_of, true_codes
from affect_workbench.arrays import Codes, Floats

MEASURES = ("true positive rate", "false positive rate")


@dataclass(frozen=True)
class Units:
    """How many pictures tell as much as one independent one, `(s, c)` each, as in `inference.paired.GroupTotals`."""

    design_effect: Floats
    freedom: Floats
    own_design_effect: Floats
    own_freedom: Floats

    @classmethod
    def of(cls, totals: GroupTotals) -> Units:
        """Those of whole groups."""
        return cls(totals.design_effect, totals.freedom, totals.own_design_effect, totals.own_freedom)


def odds_table(data: SlicedPredictions, *, rules: Rules = STANDARD) -> pd.DataFrame:
    """Two rows a (slice, emotion), one for each of `MEASURES`; both measures together are one family of tests.

    Columns: `measure`, `slice`, `where`, `emotion`; `n`, `n_complement`, pictures that truly show the emotion (true positive
    rate) or truly show another (false positive rate); `rate` with Wilson `rate_low`, `rate_high`; `complement_rate`;
    `effect`, the gap, with Newcombe `low`, `high`; exact `p`, `q` of two levels of tests; `adjusted_low`, `adjusted_high`,
    `detectable`, `verdict`, `low_evidence` as in `analyses.skew.findings.Finding`. Shares; NaN = not known.

    With votes the truth is the most voted label. Pictures without a truth are in neither side.

    Args:
        data: the `n` pictures, some of which have a truth.
        rules: what decides a verdict.

    Raises:
        ValueError: no picture has a truth.
    """
    predictions, truth = data.predictions, true_codes(data.predictions)
    y_pred, k = predictions.predicted, len(predictions.taxonomy)
    specs, inside, outside = _confusions(data, truth, rules.order)
    sides = []
    for counts in (inside, outside):
        shown, hit = counts.sum(axis=2), np.diagonal(counts, axis1=1, axis2=2)
        other = shown.sum(axis=1, keepdims=True) - shown
        sides.append((np.hstack([hit, counts.sum(axis=1) - hit]), np.hstack([shown, other])))
    units = None
    if data.groups is not None:
        values, shows = np.eye(k)[y_pred], np.eye(k)[truth] * (truth >= 0)[:, None]
        has = np.hstack([shows, (truth >= 0)[:, None] - shows])
        said_so = np.hstack([values, values]) * has
        units = Units.of(group_totals(specs, data, values=said_so, counted=has, shares=True))
    table = _gap_table(specs, sides[0], sides[1], units, rules=rules, inferred=data.inferred)
    labels = list(predictions.taxonomy.labels)
    table.insert(2, "emotion", (labels * 2) * len(specs))
    table.insert(0, "measure", series_of(MEASURES, k).tolist() * len(specs))
    return table


def confusion_table(data: SlicedPredictions, *, rules: Rules = STANDARD) -> pd.DataFrame:
    """One row a (slice, true emotion, other emotion it is read as): how much more often than in the complement.

    Columns: those of `odds_table` without `measure`, and `predicted_as`; `emotion` is the true one, `n` the pictures that
        truly
    show it, `rate` the share of them read as the other one.

    Raises:
        ValueError: no picture has a truth.
    """
    predictions, truth = data.predictions, true_codes(data.predictions)
    y_pred, k = predictions.predicted, len(predictions.taxonomy)
    specs, inside, outside = _confusions(data, truth, rules.order)
    off = ~np.eye(k, dtype=bool)
    true_of, predicted_as = np.nonzero(off)

    def side(counts: Floats) -> tuple[Floats, Floats]:
        return counts[:, off], counts.sum(axis=2)[:, true_of]

    units = None
    if data.groups is not None:
        every = np.full((4, len(specs), k, k), np.nan)
        for label in range(k):
            of = (truth == label).astype(float)[:, None]
            has = np.broadcast_to(of, (len(y_pred), k)).copy()
            totals = group_totals(specs, data, values=np.eye(k)[y_pred] * of, counted=has, shares=True)
            every[:, :, label] = totals.design_effect, totals.freedom, totals.own_design_effect, totals.own_freedom
        units = Units(*every[:, :, off])
    table = _gap_table(specs, side(inside), side(outside), units, rules=rules, inferred=data.inferred)
    labels = np.array(predictions.taxonomy.labels, dtype=object)
    table.insert(2, "emotion", np.tile(labels[true_of], len(specs)))
    table.insert(3, "predicted_as", np.tile(labels[predicted_as], len(specs)))
    return table


def _gap_table(
    specs: list[SliceSpec],
    inside: tuple[Floats, Floats],
    outside: tuple[Floats, Floats],
    units: Units | None,
    *,
    rules: Rules,
    inferred: frozenset[str],
) -> pd.DataFrame:
    """Rates, gaps and verdicts of cells `(s, c)`, a row each, without the columns that say which cell it is.

    `inside` and `outside` are hits and pictures of the slices and of their complements.
    """
    (hits, n), (other_hits, m) = inside, outside
    units = units or Units(*(np.broadcast_to(value, hits.shape) for value in (1.0, np.inf, 1.0, np.inf)))
    deff, alone = (
        known_design_effect(hits.shape, units.design_effect),
        known_design_effect(hits.shape, units.own_design_effect),
    )
    evidence = counted(hits, n, other_hits, m, rules, design_effect=units.design_effect, freedom=units.freedom)
    judgement = verdicts(evidence, rules, families=slice_families(tuple(specs), inferred))
    rate_low, rate_high = intervals.wilson(hits / alone, n / alone, freedom=units.own_freedom)
    base_rate = (hits + other_hits + 0.5) / (n + m + 1)
    cells: dict[str, npt.NDArray[Any]] = {
        "n": np.rint(n).astype(np.int64),
        "n_complement": np.rint(m).astype(np.int64),
        "rate": judgement.rate,
        "rate_low": rate_low,
        "rate_high": rate_high,
        "complement_rate": judgement.complement_rate,
        **{name: getattr(judgement, name) for name in DECIDED},
        "detectable": intervals.smallest_detectable_effect(n / deff, m / deff, base_rate, alpha=rules.alpha),
        "low_evidence": judgement.low_evidence,
    }
    for name in ("rate", "rate_low", "rate_high", "complement_rate", "effect", "low", "high"):
        # Of a handful of pictures no number is shown that could be mistaken for an estimate.
        cells[name] = np.where(judgement.tested, cells[name], np.nan)
    table = pd.DataFrame({name: values.ravel() for name, values in cells.items()})
    table.insert(0, "slice", series_of([spec.name for spec in specs], hits.shape[1]))
    table.insert(1, "where", pd.Series([spec.as_json() for spec in specs for _ in range(hits.shape[1])], dtype=object))
    return table


def _confusions(data: SlicedPredictions, truth: Codes, order: int) -> tuple[list[SliceSpec], Floats, Floats]:
    """Slices, and counts `(s, k true, k y_pred)` in each and in its complement: one pass a family."""
    y_pred, k = data.predictions.predicted, len(data.predictions.taxonomy)
    specs: list[SliceSpec] = []
    inside, outside = [], []
    for family in families(data.attributes, order):
        known = (family.codes >= 0) & (truth >= 0)
        cell = (family.codes[known] * k + truth[known]) * k + y_pred[known]
        counts = np.bincount(cell, minlength=family.size * k * k).reshape(family.size, k, k).astype(np.float64)
        at = np.array([code for code, _ in family.specs()], dtype=np.int64)
        specs += [spec for _, spec in family.specs()]
        inside.append(counts[at])
        outside.append(counts.sum(axis=0) - counts[at])
    return specs, np.concatenate(inside), np.concatenate(outside)
