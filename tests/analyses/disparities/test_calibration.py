"""Do probabilities that are wrong in one slice show there, and honest ones nowhere?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affect_workbench.analyses.disparities.calibration import BINS, calibration_table, probabilities
from affect_workbench.analyses.inference.resampling import Sampling
from affect_workbench.analyses.slices.coding import CodedAttribute, coded_attribute
from affect_workbench.data.predictions import Predictions, predictions_from_table
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from sliced_pictures import sliced

EKMAN = Taxonomy.named("ekman6")
LABELS = np.array(EKMAN.labels, dtype=object)


def pictures(
    seed: int, *, n: int = 1_200, tilt: float = 0.0, sharpen: float = 1.0, groups: int | None = None
) -> tuple[Predictions, list[CodedAttribute]]:
    """Labels drawn from the probabilities; in tone: a the ones that are told favour anger by `tilt`, or are sharpened."""
    rng = np.random.default_rng(seed)
    group = np.arange(n) if groups is None else rng.integers(groups, size=n)
    honest = rng.dirichlet(np.ones(6), size=n if groups is None else groups)[group]
    truth = (honest.cumsum(axis=1) > rng.random(n if groups is None else groups)[group][:, None]).argmax(axis=1)
    tone = (rng.random(n if groups is None else groups) < 0.4)[group]
    told = np.where(tone[:, None], honest**sharpen, honest)
    told[tone, 0] += tilt
    told /= told.sum(axis=1, keepdims=True)
    rows = pd.DataFrame(told, columns=[f"score_{label}" for label in LABELS])
    rows = rows.assign(image_id=np.arange(n).astype(str), label=LABELS[truth], tone=np.where(tone, "a", "b"), group_id=group)
    found = predictions_from_table(rows, taxonomy=EKMAN)
    return found, [coded_attribute(found.rows["tone"])]


def test_every_figure_is_what_a_loop_gives() -> None:
    data, coded = pictures(0, n=500)
    table = calibration_table(sliced(data, coded), sampling=Sampling(19)).set_index(["slice", "emotion"])
    shares, truth = probabilities(data), data.truth
    assert truth is not None
    for label, emotion in enumerate(EKMAN.labels):
        edges = np.quantile(shares[:, label], np.arange(1, BINS) / BINS)
        for value in "ab":
            inside = (data.rows["tone"] == value).to_numpy()
            p, y = shares[inside, label], truth[inside, label]
            error = 0.0
            for number in range(BINS):
                at = np.searchsorted(edges, p, side="right") == number
                error += at.mean() * abs(p[at].mean() - y[at].mean()) if at.any() else 0
            row = table.loc[(f"tone: {value}", emotion)]
            assert row["error"] == pytest.approx(error)
            assert row["in_the_large"] == pytest.approx(p.mean() - y.mean())
            assert row["probability"] == pytest.approx(p.mean())
            assert row["share"] == pytest.approx(y.mean())
            assert row["in_the_large_low"] < row["in_the_large"] < row["in_the_large_high"]


def test_a_tilt_is_found_in_the_large_and_overconfidence_in_the_error() -> None:
    tilted = calibration_table(sliced(*pictures(1, tilt=0.3)), sampling=Sampling(99)).set_index(["slice", "emotion"])
    anger = tilted.loc[("tone: a", "anger")]
    assert anger["verdict"] == "skewed"
    assert anger["low"] > 0.05
    assert anger["in_the_large_low"] > 0.05
    sharp = calibration_table(sliced(*pictures(2, n=4_000, sharpen=4.0)), sampling=Sampling(99)).set_index(
        ["slice", "emotion"]
    )
    joy = sharp.loc[("tone: a", "joy")]
    assert joy["error_q"] <= 0.05
    assert joy["error_low"] > 0
    assert abs(joy["in_the_large"]) < 0.04


def test_honest_probabilities_raise_no_alarm_though_their_error_is_never_zero() -> None:
    flagged = errors = 0
    for seed in range(60):
        table = calibration_table(sliced(*pictures(100 + seed, n=400)), sampling=Sampling(39, seed))
        assert (table["error"] > 0.02).all()
        flagged += bool((table["q"] <= 0.05).any())
        errors += int((table["error_p"] <= 0.05).sum())
    assert stats.binomtest(flagged, 60, 0.05, alternative="greater").pvalue > 0.01
    assert errors / (60 * 12) < 0.08


def test_groups_count_once() -> None:
    flagged = naive = 0
    for seed in range(40):
        data, coded = pictures(300 + seed, n=600, groups=60)
        flagged += bool((calibration_table(sliced(data, coded), sampling=Sampling(19))["q"] <= 0.05).any())
        alone = data.with_rows(data.rows.drop(columns="group_id"))
        naive += bool((calibration_table(sliced(alone, coded), sampling=Sampling(19))["q"] <= 0.05).any())
    assert naive > 20
    assert stats.binomtest(flagged, 40, 0.06, alternative="greater").pvalue > 0.01


def test_cosines_need_a_temperature() -> None:
    data, _ = pictures(3, n=50)
    cosine = Predictions(data.distances, data.rows, EKMAN, "cosine")
    shares = probabilities(cosine, temperature=0.1)
    expected = np.exp((1 - data.distances) / 0.1)
    np.testing.assert_allclose(shares, expected / expected.sum(axis=1, keepdims=True))
    with pytest.raises(ValueError, match=r"softmax\(cosine / temperature\): temperature is None"):
        probabilities(cosine)


def test_scores_that_are_no_probabilities_are_refused_in_one_line() -> None:
    data, coded = pictures(4, n=50)
    logits = Predictions(1 - np.log(1.5 - data.distances), data.rows, EKMAN, "score")
    with pytest.raises(ValueError, match=r"pictures? ha(s|ve) negative scores, first '0'.*if these are logits, give their"):
        calibration_table(sliced(logits, coded))
    large = Predictions(1 - 7 * (1 - data.distances), data.rows, EKMAN, "score")
    with pytest.raises(ValueError, match=r"50 pictures have scores that do not add up to 1, first '0'"):
        calibration_table(sliced(large, coded))
    labels = Predictions(1 - np.eye(6)[data.predicted], data.rows, EKMAN, "label")
    with pytest.raises(ValueError, match="calibration needs a probability for every label"):
        calibration_table(sliced(labels, coded))
    with pytest.raises(ValueError, match="no picture has a true label or votes"):
        calibration_table(sliced(data.with_rows(data.rows.drop(columns="label")), coded))
    with pytest.raises(ValueError, match="3 random draws: expected at least 19"):
        calibration_table(sliced(data, coded), sampling=Sampling(3))


def test_votes_that_do_not_sum_to_one_count_as_shares_and_few_pictures_show_nothing() -> None:
    data, coded = pictures(5, n=300)
    votes = pd.DataFrame(np.eye(6)[EKMAN.codes(data.rows["label"])] * 3, columns=[f"vote_{label}" for label in LABELS])
    voted = data.with_rows(pd.concat([data.rows.drop(columns="label"), votes], axis=1))
    pd.testing.assert_frame_equal(
        calibration_table(sliced(voted, coded), sampling=Sampling(19)),
        calibration_table(sliced(data, coded), sampling=Sampling(19)),
    )
    few, some = data.take(np.arange(300) < 12), [coded_attribute(data.rows["tone"][:12])]
    table = calibration_table(sliced(few, some), sampling=Sampling(19))
    assert set(table["verdict"]) == {"too small"}
    assert table[["error", "effect", "p", "probability"]].isna().all().all()
