"""What do the pictures of a discovered slice have in common, in words? "No good name" is an answer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.inference.exact import fisher_exact
from affect_workbench.analyses.inference.multiplicity import benjamini_hochberg
from affect_workbench.analyses.slices.coding import CodedAttribute, coded_attributes
from affect_workbench.arrays import Floats, Mask, Vectors
from affect_workbench.data.concepts.definitions import Concept
from affect_workbench.data.tables.columns import attribute_columns

NO_NAME = "no good name"
FEWEST_LIFT = 1.5
"""A condition names a slice when it is this many times as frequent there as elsewhere, ..."""
FEWEST_SHARE = 0.5
"""... and holds for at least this share of the slice."""
CLEAR = 1.0
"""A prompt names a slice when its pictures score this many standard deviations higher than the others, on average."""


@dataclass(frozen=True)
class Name:
    """A slice in words.

    Attributes:
        name: of the declared condition, else of the nearest prompt, else `NO_NAME`.
        why: the figures behind it; what came nearest where nothing is good.
    """

    name: str
    why: str


def nameable_attributes(rows: pd.DataFrame, *, aside: Collection[str] = ()) -> list[CodedAttribute]:
    """The declared attributes that a slice can be named by, but for those left aside; none where the rows have none."""
    columns = [name for name in attribute_columns(rows) if name not in aside]
    try:
        return coded_attributes(rows, None, available=columns)[0] if columns else []
    except ValueError:
        return []


def named_slice(
    members: Mask,
    attributes: Sequence[CodedAttribute],
    *,
    features: Vectors | None = None,
    prompts: Sequence[Concept] = (),
    alpha: float = 0.05,
) -> Name:
    """The condition with the highest lift (share in the slice over share elsewhere), or the nearest prompt.

    Only conditions that are more frequent inside beyond chance count (Fisher, Benjamini-Hochberg over all conditions).

    Args:
        members: `(n,)`.
        attributes: coded, of the same pictures.
        features: `(n, d)`, for prompts.
        prompts: directions of feature space with a name.
        alpha: false discovery rate over conditions.
    """
    names = [condition.name for attribute in attributes for condition in attribute.conditions]
    if names:
        counted = np.array([counts for attribute in attributes for counts in _counts(attribute, members)], dtype=np.int64)
        hits, n, other, m = counted.T
        inside, outside = hits / np.maximum(n, 1), other / np.maximum(m, 1)
        q = benjamini_hochberg(fisher_exact(hits, n, other, m))
        lift = inside / np.maximum(outside, 1 / np.maximum(m, 1))
        good = (q <= alpha) & (lift >= FEWEST_LIFT) & (inside >= FEWEST_SHARE)
        at = int(np.where(good, lift, np.where(q <= alpha, lift / 1e6, 0.0)).argmax())
        why = f"{names[at]}: {100 * inside[at]:.0f} % of the slice, {100 * outside[at]:.0f} % of the other pictures"
        if good[at]:
            return Name(names[at], why)
    else:
        why = "no attribute is declared"
    if features is not None and prompts:
        scores = _unit(features) @ np.stack([prompt.direction for prompt in prompts], axis=1)
        apart = (scores[members].mean(axis=0) - scores[~members].mean(axis=0)) / np.maximum(
            scores[~members].std(axis=0), 1e-12
        )
        nearest = int(apart.argmax())
        if apart[nearest] >= CLEAR:
            return Name(
                f"like “{prompts[nearest].name}”", f"scores {apart[nearest]:.1f} standard deviations higher on that prompt"
            )
    return Name(NO_NAME, f"nearest: {why}" if names else why)


def _counts(attribute: CodedAttribute, members: Mask) -> npt.NDArray[np.int64]:
    """For every condition: (in the slice with it, in the slice, elsewhere with it, elsewhere); unknown values are out."""
    known, size = attribute.codes >= 0, len(attribute.conditions)
    inside = np.bincount(attribute.codes[known & members], minlength=size)
    outside = np.bincount(attribute.codes[known & ~members], minlength=size)
    return np.column_stack([inside, np.full(size, inside.sum()), outside, np.full(size, outside.sum())]).astype(np.int64)


def _unit(features: Vectors) -> Floats:
    values = np.asarray(features, np.float64)
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12))
