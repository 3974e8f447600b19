"""Is the map the same for the same pictures in any order, and honest about how far it can be trusted?"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from affect_workbench.analyses.space.geometry.projection import _EPOCH, FEWEST_FOR_UMAP, projection


def clusters(n: int, width: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    centres = 6 * rng.normal(size=(3, width))
    vectors = centres[np.arange(n) % 3] + rng.normal(size=(n, width))
    return vectors.astype(np.float32), np.array([f"p{number:03d}" for number in rng.permutation(n)], dtype=object)


@pytest.mark.parametrize(("n", "most"), [(10, 4_000), (60, 4_000), (60, 40)])
def test_the_map_does_not_depend_on_the_order_of_the_pictures(n: int, most: int) -> None:
    vectors, ids = clusters(n)
    order = np.random.default_rng(1).permutation(n)
    one = projection(vectors, ids, anchors=vectors[:2], most=most)
    other = projection(vectors[order], ids[order], anchors=vectors[:2], most=most)
    assert one.method == other.method == ("umap" if n >= FEWEST_FOR_UMAP else "pca")
    assert len(one.positions) == min(n, most)
    places = dict(zip(ids[one.positions], one.xy.tolist(), strict=True))
    assert places == dict(zip(ids[order][other.positions], other.xy.tolist(), strict=True))
    np.testing.assert_array_equal(one.anchors_xy, other.anchors_xy)
    assert one.trustworthiness == pytest.approx(other.trustworthiness)
    assert (np.diff(one.positions) > 0).all()


@pytest.mark.parametrize("n", [12, 90])
def test_an_anchor_lies_at_the_median_place_of_the_fifteen_pictures_nearest_to_it(n: int) -> None:
    vectors, ids = clusters(n)
    anchors = np.stack([vectors[at::3].mean(axis=0) for at in range(3)]) + 0.5
    drawn = projection(vectors, ids, anchors=anchors)
    assert drawn.anchors_xy is not None
    for anchor, place in zip(anchors, drawn.anchors_xy, strict=True):
        nearest = np.argsort(np.linalg.norm(vectors - anchor, axis=1))[:15]
        np.testing.assert_allclose(place, np.median(drawn.xy[nearest], axis=0), atol=1e-5)


def test_another_seed_gives_another_map_of_other_pictures() -> None:
    vectors, ids = clusters(60)
    one, other = (projection(vectors, ids, most=30, seed=seed) for seed in (0, 1))
    assert set(one.positions) != set(other.positions)


def test_the_map_keeps_clusters_apart_and_says_how_well() -> None:
    vectors, ids = clusters(90)
    drawn = projection(vectors, ids)
    assert drawn.anchors_xy is None
    assert drawn.trustworthiness == pytest.approx(trustworthiness(vectors, drawn.xy, n_neighbors=12), abs=1e-9)
    assert drawn.trustworthiness > 0.85
    distances = np.linalg.norm(drawn.xy[:, None] - drawn.xy[None], axis=-1)
    same = (np.arange(90)[:, None] % 3) == (np.arange(90)[None] % 3)
    assert distances[same].max() < distances[~same].min()


def test_few_or_identical_pictures_get_principal_components() -> None:
    vectors, ids = clusters(FEWEST_FOR_UMAP - 1)
    drawn = projection(vectors, ids)
    assert drawn.method == "pca"
    np.testing.assert_allclose(np.abs(drawn.xy), np.abs(PCA(2).fit_transform(vectors)), atol=1e-4)
    twins = projection(np.repeat(vectors[:2], 20, axis=0), np.arange(40).astype(object))
    assert (twins.method, len(np.unique(twins.xy.round(4), axis=0))) == ("pca", 2)


def test_the_trust_in_a_large_map_is_that_of_a_seeded_sample() -> None:
    vectors, ids = np.repeat(clusters(10)[0], 210, axis=0), np.arange(2_100).astype(object)
    one, again = projection(vectors, ids), projection(vectors, ids)
    assert 0 <= one.trustworthiness == again.trustworthiness <= 1


@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_handful_of_pictures_still_has_places(n: int, width: int) -> None:
    vectors, ids = clusters(n, width)
    drawn = projection(vectors, ids)
    assert drawn.xy.shape == (n, 2)
    assert np.isfinite(drawn.xy).all()
    assert np.isnan(drawn.trustworthiness) == (n < 5)


def test_what_is_compiled_for_a_map_is_kept_for_the_next_run() -> None:
    from umap import layouts, umap_

    projection(*clusters(60))
    for function in (umap_.smooth_knn_dist, umap_.compute_membership_strengths, getattr(layouts, _EPOCH)):
        assert function.stats.cache_path, function.__name__
