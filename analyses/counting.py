"""What do the per-picture numbers sum to in every slice and in its complement?

One pass over the pictures for each family of slices (an attribute, or a pair of attributes), whatever the number of
slices in it. Sums are additive: parts of the data can be counted apart and added.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from analyses.slices import CodedAttribute, SliceSpec

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SliceSums:
    """Sums over slices.

    Attributes:
        specs: the `s` slices.
        inside: `(s, c)` sums over the slice.
        outside: `(s, c)` sums over the complement: pictures with a known value in every column of the slice that are
            not in it.
        excluded: intersections that were not counted: columns `slice`, `n`, `reason`.
        splits: every way to take an intersection apart (see `Splits`).
    """

    specs: tuple[SliceSpec, ...]
    inside: Floats
    outside: Floats
    excluded: pd.DataFrame
    splits: Splits


@dataclass(frozen=True)
class Splits:
    """Intersections as "rest and condition": for each condition of each counted intersection, the pictures beside it.

    Attributes:
        child: position of the intersection in `SliceSums.specs` `(t,)`.
        parent: position of the slice without the condition `(t,)`, -1 where that is not counted.
        single: position of the slice of the condition alone `(t,)`.
        beside: `(t, 3, w)` sums of the first `w` columns over the rest without the condition, the condition without the
            rest, and neither, among pictures with a value in every column of the intersection.
    """

    child: npt.NDArray[np.int64]
    parent: npt.NDArray[np.int64]
    single: npt.NDArray[np.int64]
    beside: Floats


@dataclass(frozen=True)
class Family:
    """All slices of one combination of attributes.

    Attributes:
        attributes: the combination.
        codes: joint code of each picture `(n,)`, -1 where any of its attributes is missing.
        shape: values of each attribute.
    """

    attributes: tuple[CodedAttribute, ...]
    codes: npt.NDArray[np.int64]
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many slices there can be."""
        return int(np.prod(self.shape))

    def spec(self, code: int) -> SliceSpec:
        """The slice of one joint code."""
        at = np.unravel_index(code, self.shape)
        return SliceSpec(tuple(one.conditions[int(value)] for one, value in zip(self.attributes, at, strict=True)))

    def specs(self) -> Iterator[tuple[int, SliceSpec]]:
        """(joint code, slice) of every slice with a picture."""
        for code in np.unique(self.codes[self.codes >= 0]):
            yield int(code), self.spec(int(code))


def families(attributes: Sequence[CodedAttribute], order: int) -> Iterator[Family]:
    """Every combination of up to `order` attributes, the smaller ones first."""
    for size in range(1, order + 1):
        for chosen in itertools.combinations(attributes, size):
            codes, shape = _joint_codes(chosen)
            yield Family(chosen, codes, shape)


def group_sums(codes: npt.NDArray[np.int64], groups: int, columns: Floats) -> Floats:
    """Sums `(groups, c)` of the rows of `columns (n, c)` by group code `(n,)`; code -1 belongs to no group."""
    known = codes >= 0
    ends = np.concatenate([[0], np.cumsum(known)])
    ones = np.ones(int(ends[-1]))
    # Column j of this matrix has a one at picture j's group: the product reads every picture once, in order.
    indicator = sparse.csc_array((ones, codes[known], ends), shape=(groups, len(codes)))
    return np.asarray(indicator @ columns)


def slice_sums(
    attributes: Sequence[CodedAttribute], columns: Floats, *, order: int = 2, min_count: int = 10, beside: int = 1
) -> SliceSums:
    """Sums for every value of every attribute and every intersection of up to `order` attributes.

    A slice of one condition always has a row. An intersection has one when it holds at least `min_count` pictures and is
    not the same pictures as a slice of fewer conditions; otherwise it is listed in `excluded` if any picture is in it.

    Args:
        attributes: coded attributes of the same `n` pictures.
        columns: `(n, c)`; column 0 must be ones (it counts pictures).
        order: most conditions in a slice.
        min_count: fewest pictures in an intersection.
        beside: how many of the first columns are also summed beside each intersection (see `Splits`).
    """
    specs: list[SliceSpec] = []
    inside: list[Floats] = []
    outside: list[Floats] = []
    excluded: list[tuple[str, int, str]] = []
    sizes: dict[SliceSpec, int] = {}
    position: dict[SliceSpec, int] = {}
    split: list[tuple[int, int, int]] = []
    around: list[Floats] = []
    for family in families(attributes, order):
        sums = group_sums(family.codes, family.size, columns)
        total = sums.sum(axis=0)
        counts = np.rint(sums[:, 0]).astype(np.int64)
        single = len(family.shape) == 1
        kept: list[int] = []
        for group in range(len(counts)) if single else np.flatnonzero(counts):
            spec = family.spec(int(group))
            count = sizes[spec] = int(counts[group])
            reason = "" if single else _reason_to_exclude(spec, count, sizes, min_count)
            if reason:
                excluded.append((spec.name, count, reason))
            else:
                position[spec] = len(specs)
                specs.append(spec)
                kept.append(int(group))
        inside.append(sums[kept])
        outside.append(total - sums[kept])
        if not single and kept:
            records, beside_sums = _splits(family, sums[:, :beside], kept, specs[-len(kept) :], position)
            split += records
            around.append(beside_sums)
    width = columns.shape[1]
    child, parent, alone = np.array(split, dtype=np.int64).reshape(-1, 3).T
    return SliceSums(
        tuple(specs),
        np.concatenate(inside) if inside else np.empty((0, width)),
        np.concatenate(outside) if outside else np.empty((0, width)),
        pd.DataFrame(excluded, columns=["slice", "n", "reason"]),
        Splits(child, parent, alone, np.concatenate(around) if around else np.empty((0, 3, beside))),
    )


def _splits(
    family: Family, sums: Floats, kept: Sequence[int], specs: Sequence[SliceSpec], position: dict[SliceSpec, int]
) -> tuple[list[tuple[int, int, int]], Floats]:
    """Records of `Splits` for the kept slices of one family, one condition after the other."""
    table = sums.reshape(*family.shape, -1)
    total = sums.sum(axis=0)
    places = np.unravel_index(np.asarray(kept), family.shape)
    records: list[tuple[int, int, int]] = []
    beside = []
    for axis in range(len(family.shape)):
        rest_sums = table.sum(axis=axis)
        condition_sums = table.sum(axis=tuple(other for other in range(len(family.shape)) if other != axis))
        rest = rest_sums[tuple(place for other, place in enumerate(places) if other != axis)]
        condition, child = condition_sums[places[axis]], sums[np.asarray(kept)]
        beside.append(np.stack([rest - child, condition - child, total - rest - condition + child], axis=1))
        for spec in specs:
            without = SliceSpec(spec.conditions[:axis] + spec.conditions[axis + 1 :])
            alone = SliceSpec(spec.conditions[axis : axis + 1])
            records.append((position[spec], position.get(without, -1), position[alone]))
    return records, np.concatenate(beside)


def _joint_codes(family: Sequence[CodedAttribute]) -> tuple[npt.NDArray[np.int64], tuple[int, ...]]:
    """One code a picture for the conjunction, -1 where any attribute is missing."""
    shape = tuple(len(attribute.conditions) for attribute in family)
    codes = np.zeros_like(family[0].codes)
    known = np.ones(len(codes), dtype=bool)
    for attribute, size in zip(family, shape, strict=True):
        codes = codes * size + attribute.codes
        known &= attribute.codes >= 0
    return np.where(known, codes, -1), shape


def _reason_to_exclude(spec: SliceSpec, count: int, sizes: dict[SliceSpec, int], min_count: int) -> str:
    """Why an intersection is not counted, or ""; a slice of fewer conditions with as many pictures has the same ones."""
    if count < min_count:
        return f"fewer than {min_count} pictures"
    for leave_out in range(spec.order):
        parent = SliceSpec(spec.conditions[:leave_out] + spec.conditions[leave_out + 1 :])
        if sizes.get(parent) == count:
            return f"the same pictures as {parent.name}"
    return ""
