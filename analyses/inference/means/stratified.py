"""What is the difference of means within strata, how sure is it, and is it the same in all of them?

The difference in stratum h, slice minus complement, is weighed with `n m / (n + m)`, as Mantel and Haenszel weigh rates.
Independent pictures have Welch's variance and degrees of freedom in every stratum. Where pictures come in groups, which may
lie on both sides and in several strata, what each group adds to each difference is scaled as in
`analyses.inference.means.cluster_robust` (CR2), and variance, covariance between strata and degrees of freedom follow from
these sums: with one stratum they are that contrast. A stratum with fewer than two pictures (groups) on either side says
nothing about its spread and weighs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from scipy import sparse

from affect_workbench.analyses.inference.homogeneity import equal_differences_p, jointly_equal_p
from affect_workbench.analyses.inference.means.cluster_robust import student
from affect_workbench.analyses.inference.means.two_means import LEAST_FREEDOM
from affect_workbench.analyses.slices.sums import group_sums
from affect_workbench.arrays import Codes, Floats, Mask

_SHARE = 1e-12


@dataclass(frozen=True)
class Within:
    """Differences within `h` strata of `s` slices, of `c` kinds of numbers.

    Attributes:
        n: pictures of the slice by stratum `(s, h)`.
        m: pictures of the complement.
        use: strata that weigh `(s, h)`.
        difference: in each stratum `(s, h, c)`, NaN where a side is empty.
        freedom: of its variance `(s, h)`.
        effect: the weighed difference `(s, c)`, NaN without a stratum.
        variance: of the effect `(s, c)`.
        effect_freedom: of that `(s,)`.
        homogeneity: p of "the same difference in every stratum" `(s, c)`.
        tested: strata that this p is about `(s, h)`.
        groups: the fewer of the groups on a side, in strata that weigh `(s,)`; infinite without groups.
    """

    n: Floats
    m: Floats
    use: Mask
    difference: Floats
    freedom: Floats
    effect: Floats
    variance: Floats
    effect_freedom: Floats
    homogeneity: Floats
    tested: Mask
    groups: Floats

    @classmethod
    def joined(cls, parts: Sequence[Within]) -> Within:
        """Of several families of slices, one after the other."""
        return cls(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls)))

    def half(self, level: float | Floats = 0.95) -> Floats:
        """Half the width of the interval of the effect `(s, c)`; `level` is one number or one a slice."""
        quantile = student(np.broadcast_to(np.asarray(level, float), self.effect_freedom.shape), self.effect_freedom)
        return np.asarray(quantile[:, None] * np.sqrt(self.variance), dtype=np.float64)


def within_strata(
    codes: Codes,
    size: int,
    strata: Codes,
    h: int,
    values: Floats,
    *,
    groups: Codes | None = None,
    wanted: Codes | None = None,
) -> Within:
    """The differences of the wanted values of one family of slices.

    Args:
        codes: which of `size` slices each picture is in `(n,)`, -1 for none.
        size: how many slices the family can have.
        strata: stratum of each picture `(n,)`, -1 for none.
        h: how many strata there are.
        values: numbers of the pictures `(n, c)`.
        groups: group of each picture `(n,)`; None for independent ones.
        wanted: slices to answer for, in this order; all when not given.
    """
    known = (codes >= 0) & (strata >= 0)
    codes, strata, values = codes[known], strata[known], values[known]
    values = values - (values.mean(axis=0) if len(values) else 0.0)
    at = np.arange(size) if wanted is None else wanted
    if groups is None:
        return _independent(codes, size, strata, h, values, at)
    return _grouped(codes, size, strata, h, values, groups[known], at)


def _independent(codes: Codes, size: int, strata: Codes, h: int, values: Floats, at: Codes) -> Within:
    width = values.shape[1]
    columns = np.hstack([np.ones((len(values), 1)), values, values**2])
    sums = group_sums(codes * h + strata, size * h, columns).reshape(size, h, -1)
    inside = sums[at]
    sides = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for side in (inside, sums.sum(axis=0) - inside):
            n, total, squares = side[..., :1], side[..., 1 : 1 + width], side[..., 1 + width :]
            variance = np.maximum(squares - total**2 / n, 0) / (n - 1) / n
            sides.append((n[..., 0], total / n, variance))
        (n, mean, own), (m, other, others) = sides
        use: Mask = np.asarray((n >= 2) & (m >= 2))
        weight = np.where(use, n * m / (n + m), 0.0)
        share = weight / weight.sum(axis=1, keepdims=True)
        difference, variance = mean - other, own + others
        # Of several kinds of numbers the one with the fewest degrees of freedom: they are used one at a time.
        freedom = (variance**2 / (own**2 / (n - 1)[..., None] + others**2 / (m - 1)[..., None])).min(axis=2)
        freedom = np.asarray(np.where(use & ~np.isfinite(freedom), np.maximum(n + m - 2, 1), freedom))
        pooled = np.where(use[..., None], share[..., None] ** 2 * variance, 0.0).sum(axis=1)
        parts = share[..., None] ** 4 * (own**2 / (n - 1)[..., None] + others**2 / (m - 1)[..., None])
        effect_freedom = (pooled**2 / np.where(use[..., None], parts, 0.0).sum(axis=1)).min(axis=1)
        counted = np.where(use, n + m - 2, 0.0).sum(axis=1)
        effect_freedom = np.where(np.isfinite(effect_freedom), effect_freedom, np.maximum(counted, 1))
        effect = np.where(use[..., None], share[..., None] * difference, 0.0).sum(axis=1)
    some = np.any(use, axis=1)
    tested: Mask = np.logical_and(use, freedom >= LEAST_FREEDOM)
    differences, variances = (np.moveaxis(part, 2, 1) for part in (difference, variance))
    p = equal_differences_p(differences, variances, freedom[:, None], use=tested[:, None, :])
    return Within(
        n,
        m,
        use,
        difference,
        freedom,
        np.where(some[:, None], effect, np.nan),
        np.where(some[:, None], pooled, np.nan),
        np.where(some, effect_freedom, np.nan),
        p,
        tested,
        np.full(len(at), np.inf),
    )


@dataclass(frozen=True)
class Places:
    """What of each group is in one stratum: a place, and which slices of one family its pictures are in.

    Attributes:
        group: of each place `(u,)`, 0 to `count` - 1.
        stratum: of each place `(u,)`.
        count: groups.
        whole: pictures of each place, and sums of their numbers `(u, 1 + c)`.
    """

    group: Codes
    stratum: Codes
    count: int
    whole: Floats
    _part: Floats
    _place: Codes
    _ends: Codes

    @classmethod
    def of(cls, codes: Codes, size: int, strata: Codes, h: int, values: Floats, groups: Codes) -> Places:
        """Of pictures that have a slice, a stratum, numbers `(n, c)` and a group."""
        number = np.unique(groups, return_inverse=True)[1]
        places, place_of = np.unique(number * h + strata, return_inverse=True)
        parts, part_of = np.unique(codes * max(len(places), 1) + place_of, return_inverse=True)
        columns = np.hstack([np.ones((len(values), 1)), values])
        return cls(
            places // h,
            places % h,
            int(number.max(initial=-1)) + 1,
            group_sums(place_of, len(places), columns),
            group_sums(part_of, len(parts), columns),
            parts % max(len(places), 1),
            np.searchsorted(parts // max(len(places), 1), np.arange(size + 1)),
        )

    def slice_and_rest(self, value: int) -> tuple[Floats, Floats]:
        """The sums `(u, 1 + c)` of the pictures in a slice, and of those beside it."""
        own, inside = np.zeros_like(self.whole), slice(self._ends[value], self._ends[value + 1])
        own[self._place[inside]] = self._part[inside]
        return own, self.whole - own


def _grouped(codes: Codes, size: int, strata: Codes, h: int, values: Floats, groups: Codes, at: Codes) -> Within:
    places = Places.of(codes, size, strata, h, values, groups)
    rows = [_of_slice(*places.slice_and_rest(value), places, h) for value in at]
    return Within(*(np.array(column) for column in zip(*rows, strict=True)))


def _of_slice(own: Floats, rest: Floats, places: Places, h: int) -> tuple[object, ...]:
    """The fields of `Within` of one slice, from the sums of its places, in it and beside it."""
    group, stratum, count = places.group, places.stratum, places.count
    totals = [group_sums(stratum, h, side) for side in (own, rest)]
    touched = [group_sums(stratum, h, (side[:, :1] > 0.5).astype(float))[:, 0] for side in (own, rest)]
    n, m = (total[:, 0] for total in totals)
    use = (touched[0] >= 2) & (touched[1] >= 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(use, n * m / (n + m), 0.0)
        share = weight / weight.sum()
        means = [total[:, 1:] / total[:, :1] for total in totals]
        added, d, q = np.zeros((len(own), own.shape[1] - 1)), np.zeros(len(own)), []
        for side, total, mean, sign in zip((own, rest), (n, m), means, (1.0, -1.0), strict=True):
            pictures, every = side[:, 0], total[stratum]
            left = np.where(1 - pictures / every > _SHARE, 1 - pictures / every, np.nan)
            there = (pictures > 0.5) & use[stratum]
            residual = side[:, 1:] - mean[stratum] * side[:, :1]
            added += sign * np.where(there[:, None], residual / (every * np.sqrt(left))[:, None], 0.0)
            d += np.where(there, pictures / (every**2 * left), 0.0)
            q.append(np.where(there, pictures / (every**1.5 * np.sqrt(left)), 0.0))
    difference = np.where(use[:, None], means[0] - means[1], np.nan)
    first = group_sums(stratum, h, np.stack([d, q[0] ** 2, q[1] ** 2, d**2, d * q[0] ** 2, d * q[1] ** 2, q[0] * q[1]], 1))
    freedom = _freedom(first.T)
    pull = np.where(use, share, 0.0)[stratum]
    if not use.any():
        width = own.shape[1] - 1
        nothing = np.full(width, np.nan)
        return n, m, use, difference, freedom, nothing, nothing, np.nan, nothing, np.zeros(h, bool), 0.0
    variance = (group_sums(group, count, pull[:, None] * added) ** 2).sum(axis=0)
    effect = np.nansum(np.where(use, share, 0.0)[:, None] * difference, axis=0)
    by_group = group_sums(group, count, (pull**2 * d)[:, None])[:, 0]
    columns = [sparse.csr_array((pull * one, (group, stratum)), shape=(count, h)) for one in q]
    q_all = sparse.hstack(columns).tocsr()
    squares = np.asarray(q_all.multiply(q_all).sum(axis=1)).ravel()
    trace = by_group.sum() - squares.sum()
    product = (q_all.T @ q_all).power(2).sum()
    effect_freedom = trace**2 / ((by_group**2).sum() - 2 * (by_group * squares).sum() + product)
    tested = use & (freedom >= LEAST_FREEDOM)
    p = _homogeneity(added, group, stratum, difference, freedom, tested, count)
    used = use[stratum]
    sides = [np.bincount(group[used & (side[:, 0] > 0.5)], minlength=count) > 0 for side in (own, rest)]
    return (
        n,
        m,
        use,
        difference,
        freedom,
        effect,
        variance,
        effect_freedom,
        p,
        tested,
        float(min(sides[0].sum(), sides[1].sum())),
    )


def _freedom(sums: Floats) -> Floats:
    """Satterthwaite's degrees of freedom of each stratum, as in `analyses.inference.means.cluster_robust.group_contrast`."""
    total, q11, q00, squares, dq1, dq0, q10 = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (total - q11 - q00) ** 2 / (squares - 2 * dq1 - 2 * dq0 + q11**2 + q00**2 + 2 * q10**2)
    return np.asarray(np.where(np.isfinite(found), found, np.nan), dtype=np.float64)


def _homogeneity(
    added: Floats, group: Codes, stratum: Codes, difference: Floats, freedom: Floats, tested: Mask, count: int
) -> Floats:
    """P `(c,)`: of independent strata by Welch, where a group lies in several of them jointly."""
    chosen = np.flatnonzero(tested)
    width = added.shape[1]
    if len(chosen) < 2:
        return np.full(width, np.nan)
    inside = tested[stratum]
    crossed = np.bincount(group[inside], minlength=count).max() > 1
    if not crossed:
        variance = group_sums(stratum, len(tested), added**2)
        return equal_differences_p(
            difference.T, variance.T, freedom[None], use=np.broadcast_to(tested, (width, len(tested)))
        )
    least, p = float(freedom[chosen].min()), np.empty(width)
    for column in range(width):
        table = sparse.csr_array((added[inside, column], (group[inside], stratum[inside])), shape=(count, len(tested)))
        spread = (table.T @ table).toarray()[np.ix_(chosen, chosen)]
        p[column] = jointly_equal_p(difference[chosen, column], spread, least)
    return p
