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
    """

    specs: tuple[SliceSpec, ...]
    inside: Floats
    outside: Floats
    excluded: pd.DataFrame


def group_sums(codes: npt.NDArray[np.int64], groups: int, columns: Floats) -> Floats:
    """Sums `(groups, c)` of the rows of `columns (n, c)` by group code `(n,)`; code -1 belongs to no group."""
    known = codes >= 0
    ends = np.concatenate([[0], np.cumsum(known)])
    ones = np.ones(int(ends[-1]))
    # Column j of this matrix has a one at picture j's group: the product reads every picture once, in order.
    indicator = sparse.csc_array((ones, codes[known], ends), shape=(groups, len(codes)))
    return np.asarray(indicator @ columns)


def slice_sums(attributes: Sequence[CodedAttribute], columns: Floats, *, order: int = 2, min_count: int = 10) -> SliceSums:
    """Sums for every value of every attribute and every intersection of up to `order` attributes.

    A slice of one condition always has a row. An intersection has one when it holds at least `min_count` pictures and is
    not the same pictures as a slice of fewer conditions; otherwise it is listed in `excluded` if any picture is in it.

    Args:
        attributes: coded attributes of the same `n` pictures.
        columns: `(n, c)`; column 0 must be ones (it counts pictures).
        order: most conditions in a slice.
        min_count: fewest pictures in an intersection.
    """
    specs: list[SliceSpec] = []
    inside: list[Floats] = []
    outside: list[Floats] = []
    excluded: list[tuple[str, int, str]] = []
    for size in range(1, order + 1):
        for family in itertools.combinations(attributes, size):
            codes, shape = _joint_codes(family)
            sums = group_sums(codes, int(np.prod(shape)), columns)
            total = sums.sum(axis=0)
            counts = np.rint(sums[:, 0]).astype(np.int64)
            for group, spec, reason in _kept(family, shape, counts, min_count):
                if reason:
                    excluded.append((spec.name, int(counts[group]), reason))
                else:
                    specs.append(spec)
                    inside.append(sums[group])
                    outside.append(total - sums[group])
    width = columns.shape[1]
    return SliceSums(
        tuple(specs),
        np.array(inside).reshape(-1, width),
        np.array(outside).reshape(-1, width),
        pd.DataFrame(excluded, columns=["slice", "n", "reason"]),
    )


def _joint_codes(family: Sequence[CodedAttribute]) -> tuple[npt.NDArray[np.int64], tuple[int, ...]]:
    """One code a picture for the conjunction, -1 where any attribute is missing."""
    shape = tuple(len(attribute.conditions) for attribute in family)
    codes = np.zeros_like(family[0].codes)
    known = np.ones(len(codes), dtype=bool)
    for attribute, size in zip(family, shape, strict=True):
        codes = codes * size + attribute.codes
        known &= attribute.codes >= 0
    return np.where(known, codes, -1), shape


def _kept(
    family: Sequence[CodedAttribute], shape: tuple[int, ...], counts: npt.NDArray[np.int64], min_count: int
) -> Iterator[tuple[int, SliceSpec, str]]:
    """(group, slice, reason to exclude it or "") for every slice of the family that is worth naming."""
    table = counts.reshape(shape)
    single = len(shape) == 1
    for group in range(len(counts)) if single else np.flatnonzero(counts):
        at = np.unravel_index(group, shape)
        spec = SliceSpec(tuple(attribute.conditions[int(code)] for attribute, code in zip(family, at, strict=True)))
        reason = ""
        if not single:
            if counts[group] < min_count:
                reason = f"fewer than {min_count} pictures"
            else:
                twin = _same_as(table, at, spec)
                reason = f"the same pictures as {twin}" if twin else ""
        yield int(group), spec, reason


def _same_as(table: npt.NDArray[np.int64], at: tuple[np.intp, ...], spec: SliceSpec) -> str:
    """Name of a slice with one condition fewer that holds exactly the same pictures, or ""."""
    for axis in range(table.ndim):
        index = list(at)
        del index[axis]
        if table.sum(axis=axis)[tuple(index)] == table[at]:
            return SliceSpec(spec.conditions[:axis] + spec.conditions[axis + 1 :]).name
    return ""
