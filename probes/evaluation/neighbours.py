"""What are the nearest training pictures labelled, out of any number, without holding them all?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from affect_workbench.arrays import Floats, Positions
from affect_workbench.data.storage.arrays import give_back, take_rows, unit_rows

Values = npt.NDArray[Any]
_LEARNT, _ASKED = 8_192, 1_024
_SPARE = 5
"""Pictures compared exactly beyond those asked for: single precision may order near ones otherwise."""


def neighbour_shares(
    values: Values, within: Positions, codes: Positions, asked: Values, *, neighbours: int, k: int
) -> Floats:
    """Share of each label `(m, k)` among the nearest training pictures, each weighing one over its distance.

    Where some are at no distance at all, only those count. The rule is that of scikit-learn's `KNeighborsClassifier` with
    `weights="distance"` on features of unit length.

    Args:
        values: features `(n, d)`, memory-mapped or not.
        within: positions in `values` of the training pictures.
        codes: label position of each of those.
        asked: features `(m, d)` of the pictures to read.
        neighbours: how many nearest ones, or all where there are fewer.
        k: number of labels.
    """
    distances, nearest = nearest_pictures(values, within, asked, neighbours=neighbours)
    same = distances == 0
    weights = np.where(same.any(axis=1, keepdims=True), same, 1 / np.where(same, 1, distances))
    shares = np.stack([(weights * (codes[nearest] == label)).sum(axis=1) for label in range(k)], axis=1)
    return shares / shares.sum(axis=1, keepdims=True)


def nearest_pictures(values: Values, within: Positions, asked: Values, *, neighbours: int) -> tuple[Floats, Positions]:
    """Distances `(m, neighbours)` between unit features, nearest first, and which of `within` they are.

    A block of training pictures is read at a time and compared with a block of those asked, so memory is that of two blocks
    and of the answer. Those that may be nearest by single-precision products are compared in double precision, so that the
    answer does not depend on the blocks. Of equally near pictures the earlier one comes first.
    """
    count = min(neighbours, len(within))
    distances = np.full((len(asked), count), np.inf)
    nearest = np.zeros((len(asked), count), dtype=np.int64)
    for start in range(0, len(within), _LEARNT):
        learnt = unit_rows(take_rows(values, within[start : start + _LEARNT]))
        for top in range(0, len(asked), _ASKED):
            rows = slice(top, top + _ASKED)
            apart, at = _nearest_of(learnt, unit_rows(asked[rows]), count)
            give_back(asked)
            both, where = np.hstack([distances[rows], apart]), np.hstack([nearest[rows], start + at])
            order = np.argsort(both, axis=1, kind="stable")[:, :count]
            distances[rows], nearest[rows] = (np.take_along_axis(part, order, axis=1) for part in (both, where))
    return distances, nearest


def _nearest_of(learnt: npt.NDArray[np.float32], asked: npt.NDArray[np.float32], count: int) -> tuple[Floats, Positions]:
    """The `count` nearest rows of one block and a few more, in the order of the block, with their distances."""
    cosines = asked @ learnt.T
    most = min(count + _SPARE, len(learnt))
    at = np.sort(np.argpartition(cosines, len(learnt) - most, axis=1)[:, len(learnt) - most :], axis=1)
    aside = learnt[at] - asked[:, None]
    return np.sqrt(np.einsum("mcd,mcd->mc", aside, aside, dtype=np.float64)), at
