"""Which split does a picture belong to when its dataset has none? The picture's own bytes decide."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

SHARES: Mapping[str, float] = MappingProxyType({"train": 0.8, "val": 0.1, "test": 0.1})


def hash_splits(
    content: Sequence[str], label: Sequence[object], *, shares: Mapping[str, float] = SHARES
) -> npt.NDArray[np.object_]:
    """The split of every picture `(n,)`, stratified by label, from a hash of its content.

    The different contents of one label are ordered by their hash and cut at the cumulative shares. So

    - the result depends on the pairs of content and label only, never on row order, seeds or Python's hash;
    - copies (equal content) are always in one split; where copies differ in label, the first label in text order counts;
    - every label has its shares to within one picture; a label of one or two pictures is all in the first split when
      that has at least three quarters;
    - `m` new contents of one label move no picture of any other label, and at most `m` older ones across each cut.

    Args:
        content: content id of each picture.
        label: its label; missing ones are a stratum of their own.
        shares: split -> share, in the order of the cuts; they add up to 1.

    Raises:
        ValueError: lengths differ, or shares are not positive numbers that add up to 1.
    """
    if len(content) != len(label):
        raise ValueError(f"{len(content)} contents for {len(label)} labels: expected one label per picture")
    if not shares or min(shares.values()) <= 0 or not math.isclose(sum(shares.values()), 1.0):
        raise ValueError(f"split shares are {dict(shares)}: expected positive numbers that add up to 1")
    names = list(shares)
    cumulative = np.cumsum([shares[name] for name in names])[:-1]
    table = pd.DataFrame({"content": list(map(str, content)), "stratum": list(label)}, dtype=object)
    table["stratum"] = ["" if missing else f"={item}" for item, missing in zip(label, table["stratum"].isna(), strict=True)]
    once = table.groupby("content", sort=True)["stratum"].min().reset_index()
    once["order"] = [hashlib.sha256(f"split:{item}".encode()).hexdigest() for item in once["content"]]
    split_of: dict[str, str] = {}
    for _, members in once.sort_values("order").groupby("stratum", sort=True):
        # Rounding half up, a hair above for sums such as 0.8 + 0.1 that are not exact.
        cuts = np.floor(cumulative * len(members) + 0.5 + 1e-9)
        position = np.searchsorted(cuts, np.arange(len(members)), side="right")
        split_of |= {str(item): names[where] for item, where in zip(members["content"], position, strict=True)}
    return np.array([split_of[item] for item in table["content"]], dtype=object)
