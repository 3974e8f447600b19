"""Which label is nearest, and in how few coordinates can that be asked?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from affect_workbench.arrays import Floats

Reader = Callable[[Floats], Floats]
"""Features `(n, d)` -> distances `(n, k)` to the labels, smaller = closer."""
MOST_AXES = 256
"""Axes that pictures are kept in: whitening is cubic in their number, and a probe's space is thousands wide or narrow in
truth."""


@dataclass(frozen=True)
class NearestAnchor:
    """Reads the nearest label by cosine.

    Attributes:
        anchors: `(k, d)` unit rows.
    """

    anchors: Floats

    def __call__(self, x: Floats) -> Floats:
        """Cosine distances `(n, k)`."""
        return np.asarray(1 - (x @ self.anchors.T) / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12))


@dataclass(frozen=True)
class LabelSpace:
    """Pictures and labels in the same few coordinates, with the cosines they have in all of them.

    Attributes:
        x: `(n, r)` pictures; unit length before coordinates were left out.
        anchors: `(k, r)` unit labels, whole.
        share: of the pictures' variance that the coordinates hold, 0 to 1.
    """

    x: Floats
    anchors: Floats
    share: float

    @property
    def head(self) -> NearestAnchor:
        """The reader of these pictures."""
        return NearestAnchor(self.anchors)


def label_space(vectors: npt.NDArray[Any], anchors: npt.NDArray[Any], *, most: int = MOST_AXES) -> LabelSpace:
    """Pictures `(n, m)` and labels `(k, m)` at unit length, in at most `most` orthonormal coordinates.

    Where there are more, the span of the labels is kept whole and beside it the axes in which the pictures vary most: which
    label is nearest stays exactly as it is.

    Raises:
        ValueError: widths disagree, or a vector is zero or not finite.
    """
    if vectors.ndim != 2 or anchors.ndim != 2 or vectors.shape[1] != anchors.shape[1]:
        raise ValueError(f"pictures have shape {vectors.shape} and labels {anchors.shape}: expected the same width")
    x, labels = unit_rows(vectors, "pictures"), unit_rows(anchors, "labels")
    if x.shape[1] <= most:
        return LabelSpace(x, labels, 1.0)
    _, size, span = np.linalg.svd(labels, full_matrices=False)
    span = span[size > 1e-9 * size[0]]
    rest = x - x.mean(axis=0)
    whole = float((rest**2).sum())
    rest -= (rest @ span.T) @ span
    values, axes = np.linalg.eigh(rest.T @ rest)
    basis = np.vstack([span, axes[:, ::-1][:, : max(most - len(span), 0)].T])
    held = whole - float(values[: len(values) - (len(basis) - len(span))].clip(min=0).sum())
    return LabelSpace(x @ basis.T, labels @ basis.T, held / whole if whole > 0 else 1.0)


def unit_rows(vectors: npt.NDArray[Any], what: str) -> Floats:
    """Rows at unit length, float64.

    Raises:
        ValueError: a row that is zero or not finite.
    """
    values = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    bad = ~(np.isfinite(lengths) & (lengths > 0))[:, 0]
    if bad.any():
        raise ValueError(f"{int(bad.sum())} of the {what} are zero, NaN or infinite: expected a direction each")
    return np.asarray(values / lengths)
