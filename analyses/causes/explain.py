"""Which cause explains each skew, and in which way does it follow?

What a cause does to a cell is the difference between the model with all causes and the model without this one; what the
labels do is what the baseline alone makes of the slice. The largest of these in the direction of the skew explains it. Where
more than half of a skew is left, no cause explains it, which is said as well.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from affect_workbench.analyses.causes.evidence import Cause, Explained, Observed
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.arrays import Codes, Floats, Mask

WAYS = ("cause", "mirror", "remainder", "child", "carried", "labels")
"""A skewed cell is a cause; or has another value of its attribute; or is another emotion in its slice; an intersection with
it; a slice that goes along with it; or what the labels say already."""
LABELS = -1
NOTHING = -2


def explained_cells(
    observed: Observed, explained: Explained, *, effect: Floats, skewed: Mask
) -> tuple[Codes, npt.NDArray[np.object_], Floats]:
    """Of every skewed cell what explains it, how, and what each cause adds to its own.

    Args:
        observed: the pictures.
        explained: the causes.
        effect: difference of the predictions `(s, k)`.
        skewed: which cells are.

    Returns:
        Position of the cause `(s, k)`, `LABELS`, or `NOTHING` for what is not explained (and not skewed); the way, one of
        `WAYS` or None `(s, k)`; and the adjusted effect of each cause `(c,)`: how much more often its emotion is predicted
        in its slice than it would be without it, the other causes held.
    """
    causes, fitted = explained.causes, explained.fitted
    none = np.zeros_like(explained.patterns)
    models = [fitted.probabilities, fitted.at(none, explained.emotions)]
    models += [explained.without(at) for at in range(len(causes))]
    whole, by_labels, *without = observed.effects(models, explained.pattern)
    parts = np.stack([by_labels, *(whole - one for one in without)])
    toward = parts * np.sign(effect)
    first = toward.argmax(axis=0)
    left = (effect - whole) * np.sign(effect)
    told = skewed & (np.take_along_axis(toward, first[None], axis=0)[0] > 0) & (left <= np.abs(effect) / 2)
    which = np.where(told, first - 1, NOTHING)
    for at, cause in enumerate(causes):
        which[cause] = at
    specs = observed.membership.specs
    way = np.full(which.shape, None, dtype=object)
    for place in zip(*np.nonzero(which > NOTHING), strict=True):
        at = which[place]
        way[place] = "labels" if at == LABELS else way_of(specs[place[0]], int(place[1]), causes[at], specs)
    return which, way, _adjusted(observed, explained)


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


def _adjusted(observed: Observed, explained: Explained) -> Floats:
    found = np.zeros(len(explained.causes))
    for at, cause in enumerate(explained.causes):
        added = observed.columns(explained.fitted.probabilities - explained.without(at), explained.pattern)
        mine = observed.mask(cause.slice)
        column = slice(cause.emotion, cause.emotion + 1)
        found[at] = added.column(column)[mine, 0].mean() if mine.any() else 0.0
    return found
