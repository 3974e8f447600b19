"""Of two readings of the same pictures, how do their differences add up in a slice, and is one direction more frequent?

A difference is a number in [-1, 1] a picture: second reading minus first. Where pictures come in groups (one scene, one
person), whole groups are the units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from affect_workbench.analyses.inference.clusters import Compared, family_spreads
from affect_workbench.analyses.inference.intervals import paired_shift_interval, quantile, two_sided
from affect_workbench.analyses.inference.means.sums import Sums
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.families import families, most_conditions
from affect_workbench.analyses.slices.sliced import Sliced
from affect_workbench.analyses.slices.sums import group_sums
from affect_workbench.arrays import Floats

ZERO = 1e-12
"""Sums of vote shares that should be zero are off by less than this."""


@dataclass(frozen=True)
class GroupTotals:
    """What whole groups say of every slice, for `c` kinds of differences.

    Attributes:
        up: groups whose differences inside the slice add up to more than zero `(s, c)`.
        down: to less than zero `(s, c)`.
        design_effect: how many pictures tell as much as one independent one about the difference between slice and
            complement `(s, c)`, below 1 where groups lie on both sides; NaN where either side has fewer than `FEWEST_GROUPS`
            groups.
        freedom: degrees of freedom of the design effect `(s, c)`; NaN where that is.
        own_design_effect: the same for the slice alone.
        own_freedom: and of that.
    """

    up: Floats
    down: Floats
    design_effect: Floats
    freedom: Floats
    own_design_effect: Floats
    own_freedom: Floats


def mcnemar(up: Floats, down: Floats) -> Floats:
    """Exact two-sided p of "either direction is as likely", from how often each was seen; 1 where neither was.

    Source: McNemar 1947, https://doi.org/10.1007/BF02295996, in its binomial form. With groups as units it is the sign
    test of their sums.
    """
    from scipy import stats

    up, down = np.asarray(up, float), np.asarray(down, float)
    return np.asarray(np.minimum(2 * stats.binom.cdf(np.minimum(up, down), up + down, 0.5), 1.0), dtype=np.float64)


def mean_change_interval(side: Sums, *, level: float = 0.95, freedom: float | Floats = np.inf) -> tuple[Floats, Floats]:
    """Interval of a mean of paired differences z in [-1, 1] from sums, never of width 0; NaN where n is 0.

    Source: Agresti and Min 2005, https://doi.org/10.1002/sim.1781, as in
        `analyses.inference.intervals.paired_shift_interval`.
    """
    n, mean = side.n, side.total / (side.n + 2)
    half = quantile(level, freedom=freedom) * np.sqrt(((side.squares + 1) / (n + 2) - mean**2) / (n + 2))
    return np.where(n > 0, mean - half, np.nan), np.where(n > 0, mean + half, np.nan)


def change_p(inside: Sums, outside: Sums, *, freedom: float | Floats = np.inf) -> Floats:
    """Two-sided p of "slice and complement changed alike": one minus the level whose interval just reaches zero.

    Within-slice tests (McNemar) ask something else: a model that says an emotion more often everywhere flips pictures in
    every slice, and changes no skew.
    """
    low, high = paired_shift_interval(inside, outside)
    with np.errstate(divide="ignore", invalid="ignore"):
        deviations = np.abs(low + high) / (high - low) * quantile(0.95)
    return two_sided(deviations, freedom=freedom)


def group_totals(
    specs: Sequence[SliceSpec], data: Sliced, *, values: Floats, counted: Floats, shares: bool = False
) -> GroupTotals:
    """Sums of differences over whole groups, for every slice.

    Args:
        specs: the `s` slices.
        data: pictures that come in groups.
        values: `c` kinds of differences `(n, c)`; 0 where a picture does not count.
        counted: whether the picture counts for each kind `(n, c)`, 0 or 1.
        shares: whether they are outcomes that are or are not, to be compared with coin tosses
            (`analyses.inference.means.spread`), and no differences.

    Raises:
        ValueError: the pictures are independent.
    """
    groups = data.groups
    if groups is None:
        raise ValueError("pictures that are independent have no sums over groups")
    position = {spec: number for number, spec in enumerate(specs)}
    shape = (len(specs), values.shape[1])
    found = GroupTotals(np.zeros(shape), np.zeros(shape), *(np.full(shape, np.nan) for _ in range(4)))
    distinct, kind = np.unique(counted, axis=1, return_inverse=True)
    for family in families(data.attributes, most_conditions(specs)):
        wanted = {code: position[spec] for code, spec in family.specs() if spec in position}
        if not wanted:
            continue
        codes, at = np.array(list(wanted)), np.array(list(wanted.values()))
        found.up[at], found.down[at] = (one[codes] for one in _signs(family.codes, family.size, groups, values))
        for number in range(distinct.shape[1]):
            columns = np.flatnonzero(kind.ravel() == number)
            compared = Compared(values[:, columns], distinct[:, number] > 0, shares)
            spread = family_spreads(family, groups, {"it": compared})["it"]
            of = np.ix_(at, columns)
            found.design_effect[of], found.freedom[of] = spread.design_effect[codes], spread.freedom[codes]
            found.own_design_effect[of], found.own_freedom[of] = spread.mean_design_effect[codes], spread.mean_freedom[codes]
    return found


def _signs(codes: npt.NDArray[np.int64], size: int, groups: npt.NDArray[np.int64], values: Floats) -> tuple[Floats, Floats]:
    """Groups whose differences with each of `size` codes add up to more, and to less, than zero `(size, c)` each."""
    known = codes >= 0
    count = int(groups.max(initial=-1)) + 1
    pairs, pair_of = np.unique(codes[known] * count + groups[known], return_inverse=True)
    part = group_sums(pair_of, len(pairs), values[known])
    up, down = (group_sums(pairs // count, size, (sign * part > ZERO).astype(float)) for sign in (1, -1))
    return up, down
