"""Do pictures of different emotions lie to each other as the words for them do?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.slices.sums import group_sums
from affect_workbench.analyses.space.geometry.anchors import PERMUTATIONS, mantel
from affect_workbench.analyses.space.label_space import LabelSpace
from affect_workbench.arrays import Codes, Floats

FEWEST = 10
"""Pictures of an emotion from which its centroid is compared."""


def alignment_table(
    space: LabelSpace, y: Codes, *, attributes: Sequence[CodedAttribute] = (), truth: str = "labels", seed: int = 0
) -> pd.DataFrame:
    """One row a slice, the first for all pictures: representational similarity of words and picture centroids.

    Cosines between the label vectors, less their mean, are correlated with cosines between the centroids of the pictures of
    each emotion, less theirs (RSA; Kriegeskorte et al. 2008, https://doi.org/10.3389/neuro.06.004.2008). Columns: `slice`,
    `labels` compared (those with at least `FEWEST` pictures), `r`, `p` of Mantel's test (all orders of the labels up to 8,
    see `analyses.space.geometry.anchors.mantel`), `permutations`, `exact`, `truth` (what an emotion of a picture is). NaN
    below four labels: three give three pairs.

    Args:
        space: pictures and labels.
        y: emotion of each picture `(n,)`, -1 where not known.
        attributes: slices to look at one by one.
        truth: where the emotions come from, for the record.
        seed: of a sampled p.
    """
    slices = [("all pictures", np.ones(len(y), bool))]
    slices += [(condition.name, one.codes == code) for one in attributes for code, condition in enumerate(one.conditions)]
    rows = []
    for name, inside in slices:
        known = inside & (y >= 0)
        kept = np.flatnonzero(np.bincount(y[known], minlength=len(space.anchors)) >= FEWEST)
        r, p, tried, exact = np.nan, np.nan, 0, False
        if len(kept) >= 4:
            centroids = group_sums(np.where(known, y, -1), len(space.anchors), space.x)[kept]
            centroids /= np.bincount(y[known], minlength=len(space.anchors))[kept, None]
            r, p, tried, exact = mantel(
                _cosines(space.anchors[kept]), _cosines(centroids), permutations=PERMUTATIONS, seed=seed
            )
        rows.append((name, len(kept), r, p, tried, exact, truth))
    return pd.DataFrame(rows, columns=["slice", "labels", "r", "p", "permutations", "exact", "truth"])


def _cosines(vectors: Floats) -> Floats:
    """Cosines of the rows less their mean; a row that is the mean is at right angles to all."""
    offset = vectors - vectors.mean(axis=0)
    lengths = np.linalg.norm(offset, axis=1, keepdims=True)
    offset = offset / np.maximum(lengths, 1e-12)
    return np.asarray(offset @ offset.T)
