"""Gold labels: a skew that a prompt makes up is gone, a real one stays, and the arithmetic is that of slower ways."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import expit

from affect_workbench.analyses.concepts.calibrated_skew import GoldLabels, calibrated_skew
from affect_workbench.analyses.concepts.logistic import SLOPE_PENALTY, cross_fitted, logistic
from affect_workbench.analyses.concepts.sampling import stratified_sample
from affect_workbench.analyses.inference.resampling import expanded_tail
from affect_workbench.data.synthetic.concepts import SHARE, correlated_concept

K = 8


def labelled(planted, size, seed):
    """Gold and weights `(n,)` of a stratified sample that people labelled without a mistake."""
    queue = stratified_sample(planted.score, planted.y_pred, size=size, seed=seed)
    at = queue["position"].to_numpy()
    gold, weights = np.full(len(planted.gold), np.nan), np.full(len(planted.gold), np.nan)
    gold[at], weights[at] = planted.gold[at], 1 / queue["probability"]
    return gold, weights


def naive_skew(planted):
    """What an audit says that takes the score for the concept: the share of pictures with it is known, so is the cut."""
    yes = planted.score > np.quantile(planted.score, 1 - SHARE)
    said = planted.y_pred == planted.label
    return said[yes].mean() - said[~yes].mean()


def test_a_prompt_invents_a_skew_and_gold_labels_take_it_away():
    naive, errors, covered = [], [], 0
    for seed in range(24):
        planted = correlated_concept(0.4, n=8_000, seed=1_000 + seed)
        gold, weights = labelled(planted, 600, seed)
        table = calibrated_skew(planted.score, planted.y_pred, GoldLabels(gold, weights), k=K, draws=200, seed=seed)
        naive.append(naive_skew(planted))
        row = table.iloc[planted.label]
        errors.append(row["effect"])
        covered += row["low"] <= 0 <= row["high"]
    assert np.mean(naive) > 0.08  # the effect exists before it is removed
    assert abs(np.mean(errors)) <= 0.01
    assert np.sqrt(np.mean(np.square(errors))) <= 0.02
    assert stats.binom.cdf(covered, len(errors), 0.95) > 0.005


def test_a_prompt_that_is_entangled_with_nothing_invents_nothing():
    planted = correlated_concept(0.0, n=8_000, seed=5)
    assert abs(naive_skew(planted)) < 0.03


def test_a_real_skew_stays():
    planted = correlated_concept(0.4, n=8_000, seed=3, skew=0.12)
    true = (planted.y_pred[planted.gold] == planted.label).mean() - (planted.y_pred[~planted.gold] == planted.label).mean()
    assert true == pytest.approx(0.12, abs=0.03)
    gold, weights = labelled(planted, 600, 3)
    row = calibrated_skew(planted.score, planted.y_pred, GoldLabels(gold, weights), k=K, draws=300).iloc[planted.label]
    assert row["low"] > 0
    assert row["effect"] == pytest.approx(true, abs=0.05)
    assert row["effect"] == pytest.approx(row["rate"] - row["complement_rate"])


def test_where_everything_is_labelled_it_is_the_plain_difference():
    planted = correlated_concept(0.3, n=3_000, seed=4, skew=0.05)
    table = calibrated_skew(planted.score, planted.y_pred, GoldLabels(planted.gold.astype(float)), k=K, draws=0)
    for row in table.itertuples():
        said = planted.y_pred == row.label
        assert row.effect == pytest.approx(said[planted.gold].mean() - said[~planted.gold].mean(), abs=0.002)
        assert (row.labelled, row.yes) == (said.sum(), (said & planted.gold).sum())
    assert table["low"].isna().all()


def test_over_many_samples_of_labels_it_is_right_on_average():
    """200 labels, some 20 of them predicted as the emotion, and regressions that cannot fit: errors still average out."""
    planted = correlated_concept(0.4, n=3_000, seed=12, skew=0.05)
    said = planted.y_pred == planted.label
    true = said[planted.gold].mean() - said[~planted.gold].mean()
    errors = []
    for seed in range(120):
        gold, weights = labelled(planted, 200, seed)
        table = calibrated_skew(planted.score, planted.y_pred, GoldLabels(gold, weights), k=K, draws=0, seed=seed)
        errors.append(table["effect"][planted.label] - true)
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(len(errors))


def test_a_labelled_picture_is_judged_by_a_regression_that_saw_neither_it_nor_its_group():
    rng = np.random.default_rng(3)
    n, m = 400, 120
    standard, inside, weight = rng.standard_normal(n), rng.random(n) < 0.3, rng.exponential(size=m)
    known, group = rng.permutation(n)[:m], np.arange(m) // 3
    answer = (rng.random(m) < expit(standard[known] + inside[known])).astype(float)
    has, mistake = cross_fitted(standard, inside, known, answer, weight, group)
    assert ((has > 0) & (has < 1)).all()
    assert (np.sign(mistake) == np.where(answer == 1, 1, -1)).all()
    for one in (0, 17, 39):  # other answers in a group change nothing that is said of the group itself
        own = group == one
        turned = np.where(own, 1 - answer, answer)
        other = turned - cross_fitted(standard, inside, known, turned, weight, group)[1]
        np.testing.assert_allclose(other[own], (answer - mistake)[own], atol=1e-9)
        assert np.abs(other - (answer - mistake))[~own].max() > 0.01


def test_any_monotone_score_will_do():
    """The answers on either side add up whatever the score is, so a bent one shifts the estimate by noise only."""
    planted = correlated_concept(0.4, n=8_000, seed=6)
    gold, weights = labelled(planted, 600, 6)
    straight, bent = (
        calibrated_skew(score, planted.y_pred, GoldLabels(gold, weights), k=K, draws=0)["effect"]
        for score in (planted.score, np.exp(8 * planted.score))
    )
    assert np.abs(straight - bent).max() < 0.04


def test_the_regression_is_the_minimum_of_its_loss():
    rng = np.random.default_rng(0)
    standard, side = rng.standard_normal(150), rng.random(150) < 0.3
    design = np.stack([np.ones(150), standard, side, standard * side], axis=1)
    answer = (rng.random(150) < expit(standard + side)).astype(float)
    weights = rng.exponential(size=(3, 150))

    def loss(beta, weight):
        eta = design @ beta
        ridge = SLOPE_PENALTY / 2 * (beta[1] ** 2 + beta[3] ** 2)
        return (weight * (np.logaddexp(0, eta) - answer * eta)).sum() + ridge

    for beta, weight in zip(logistic(design, answer, weights), weights, strict=True):
        slow = optimize.minimize(loss, np.zeros(4), args=(weight,), method="BFGS", options={"gtol": 1e-8})
        np.testing.assert_allclose(beta, slow.x, atol=1e-4)


def test_an_answer_that_never_varies_still_has_an_interval():
    """All pictures predicted as the emotion have the concept: the upper end is not the estimate itself."""
    rng = np.random.default_rng(1)
    said = rng.integers(4, size=2_000)
    truth = np.where(said == 0, True, rng.random(2_000) < 0.2)
    gold = np.where(rng.random(2_000) < 0.2, truth, np.nan)
    row = calibrated_skew(rng.standard_normal(2_000) + truth, said, GoldLabels(gold), k=4, draws=400).iloc[0]
    assert row["yes"] == row["labelled"]
    assert row["low"] < row["effect"] - 0.02
    assert row["low"] > 0.3


def test_groups_widen_the_interval():
    planted = correlated_concept(0.4, n=8_000, seed=2, cluster_size=20)
    gold, weights = labelled(planted, 600, 2)
    gold_labels = GoldLabels(gold, weights)
    alone, together = (
        calibrated_skew(planted.score, planted.y_pred, gold_labels, k=K, groups=groups, draws=300)
        for groups in (None, planted.groups)
    )
    np.testing.assert_allclose(alone["effect"], together["effect"], atol=0.01)  # other folds, hardly another estimate
    width = [(table["high"] - table["low"]).mean() for table in (alone, together)]
    assert width[1] > 1.1 * width[0]


def test_an_emotion_that_nobody_labelled_stays_as_a_row():
    planted = correlated_concept(0.2, n=2_000, seed=0)
    gold = np.where(np.arange(2_000) < 300, planted.gold, np.nan)
    table = calibrated_skew(planted.score, planted.y_pred, GoldLabels(gold), k=K + 1, draws=0)
    assert len(table) == K + 1
    assert np.isnan(table["effect"].iloc[K])
    assert table["reason"].iloc[K] == "0 labelled pictures are predicted as it: expected at least 10"


def test_an_emotion_whose_labels_come_from_a_few_groups_says_so():
    rng = np.random.default_rng(4)
    said = rng.integers(3, size=2_000)
    gold = np.where(rng.random(2_000) < 0.3, rng.random(2_000) < 0.4, np.nan)
    groups = np.where(said == 0, np.arange(2_000) % 6, np.arange(2_000))
    table = calibrated_skew(rng.standard_normal(2_000), said, GoldLabels(gold), k=3, groups=groups, draws=50)
    assert (
        table["reason"].iloc[0] == "of the labelled pictures those predicted as it come from 6 groups: expected at least 10"
    )
    assert np.isnan(table["effect"].iloc[0])
    assert table["low"].iloc[1:].notna().all()


@pytest.mark.parametrize("n", [5, 20, 400])
def test_an_expanded_percentile_interval_is_as_wide_as_students(n):
    tail = expanded_tail(0.025, n)
    spread = np.sqrt((n - 1) / n)  # of a bootstrap's means, in standard errors
    assert -spread * stats.norm.ppf(tail) == pytest.approx(stats.t.ppf(0.975, n - 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": np.full(500, np.nan)}, r"500 of 500 scores are NaN or infinite"),
        ({"score": np.zeros(499)}, r"shapes \(499,\), \(500,\) and \(500,\)"),
        ({"score": np.zeros(500)}, "all labelled pictures have the same score"),
        ({"said": np.full(500, 4)}, "predictions run from 4 to 4: expected 0 to 3"),
        ({"gold": np.where(np.arange(500) < 150, 1.0, np.nan)}, "150 concept labels: expected at least 200"),
        ({"gold": np.full(500, 0.5)}, "other numbers than 0 and 1"),
        ({"gold": np.zeros(500)}, "concept labels are 0 yes and 500 no: expected at least 10 of each"),
        ({"weights": np.zeros(500)}, "weights of labelled pictures hold zero"),
        ({"groups": np.arange(500) % 7}, r"come from 7 groups: expected at least 10"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(change, message):
    rng = np.random.default_rng(0)
    given = {"score": rng.standard_normal(500), "said": rng.integers(4, size=500), "gold": rng.integers(2, size=500) * 1.0}
    given |= change
    with pytest.raises(ValueError, match=message):
        calibrated_skew(
            given.pop("score"),
            given.pop("said"),
            GoldLabels(given.pop("gold"), given.pop("weights", None)),
            k=4,
            draws=0,
            **given,
        )


def test_the_sample_knows_its_probabilities():
    rng = np.random.default_rng(0)
    score, said = rng.standard_normal(5_000), rng.choice(6, size=5_000, p=[0.5, 0.3, 0.1, 0.06, 0.03, 0.01])
    queue = stratified_sample(score, said, size=400, seed=3)
    assert len(queue) == 400
    assert queue["position"].is_unique
    # 1 / probability counts every stratum exactly, so every predicted label too.
    weight = 1 / queue["probability"]
    total = np.bincount(said[queue["position"]], weight, minlength=6)
    np.testing.assert_allclose(total, np.bincount(said, minlength=6))
    drawn = np.bincount(said[queue["position"]], minlength=6) / np.bincount(said, minlength=6)
    assert drawn[5] > 2 * drawn[0]  # rare ones are asked for more often
    again, other = (stratified_sample(score, said, size=400, seed=seed)["position"] for seed in (3, 4))
    assert (queue["position"] == again).all()
    assert (queue["position"] != other).any()


def test_every_picture_is_drawn_as_often_as_its_probability_says():
    rng = np.random.default_rng(1)
    score, said = rng.standard_normal(60), rng.integers(2, size=60)
    drawn, probability = np.zeros(60), np.full(60, np.nan)
    early = np.zeros(60)
    for seed in range(2_000):
        queue = stratified_sample(score, said, size=20, seed=seed)
        drawn[queue["position"]] += 1
        early[queue["position"].head(10)] += 1
        probability[queue["position"]] = queue["probability"]
    spread = 4.5 * np.sqrt(probability * (1 - probability) / 2_000)
    assert (np.abs(drawn / 2_000 - probability) < spread).all()
    assert (np.abs(early / 2_000 - probability / 2) < spread).all()  # whoever stops half-way has half of it


@pytest.mark.parametrize("size", [25, 60, 250, 999, 1_000, 5_000])
def test_samples_of_any_size(size):
    rng = np.random.default_rng(2)
    queue = stratified_sample(rng.standard_normal(1_000), rng.integers(25, size=1_000), size=size)
    assert len(queue) == min(size, 1_000)
    assert queue["stratum"].nunique() >= 25  # none is left out
    assert ((queue["probability"] > 0) & (queue["probability"] <= 1)).all()


@pytest.mark.parametrize(
    ("score", "said", "size", "message"),
    [
        (np.zeros(3), np.zeros(4), 2, r"scores of shape \(3,\) meet predictions of shape \(4,\)"),
        (np.array([0, np.nan, 1]), np.zeros(3), 2, r"1 score is NaN"),
        (np.zeros(3), np.arange(3), 2, r"2 pictures were asked for: expected at least 3"),
    ],
)
def test_no_sample_of_nothing(score, said, size, message):
    with pytest.raises(ValueError, match=message):
        stratified_sample(score, said, size=size)


@pytest.mark.parametrize(("cosine", "skew", "message"), [(1.0, 0.0, "cosine is 1"), (0.2, 0.9, "skew is 0.9")])
def test_worlds_that_cannot_be(cosine, skew, message):
    with pytest.raises(ValueError, match=message):
        correlated_concept(cosine, n=500, skew=skew)
