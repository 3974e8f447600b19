"""In which slices is each picture, and what do its numbers come to there?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.families import joint_codes
from affect_workbench.analyses.slices.sums import CodedColumns, family_sums
from affect_workbench.arrays import Floats, Mask, Positions


@dataclass(frozen=True)
class Membership:
    """`s` slices of `n` pictures, each a joint code of one combination of attributes.

    Attributes:
        specs: the slices.
        families: each combination with the position of the slice of every joint code, -1 where none is looked at.
    """

    specs: tuple[SliceSpec, ...]
    families: tuple[tuple[tuple[CodedAttribute, ...], Positions], ...]

    @classmethod
    def of(cls, attributes: Sequence[CodedAttribute], specs: Sequence[SliceSpec]) -> Membership:
        """Of slices whose conditions are values of these attributes."""
        by_column = {one.column: one for one in attributes}
        value = {condition: at for one in attributes for at, condition in enumerate(one.conditions)}
        found: dict[tuple[str, ...], tuple[tuple[CodedAttribute, ...], Positions]] = {}
        for position, spec in enumerate(specs):
            columns = tuple(condition.column for condition in spec.conditions)
            if columns not in found:
                family = tuple(by_column[column] for column in columns)
                size = math.prod(len(one.conditions) for one in family)
                found[columns] = family, np.full(size, -1, dtype=np.int64)
            family, places = found[columns]
            code = 0
            for one, condition in zip(family, spec.conditions, strict=True):
                code = code * len(one.conditions) + value[condition]
            places[code] = position
        return cls(tuple(specs), tuple(found.values()))

    def sums(self, columns: CodedColumns) -> Floats:
        """Sums `(s, c)` over the slices."""
        return self.both(columns)[0]

    def both(self, columns: CodedColumns) -> tuple[Floats, Floats]:
        """Sums `(s, c)` over the slices, and over their complements among pictures with a value in every column."""
        inside, outside = (np.empty((len(self.specs), columns.width)) for _ in range(2))
        for (_, places), (_, found) in zip(
            self.families, family_sums([one for one, _ in self.families], columns), strict=True
        ):
            wanted = places >= 0
            inside[places[wanted]] = found[wanted]
            outside[places[wanted]] = found.sum(axis=0) - found[wanted]
        return inside, outside

    def only(self, positions: Positions) -> Membership:
        """Some of the slices, in this order."""
        new = np.full(len(self.specs) + 1, -1, dtype=np.int64)
        new[positions] = np.arange(len(positions))
        families = tuple((family, new[places]) for family, places in self.families)
        specs = tuple(self.specs[at] for at in positions)
        return Membership(specs, tuple((family, at) for family, at in families if (at >= 0).any()))

    def among(self, pictures: Positions) -> Membership:
        """The same slices of some of the pictures."""
        fewer = {one.column: replace(one, codes=one.codes[pictures]) for family, _ in self.families for one in family}
        return replace(
            self, families=tuple((tuple(fewer[one.column] for one in family), at) for family, at in self.families)
        )

    def mask(self, position: int) -> Mask:
        """Which pictures `(n,)` are in a slice."""
        family, code = self._family_of(position)
        return np.asarray(joint_codes(family)[0] == code)

    def unknown(self, position: int) -> Mask:
        """Which pictures `(n,)` may be in a slice, for all that is known of them, and may not."""
        family, code = self._family_of(position)
        values = np.unravel_index(code, tuple(len(one.conditions) for one in family))
        missing = np.array([one.codes < 0 for one in family])
        fitting = np.array([one.codes == value for one, value in zip(family, values, strict=True)])
        return np.asarray((missing | fitting).all(axis=0) & missing.any(axis=0))

    def _family_of(self, position: int) -> tuple[tuple[CodedAttribute, ...], int]:
        """Attributes of a slice, and its code among their values."""
        for family, places in self.families:
            code = np.flatnonzero(places == position)
            if len(code):
                return family, int(code[0])
        raise ValueError(f"slice {position} is none of these {len(self.specs)}")
