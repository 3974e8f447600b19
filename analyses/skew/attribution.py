"""Whose doing is a skew: the model's, the labels', both, or can that not be told?

The label gap is what the true labels (or votes) of the slice differ by already, the model gap what the predictions differ by
beyond them: the mean of said minus share, picture by picture. A model that reads every picture alike, wherever it comes
from, has a model gap too where what it mistakes is more frequent in the slice: the predictions then show a skew that the
labels of that emotion do not have, and the model is what put it there. Whether it reads pictures of one label differently
is another question, answered by the differences within labels (`analyses.disparities.adjusted`).

"The model adds this" is a finding, and is corrected like one. Each skewed cell has the one-sided test of "no model gap in
the direction of the effect", from the same distribution as the gap's interval. Which cells are skewed was seen in the same
predictions, so that the test enters the false discovery rate among all cells that were tested, those that are not skewed (or
have a model gap the other way) with the p of 1 that no claim deserves: at most a share alpha of what is ascribed to the
model is then not its doing. Families share alpha as in `analyses.inference.multiplicity`.
Where the labels explain every skew (Emotion6's labels by quartiles of valence, errors redrawn within each slice), one
interval of 95 % a finding said "the model adds this" at least once in a quarter of 80 worlds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from affect_workbench.analyses.inference.multiplicity import benjamini_hochberg
from affect_workbench.analyses.inference.verdicts import Rules
from affect_workbench.arrays import Floats, Mask

ORIGINS = ("model", "labels", "both", "unclear")


@dataclass(frozen=True)
class Gap:
    """A difference between slice and complement with the ends of its 95 % interval, `(s, k)` each; NaN = not known."""

    value: Floats
    low: Floats
    high: Floats

    def beyond(self, threshold: float, direction: Floats) -> Mask:
        """Whether the whole interval lies farther from zero than the threshold, on the side of `direction`."""
        with np.errstate(invalid="ignore"):
            return np.where(direction > 0, self.low > threshold, self.high < -threshold)


def in_direction(p: Floats, gap: Floats, direction: Floats) -> Floats:
    """One-sided p of "no gap on the side of `direction`", from the two-sided one."""
    with np.errstate(invalid="ignore"):
        return np.where(gap * direction > 0, p / 2, 1 - p / 2)


def attributions(
    effect: Floats, skewed: Mask, *, labels: Gap, model: Gap, p: Floats, families: npt.NDArray[np.int64], rules: Rules
) -> tuple[npt.NDArray[Any], Floats]:
    """Of every skewed cell one of `ORIGINS`, None for others, and the q of "the model adds this", NaN for others.

        model, both: q <= alpha; both where the labels surely differ by more than the tolerance, in the same direction.
        labels: these surely differ by more than the tolerance, and the model gap's interval does not lie beyond zero.
        unclear: everything else: neither is sure, or the labels differ and the model may add to it, which one interval says
            and not the test that allows for all attributions.

    Args:
        effect: difference of the predictions `(s, k)`.
        skewed: which cells are.
        labels: the label gap.
        model: the model gap.
        p: one-sided, of the model gap in the direction of the effect `(s, k)`; NaN where the cell was not tested, or no
            truth is known on one of its sides.
        families: family of each slice `(s,)`.
        rules: what decides.
    """
    told = skewed & np.isfinite(p)
    q = np.where(told, _among_all(np.where(np.isfinite(p), np.where(skewed, p, 1.0), np.nan), families), np.nan)
    with np.errstate(invalid="ignore"):
        by_model = q <= rules.alpha
    by_labels, perhaps = labels.beyond(rules.tolerance, effect), model.beyond(0, effect)
    origin = np.select(
        [by_model & by_labels, by_model, by_labels & ~perhaps], ["both", "model", "labels"], "unclear"
    ).astype(object)
    origin[~(skewed & np.isfinite(labels.value))] = None
    return origin, q


def _among_all(p: Floats, families: npt.NDArray[np.int64]) -> Floats:
    """Benjamini-Hochberg q over the cells of each family, times the number of families that have any."""
    q = np.full(p.shape, np.nan)
    sharing = len(np.unique(families[np.isfinite(p).any(axis=1)]))
    for family in np.unique(families):
        at = families == family
        q[at] = np.minimum(benjamini_hochberg(p[at]) * sharing, 1.0)
    return q
