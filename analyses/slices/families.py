"""Which slices are there? All of one combination of attributes are a family, in which each picture has one code."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.slices.conditions import SliceSpec


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

    def listed(self, least: int) -> tuple[npt.NDArray[np.int64], list[SliceSpec]]:
        """Joint codes and slices that a table lists: values of one attribute, intersections of `least` pictures or more.

        As `analyses.slices.sums.slice_sums` has them, which names the others.
        """
        counts = np.bincount(self.codes[self.codes >= 0], minlength=self.size)
        at = np.flatnonzero(counts >= (1 if len(self.attributes) == 1 else max(least, 1)))
        return at.astype(np.int64), [self.spec(int(code)) for code in at]


def families(attributes: Sequence[CodedAttribute], order: int) -> Iterator[Family]:
    """Every combination of up to `order` attributes, the smaller ones first."""
    for size in range(1, order + 1):
        for chosen in itertools.combinations(attributes, size):
            codes, shape = joint_codes(chosen)
            yield Family(chosen, codes, shape)


def most_conditions(specs: Sequence[SliceSpec]) -> int:
    """How many conditions the slices have at most; 1 where there are none."""
    return max((spec.order for spec in specs), default=1)


def joint_codes(
    family: Sequence[CodedAttribute], pictures: slice = slice(None), *, missing: bool = True
) -> tuple[npt.NDArray[np.int64], tuple[int, ...]]:
    """One code a picture for the conjunction, -1 where any attribute is missing (which is not looked for if told so)."""
    shape = tuple(len(attribute.conditions) for attribute in family)
    codes = family[0].codes[pictures]
    for attribute, size in zip(family[1:], shape[1:], strict=True):
        codes = codes * size
        codes += attribute.codes[pictures]
    if missing and len(family) > 1:
        known = np.logical_and.reduce([attribute.codes[pictures] >= 0 for attribute in family])
        codes = np.where(known, codes, -1)
    return codes, shape


def slice_families(specs: tuple[SliceSpec, ...], inferred: frozenset[str] = frozenset()) -> npt.NDArray[np.int64]:
    """Number of each slice's family `(s,)`: single declared attributes, intersections of them, what was inferred."""
    return np.array(
        [2 if any(one.column in inferred for one in spec.conditions) else int(spec.order > 1) for spec in specs],
        dtype=np.int64,
    )
