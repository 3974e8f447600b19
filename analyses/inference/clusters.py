"""How much more, or less, do pictures tell when they come in groups (one scene, one person, one photographer)?

Pictures of one group are alike. Each (slice, emotion) cell gets the variance of its difference of rates with whole groups as
the units (CR2, `analyses.inference.means.cluster_robust`) over the variance that independent pictures would have: the
design effect, above 1 where groups lie on one side of the comparison, and below it where they lie on both (every person in
light and in dark). Counts are divided by it before any test or interval, which keeps the exact tests for small counts, and
normal quantiles become Student's with the degrees of freedom of that variance. Labels can be more alike within a group than
readings are: every kind of number that is compared has a design effect of its own.
Each cell's own variance is used, drawn toward that of all emotions together where it rests on few events
(`analyses.inference.means.spread`). Intervals hold more than .97 only where that is so, or where groups are few: counts are
whole, the exact test of few counts rejects less than it may, and the larger of two estimates is taken.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from affect_workbench.analyses.inference.means.cluster_robust import contrast_and_means
from affect_workbench.analyses.inference.means.spread import Spread, of_groups
from affect_workbench.analyses.inference.means.sums import Sums
from affect_workbench.analyses.slices.families import Family, families
from affect_workbench.analyses.slices.scores import Scores
from affect_workbench.analyses.slices.sliced import Sliced
from affect_workbench.analyses.slices.sums import SliceSums, group_sums
from affect_workbench.arrays import Codes, Floats, Mask

FEWEST_GROUPS = 10
"""Groups on either side from which the spread of counts between them can be estimated at all."""


@dataclass(frozen=True)
class Compared:
    """Numbers of pictures whose means in a slice and beside it are compared.

    Attributes:
        values: `(n, c)`.
        known: which pictures have them `(n,)`; None for all.
        shares: whether they are outcomes or shares of votes, whose variance is compared with that of coin tosses; that of
            other numbers is compared with theirs in independent pictures.
    """

    values: Floats
    known: Mask | None = None
    shares: bool = True


def of_scores(scores: Scores) -> dict[str, Compared]:
    """What an audit compares between slices and has an interval of, by kind of score."""
    compared = {"said": Compared(scores.of("said"))}
    if "labelled" in scores:
        labelled = scores.of("labelled")[:, 0] > 0
        known = None if labelled.all() else labelled
        compared |= {kind: Compared(scores.of(kind), known) for kind in ("votes", "hit")}
        compared["shift"] = Compared(scores.of("shift"), known, shares=False)
    if "distance" in scores:
        compared |= {kind: Compared(scores.of(kind), shares=False) for kind in ("distance", "margin")}
    return compared


def group_spreads(sums: SliceSums, data: Sliced, *, compared: Mapping[str, Compared]) -> dict[str, Spread]:
    """Spread `(s, c)` of every slice and column of what is compared; empty where pictures are independent.

    Below `FEWEST_GROUPS` groups on a side, or where one group is a whole side, it is not known: NaN.

    Args:
        sums: the slices.
        data: what `sums` were counted from.
        compared: by name, of the same pictures: whether they are read as each emotion, say.
    """
    if data.groups is None:
        return {}
    position = {spec: number for number, spec in enumerate(sums.specs)}
    found = {name: [np.full((len(sums.specs), width), np.nan) for width in _widths(one)] for name, one in compared.items()}
    together = _put_together(compared)
    for family in families(data.attributes, sums.order):
        wanted = {code: position[spec] for code, spec in family.specs() if spec in position}
        if not wanted:
            continue
        at, codes = np.array(list(wanted.values())), np.array(list(wanted))
        for columns in together:
            for name, spread in columns.spreads(family.codes, family.size, data.groups).items():
                for whole, part in zip(found[name], _arrays(spread), strict=True):
                    whole[at] = part[codes]
    return {name: Spread(*arrays) for name, arrays in found.items()}


def family_spreads(family: Family, groups: Codes, compared: Mapping[str, Compared]) -> dict[str, Spread]:
    """Spread of what is compared between every joint code of one family and all others, `family.size` rows each."""
    parts = (columns.spreads(family.codes, family.size, groups) for columns in _put_together(compared))
    return {name: spread for part in parts for name, spread in part.items()}


def _arrays(spread: Spread) -> tuple[Floats, ...]:
    return (
        spread.design_effect,
        spread.variance,
        spread.freedom,
        spread.mean_design_effect,
        spread.mean_variance,
        spread.mean_freedom,
    )


def _widths(one: Compared) -> tuple[int, ...]:
    width = one.values.shape[1]
    return width, width, 1, width, width, 1


@dataclass(frozen=True)
class _Columns:
    """What is compared and known of the same pictures, side by side.

    Attributes:
        moments: ones, the numbers and their squares `(n, 1 + 2 c)`.
        known: which pictures have them `(n,)`; None for all.
        of: name -> its columns among the `c`, and whether they are shares.
    """

    moments: Floats
    known: Mask | None
    of: dict[str, tuple[slice, bool]]

    def spreads(self, codes: npt.NDArray[np.int64], size: int, groups: npt.NDArray[np.int64]) -> dict[str, Spread]:
        """Of the pictures with each of `size` values against all others that have one."""
        width = self.moments.shape[1] // 2
        contrast, means = contrast_and_means(codes, size, self.moments[:, 1 : 1 + width], groups, known=self.known)
        sums = group_sums(codes if self.known is None else np.where(self.known, codes, -1), size, self.moments)
        sides, found = (sums, sums.sum(axis=0) - sums), {}
        for name, (at, shares) in self.of.items():
            of, squares = (slice(at.start + shift, at.stop + shift) for shift in (1, 1 + width))
            inside, outside = (Sums(side[:, of], side[:, squares], side[:, :1]) for side in sides)
            found[name] = of_groups(contrast.only(at), means.only(at), inside, outside, shares=shares, fewest=FEWEST_GROUPS)
        return found


def _put_together(compared: Mapping[str, Compared]) -> list[_Columns]:
    sets: dict[int, list[str]] = {}
    for name, one in compared.items():
        sets.setdefault(id(one.known), []).append(name)
    found = []
    for names in sets.values():
        widths = [compared[name].values.shape[1] for name in names]
        ends = np.cumsum([0, *widths]).tolist()
        of = {
            name: (slice(low, high), compared[name].shares)
            for name, (low, high) in zip(names, itertools.pairwise(ends), strict=True)
        }
        values = np.hstack([compared[name].values for name in names])
        moments = np.hstack([np.ones((len(values), 1)), values, values**2])
        found.append(_Columns(moments, compared[names[0]].known, of))
    return found
