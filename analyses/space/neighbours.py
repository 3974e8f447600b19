"""Are a picture's nearest neighbours in the same slice more often than chance would have it?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.inference.resampling import chance_p, permuted_codes
from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.arrays import Codes, Floats
from affect_workbench.data.plurals import plural

NEIGHBOURS = 15
PERMUTATIONS = 199
COLUMNS = ("slice", "n", "purity", "expected", "excess", "p")


def nearest_neighbours(x: npt.NDArray[Any], *, neighbours: int = NEIGHBOURS) -> Codes:
    """Positions `(n, neighbours)` of the nearest other pictures of `x (n, d)`; exact, by faiss where it is installed.

    Raises:
        ValueError: no more pictures than neighbours.
    """
    if len(x) <= neighbours:
        raise ValueError(f"{plural(len(x), 'picture')} cannot have {neighbours} neighbours each: expected more pictures")
    points = np.ascontiguousarray(x, dtype=np.float32)
    try:
        import faiss
    except ImportError:
        from sklearn.neighbors import NearestNeighbors

        found = NearestNeighbors(n_neighbors=neighbours + 1, algorithm="brute").fit(points).kneighbors(points)[1]
    else:
        index = faiss.IndexFlatL2(points.shape[1])
        index.add(points)
        found = index.search(points, neighbours + 1)[1]
    # A picture is its own nearest neighbour, unless copies of it come first.
    itself = found == np.arange(len(points))[:, None]
    itself[~itself.any(axis=1), -1] = True
    return np.asarray(found[~itself].reshape(len(points), neighbours), np.int64)


def purity_table(
    near: Codes, attribute: CodedAttribute, *, groups: Codes | None = None, permutations: int = PERMUTATIONS, seed: int = 0
) -> pd.DataFrame:
    """One row a slice: the share of its pictures' neighbours that are in it too, less what a permutation gives.

    Columns: `slice`, `n`, `purity`, `expected` (mean over permutations; whole groups are permuted, so that likeness within a
    scene does not count), `excess`, and the one-sided `p` = (b + 1) / (B + 1). Neighbours without a value are left aside.

    Args:
        near: positions of the neighbours `(n, 15)` of every picture.
        attribute: the slices of these pictures.
        groups: group of each picture, None for independent ones.
        permutations: B.
        seed: of the permutations.
    """
    size = len(attribute.conditions)
    seen = _purity(near, attribute.codes, size)
    permuted = np.array(
        [
            _purity(near, codes, size)
            for codes in permuted_codes(attribute.codes, groups, draws=permutations, rng=np.random.default_rng(seed))
        ]
    )
    count = np.bincount(attribute.codes[attribute.codes >= 0], minlength=size)
    expected = permuted.mean(axis=0)
    table = pd.DataFrame(
        {
            "slice": [condition.name for condition in attribute.conditions],
            "n": count,
            "purity": seen,
            "expected": expected,
            "excess": seen - expected,
            "p": chance_p(seen, permuted),
        }
    )
    return table[count > 0][list(COLUMNS)].reset_index(drop=True)


def _purity(near: Codes, codes: Codes, size: int) -> Floats:
    """Mean share `(v,)` of neighbours with a value that have the picture's own."""
    beside = codes[near]
    with_value = (beside >= 0).sum(axis=1)
    use = (codes >= 0) & (with_value > 0)
    share = (beside[use] == codes[use, None]).sum(axis=1) / with_value[use]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.bincount(codes[use], weights=share, minlength=size) / np.bincount(codes[use], minlength=size))
