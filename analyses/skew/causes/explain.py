"""Which cause explains each skew, and in which way does it follow?

What a cause does to a cell is the difference between the model with all causes and the model without this one; what the
labels do is what the baseline alone makes of the slice. The largest of these in the direction of the skew explains it. Where
more than half of a skew is left, no cause explains it, and that is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from affect_workbench.analyses.skew.causes.evidence import Cause, Explained, Observed
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.arrays import Codes, Floats, Mask, Positions

WAYS = ("cause", "mirror", "remainder", "child", "carried", "labels")
"""A skewed cell is a cause; or has another value of its attribute; or is another emotion in its slice; an intersection with
it; a slice that goes along with it; or what the labels say already."""
LABELS = -1
NOTHING = -2


class Adjusted(NamedTuple):
    """What each cause adds to its cell.

    Attributes:
        effect: how much more often the emotion is predicted in the slice than it would be without any cause there, those of
            other slices held `(c,)`.
        half: of its 95 % interval `(c,)`.
        part_of: the cause under which each is told `(c,)`: itself, unless it only says from which emotions another one in
            its slice takes.
    """

    effect: Floats
    half: Floats
    part_of: Positions


def explained_cells(
    observed: Observed, explained: Explained, *, effect: Floats, skewed: Mask, adjusted: Adjusted
) -> tuple[Codes, npt.NDArray[np.object_]]:
    """Of every skewed cell what explains it, and how.

    Args:
        observed: the pictures.
        explained: the causes.
        effect: difference of the predictions `(s, k)`.
        skewed: which cells are.
        adjusted: what each cause adds.

    Returns:
        Position of the cause `(s, k)`, `LABELS`, or `NOTHING` for what is not explained (and not skewed); and the way
        `(s, k)`, one of `WAYS` or None.
    """
    causes, fitted = explained.causes, explained.fitted
    none = np.zeros_like(explained.patterns)
    models = [fitted.probabilities, fitted.at(none, explained.emotions)]
    models += [explained.without(np.arange(len(causes)) == at) for at in range(len(causes))]
    whole, by_labels, *without = observed.effects(models, explained.pattern)
    parts = np.stack([by_labels, *(whole - one for one in without)])
    toward = parts * np.sign(effect)
    first = toward.argmax(axis=0)
    left = (effect - whole) * np.sign(effect)
    told = skewed & (np.take_along_axis(toward, first[None], axis=0)[0] > 0) & (left <= np.abs(effect) / 2)
    which = np.where(told, first - 1, NOTHING)
    for at, cause in enumerate(causes):
        which[cause] = at
    which = np.append(adjusted.part_of, [NOTHING, LABELS])[which]  # the last two count from the end
    specs = observed.membership.specs
    way = np.full(which.shape, None, dtype=object)
    for place in zip(*np.nonzero(which > NOTHING), strict=True):
        at = which[place]
        way[place] = "labels" if at == LABELS else way_of(specs[place[0]], int(place[1]), causes[at], specs)
    return which, way


def way_of(spec: SliceSpec, emotion: int, cause: Cause, specs: Sequence[SliceSpec]) -> str:
    """How a cell follows from a cause, one of `WAYS`."""
    own = specs[cause.slice]
    if spec == own:
        return "cause" if emotion == cause.emotion else "remainder"
    if set(own.conditions) < set(spec.conditions):
        return "child"
    values = {one.column: one for one in own.conditions}
    if any(values.get(one.column, one) != one for one in spec.conditions):
        return "mirror"
    return "carried"


def adjusted_effects(observed: Observed, explained: Explained, *, evidence: Floats, tolerance: float) -> Adjusted:
    """What each cause adds to its cell.

    Args:
        observed: the pictures.
        explained: the causes.
        evidence: standard deviations by which each would be missed `(c,)`.
        tolerance: smallest effect of a cause.
    """
    causes = explained.causes
    each = np.arange(len(causes))
    found, alone = np.zeros(len(causes)), np.zeros(len(causes))
    slices = np.array([cause.slice for cause in causes], dtype=np.int64)
    for at, cause in enumerate(causes):
        mine = observed.mask(cause.slice)
        for into, left_out in ((alone, each == at), (found, slices == cause.slice)):
            added = observed.columns(explained.fitted.probabilities - explained.without(left_out), explained.pattern)
            into[at] = added.column(slice(cause.emotion, cause.emotion + 1))[mine, 0].mean() if mine.any() else 0.0
    half = 1.96 * np.abs(alone) / np.maximum(evidence, 1e-9)
    # Of two emotions in one slice the second may be there only because the first takes less from it than from the others.
    own = (found * alone > 0) & (np.abs(found) > np.maximum(tolerance, half))
    part_of = each.copy()
    for one in np.flatnonzero(~own):
        mates = np.flatnonzero(slices == slices[one])
        part_of[one] = mates[(np.abs(found) + own)[mates].argmax()]
    return Adjusted(found, half, part_of)
