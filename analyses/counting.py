"""What do the per-picture numbers sum to in every slice and in its complement?

One pass over the pictures for each family of slices (an attribute, or a pair of attributes), whatever the number of
slices in it. Sums are additive: parts of the data can be counted apart and added.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
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
    sizes: dict[SliceSpec, int] = {}
    for size in range(1, order + 1):
        for family in itertools.combinations(attributes, size):
            codes, shape = _joint_codes(family)
            sums = group_sums(codes, int(np.prod(shape)), columns)
            total = sums.sum(axis=0)
            counts = np.rint(sums[:, 0]).astype(np.int64)
            for group in range(len(counts)) if size == 1 else np.flatnonzero(counts):
                spec = _spec(family, np.unravel_index(int(group), shape))
                count = sizes[spec] = int(counts[group])
                reason = _reason_to_exclude(spec, count, sizes, min_count) if size > 1 else ""
                if reason:
                    excluded.append((spec.name, count, reason))
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


def _spec(family: Sequence[CodedAttribute], at: tuple[np.intp, ...]) -> SliceSpec:
    return SliceSpec(tuple(attribute.conditions[int(code)] for attribute, code in zip(family, at, strict=True)))


def _reason_to_exclude(spec: SliceSpec, count: int, sizes: dict[SliceSpec, int], min_count: int) -> str:
    """Why an intersection is not counted, or ""; a slice of fewer conditions with as many pictures has the same ones."""
    if count < min_count:
        return f"fewer than {min_count} pictures"
    for leave_out in range(spec.order):
        parent = SliceSpec(spec.conditions[:leave_out] + spec.conditions[leave_out + 1 :])
        if sizes.get(parent) == count:
            return f"the same pictures as {parent.name}"
    return ""
