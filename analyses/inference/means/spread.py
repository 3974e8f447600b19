"""How far does chance move a mean, and the difference of two means, beside what tosses of a coin would do?

Two things make pictures other than coin tosses: shares of votes vary less than outcomes that are or are not, and pictures of
one group are alike, which makes a difference of two sides surer where the group lies on both and less sure where it does
not. Both are the same number: the variance as it is over the variance of as many tosses (the design effect of Kish 1965;
Rao and Scott 1992, https://doi.org/10.2307/2532311), with the degrees of freedom that it was measured with. Counts divided
by it keep the intervals and exact tests of counts, which hold where an emotion is rare: at 15 pictures against 1,000 with
ten votes each, shares of .4 to .02, Welch's interval covers .95 down to .46, Newcombe's of the divided counts .94 to .97
(measured over 600 sets). Where it is large enough to matter little the two are the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affect_workbench.analyses.inference.means.cluster_robust import Contrast, Means
from affect_workbench.analyses.inference.means.sums import Sums
from affect_workbench.arrays import Floats

_PRIOR = 5.0
"""Independent events that the design effect over all columns counts for."""
_NOTHING = 1e-9
"""A design effect below this is rounding: nothing varied."""


@dataclass(frozen=True)
class Spread:
    """Of `s` slices and `c` kinds of numbers; NaN where there are too few groups to know.

    Attributes:
        design_effect: variance of the difference from the complement over that of independent coin tosses (or, of numbers
            that are no shares, of independent pictures) `(s, c)`; below 1 where groups lie on both sides, or shares
            vary little.
        variance: of the difference `(s, c)`.
        freedom: degrees of freedom of it `(s, c)` or `(s, 1)`; infinite where it follows from the rates.
        mean_design_effect: the same for the mean of the slice alone.
        mean_variance: of that mean.
        mean_freedom: of that.
    """

    design_effect: Floats
    variance: Floats
    freedom: Floats
    mean_design_effect: Floats
    mean_variance: Floats
    mean_freedom: Floats


def votes_of(inside: Sums, outside: Sums) -> bool:
    """Whether any number is a share, neither 0 nor 1: a square that is less than the number itself."""
    return bool((inside.total - inside.squares > _NOTHING).any() or (outside.total - outside.squares > _NOTHING).any())


def of_votes(inside: Sums, outside: Sums) -> Spread:
    """Of shares of votes of independent pictures: the variances of both sides and Welch and Satterthwaite's freedom."""
    least, other_least = _least(inside, outside)
    own, other = np.maximum(inside.independent, least), np.maximum(outside.independent, other_least)
    n, m = np.broadcast_to(inside.n, own.shape), np.broadcast_to(outside.n, own.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = own + other
        freedom = variance**2 / (own**2 / (n - 1) + other**2 / (m - 1))
    freedom = np.where(np.isfinite(freedom), freedom, np.maximum(n + m - 2, 1))
    enough = np.full(own.shape, np.inf)
    return Spread(
        _over(variance, inside.tosses + outside.tosses, enough),
        variance,
        freedom,
        _over(own, inside.tosses, enough),
        own,
        np.maximum(n - 1, 1),
    )


def of_groups(contrast: Contrast, means: Means, inside: Sums, outside: Sums, *, shares: bool, fewest: int) -> Spread:
    """Of pictures that come in groups.

    Args:
        contrast: of the numbers, with groups as units.
        means: of the slices alone.
        inside: sums over the slices.
        outside: over their complements.
        shares: whether the numbers are outcomes or shares of votes, to be compared with coin tosses.
        fewest: groups on either side below which nothing is said.
    """
    if shares and not votes_of(inside, outside):
        # Groups on both sides that never disagree say little of those that were not seen: one disagreement, half of it
        # either way (as in Agresti and Min 2005).
        with np.errstate(divide="ignore"):
            least, other_least = 0.5 / inside.n**2, 0.5 / outside.n**2
    else:
        least, other_least = _least(inside, outside)
    own_plain = inside.tosses if shares else inside.independent
    plain = own_plain + (outside.tosses if shares else outside.independent)
    # But never more than independent pictures.
    variance = np.maximum(contrast.variance, np.minimum(least + other_least, plain))
    own = np.maximum(means.variance, np.minimum(least, own_plain))
    with np.errstate(divide="ignore", invalid="ignore"):
        whole = Sums(inside.total + outside.total, inside.squares + outside.squares, inside.n + outside.n)
    design_effect = _over(variance, plain, _events(whole, np.minimum(inside.n, outside.n), shares=shares))
    own_design_effect = _over(own, own_plain, _events(inside, inside.n, shares=shares))
    enough = (contrast.groups >= fewest) & np.isfinite(contrast.freedom)
    enough_alone = enough & np.isfinite(means.freedom)
    return Spread(
        np.where(enough, design_effect, np.nan),
        np.where(enough, variance, np.nan),
        np.where(enough, contrast.freedom, np.nan),
        np.where(enough_alone, own_design_effect, np.nan),
        np.where(enough_alone, own, np.nan),
        np.where(enough_alone, means.freedom, np.nan),
    )


def _least(inside: Sums, outside: Sums) -> tuple[Floats, Floats]:
    """The least variance that the mean of each side is given, so that shares that happen to be equal are not called certain.

    As if one picture lay as far off as the pictures of both sides together do on average.
    """
    n, m = inside.n, outside.n
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (inside.total + outside.total) / (n + m)
        spread = np.maximum((inside.squares + outside.squares) / (n + m) - mean**2, 0)
        return spread / n**2, spread / m**2


def _events(side: Sums, n: Floats, *, shares: bool) -> Floats:
    """How many outcomes (or, of differences, disagreements) `n` pictures of this kind are expected to show `(s, c)`.

    Of outcomes the rarer of both kinds.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = (side.total if shares else side.squares) / side.n
    return np.asarray(np.nan_to_num(n * (np.minimum(rate, 1 - rate) if shares else rate)), dtype=np.float64)


def _over(variance: Floats, plain: Floats, events: Floats) -> Floats:
    """Design effects `(s, c)`: each column's own, drawn toward that of the slice over all columns where it rests on little.

    Few events that happen to fall into different groups look as if they were independent, and seem surest where they are
    fewest. Alone, own variances rejected .064 at .05 and .0028 at .001 (8 emotions, groups of ten, intraclass correlation
    .3, slices of 60 pictures and more: measured); drawn, and never below the own, .037 and .0006. Where nothing varies it is
    that of all columns, and 1 where there nothing does.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        own = variance / plain
        every = np.nansum(variance, axis=1, keepdims=True) / np.nansum(plain, axis=1, keepdims=True)
        every = np.where(np.isfinite(every) & (every > _NOTHING), every, 1.0)
        # As many events as are as good as independent.
        alone = events / np.maximum(every, 1.0)
        drawn = np.maximum(own, own + (every - own) * _PRIOR / (alone + _PRIOR))
    return np.asarray(np.where(np.isfinite(own) & (own > _NOTHING), drawn, every), dtype=np.float64)
