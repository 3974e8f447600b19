"""Is a confidence worth what it says after calibration, and does abstaining keep what it promises on new pictures?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from statsmodels.stats.proportion import proportion_confint

from affect_workbench.probes.evaluation.calibration import (
    CANDIDATES,
    HIGHEST_TEMPERATURE,
    LOWEST_TEMPERATURE,
    abstention_threshold,
    coverage_curve,
    expected_calibration_error,
    fit_temperature,
    none_of_these,
    none_threshold,
    reliability,
    risk_coverage_area,
)
from answered_pictures import Pair, world


def negative_log_likelihood(cosines: np.ndarray, codes: np.ndarray, temperature: float) -> float:
    return float(-np.log(softmax(cosines / temperature, axis=1)[np.arange(len(codes)), codes]).mean())


# Temperature


@pytest.mark.parametrize("temperature", [0.03, 0.1, 0.6])
def test_the_temperature_that_made_the_labels_is_found(temperature: float) -> None:
    assert fit_temperature(*world(20_000, temperature=temperature)) == pytest.approx(temperature, rel=0.05)


@pytest.mark.parametrize(("n", "k"), [(7, 2), (60, 6), (501, 25)])
def test_no_temperature_of_a_fine_grid_is_likelier(n: int, k: int) -> None:
    cosines, codes = world(n, k=k, seed=n)
    found = fit_temperature(cosines, codes)
    grid = np.geomspace(LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE, 4_001)
    best = min(negative_log_likelihood(cosines, codes, temperature) for temperature in grid)
    assert negative_log_likelihood(cosines, codes, found) <= best + 1e-9


def test_at_the_maximum_the_true_cosine_is_the_one_expected() -> None:
    """The theorem: the derivative is zero where the mean cosine of the truth equals its mean under the softmax."""
    cosines, codes = world(900)
    probabilities = softmax(cosines / fit_temperature(cosines, codes), axis=1)
    assert cosines[np.arange(900), codes].mean() == pytest.approx((probabilities * cosines).sum(axis=1).mean(), abs=1e-6)


def test_a_wrong_temperature_is_miscalibrated_and_the_fitted_one_is_not_on_new_pictures() -> None:
    temperature = fit_temperature(*world(3_000, seed=1))
    cosines, codes = world(20_000, seed=2)
    for wrong in (0.02, 0.4):
        assert expected_calibration_error(softmax(cosines / wrong, axis=1), codes) > 0.1
    assert expected_calibration_error(softmax(cosines / temperature, axis=1), codes) < 0.02


def test_the_ends_of_the_range_come_back_when_the_maximum_lies_beyond() -> None:
    right = np.eye(3)[[0, 1, 2, 0]]
    assert fit_temperature(right / 200, np.array([0, 1, 2, 0])) == pytest.approx(LOWEST_TEMPERATURE)
    assert fit_temperature(right, np.array([1, 2, 0, 1])) == pytest.approx(HIGHEST_TEMPERATURE)


# Reliability


@pytest.mark.parametrize(("n", "bins"), [(1, 1), (3, 15), (20, 3), (301, 15)])
def test_reliability_is_its_written_out_loop(n: int, bins: int) -> None:
    cosines, codes = world(n, seed=n)
    probabilities = softmax(cosines / 0.07, axis=1)
    table = reliability(probabilities, codes, bins=bins)
    pictures = sorted((max(row), int(row.argmax() == code)) for row, code in zip(probabilities, codes, strict=True))
    size, rest = divmod(n, min(bins, n))
    start = 0
    assert len(table) == min(bins, n)
    for number, row in enumerate(table.itertuples(index=False)):
        part = pictures[start : start + size + (number < rest)]
        start += len(part)
        hits = sum(hit for _, hit in part)
        expected = (len(part), np.mean([top for top, _ in part]), hits / len(part))
        assert tuple(row)[:3] == pytest.approx(expected)
        assert tuple(row)[3:5] == pytest.approx(proportion_confint(hits, len(part), method="wilson"))
        assert tuple(row)[5:] == pytest.approx((part[0][0], part[-1][0]))
    assert start == n


def test_what_is_calibrated_lies_in_its_intervals_and_what_is_too_sure_below_them() -> None:
    cosines, codes = world(6_000)
    honest = reliability(softmax(cosines / 0.07, axis=1), codes)
    assert ((honest["low"] <= honest["confidence"]) & (honest["confidence"] <= honest["high"])).sum() >= 13
    boastful = reliability(softmax(cosines / 0.01, axis=1), codes)
    assert (boastful["high"] < boastful["confidence"]).sum() >= 13


# Coverage against accuracy


def tied(n: int, seed: int) -> Pair:
    """Probabilities with many equal confidences."""
    rng = np.random.default_rng(seed)
    top = rng.choice([0.4, 0.5, 0.75, 1.0], n)
    return np.stack([top, 1 - top], axis=1), rng.integers(2, size=n)


@pytest.mark.parametrize("n", [1, 2, 37, 400])
@pytest.mark.parametrize("ties", [False, True])
def test_the_coverage_curve_is_its_written_out_loop(n: int, ties: bool) -> None:
    if ties:
        probabilities, codes = tied(n, n)
    else:
        cosines, codes = world(n, seed=n)
        probabilities = softmax(cosines / 0.07, axis=1)
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == codes
    expected = []
    for threshold in sorted(set(confidence), reverse=True):
        answered = confidence >= threshold
        low, high = proportion_confint(hit[answered].sum(), answered.sum(), method="wilson")
        expected.append((threshold, answered.sum(), answered.mean(), hit[answered].mean(), low, high))
    columns = ["threshold", "n", "coverage", "accuracy", "low", "high"]
    pd.testing.assert_frame_equal(coverage_curve(probabilities, codes), pd.DataFrame(expected, columns=columns))


def test_the_area_is_the_mean_error_among_the_i_surest() -> None:
    cosines, codes = world(257)
    probabilities = softmax(cosines / 0.07, axis=1)
    wrong = (probabilities.argmax(axis=1) != codes)[np.argsort(-probabilities.max(axis=1))]
    expected = np.mean([wrong[:number].mean() for number in range(1, 258)])
    assert risk_coverage_area(coverage_curve(probabilities, codes)) == pytest.approx(expected)


def test_the_area_is_smaller_the_more_the_confidence_knows() -> None:
    rng = np.random.default_rng(0)
    hit = rng.random(4_000) < 0.7
    codes = np.where(hit, 0, 1)

    def area(confidence: np.ndarray) -> float:
        return risk_coverage_area(coverage_curve(np.stack([confidence, 1 - confidence], axis=1), codes))

    knows, guesses, misled = np.where(hit, 0.9, 0.6), rng.uniform(0.5, 1, 4_000), np.where(hit, 0.6, 0.9)
    assert area(knows) < 0.1 < area(guesses) < area(misled)
    assert area(guesses) == pytest.approx(1 - hit.mean(), abs=0.03)
    assert area(np.full(4_000, 0.8)) == pytest.approx(1 - hit.mean())


# Abstention


def test_the_threshold_is_the_smallest_tried_one_that_is_shown_to_reach_the_accuracy() -> None:
    cosines, codes = world(2_000)
    probabilities = softmax(cosines / 0.07, axis=1)
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == codes
    surest = np.sort(confidence)[::-1]
    passing = []
    for number in range(1, CANDIDATES + 1):
        threshold = surest[2_000 * number // CANDIDATES - 1]
        answered = confidence >= threshold
        low, _ = proportion_confint(hit[answered].sum(), answered.sum(), alpha=2 * 0.05 / CANDIDATES, method="wilson")
        passing += [threshold] if low >= 0.9 else []
    assert 0 < len(passing) < CANDIDATES
    assert abstention_threshold(probabilities, codes, accuracy=0.9) == min(passing)


def test_what_cannot_be_reached_or_not_be_shown_is_none() -> None:
    cosines, codes = world(2_000)
    assert abstention_threshold(softmax(cosines / 0.07, axis=1), codes, accuracy=0.999) is None
    right = np.eye(2)[[0, 1, 0, 1, 0, 1]]
    assert abstention_threshold(right, right.argmax(axis=1), accuracy=0.9) is None


def test_everything_is_answered_where_all_of_it_is_good_enough() -> None:
    cosines, codes = world(2_000)
    probabilities = softmax(cosines / 0.07, axis=1)
    assert abstention_threshold(probabilities, codes, accuracy=0.3) == probabilities.max(axis=1).min()


def test_a_confidence_that_knows_nothing_is_seldom_believed_though_plain_intervals_often_would() -> None:
    """True accuracy .8 at every confidence, .8 asked for: each threshold that is given is luck."""
    given, plainly = 0, 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        top = rng.uniform(0.5, 1, 400)
        codes = np.where(rng.random(400) < 0.8, 0, 1)
        probabilities = np.stack([top, 1 - top], axis=1)
        given += abstention_threshold(probabilities, codes, accuracy=0.8) is not None
        curve = coverage_curve(probabilities, codes)
        plainly += bool((curve["low"] >= 0.8).any())
    assert given / 400 <= 0.05
    assert plainly / 400 > 0.1


def test_new_pictures_above_the_threshold_are_as_accurate_as_was_asked() -> None:
    new, truth = world(50_000, seed=999)
    probabilities = softmax(new / 0.07, axis=1)
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    assert hit.mean() < 0.85
    reached = []
    for seed in range(60):
        cosines, codes = world(1_500, seed=seed)
        threshold = abstention_threshold(softmax(cosines / 0.07, axis=1), codes, accuracy=0.85)
        assert threshold is not None
        reached.append(hit[confidence >= threshold].mean() >= 0.85)
    assert np.mean(reached) >= 0.95


# None of these


@pytest.mark.parametrize(("n", "share", "rank"), [(19, 0.05, 1), (18, 0.05, 0), (99, 0.05, 5), (100, 0.1, 10)])
def test_the_none_threshold_is_the_order_statistic_that_the_theorem_names(n: int, share: float, rank: int) -> None:
    scores, _ = world(n, seed=n)
    largest = np.sort(scores.max(axis=1))
    threshold = none_threshold(scores, share=share)
    assert threshold == (largest[rank - 1] if rank else -np.inf)
    assert none_of_these(scores, threshold).sum() == max(rank - 1, 0)


def test_at_most_the_share_of_new_labelled_pictures_is_turned_away_and_strangers_are() -> None:
    def pictures(n: int, nearness: float, rng: np.random.Generator) -> np.ndarray:
        scores = rng.normal(0, 0.1, (n, 6))
        scores[np.arange(n), rng.integers(6, size=n)] += nearness
        return scores

    rng = np.random.default_rng(0)
    away = [
        none_of_these(pictures(500, 0.6, rng), none_threshold(pictures(150, 0.6, rng), share=0.1)).mean() for _ in range(200)
    ]
    assert np.mean(away) == pytest.approx(0.1, abs=0.01)
    threshold = none_threshold(pictures(2_000, 0.6, rng))
    assert none_of_these(pictures(2_000, 0.0, rng), threshold).mean() > 0.95


# Bad input


GOOD = np.array([[0.6, 0.4], [0.2, 0.8]])


@pytest.mark.parametrize("ask", [fit_temperature, reliability, expected_calibration_error, coverage_curve])
@pytest.mark.parametrize(
    ("scores", "codes", "message"),
    [
        (np.empty((0, 2)), [], "nothing to calibrate on: the validation split has no labelled picture"),
        (GOOD, [0, 1, 1], r"labels have shape \(3,\): expected \(2,\)"),
        (GOOD, [0, -1], r"1 picture has a label outside 0 to 1 \(first -1\): leave pictures without a label out"),
        (GOOD, [2, 0], r"1 picture has a label outside 0 to 1 \(first 2\)"),
        (GOOD[0], [0], r"scores have shape \(2,\): expected \(pictures, labels\)"),
        (GOOD * np.nan, [0, 1], r"scores of 2 of 2 pictures are NaN or infinite"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(ask, scores: np.ndarray, codes: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ask(scores, np.array(codes, dtype=np.int64))


def test_shares_and_accuracies_out_of_range_are_refused() -> None:
    codes = np.array([0, 1])
    for wrong in (0.0, 1.0, 90):
        with pytest.raises(ValueError, match=rf"accuracy is {wrong}: expected above 0 and below 1"):
            abstention_threshold(GOOD, codes, accuracy=wrong)
        with pytest.raises(ValueError, match=rf"share is {wrong}: expected above 0 and below 1"):
            none_threshold(GOOD, share=wrong)
    with pytest.raises(ValueError, match="level is 95: expected above 0 and below 1"):
        abstention_threshold(GOOD, codes, accuracy=0.9, level=95)
    with pytest.raises(ValueError, match="bins is 0: expected at least 1"):
        reliability(GOOD, codes, bins=0)
    with pytest.raises(ValueError, match="nothing to calibrate on"):
        none_threshold(np.empty((0, 3)))
