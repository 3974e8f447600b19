"""How sure is a mean of hits or of shares of votes in a slice, and its difference from the complement?

One place for accuracy, vote agreement and every other mean of numbers between 0 and 1: outcomes that are or are not have
intervals and an exact test of counts (Wilson, Newcombe, Fisher), shares of votes the variance that they have (Student,
Welch); both with groups as units where pictures come in groups. Interval and p come from one model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from affect_workbench.analyses.inference import intervals
from affect_workbench.analyses.inference.exact import fisher_exact
from affect_workbench.analyses.inference.means.cluster_robust import contrast_and_means
from affect_workbench.analyses.inference.means.spread import Spread, of_votes, votes_of
from affect_workbench.analyses.inference.means.sums import Sums
from affect_workbench.arrays import Floats


@dataclass(frozen=True)
class ShareGap:
    """Differences of means, slice minus complement, `(s, c)`; NaN where a side is empty, or has too few groups to know.

    Attributes:
        value: the difference.
        low: lower end of its 95 % interval.
        high: upper end.
        p: two-sided, of "no difference".
        interval: its ends at another level, one number or one a slice `(s, 1)`.
    """

    value: Floats
    low: Floats
    high: Floats
    p: Floats
    interval: Callable[[float | Floats], tuple[Floats, Floats]]


def share_gap(inside: Sums, outside: Sums, *, spread: Spread | None = None) -> ShareGap:
    """The difference of two means of hits or of shares of votes.

    Whether they are shares is seen in the sums: an outcome is its own square.

    Args:
        inside: sums over slices.
        outside: over their complements.
        spread: of the same numbers, where pictures come in groups (`analyses.inference.clusters.group_spreads`).
    """
    value = inside.mean - outside.mean
    shares = votes_of(inside, outside)
    if shares and spread is None:
        spread = of_votes(inside, outside)
    deff, freedom = (np.ones(value.shape), np.inf) if spread is None else (spread.design_effect, spread.freedom)
    sides = (inside.total, inside.n, outside.total, outside.n)
    counts = tuple(np.broadcast_to(part, value.shape) / deff for part in sides)

    def interval(level: float | Floats) -> tuple[Floats, Floats]:
        if shares and spread is not None:
            return intervals.student_interval(value, spread.variance, spread.freedom, level=level)
        return intervals.newcombe(*counts, level=level, freedom=freedom)

    if shares and spread is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            deviations = value / np.sqrt(spread.variance)
        p = intervals.two_sided(np.where(value == 0, 0.0, deviations), freedom=spread.freedom)
    else:
        known = np.all([np.isfinite(part) for part in counts], axis=0)
        whole = (np.rint(np.where(known, part, 0.0)).astype(np.int64) for part in counts)
        p = intervals.with_freedom(fisher_exact(*whole), freedom)
    known = np.isfinite(value) & np.isfinite(deff)
    low, high = interval(0.95)
    low, high, p = (np.where(known, one, np.nan) for one in (low, high, p))
    return ShareGap(value, low, high, p, interval)


def agreement_interval(inside: Sums, outside: Sums, *, spread: Spread | None = None) -> tuple[Floats, Floats]:
    """95 % interval of the slice's own mean `(s, c)`: Wilson's of hits, Student's of shares of votes.

    The complement is only asked how far shares lie apart where those of the slice happen to be all the same.
    """
    shares = votes_of(inside, outside)
    if shares:
        own = of_votes(inside, outside) if spread is None else spread
        return intervals.student_interval(inside.mean, own.mean_variance, own.mean_freedom)
    deff, freedom = (1.0, np.inf) if spread is None else (spread.mean_design_effect, spread.mean_freedom)
    return intervals.wilson(inside.total / deff, inside.n / deff, freedom=freedom)


def mean_of_shares(values: Floats, groups: npt.NDArray[np.int64] | None = None) -> tuple[float, float, float]:
    """Mean of hits or shares of votes `(n,)` over all pictures, with its 95 % interval; NaN of none.

    Wilson's of hits, Student's of shares; shares that are all the same are counted as hits. In groups as everywhere here.
    """
    if not len(values):
        return float("nan"), float("nan"), float("nan")
    n, total, squares = (np.asarray([[part]], dtype=np.float64) for part in (len(values), values.sum(), (values**2).sum()))
    sums, nothing = Sums(total, squares, n), Sums(np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((1, 1)))
    mean = float(sums.mean[0, 0])
    deff, freedom = (1.0, np.inf) if groups is None else design_effect_of_mean(values, groups, shares=True)
    if votes_of(sums, nothing) and np.ptp(values) > 0:
        variance = sums.independent if groups is None else deff * sums.tosses
        degrees = n - 1 if groups is None else np.full((1, 1), freedom)
        low, high = intervals.student_interval(sums.mean, variance, degrees)
    else:
        low, high = intervals.wilson(total / deff, n / deff, freedom=freedom)
    return mean, float(low[0, 0]), float(high[0, 0])


def design_effect_of_mean(values: Floats, groups: npt.NDArray[np.int64], *, shares: bool = False) -> tuple[float, float]:
    """How many pictures tell as much as one independent one (or one coin toss) of the mean of `values (n,)`.

    And with how many degrees of freedom that is known. 1 and infinitely many where nothing varies; NaN with one group.
    """
    means = contrast_and_means(np.zeros(len(values), dtype=np.int64), 1, values[:, None], groups)[1]
    mean = values.mean()
    plain = mean * (1 - mean) / len(values) if shares else values.var(ddof=1) / len(values) if len(values) > 1 else 0.0
    if not plain > 0:
        return 1.0, float("inf")
    # At least as if one picture were as far off as they are on average, where all groups have the same mean.
    return max(float(means.variance[0, 0] / plain), 1 / len(values)), float(means.freedom[0, 0])
