"""Which half of the pictures may be searched, and which half is kept to check what was found?"""

from __future__ import annotations

import numpy as np

from affect_workbench.arrays import Codes, Mask
from affect_workbench.data.plurals import plural


def explore_half(y: Codes, groups: Codes | None = None, *, seed: int = 0) -> Mask:
    """Which pictures `(n,)` are searched; the others confirm. Seeded, half of every true label, groups never torn.

    Args:
        y: true label of each picture `(n,)`.
        groups: a number for the group of each picture; None where every picture is its own. A group counts under the label
            that most of its pictures have.
        seed: of the draw.

    Raises:
        ValueError: fewer than two groups.
    """
    codes = np.arange(len(y)) if groups is None else np.unique(groups, return_inverse=True)[1]
    count = int(codes.max(initial=-1)) + 1
    if count < 2:
        raise ValueError(
            f"{plural(len(y), 'picture')} in {plural(count, 'group')} cannot be halved: expected at least two groups"
        )
    votes = np.bincount(codes * (int(y.max()) + 1) + y, minlength=count * (int(y.max()) + 1)).reshape(count, -1)
    label, size = votes.argmax(axis=1), votes.sum(axis=1)
    rng = np.random.default_rng([seed, 4])
    # Within a label: in random order among groups of one size, every second group explores; which of the two comes first
    # is drawn anew for every pair.
    order = np.lexsort((rng.random(count), size, label))
    first = np.repeat(rng.random((count + 1) // 2) < 0.5, 2)[:count]
    chosen = np.zeros(count, dtype=bool)
    chosen[order] = (np.arange(count) % 2 == 0) == first
    return np.asarray(chosen[codes])
