"""Which measured pictures are near-duplicates of pictures that were trained on?

The rule is that of `workbench overlap`: features more alike than about one pair of different pictures would be by chance, or
perceptual hashes that agree where the features do not object.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from affect_workbench.analyses.duplicates.find import Overlap, PictureSet, overlap
from affect_workbench.arrays import Mask, Positions
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.images.decode import is_picture_name
from affect_workbench.data.images.perceptual_hash import Hashes, hashes
from affect_workbench.data.storage.arrays import take_rows

AT_MOST = 200_000
"""Pictures of both sides that are compared beside an evaluation: as a rule some ten seconds, and 0.6 GB at width 768."""
HASHED_AT_MOST = 10_000
"""Picture files that are opened for their hashes beside an evaluation: under a minute on two cores."""
_BY_CHANCE = 3
_SAME = 0.9999
_ELSEWHERE = "`workbench overlap` compares them"
Side = tuple[FeatureSet, Positions]


@dataclass(frozen=True)
class NearDuplicates:
    """Measured pictures that are nearly one that was trained on.

    Attributes:
        found: which of the `n` measured pictures `(n,)`.
        pairs: the nearest pair of each: `image_id`, `like` (id of the other), `cosine`; nearest first.
        count: how many pairs there are in all.
        by: what was compared, in words; empty where nothing was.
        unchecked: why some or all could not be compared, a phrase each.
    """

    found: Mask
    pairs: pd.DataFrame
    count: int = 0
    by: str = ""
    unchecked: tuple[str, ...] = ()

    @property
    def may_be_chance(self) -> bool:
        """Whether pictures that have nothing to do with each other may be all that was found: few, none of them the same.

        One pair is expected by chance, and more than three are in a comparison of 50.
        """
        return self.count <= _BY_CHANCE and not (self.pairs["cosine"] >= _SAME).any()


@dataclass
class NearSearch:
    """Looks for near-duplicates in one run of a command; a picture file that several comparisons need is hashed once."""

    _hashed: dict[str, int | None] = field(default_factory=dict)

    def between(self, provenance: Sequence[Side], measured: FeatureSet, asked: Positions) -> NearDuplicates:
        """Which of the asked positions of `measured` are nearly among any of the sets trained on."""
        results = [self._compared(side, (measured, asked)) for side in provenance if len(side[1]) and len(asked)]
        return _merged(results, measured, asked)

    def within(self, measured: FeatureSet) -> NearDuplicates:
        """Which measured pictures are nearly another one of them."""
        asked = np.arange(len(measured))
        return _merged([self._compared((measured, asked), None)], measured, asked)

    def _compared(self, first: Side, second: Side | None) -> Overlap | str:
        """The pairs, or why there was no comparing."""
        sides = [first] if second is None else [first, second]
        count = sum(len(within) for _, within in sides)
        if count > AT_MOST:
            return f"{count:,} pictures are more than the {AT_MOST:,} that are compared here; {_ELSEWHERE}"
        rows = [features.rows.iloc[within] for features, within in sides]
        values = [take_rows(features.values, within) for features, within in sides]
        hashed: list[Hashes] = self._hashes(rows)
        try:
            sets = zip(rows, values, hashed or (None, None), strict=False)
            return overlap(*(PictureSet(*one) for one in sets))
        except ValueError as error:  # a flood of pairs
            return str(error)

    def _hashes(self, rows: Sequence[pd.DataFrame]) -> list[Hashes]:
        """Perceptual hashes of every side; none where not all are picture files that are there, or they are too many."""
        if sum(map(len, rows)) > HASHED_AT_MOST or not all("path" in part and part["path"].notna().all() for part in rows):
            return []
        sides = [[str(path) for path in part["path"]] for part in rows]
        new = [path for path in dict.fromkeys(path for side in sides for path in side) if path not in self._hashed]
        if not all(is_picture_name(Path(path)) and Path(path).is_file() for path in new):
            return []
        made = hashes([Path(path) for path in new], workers=os.cpu_count() or 1, progress=True)
        for path, value, missing in zip(new, made.values, made.missing, strict=True):
            self._hashed[path] = None if missing else int(value)
        known = [[self._hashed[path] for path in side] for side in sides]
        return [
            Hashes(np.array([value or 0 for value in side], dtype=np.uint64), np.array([value is None for value in side]))
            for side in known
        ]


def _merged(results: Sequence[Overlap | str], measured: FeatureSet, asked: Positions) -> NearDuplicates:
    """All results about the same measured pictures as one."""
    done = [result for result in results if isinstance(result, Overlap)]
    columns = ["b", "id_b", "id_a", "cosine"]
    tables = [pd.DataFrame(columns=columns), *(result.pairs[columns] for result in done)]
    tables += [result.pairs[["a", "id_a", "id_b", "cosine"]].set_axis(columns, axis=1) for result in done if result.within]
    every = pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
    nearest = every.sort_values("cosine", ascending=False, kind="stable").drop_duplicates("b")
    found = np.zeros(len(measured), dtype=bool)
    found[asked[nearest["b"].to_numpy(dtype=np.int64)]] = True
    pairs = nearest[columns[1:]].set_axis(["image_id", "like", "cosine"], axis=1).reset_index(drop=True)
    from_on = " or ".join(sorted({f"{result.threshold:.3f}" for result in done}))
    by = f"features with a cosine of at least {from_on}" if done else ""
    by += ", and perceptual hashes" if any(result.radius >= 0 for result in done) else ""
    count = sum(len(result.pairs) for result in done)
    return NearDuplicates(found, pairs, count, by, tuple(result for result in results if isinstance(result, str)))
