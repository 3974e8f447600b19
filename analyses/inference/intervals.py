"""How sure can one be of a rate, a difference, a skew? Intervals, the exact test, false discovery, detectable effects.

Everything takes and returns arrays; counts may be fractional (divided by a design effect) where an interval says so.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from affect_workbench.analyses.inference.means.sums import Sums
from affect_workbench.arrays import Floats

Numbers = Floats | npt.NDArray[np.int64]


def wilson(
    hits: Numbers, n: Numbers, *, level: float | Floats = 0.95, freedom: float | Floats = np.inf
) -> tuple[Floats, Floats]:
    """Wilson score interval of a rate; NaN where n = 0.

    Of shares of votes, and of pictures in groups, both counts are first divided by their design effect
    (`analyses.inference.means.spread`), and `freedom` says with how many degrees of freedom that is known. Sums of shares
    taken as they are would give an interval that is far too wide: a share varies less than a coin.
    Source: Wilson 1927; measured coverage .947 at n = 10 (Wald: .59).
    """
    hits, n = np.asarray(hits, float), np.asarray(n, float)
    z = quantile(level, freedom=freedom)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (hits + z**2 / 2) / (n + z**2)
        half = z / (n + z**2) * np.sqrt(hits * (n - hits) / n + z**2 / 4)
    low = np.where(hits <= 0, 0.0, centre - half)
    high = np.where(hits >= n, 1.0, centre + half)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def newcombe(
    hits: Numbers,
    n: Numbers,
    other_hits: Numbers,
    other_n: Numbers,
    *,
    level: float | Floats = 0.95,
    freedom: float | Floats = np.inf,
) -> tuple[Floats, Floats]:
    """Newcombe hybrid-score interval of `hits / n - other_hits / other_n`; NaN where either n is 0.

    Counts and `freedom` as in `wilson`.
    Source: Newcombe 1998, method 10, https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I
    """
    low, high = wilson(hits, n, level=level, freedom=freedom)
    other_low, other_high = wilson(other_hits, other_n, level=level, freedom=freedom)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate, other = np.asarray(hits, float) / n, np.asarray(other_hits, float) / other_n
    difference = rate - other
    return (
        difference - np.sqrt((rate - low) ** 2 + (other_high - other) ** 2),
        difference + np.sqrt((high - rate) ** 2 + (other - other_low) ** 2),
    )


def mean_interval(side: Sums, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Student interval of a mean from sums; NaN where n < 2."""
    size = np.asarray(side.n, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = side.total / size
        half = _student(level, size - 1) * np.sqrt(side.independent)
    return mean - half, mean + half


def student_interval(
    mean: Floats, variance: Floats, freedom: Floats, *, level: float | Floats = 0.95
) -> tuple[Floats, Floats]:
    """Student interval of a mean, or a difference of means, from its variance; NaN where that is not known."""
    half = np.where(np.isfinite(freedom), quantile(level, freedom=freedom), np.nan) * np.sqrt(variance)
    return mean - half, mean + half


def mean_difference_interval(inside: Sums, outside: Sums, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Welch interval of the difference of two means from sums; NaN where either n < 2."""
    size, other_size = np.asarray(inside.n, float), np.asarray(outside.n, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        own, other = inside.independent, outside.independent
        freedom = (own + other) ** 2 / (own**2 / (size - 1) + other**2 / (other_size - 1))
        half = _student(level, np.where(np.isfinite(freedom), freedom, size + other_size - 2)) * np.sqrt(own + other)
        difference = inside.total / size - outside.total / other_size
    return difference - half, difference + half


def paired_shift_interval(
    inside: Sums, outside: Sums, *, level: float | Floats = 0.95, freedom: float | Floats = np.inf
) -> tuple[Floats, Floats]:
    """Interval of the difference, between two groups, of mean paired differences z in [-1, 1]; NaN where an n is 0.

    Each group gets two more observations with half a discordance in either direction, so that a group in which
    prediction and truth always agree is not called certain; where a discordance is rarer than about one in the group, the
    interval is therefore wider than it must be (with fifteen pictures it holds 1.00). Source: Agresti and Min 2005,
    https://doi.org/10.1002/sim.1781 (adding 1/2 to each cell of the matched table). Sums in groups are first divided by
    their design effect, which is known with `freedom` degrees of freedom.
    """

    def part(side: Sums) -> tuple[Floats, Floats]:
        more = np.asarray(side.n, float) + 2
        mean = side.total / more
        return mean, ((side.squares + 1) / more - mean**2) / more

    (mean, variance), (other_mean, other_variance) = part(inside), part(outside)
    half = quantile(level, freedom=freedom) * np.sqrt(variance + other_variance)
    empty = (np.asarray(inside.n) == 0) | (np.asarray(outside.n) == 0)
    difference = np.where(empty, np.nan, mean - other_mean)
    return difference - half, difference + half


def smallest_detectable_effect(
    n: Numbers, other_n: Numbers, base_rate: Floats, *, alpha: float = 0.05, power: float = 0.8
) -> Floats:
    """The difference of rates that one two-sided test of size alpha finds with the given power; inf where an n is 0.

    Normal approximation around the base rate, (z_alpha/2 + z_power) sd: .17 at n = 30, .093 at 100, .029 at 1,000 for
    a base rate of .125 and a large complement. Correction for many tests makes the real one larger.
    """
    rate = np.clip(base_rate, 0, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(rate * (1 - rate) * (1 / np.asarray(n, float) + 1 / np.asarray(other_n, float)))
    quantiles = float(special.ndtri(power) - special.ndtri(alpha / 2))
    return quantiles * np.where(np.isfinite(spread), spread, np.inf)


def quantile(level: float | Floats, *, freedom: float | Floats = np.inf) -> Floats:
    """Half the width, in standard errors, of a two-sided interval: normal, or Student's where `freedom` is finite."""
    tail = (1 + np.asarray(level)) / 2
    normal = special.ndtri(tail)
    if np.isinf(freedom).all():
        return np.asarray(normal, dtype=np.float64)
    # A freedom that is not known goes with counts that are not tested.
    known = np.where(np.isfinite(freedom), freedom, 1.0)
    return np.asarray(np.where(np.isfinite(freedom), special.stdtrit(known, tail), normal), dtype=np.float64)


def two_sided(deviations: Floats, *, freedom: float | Floats = np.inf) -> Floats:
    """Two-sided p of so many standard errors from zero: normal, or Student's where `freedom` is finite."""
    size = np.abs(deviations)
    normal = 2 * special.ndtr(-size)
    if np.isinf(freedom).all():
        return np.asarray(normal, dtype=np.float64)
    known = np.where(np.isfinite(freedom), freedom, 1.0)
    return np.asarray(np.where(np.isfinite(freedom), 2 * special.stdtr(known, -size), normal), dtype=np.float64)


def with_freedom(p: Floats, freedom: float | Floats) -> Floats:
    """The two-sided p of a test whose variance was known, for one that was measured with `freedom` degrees of freedom.

    As many standard errors as the p comes to under a normal distribution, read from Student's: so that p and the interval
    of `newcombe` come from one model.
    """
    if np.isinf(freedom).all():
        return p
    return two_sided(np.asarray(special.ndtri(np.asarray(p) / 2)), freedom=freedom)


def distance_from_zero(low: npt.ArrayLike, high: npt.ArrayLike) -> Floats:
    """How far each interval lies from zero: its nearer end, 0 where it holds zero or is not known."""
    low, high = np.asarray(low, float), np.asarray(high, float)
    return np.where(low > 0, low, np.where(high < 0, -high, 0.0))


def log_odds(hits: Numbers, n: Numbers) -> tuple[Floats, Floats]:
    """Log-odds of a rate and their variance, with half a picture added on either side.

    Source: Haldane 1956; Gart and Zweifel 1967, https://doi.org/10.2307/2333860.
    """
    hits, misses = np.asarray(hits, float) + 0.5, np.asarray(n, float) - hits + 0.5
    return np.log(hits / misses), 1 / hits + 1 / misses


def _student(level: float, freedom: Floats) -> Floats:
    valid = freedom > 0
    return np.where(valid, special.stdtrit(np.where(valid, freedom, 1), (1 + level) / 2), np.nan)
