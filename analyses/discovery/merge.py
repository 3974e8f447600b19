"""Which proposals are the same slice, and which is kept?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from affect_workbench.analyses.discovery.candidates import Candidate
from affect_workbench.arrays import Mask

MAX_JACCARD = 0.5
"""Jaccard index above which two slices are one."""


def merged(candidates: Sequence[Candidate], members: Mask, *, most: int, max_jaccard: float = MAX_JACCARD) -> list[int]:
    """Positions of the candidates that are kept, most striking first, at most `most` of them.

    A candidate goes where its Jaccard index (pictures in both over pictures in either) with a more striking one is above
    `max_jaccard`: what is said too often in a slice and what is said too seldom there are one finding.

    Args:
        candidates: the `s` proposals.
        members: `(s, n)`, on the explore half.
        most: how many to keep.
        max_jaccard: the limit.
    """
    sets = members.astype(np.float32)
    both = sets @ sets.T
    sizes = sets.sum(axis=1)
    jaccard = both / np.maximum(sizes[:, None] + sizes - both, 1)
    kept: list[int] = []
    for at in sorted(range(len(candidates)), key=lambda number: -candidates[number].strength):
        if len(kept) < most and sizes[at] > 0 and not (jaccard[at, kept] > max_jaccard).any():
            kept.append(at)
    return kept
