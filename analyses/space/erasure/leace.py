"""How is an attribute taken out of features so that no linear reader can find it, while as little else as possible changes?

Least-squares concept erasure (LEACE; Belrose et al. 2023, https://arxiv.org/abs/2306.03819): of all affine maps after which
no linear classifier does better than chance at the attribute, the one that moves the features least. Where the attribute
goes along with the label, LEACE also takes the part of the label that the attribute tells; `within_label_leace` takes only
what the features say of the attribute among pictures of the same label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from affect_workbench.analyses.slices.sums import group_sums
from affect_workbench.arrays import Floats, Mask, Vectors
from affect_workbench.data.plurals import plural

CHUNK = 65_536
"""Rows that are turned to float64 at a time, so that a memory-mapped array is never copied whole."""
_NOTHING = 1e-7
"""Correlations below this are rounding: the columns of a one-hot attribute add up to one."""


@dataclass(frozen=True)
class Eraser:
    """An affine map that takes an attribute out of features: `x - ((x - mean) @ right.T) @ left.T`.

    Attributes:
        mean: `(d,)` of the features it was fitted on; their mean stays where it is.
        left: `(d, r)` where what is read is taken from.
        right: `(r, d)` what is read: `right @ left` is the identity. Rank `r` 0 changes nothing.

    Raises:
        ValueError: shapes disagree.
    """

    mean: Floats
    left: Floats
    right: Floats

    def __post_init__(self) -> None:
        d, r = self.left.shape if self.left.ndim == 2 else (-1, -1)
        if self.mean.shape != (d,) or self.right.shape != (r, d):
            raise ValueError(
                f"an eraser has mean (d,), left (d, r), right (r, d): got {self.mean.shape}, {self.left.shape}, "
                f"{self.right.shape}"
            )

    @property
    def rank(self) -> int:
        """How many directions are erased."""
        return int(self.left.shape[1])

    def apply(self, x: npt.NDArray[Any]) -> Vectors:
        """The features `(n, d)` without the attribute, in their own precision (float64 where they are whole numbers).

        Raises:
            ValueError: another width.
        """
        if x.ndim != 2 or x.shape[1] != len(self.mean):
            raise ValueError(f"features have shape {x.shape}: this eraser takes (pictures, {len(self.mean)})")
        out = np.empty(x.shape, dtype=x.dtype if np.issubdtype(x.dtype, np.floating) else np.float64)
        for start in range(0, len(x), CHUNK):
            part = np.asarray(x[start : start + CHUNK], np.float64)
            out[start : start + CHUNK] = part - ((part - self.mean) @ self.right.T) @ self.left.T
        return out


@dataclass(frozen=True)
class Moments:
    """What erasing needs to know of features and attribute.

    Attributes:
        mean: `(d,)` of the features.
        whitening: `(d, d)` symmetric; features times it have unit covariance in every direction that they vary in.
        unwhitening: its (pseudo-)inverse.
        cross: `(d, c)` covariance of whitened features and attribute: its singular values are the canonical correlations.
        freedom: independent pictures less label means that were fitted.
    """

    mean: Floats
    whitening: Floats
    unwhitening: Floats
    cross: Floats
    freedom: int

    def eraser(self, directions: Floats) -> Eraser:
        """Erases orthonormal directions `(d, r)` of the whitened space."""
        return Eraser(self.mean, self.unwhitening @ directions, directions.T @ self.whitening)

    def attribute_directions(self, *, alpha: float | None = None) -> Floats:
        """Orthonormal `(d, r)`: every whitened direction that goes with the attribute.

        With `alpha` only those that do so beyond chance, the strongest first: Bartlett's test of the remaining canonical
        correlations (1951, https://doi.org/10.1111/j.2517-6161.1951.tb00065.x).
        """
        u, correlation, _ = np.linalg.svd(self.cross, full_matrices=False)
        kept = correlation > _NOTHING
        if alpha is not None:
            d, c = int(np.round(np.trace(self.whitening @ self.unwhitening))), len(correlation)
            left = -np.log1p(-(np.minimum(correlation, 1 - 1e-12) ** 2))[::-1].cumsum()[::-1]
            at = np.arange(c)
            p = special.chdtrc(np.maximum((d - at) * (c - at), 1), max(self.freedom - (d + c + 1) / 2, 1) * left)
            kept &= np.cumprod(p <= alpha).astype(bool)
        return np.asarray(u[:, kept])

    def random_directions(self, count: int, *, rank: int, rng: np.random.Generator) -> Floats:
        """`(count, d, rank)` orthonormal whitened directions, evenly drawn: those that shuffled attributes have."""
        drawn = rng.standard_normal((count, len(self.mean), rank))
        drawn = self.whitening @ (self.unwhitening @ drawn)  # only where the features vary
        return np.asarray(np.linalg.qr(drawn)[0])


def leace(x: npt.NDArray[Any], z: npt.NDArray[Any]) -> Eraser:
    """The least change of features `(n, d)` after which no linear reader beats chance at the attribute.

    Exact on the pictures it is fitted on: the covariance of erased features and attribute is zero.

    Args:
        x: features.
        z: the attribute: whole-number codes `(n,)`, -1 where not known (those pictures are left out); booleans; or numeric
            columns `(n,)` or `(n, c)`.

    Raises:
        ValueError: shapes disagree, values that are not finite, or an attribute that does not vary.
    """
    known, columns = attribute_columns(x, z)
    found = moments(x, columns, rows=known)
    return found.eraser(found.attribute_directions())


def within_label_leace(
    x: npt.NDArray[Any], z: npt.NDArray[Any], y: npt.NDArray[np.integer], *, alpha: float | None = 0.05
) -> Eraser:
    """LEACE of what features `(n, d)` say of the attribute among pictures of the same label.

    Features and attribute are taken less their means of each label before anything is fitted; what is fitted is applied
    without knowing the label. An attribute that merely goes along with the label costs nothing of what tells the labels
    apart beyond the attribute's own direction.

    Args:
        x: features.
        z: the attribute, as in `leace`.
        y: label codes `(n,)`, -1 where not known (those pictures are left out).
        alpha: a direction is erased where it goes with the attribute beyond chance at this level, so that features which say
            nothing of it are left alone; None erases whatever there is, as `leace` does.

    Raises:
        ValueError: as `leace`, or an attribute that does not vary within any label.
    """
    if y.shape != (len(x),) or not np.issubdtype(y.dtype, np.integer):
        raise ValueError(f"labels have shape {y.shape} and type {y.dtype}: expected {(len(x),)} whole numbers")
    known, columns = attribute_columns(x, z, usable=y >= 0)
    found = moments(x, columns, rows=known, labels=y[known])
    return found.eraser(found.attribute_directions(alpha=alpha))


def attribute_columns(
    x: npt.NDArray[Any], z: npt.NDArray[Any], *, usable: Mask | None = None
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Pictures with a known attribute, and the attribute's columns `(known, c)`; codes become one column a value.

    Args:
        x: features `(n, d)`.
        z: as in `leace`.
        usable: pictures `(n,)` that may be used at all.

    Raises:
        ValueError: see `leace`.
    """
    if x.ndim != 2 or len(z) != len(x) or z.ndim not in (1, 2):
        raise ValueError(f"features have shape {x.shape} and the attribute {z.shape}: expected (n, d) and (n,) or (n, c)")
    known = np.ones(len(x), bool) if usable is None else usable.copy()
    if z.ndim == 1 and np.issubdtype(z.dtype, np.integer):
        known &= z >= 0
        values, dense = np.unique(z[known], return_inverse=True)
        columns = np.eye(len(values))[dense]
    else:
        columns = np.asarray(z, np.float64).reshape(len(z), -1)[known]
    if not np.isfinite(columns).all():
        raise ValueError("the attribute holds NaN or infinite values: expected numbers, or codes with -1 where not known")
    if len(columns) < 2 or not (np.ptp(columns, axis=0) > 0).any():
        raise ValueError(f"the attribute does not vary over {plural(len(columns), 'picture')}: there is nothing to erase")
    return np.flatnonzero(known), columns


def moments(
    x: npt.NDArray[Any], columns: Floats, *, rows: npt.NDArray[np.int64], labels: npt.NDArray[np.integer] | None = None
) -> Moments:
    """Mean, whitening and cross-covariance of features `x[rows]` and attribute `columns`; less label means, with labels.

    Raises:
        ValueError: features that are not finite or do not vary, or an attribute that does not vary within any label.
    """
    n, d = len(rows), x.shape[1]
    label = np.zeros(n, np.int64) if labels is None else np.unique(labels, return_inverse=True)[1].astype(np.int64)
    count = np.bincount(label)
    centres = np.zeros((len(count), d))
    for start in range(0, n, CHUNK):
        part = slice(start, start + CHUNK)
        centres += group_sums(label[part], len(count), np.asarray(x[rows[part]], np.float64))
    if not np.isfinite(centres).all():
        raise ValueError("features hold NaN or infinite values: encode those pictures again or leave them out")
    mean = centres.sum(axis=0) / n
    centres /= count[:, None]
    own = columns - (group_sums(label, len(count), columns) / count[:, None])[label]
    if not (np.abs(own) > 1e-12).any():
        raise ValueError("within each label the attribute has one value only: it cannot be told from the label")
    # Columns of unit spread that are not correlated: in which unit an attribute is measured must not matter.
    freedom = max(n - len(count), 1)
    left, size, _ = np.linalg.svd(own / np.maximum(np.abs(own).max(axis=0), 1e-300), full_matrices=False)
    own = left[:, size > 1e-9 * size[0]] * np.sqrt(freedom)
    second, cross = np.zeros((d, d)), np.zeros((d, own.shape[1]))
    for start in range(0, n, CHUNK):
        part = slice(start, start + CHUNK)
        less = np.asarray(x[rows[part]], np.float64) - centres[label[part]]
        second += less.T @ less
        cross += less.T @ own[part]
    values, axes = np.linalg.eigh(second / freedom)
    varies = values > values[-1] * d * np.finfo(np.float64).eps
    if values[-1] <= 0:
        raise ValueError("the features do not vary: there is nothing to erase")
    root = np.sqrt(np.where(varies, values, 1.0))
    whitening = (axes * np.where(varies, 1 / root, 0.0)) @ axes.T
    unwhitening = (axes * np.where(varies, root, 0.0)) @ axes.T
    return Moments(mean, whitening, unwhitening, whitening @ cross / freedom, freedom)
