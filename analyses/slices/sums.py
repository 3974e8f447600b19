"""What do the per-picture numbers sum to in every slice and in its complement?

One pass over the pictures for each family of slices (an attribute, or a pair of attributes), whatever the number of
slices in it. Sums are additive: pictures are counted in parts that fit a processor's cache, and the parts are added.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.families import Family, joint_codes, most_conditions
from affect_workbench.arrays import Floats

_PART = 65_536
"""Pictures that are counted at a time, for all families: they are read from memory once."""
_MOST_SUMS = 2**24
"""Sums that are held while families are counted together; more families than that are counted in turns."""


@dataclass(frozen=True)
class CodedColumns:
    """Numbers of `n` pictures, many of which follow from one code: what was said, the true label, and what these tell.

    Their sums over a slice are counts of the codes times a small table, so that nothing is added up picture by picture.

    Attributes:
        codes: `(n,)`, 0 to v - 1.
        of_code: `(v, c)` the columns that follow from the code.
        rest: `(n, r)` the columns that do not, which come after them.
    """

    codes: npt.NDArray[np.int64]
    of_code: Floats
    rest: Floats

    @property
    def width(self) -> int:
        """How many columns there are, `c + r`."""
        return int(self.of_code.shape[1] + self.rest.shape[1])

    def __len__(self) -> int:
        return len(self.codes)

    def part(self, pictures: slice) -> CodedColumns:
        """The same columns of some of the pictures."""
        return CodedColumns(self.codes[pictures], self.of_code, self.rest[pictures])

    def column(self, at: slice) -> Floats:
        """Some of the columns, one row a picture."""
        known = self.of_code.shape[1]
        if at.stop <= known:
            return np.asarray(self.of_code[:, at][self.codes])
        if at.start < known:
            raise ValueError(f"columns {at.start} to {at.stop} lie on both sides of {known}: take them apart")
        return self.rest[:, at.start - known : at.stop - known]

    @classmethod
    def plain(cls, columns: Floats) -> CodedColumns:
        """Columns `(n, r)` none of which is known to follow from a code."""
        return cls(np.zeros(len(columns), dtype=np.int64), np.empty((1, 0)), columns)


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

    @property
    def order(self) -> int:
        """Most conditions in a slice that was counted."""
        return most_conditions(self.specs)


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


_NO_CODES = np.empty(0, dtype=np.int64)


def group_sums(codes: npt.NDArray[np.int64], groups: int, columns: Floats) -> Floats:
    """Sums `(groups, c)` of the rows of `columns (n, c)` by group code `(n,)`; code -1 belongs to no group."""
    # Column j of this matrix has a one at picture j's group, row 0 being no group: the product reads every picture once.
    ones, ends = np.ones(len(codes)), np.arange(len(codes) + 1, dtype=np.int32)
    indicator = sparse.csc_array((ones, (codes + 1).astype(np.int32), ends), shape=(groups + 1, len(codes)))
    return np.asarray(indicator @ columns)[1:]


def family_sums(
    chosen: Sequence[tuple[CodedAttribute, ...]], columns: CodedColumns
) -> Iterator[tuple[tuple[CodedAttribute, ...], Floats]]:
    """Each combination of attributes with the sums `(size, c + r)` of all its joint codes, in order."""
    v, width = columns.of_code.shape[0], columns.width
    singles = {id(one): one for family in chosen for one in family}
    missing = {key: one.missing > 0 for key, one in singles.items()}
    turn: list[tuple[CodedAttribute, ...]] = []
    held = 0
    for number, family in enumerate(chosen):
        turn.append(family)
        held += int(np.prod([len(one.conditions) for one in family])) * max(v, width)
        if held < _MOST_SUMS and number + 1 < len(chosen):
            continue
        yield from zip(turn, _summed(turn, columns, missing), strict=True)
        turn, held = [], 0


def _summed(
    chosen: Sequence[tuple[CodedAttribute, ...]], columns: CodedColumns, missing: dict[int, bool]
) -> Iterator[Floats]:
    """Sums of several families, counted together part by part."""
    v, known = columns.of_code.shape
    sizes = [int(np.prod([len(one.conditions) for one in family])) for family in chosen]
    # Where a family has so many slices that counting every code in each would be more than reading the pictures.
    wide = [size * v > _PART for size in sizes]
    counts = [np.zeros(0 if many else (size + 1) * v, np.int64) for size, many in zip(sizes, wide, strict=True)]
    sums = [np.zeros((size, columns.width)) for size in sizes]
    for start in range(0, len(columns), _PART):
        pictures = slice(start, start + _PART)
        part = columns.part(pictures)
        for at, family in enumerate(chosen):
            codes = joint_codes(family, pictures, missing=any(missing[id(one)] for one in family))[0]
            if wide[at] and known:
                sums[at][:, :known] += group_sums(codes, sizes[at], part.of_code[part.codes])
            elif known:
                cells = (codes + 1) * v + part.codes
                counts[at] += np.bincount(cells, minlength=len(counts[at]))
            if part.rest.shape[1]:
                sums[at][:, known:] += group_sums(codes, sizes[at], part.rest)
    for at in range(len(chosen)):
        if known and not wide[at]:
            sums[at][:, :known] = counts[at].reshape(-1, v)[1:] @ columns.of_code
        yield sums[at]


def slice_sums(
    attributes: Sequence[CodedAttribute],
    columns: Floats | CodedColumns,
    *,
    order: int = 2,
    min_count: int = 10,
    beside: int = 1,
) -> SliceSums:
    """Sums for every value of every attribute and every intersection of up to `order` attributes.

    A slice of one condition always has a row. An intersection has one when it holds at least `min_count` pictures and is
    not the same pictures as a slice of fewer conditions; otherwise it is listed in `excluded` if any picture is in it.

    Args:
        attributes: coded attributes of the same `n` pictures.
        columns: `(n, c)`, or as codes; column 0 must be ones (it counts pictures).
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
    coded = columns if isinstance(columns, CodedColumns) else CodedColumns.plain(columns)
    chosen = [family for size in range(1, order + 1) for family in itertools.combinations(attributes, size)]
    for combination, sums in family_sums(chosen, coded):
        family = Family(combination, _NO_CODES, tuple(len(one.conditions) for one in combination))
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
    width = coded.width
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


def _reason_to_exclude(spec: SliceSpec, count: int, sizes: dict[SliceSpec, int], min_count: int) -> str:
    """Why an intersection is not counted, or ""; a slice of fewer conditions with as many pictures has the same ones."""
    if count < min_count:
        return f"fewer than {min_count} pictures"
    for leave_out in range(spec.order):
        parent = SliceSpec(spec.conditions[:leave_out] + spec.conditions[leave_out + 1 :])
        if sizes.get(parent) == count:
            return f"the same pictures as {parent.name}"
    return ""
