"""Angles, margins and correlations of label anchors, against closed forms, loops and blind search."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from affect_workbench.analyses.space.geometry.anchors import (
    PERMUTATIONS,
    anchor_geometry,
    correlation_table,
    mantel,
    polarity_agreement,
    tree_distance,
)
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

EKMAN = Taxonomy.named("ekman6")
WEBEMO = Taxonomy.named("webemo25")


def some(k: int, width: int = 8, seed: int = 0, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(k, width)) + shift


def plain(k: int) -> Taxonomy:
    return Taxonomy("plain", tuple(f"label {at}" for at in range(k)), polarity={f"label {at}": at % 2 for at in range(k)})


@pytest.mark.parametrize("k", [2, 3, 6, 20])
@pytest.mark.parametrize("length", [0.0, 30.0])
def test_a_simplex_has_its_closed_form_however_collinear_it_is(k: int, length: float) -> None:
    """Orthogonal axes plus a long common part: the caps shrink with the angles, the widest margin does not move."""
    vectors = np.eye(k, k + 1)
    vectors[:, -1] = length
    geometry = anchor_geometry(vectors, plain(k))
    cosine = length**2 / (1 + length**2)
    np.testing.assert_allclose(geometry.labels["cosine"], cosine, rtol=1e-12)
    np.testing.assert_allclose(geometry.labels["cap"], np.degrees(np.arccos(cosine)) / 2, rtol=1e-6)
    np.testing.assert_allclose(geometry.labels["margin"], np.degrees(np.arcsin(np.sqrt(k / (2 * (k - 1))))), rtol=1e-6)
    np.testing.assert_allclose(geometry.labels["gap"], np.sqrt(k / (k - 1) / (1 + length**2)), rtol=1e-6)
    np.testing.assert_allclose(geometry.centred[~np.eye(k, dtype=bool)], -1 / (k - 1), atol=1e-9)
    assert geometry.smallest_angle == pytest.approx(np.degrees(np.arccos(cosine)), rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_margin_and_gap_are_what_blind_search_comes_near_and_never_beats(seed: int) -> None:
    vectors = some(6, 3, seed)
    geometry = anchor_geometry(vectors, EKMAN)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    tried = some(200_000, 3, seed=9)
    tried /= np.linalg.norm(tried, axis=1, keepdims=True)
    for at in range(6):
        differences = unit[at] - np.delete(unit, at, axis=0)
        normals = differences / np.linalg.norm(differences, axis=1, keepdims=True)
        best = np.degrees(np.arcsin((tried @ normals.T).min(axis=1).max()))
        assert best <= geometry.labels["margin"].iloc[at] + 1e-9 <= best + 1.5
        best_gap = (tried @ differences.T).min(axis=1).max()
        assert best_gap <= geometry.labels["gap"].iloc[at] + 1e-9 <= best_gap + 0.02


@pytest.mark.parametrize(("k", "width", "shift"), [(6, 8, 0.0), (25, 12, 0.0), (25, 300, 3.0)])
def test_a_cap_is_its_own_and_no_wider_one_is(k: int, width: int, shift: float) -> None:
    taxonomy = EKMAN if k == 6 else WEBEMO
    vectors = some(k, width, shift=shift)
    geometry = anchor_geometry(vectors, taxonomy)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cap = np.radians(geometry.labels["cap"].to_numpy())
    nearest = [taxonomy.labels.index(name) for name in geometry.labels["nearest"]]
    aside = some(k, width, seed=1)
    for towards, within in ((aside, 0.999), (unit[nearest], 0.999), (unit[nearest], 1.001)):
        across = towards - (towards * unit).sum(axis=1, keepdims=True) * unit
        across /= np.linalg.norm(across, axis=1, keepdims=True)
        moved = np.cos(within * cap)[:, None] * unit + np.sin(within * cap)[:, None] * across
        own = (moved @ unit.T).argmax(axis=1) == np.arange(k)
        assert own.all() if within < 1 else not own.any()
    assert (geometry.labels["margin"] >= geometry.labels["cap"] - 1e-6).all()


def test_cosines_do_not_care_about_length_and_centring_is_subtracting_the_mean() -> None:
    vectors = some(6)
    geometry = anchor_geometry(vectors, EKMAN)
    np.testing.assert_allclose(anchor_geometry(vectors * np.arange(1, 7)[:, None], EKMAN).cosines, geometry.cosines)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    offset = unit - unit.mean(axis=0)
    expected = [[a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in offset] for a in offset]
    np.testing.assert_allclose(geometry.centred, expected, atol=1e-12)


def test_the_tree_has_polarity_above_groups_above_labels() -> None:
    at = {label: position for position, label in enumerate(WEBEMO.labels)}
    distance = tree_distance(WEBEMO)

    def between(first: str, second: str) -> float:
        return distance[at[first], at[second]]

    assert between("rage", "rage") == 0
    assert between("rage", "envy") == 1  # both anger
    assert between("rage", "horror") == 2  # both negative
    assert between("rage", "zest") == 3
    assert between("confusion", "sadness") == 2  # confusion has no counterpart among the six
    assert between("surprise", "pride") == 2
    np.testing.assert_array_equal(distance, distance.T)
    assert tree_distance(EKMAN)[0].tolist() == [0, 1, 2, 3, 2, 3]  # disgust is under anger; surprise is neutral


def test_unknown_polarities_are_left_out() -> None:
    taxonomy = Taxonomy("mixed", ("joy", "zest", "fear", "calm", "odd"), {"joy": 1, "zest": 1, "fear": -1, "calm": 1})
    assert np.isnan(polarity_agreement(taxonomy)[4]).all()
    assert np.isnan(tree_distance(taxonomy)[:, 4]).all()
    cosines = anchor_geometry(some(5), taxonomy).cosines
    table = correlation_table({"as they are": cosines}, taxonomy)
    assert table["labels"].tolist() == [4, 4]
    assert table["permutations"].tolist() == [24, 24]
    r = np.corrcoef(cosines[:4, :4][np.triu_indices(4, 1)], polarity_agreement(taxonomy)[:4, :4][np.triu_indices(4, 1)])[
        0, 1
    ]
    assert table["r"].iloc[0] == pytest.approx(r)


def test_an_exact_mantel_test_is_the_loop_over_all_orders() -> None:
    first = some(5)
    first = first @ first.T
    second = polarity_agreement(Taxonomy("five", tuple("abcde"), dict(zip("abcde", (1, 1, 1, -1, -1), strict=True))))
    upper = np.triu_indices(5, 1)

    def correlation(order: tuple[int, ...]) -> float:
        return np.corrcoef(first[upper], second[np.ix_(order, order)][upper])[0, 1]

    observed = correlation(tuple(range(5)))
    every = [correlation(order) for order in permutations(range(5))]
    r, p, tried, exact = mantel(first, second)
    assert r == pytest.approx(observed)
    assert p == pytest.approx(np.mean(np.abs(every) >= abs(observed) - 1e-9))
    assert (tried, exact) == (120, True)


def test_a_sampled_p_is_seeded_near_the_exact_one_and_never_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    first = some(7, seed=4)
    first, second = first @ first.T, polarity_agreement(plain(7))
    _, exact, _, _ = mantel(first, second)
    monkeypatch.setattr("affect_workbench.analyses.space.geometry.anchors.EXACT_UP_TO", 3)
    r, sampled, tried, all_of_them = mantel(first, second, seed=1)
    assert (tried, all_of_them) == (PERMUTATIONS, False)
    assert sampled == pytest.approx(exact, abs=0.03)
    assert mantel(first, second, seed=1) == (r, sampled, tried, False)
    aligned = mantel(tree_distance(WEBEMO), tree_distance(WEBEMO), permutations=99)
    assert aligned == (pytest.approx(1), 0.01, 99, False)


@pytest.mark.parametrize("planted", [True, False])
def test_polarity_is_found_where_it_is_planted_and_only_there(planted: bool) -> None:
    polarity = np.array([WEBEMO.polarity[label] for label in WEBEMO.labels])
    vectors = some(25, 64) + 2.0
    if planted:
        vectors[:, 0] += 8 * polarity
    table = anchor_geometry(vectors, WEBEMO).correlations.set_index(["cosines", "structure"])
    for cosines in ("as they are", "centred"):
        row = table.loc[(cosines, "polarity")]
        assert (row["p"] < 0.001 and row["r"] > 0.5) if planted else row["p"] > 0.05


def test_what_cannot_be_compared_is_nan() -> None:
    alike = correlation_table({"as they are": np.eye(2)}, Taxonomy.named("polarity"))
    assert alike[["r", "p"]].isna().all(axis=None)
    assert alike["permutations"].tolist() == [0, 0]
    assert anchor_geometry(np.eye(6), EKMAN).correlations[["r", "p"]].isna().all(axis=None)


def test_order_goes_by_polarity_and_then_from_alike_to_alike() -> None:
    taxonomy = Taxonomy("seven", tuple("abcdefg"), dict(zip("abcdef", (-1, 1, -1, 1, 1, -1), strict=True)))
    angles = np.radians([0, 10, 20, 50, 30, 40, 60])
    order = anchor_geometry(np.stack([np.cos(angles), np.sin(angles)], axis=1), taxonomy).order
    names = "".join(taxonomy.labels[position] for position in order)
    assert sorted(order.tolist()) == list(range(7))
    assert (set(names[:3]), names[3], set(names[4:])) == (set("bde"), "g", set("acf"))
    assert names[:3] in ("bed", "deb")
    assert names[4:] in ("acf", "fca")


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.eye(3), r"anchors have shape \(3, 3\): expected one row for each of 6 labels"),
        (np.zeros((6, 4)), "anchors hold zero, NaN or infinite vectors: expected one direction per label"),
        (np.eye(6)[[0, 1, 2, 3, 4, 0]] * 2, "anchors of 'anger' and 'surprise' have the same direction"),
    ],
)
def test_malformed_anchors_are_refused(vectors: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        anchor_geometry(vectors, EKMAN)
