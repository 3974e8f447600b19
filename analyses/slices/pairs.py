"""Which pictures are pairs, which come in groups, and what hangs together through both?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from affect_workbench.arrays import Codes


def pair_codes(rows: pd.DataFrame) -> Codes | None:
    """A number for the pair of each picture `(n,)`, -1 for a picture without; None where no two pictures share one."""
    if "pair_id" not in rows or not rows["pair_id"].dropna().duplicated().any():
        return None
    return pd.factorize(rows["pair_id"])[0].astype(np.int64)


def group_codes(rows: pd.DataFrame) -> Codes | None:
    """A number for the group of each picture `(n,)`; None where no two pictures share one.

    A picture without a `group_id` is a group of its own. Pictures of one pair (`pair_id`) hang together as well: the wider
    of group and pair counts (`outermost`).
    """
    pairs = pair_codes(rows)
    if "group_id" not in rows or not rows["group_id"].dropna().duplicated().any():
        return None if pairs is None else outermost(pairs, np.arange(len(rows)))
    codes = pd.factorize(rows["group_id"])[0].astype(np.int64)
    alone = codes < 0
    codes[alone] = codes.max() + 1 + np.arange(int(alone.sum()))
    return codes if pairs is None else outermost(pairs, codes)


def outermost(pairs: Codes, groups: Codes) -> Codes:
    """What hangs together through pairs or through groups `(n,)`: the wider of the two where one is nested in the other.

    Args:
        pairs: pair of each picture, -1 for none.
        groups: group of each picture, every one in some.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

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
