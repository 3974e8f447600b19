"""What do counts say of each (slice, emotion) cell? Rates, tests, intervals and the verdict, as arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from affect_workbench.analyses.inference import intervals
from affect_workbench.analyses.inference.exact import fisher_exact
from affect_workbench.analyses.inference.homogeneity import DIFFERS
from affect_workbench.analyses.inference.multiplicity import select
from affect_workbench.arrays import Floats, Mask

Ends = tuple[Floats, Floats]
"""Lower and upper ends of intervals."""
VERDICTS = ("skewed", "equivalent", "undetermined", "too small")
DECIDED = ("effect", "low", "high", "p", "q", "adjusted_low", "adjusted_high", "verdict")
"""What tables tell of the difference in a cell: names in `Cells`."""
LOW_EVIDENCE_COUNT = 30
LOW_EVIDENCE_EXPECTED = 5.0
_MOST_COUNTED = 10_000_000
"""Pictures up to which a design effect below 1 may raise the counts of an exact test."""


@dataclass(frozen=True)
class Rules:
    """What decides which slices there are and which verdict they get.

    Attributes:
        min_count: fewest pictures on either side for a test, and fewest in an intersection.
        alpha: false discovery rate.
        tolerance: the largest difference that does not matter, as a share (of a number: in its units).
        order: most conditions in a slice.
    """

    min_count: int = 10
    alpha: float = 0.05
    tolerance: float = 0.02
    order: int = 1

    @property
    def without_intersections(self) -> Rules:
        """The same for slices of one condition."""
        return replace(self, order=1)


STANDARD = Rules()
"""What decides where nobody has said otherwise."""


@dataclass(frozen=True)
class Cells:
    """All cells, each array `(s, k)`; names as in `analyses.skew.findings.Finding`.

    Attributes:
        tested: whether both sides have enough pictures.
        level: confidence of the adjusted interval of each slice `(s,)`.
    """

    tested: Mask
    rate: Floats
    complement_rate: Floats
    low: Floats
    high: Floats
    p: Floats
    q: Floats
    level: Floats
    adjusted_low: Floats
    adjusted_high: Floats
    low_evidence: Mask
    verdict: npt.NDArray[Any]

    @property
    def effect(self) -> Floats:
        """Difference of the two rates."""
        return self.rate - self.complement_rate


@dataclass(frozen=True)
class Evidence:
    """What was seen in every cell `(s, k)`, however its pictures were sampled: as counts, in groups, in pairs.

    Attributes:
        rate: of the slice.
        complement_rate: of its complement.
        p: exact two-sided p, NaN where nothing is tested.
        interval: ends of the interval of the difference at a level, one number or one a slice `(s, 1)`.
        few: whether evidence is low.
    """

    rate: Floats
    complement_rate: Floats
    p: Floats
    interval: Callable[[float | Floats], tuple[Floats, Floats]]
    few: Mask


def counted(
    hits: Floats,
    n: Floats,
    other_hits: Floats,
    other_n: Floats,
    rules: Rules,
    *,
    design_effect: Floats | None = None,
    freedom: Floats | None = None,
) -> Evidence:
    """The evidence of counts: Newcombe's interval, Fisher's exact p, of pictures by themselves or in groups.

    Counts in groups are divided by the design effect, and normal quantiles become Student's, in interval and p alike.

    Args:
        hits: pictures of each slice read as each emotion `(s, k)`.
        n: pictures of each slice `(s, 1)`.
        other_hits: the same of its complement.
        other_n: pictures of its complement.
        rules: what decides.
        design_effect: design effect of each cell, NaN where it is not known; None for independent pictures.
        freedom: degrees of freedom of the design effects `(s, k)` or `(s, 1)`; None where they are given.
    """
    deff = known_design_effect(hits.shape, design_effect)
    tested = np.broadcast_to((n >= rules.min_count) & (other_n >= rules.min_count), deff.shape)
    tested = tested if design_effect is None else tested & np.isfinite(design_effect)
    degrees: Floats = np.asarray(np.inf) if freedom is None else np.where(np.isfinite(freedom), freedom, np.inf)
    # Groups on both sides make a difference surer, not a rate: low evidence is low however they lie.
    alike = np.maximum(deff, 1.0)
    fewer = np.minimum(n, other_n) / alike
    pooled = (hits + other_hits) / np.maximum(n + other_n, 1)
    few = (fewer < LOW_EVIDENCE_COUNT) | (fewer * pooled < LOW_EVIDENCE_EXPECTED)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate, other = hits / n, other_hits / other_n
    given = hits, n, other_hits, other_n
    counts = tuple(side / deff for side in given)
    few_enough = np.maximum(deff, np.minimum((n + other_n) / _MOST_COUNTED, 1.0))
    p = fisher_exact(*(np.rint(side / few_enough).astype(np.int64) for side in given))

    def interval(level: float | Floats) -> tuple[Floats, Floats]:
        return intervals.newcombe(*counts, level=level, freedom=degrees)

    return Evidence(rate, other, np.where(tested, intervals.with_freedom(p, degrees), np.nan), interval, few)


def verdict(
    interval: Ends,
    adjusted: Ends,
    *,
    tolerance: float | Floats,
    tested: Mask,
    selected: Mask | bool = True,
    low_evidence: Mask | bool = False,
    inconsistent: Mask | bool = False,
) -> npt.NDArray[Any]:
    """The verdict on every difference, one of `VERDICTS` or `DIFFERS`: the first of these that holds.

        too small: the slice or its complement holds fewer than `min_count` pictures, or too few groups of them to know
            how alike they are; nothing is tested.
        differs between strata: the difference is a mean over strata that do not agree on it.
        skewed: q <= alpha, and the whole adjusted interval lies outside [-tolerance, tolerance].
        equivalent: the whole 95 % interval lies inside it.
        too small: low evidence, and none of the above.
        undetermined: everything else.

    Args:
        interval: ends of the 95 % interval of the difference.
        adjusted: ends of the interval at the level that allows for the selection of its slice.
        tolerance: the largest difference that does not matter.
        tested: whether there was enough to test.
        selected: whether q <= alpha.
        low_evidence: whether evidence is low.
        inconsistent: whether strata disagree.
    """
    with np.errstate(invalid="ignore"):
        outside = (adjusted[0] > tolerance) | (adjusted[1] < -tolerance)
        inside = (interval[0] >= -tolerance) & (interval[1] <= tolerance)
    conditions = (~tested, inconsistent, selected & outside, inside, low_evidence)
    return np.select(
        [np.asarray(condition) for condition in conditions],
        ["too small", DIFFERS, "skewed", "equivalent", "too small"],
        "undetermined",
    )


def verdicts(evidence: Evidence, rules: Rules, *, families: npt.NDArray[np.int64]) -> Cells:
    """Corrects the tests of all cells for each other and gives each its verdict; a cell without a p is not tested.

    Of R slices selected among m of the family, one of F families, the adjusted level is 1 - R x alpha / (F m), which keeps
    the false coverage rate of the selected ones at alpha (Benjamini and Yekutieli 2005,
    https://doi.org/10.1198/016214504000001907).

    Args:
        evidence: of the cells `(s, k)`.
        rules: what decides.
        families: family of each slice `(s,)`, see `slice_families`.
    """
    tested = np.isfinite(evidence.p)
    low, high = evidence.interval(0.95)
    selection = select(evidence.p, families, alpha=rules.alpha)
    picked = selection.q <= rules.alpha
    adjusted_low, adjusted_high = evidence.interval(selection.level[:, None])
    adjusted = adjusted_low, adjusted_high
    decided = verdict(
        (low, high), adjusted, tolerance=rules.tolerance, tested=tested, selected=picked, low_evidence=evidence.few
    )
    return Cells(
        tested,
        evidence.rate,
        evidence.complement_rate,
        low,
        high,
        evidence.p,
        selection.q,
        selection.level,
        np.where(picked, adjusted_low, np.nan),
        np.where(picked, adjusted_high, np.nan),
        evidence.few,
        decided,
    )


def known_design_effect(shape: tuple[int, ...], design_effect: Floats | None) -> Floats:
    """How many pictures tell as much as one independent one: the design effect, 1 where there is none."""
    return np.ones(shape) if design_effect is None else np.where(np.isfinite(design_effect), design_effect, 1.0)
