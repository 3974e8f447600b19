"""How much less do pictures tell when they come in groups (one scene, one person, one photographer)?

Pictures of one group are alike, so n of them are worth fewer. Each (slice, emotion) cell gets a design effect: the variance
of its difference of rates with whole groups as the units, over the variance that independent pictures would have. Counts are
divided by it before any test or interval, which keeps the exact tests for small counts. Labels can be more alike within a
group than readings are: every kind of number that is compared has a design effect of its own.
Source: Rao and Scott 1992, https://doi.org/10.2307/2532311.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analyses.counting import Floats, SliceSums, group_sums
from analyses.families import families
from analyses.scores import Scores
from analyses.slices import CodedAttribute

FEWEST_GROUPS = 10
"""Groups on either side from which their spread can be estimated at all."""
_BLOCK = 2_048
"""Parts of groups that are multiplied at a time: what they need fits a processor's cache."""


def group_codes(rows: pd.DataFrame) -> npt.NDArray[np.int64] | None:
    """A number for the group of each picture `(n,)`; None where no two pictures share one.

    A picture without a `group_id` is a group of its own.
    """
    if "group_id" not in rows or not rows["group_id"].dropna().duplicated().any():
        return None
    codes = pd.factorize(rows["group_id"])[0].astype(np.int64)
    alone = codes < 0
    codes[alone] = codes.max() + 1 + np.arange(int(alone.sum()))
    return codes


@dataclass(frozen=True)
class Compared:
    """Numbers of pictures whose means in a slice and beside it are compared.

    Attributes:
        values: `(n, c)`.
        known: which pictures have them `(n,)`; None for all.
        shares: whether they are taken for shares of outcomes that are or are not, whose variance follows from their mean;
            of other numbers it is measured.
    """

    values: Floats
    known: npt.NDArray[np.bool_] | None = None
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


def design_effects(
    sums: SliceSums, attributes: Sequence[CodedAttribute], groups: npt.NDArray[np.int64],
    compared: Mapping[str, Compared], *, order: int,
) -> dict[str, Floats]:  # fmt: skip
    """Design effect `(s, c)` of every slice and column of what is compared, at least 1.

    The effect of a cell is the larger of its own and of the slice's over all columns (variances summed), since the former
    alone is noisy where an emotion is rare. Below `FEWEST_GROUPS` groups on a side it is not known: NaN.

    Args:
        sums: the slices.
        attributes: the coded attributes that `sums` were counted from.
        groups: group of each picture `(n,)`.
        compared: by name, of the same pictures: whether they are read as each emotion, say.
        order: most conditions in a slice, as in `slice_sums`.
    """
    position = {spec: number for number, spec in enumerate(sums.specs)}
    effects = {name: np.full((len(sums.specs), one.values.shape[1]), np.nan) for name, one in compared.items()}
    together = _put_together(compared)
    for family in families(attributes, order):
        wanted = {group: position[spec] for group, spec in family.specs() if spec in position}
        if not wanted:
            continue
        at, inside = np.array(list(wanted.values())), np.array(list(wanted))
        parts = _Parts.of(family.codes, family.size, groups)
        for columns in together:
            robust, plain, enough = _variances(parts, columns)
            for name, own in columns.of.items():
                effect = _effect(robust[:, own], plain[:, own])
                effects[name][at] = np.where(enough[:, None], effect, np.nan)[inside]
    return effects


@dataclass(frozen=True)
class _Columns:
    """What is compared and known of the same pictures, side by side.

    Attributes:
        values: `(n, 1 + c)`: whether they are known, and the values, zero where not.
        squares: `(n, c)` of the values, zero where they are taken for shares.
        shares: which are `(c,)`.
        of: name -> its columns among the `c`.
    """

    values: Floats
    squares: Floats
    shares: npt.NDArray[np.bool_]
    of: dict[str, slice]


def _put_together(compared: Mapping[str, Compared]) -> list[_Columns]:
    sets: dict[int, list[str]] = {}
    for name, one in compared.items():
        sets.setdefault(id(one.known), []).append(name)
    found = []
    for names in sets.values():
        known = compared[names[0]].known
        shown = np.ones((len(compared[names[0]].values), 1)) if known is None else known[:, None].astype(float)
        widths = [compared[name].values.shape[1] for name in names]
        values = np.hstack([shown, *(np.where(shown > 0, compared[name].values, 0.0) for name in names)])
        shares = np.repeat([compared[name].shares for name in names], widths)
        ends = np.cumsum([0, *widths]).tolist()
        of = {name: slice(low, high) for name, (low, high) in zip(names, itertools.pairwise(ends), strict=True)}
        found.append(_Columns(values, np.where(shares, 0.0, values[:, 1:] ** 2), shares, of))
    return found


@dataclass(frozen=True)
class _Parts:
    """What of each group has which of `size` values: parts, in the order of their values.

    Attributes:
        codes: value of each picture that has one.
        kept: which pictures those are `(n,)`; None for all.
        part: of each of them.
        value: of each part `(P,)`.
        group: of each part `(P,)`, 0 to `groups` - 1.
        size: values.
        groups: groups.
    """

    codes: npt.NDArray[np.int64]
    kept: npt.NDArray[np.bool_] | None
    part: npt.NDArray[np.int64]
    value: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]
    size: int
    groups: int

    @classmethod
    def of(cls, codes: npt.NDArray[np.int64], size: int, groups: npt.NDArray[np.int64]) -> _Parts:
        kept = None if (codes >= 0).all() else codes >= 0
        if kept is not None:
            codes, groups = codes[kept], groups[kept]
        number = np.unique(groups, return_inverse=True)[1]
        count = int(number.max(initial=-1)) + 1
        pairs, part = np.unique(codes * max(count, 1) + number, return_inverse=True)
        return cls(codes, kept, part, pairs // max(count, 1), pairs % max(count, 1), size, count)

    def sums(self, columns: Floats) -> Floats:
        """Of each part `(P, c)`."""
        return group_sums(self.part, len(self.value), columns if self.kept is None else columns[self.kept])

    def by_value(self, columns: Floats) -> Floats:
        """Of the pictures with each value `(size, c)`."""
        return group_sums(self.codes, self.size, columns if self.kept is None else columns[self.kept])


def _variances(parts: _Parts, columns: _Columns) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Variance of each difference of means `(size, c)`, by groups and by pictures; whether groups are enough `(size,)`."""
    part = parts.sums(columns.values)
    whole = group_sums(parts.group, parts.groups, part)
    inside, squares = group_sums(parts.value, parts.size, part), parts.by_value(columns.squares)
    outside, other_squares = inside.sum(axis=0) - inside, squares.sum(axis=0) - squares
    products = np.split(_products(parts, part, whole), len(columns.shares) * np.arange(1, 6), axis=1)
    filled = whole[:, 0] > 0
    count = int(filled.sum())
    n, m = inside[:, :1], outside[:, :1]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, other = inside[:, 1:] / n, outside[:, 1:] / m
        # What a group adds to the difference of means: its residual inside over n less its residual outside over m, which is
        # (1/n + 1/m) times its sum inside, less (mean/n + other/m) times its pictures inside, less what it would add with no
        # picture inside. Squares of the last are a sum over all groups; only the rest is a sum over parts of groups.
        near, far = 1 / n + 1 / m, mean / n + other / m
        xx, xm, xx_all, xm_all, mx_all, sizes = products
        touched = near**2 * xx + far**2 * sizes[:, :1] - 2 * near * far * xm
        touched -= 2 / m * (near * (xx_all - other * xm_all) - far * (mx_all - other * sizes[:, 1:]))
        size, added = whole[:, :1], whole[:, 1:]
        untouched = ((added**2).sum(axis=0) - 2 * other * (added * size).sum(axis=0) + other**2 * (size**2).sum()) / m**2
        robust = np.maximum(touched + untouched, 0) * count / max(count - 1, 1)
        spread = np.where(columns.shares, mean * (1 - mean), np.maximum(squares / n - mean**2, 0))
        other_spread = np.where(columns.shares, other * (1 - other), np.maximum(other_squares / m - other**2, 0))
        plain = spread / n + other_spread / m
    in_slice = np.bincount(parts.value, weights=part[:, 0] > 0, minlength=parts.size)
    beside = np.bincount(parts.value, weights=whole[parts.group, 0] > part[:, 0], minlength=parts.size)
    fewer = np.minimum(
        in_slice, count - np.bincount(parts.value, weights=filled[parts.group], minlength=parts.size) + beside
    )
    return robust, plain, fewer >= FEWEST_GROUPS


def _products(parts: _Parts, part: Floats, whole: Floats) -> Floats:
    """Sums `(size, 5 c + 2)` over the parts with a value of what their squares and products come to.

    With x the part's sum of a column and m its pictures, X and M those of its whole group: xx, xm, xX, xM, mX, mm, mM.
    """
    c = part.shape[1] - 1
    summed = np.zeros((parts.size, 5 * c + 2))
    for start in range(0, len(part), _BLOCK):
        rows = slice(start, start + _BLOCK)
        value, group_of = parts.value[rows], whole[parts.group[rows]]
        x, m, x_all, m_all = part[rows, 1:], part[rows, :1], group_of[:, 1:], group_of[:, :1]
        products = np.empty((len(value), summed.shape[1]))
        for number, (one, other) in enumerate(((x, x), (x, m), (x, x_all), (x, m_all), (m, x_all))):
            np.multiply(one, other, out=products[:, number * c : (number + 1) * c])
        products[:, -2:-1], products[:, -1:] = m**2, m * m_all
        low, high = value[0], value[-1] + 1
        summed[low:high] += group_sums(value - low, high - low, products)
    return summed


def _effect(robust: Floats, plain: Floats) -> Floats:
    """Of each cell of what is compared in one way, or of its slice over all columns, whichever is larger; at least 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = np.maximum(robust / plain, robust.sum(axis=1, keepdims=True) / plain.sum(axis=1, keepdims=True))
    return np.asarray(np.where(np.isfinite(effect), np.maximum(effect, 1.0), 1.0))
