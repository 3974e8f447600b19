"""Which pictures are pairs, and of which slices can they be asked?

A pair (`pair_id`) is one scene, person or text with an attribute changed, or matched pictures. For a slice, a pair counts
whose pictures are partly in it and partly beside it (`analyses.pair_contrast`). Of an intersection, pairs with one picture
in it and the other one not are compared: of `camera: noisy and tone: dark`, in pairs that differ in the camera, dark
pictures with dark ones. An attribute that does not differ within pairs is compared as it is, with pairs as groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from analyses.counting import Floats
from analyses.families import families
from analyses.pair_contrast import PairContrast, PairParts, value_range
from analyses.slices import CodedAttribute, SliceSpec

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
FEWEST_SHARE = 0.05
"""What differs in a smaller share of the pairs is not what they were made for, but an oversight in a few."""


def pair_codes(rows: pd.DataFrame) -> Codes | None:
    """A number for the pair of each picture `(n,)`, -1 for a picture without; None where no two pictures share one."""
    if "pair_id" not in rows or not rows["pair_id"].dropna().duplicated().any():
        return None
    return pd.factorize(rows["pair_id"])[0].astype(np.int64)


def outermost(pairs: Codes, groups: Codes) -> Codes:
    """What hangs together through pairs or through groups `(n,)`: the wider of the two where one is nested in the other.

    Args:
        pairs: pair of each picture, -1 for none.
        groups: group of each picture, every one in some.
    """
    paired = np.flatnonzero(pairs >= 0)
    count = int(groups.max()) + 1
    size = count + int(pairs.max(initial=-1)) + 1
    ties = coo_array((np.ones(len(paired)), (groups[paired], count + pairs[paired])), shape=(size, size))
    whole = connected_components(ties, directed=False)[1][:count]
    return np.unique(whole[groups], return_inverse=True)[1].astype(np.int64)


def crossing(pairs: Codes, groups: Codes) -> int:
    """How many pairs hold pictures of several groups, some of which reach into other pairs: nested in neither direction."""
    at = pairs >= 0
    links = pd.DataFrame({"pair": pairs[at], "group": groups[at]}).drop_duplicates()
    several = links.groupby("pair")["group"].transform("size") > 1
    wide = links.groupby("group")["pair"].transform("size") > 1
    return int(links.loc[several & wide, "pair"].nunique())


@dataclass(frozen=True)
class Pairing:
    """Which slices are compared in pairs, and all of it that does not depend on what is compared.

    Attributes:
        used: `(s,)` whether a slice is compared so: enough pairs count, and one of its columns is `designed`.
        pairs: `(s,)` pairs that count.
        mixed: `(s,)` those of them whose pictures differ in another declared attribute as well.
        designed: columns in which at least `min_count` pairs, and `FEWEST_SHARE` of them, differ.
        differ: column -> which pairs differ in it.
        declared: the same of columns that were not inferred from the pictures.
        complete: column -> pairs of which at least two pictures have a value.
        alike: column -> which pictures `(n,)` are in a pair whose pictures, two or more with a value, all have the same.
        parts: of each combination of attributes: its pairs, its codes, and the slices that they are.
        codes: pair of each picture `(n,)`.
        units: what each picture hangs together with `(n,)`.
    """

    used: Mask
    pairs: Codes
    mixed: Codes
    designed: frozenset[str]
    differ: dict[str, Mask]
    declared: dict[str, Mask]
    complete: dict[str, int]
    alike: dict[str, Mask]
    parts: tuple[tuple[PairParts, Codes, Codes], ...]
    codes: Codes
    units: Codes

    @classmethod
    def of(
        cls, specs: Sequence[SliceSpec], attributes: Sequence[CodedAttribute], pairs: Codes, *, order: int, min_count: int,
        units: Codes, inferred: frozenset[str] = frozenset(),
    ) -> Pairing:  # fmt: skip
        """Which of the slices pairs can be asked of.

        Args:
            specs: the `s` slices.
            attributes: the coded attributes that they are made of.
            pairs: pair of each picture `(n,)`, as `pair_codes` gives it.
            order: most conditions in a slice.
            min_count: fewest pairs.
            units: what each picture hangs together with `(n,)` (`analyses.clusters.group_codes`).
            inferred: columns that were read off the pictures: no pair was made to differ in them, nothing is compared in
                pairs that do, and a pair that differs in one as well is not mixed.
        """
        differ: dict[str, Mask] = {}
        complete: dict[str, int] = {}
        alike: dict[str, Mask] = {}
        for one in attributes:
            least, most = value_range(one.codes, pairs)
            differ[one.column] = least != most
            there = np.bincount(pairs[(pairs >= 0) & (one.codes >= 0)], minlength=len(least))
            complete[one.column] = int((there > 1).sum())
            same = (there > 1) & ~differ[one.column]
            alike[one.column] = (pairs >= 0) & (one.codes >= 0) & same[pairs]
        declared = {name: mask for name, mask in differ.items() if name not in inferred}
        designed = frozenset(
            name for name, mask in declared.items() if mask.sum() >= max(min_count, FEWEST_SHARE * complete[name])
        )
        position = {spec: number for number, spec in enumerate(specs)}
        counted, mixed = np.zeros(len(specs), np.int64), np.zeros(len(specs), np.int64)
        found: list[tuple[PairParts, Codes, Codes]] = []
        for family in families(attributes, order):
            columns = {one.column for one in family.attributes}
            wanted = [(code, position[spec]) for code, spec in family.specs() if spec in position]
            if not wanted or not columns & designed or columns & inferred:
                continue
            codes, at = np.array(wanted, dtype=np.int64).T
            parts = PairParts.of(family.codes, family.size, pairs, units)
            also = np.zeros(len(parts.names), dtype=bool)
            for name, mask in declared.items():
                if name not in columns:
                    also |= mask[parts.names]
            counted[at] = np.bincount(parts.value, minlength=family.size)[codes]
            mixed[at] = np.bincount(parts.value, weights=also[parts.pair], minlength=family.size)[codes]
            found.append((parts, codes, at))
        used = counted >= max(min_count, 2)
        return cls(used, counted, mixed, designed, differ, declared, complete, alike, tuple(found), pairs, units)

    def contrast(self, values: Floats, *, known: Mask | None = None) -> PairContrast:
        """Differences within pairs of the columns of `values (n, c)`, of pictures that are `known (n,)`; None for all."""
        whole = PairContrast.none(len(self.used), values.shape[1])
        for parts, codes, at in self.parts:
            if known is not None and not known[parts.picture].all():
                parts = PairParts.of(np.where(known, parts.codes, -1), parts.size, self.codes, self.units)
            whole.put(at, parts.contrast(values), codes)
        return whole

    def products(self, values: Floats) -> tuple[Floats, Floats]:
        """Sums of differences `(s, c)`, and over independent units the products of their totals `(s, c, c)`."""
        c = values.shape[1]
        totals, products = np.zeros((len(self.used), c)), np.zeros((len(self.used), c, c))
        for parts, codes, at in self.parts:
            _, mean, other = parts.differences(values)
            value, units, _ = parts.unit_totals(mean - other)
            for code, place in zip(codes, at, strict=True):
                low, high = np.searchsorted(value, [code, code + 1])
                totals[place] = units[low:high].sum(axis=0)
                products[place] = units[low:high].T @ units[low:high]
        return totals, products
