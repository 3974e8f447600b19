"""Do dealing, drawing, divergences, rankings and amplification do what their formulas say, and keep calm about nothing?"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from affect_workbench.analyses.disparities.amplification import amplification_tables
from affect_workbench.analyses.disparities.distribution import cramers_v, distribution_table, divergence, of_slices
from affect_workbench.analyses.disparities.ranking import ndkl, retrieval_tables
from affect_workbench.analyses.inference.resampling import (
    Sampling,
    chance_p,
    drawn_tables,
    drawn_weights,
    excess_interval,
    null_tables,
    permuted_codes,
    random_tables,
)
from affect_workbench.analyses.slices.coding import CodedAttribute, coded_attribute, coded_attributes
from affect_workbench.data.predictions import Predictions, predictions_from_table
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from sliced_pictures import sliced

EKMAN = Taxonomy.named("ekman6")
LABELS = np.array(EKMAN.labels, dtype=object)


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 4)), min_size=1, max_size=40))
def test_dealing_keeps_counts_the_missing_and_what_belongs_together(pictures: list[tuple[int, int]]) -> None:
    codes, groups = (np.array(side, dtype=np.int64) for side in zip(*pictures, strict=True))
    rng = np.random.default_rng(0)
    for dealt in permuted_codes(codes, None, draws=3, rng=rng):
        np.testing.assert_array_equal(np.sort(dealt), np.sort(codes))
        np.testing.assert_array_equal(dealt < 0, codes < 0)
    for dealt in permuted_codes(codes, groups, draws=3, rng=rng):
        np.testing.assert_array_equal(dealt < 0, codes < 0)
        whole = {}
        for group in np.unique(groups[codes >= 0]):
            at = (groups == group) & (codes >= 0)
            if len(np.unique(codes[at])) == 1:
                assert len(np.unique(dealt[at])) == 1
                whole[group] = (codes[at][0], dealt[at][0])
            else:
                np.testing.assert_array_equal(np.sort(dealt[at]), np.sort(codes[at]))
        assert sorted(one for one, _ in whole.values()) == sorted(other for _, other in whole.values())


def test_drawing_takes_whole_groups_and_as_many_of_them() -> None:
    groups = np.array([5, 5, 9, 9, 9, 2])
    for weight in drawn_weights(6, groups, draws=20, rng=np.random.default_rng(1)):
        each = {group: set(weight[groups == group]) for group in (2, 5, 9)}
        assert all(len(one) == 1 for one in each.values())
        assert sum(one.pop() for one in each.values()) == 3


def test_tables_by_chance_keep_margins_and_their_mean_is_what_is_expected() -> None:
    rng = np.random.default_rng(2)
    alone, said = rng.integers(-1, 3, size=300), rng.integers(4, size=300)
    # Groups of three pictures that share a value: whole groups trade it, so that the mean is the same as without groups.
    for codes, groups in ((alone, None), (np.repeat(alone[:100], 3), np.arange(300) // 3)):
        known = codes >= 0
        rows, columns = np.bincount(codes[known]), np.bincount(said[known])
        tables = null_tables(codes, 3, said, 4, groups, draws=400, rng=rng)
        if groups is None:
            assert (tables.sum(axis=2) == rows).all()
        assert (tables.sum(axis=1) == columns).all()
        np.testing.assert_allclose(tables.mean(axis=0), np.outer(rows, columns) / known.sum(), atol=1.2)
        drawn = drawn_tables(codes, 3, said, 4, groups, draws=400, rng=rng)
        seen = pd.crosstab(codes[known], said[known]).to_numpy()
        np.testing.assert_allclose(drawn.mean(axis=0), seen, atol=1.5)


def test_p_by_chance_is_never_zero_and_counts_the_unknown_as_larger() -> None:
    chance = np.array([[0.1], [0.2], [np.nan], [0.4]])
    np.testing.assert_allclose(chance_p(np.array([0.2]), chance), [4 / 5])
    np.testing.assert_allclose(chance_p(np.array([9.0]), chance[[0, 1, 3]]), [1 / 4])
    assert np.isnan(chance_p(np.array([np.nan]), chance)).all()
    excess, low, high = excess_interval(np.array([0.5]), np.full((3, 1), 0.2), np.array([[0.4], [0.5], [0.6]]))
    np.testing.assert_allclose([excess[0], high[0] - excess[0], excess[0] - low[0]], [0.3, 0.196, 0.196], atol=1e-3)


def pictures(seed: int, *, n: int = 600, bias: float = 0.0, groups: int | None = None) -> tuple[Predictions, list]:
    """Scores that say nothing of two attributes, but for `bias` toward anger in tone: a."""
    rng = np.random.default_rng(seed)
    group = np.arange(n) if groups is None else rng.integers(groups, size=n)
    drawn = (lambda: n) if groups is None else (lambda: groups)
    scores = rng.normal(size=(drawn(), 6))[group] + 0.3 * rng.normal(size=(n, 6))
    tone = rng.choice(["a", "b", "c"], p=[0.3, 0.6, 0.1], size=drawn())[group]
    scores[tone == "a", 0] += bias
    rows = pd.DataFrame(scores, columns=[f"score_{label}" for label in LABELS]).assign(
        image_id=np.arange(n).astype(str), group_id=group, tone=tone, side=np.array(["l", "r"])[rng.integers(2, size=n)]
    )
    found = predictions_from_table(rows, taxonomy=EKMAN)
    return found, coded_attributes(found.rows, ["tone", "side"], available=["tone", "side"])[0]


@given(st.lists(st.lists(st.integers(0, 20), min_size=3, max_size=3), min_size=2, max_size=4))
def test_divergences_are_those_of_scipy(rows: list[list[int]]) -> None:
    counts = np.array(rows, dtype=float)
    found = of_slices(counts)
    for value in range(len(counts)):
        own, rest = counts[value], counts.sum(axis=0) - counts[value]
        if own.sum() and rest.sum():
            assert found[value] == pytest.approx(jensenshannon(own, rest, base=2) ** 2, abs=1e-12)
        else:
            assert np.isnan(found[value])
    if counts.sum():
        shares = counts / counts.sum()
        outer = shares.sum(axis=1, keepdims=True) * shares.sum(axis=0)
        mutual = (shares[shares > 0] * np.log2(shares[shares > 0] / outer[shares > 0])).sum()
        assert divergence(counts) == pytest.approx(mutual, abs=1e-9)


def test_cramers_v_with_its_bias_corrected() -> None:
    table = np.array([[30.0, 10.0, 4.0], [5.0, 25.0, 9.0]])
    square = stats.chi2_contingency(table, correction=False).statistic / table.sum()
    n = table.sum()
    expected = np.sqrt(max(0, square - 2 / (n - 1)) / (min(2 - 1 / (n - 1), 3 - 4 / (n - 1)) - 1))
    assert cramers_v(table) == pytest.approx(expected)
    assert cramers_v(np.array([[50.0, 0.0], [0.0, 50.0]])) == pytest.approx(1.0)
    assert cramers_v(np.array([[10.0, 10.0], [10.0, 10.0]])) == 0
    assert np.isnan(cramers_v(np.array([[4.0, 0.0], [6.0, 0.0]])))


def test_a_biased_slice_is_read_differently_as_a_whole_and_an_unbiased_one_is_not() -> None:
    table = distribution_table(sliced(*pictures(3, bias=1.5)), sampling=Sampling(199)).set_index("slice")
    assert table.loc["tone: a", "q"] <= 0.05
    assert table.loc["tone: a", "low"] > 0
    assert table.loc["tone: a", "cramers_v"] > 0.2
    assert table.loc["side: l", "p"] > 0.05
    flagged = 0
    for seed in range(80):
        quiet = distribution_table(sliced(*pictures(500 + seed, n=300)), sampling=Sampling(99, seed))
        assert (quiet["divergence"].dropna() > 0).all()
        flagged += bool((quiet.loc[quiet["slice"].notna(), "q"] <= 0.05).any())
    assert stats.binomtest(flagged, 80, 0.05, alternative="greater").pvalue > 0.01


def test_groups_are_dealt_together() -> None:
    together = apart = 0
    for seed in range(60):
        data, coded = pictures(seed, n=400, groups=40)
        together += bool(distribution_table(sliced(data, coded[:1]), sampling=Sampling(59, seed))["p"].iloc[-1] <= 0.05)
        alone = data.with_rows(data.rows.drop(columns="group_id"))
        apart += bool(distribution_table(sliced(alone, coded[:1]), sampling=Sampling(59, seed))["p"].iloc[-1] <= 0.05)
    assert apart > 30
    assert stats.binomtest(together, 60, 0.05, alternative="greater").pvalue > 0.01


def test_a_slice_of_few_pictures_shows_no_number() -> None:
    data, coded = pictures(4, n=60)
    table = distribution_table(sliced(data, coded), sampling=Sampling(19)).set_index("slice")
    assert table.loc["tone: c", "n"] < 10
    assert np.isnan(table.loc["tone: c", "divergence"])
    with pytest.raises(ValueError, match="2 random draws: expected at least 19"):
        distribution_table(sliced(data, coded), sampling=Sampling(2))


def test_ndkl_is_its_formula() -> None:
    codes, expected = np.array([0, 0, 1, 0, 2]), np.array([0.5, 0.3, 0.2])
    total = weights = 0.0
    for rank in range(1, 6):
        shares = np.bincount(codes[:rank], minlength=3) / rank
        divergence_ = sum(p * np.log(p / q) for p, q in zip(shares, expected, strict=True) if p)
        total += divergence_ / np.log2(rank + 1)
        weights += 1 / np.log2(rank + 1)
    assert ndkl(codes, expected) == pytest.approx(total / weights)
    assert ndkl(np.array([0, 1]), np.array([0.5, 0.5])) < ndkl(np.array([0, 0]), np.array([0.5, 0.5]))


def test_the_make_up_of_the_nearest_pictures_is_counted_and_held_against_chance() -> None:
    data, coded = pictures(5, bias=2.0)
    slices, whole = retrieval_tables(sliced(data, coded), top=50, sampling=Sampling(199))
    nearest = data.rows.iloc[np.argsort(data.distances[:, 0], kind="stable")[:50]]
    row = slices[(slices["slice"] == "tone: a") & (slices["emotion"] == "anger")].iloc[0]
    assert row["n"] == (nearest["tone"] == "a").sum()
    assert row["skew"] == pytest.approx(np.log(row["n"] / 50 / (data.rows["tone"] == "a").mean()))
    assert row["low"] > 0
    figures = whole.set_index(["attribute", "emotion", "measure"])
    assert figures.loc[("tone", "anger", "max skew"), "value"] == pytest.approx(
        slices[(slices["emotion"] == "anger") & slices["slice"].str.startswith("tone")]["skew"].max()
    )
    for measure in ("max skew", "ndkl"):
        assert figures.loc[("tone", "anger", measure), "q"] <= 0.1
        assert figures.loc[("tone", "anger", measure), "low"] > 0
    assert figures.loc["side"]["p"].min() > 0.01
    assert (whole["value"] >= 0).all()


def test_rankings_without_bias_are_no_more_uneven_than_chance() -> None:
    small = 0
    for seed in range(30):
        _, whole = retrieval_tables(sliced(*pictures(700 + seed, n=300)), sampling=Sampling(39, seed))
        small += int((whole["p"] <= 0.05).sum())
    assert small / (30 * 24) < 0.075


def test_a_ranking_needs_scores_and_a_sensible_top() -> None:
    data, coded = pictures(6, n=50)
    labels = Predictions(1 - np.eye(6)[data.predicted], data.rows, EKMAN, "label")
    with pytest.raises(ValueError, match="retrieval needs a score for every label"):
        retrieval_tables(sliced(labels, coded))
    with pytest.raises(ValueError, match="top is 51: expected between 1 and the 50 pictures"):
        retrieval_tables(sliced(data, coded), top=51)
    with pytest.raises(ValueError, match="1 random draws: expected at least 19"):
        retrieval_tables(sliced(data, coded), sampling=Sampling(1))


def labelled(seed: int, *, n: int = 2_000, tie: float = 0.0, more: float = 0.0) -> tuple[Predictions, list[CodedAttribute]]:
    """Joy is truly `tie` more frequent in tone: a; the model says it another `more` more often there, less elsewhere."""
    rng = np.random.default_rng(seed)
    dark = rng.random(n) < 0.5
    joy = rng.random(n) < 0.3 + tie * dark
    truth = np.where(joy, 3, rng.choice([0, 1, 2, 4, 5], size=n))
    said = truth.copy()
    said[dark & (rng.random(n) < more)] = 3
    rows = pd.DataFrame(
        {
            "image_id": np.arange(n).astype(str),
            "label": LABELS[truth],
            "predicted": LABELS[said],
            "tone": np.where(dark, "a", "b"),
            "shade": rng.random(n),
        }
    )
    found = predictions_from_table(rows, taxonomy=EKMAN)
    return found, [coded_attribute(found.rows["tone"])]


@pytest.mark.parametrize("base", ["training", "labels"])
def test_amplification_is_the_formula_of_wang_and_russakovsky(base) -> None:
    data, coded = labelled(0, tie=0.2, more=0.1)
    training = labelled(1, tie=0.2)[0].rows
    cells, whole = amplification_tables(sliced(data, coded), training=training, base=base, sampling=Sampling(99))
    said, total = LABELS[data.predicted], 0.0
    for value, label in itertools.product("ab", LABELS):
        a, t = training["tone"] == value, training["label"] == label
        y = (a & t).mean() > a.mean() * t.mean()
        inside = (data.rows["tone"] == value).to_numpy()
        before = t[a].mean() if base == "training" else (data.rows["label"] == label)[inside].mean()
        delta = (said == label)[inside].mean() - before
        term = y * delta + (1 - y) * -delta
        row = cells[(cells["slice"] == f"tone: {value}") & (cells["emotion"] == label)].iloc[0]
        assert row["amplification"] == pytest.approx(term)
        assert row["low"] <= term <= row["high"]
        total += term
    assert list(whole["attribute"]) == ["tone", "all attributes"]
    np.testing.assert_allclose(whole["amplification"], total / 12)
    assert (whole["low"] > 0).all()


def test_a_model_that_copies_its_labels_amplifies_nothing_and_the_interval_covers_zero() -> None:
    covered = 0
    for seed in range(80):
        data, coded = labelled(2 * seed, tie=0.2, n=600)
        training = labelled(2 * seed + 1, tie=0.2, n=600)[0].rows
        whole = amplification_tables(sliced(data, coded), training=training, sampling=Sampling(199, seed))[1].iloc[-1]
        covered += bool(whole["low"] <= 0 <= whole["high"])
        copied = amplification_tables(sliced(data, coded), training=training, base="labels", sampling=Sampling(19))[0]
        assert (copied["amplification"] == 0).all()
    assert stats.binomtest(covered, 80, 0.95, alternative="less").pvalue > 0.01


def test_training_rows_are_coded_as_the_audited_ones() -> None:
    data, _ = labelled(3)
    binned = [coded_attribute(data.rows["shade"])]
    training = labelled(4)[0].rows
    cells, _ = amplification_tables(sliced(data, binned), training=training, sampling=Sampling(19))
    first = binned[0].conditions[0]
    assert cells["n_training"].iloc[0] == (training["shade"] <= first.up_to).sum()
    with pytest.raises(ValueError, match="the training rows have no attribute 'shade'; their columns: image_id"):
        amplification_tables(sliced(data, binned), training=training.drop(columns="shade"))
    with pytest.raises(ValueError, match="no training picture has a label and a value of 'tone'"):
        amplification_tables(sliced(data, [coded_attribute(data.rows["tone"])]), training=training.assign(tone="z"))
    with pytest.raises(ValueError, match="no picture has a true label or votes"):
        amplification_tables(sliced(data, binned), training=training.drop(columns="label"))
    with pytest.raises(ValueError, match="base is 'model': expected 'training' or 'labels'"):
        amplification_tables(sliced(data, binned), training=training, base="model")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="4 random draws: expected at least 19"):
        amplification_tables(sliced(data, binned), training=training, sampling=Sampling(4))


def test_random_tables_have_the_probabilities_of_scipy() -> None:
    rows, columns, draws = np.array([3, 2, 0]), np.array([2, 1, 2]), 20_000
    tables = random_tables(rows, columns, draws=draws, rng=np.random.default_rng(0))
    assert (tables.sum(axis=2) == rows).all()
    assert (tables.sum(axis=1) == columns).all()
    found, counts = np.unique(tables.reshape(draws, -1), axis=0, return_counts=True)
    expected = draws * stats.random_table(rows, columns).pmf(found.reshape(-1, 3, 3).astype(np.int64))
    assert expected.sum() == pytest.approx(draws)  # every table that can be was drawn
    assert stats.chisquare(counts, expected).pvalue > 0.01
