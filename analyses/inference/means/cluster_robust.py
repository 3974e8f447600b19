"""How sure is the difference of two means where pictures come in groups, nested in the two sides or on both of them?

One contrast, one variance: what each group adds to the difference of means, with each side's residuals scaled up by what the
group's own pictures pull the mean toward themselves (CR2), and degrees of freedom by Satterthwaite under a working model of
independent pictures. Interval and p both come from it, whether a group lies on one side only (20 people a side), on both
(every person in both conditions: the variance may then be below that of independent pictures), or partly.
Source: Bell and McCaffrey 2002; Imbens and Kolesar 2016, https://doi.org/10.1162/REST_a_00552; for this contrast the
adjustment matrices reduce to `1 / sqrt(1 - share of the side's pictures)`, so that sums over groups suffice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import special

from affect_workbench.analyses.slices.sums import group_sums
from affect_workbench.arrays import Codes, Floats, Mask

_SHARE = 1e-12
"""A group whose share of a side is nearer to one than this is the whole side: there is no spread between groups."""
_CELLS = 1 << 20
"""Sums of untouched groups that are held at a time."""


@dataclass(frozen=True)
class Contrast:
    """Differences of means, slice minus complement, of `s` slices and `c` kinds of numbers.

    Attributes:
        effect: `(s, c)`; NaN where a side has no picture.
        variance: `(s, c)` of the effect; NaN where it is not defined.
        freedom: `(s, 1)` Satterthwaite degrees of freedom; NaN where one group is a whole side.
        groups: `(s, 1)` the fewer of the groups with a picture in the slice and those with one in the complement.
    """

    effect: Floats
    variance: Floats
    freedom: Floats
    groups: Floats

    def interval(self, *, level: float | Floats = 0.95) -> tuple[Floats, Floats]:
        """Student interval of the effect `(s, c)`; `level` is one number or one a slice `(s, 1)`."""
        half = student(level, self.freedom) * np.sqrt(self.variance)
        return self.effect - half, self.effect + half

    def only(self, columns: slice) -> Contrast:
        """The same of some of the numbers."""
        return Contrast(self.effect[:, columns], self.variance[:, columns], self.freedom, self.groups)

    @property
    def p(self) -> Floats:
        """Two-sided p of "no difference" `(s, c)`; 1 where nothing varies and nothing differs, 0 where only that."""
        with np.errstate(divide="ignore", invalid="ignore"):
            deviations = np.abs(self.effect) / np.sqrt(self.variance)
        deviations = np.where(np.isclose(self.effect, 0, atol=1e-15) & (self.variance == 0), 0.0, deviations)
        return np.asarray(2 * special.stdtr(self.freedom, -deviations), dtype=np.float64)


def student(level: float | Floats, freedom: Floats) -> Floats:
    """Half the width, in standard errors, of a two-sided Student interval; NaN where `freedom` is."""
    valid = np.isfinite(freedom) & (freedom > 0)
    quantiles = special.stdtrit(np.where(valid, freedom, 1.0), (1 + np.asarray(level, float)) / 2)
    return np.asarray(np.where(valid, quantiles, np.nan), dtype=np.float64)


@dataclass(frozen=True)
class Means:
    """Means of `s` slices, each by itself, with the same variance (CR2) and degrees of freedom.

    Attributes:
        mean: `(s, c)`; NaN where the slice has no picture.
        variance: `(s, c)` of the mean; NaN where it is not defined.
        freedom: `(s, 1)` Satterthwaite degrees of freedom; NaN where one group is the whole slice.
    """

    mean: Floats
    variance: Floats
    freedom: Floats

    def interval(self, *, level: float | Floats = 0.95) -> tuple[Floats, Floats]:
        """Student interval of the mean `(s, c)`."""
        half = student(level, self.freedom) * np.sqrt(self.variance)
        return self.mean - half, self.mean + half

    def only(self, columns: slice) -> Means:
        """The same of some of the numbers."""
        return Means(self.mean[:, columns], self.variance[:, columns], self.freedom)


def group_contrast(codes: Codes, size: int, values: Floats, groups: Codes, *, known: Mask | None = None) -> Contrast:
    """The contrast of every code against all other pictures that have one.

    Args:
        codes: which of `size` values each picture has `(n,)`, -1 for none.
        size: how many values there are: `s`.
        values: numbers of the pictures `(n, c)`.
        groups: group of each picture `(n,)`, as `analyses.slices.pairs.group_codes` gives it.
        known: which pictures have the numbers `(n,)`; None for all.
    """
    return contrast_and_means(codes, size, values, groups, known=known)[0]


def contrast_and_means(
    codes: Codes, size: int, values: Floats, groups: Codes, *, known: Mask | None = None
) -> tuple[Contrast, Means]:
    """The contrast of every code, and its own mean; arguments as of `group_contrast`."""
    kept = codes >= 0 if known is None else (codes >= 0) & known
    if not kept.all():
        codes, values, groups = codes[kept], values[kept], groups[kept]
    number = (np.cumsum(np.bincount(groups, minlength=1) > 0) - 1)[groups]
    count, width = int(number.max(initial=-1)) + 1, values.shape[1]
    centre = values.mean(axis=0) if len(values) else np.zeros(width)
    columns = np.hstack([np.ones((len(values), 1)), values - centre])
    parts, part_of = np.unique(codes * max(count, 1) + number, return_inverse=True)
    part = group_sums(part_of, len(parts), columns)
    value, group = parts // max(count, 1), parts % max(count, 1)
    whole = group_sums(number, count, columns)
    inside = group_sums(value, size, part)
    outside = inside.sum(axis=0) - inside
    n, m = inside[:, :1], outside[:, :1]
    sums = np.zeros((size, 2 * width + 12))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, other = inside[:, 1:] / n, outside[:, 1:] / m
        step = max(1, _CELLS // (2 * width + 12))
        for start in range(0, len(parts), step):
            rows = slice(start, start + step)
            low, high = value[rows][0], value[rows][-1] + 1
            added = _of_parts(part[rows], whole[group[rows]], *(side[value[rows]] for side in (n, m, mean, other)))
            sums[low:high] += group_sums(value[rows] - low, high - low, added)
        variance, own_variance, rest = sums[:, :width], sums[:, width : 2 * width], sums[:, 2 * width :]
        touched, alone, traces = rest[:, :2], rest[:, 2:5], rest[:, 5:]
        for rows, apart in _untouched(whole, value, group, size, m, other):
            variance[rows] += apart[:, 7:]
            traces[rows] += apart[:, :7]
        total, q11, q00, squares, dq1, dq0, q10 = (column[:, None] for column in traces.T)
        freedom = (total - q11 - q00) ** 2 / (squares - 2 * dq1 - 2 * dq0 + q11**2 + q00**2 + 2 * q10**2)
        own_total, own_squares, own_dq = (column[:, None] for column in alone.T)
        own_freedom = (own_total - q11) ** 2 / (own_squares - 2 * own_dq + q11**2)
    defined = np.isfinite(freedom) & (n > 0) & (m > 0)
    away = len(whole) - touched[:, :1] + touched[:, 1:]
    contrast = Contrast(
        np.where((n > 0) & (m > 0), mean - other, np.nan),
        np.where(defined, variance, np.nan),
        np.where(defined, freedom, np.nan),
        np.minimum(touched[:, :1], away),
    )
    alone_defined = np.isfinite(own_freedom) & (n > 0)
    return contrast, Means(
        mean + centre, np.where(alone_defined, own_variance, np.nan), np.where(alone_defined, own_freedom, np.nan)
    )


def _of_parts(part: Floats, whole: Floats, n: Floats, m: Floats, mean: Floats, other: Floats) -> Floats:
    """What parts of groups add to the sums of their values `(p, 2 c + 12)`.

    Squares of what the group moves the contrast and the slice's own mean; whether there is a part and whether there is more
    of the group; for the mean, then for the contrast, what the traces of M and of its square are made of, with
    M = diag(d) - q1 q1' - q0 q0'.
    """
    rest = whole - part
    has_rest = rest[:, :1] > 0
    near = _scaled(part, mean, n)
    far = np.where(has_rest, _scaled(rest, other, m), 0.0)
    own, beside = part[:, :1], rest[:, :1]
    d1, q1 = _diagonal(own, n), _column(own, n)
    d = d1 + np.where(has_rest, _diagonal(beside, m), 0.0)
    q0 = np.where(has_rest, _column(beside, m), 0.0)
    return np.hstack(
        [
            (near - far) ** 2,
            near**2,
            np.ones_like(own),
            has_rest.astype(float),
            d1,
            d1**2,
            d1 * q1**2,
            d,
            q1**2,
            q0**2,
            d**2,
            d * q1**2,
            d * q0**2,
            q1 * q0,
        ]
    )


def _left(count: Floats, side: Floats) -> Floats:
    """One minus the group's share of a side; NaN where that is all of it."""
    left = 1 - count / side
    return np.where(left > _SHARE, left, np.nan)


def _scaled(sums: Floats, mean: Floats, side: Floats) -> Floats:
    """What groups add to one side's mean: residual sums over the side's pictures, scaled (CR2)."""
    count = sums[:, :1]
    return (sums[:, 1:] - mean * count) / (side * np.sqrt(_left(count, side)))


def _diagonal(count: Floats, side: Floats) -> Floats:
    return count / (side**2 * _left(count, side))


def _column(count: Floats, side: Floats) -> Floats:
    return count / (side**1.5 * np.sqrt(_left(count, side)))


def _untouched(
    whole: Floats, value: Codes, group: Codes, size: int, m: Floats, other: Floats
) -> Iterator[tuple[slice, Floats]]:
    """Of groups without a picture in a slice, what `group_contrast` adds up; blocks of slices, `(b, 7 + c)` each.

    Groups of one size share everything but their sums, so that each size is handled once: all groups of it, less those that
    are touched.
    """
    sizes, of_size = np.unique(whole[:, 0], return_inverse=True)
    z, width = len(sizes), whole.shape[1] - 1
    moments = np.hstack([np.ones((len(whole), 1)), whole[:, 1:], whole[:, 1:] ** 2])
    everywhere = group_sums(of_size, z, moments)
    step = max(1, _CELLS // max(z * (2 * width + 1), 1))
    for start in range(0, size, step):
        rows = slice(start, min(start + step, size))
        length = rows.stop - start
        low, high = np.searchsorted(value, [start, rows.stop])
        cells = (value[low:high] - start) * z + of_size[group[low:high]]
        left = everywhere - group_sums(cells, length * z, moments[group[low:high]]).reshape(length, z, -1)
        count, total, squares = left[..., :1], left[..., 1 : 1 + width], left[..., 1 + width :]
        side, mean = m[rows, None], other[rows, None]
        one = np.broadcast_to(sizes[None, :, None], count.shape)
        present = count > 0.5
        d = np.where(present, _diagonal(one, side), 0.0)
        q2 = np.where(present, _column(one, side), 0.0) ** 2
        residual = squares - 2 * mean * one * total + (mean * one) ** 2 * count
        added = np.where(present, residual / (side**2 * _left(one, side)), 0.0)
        zero = np.zeros_like(d)
        sums = np.concatenate([d * count, zero, q2 * count, d**2 * count, zero, d * q2 * count, zero, added], axis=2)
        yield rows, sums.sum(axis=1)
