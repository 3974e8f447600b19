"""The models' own equations: what is expected by truth and emotion, and by cause, is what was observed."""

from __future__ import annotations

import numpy as np
import pytest

from affect_workbench.analyses.skew.causes.model import fit, probabilities_of
from affect_workbench.analyses.skew.causes.voted_model import VoteSums, fit_votes

NO_CAUSE = np.zeros((1, 0), dtype=bool)
NO_EMOTION = np.empty(0, dtype=np.int64)
PATTERNS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], dtype=bool)
EMOTIONS = np.array([1, 3])


@pytest.fixture(scope="module")
def drawn():
    """Truth, pattern and prediction `(n,)` of pictures with two causes, three truths and four emotions."""
    rng = np.random.default_rng(0)
    truth, pattern = rng.integers(3, size=6_000), rng.choice(4, 6_000, p=(0.5, 0.2, 0.2, 0.1))
    rates = probabilities_of(rng.normal(size=(3, 4)), np.full((3, 2), 1.2), PATTERNS, EMOTIONS)
    spread = rates[truth, pattern].cumsum(axis=1)
    return truth, pattern, (rng.random(6_000)[:, None] > spread).sum(axis=1)


def table(truth, pattern, predicted):
    counts = np.zeros((3, 4, 4))
    np.add.at(counts, (truth, pattern, predicted), 1)
    return counts


def test_one_truth_without_a_cause_is_the_marginal():
    fitted = fit(np.array([[[30.0, 50.0, 0.0, 20.0]]]), NO_CAUSE, NO_EMOTION)
    np.testing.assert_allclose(fitted.probabilities[0, 0], [0.3, 0.5, 0.0, 0.2], atol=1e-6)


def test_expected_counts_by_truth_and_emotion_and_by_cause_are_the_observed_ones(drawn):
    counts = table(*drawn)
    fitted = fit(counts, PATTERNS, EMOTIONS)
    expected = counts.sum(axis=2, keepdims=True) * fitted.probabilities
    assert np.abs(counts - expected).max() > 5, "the patterns themselves are not saturated"
    np.testing.assert_allclose(expected.sum(axis=1), counts.sum(axis=1), atol=0.01)
    for at, emotion in enumerate(EMOTIONS):
        observed, told = (one[:, PATTERNS[:, at], emotion].sum(axis=1) for one in (counts, expected))
        # The prior on theta takes theta / 25 of each.
        np.testing.assert_allclose(observed - told, fitted.theta[:, at] / 25, atol=0.01)


def test_what_made_the_counts_is_found_from_them():
    rng = np.random.default_rng(1)
    baseline, theta = rng.normal(size=(3, 4)), rng.normal(size=(3, 2))
    fitted = fit(1e6 * probabilities_of(baseline, theta, PATTERNS, EMOTIONS), PATTERNS, EMOTIONS)
    np.testing.assert_allclose(fitted.theta, theta, atol=1e-4)
    centred = baseline - baseline.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(fitted.baseline - fitted.baseline.mean(axis=1, keepdims=True), centred, atol=1e-4)


def test_a_start_with_fewer_causes_leads_to_the_same_fit(drawn):
    counts = table(*drawn)
    first = fit(
        np.stack([counts[:, :2].sum(axis=1), counts[:, 2:].sum(axis=1)], axis=1), np.eye(2, 1, -1, bool), EMOTIONS[1:]
    )
    straight, later = fit(counts, PATTERNS, EMOTIONS), fit(counts, PATTERNS, EMOTIONS, start=first)
    np.testing.assert_allclose(later.probabilities, straight.probabilities, atol=1e-4)


def test_without_a_cause_its_pattern_is_that_of_nobody(drawn):
    fitted = fit(table(*drawn), PATTERNS, EMOTIONS)
    without = fitted.at(PATTERNS, EMOTIONS, without=np.array([True, False]))
    np.testing.assert_allclose(without[:, 1], fitted.probabilities[:, 0])
    np.testing.assert_allclose(without[:, 3], fitted.probabilities[:, 2])
    assert (fitted.probabilities[:, 1, EMOTIONS[0]] > without[:, 1, EMOTIONS[0]]).all()


def test_an_emotion_that_is_never_said_of_a_truth_stays_unsaid():
    counts = np.array([[[40.0, 10.0, 0.0], [10.0, 20.0, 0.0]], [[5.0, 5.0, 5.0], [5.0, 9.0, 5.0]]])
    fitted = fit(counts, np.array([[False], [True]]), np.array([1]))
    assert fitted.probabilities[0, :, 2].max() < 1e-6
    assert np.isfinite(fitted.theta).all()


def test_votes_that_all_agree_are_labels(drawn):
    truth, pattern, predicted = drawn
    sums = VoteSums.of(np.eye(3)[truth], predicted, pattern, patterns=4, labels=4)
    voted, labelled = fit_votes(sums, PATTERNS, EMOTIONS), fit(table(*drawn), PATTERNS, EMOTIONS)
    np.testing.assert_allclose(voted.probabilities, labelled.probabilities, atol=0.005)


def test_expected_sums_of_votes_are_the_observed_ones():
    rng = np.random.default_rng(2)
    n = 20_000
    shares, pattern = rng.dirichlet(np.ones(3), n), rng.choice(4, n)
    rates = probabilities_of(rng.normal(size=(3, 4)), np.ones((3, 2)), PATTERNS, EMOTIONS)
    each = np.einsum("ny,yne->ne", shares, rates[:, pattern])
    predicted = (rng.random(n)[:, None] > each.cumsum(axis=1)).sum(axis=1)
    fitted = fit_votes(VoteSums.of(shares, predicted, pattern, patterns=4, labels=4), PATTERNS, EMOTIONS)
    left = np.eye(4)[predicted] - np.einsum("ny,yne->ne", shares, fitted.probabilities[:, pattern])
    assert np.abs(shares.T @ left).max() < 3, "of thousands of pictures: the rest is the prior's"
    for at, emotion in enumerate(EMOTIONS):
        assert np.abs(shares[PATTERNS[pattern, at]].T @ left[PATTERNS[pattern, at], emotion]).max() < 3
    np.testing.assert_allclose(fitted.probabilities, rates, atol=0.05)
