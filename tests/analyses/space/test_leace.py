"""Is an erased attribute gone for every linear reader, at the least change, and is the label left alone where it should?"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression

from affect_workbench.analyses.space.contrasts import contrasts
from affect_workbench.analyses.space.erasure.leace import Eraser, leace, within_label_leace
from affect_workbench.analyses.space.label_space import NearestAnchor

K = 8


def reference(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Theorem 4.3 of Belrose et al. 2023, written out: x - W^+ P_(W Sxz) W (x - mean), P the projection onto the columns."""
    centred, columns = x - x.mean(axis=0), z - z.mean(axis=0)
    whiten = linalg.pinv(linalg.sqrtm(centred.T @ centred / len(x)).real)
    seen = whiten @ (centred.T @ columns / len(x))
    return x - centred @ (linalg.pinv(whiten) @ seen @ linalg.pinv(seen, rtol=1e-9) @ whiten).T


def tied_features(seed: int, *, n: int = 600, d: int = 12, values: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Correlated features whose mean depends on an attribute."""
    rng = np.random.default_rng(seed)
    z = rng.integers(values, size=n)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 2 * rng.normal(size=(values, d))[z], z


def emotions(seed: int, *, bias: float = 0.0, tie: float = 0.35, own: float = 1.0) -> tuple[np.ndarray, ...]:
    """Pictures of 8 emotions on a circumplex, read by the nearest label, about as well as in section 5 of the methods.

    Args:
        seed: of everything.
        bias: how far pictures with the attribute are moved toward the first label.
        tie: how much likelier (less likely) the attribute is with the first (last) four labels.
        own: length of the attribute's own direction, on which no label lies.

    Returns:
        Features, label vectors, labels, attribute, and which half is to be fitted on.
    """
    rng = np.random.default_rng(seed)
    n, d, angle = 8_000, 64, 2 * np.pi * np.arange(K) / K
    anchors = np.zeros((K, d))
    anchors[:, :2], anchors[:, 2 : 2 + K] = (
        np.sqrt(0.5) * np.column_stack([np.cos(angle), np.sin(angle)]),
        np.eye(K) / 2**0.5,
    )
    y = rng.integers(K, size=n)
    z = (rng.random(n) < np.where(y < K // 2, 0.5 + tie, 0.5 - tie)).astype(np.int64)
    x = anchors[y] + 0.35 * rng.normal(size=(n, d)) + bias * z[:, None] * (anchors[0] - anchors.mean(axis=0))
    x[:, 20] += own * (z - 0.5)
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    return x @ turn, anchors @ turn, y, z, np.arange(n) % 2 == 0


def read(x: np.ndarray, anchors: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[float, np.ndarray]:
    """Accuracy, and the skew of each emotion within true labels."""
    said = NearestAnchor(anchors)(x).argmin(axis=1)
    return float((said == y).mean()), contrasts(z, 2, np.eye(K)[said], strata=y).effect[1]


@pytest.mark.parametrize(("n", "d", "values"), [(600, 12, 2), (500, 33, 4), (40, 7, 3)])
def test_it_is_the_formula_of_the_paper(n: int, d: int, values: int) -> None:
    x, z = tied_features(n, n=n, d=d, values=values)
    eraser = leace(x, z)
    assert eraser.rank == values - 1
    np.testing.assert_allclose(eraser.apply(x), reference(x, np.eye(values)[z]), atol=1e-8)
    np.testing.assert_allclose(eraser.right @ eraser.left, np.eye(values - 1), atol=1e-9)
    np.testing.assert_allclose(eraser.apply(x).mean(axis=0), x.mean(axis=0), atol=1e-9)


@pytest.mark.parametrize("values", [2, 5])
def test_concept_erasure_agrees(values: int) -> None:
    oracle = pytest.importorskip("concept_erasure", reason="the package concept-erasure is not installed")
    torch = pytest.importorskip("torch")
    x, z = tied_features(values, d=24, values=values)
    theirs = oracle.LeaceEraser.fit(torch.tensor(x), torch.tensor(np.eye(values)[z]), shrinkage=False, svd_tol=1e-8)
    np.testing.assert_allclose(leace(x, z).apply(x), theirs(torch.tensor(x)).numpy(), atol=1e-5)


def test_no_linear_reader_finds_what_was_erased_and_one_did_before() -> None:
    x, z = tied_features(1, n=900, values=2)
    reader = LogisticRegression(C=1e6, max_iter=2_000)
    majority = np.bincount(z).max() / len(z)
    assert binomtest(int((reader.fit(x, z).predict(x) == z).sum()), len(z), majority).pvalue < 1e-6
    erased = leace(x, z).apply(x)
    # The best linear reader of what is left says the same of every picture: how frequent the attribute is.
    np.testing.assert_allclose(reader.fit(erased, z).predict_proba(erased)[:, 1], z.mean(), atol=1e-3)
    np.testing.assert_allclose(np.cov(erased.T, z)[:-1, -1], 0, atol=1e-10)


def test_nothing_that_hides_as_much_moves_the_features_less() -> None:
    x, z = tied_features(2, values=2)
    moved = ((leace(x, z).apply(x) - x) ** 2).sum()
    centred = x - x.mean(axis=0)
    seen = centred.T @ (z - z.mean())
    orthogonal = centred @ np.outer(seen, seen) / (seen @ seen)  # also hides the attribute, by the shortest way out of it
    assert np.abs((x - orthogonal - x.mean(axis=0)).T @ (z - z.mean())).max() < 1e-6
    assert moved < (orthogonal**2).sum()


def test_erasing_within_labels_leaves_no_covariance_within_labels() -> None:
    x, _, y, z, _ = emotions(0, bias=0.25)
    erased = within_label_leace(x, z, y, alpha=None).apply(x)

    def within(values: np.ndarray) -> float:
        means = np.array([values[y == label].mean(axis=0) for label in range(K)])[y]
        ties = np.array([z[y == label].mean() for label in range(K)])[y]
        return float(np.abs((values - means).T @ (z - ties)).max() / len(z))

    assert within(x) > 0.01
    assert within(erased) < 1e-10


@pytest.mark.parametrize("seed", range(3))
def test_an_attribute_that_only_goes_along_costs_nothing_within_labels_but_much_with_plain_leace(seed: int) -> None:
    x, anchors, y, z, fitted = emotions(seed)
    rest = (anchors, y[~fitted], z[~fitted])
    accuracy, skew = read(x[~fitted], *rest)
    plain, plain_skew = read(leace(x[fitted], z[fitted]).apply(x[~fitted]), *rest)
    inside, inside_skew = read(within_label_leace(x[fitted], z[fitted], y[fitted]).apply(x[~fitted]), *rest)
    assert accuracy - plain > 0.02
    assert accuracy - inside < 0.005 + 2 * np.sqrt(0.01 / len(rest[1]))  # the gate, and twice the error of a paired share
    error = contrasts(rest[2], 2, np.eye(K)[NearestAnchor(anchors)(x[~fitted]).argmin(axis=1)], strata=rest[1]).error[1]
    assert (np.abs(inside_skew - skew) < 0.01 + 3 * error).all()
    assert np.isfinite(plain_skew).all()


def test_plain_leace_makes_a_gap_where_there_was_none() -> None:
    gaps = []
    for seed in range(4):
        x, anchors, y, z, fitted = emotions(seed, tie=0.2)
        rest = (anchors, y[~fitted], z[~fitted])
        erased = leace(x[fitted], z[fitted]).apply(x[~fitted])
        gaps.append((read(x[~fitted], *rest)[1], read(erased, *rest)[1]))
    before, after = np.mean(gaps, axis=0)
    assert np.abs(before).max() < 0.01
    assert np.abs(after).max() > 0.015


@pytest.mark.parametrize("seed", range(3))
def test_a_real_bias_is_removed_within_labels(seed: int) -> None:
    x, anchors, y, z, fitted = emotions(seed, bias=0.25, tie=0.2)
    rest = (anchors, y[~fitted], z[~fitted])
    accuracy, skew = read(x[~fitted], *rest)
    inside, after = read(within_label_leace(x[fitted], z[fitted], y[fitted]).apply(x[~fitted]), *rest)
    assert skew[0] > 0.035
    assert abs(after[0]) < 0.015
    assert accuracy - inside < 0.02


def test_features_that_say_nothing_of_the_attribute_within_labels_are_left_alone() -> None:
    ranks = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        y = rng.integers(4, size=400)
        z = (rng.random(400) < np.array([0.2, 0.4, 0.6, 0.8])[y]).astype(np.int64)
        x = rng.normal(size=(400, 10)) + rng.normal(size=(4, 10))[y]
        ranks.append(within_label_leace(x, z, y).rank)
        assert within_label_leace(x, z, y, alpha=None).rank == 1
    assert binomtest(sum(ranks), 40, 0.05, alternative="greater").pvalue > 0.001


def test_it_does_not_matter_in_which_unit_the_attribute_is_measured_nor_where_unknown_pictures_stand() -> None:
    x, z = tied_features(5, values=2)
    eraser = leace(x, z)
    for same in (leace(x, z == 1), leace(x, 1e6 * z.astype(float)), leace(x, np.column_stack([z, 1 - z]) * 1e-9)):
        np.testing.assert_allclose(same.apply(x), eraser.apply(x), atol=1e-8)
    more = np.vstack([x[:300], np.full((2, x.shape[1]), 1e3), x[300:]])
    unknown = np.concatenate([z[:300], [-1, -1], z[300:]])
    np.testing.assert_allclose(leace(more, unknown).apply(x), eraser.apply(x), atol=1e-8)
    narrow = eraser.apply(x.astype(np.float32))
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow, eraser.apply(x), atol=1e-4)


def test_features_that_vary_in_few_directions_only_are_erased_in_those() -> None:
    x, z = tied_features(6, d=5, values=2)
    wide = x @ np.random.default_rng(0).normal(size=(5, 20))
    erased = leace(wide, z).apply(wide)
    assert np.abs(np.cov(erased.T, z)[:-1, -1]).max() < 1e-9
    assert np.linalg.matrix_rank(erased - erased.mean(axis=0), tol=1e-6) == 4


def test_what_cannot_be_erased_is_refused() -> None:
    x, z = tied_features(0, values=2)
    with pytest.raises(ValueError, match="does not vary over 600 picture"):
        leace(x, np.zeros(600, np.int64))
    with pytest.raises(ValueError, match="NaN or infinite values: expected numbers"):
        leace(x, np.where(z, np.nan, 1.0))
    with pytest.raises(ValueError, match="features hold NaN"):
        leace(np.where(x > 0, x, np.nan), z)
    with pytest.raises(ValueError, match="features do not vary"):
        leace(np.ones_like(x), z)
    with pytest.raises(ValueError, match=r"expected \(n, d\)"):
        leace(x, z[:-1])
    with pytest.raises(ValueError, match="cannot be told from the label"):
        within_label_leace(x, z, z)
    with pytest.raises(ValueError, match="expected \\(600,\\) whole numbers"):
        within_label_leace(x, z, z.astype(float))
    with pytest.raises(ValueError, match=r"takes \(pictures, 12\)"):
        leace(x, z).apply(x[:, :3])
    with pytest.raises(ValueError, match="mean \\(d,\\), left"):
        Eraser(np.zeros(3), np.zeros((3, 1)), np.zeros((3, 1)))
