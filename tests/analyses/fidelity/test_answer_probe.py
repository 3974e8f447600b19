"""Does the answer probe say what is written in the features, of pictures that it has not seen, whatever the answers are?"""

from __future__ import annotations

import numpy as np
import pytest

from affect_workbench.analyses.fidelity.answer_probe import FOLDS, MOST_COMPONENTS, answer_probe, fold_features
from answered_pictures import LABELS, written_features

K = len(LABELS)


@pytest.mark.parametrize("width", [32, 900])
def test_answers_that_are_written_are_read_and_permuted_ones_are_not(width):
    rng = np.random.default_rng(0)
    answers = rng.integers(K, size=800)
    x = written_features(answers, width, strength=6)
    found = answer_probe(x, answers, classes=K)
    assert found.probabilities.shape == (800, K)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)
    assert (found.codes == answers).mean() > 0.9
    permuted = rng.permutation(answers)
    assert abs((answer_probe(x, permuted, classes=K).codes == permuted).mean() - 1 / K) < 0.06


def test_no_picture_is_judged_by_a_fit_that_has_seen_its_group():
    """Features name the group, whose answer is random: whoever has seen the group knows it, whoever has not cannot."""
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(60), 10)
    answers = rng.integers(2, size=60)[groups]
    x = rng.standard_normal((60, 150))[groups] + 0.01 * rng.standard_normal((600, 150))
    alone, together = (answer_probe(x, answers, classes=2, groups=one) for one in (None, groups))
    assert (alone.codes == answers).mean() > 0.95
    assert (together.codes == answers).mean() < 0.75
    assert [len(np.unique(together.fold[groups == group])) for group in range(60)] == [1] * 60


def test_every_picture_is_judged_also_where_nothing_was_answered():
    rng = np.random.default_rng(2)
    shown = rng.integers(K, size=600)
    answers = np.where(rng.random(600) < 0.3, -1, shown)
    found = answer_probe(written_features(shown, 24, strength=6), answers, classes=K)
    assert (found.codes == shown)[answers < 0].mean() > 0.9


def test_rare_answers_and_absent_ones_break_nothing():
    rng = np.random.default_rng(3)
    answers = rng.integers(2, size=200)
    answers[:1], answers[1:3] = 2, 4
    found = answer_probe(rng.standard_normal((200, 300)), answers, classes=K)
    assert np.isfinite(found.probabilities).all()
    assert found.probabilities[:, 3].max() == found.probabilities[:, 5].max() == 0
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)
    same = answer_probe(rng.standard_normal((20, 3)), np.full(20, 4), classes=K)
    assert set(same.codes) == {4}


def test_few_pictures_get_fewer_folds():
    assert answer_probe(np.eye(3), np.array([0, 1, 1]), classes=2).fold.max() == 2
    with pytest.raises(ValueError, match="at least two"):
        answer_probe(np.eye(3), np.array([0, -1, -1]), classes=2)
    with pytest.raises(ValueError, match="at least two"):
        answer_probe(np.eye(3), np.array([0, 1, 0]), classes=2, groups=np.zeros(3, np.int64))


def test_wide_features_are_reduced_from_the_fitted_pictures_alone():
    rng = np.random.default_rng(4)
    x = rng.standard_normal((400, 700))
    fold = np.arange(400) % FOLDS
    other = x.copy()
    other[fold == 0] *= 100
    one, same = (next(fold_features(features, fold, seed=0)) for features in (x, other))
    assert one.values.shape == (400, MOST_COMPONENTS)
    np.testing.assert_allclose(one.values[one.fitted], same.values[one.fitted])


def test_features_may_be_constant_and_must_be_finite():
    x = np.hstack([np.full((50, 1), 1e6), np.random.default_rng(5).standard_normal((50, 2))])
    assert np.isfinite(answer_probe(x, np.arange(50) % 2, classes=2).probabilities).all()
    with pytest.raises(ValueError, match="finite"):
        answer_probe(np.full((4, 2), np.nan), np.arange(4) % 2, classes=2)
    with pytest.raises(ValueError, match="4 answers for features of 3"):
        answer_probe(np.eye(3), np.arange(4) % 2, classes=2)
