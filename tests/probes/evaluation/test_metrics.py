"""Figures of probabilities and rankings, each against a written-out loop or another library."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax
from sklearn.metrics import balanced_accuracy_score, f1_score, top_k_accuracy_score
from statsmodels.stats.proportion import proportion_confint

from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.evaluation.metrics import FLOOR, agreement, bootstrap_accuracy, figures, retrieval, vote_shares

EKMAN = Taxonomy.named("ekman6")


@pytest.fixture
def readings():
    """Probabilities `(90, 6)` that know something of the codes; one label never occurs."""
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 5, 90)
    return softmax(rng.normal(size=(90, 6)) + 1.5 * np.eye(6)[codes], axis=1), codes


def test_figures_agree_with_scikit_learn_and_statsmodels(readings):
    probabilities, codes = readings
    said = probabilities.argmax(axis=1)
    found = figures(probabilities, codes, EKMAN)
    assert found["accuracy"] == (said == codes).mean()
    low, high = proportion_confint((said == codes).sum(), 90, method="wilson")
    assert (found["low"], found["high"]) == pytest.approx((low, high))
    with pytest.warns(UserWarning, match="y_pred contains classes not in y_true"):
        assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(codes, said))
    assert found["macro_f1"] == pytest.approx(f1_score(codes, said, average="macro", zero_division=0))
    assert found["top2"] == pytest.approx(top_k_accuracy_score(codes, probabilities, k=2, labels=range(6)))
    assert found["recall_anger"] == pytest.approx((said[codes == 0] == 0).mean())
    assert np.isnan(found["recall_surprise"])


def test_nothing_to_measure_is_refused():
    with pytest.raises(ValueError, match="no picture has a label"):
        figures(np.empty((0, 6)), np.empty(0, int), EKMAN)


def test_retrieval_is_the_loop_over_labels_where_nothing_ties(readings):
    probabilities, codes = readings
    found = retrieval(probabilities, codes)
    for depth in (1, 5, 10):
        shares = [
            np.mean(codes[np.argsort(-probabilities[:, label])[:depth]] == label) for label in range(6) if label in codes
        ]
        assert found[f"retrieval_{depth}"] == pytest.approx(np.mean(shares))


def test_ties_count_by_the_average_over_all_orders():
    scores = np.array([[2.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]])
    codes = np.array([0, 0, 1, 1])
    orders = list(itertools.permutations(range(4)))
    for depth in (1, 2, 3):
        shares = [
            np.mean(codes[sorted(order, key=lambda place: -scores[place, label])[:depth]] == label)
            for order in orders
            for label in (0, 1)
        ]
        assert retrieval(scores, codes, depths=(depth,))[f"retrieval_{depth}"] == pytest.approx(np.mean(shares))


def test_a_model_that_ranks_nothing_retrieves_each_label_at_its_share(readings):
    _, codes = readings
    assert retrieval(np.ones((90, 6)), codes)["retrieval_5"] == pytest.approx(1 / len(np.unique(codes)))


def test_votes_outside_the_labels_and_pictures_without_votes_are_left_aside():
    rows = pd.DataFrame({f"vote_{label}": [2.0, 0.0] for label in EKMAN.labels} | {"vote_neutral": [9.0, 3.0]})
    shares = vote_shares(rows, EKMAN)
    assert shares[0] == pytest.approx(np.full(6, 1 / 6))
    assert np.isnan(shares[1]).all()
    assert vote_shares(rows.drop(columns="vote_joy"), EKMAN) is None


def test_agreement_is_best_with_the_votes_themselves_and_worse_with_anything_else(readings):
    votes, _ = readings
    same = agreement(votes, votes, EKMAN, valence=votes @ np.arange(6.0))
    assert same["kl"] == pytest.approx(0, abs=1e-5)
    assert same["js"] == pytest.approx(0, abs=1e-9)
    assert same["spearman_polarity"] == pytest.approx(1)
    other = agreement(votes[::-1], votes, EKMAN)
    assert other["js"] == pytest.approx((jensenshannon(votes[::-1], votes, axis=1, base=2) ** 2).mean(), abs=1e-4)
    assert other["kl"] > 0.1
    assert other["js"] > 0.01
    assert other["spearman_polarity"] < 0.5
    assert np.isnan(other["spearman_valence"])


def test_divergences_have_the_values_of_their_definitions():
    certain, wrong = np.eye(6)[[0, 0]], np.eye(6)[[1, 1]]
    far = agreement(wrong, certain, EKMAN)
    assert far["kl"] == pytest.approx(-np.log(FLOOR), rel=1e-3)
    assert far["js"] == pytest.approx(1, abs=1e-3)
    assert np.isnan(far["spearman_polarity"])
    assert all(np.isnan(value) for value in agreement(wrong, certain * np.nan, EKMAN).values())


def test_the_bootstrap_is_that_of_the_loop_and_covers_seeds_as_well_as_pictures():
    rng = np.random.default_rng(1)
    hits = rng.random((4, 60)) < np.array([0.4, 0.6, 0.7, 0.9])[:, None]
    low, high = bootstrap_accuracy(hits)
    loop = [hits[rng.integers(0, 4, 4)][:, rng.integers(0, 60, 60)].mean() for _ in range(4_000)]
    assert (low, high) == pytest.approx(tuple(np.percentile(loop, [2.5, 97.5])), abs=0.02)
    wilson = proportion_confint(hits[0].sum() * 4, 240, method="wilson")
    assert high - low > wilson[1] - wilson[0]
    assert bootstrap_accuracy(hits) == (low, high)


def test_one_probe_has_no_bootstrap_over_seeds():
    with pytest.raises(ValueError, match="at least two probes"):
        bootstrap_accuracy(np.ones((1, 5), bool))
