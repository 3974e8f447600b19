"""Where does each picture lie on a two-dimensional map, and how far can the map be trusted?

A map is for looking only: nothing is tested or clustered on it.
"""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from affect_workbench.analyses.space.geometry.plane import map_trust
from affect_workbench.arrays import Vectors

FEWEST_FOR_UMAP = 15
_NEIGHBOURS = 15
_MOST_FOR_SEEDS = 400
_EPOCH = "_nb_optimize_layout_euclidean_single_epoch"


@dataclass(frozen=True)
class Projection:
    """A map of some of the pictures.

    Attributes:
        positions: which rows are on the map `(r,)`, ascending.
        xy: `(r, 2)` their places.
        anchors_xy: `(k, 2)` for each label anchor the median place of the 15 pictures nearest to it, or None.
        method: `umap`, or `pca` where there are fewer than 15 rows.
        trustworthiness: 0 to 1, share of map neighbourhoods that are true ones (see `MapTrust`); NaN where there are too few
            rows.
        continuity: 0 to 1, share of true neighbourhoods that are on the map.
        overlap: share of each picture's nearest that are its nearest on the map.
        disagreement: 0 to 1, how much two maps of up to 400 of the pictures differ that differ in their seed only
        (Procrustes
            disparity after turning and scaling); NaN where the map has no seed or was not asked for it.
    """

    positions: npt.NDArray[np.int64]
    xy: Vectors
    anchors_xy: Vectors | None
    method: str
    trustworthiness: float
    continuity: float
    overlap: float
    disagreement: float


def projection(
    vectors: Vectors,
    ids: npt.NDArray[np.object_],
    *,
    anchors: Vectors | None = None,
    most: int = 4_000,
    seed: int = 0,
    seeds: bool = False,
) -> Projection:
    """A map of `vectors (n, m)`, at most `most` of them, drawn without regard to their order.

    Rows are sorted by id before anything is drawn or fitted, because a seeded UMAP changes with row order: the same
    pictures in another order give the same map.

    Args:
        vectors: the pictures in the space to be shown.
        ids: their unique ids `(n,)`.
        anchors: label anchors `(k, m)`, to be placed beside the pictures nearest to them.
        most: at most this many pictures; a larger set is sampled.
        seed: of sample and map.
        seeds: whether to measure how much the map depends on its seed, which takes two more small maps.
    """
    by_id = np.argsort(ids.astype(str), kind="stable")
    if len(by_id) > most:
        by_id = by_id[np.sort(np.random.default_rng(seed).choice(len(by_id), most, replace=False))]
    points = np.asarray(vectors[by_id], dtype=np.float32)
    umap_fits = len(by_id) >= FEWEST_FOR_UMAP and len(np.unique(points, axis=0)) >= FEWEST_FOR_UMAP
    places = _umap(points, seed) if umap_fits else _pca(points)
    trust = map_trust(points, places, seed=seed)
    back = np.argsort(by_id, kind="stable")
    return Projection(
        by_id[back],
        places[back],
        None if anchors is None else _beside_nearest(np.asarray(anchors, dtype=np.float32), points, places),
        "umap" if umap_fits else "pca",
        trust.trustworthiness,
        trust.continuity,
        trust.overlap,
        _disagreement(points, seed) if seeds and umap_fits else float("nan"),
    )


def _beside_nearest(anchors: Vectors, points: Vectors, places: Vectors) -> Vectors:
    """Where the pictures nearest to each anchor lie (their median place).

    Mapped like pictures the anchors would fall on one spot: words are nearer to each other than to any picture.
    """
    # Squared distances up to a constant of the anchor, which does not change the order.
    distance = (points**2).sum(axis=1) - 2 * anchors @ points.T
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :_NEIGHBOURS]
    return np.asarray(np.median(places[nearest], axis=1))


def _umap(points: Vectors, seed: int) -> Vectors:
    """UMAP on exact nearest neighbours (approximate ones would cost a minute of compilation and be worse)."""
    from sklearn.neighbors import NearestNeighbors

    with warnings.catch_warnings():
        # umap-learn warns that a seed means one thread and that given neighbours forbid transform(): both are wanted.
        warnings.filterwarnings("ignore", category=UserWarning, module=r"umap\..*")
        import umap

        _keep_compiled()
        neighbours = min(_NEIGHBOURS, len(points) - 1)
        distance, index = NearestNeighbors(n_neighbors=neighbours).fit(points).kneighbors(points)
        model = umap.UMAP(
            n_neighbors=neighbours, random_state=seed, precomputed_knn=(index, distance.astype(np.float32), None)
        )
        return np.asarray(model.fit_transform(points), dtype=np.float32)


def _keep_compiled() -> None:
    """Lets numba keep on disk what it compiles for a map, beside what umap-learn already keeps there.

    On a map of 4,000 pictures compiling takes longer than drawing (4.5 s and 3.5 s on two cores).
    """
    from umap import layouts, umap_

    for module, name in ((umap_, "smooth_knn_dist"), (umap_, "compute_membership_strengths"), (layouts, _EPOCH)):
        compiled: Any = getattr(module, name, None)
        if hasattr(compiled, "enable_caching"):
            with contextlib.suppress(RuntimeError):  # nowhere to keep it: it is compiled each time
                compiled.enable_caching()


def _pca(points: Vectors) -> Vectors:
    """The first two principal components; zeros stand in for a component that does not exist."""
    centred = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * np.sign(axes[:2][np.arange(len(axes[:2])), np.abs(axes[:2]).argmax(axis=1)])[:, None]
    places = centred @ axes.T
    return np.pad(places, ((0, 0), (0, 2 - places.shape[1])))


def _disagreement(points: Vectors, seed: int) -> float:
    """Procrustes disparity of two maps of the same pictures, at most `_MOST_FOR_SEEDS`, that differ in their seed."""
    from scipy.spatial import procrustes

    if len(points) > _MOST_FOR_SEEDS:
        points = points[np.sort(np.random.default_rng(seed).choice(len(points), _MOST_FOR_SEEDS, replace=False))]
    return float(procrustes(_umap(points, seed), _umap(points, seed + 1))[2])
