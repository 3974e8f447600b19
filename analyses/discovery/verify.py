"""Does a slice hold on pictures that had no part in finding it? Exact test over strata of the true label.

Within each true label, the members' predictions are compared with those of the other pictures of that label: a difference
is the model's, not the labels'.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from affect_workbench.analyses.inference.clusters import FEWEST_GROUPS
from affect_workbench.analyses.inference.multiplicity import benjamini_hochberg
from affect_workbench.arrays import Codes, Floats, Mask

VERDICTS = ("verified", "undetermined", "equivalent", "too small")
SMALLEST_P = 1e-30
"""Smaller chances are not told apart: they are cut off the ends of a stratum's distribution."""


@dataclass(frozen=True)
class Check:
    """What the held-out half says of one slice and emotion.

    Attributes:
        n: held-out pictures in the slice.
        rate: share of them that the emotion is said of.
        expected: the share at which it is said of others, at the slice's mix of true labels: `rate - effect`.
        effect: Mantel-Haenszel risk difference over true labels.
        low: lower end of its 95 % interval.
        high: upper end.
        p: exact two-sided p; with groups, the larger of it and of the p over groups. NaN where not tested.
    """

    n: int
    rate: float
    expected: float
    effect: float
    low: float
    high: float
    p: float


def exact_cmh(hits: Codes, n: Codes, all_hits: Codes, total: Codes) -> float:
    """Two-sided exact p of the Cochran-Mantel-Haenszel test: is `sum(hits)` more than chance in every stratum explains?

    The distribution of the sum is the convolution of the strata's hypergeometric ones; all sums that are no likelier than
    the one seen count, as in R's `mantelhaen.test(exact = TRUE)`. Never below `SMALLEST_P`.
    Source: Mehta, Patel and Gray 1985, https://doi.org/10.2307/2288562.

    Args:
        hits: in the slice, said `(s,)`.
        n: in the slice.
        all_hits: in the stratum, said.
        total: in the stratum.
    """
    from scipy import stats

    chances, lowest = np.ones(1), 0
    for at in range(len(n)):
        low, high = max(0, int(n[at] + all_hits[at] - total[at])), int(min(n[at], all_hits[at]))
        if high == low:
            lowest += low
            continue
        part = stats.hypergeom.pmf(np.arange(low, high + 1), total[at], all_hits[at], n[at])
        kept = np.flatnonzero(part > SMALLEST_P)
        chances = np.convolve(chances, part[kept[0] : kept[-1] + 1])
        lowest += low + int(kept[0])
    seen = int(hits.sum()) - lowest
    if not 0 <= seen < len(chances):
        return SMALLEST_P
    p = float(chances[chances <= chances[seen] * (1 + 1e-7)].sum() / chances.sum())
    return min(max(p, SMALLEST_P), 1.0)


def mantel_haenszel_difference(
    hits: Floats, n: Floats, all_hits: Floats, total: Floats, *, level: float = 0.95
) -> tuple[float, float, float]:
    """The risk difference over strata with its interval (effect, low, high); NaN where no stratum has both sides.

    Weights n m / (n + m); variance of Greenland and Robins 1985, https://doi.org/10.2307/2530643, in the form of Sato
    1989, https://doi.org/10.2307/2531506, that also holds for many small strata.
    """
    m, other = total - n, all_hits - hits
    used = (n > 0) & (m > 0)
    hits, n, other, m = hits[used], n[used], other[used], m[used]
    if not used.any():
        return np.nan, np.nan, np.nan
    weight = n * m / (n + m)
    effect = float(((hits * m - other * n) / (n + m)).sum() / weight.sum())
    first = (n**2 * other - m**2 * hits + n * m * (m - n) / 2) / (n + m) ** 2
    second = (hits * (m - other) + other * (n - hits)) / (2 * (n + m))
    variance = max(float(effect * first.sum() + second.sum()), 0.0) / float(weight.sum()) ** 2
    half = float(special.ndtri((1 + level) / 2)) * np.sqrt(variance)
    return effect, max(effect - half, -1.0), min(effect + half, 1.0)


def checked(inside: Mask, predicted: Mask, y: Codes, *, min_count: int, groups: Codes | None = None) -> Check:
    """What held-out pictures say of one slice.

    Args:
        inside: members `(n,)`.
        predicted: whether the emotion is said.
        y: true labels.
        min_count: fewest members, and fewest others of the same labels, for a test.
        groups: a number for the group of each picture, None where each is its own.
    """
    k = int(y.max()) + 1

    def count(mask: Mask) -> Codes:
        return np.bincount(y[mask], minlength=k).astype(np.int64)

    hits, n, all_hits, total = count(inside & predicted), count(inside), count(predicted), count(np.ones_like(predicted))
    size, comparable = int(n.sum()), int((total - n)[n > 0].sum())
    if size < min_count or comparable < min_count:
        return Check(size, *(np.nan,) * 6)
    as_float = [column.astype(float) for column in (hits, n, all_hits, total)]
    effect, low, high = mantel_haenszel_difference(*as_float)
    p = exact_cmh(hits, n, all_hits, total)
    if groups is not None:
        p, spread = _over_groups(inside, predicted, y, groups, p)
        low, high = effect - spread * (effect - low), effect + spread * (high - effect)
    rate = float(hits.sum() / size)
    return Check(size, rate, rate - effect, effect, low, high, p)


def verdicts(checks: list[Check], signs: Codes, *, alpha: float, tolerance: float) -> tuple[Floats, list[str]]:
    """Benjamini-Hochberg q over all tested slices, and a verdict each.

    verified: q <= alpha, in the direction seen on the explore half, and the interval lies outside +- tolerance.
    equivalent: the interval lies inside it. too small: not tested. undetermined: everything else.
    """
    q = benjamini_hochberg(np.array([check.p for check in checks], dtype=float))
    found: list[str] = []
    for check, sign, value in zip(checks, signs, q, strict=True):
        nearest = check.low if sign > 0 else -check.high
        if np.isnan(value):
            found.append("too small")
        elif value <= alpha and nearest > tolerance:
            found.append("verified")
        elif check.low >= -tolerance and check.high <= tolerance:
            found.append("equivalent")
        else:
            found.append("undetermined")
    return q, found


def _over_groups(inside: Mask, predicted: Mask, y: Codes, groups: Codes, p: float) -> tuple[float, float]:
    """(p with whole groups as units, never below the exact one; how much wider the interval is for it).

    A group's part in the excess is the sum of (member - share of members) x (said - share said) within its true labels.
    Parts are independent between groups: Student's t over groups with parts. NaN for few groups: not testable.
    """
    k = int(y.max()) + 1
    size = np.maximum(np.bincount(y, minlength=k), 1)
    share = np.bincount(y, weights=inside, minlength=k) / size
    rate = np.bincount(y, weights=predicted, minlength=k) / size
    member, odd = inside - share[y], predicted - rate[y]
    codes = np.unique(groups, return_inverse=True)[1]
    parts = np.bincount(codes, weights=member * odd)
    touched = int(np.unique(codes[inside]).size)
    if touched < FEWEST_GROUPS:
        return np.nan, 1.0
    robust, plain = float((parts**2).sum()), float(((member * odd) ** 2).sum())
    t = abs(float(parts.sum())) / np.sqrt(max(robust, 1e-12))
    return max(p, float(2 * special.stdtr(touched - 1, -t))), float(np.sqrt(max(robust / max(plain, 1e-12), 1.0)))


def repeated(members: Mask, predicted: Mask, signs: Codes, y: Codes, found: list[str], *, tolerance: float) -> list[int]:
    """For each slice, the position of the earlier one that it repeats, -1 for none.

    A verified slice repeats earlier ones when its pictures that are in none of them are read alike: the interval of their
    effect does not lie outside the tolerance in the slice's direction. Named is the one that shares most pictures with it.

    Args:
        members: `(s, n)`, strongest slice first.
        predicted: `(s, n)` whether the slice's emotion is said.
        signs: direction of each slice `(s,)`.
        y: true labels.
        found: verdicts.
        tolerance: the largest difference that does not matter.
    """
    owners: list[int] = []
    repeats = [-1] * len(found)
    for at in range(len(found)):
        if found[at] != "verified":
            continue
        shared = [int((members[at] & members[owner]).sum()) for owner in owners]
        if any(shared):
            rest = members[at] & ~members[owners].any(axis=0)
            others = ~members[owners].any(axis=0)
            alone = checked(rest[others], predicted[at][others], y[others], min_count=1)
            nearest = alone.low if signs[at] > 0 else -alone.high
            if not nearest > tolerance:
                repeats[at] = owners[int(np.argmax(shared))]
                continue
        owners.append(at)
    return repeats
