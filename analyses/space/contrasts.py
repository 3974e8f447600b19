"""How much do the pictures of a slice differ from the others in a number, raw and among pictures alike in something else?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affect_workbench.analyses.inference.clusters import FEWEST_GROUPS
from affect_workbench.analyses.inference.intervals import quantile
from affect_workbench.analyses.inference.means.sums import Sums
from affect_workbench.analyses.slices.sums import group_sums
from affect_workbench.arrays import Codes, Floats, Vectors


@dataclass(frozen=True)
class Contrasts:
    """Mean inside less mean outside, for `v` values of an attribute and `c` numbers.

    Attributes:
        effect: `(v, c)`; NaN where no stratum holds pictures of both sides.
        error: `(v, c)` standard errors; NaN where a spread is not known (one picture, fewer than `FEWEST_GROUPS` groups).
        n: `(v,)` pictures of the value that are compared with others.
        m: `(v,)` other pictures that they are compared with.
    """

    effect: Floats
    error: Floats
    n: Floats
    m: Floats

    def interval(self, *, level: float = 0.95) -> tuple[Floats, Floats]:
        """Normal interval of the effects."""
        half = quantile(level) * self.error
        return self.effect - half, self.effect + half


@dataclass(frozen=True)
class _Strata:
    """Of `v` values and `h` strata: means inside and outside `(v, h, c)`, weights and pictures on both sides `(v, h, 1)`."""

    mean: Floats
    other: Floats
    weight: Floats
    n: Floats
    m: Floats


def contrasts(
    codes: Codes, size: int, columns: Vectors, *, strata: Codes | None = None, groups: Codes | None = None
) -> Contrasts:
    """Difference of means between the pictures of each value and all others with a value.

    With strata, the differences of the strata are averaged with the weights n m / (n + m) of Mantel and Haenszel (1959), n
    pictures inside and m outside: a stratum without pictures on both sides has no weight. With groups the standard error has
    whole groups as its units (linearised, groups / (groups - 1) in each stratum and side).

    Args:
        codes: value of each picture `(n,)`, -1 for none.
        size: how many values there are.
        columns: `(n, c)` the numbers.
        strata: `(n,)` what is held fixed, -1 where not known (those pictures are left out).
        groups: `(n,)` group of each picture, None for independent ones.
    """
    held = np.zeros(len(codes), np.int64) if strata is None else strata
    known = (codes >= 0) & (held >= 0)
    value, held, numbers = codes[known], held[known], np.asarray(columns[known], np.float64)
    h, c = int(held.max(initial=0)) + 1, columns.shape[1]
    # Sums of squares are taken around the mean of all, where they lose no digits.
    centre = numbers.mean(axis=0) if len(numbers) else np.zeros(c)
    numbers = numbers - centre
    sums = group_sums(value * h + held, size * h, np.hstack([np.ones((len(value), 1)), numbers, numbers**2]))
    inside = sums.reshape(size, h, -1)
    outside = inside.sum(axis=0) - inside
    n, m = inside[:, :, :1], outside[:, :, :1]
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.nan_to_num(n * m / (n + m))
        whole = weight.sum(axis=1)
        mean, other = inside[:, :, 1 : c + 1] / n, outside[:, :, 1 : c + 1] / m
        used = weight > 0
        effect = np.where(used, weight * (mean - other), 0.0).sum(axis=1) / whole
        own, away = (
            weight**2 * Sums(side[:, :, 1 : c + 1], side[:, :, c + 1 :], count).variance / count
            for side, count in ((inside, n), (outside, m))
        )
        error = np.sqrt(np.where(used, own + away, 0.0).sum(axis=1)) / whole
    if groups is not None:
        error = _group_errors(value, held, groups[known], numbers, _Strata(mean, other, weight, n, m))
    compared = used[:, :, 0]
    return Contrasts(effect, error, (n[:, :, 0] * compared).sum(axis=1), (m[:, :, 0] * compared).sum(axis=1))


def _group_errors(value: Codes, held: Codes, groups: Codes, numbers: Floats, strata: _Strata) -> Floats:
    """Standard errors `(v, c)` from what every group adds to the difference."""
    mean, other, weight, n, m = strata.mean, strata.other, strata.weight, strata.n, strata.m
    number = np.unique(groups, return_inverse=True)[1].astype(np.int64)
    count = int(number.max(initial=-1)) + 1
    errors = np.full((len(n), numbers.shape[1]), np.nan)
    for at in range(len(n)):
        inside = value == at
        if min(len(np.unique(number[inside])), len(np.unique(number[~inside]))) < FEWEST_GROUPS:
            continue
        share = weight[at, :, 0] / weight[at].sum()
        with np.errstate(divide="ignore", invalid="ignore"):
            own, away = np.nan_to_num(share / n[at, :, 0]), np.nan_to_num(share / m[at, :, 0])
        # A mean is nearer to its own groups than to others: of g groups with it the residuals are too small by (g - 1) / g.
        cell = 2 * held + inside
        seen = np.bincount(np.unique(cell * count + number) // count, minlength=2 * len(share))
        scale = np.where(inside, own[held], -away[held]) * np.sqrt(seen / np.maximum(seen - 1, 1))[cell]
        residual = numbers - np.nan_to_num(np.where(inside[:, None], mean[at][held], other[at][held]))
        added = group_sums(number, count, scale[:, None] * residual)
        errors[at] = np.sqrt((added**2).sum(axis=0))
    return errors
