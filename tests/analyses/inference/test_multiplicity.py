"""Are cells picked exactly when Benjamini and Bogomolov's procedure picks them, and is it quiet where there is nothing?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from affect_workbench.analyses.inference.exact import fisher_exact
from affect_workbench.analyses.inference.multiplicity import select, simes


def picked_by_the_book(p: np.ndarray, alpha: float) -> np.ndarray:
    """The procedure as it is written, one slice after the other."""
    slices = [min(len(row) * value / (rank + 1) for rank, value in enumerate(sorted(row))) for row in p]
    passed = stats.false_discovery_control(np.minimum(slices, 1)) <= alpha
    picked = np.zeros(p.shape, dtype=bool)
    for number in np.flatnonzero(passed):
        picked[number] = stats.false_discovery_control(p[number]) <= alpha * passed.sum() / len(p)
    return picked


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 6))
def test_a_cell_has_a_small_q_exactly_when_the_procedure_picks_it(seed, slices, emotions):
    rng = np.random.default_rng(seed)
    p = rng.random((slices, emotions)) ** rng.integers(1, 6, size=(slices, 1))
    selection = select(p, np.zeros(slices, dtype=np.int64), alpha=0.05)
    np.testing.assert_array_equal(selection.q <= 0.05, picked_by_the_book(p, 0.05))


def test_families_are_corrected_apart():
    p = np.vstack([np.full((1, 2), 0.01), np.full((99, 2), 0.9)])
    together = select(p, np.zeros(100, dtype=np.int64))
    apart = select(p, np.r_[0, np.ones(99, dtype=np.int64)])
    assert (together.q[0] > 0.05).all()
    assert (apart.q[0] <= 0.05).all()
    np.testing.assert_allclose(apart.level, np.r_[0.975, np.full(99, 1 - 0.05 / (2 * 99))])  # two families share alpha


def test_families_share_alpha():
    """With alpha for each of three families, what is said of all of them together would be false three times as often."""
    p = np.array([[0.012, 0.9], [0.5, 0.9], [0.004, 0.02], [0.8, 0.9]])
    families = np.array([0, 0, 1, 7])
    found = select(p, families, alpha=0.05)
    # By hand: Simes within a slice, Benjamini-Hochberg over the slices of a family, times the three families.
    np.testing.assert_allclose(found.slice_q, [0.012 * 2 * 2 * 3, 1.0, 0.008 * 3, 1.0])
    np.testing.assert_allclose(found.level, 1 - 0.05 / 3 * np.array([1 / 2, 1 / 2, 1, 1]))
    np.testing.assert_allclose(found.q[2], [0.008 * 3, 0.02 * 3])
    np.testing.assert_allclose(found.q[0], [0.024 * 2 * 3, 1.0])
    alone = select(p[:2], families[:2], alpha=0.05)
    np.testing.assert_allclose(alone.slice_q, [0.012 * 2 * 2, 0.9])
    untested = select(np.vstack([p, np.full((1, 2), np.nan)]), np.r_[families, 9], alpha=0.05)
    np.testing.assert_allclose(untested.slice_q[:4], found.slice_q)  # a family without a test takes no share


def test_what_was_not_tested_is_not_counted():
    p = np.array([[0.01, np.nan, 0.5], [np.nan, np.nan, np.nan], [0.7, 0.8, 0.9]])
    np.testing.assert_allclose(simes(p), [0.02, np.nan, 0.9])
    selection = select(p, np.zeros(3, dtype=np.int64))
    assert np.isnan(selection.q[1]).all()
    assert np.isnan(selection.q[0, 1])
    assert selection.slice_q[0] == pytest.approx(0.04)
    np.testing.assert_allclose(selection.q[0, [0, 2]], [0.04, 1.0])


def test_no_slice_at_all():
    assert select(np.empty((0, 4)), np.empty(0, dtype=np.int64)).q.shape == (0, 4)


def test_it_is_quiet_with_many_rare_emotions():
    """25 emotions, most of them rare, 60 slices: expected counts far below five are the normal case."""
    rng = np.random.default_rng(3)
    shares = 1 / np.arange(1, 26)
    shares /= shares.sum()
    alarms = 0
    for _ in range(200):
        said = rng.multinomial(40, shares, size=60)
        other = rng.multinomial(400, shares, size=60)
        sizes = np.full(said.shape, 40), np.full(said.shape, 400)
        selection = select(fisher_exact(said, sizes[0], other, sizes[1]), np.zeros(60, dtype=np.int64))
        alarms += bool((selection.q <= 0.05).any())
    assert stats.binomtest(alarms, 200, 0.05, alternative="greater").pvalue > 0.01
