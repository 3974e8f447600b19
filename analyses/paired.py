"""Of two readings of the same pictures, how do their differences add up in a slice, and is one direction more frequent?

A difference is a number in [-1, 1] a picture: second reading minus first. Where pictures come in groups (one scene, one
person), whole groups are the units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from analyses.clusters import FEWEST_GROUPS
from analyses.counting import Floats, group_sums
from analyses.families import families
from analyses.inference import paired_shift_interval, quantile
from analyses.slices import CodedAttribute, SliceSpec

ZERO = 1e-12
"""Sums of vote shares that should be zero are off by less than this."""


@dataclass(frozen=True)
class GroupTotals:
    """What whole groups say of every slice, for `c` kinds of differences.

    Attributes:
        up: groups whose differences inside the slice add up to more than zero `(s, c)`.
        down: to less than zero `(s, c)`.
        design: how many pictures tell as much as one independent one about the difference between slice and complement
            `(s, c)`, at least 1; NaN where either side has fewer than `FEWEST_GROUPS` groups.
    """

    up: Floats
    down: Floats
    design: Floats


def mcnemar(up: Floats, down: Floats) -> Floats:
    """Exact two-sided p of "either direction is as likely", from how often each was seen; 1 where neither was.

    Source: McNemar 1947, https://doi.org/10.1007/BF02295996, in its binomial form. With groups as units it is the sign
    test of their sums.
    """
    up, down = np.asarray(up, float), np.asarray(down, float)
    return np.asarray(np.minimum(2 * stats.binom.cdf(np.minimum(up, down), up + down, 0.5), 1.0), dtype=np.float64)


def mean_change_interval(total: Floats, squares: Floats, n: Floats, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Interval of a mean of paired differences z in [-1, 1] from sums, never of width 0; NaN where n is 0.

    Source: Agresti and Min 2005, https://doi.org/10.1002/sim.1781, as in `analyses.inference.paired_shift_interval`.
    """
    mean = total / (n + 2)
    half = quantile(level) * np.sqrt(((squares + 1) / (n + 2) - mean**2) / (n + 2))
    return np.where(n > 0, mean - half, np.nan), np.where(n > 0, mean + half, np.nan)


def change_p(
    total: Floats, squares: Floats, n: Floats, other_total: Floats, other_squares: Floats, other_n: Floats
) -> Floats:
    """Two-sided p of "slice and complement changed alike": one minus the level whose interval just reaches zero.

    Within-slice tests (McNemar) ask something else: a model that says an emotion more often everywhere flips pictures in
    every slice, and changes no skew.
    """
    low, high = paired_shift_interval(total, squares, n, other_total, other_squares, other_n)
    with np.errstate(divide="ignore", invalid="ignore"):
        deviations = np.abs(low + high) / (high - low) * quantile(0.95)
    return np.asarray(2 * stats.norm.sf(deviations), dtype=np.float64)


def group_totals(
    specs: Sequence[SliceSpec], attributes: Sequence[CodedAttribute], groups: npt.NDArray[np.int64], values: Floats,
    counted: Floats, *, order: int,
) -> GroupTotals:  # fmt: skip
    """Sums of differences over whole groups, for every slice.

    Args:
        specs: the `s` slices.
        attributes: the coded attributes that they are made of.
        groups: group of each picture `(n,)`.
        values: `c` kinds of differences `(n, c)`; 0 where a picture does not count.
        counted: whether the picture counts for each kind `(n, c)`, 0 or 1.
        order: most conditions in a slice.
    """
    position = {spec: number for number, spec in enumerate(specs)}
    shape = (len(specs), values.shape[1])
    found = GroupTotals(np.zeros(shape), np.zeros(shape), np.full(shape, np.nan))
    for family in families(attributes, order):
        wanted = {code: position[spec] for code, spec in family.specs() if spec in position}
        if not wanted:
            continue
        totals = _of_family(family.codes, family.size, groups, values, counted)
        codes, at = np.array(list(wanted)), np.array(list(wanted.values()))
        found.up[at], found.down[at], found.design[at] = totals.up[codes], totals.down[codes], totals.design[codes]
    return found


def _of_family(
    codes: npt.NDArray[np.int64], size: int, groups: npt.NDArray[np.int64], values: Floats, counted: Floats
) -> GroupTotals:
    """The same for all `size` slices of one combination of attributes.

    What a group adds to the difference of two means is its residual inside over n less its residual outside over m; the
    design effect is the sum of their squares over what independent pictures would give (as in `analyses.clusters`).
    """
    known = codes >= 0
    codes, values, counted = codes[known], values[known], counted[known]
    groups = np.unique(groups[known], return_inverse=True)[1]
    count, width = int(groups.max(initial=-1)) + 1, values.shape[1]
    both = np.hstack([values, counted, values**2])
    whole = group_sums(groups, count, both[:, : 2 * width])
    pairs, pair_of = np.unique(codes * max(count, 1) + groups, return_inverse=True)
    part = group_sums(pair_of, len(pairs), both[:, : 2 * width])
    of, group = pairs // max(count, 1), pairs % max(count, 1)
    inside = group_sums(codes, size, both)
    outside = inside.sum(axis=0) - inside
    (total, n, squares), (other, m, other_squares) = (np.split(side, 3, axis=1) for side in (inside, outside))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, other_mean = total / n, other / m
        plain = (squares / n - mean**2) / n + (other_squares / m - other_mean**2) / m
        own = (part[:, :width] - mean[of] * part[:, width:]) / n[of]
        rest = whole[group] - part
        away = (rest[:, :width] - other_mean[of] * rest[:, width:]) / m[of]
        untouched = (whole[group, :width] - other_mean[of] * whole[group, width:]) / m[of]
        sums, sizes = whole[:, :width], whole[:, width:]
        everywhere = (
            (sums**2).sum(axis=0) - 2 * other_mean * (sums * sizes).sum(axis=0) + other_mean**2 * (sizes**2).sum(axis=0)
        ) / m**2
        robust = (
            np.maximum(group_sums(of, size, (own - away) ** 2 - untouched**2) + everywhere, 0) * count / max(count - 1, 1)
        )
        effect = np.where(plain > 0, robust / plain, 1.0)
    has, has_rest = (part[:, width:] > 0).astype(float), (rest[:, width:] > 0).astype(float)
    in_slice, straddling = group_sums(of, size, has), group_sums(of, size, has * has_rest)
    fewer = np.minimum(in_slice, (sizes > 0).sum(axis=0) - in_slice + straddling)
    return GroupTotals(
        group_sums(of, size, (part[:, :width] > ZERO).astype(float)),
        group_sums(of, size, (part[:, :width] < -ZERO).astype(float)),
        np.where(fewer >= FEWEST_GROUPS, np.maximum(effect, 1.0), np.nan),
    )
