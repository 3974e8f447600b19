"""Where do pictures lie in the plane of the label vectors, and how far can any flat map of them be trusted?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affect_workbench.analyses.space.erasure.erasure_test import kept_neighbours
from affect_workbench.analyses.space.label_space import unit_rows
from affect_workbench.arrays import Vectors

MOST_FOR_TRUST = 2_000
NEIGHBOURS = 15
LEAST_TRUST = 0.75
"""Trustworthiness below which a map means nothing: half way between places at random (.50) and a perfect map.

UMAP of 1,500 points that have no structure in 64 dimensions has .59, in 512 dimensions .53 (measured).
"""


@dataclass(frozen=True)
class MapTrust:
    """How much of the space a map keeps, measured on at most `MOST_FOR_TRUST` pictures; NaN where there are too few.

    Attributes:
        trustworthiness: 0 to 1, whether neighbours on the map are neighbours in the space (scikit-learn's definition, 12
            neighbours at most).
        continuity: 0 to 1, whether neighbours in the space are neighbours on the map (Venna and Kaski 2001): the same, the
            other way round.
        overlap: share of each picture's 15 nearest in the space that are among its 15 nearest on the map.
    """

    trustworthiness: float
    continuity: float
    overlap: float


@dataclass(frozen=True)
class LabelPlane:
    """The plane in which the label vectors lie farthest apart: a linear map, so that straight lines stay straight.

    Attributes:
        xy: `(n, 2)` the pictures.
        anchors_xy: `(k, 2)` the labels: their true places in this plane, not the places of pictures near them.
        label_share: of the labels' variance that the plane holds; 1 for up to three labels.
        picture_share: of the pictures' variance that it holds.
    """

    xy: Vectors
    anchors_xy: Vectors
    label_share: float
    picture_share: float


def label_plane(vectors: Vectors, anchors: Vectors) -> LabelPlane:
    """Pictures `(n, m)` and labels `(k, m)`, at unit length, in the plane of the first two principal axes of the labels.

    With two labels the second axis is the one along which the pictures vary most beside the first.
    """
    x, labels = unit_rows(vectors, "pictures"), unit_rows(anchors, "labels")
    centre = labels.mean(axis=0)
    _, size, axes = np.linalg.svd(labels - centre, full_matrices=False)
    axes = axes[:2][size[:2] > 1e-9]
    around = x - x.mean(axis=0)
    if len(axes) < 2:
        rest = around - (around @ axes.T) @ axes
        axes = np.vstack([axes, np.linalg.svd(rest, full_matrices=False)[2][: 2 - len(axes)]])
    # The sign of an axis is arbitrary: its largest coordinate is made positive.
    axes = axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
    whole = float((around**2).sum())
    return LabelPlane(
        (x - centre) @ axes.T,
        (labels - centre) @ axes.T,
        float((((labels - centre) @ axes.T) ** 2).sum() / (size**2).sum()),
        float(((around @ axes.T) ** 2).sum() / whole) if whole > 0 else 1.0,
    )


def map_trust(points: Vectors, places: Vectors, *, seed: int = 0) -> MapTrust:
    """How much of the neighbourhoods of `points (n, m)` a map `places (n, 2)` keeps."""
    from sklearn.manifold import trustworthiness

    if len(points) < 5:
        return MapTrust(*[float("nan")] * 3)
    if len(points) > MOST_FOR_TRUST:
        at = np.random.default_rng(seed).choice(len(points), MOST_FOR_TRUST, replace=False)
        points, places = points[at], places[at]
    neighbours = min(12, (len(points) - 1) // 2)
    return MapTrust(
        float(trustworthiness(points, places, n_neighbors=neighbours)),
        float(trustworthiness(places, points, n_neighbors=neighbours)),
        kept_neighbours(np.asarray(points, np.float64), np.asarray(places, np.float64), neighbours=NEIGHBOURS),
    )
