"""Which labels do two runs have between them, and where is each run's own among them?

A table tells its labels by what occurs in it: a label that one run never saw is missing from that run, not from the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from affect_workbench.arrays import Floats, Vectors
from affect_workbench.data.tables.read import named
from affect_workbench.data.taxonomies.taxonomy import TAXONOMIES, Taxonomy


@dataclass(frozen=True)
class SharedLabels:
    """The union of two label sets.

    Attributes:
        taxonomy: the `k` labels: those of the run that has them all, else the first run's and then what only the second has.
        first: for each label of the first run its position among them.
        second: the same of the second run.
        notes: which labels only one of them has.
    """

    taxonomy: Taxonomy
    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    notes: tuple[str, ...] = ()


def shared_labels(first: Taxonomy, second: Taxonomy) -> SharedLabels:
    """The labels of both.

    Raises:
        ValueError: two built-in taxonomies of which neither holds the other, or no label in common.
    """
    if first.labels == second.labels:
        own = np.arange(len(first))
        return SharedLabels(first, own, own)
    common = [label for label in second.labels if _same(label, first, second) is not None]
    only_second = [label for label in second.labels if label not in common]
    only_first = [label for label in first.labels if label not in {_same(other, first, second) for other in common}]
    declared = first.name != second.name and first.name in TAXONOMIES and second.name in TAXONOMIES
    # A table's labels are recognised by what occurs in it: without its contempt, affectnet8 is taken for fer7.
    if (declared and only_first and only_second) or not common:
        raise ValueError(
            f"the first run predicts {', '.join(first.labels)}, the second {', '.join(second.labels)}: only runs "
            "with the same labels can be compared"
        )
    if not only_second:
        union = first
    elif not only_first:
        union = second
    else:
        union = Taxonomy("custom", (*first.labels, *only_second), polarity={**second.polarity, **first.polarity})
    apart = [
        f"{named(only, most=len(only))} only in the {which}"
        for only, which in ((only_first, "first"), (only_second, "second"))
        if only
    ]
    notes = (
        (
            f"the runs do not have the same labels: {' and '.join(apart)}; all {len(union)} are compared, and a run counts "
            "as never predicting what it does not have",
        )
        if apart
        else ()
    )
    return SharedLabels(union, _positions(first, union), _positions(second, union), notes)


def spread(values: Vectors, positions: npt.NDArray[np.int64], k: int) -> Floats:
    """`values (n, own)` as `(n, k)`: each column where its label is, zero in all others; a row that is unknown stays so."""
    wide = np.zeros((len(values), k))
    wide[:, positions] = values
    return np.where(np.isfinite(values).all(axis=1, keepdims=True), wide, np.nan)


def _same(label: str, first: Taxonomy, second: Taxonomy) -> str | None:
    """The label of `first` that a label of `second` is, by the aliases of either; None where it is another."""
    if first.knows(label):
        return first.resolve(label)
    return next((other for other in first.labels if second.knows(other) and second.resolve(other) == label), None)


def _positions(own: Taxonomy, union: Taxonomy) -> npt.NDArray[np.int64]:
    found = [
        union.labels.index(label if label in union.labels else _same(label, union, own) or label) for label in own.labels
    ]
    if len(set(found)) < len(found):
        raise ValueError(
            f"two of the labels {', '.join(own.labels)} are one in {', '.join(union.labels)}: audit both runs with the same "
            "--taxonomy"
        )
    return np.array(found, dtype=np.int64)
