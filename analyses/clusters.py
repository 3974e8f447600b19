"""How much less do pictures tell when they come in groups (one scene, one person, one photographer)?

Pictures of one group are alike, so n of them are worth fewer. Each (slice, emotion) cell gets a design effect: the variance
of its difference of rates with whole groups as the units, over the variance that independent pictures would have. Counts are
divided by it before any test or interval, which keeps the exact tests for small counts.
Source: Rao and Scott 1992, https://doi.org/10.2307/2532311.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from analyses.counting import Floats, SliceSums, group_sums
from analyses.families import families
from analyses.slices import CodedAttribute

FEWEST_GROUPS = 10
"""Groups on either side from which their spread can be estimated at all."""


def group_codes(rows: pd.DataFrame) -> npt.NDArray[np.int64] | None:
    """A number for the group of each picture `(n,)`; None where no two pictures share one.

    A picture without a `group_id` is a group of its own.
    """
    if "group_id" not in rows or not rows["group_id"].dropna().duplicated().any():
        return None
    codes = pd.factorize(rows["group_id"])[0].astype(np.int64)
    alone = codes < 0
    codes[alone] = codes.max() + 1 + np.arange(int(alone.sum()))
    return codes


def design_effects(
    sums: SliceSums, attributes: Sequence[CodedAttribute], groups: npt.NDArray[np.int64], said: Floats, *, order: int
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Design effect `(s, k)` of every cell, at least 1, and groups `(s,)` on the side that has fewer of them.

    The effect of a cell is the larger of its own and of the slice's over all emotions (variances summed), since the former
    alone is noisy where an emotion is rare. Below `FEWEST_GROUPS` groups on a side it is not known: NaN.

    Args:
        sums: the slices.
        attributes: the coded attributes that `sums` were counted from.
        groups: group of each picture `(n,)`.
        said: whether a picture is read as each emotion `(n, k)`.
        order: most conditions in a slice, as in `slice_sums`.
    """
    position = {spec: number for number, spec in enumerate(sums.specs)}
    columns = np.hstack([np.ones((len(said), 1)), said])
    effects = np.full((len(sums.specs), said.shape[1]), np.nan)
    fewer = np.zeros(len(sums.specs), dtype=np.int64)
    for family in families(attributes, order):
        wanted = {group: position[spec] for group, spec in family.specs() if spec in position}
        if not wanted:
            continue
        at = np.array(list(wanted.values()))
        effect, count = _family(family.codes, family.size, groups, columns)
        inside = np.array(list(wanted))
        effects[at], fewer[at] = effect[inside], count[inside]
    return effects, fewer


def _family(
    codes: npt.NDArray[np.int64], size: int, groups: npt.NDArray[np.int64], columns: Floats
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Design effects `(size, k)` and the fewer groups `(size,)` of all slices of one family."""
    known = codes >= 0
    codes, groups, columns = codes[known], np.unique(groups[known], return_inverse=True)[1], columns[known]
    count = int(groups.max(initial=-1)) + 1
    whole = group_sums(groups, count, columns)  # (G, 1 + k)
    pairs, pair_of = np.unique(codes * max(count, 1) + groups, return_inverse=True)
    part = group_sums(pair_of, len(pairs), columns)  # (P, 1 + k)
    value, group = pairs // max(count, 1), pairs % max(count, 1)
    inside = group_sums(value, size, part)
    outside = inside.sum(axis=0) - inside
    n, m = inside[:, :1], outside[:, :1]
    with np.errstate(divide="ignore", invalid="ignore"):
        rate, other = inside[:, 1:] / n, outside[:, 1:] / m
        # What a group adds to the difference of rates: its residual inside over n less its residual outside over m. Groups
        # without a picture inside only have the latter: their squares are the sum over all groups less those of the pairs.
        own = (part[:, 1:] - rate[value] * part[:, :1]) / n[value]
        rest = whole[group] - part
        away = (rest[:, 1:] - other[value] * rest[:, :1]) / m[value]
        untouched = (whole[group, 1:] - other[value] * whole[group, :1]) / m[value]
        touched = group_sums(value, size, (own - away) ** 2 - untouched**2)
        size_of, hits = whole[:, :1], whole[:, 1:]
        all_groups = (
            (hits**2).sum(axis=0) - 2 * other * (hits * size_of).sum(axis=0) + other**2 * (size_of**2).sum()
        ) / m**2
        robust = np.maximum(touched + all_groups, 0) * count / max(count - 1, 1)
        plain = rate * (1 - rate) / n + other * (1 - other) / m
        effect = np.maximum(robust / plain, robust.sum(axis=1, keepdims=True) / plain.sum(axis=1, keepdims=True))
    in_slice = np.bincount(value, minlength=size)
    holds_rest = np.bincount(value, weights=rest[:, 0] > 0, minlength=size).astype(np.int64)
    fewer = np.minimum(in_slice, count - in_slice + holds_rest)
    effect = np.where(np.isfinite(effect), np.maximum(effect, 1.0), 1.0)
    return np.where(fewer[:, None] >= FEWEST_GROUPS, effect, np.nan), fewer
