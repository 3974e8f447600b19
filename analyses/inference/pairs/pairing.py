"""Which pictures are pairs, and of which slices can they be asked?

A pair (`pair_id`) is one scene, person or text with an attribute changed, or matched pictures. For a slice, a pair counts
whose pictures are partly in it and partly beside it (`analyses.inference.pairs.contrast`). Of an intersection, pairs with
one picture in it and the other one not are compared: of `camera: noisy and tone: dark`, in pairs that differ in the camera,
dark pictures with dark ones. An attribute that does not differ within pairs is compared as it is, with pairs as groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from affect_workbench.analyses.inference.pairs.contrast import PairContrast, PairParts, value_range
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.families import families, most_conditions
from affect_workbench.analyses.slices.sliced import Sliced
from affect_workbench.arrays import Codes, Floats, Mask

FEWEST_SHARE = 0.05
"""What differs in a smaller share of the pairs is not what they were made for, but an oversight in a few."""


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
        concordant: column -> which pictures `(n,)` are in a pair whose pictures with a value, two or more, have the same.
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
    concordant: dict[str, Mask]
    parts: tuple[tuple[PairParts, Codes, Codes], ...]
    codes: Codes
    units: Codes

    @classmethod
    def of(cls, specs: Sequence[SliceSpec], data: Sliced, *, min_count: int, known: Mask | None = None) -> Pairing | None:
        """Which of the slices pairs can be asked of; None without pairs.

        Args:
            specs: the `s` slices.
            data: the pictures. Of `inferred` columns no pair was made to differ in them, nothing is compared in pairs that
                do, and a pair that differs in one as well is not mixed.
            min_count: fewest pairs.
            known: which pictures count `(n,)`; None for all.
        """
        units, attributes, inferred = data.groups, data.attributes, data.inferred
        if data.pairs is None or units is None:
            return None
        pairs = data.pairs if known is None else np.where(known, data.pairs, -1)
        differ: dict[str, Mask] = {}
        complete: dict[str, int] = {}
        concordant: dict[str, Mask] = {}
        for one in attributes:
            least, most = value_range(one.codes, pairs)
            differ[one.column] = least != most
            there = np.bincount(pairs[(pairs >= 0) & (one.codes >= 0)], minlength=len(least))
            complete[one.column] = int((there > 1).sum())
            same = (there > 1) & ~differ[one.column]
            concordant[one.column] = (pairs >= 0) & (one.codes >= 0) & same[pairs]
        declared = {name: mask for name, mask in differ.items() if name not in inferred}
        designed = frozenset(
            name for name, mask in declared.items() if mask.sum() >= max(min_count, FEWEST_SHARE * complete[name])
        )
        position = {spec: number for number, spec in enumerate(specs)}
        counted, mixed = np.zeros(len(specs), np.int64), np.zeros(len(specs), np.int64)
        found: list[tuple[PairParts, Codes, Codes]] = []
        for family in families(attributes, most_conditions(specs)):
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
        return cls(used, counted, mixed, designed, differ, declared, complete, concordant, tuple(found), pairs, units)

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
