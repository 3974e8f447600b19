"""Do strata agree on a difference, or does their average hide that it is another one in each of them?

Arrays have shape `(..., h)` for `h` strata; `use` says which of them count. A difference of rates is only said to differ
between strata where both the odds (Breslow-Day with Tarone's correction) and the differences themselves do: at other base
rates one of the two differs whenever the other does not, which is arithmetic and no finding. What turns round differs in
both.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from affect_workbench.arrays import Floats, Mask

DIFFERS = "differs between strata"
"""The verdict of an adjusted difference that is no difference of any stratum."""
LEAST_EXPECTED = 5.0
"""Expected pictures in each of the four counts from which a stratum's counts are near enough to normal."""
_WITHOUT_END = 1e12


def enough_expected(hits: Floats, n: Floats, other_hits: Floats, other_n: Floats) -> Mask:
    """Strata whose four counts are all expected to hold `LEAST_EXPECTED` pictures; that depends on the margins alone."""
    hit, both = hits + other_hits, n + other_n
    with np.errstate(divide="ignore", invalid="ignore"):
        least = np.minimum(n, other_n) * np.minimum(hit, both - hit) / both
    return np.asarray(least >= LEAST_EXPECTED, dtype=bool)


def breslow_day_p(hits: Floats, n: Floats, other_hits: Floats, other_n: Floats, *, use: Mask) -> Floats:
    """P of "the same odds ratio in every stratum", Tarone's correction in it; NaN with fewer than two strata.

    Sources: Breslow and Day 1980, section 4.4; Tarone 1985, https://doi.org/10.1093/biomet/72.1.91.

    Args:
        hits: pictures of the slice that are predicted so `(..., h)`.
        n: pictures of the slice.
        other_hits: the same of the complement.
        other_n: pictures of the complement.
        use: strata that count.
    """
    a, n, c, m = (np.where(use, side, 0.0) for side in np.broadcast_arrays(hits, n, other_hits, other_n))
    hit, both = a + c, n + m
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = np.nansum(a * (m - c) / both, axis=-1) / np.nansum(c * (n - a) / both, axis=-1)
        ratio = odds[..., None]
        # The count that the common odds ratio asks for solves a quadratic; of its two forms the one that does not cancel.
        square, linear, constant = 1 - ratio, ratio * (n + hit) + m - hit, -ratio * n * hit
        root = np.sqrt(linear**2 - 4 * square * constant)
        fitted = np.where(linear >= 0, 2 * constant / (-linear - root), (root - linear) / (2 * square))
        variance = 1 / (1 / fitted + 1 / (hit - fitted) + 1 / (n - fitted) + 1 / (m - hit + fitted))
        off, variance = np.where(use, a - fitted, 0.0), np.where(use, variance, 0.0)
        statistic = np.where(use, off**2 / variance, 0.0).sum(axis=-1) - off.sum(axis=-1) ** 2 / variance.sum(axis=-1)
    strata = use.sum(axis=-1)
    sound = (strata >= 2) & np.isfinite(statistic) & np.isfinite(odds) & (odds > 0)
    p = special.chdtrc(np.maximum(strata - 1, 1), np.where(sound, np.maximum(statistic, 0.0), 0.0))
    return np.asarray(np.where(sound, p, np.nan), dtype=np.float64)


def equal_differences_p(difference: Floats, variance: Floats, freedom: Floats, *, use: Mask) -> Floats:
    """P of "the same difference in every stratum", of independent strata; NaN with fewer than two.

    Welch's test of several means (1951, https://doi.org/10.1093/biomet/38.3-4.330), for differences with variances and
    degrees of freedom of their own.

    Args:
        difference: `(..., h)`.
        variance: of the differences.
        freedom: of the variances; infinite where they are known.
        use: strata that count; one without a positive variance does not.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        use = use & (variance > 0) & np.isfinite(difference) & (freedom > 0)
        weight = np.where(use, 1 / variance, 0.0)
        total = weight.sum(axis=-1, keepdims=True)
        mean = (weight * np.where(use, difference, 0.0)).sum(axis=-1, keepdims=True) / total
        spread = (weight * np.where(use, difference - mean, 0.0) ** 2).sum(axis=-1)
        strata = use.sum(axis=-1)
        unsure = np.where(use, (1 - weight / total) ** 2 / freedom, 0.0).sum(axis=-1)
        ratio = spread / (strata - 1) / (1 + 2 * (strata - 2) / (strata**2 - 1) * unsure)
        second = np.minimum((strata**2 - 1) / (3 * unsure), _WITHOUT_END)
    sound = (strata >= 2) & np.isfinite(ratio)
    p = special.fdtrc(np.maximum(strata - 1, 1), np.where(sound, second, 1.0), np.where(sound, ratio, 0.0))
    return np.asarray(np.where(sound, p, np.nan), dtype=np.float64)


def equal_rates_p(hits: Floats, n: Floats, other_hits: Floats, other_n: Floats, *, use: Mask) -> Floats:
    """P of "the same difference of rates in every stratum", each rate with one hit and one miss more.

    Source of the added counts: Agresti and Caffo 2000, https://doi.org/10.1080/00031305.2000.10474560.
    """
    (rate, own), (other, others) = (
        ((hit + 1) / (size + 2), (hit + 1) * (size - hit + 1) / (size + 2) ** 3)
        for hit, size in ((hits, n), (other_hits, other_n))
    )
    known = np.full(np.shape(rate), np.inf)
    return equal_differences_p(rate - other, own + others, known, use=use)


def jointly_equal_p(difference: Floats, covariance: Floats, freedom: float) -> float:
    """P of "the same difference in every stratum" where one group can lie in several: a Wald test referred to Hotelling's F.

    NaN where there are too few degrees of freedom for so many strata. Source: Pustejovsky and Tipton 2018,
    https://doi.org/10.1080/07350015.2016.1247004, the smallest degrees of freedom of a stratum standing for theirs.

    Args:
        difference: `(h,)`.
        covariance: of the differences `(h, h)`.
        freedom: of the covariance.
    """
    contrasts = len(difference) - 1
    second = freedom - contrasts + 1
    if contrasts < 1 or not second >= 1:
        return float("nan")
    apart = np.eye(contrasts + 1)[1:] - np.eye(contrasts + 1)[:1]
    gap, spread = apart @ difference, apart @ covariance @ apart.T
    if np.linalg.matrix_rank(spread) < contrasts:
        return float("nan")
    wald = float(gap @ np.linalg.solve(spread, gap))
    return float(special.fdtrc(contrasts, second, second / (freedom * contrasts) * wald))


def extremes(difference: Floats, use: Mask) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Position of the stratum with the smallest and of that with the largest difference; -1 where none counts."""
    any_used = use.any(axis=-1)
    smallest = np.where(use, difference, np.inf).argmin(axis=-1)
    largest = np.where(use, difference, -np.inf).argmax(axis=-1)
    return np.where(any_used, smallest, -1), np.where(any_used, largest, -1)
