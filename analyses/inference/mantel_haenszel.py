"""How different are two sides within strata, how sure is that, and is it more than chance?

Arrays hold many 2 x 2 tables at once: `hits` of `n` on one side, `other_hits` of `other_n` on the other, with shape
`(..., h)` for `h` strata. A stratum without a picture on either side says nothing and weighs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from affect_workbench.analyses.inference.intervals import quantile
from affect_workbench.arrays import Floats, Mask

MOST_EXACT = 2_000
"""The exact test is used up to this many possible counts over all strata of a cell ..."""
ENOUGH_EXPECTED = 30.0
"""... and beyond it wherever the count could not move this far down and up from what is expected."""


@dataclass(frozen=True)
class Adjusted:
    """Differences within strata, arrays of the tables' shape without its last axis; NaN where no stratum has both sides.

    Attributes:
        difference: Mantel-Haenszel risk difference, weights `n other_n / (n + other_n)`.
        standard_error: of Greenland and Robins.
        low: lower end of the interval of the difference.
        high: upper end.
    """

    difference: Floats
    standard_error: Floats
    low: Floats
    high: Floats


def adjusted_difference(
    hits: Floats,
    n: Floats,
    other_hits: Floats,
    other_n: Floats,
    *,
    level: float | Floats = 0.95,
    design_effect: Floats | float = 1.0,
) -> Adjusted:
    """The Mantel-Haenszel risk difference and its interval.

    The interval is a stratified Newcombe: each side's weighted rate gets a Wilson interval at the number of pictures that
    would tell as much, `(sum w)^2 / sum(w^2 / n)` over the ratio of variance within strata to that of the pooled rate. With
    one stratum it is Newcombe's. Measured coverage .91 to .98 for slices of 10 to 500 pictures in 6 strata and for 100
    strata of 2 to 21 pictures, where `D +- 1.96 se` of Greenland and Robins covers .08 to .95 (with one picture a side in
    each stratum its variance is zero).

    Sources: Greenland and Robins 1985, https://doi.org/10.2307/2530643; Yan and Su 2010,
    https://doi.org/10.1198/sbr.2009.0049 (stratified Newcombe).

    Args:
        hits: pictures read as the emotion `(..., h)`.
        n: pictures of the slice.
        other_hits: the same of the complement.
        other_n: pictures of the complement.
        level: confidence, a number or an array of the tables' shape.
        design_effect: how many pictures tell as much as one independent one, of the tables' shape.
    """
    a, n, c, m = np.broadcast_arrays(*(np.asarray(side, float) for side in (hits, n, other_hits, other_n)))
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.nan_to_num(n * m / (n + m))
        total = weight.sum(axis=-1)
        # The weight is zero wherever a rate is not known.
        difference = (weight * np.nan_to_num(a / n - c / m)).sum(axis=-1) / total
        parts = np.nan_to_num((a * (n - a) * m**3 + c * (m - c) * n**3) / (n * m * (n + m) ** 2))
        error = np.sqrt(parts.sum(axis=-1) * design_effect) / total
        pooled = (a + c + 0.5) / (n + m + 1)
        rate, low, high = _side(a, n, weight, pooled, level, design_effect)
        other, other_low, other_high = _side(c, m, weight, pooled, level, design_effect)
    return Adjusted(
        np.where(total > 0, difference, np.nan),
        np.where(total > 0, error, np.nan),
        difference - np.hypot(rate - low, other_high - other),
        difference + np.hypot(high - rate, other - other_low),
    )


def _side(
    hits: Floats, n: Floats, weight: Floats, pooled: Floats, level: float | Floats, design_effect: Floats | float
) -> tuple[Floats, Floats, Floats]:
    """Weighted rate of one side and its Wilson interval at the effective number of pictures."""
    total = weight.sum(axis=-1)
    spread = np.nan_to_num(weight**2 / n)
    pictures = total**2 / spread.sum(axis=-1)
    rate = (weight * np.nan_to_num(hits / n)).sum(axis=-1) / total
    # Each stratum's variance with one picture of its pooled rate added, and what that makes it too small on average.
    near = (hits + pooled) / (n + 1)
    within = (spread * near * (1 - near) / (1 - n / (n + 1) ** 2)).sum(axis=-1) / spread.sum(axis=-1)
    mean = (weight * near).sum(axis=-1) / total
    pictures = pictures * mean * (1 - mean) / (1 - pictures / (pictures + 1) ** 2) / within / design_effect
    z = quantile(level)
    centre = (rate * pictures + z**2 / 2) / (pictures + z**2)
    half = z / (pictures + z**2) * np.sqrt(pictures * rate * (1 - rate) + z**2 / 4)
    return rate, np.where(rate <= 0, 0.0, centre - half), np.where(rate >= 1, 1.0, centre + half)


def null_error(hits: Floats, n: Floats, other_hits: Floats, other_n: Floats) -> Floats:
    """Standard error of the difference if both sides of every stratum had its pooled rate; inf without a stratum."""
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.nan_to_num(n * other_n / (n + other_n))
        rate = (hits + other_hits + 0.5) / (n + other_n + 1)
        variance = np.nan_to_num(weight**2 * rate * (1 - rate) * (1 / n + 1 / other_n), posinf=0.0)
        error = np.sqrt(variance.sum(axis=-1)) / weight.sum(axis=-1)
    return np.where(np.isfinite(error), error, np.inf)


def informative(hits: Floats, n: Floats, other_hits: Floats, other_n: Floats) -> Mask:
    """Strata `(..., h)` that a test can learn from: both sides hold pictures, and not all of them are read alike."""
    both, all_hits = n + other_n, hits + other_hits
    return np.asarray((n > 0) & (other_n > 0) & (all_hits > 0) & (all_hits < both), dtype=bool)


def mantel_haenszel_p(
    hits: Floats, n: Floats, other_hits: Floats, other_n: Floats, *, design_effect: Floats | None = None
) -> tuple[Floats, Mask]:
    """Two-sided p of "alike within every stratum", and whether it is exact; NaN where no stratum is informative.

    Exact: the count over all strata given their margins is a sum of hypergeometric ones, its distribution their convolution;
    p adds up all counts no likelier than the one seen, as R's `mantelhaen.test(exact = TRUE)` does. Otherwise the chi-square
    of Cochran 1954 and Mantel and Haenszel 1959 without continuity correction, divided by the design effect where pictures
    come in groups.

    Args:
        hits: whole numbers `(..., h)`, as all others.
        n: pictures of the slice.
        other_hits: the same of the complement.
        other_n: pictures of the complement.
        design_effect: of the tables' shape; given, no test is exact. NaN gives NaN.
    """
    a, n, c, m = np.broadcast_arrays(*(np.asarray(side, float) for side in (hits, n, other_hits, other_n)))
    shape, h = a.shape[:-1], a.shape[-1]
    a, n, c, m = (side.reshape(-1, h) for side in (a, n, c, m))
    use = informative(a, n, c, m)
    all_hits, both = a + c, n + m
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.where(use, n * all_hits / both, 0.0)
        variance = np.where(use, n * m * all_hits * (both - all_hits) / (both**2 * (both - 1)), 0.0)
        lowest, highest = np.where(use, np.maximum(0, all_hits - m), 0.0), np.where(use, np.minimum(all_hits, n), 0.0)
        square = (np.where(use, a, 0.0).sum(axis=1) - expected.sum(axis=1)) ** 2 / variance.sum(axis=1)
    p = np.where(
        use.any(axis=1), special.chdtrc(1, square if design_effect is None else square / design_effect.ravel()), np.nan
    )
    if design_effect is not None:
        return p.reshape(shape), np.zeros(shape, dtype=bool)
    room = np.minimum((expected - lowest).sum(axis=1), (highest - expected).sum(axis=1))
    exact = use.any(axis=1) & (((highest - lowest).sum(axis=1) <= MOST_EXACT) | (room < ENOUGH_EXPECTED))
    for cell in np.flatnonzero(exact):
        at = use[cell]
        p[cell] = _exact_p(*(np.rint(side[cell, at]).astype(np.int64) for side in (a, n, all_hits, both)))
    return p.reshape(shape), exact.reshape(shape)


def _exact_p(
    hits: npt.NDArray[np.int64], n: npt.NDArray[np.int64], all_hits: npt.NDArray[np.int64], both: npt.NDArray[np.int64]
) -> float:
    """The exact p of one cell; arrays over its informative strata."""
    lowest, highest = np.maximum(0, all_hits - (both - n)), np.minimum(all_hits, n)
    sizes = highest - lowest + 1
    stratum = np.repeat(np.arange(len(n)), sizes)
    ends = np.cumsum(sizes)
    x = np.arange(ends[-1]) - np.repeat(ends - sizes, sizes) + lowest[stratum]
    n, all_hits, both = n[stratum], all_hits[stratum], both[stratum]
    log = -sum(special.gammaln(part + 1.0) for part in (x, all_hits - x, n - x, both - n - all_hits + x))
    log += special.gammaln(n + 1.0) + special.gammaln(both - n + 1.0) + special.gammaln(all_hits + 1.0)
    chances = np.exp(log + special.gammaln(both - all_hits + 1.0) - special.gammaln(both + 1.0))
    distribution = np.ones(1)
    for part in sorted(np.split(chances, ends[:-1]), key=len):
        distribution = np.convolve(distribution, part)
    seen = distribution[int(hits.sum() - lowest.sum())]
    return float(min(distribution[distribution <= seen * (1 + 1e-7)].sum(), 1.0))
