"""What would reading change if every picture had a little more of the attribute?

A head that reads the nearest label is linear in the picture up to its length, so this has a closed form: one standard
deviation along a direction `v` adds `sd (v.a_k)` to the score of label `k`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from affect_workbench.analyses.inference.resampling import permuted_codes
from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.slices.strata import series_of
from affect_workbench.analyses.slices.sums import group_sums
from affect_workbench.analyses.space.label_space import LabelSpace
from affect_workbench.arrays import Codes, Floats

SHUFFLES = 200
COLUMNS = (
    "slice",
    "emotion",
    "n",
    "shift",
    "null_low",
    "null_high",
    "p",
    "flips",
    "null_flips",
    "p_flips",
    "toward",
    "shuffles",
)


def concept_shift_table(
    space: LabelSpace,
    attribute: CodedAttribute,
    *,
    labels: tuple[str, ...],
    groups: Codes | None = None,
    shuffles: int = SHUFFLES,
    seed: int = 0,
) -> pd.DataFrame:
    """One row a (slice, emotion): what one standard deviation more of the slice's direction does to every picture.

    The direction is the difference between the mean of the slice and that of the other pictures. Columns: `slice`,
    `emotion`, `n`; `shift`, by how much the label's cosine rises against the mean of all labels, with `null_low` and
    `null_high`, between which 95 % of the directions of shuffled attributes lie, and the two-sided `p` against those;
    `flips`, the share of pictures whose nearest label changes, `null_flips`, what 95 % of shuffled attributes stay below,
    `p_flips`; `toward`, the share of pictures that become this emotion less those that leave it; `shuffles`. Flips are the
    same in all rows of a slice. `p` = (b + 1) / (B + 1).

    Args:
        space: pictures and labels.
        attribute: the slices; pictures without a value take no part.
        labels: the `k` labels.
        groups: group of each picture; whole groups are permuted.
        shuffles: B, at least 200 for what is reported.
        seed: of the shuffles.

    Raises:
        ValueError: fewer than 39 shuffles.
    """
    if shuffles < 39:
        raise ValueError(f"{shuffles} shuffles were asked for: expected at least 39, for an interval of 95 %")
    size, k = len(attribute.conditions), len(labels)
    known = attribute.codes >= 0
    x, codes = space.x[known], attribute.codes[known]
    own = None if groups is None else groups[known]
    cosines = x @ space.anchors.T
    nearest = cosines.argmax(axis=1)
    second = np.cov(x.T, bias=True).reshape(x.shape[1], x.shape[1])
    relative = space.anchors - space.anchors.mean(axis=0)
    seen = _steps(x, codes, size, second)
    moved = seen @ relative.T
    y_pred = [(cosines + step).argmax(axis=1) for step in moved]
    flips = np.array([(one != nearest).mean() for one in y_pred])
    toward = np.array([np.bincount(one, minlength=k) - np.bincount(nearest, minlength=k) for one in y_pred]) / max(len(x), 1)
    null, null_flips = np.empty((shuffles, size, k)), np.empty((shuffles, size))
    for draw, permuted in enumerate(permuted_codes(codes, own, draws=shuffles, rng=np.random.default_rng(seed))):
        null[draw] = _steps(x, permuted, size, second) @ relative.T
        null_flips[draw] = [((cosines + step).argmax(axis=1) != nearest).mean() for step in null[draw]]
    low, high = np.quantile(null, [0.025, 0.975], axis=0)
    empty = np.bincount(codes, minlength=size) == 0
    p = ((np.abs(null) >= np.abs(moved) - 1e-12).sum(axis=0) + 1) / (shuffles + 1)
    p_flips = ((null_flips >= flips - 1e-12).sum(axis=0) + 1) / (shuffles + 1)
    table = pd.DataFrame(
        {
            "slice": series_of([condition.name for condition in attribute.conditions], k),
            "emotion": np.tile(np.array(labels, dtype=object), size),
            "n": np.repeat(np.bincount(codes, minlength=size), k),
            "shift": moved.ravel(),
            "null_low": low.ravel(),
            "null_high": high.ravel(),
            "p": p.ravel(),
            "flips": np.repeat(flips, k),
            "null_flips": np.repeat(np.quantile(null_flips, 0.95, axis=0), k),
            "p_flips": np.repeat(p_flips, k),
            "toward": toward.ravel(),
            "shuffles": shuffles,
        }
    )
    return table[~np.repeat(empty, k)][list(COLUMNS)].reset_index(drop=True)


def _steps(x: Floats, codes: Codes, size: int, second: Floats) -> Floats:
    """One standard deviation of the pictures along each value's direction `(v, d)`; zero where there is none."""
    sums, count = group_sums(codes, size, x), np.bincount(codes, minlength=size)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        direction = np.nan_to_num(sums / count - (sums.sum(axis=0) - sums) / (len(codes) - count))
        direction = np.nan_to_num(direction / np.linalg.norm(direction, axis=1, keepdims=True))
    return np.asarray(direction * np.sqrt(np.einsum("vd,vd->v", direction @ second, direction).clip(min=0))[:, None])
