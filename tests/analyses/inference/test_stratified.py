"""Is the difference within strata, and the test that all strata agree on it, what a written-out form gives?"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.oneway import anova_generic

from affect_workbench.analyses.inference.homogeneity import (
    breslow_day_p,
    enough_expected,
    equal_differences_p,
    equal_rates_p,
    extremes,
    jointly_equal_p,
)
from affect_workbench.analyses.inference.means.cluster_robust import group_contrast
from affect_workbench.analyses.inference.means.stratified import within_strata


def tables(rng: np.random.Generator, strata: int = 4, cells: int = 30) -> tuple[np.ndarray, ...]:
    n, m = (rng.integers(40, 300, size=(cells, strata)) for _ in range(2))
    a, c = (rng.binomial(side, rng.uniform(0.15, 0.8, size=(cells, strata))) for side in (n, m))
    return tuple(side.astype(float) for side in (a, n, c, m))


def test_breslow_day_is_that_of_statsmodels() -> None:
    a, n, c, m = tables(np.random.default_rng(0))
    found = breslow_day_p(a, n, c, m, use=np.ones(a.shape, bool))
    for cell in range(len(a)):
        table = np.array([[a[cell], n[cell] - a[cell]], [c[cell], m[cell] - c[cell]]])
        assert found[cell] == pytest.approx(StratifiedTable(table).test_equal_odds(adjust=True).pvalue, rel=1e-7, abs=1e-15)
    some = np.array([True, False, True, True])
    fewer = breslow_day_p(a, n, c, m, use=np.broadcast_to(some, a.shape))
    np.testing.assert_allclose(
        fewer, breslow_day_p(a[:, some], n[:, some], c[:, some], m[:, some], use=np.ones((30, 3), bool))
    )
    assert np.isnan(breslow_day_p(a, n, c, m, use=np.broadcast_to([True, False, False, False], a.shape))).all()
    same = np.tile([30.0, 30.0], (1, 1))
    assert breslow_day_p(same, 4 * same, same, 4 * same, use=np.ones((1, 2), bool)) == pytest.approx(1.0)


def test_what_can_be_tested_depends_on_the_margins_alone() -> None:
    a, n, c, m = (np.array(side, float) for side in ([[20, 3]], [[40, 9]], [[20, 5]], [[40, 90]]))
    assert enough_expected(a, n, c, m).tolist() == [[True, False]]
    assert enough_expected(a + 10, n, c - 10, m).tolist() == [[True, False]]


def test_differences_of_strata_are_tested_as_several_means_are() -> None:
    rng = np.random.default_rng(1)
    n, mean, spread = rng.integers(8, 40, size=5), rng.normal(size=5), rng.uniform(0.5, 3, size=5)
    expected = anova_generic(mean, spread**2, n, use_var="unequal", welch_correction=True)
    p = equal_differences_p(mean, spread**2 / n, n - 1.0, use=np.ones(5, bool))
    assert p == pytest.approx(expected.pvalue, rel=1e-9)
    known = equal_differences_p(mean, spread**2 / n, np.full(5, np.inf), use=np.ones(5, bool))
    centre = np.average(mean, weights=n / spread**2)
    assert known == pytest.approx(stats.chi2.sf((n / spread**2 * (mean - centre) ** 2).sum(), 4), rel=1e-6)


def test_a_scale_is_no_difference_between_strata() -> None:
    """Ten points more at .1 and at .5 differ in odds; twice the odds at .02 and at .5 differ in points."""
    n = np.array([4_000.0, 4_000.0])
    points = (np.array([0.2, 0.6]) * n, n, np.array([0.1, 0.5]) * n, n)
    assert breslow_day_p(*points, use=np.ones(2, bool)) < 0.05 < equal_rates_p(*points, use=np.ones(2, bool))
    odds = (np.array([0.0392, 0.6667]) * n, n, np.array([0.02, 0.5]) * n, n)
    assert equal_rates_p(*odds, use=np.ones(2, bool)) < 0.05 < breslow_day_p(*odds, use=np.ones(2, bool))


def written_out(y: np.ndarray, side: np.ndarray, stratum: np.ndarray, group: np.ndarray) -> tuple[float, float, float]:
    """CR2 of the weighed difference with n x n matrices: effect, variance, Satterthwaite's degrees of freedom."""
    cell = stratum * 2 + side
    x = np.eye(cell.max() + 1)[cell]
    pick = np.zeros(x.shape[1])
    counts = x.sum(axis=0)
    weights = counts[::2] * counts[1::2] / (counts[::2] + counts[1::2])
    weights = weights / weights.sum()
    pick[1::2], pick[::2] = weights, -weights
    hat = x @ np.linalg.solve(x.T @ x, x.T)
    rows = pick @ np.linalg.solve(x.T @ x, x.T)
    residual, rest = y - hat @ y, np.eye(len(y)) - hat
    pulls, added = [], []
    for one in np.unique(group):
        at = group == one
        values, vectors = np.linalg.eigh(rest[np.ix_(at, at)])
        root = vectors @ np.diag(np.where(values > 1e-10, np.maximum(values, 1e-10) ** -0.5, 0)) @ vectors.T
        pulls.append(rest[:, at] @ root @ rows[at])
        added.append(rows[at] @ root @ residual[at])
    m = np.array(pulls) @ np.array(pulls).T
    return float(rows @ y), float(np.square(added).sum()), float(np.trace(m) ** 2 / (m**2).sum())


@pytest.mark.parametrize("design", ["nested", "crossed", "mixed", "alone"])
def test_with_groups_it_is_the_form_with_matrices(design: str) -> None:
    rng = np.random.default_rng(2)
    n = 240
    group = np.arange(n) if design == "alone" else rng.integers(30, size=n)
    stratum = rng.integers(3, size=n) if design != "nested" else group % 3
    side = {"nested": (group // 3) % 2, "crossed": rng.integers(2, size=n)}.get(
        design, np.where(group < 15, group % 2, rng.integers(2, size=n))
    )
    y = rng.normal(size=(n, 2)) + rng.normal(size=30)[group % 30, None] + stratum[:, None]
    found = within_strata(side, 2, stratum, 3, y, groups=group)
    for column in range(2):
        effect, variance, freedom = written_out(y[:, column], side, stratum, group)
        assert found.effect[1, column] == pytest.approx(effect)
        assert found.variance[1, column] == pytest.approx(variance)
        assert found.effect_freedom[1] == pytest.approx(freedom)
    assert found.use.all()
    np.testing.assert_allclose(found.effect[0], -found.effect[1])
    one = within_strata(side, 2, np.zeros(n, int), 1, y, groups=group)
    plain = group_contrast(side, 2, y, group)
    np.testing.assert_allclose(one.variance, plain.variance)
    np.testing.assert_allclose(one.effect_freedom, plain.freedom[:, 0])
    if design == "alone":
        few = within_strata(side, 2, stratum, 3, y)
        np.testing.assert_allclose(few.effect, found.effect)
        np.testing.assert_allclose(few.variance, found.variance)


def test_independent_strata_have_welchs_variance_and_freedom() -> None:
    rng = np.random.default_rng(3)
    side, y = rng.integers(2, size=90), rng.gamma(2, size=90)
    found = within_strata(side, 2, np.zeros(90, int), 1, y[:, None])
    expected = stats.ttest_ind(y[side == 1], y[side == 0], equal_var=False)
    assert found.effect_freedom[1] == found.freedom[1, 0] == pytest.approx(expected.df)
    assert found.effect[1, 0] / found.variance[1, 0] ** 0.5 == pytest.approx(expected.statistic)


@pytest.mark.parametrize("crossed", [False, True])
def test_strata_that_agree_are_hardly_ever_said_to_differ(crossed: bool) -> None:
    """400 null sets at once (as columns): 30 people with slopes of their own, in one place each or in all three."""
    sets, rng = 400, np.random.default_rng(4)
    person, side = np.repeat(np.arange(30), 12), np.tile(np.repeat([0, 1], 6), 30)
    place = np.tile([0, 1, 2], 120) if crossed else person % 3
    slope = 0.5 + rng.normal(size=(30, sets))
    y = rng.normal(size=(30, sets))[person] + slope[person] * side[:, None] + rng.normal(size=(360, sets))
    found = within_strata(side, 2, place, 3, y, groups=person)
    rejected = int((found.homogeneity[1] <= 0.05).sum())
    assert stats.binomtest(rejected, sets, 0.06, alternative="greater").pvalue > 0.01
    low, high = found.effect[1] - found.half()[1], found.effect[1] + found.half()[1]
    covered = int(((low <= 0.5) & (high >= 0.5)).sum())
    assert stats.binomtest(covered, sets, 0.94, alternative="less").pvalue > 0.01
    turned = y + 2.5 * side[:, None] * (place == 2)[:, None]
    assert (within_strata(side, 2, place, 3, turned, groups=person).homogeneity[1] <= 0.05).mean() > 0.7


def test_strata_without_two_pictures_on_a_side_weigh_nothing() -> None:
    side, place = np.array([0, 0, 0, 1, 1, 1, 0, 0, 1]), np.array([0, 0, 0, 0, 0, 0, 1, 1, 1])
    y = np.arange(9.0)
    found = within_strata(side, 2, place, 2, y[:, None])
    assert found.use[1].tolist() == [True, False]
    assert found.effect[1, 0] == pytest.approx(3)
    assert np.isnan(found.homogeneity[1, 0])
    grouped = within_strata(side, 2, place, 2, y[:, None], groups=np.array([0, 0, 1, 1, 2, 2, 3, 4, 5]))
    assert grouped.use[1].tolist() == [True, False]
    none = within_strata(side, 2, side, 2, y[:, None], groups=np.arange(9))
    assert np.isnan(none.effect).all()
    assert not none.use.any()


def test_two_few_degrees_of_freedom_for_so_many_strata_are_not_tested() -> None:
    assert np.isnan(jointly_equal_p(np.array([1.0, 2.0, 3.0]), np.eye(3), 1.5))
    assert np.isnan(jointly_equal_p(np.array([1.0, 2.0]), np.zeros((2, 2)), 9.0))
    assert jointly_equal_p(np.array([0.0, 2.0]), np.eye(2), 9.0) == pytest.approx(2 * stats.t.sf(2 / 2**0.5, 9))


def test_the_extremes_are_those_of_the_strata_that_count() -> None:
    low, high = extremes(np.array([[3.0, -1.0, 9.0], [0.0, 1.0, 2.0]]), np.array([[True, True, False], [False] * 3]))
    assert low.tolist() == [1, -1]
    assert high.tolist() == [0, -1]
