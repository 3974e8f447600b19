"""Is the variance of a difference of means over groups that of CR2, and do its tests and intervals keep their promise?"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from affect_workbench.analyses.inference.means.cluster_robust import Contrast, group_contrast


def direct(slice_: np.ndarray, values: np.ndarray, groups: np.ndarray) -> tuple[float, float, float]:
    """Effect, CR2 variance and Satterthwaite degrees of freedom with `n x n` matrices (Imbens and Kolesar 2016)."""
    design = np.stack([np.ones(len(values)), slice_.astype(float)], axis=1)
    bread = np.linalg.inv(design.T @ design)
    left = np.eye(len(values)) - design @ bread @ design.T
    residual, weights = left @ values, design @ bread[:, 1]
    scores, influences = [], []
    for group in np.unique(groups):
        at = np.flatnonzero(groups == group)
        eigenvalue, vector = np.linalg.eigh(left[np.ix_(at, at)])
        root = (vector * np.where(eigenvalue > 1e-9, eigenvalue, np.inf) ** -0.5) @ vector.T
        scores.append(weights[at] @ root @ residual[at])
        influences.append(left[:, at] @ root @ weights[at])
    matrix = np.stack(influences).T
    spread = np.linalg.eigvalsh(matrix.T @ matrix)
    effect = values[slice_].mean() - values[~slice_].mean()
    return effect, float(np.square(scores).sum()), float(spread.sum() ** 2 / (spread**2).sum())


def table(seed: int, how: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes of three values, two columns of numbers and uneven groups: nested in the values, crossed with them, or mixed."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(24), rng.integers(1, 6, size=24))
    of_group = rng.integers(3, size=24)[groups]
    codes = {"nested": of_group, "crossed": rng.integers(3, size=len(groups))}.get(how)
    if codes is None:
        codes = np.where(rng.random(len(groups)) < 0.7, of_group, rng.integers(3, size=len(groups)))
    values = rng.normal(size=(len(groups), 2)) + rng.normal(size=(24, 2))[groups] + 5
    return codes, values, groups


@pytest.mark.parametrize("how", ["nested", "crossed", "mixed"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_equals_the_form_with_matrices(seed, how):
    codes, values, groups = table(seed, how)
    codes[:2], known = -1, np.arange(len(codes)) % 7 != 0
    found = group_contrast(codes, 4, values, groups, known=known)
    kept = known & (codes >= 0)
    for value in range(3):
        for column in range(2):
            effect, variance, freedom = direct(codes[kept] == value, values[kept, column], groups[kept])
            assert found.effect[value, column] == pytest.approx(effect, rel=1e-10)
            assert found.variance[value, column] == pytest.approx(variance, rel=1e-10)
            assert found.freedom[value, 0] == pytest.approx(freedom, rel=1e-10)
    assert np.isnan(found.effect[3]).all(), "a value that nobody has"
    assert np.isnan(found.freedom[3]).all()


def test_groups_of_one_give_welch():
    rng = np.random.default_rng(0)
    codes, values = rng.integers(2, size=60), rng.normal(size=(60, 1))
    found = group_contrast(codes, 2, values, np.arange(60))
    welch = stats.ttest_ind(values[codes == 1, 0], values[codes == 0, 0], equal_var=False)
    assert found.effect[1, 0] / np.sqrt(found.variance[1, 0]) == pytest.approx(welch.statistic, rel=1e-10)


def test_one_group_that_is_a_whole_side_says_nothing():
    codes, groups = np.array([1, 1, 1, 0, 0, 0, 0]), np.array([0, 0, 0, 1, 1, 2, 3])
    found = group_contrast(codes, 2, np.arange(7.0)[:, None], groups)
    assert np.isnan(found.freedom).all()
    assert np.isnan(found.variance).all()
    assert np.isnan(found.p).all()
    np.testing.assert_array_equal(found.groups[:, 0], [1, 1])


def test_blocks_of_slices_add_up_to_the_same(monkeypatch):
    codes, values, groups = table(4, "mixed")
    whole = group_contrast(codes, 3, values, groups)
    monkeypatch.setattr("affect_workbench.analyses.inference.means.cluster_robust._CELLS", 1)
    apart = group_contrast(codes, 3, values, groups)
    np.testing.assert_allclose(apart.variance, whole.variance, rtol=1e-12)
    np.testing.assert_allclose(apart.freedom, whole.freedom, rtol=1e-12)


def test_interval_and_p_tell_the_same():
    codes, values, groups = table(5, "nested")
    found = group_contrast(codes, 3, values, groups)
    for value, p in np.ndenumerate(found.p):
        low, high = found.interval(level=1 - p)
        assert min(abs(low[value]), abs(high[value])) == pytest.approx(0, abs=1e-9)


def test_where_nothing_varies_only_equal_means_are_likely():
    one = np.ones((1, 1))
    still = Contrast(np.array([[0.0, 0.1]]), np.zeros((1, 2)), 5 * one, one)
    np.testing.assert_array_equal(still.p, [[1.0, 0.0]])


@pytest.mark.parametrize(("how", "each"), [("crossed", 20), ("crossed", 100), ("nested", 20)])
def test_twenty_people_with_slopes_of_their_own_are_rejected_as_often_as_promised(how, each):
    rng, rejected, held = np.random.default_rng(1), 0, 0
    sets, people = 400, 20
    groups = np.repeat(np.arange(people), 2 * each)
    codes = np.tile(np.repeat([0, 1], each), people) if how == "crossed" else (groups >= people // 2).astype(np.int64)
    for _ in range(sets):
        person = rng.normal(size=people)[groups] + rng.normal(size=people)[groups] * codes
        found = group_contrast(codes, 2, (person + rng.normal(size=len(groups)))[:, None], groups)
        low, high = found.interval()
        rejected += bool(found.p[1, 0] <= 0.05)
        held += bool(low[1, 0] <= 0 <= high[1, 0])
    assert stats.binomtest(rejected, sets, 0.05).pvalue > 0.001
    assert held == sets - rejected
