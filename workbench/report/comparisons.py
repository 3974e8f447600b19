"""With what were slices compared, and by which intervals: all other pictures, or their partners in pairs?"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Comparison:
    """Words for what slices were compared with.

    Attributes:
        complement: after "the difference between the slice and".
        axis: after "difference from".
        intervals: of rates and of their differences.
        limit: a sentence on what stands beside a slice.
    """

    complement: str
    axis: str
    intervals: str
    limit: str


_RATES = "Wilson’s of rates and Newcombe’s of differences"
_PLAIN = Comparison(
    "all other pictures",
    "the other pictures",
    _RATES,
    "Complements are all other pictures with a known value, never the whole data.",
)
_PAIRED = Comparison(
    "its partners in the same pairs",
    "the partners in pairs",
    "Wilson’s of rates and Tango’s of differences within pairs (from the discordant pairs)",
    "A slice is compared with its partners: the pictures of the same pairs that are not in it, never the whole data.",
)
_BOTH = Comparison(
    "its partners in the same pairs, or all other pictures where it is not compared in pairs",
    "partners or other pictures",
    f"{_RATES}; within pairs Tango’s of differences (from the discordant pairs)",
    "A slice that is compared in pairs has its partners beside it, the pictures of the same pairs that are not in it; for "
    "any other slice complements are all other pictures with a known value, never the whole data.",
)


def compared_with(table: pd.DataFrame) -> Comparison:
    """What the rows of an audit's findings or outcomes that have an effect are differences from."""
    known = table[table["effect"].notna()]
    paired = known["pairs"].notna() if "pairs" in known else pd.Series(dtype=bool)
    if not paired.any():
        return _PLAIN
    return _PAIRED if paired.all() else _BOTH
