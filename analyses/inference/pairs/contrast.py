"""How large is a difference within pairs, and what is its variance where pairs, or whole groups of them, are independent?

A pair's difference is the mean of its pictures in a slice less the mean of those beside it, so that three or more pictures
of one thing are one comparison too; the effect is the mean over pairs. Its variance is CR2 of one mean with whole groups of
pairs as units, with Satterthwaite's degrees of freedom, in the notation of `analyses.inference.means.cluster_robust`; where
every pair is a unit, these are the variance of a mean, and one less than the pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from affect_workbench.analyses.inference.means.cluster_robust import Contrast
from affect_workbench.analyses.slices.sums import group_sums
from affect_workbench.arrays import Codes, Floats, Mask

_SHARE = 1e-12
"""A unit whose share of the pairs is nearer to one than this holds all of them."""


@dataclass(frozen=True)
class PairContrast:
    """Differences within pairs, slice less complement, of `s` slices and `c` kinds of numbers; NaN where there is no pair.

    Attributes:
        pairs: `(s, 1)` that count: some of their pictures are in the slice and some are not.
        n: `(s, 1)` pictures of them in the slice.
        m: `(s, 1)` pictures of them beside it.
        inside: `(s, c)` mean over pairs of the means in the slice.
        outside: `(s, c)` the same beside it.
        total: `(s, c)` sum over pairs of the differences.
        size: `(s, c)` sum of their absolute values.
        squares: `(s, c)` sum of their squares.
        variance: `(s, c)` of the mean difference.
        inside_variance: `(s, c)` of `inside`.
        freedom: `(s, 1)` Satterthwaite degrees of freedom; NaN where one unit holds all pairs.
        groups: `(s, 1)` independent units: as many as pairs where pairs are independent.
    """

    pairs: Floats
    n: Floats
    m: Floats
    inside: Floats
    outside: Floats
    total: Floats
    size: Floats
    squares: Floats
    variance: Floats
    inside_variance: Floats
    freedom: Floats
    groups: Floats

    @property
    def effect(self) -> Floats:
        """Mean difference over pairs `(s, c)`."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(self.pairs > 0, self.total / self.pairs, np.nan), dtype=np.float64)

    def over(self, other: Contrast, used: Mask) -> Contrast:
        """`other`, in the slices that are `used (s,)` replaced by what pairs say."""
        at = used[:, None]
        return Contrast(
            np.where(at, self.effect, other.effect),
            np.where(at, self.variance, other.variance),
            np.where(at, self.freedom, other.freedom),
            np.where(at, self.groups, other.groups),
        )

    @classmethod
    def none(cls, slices: int, kinds: int) -> PairContrast:
        """Of slices without any pair, to be filled in."""
        counts = {name: np.zeros((slices, 1)) for name in ("pairs", "n", "m", "groups")}
        numbers = (item.name for item in fields(cls) if item.name not in (*counts, "freedom"))
        unknown = {name: np.full((slices, kinds), np.nan) for name in numbers}
        return cls(**counts, **unknown, freedom=np.full((slices, 1), np.nan))

    def put(self, at: Codes, other: PairContrast, rows: Codes) -> None:
        """Fills the slices `at` in with `rows` of another one."""
        for item in fields(self):
            getattr(self, item.name)[at] = getattr(other, item.name)[rows]


@dataclass(frozen=True)
class PairParts:
    """Of the pairs whose pictures have several values: what of each has which value, in the order of values.

    Attributes:
        codes: value of each of the `n` pictures, -1 for none.
        size: how many values there can be.
        picture: pictures of these pairs `(p,)`.
        part: of each of them `(p,)`.
        whole: its pair, numbered from 0 `(p,)`.
        value: of each part `(q,)`.
        pair: of each part `(q,)`, numbered as in `whole`.
        names: of these pairs, as the data number them.
        unit: of these pairs, what each hangs together with.
    """

    codes: Codes
    size: int
    picture: Codes
    part: Codes
    whole: Codes
    value: Codes
    pair: Codes
    names: Codes
    unit: Codes

    @classmethod
    def of(cls, codes: Codes, size: int, pairs: Codes, units: Codes) -> PairParts:
        """Of pictures with a code and a pair, both -1 where there is none `(n,)`; and what each hangs together with."""
        least, most = value_range(codes, pairs)
        picture = np.flatnonzero((codes >= 0) & (pairs >= 0) & (least != most)[pairs])
        names, first, whole = np.unique(pairs[picture], return_index=True, return_inverse=True)
        count = max(len(names), 1)
        cells, part = np.unique(codes[picture] * count + whole, return_inverse=True)
        return cls(codes, size, picture, part, whole, cells // count, cells % count, names, units[picture[first]])

    def differences(self, values: Floats) -> tuple[Floats, Floats, Floats]:
        """Of each part: its pictures and those of its pair beside it `(q, 2)`, and the means of both `(q, c)`."""
        columns = np.hstack([np.ones((len(self.picture), 1)), values[self.picture]])
        inside = group_sums(self.part, len(self.value), columns)
        beside = group_sums(self.whole, len(self.names), columns)[self.pair] - inside
        counts = np.hstack([inside[:, :1], beside[:, :1]])
        return counts, inside[:, 1:] / inside[:, :1], beside[:, 1:] / beside[:, :1]

    def unit_totals(self, columns: Floats) -> tuple[Codes, Floats, Floats]:
        """Value `(u,)`, sums of columns `(u, c)` and pairs `(u, 1)` of every unit with a value, in the order of values."""
        count = int(self.unit.max(initial=0)) + 1
        cells, cell = np.unique(self.value * count + self.unit[self.pair], return_inverse=True)
        sums = group_sums(cell, len(cells), np.hstack([np.ones((len(columns), 1)), columns]))
        return cells // count, sums[:, 1:], sums[:, :1]

    def contrast(self, values: Floats) -> PairContrast:
        """Of every value against the rest of its pairs, `s` being all `size` values."""
        pictures, mean, other = self.differences(values)
        difference, c = mean - other, values.shape[1]
        columns = np.hstack(
            [np.ones((len(pictures), 1)), pictures, mean, other, difference, np.abs(difference), difference**2]
        )
        added = group_sums(self.value, self.size, columns)
        count, (n, m) = added[:, :1], (added[:, at : at + 1] for at in (1, 2))
        inside, outside, total, size, squares = np.split(added[:, 3:], 5, axis=1)
        value, sums, held = self.unit_totals(np.hstack([difference, mean]))
        with np.errstate(divide="ignore", invalid="ignore"):
            # M = diag(d) - q q' of one mean; a unit that holds all pairs leaves no spread.
            left = 1 - held / count[value]
            left = np.where(left > _SHARE, left, np.nan)
            d, q2 = held / (count[value] ** 2 * left), held**2 / (count[value] ** 3 * left)
            residual = sums - held * np.hstack([total, inside])[value] / count[value]
            square = residual**2 / (count[value] ** 2 * left)
            traces = group_sums(value, self.size, np.hstack([np.ones_like(d), d, q2, d**2, d * q2, square]))
            units, d1, q1, d2, dq = (traces[:, at : at + 1] for at in range(5))
            freedom = (d1 - q1) ** 2 / (d2 - 2 * dq + q1**2)
            return PairContrast(
                count,
                n,
                m,
                inside / count,
                outside / count,
                total,
                size,
                squares,
                traces[:, 5 : 5 + c],
                traces[:, 5 + c :],
                np.where(np.isfinite(freedom), freedom, np.nan),
                units,
            )


def value_range(codes: Codes, pairs: Codes) -> tuple[Codes, Codes]:
    """Least and largest code of each pair among its pictures with one; -1 and -1 where there is none."""
    at, count = (codes >= 0) & (pairs >= 0), int(pairs.max(initial=-1)) + 1
    least, most = np.full(count, np.iinfo(np.int64).max), np.full(count, -1)
    np.minimum.at(least, pairs[at], codes[at])
    np.maximum.at(most, pairs[at], codes[at])
    return np.where(most < 0, -1, least), most
