"""Is a difference of means judged as a written-out test judges it, and is nothing found where nothing is?"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affect_workbench.analyses.disparities.numbers import numeric_table, severity_table
from affect_workbench.analyses.inference.means.cluster_robust import group_contrast
from affect_workbench.analyses.inference.means.two_means import enough_for_student, mean_tests
from affect_workbench.analyses.inference.resampling import Sampling
from affect_workbench.analyses.inference.verdicts import Rules
from affect_workbench.analyses.slices.coding import CodedAttribute, coded_attribute
from affect_workbench.analyses.slices.pairs import group_codes
from affect_workbench.data.predictions import Predictions, predictions_from_table
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from sliced_pictures import sliced, sliced_rows

MIKELS = Taxonomy.named("mikels8")


def attribute(values: np.ndarray, name: str = "tone") -> CodedAttribute:
    return coded_attribute(pd.Series(values, name=name))


def welch_size(one: np.ndarray, other: np.ndarray) -> float:
    return abs(one.mean() - other.mean()) / np.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))


def test_interval_is_that_of_scipy_and_effect_the_difference_of_means() -> None:
    rng = np.random.default_rng(0)
    tone, y = rng.integers(3, size=900), rng.gamma(2, size=900) * 100 + 5_000
    table = numeric_table(y, sliced_rows([attribute(tone)]), sampling=Sampling(19))
    assert set(table["method"]) == {"welch"}
    for value, row in enumerate(table.itertuples()):
        one, other = y[tone == value], y[tone != value]
        expected = stats.ttest_ind(one, other, equal_var=False).confidence_interval()
        np.testing.assert_allclose((row.low, row.high), (expected.low, expected.high))
        assert row.p == pytest.approx(stats.ttest_ind(one, other, equal_var=False).pvalue)
        assert row.effect == pytest.approx(one.mean() - other.mean())
        assert (row.mean, row.complement_mean) == (pytest.approx(one.mean()), pytest.approx(other.mean()))
        assert row.tolerance == pytest.approx(0.2 * y.std(ddof=1))


def test_small_data_are_tested_by_every_arrangement() -> None:
    rng = np.random.default_rng(1)
    y, tone = rng.normal(size=13), np.array(["a"] * 6 + ["b"] * 7)
    y[:6] += 0.9
    table = numeric_table(y, sliced_rows([attribute(tone)]), rules=Rules(min_count=5))
    assert set(table["method"]) == {"exact"}
    seen, every = welch_size(y[:6], y[6:]), itertools.combinations(range(13), 6)
    beyond = [welch_size(y[list(at)], np.delete(y, at)) >= seen * (1 - 1e-9) for at in every]
    np.testing.assert_allclose(table["p"], np.mean(beyond))


def test_permutations_agree_with_those_of_scipy() -> None:
    rng = np.random.default_rng(2)
    y, tone = rng.exponential(size=200), np.repeat(["a", "b"], [40, 160])
    y[:40] += 0.35
    table = numeric_table(y, sliced_rows([attribute(tone)]), sampling=Sampling(4_999, 3))
    expected = stats.permutation_test(
        (y[:40], y[40:]),
        lambda one, other, axis: np.abs(stats.ttest_ind(one, other, equal_var=False, axis=axis).statistic),
        alternative="greater",
        n_resamples=4_999,
        rng=4,
        vectorized=True,
    )
    assert set(table["method"]) == {"permutation"}
    np.testing.assert_allclose(table["p"], expected.pvalue, atol=0.015)


def test_student_is_asked_where_it_holds_and_permutations_where_it_does_not() -> None:
    rng = np.random.default_rng(3)
    tone = rng.choice(["a", "b", "c"], p=[0.5, 0.48, 0.02], size=3_000)
    skewed, even = rng.exponential(size=3_000), rng.normal(size=3_000)
    table = numeric_table(skewed, sliced_rows([attribute(tone)]), sampling=Sampling(99)).set_index("slice")
    assert list(table["method"]) == ["welch", "welch", "permutation"]
    expected = stats.ttest_ind(skewed[tone == "a"], skewed[tone != "a"], equal_var=False).pvalue
    assert table.loc["tone: a", "p"] == pytest.approx(expected)
    assert set(numeric_table(even, sliced_rows([attribute(tone)]), sampling=Sampling(99))["method"]) == {"welch"}
    assert enough_for_student(skewed) == pytest.approx(28 + 25 * stats.skew(skewed) ** 2)
    assert enough_for_student(np.ones(9)) == 28


def test_a_planted_difference_is_found_and_the_verdicts_are_four() -> None:
    rng = np.random.default_rng(4)
    tone = rng.choice(["up", "same", "few", "some"], p=[0.3, 0.6, 0.004, 0.096], size=4_000)
    y = rng.normal(size=4_000) + 1.0 * (tone == "up")
    table = numeric_table(
        y,
        sliced_rows([attribute(tone), attribute(rng.integers(2, size=4_000), "side")]),
        tolerance=0.1,
        sampling=Sampling(1_999),
    )
    verdicts = table.set_index("slice")["verdict"]
    assert verdicts["tone: up"] == "skewed"
    assert verdicts["side: 0"] == "equivalent"
    few = table.set_index("slice").loc["tone: few"]
    assert few["verdict"] == "too small"
    wide = numeric_table(
        rng.normal(size=120), sliced_rows([attribute(np.repeat(["a", "b"], 60))]), tolerance=0.01, sampling=Sampling(99)
    )
    assert set(wide["verdict"]) == {"undetermined"}


def test_detectable_is_what_is_found_four_times_of_five() -> None:
    rng = np.random.default_rng(5)
    tone = np.repeat(["a", "b"], [60, 240])
    size = float(
        numeric_table(rng.normal(size=300), sliced_rows([attribute(tone)]), sampling=Sampling(19))["detectable"].iloc[0]
    )
    inside, others = rng.normal(size, 1, size=(1_500, 60)), rng.normal(size=(1_500, 240))
    found = stats.ttest_ind(inside, others, axis=1, equal_var=False).pvalue < 0.05
    assert np.mean(found) == pytest.approx(0.8, abs=0.05)


def test_unequal_spread_and_size_do_not_fake_a_difference() -> None:
    rejected = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        y = np.concatenate([rng.normal(0, 4, size=20), rng.normal(0, 1, size=180)])
        table = numeric_table(y, sliced_rows([attribute(np.repeat(["a", "b"], [20, 180]))]), sampling=Sampling(199, seed))
        rejected += bool(table["p"].iloc[0] <= 0.05)
    assert stats.binomtest(rejected, 150, 0.06, alternative="greater").pvalue > 0.01


def test_interval_and_p_never_contradict_each_other() -> None:
    rng = np.random.default_rng(8)
    seen = set()
    for number in range(120):
        n, grouped = int(rng.integers(11, 60)), number % 4 == 0
        y, tone = rng.lognormal(size=90), np.repeat(["a", "b"], [n, 90 - n])
        y[:n] += rng.normal(scale=0.8)
        groups = np.arange(90) // 3 if grouped else None
        for row in numeric_table(
            y, sliced_rows([attribute(tone)], groups=groups), sampling=Sampling(99, number)
        ).itertuples():
            assert (row.p <= 0.05) == (row.low > 0 or row.high < 0)
            seen.add((row.method, bool(row.p <= 0.05)))
    assert {(method, told) for method in ("permutation", "cluster-robust") for told in (True, False)} <= seen


def test_few_skewed_numbers_are_covered_where_student_does_not() -> None:
    """10 of 100 log-normal numbers; the same draws for a difference of none and of one standard deviation."""
    sets, sure, student, tone = 400, 0, 0, np.repeat([0, 1], [10, 90])
    for seed in range(sets):
        rng = np.random.default_rng(seed)
        y, gap = rng.lognormal(size=100), 2.16 * (seed % 2)
        y[:10] += gap
        found = mean_tests(tone, 2, y, groups=None, least=10, draws=199, rng=rng)
        assert found.method[0] == "permutation"
        sure += bool(abs(found.effect[0] - gap) <= found.half()[0])
        student += bool(abs(found.effect[0] - gap) <= stats.t.ppf(0.975, found.freedom[0]) * found.error[0])
    assert stats.binomtest(sure, sets, 0.94, alternative="less").pvalue > 0.01
    assert stats.binomtest(student, sets, 0.94, alternative="less").pvalue < 1e-4


def people(rng: np.random.Generator, design: str, sets: int, each: int = 10) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group `(n,)`, condition `(n,)` and `sets` null outcomes `(n, sets)` of 20 people: no condition matters on average."""
    person = np.repeat(np.arange(20), 2 * each)
    half = np.tile(np.repeat([0, 1], each), 20)  # both conditions for everybody
    condition = {"nested": (person % 2), "crossed": half, "mixed": np.where(person < 10, half, person % 2)}[design]
    level = rng.normal(size=(20, sets))[person]
    slope = rng.normal(size=(20, sets))[person] * (condition[:, None] - 0.5)
    return person, condition, level + slope + rng.normal(size=(len(person), sets))


@pytest.mark.parametrize("design", ["nested", "crossed", "mixed"])
def test_people_on_one_side_or_on_both_are_not_more_than_they_tell(design: str) -> None:
    """The bars: no more than .06 rejected at .05, no less than .94 covered at .95 (2,000 sets)."""
    sets, rng = 2_000, np.random.default_rng(11)
    person, condition, y = people(rng, design, sets)
    found = group_contrast(condition, 2, y, person)
    rejected = int((found.p[1] <= 0.05).sum())
    low, high = found.interval()
    covered = int(((low[1] <= 0) & (high[1] >= 0)).sum())
    assert stats.binomtest(rejected, sets, 0.06, alternative="greater").pvalue > 0.01
    assert stats.binomtest(covered, sets, 0.94, alternative="less").pvalue > 0.01
    # The table says what the contrast says, and nothing of it comes from shuffled rows.
    for number in range(3):
        row = numeric_table(y[:, number], sliced_rows([attribute(condition)], groups=person), sampling=Sampling(19)).iloc[1]
        assert row["method"] == "cluster-robust"
        assert row["p"] == pytest.approx(found.p[1, number])
        assert (row["low"], row["high"]) == (pytest.approx(low[1, number]), pytest.approx(high[1, number]))


def test_a_difference_among_crossed_people_is_told_more_surely_than_among_as_many_strangers() -> None:
    rng = np.random.default_rng(5)
    person, side = np.repeat(np.arange(40), 10), np.tile([0, 1], 200)
    y = 3 * rng.normal(size=40)[person] + 0.5 * side + rng.normal(size=400)
    known, unknown = (
        numeric_table(y, sliced_rows([attribute(side)], groups=groups), sampling=Sampling(99)).iloc[1]
        for groups in (person, None)
    )
    assert known["design_effect"] < 0.3
    assert known["p"] < 1e-4 < unknown["p"]


def test_few_groups_are_too_small_and_singletons_are_no_groups() -> None:
    rng = np.random.default_rng(6)
    y, tone = rng.normal(size=200), np.repeat(["a", "b"], 100)
    table = numeric_table(y, sliced_rows([attribute(tone)], groups=np.repeat(np.arange(10), 20)), sampling=Sampling(19))
    assert set(table["verdict"]) == {"too small"}  # it is tested (8 degrees of freedom), and what is not sure is not said
    assert table["p"].notna().all()
    assert set(
        numeric_table(y + 9 * (tone == "a"), sliced_rows([attribute(tone)], groups=np.repeat(np.arange(10), 20)))["verdict"]
    ) == {"skewed"}
    for groups in (np.repeat(np.arange(4), 50), np.repeat([0, 1, 2], [100, 50, 50])):
        table = numeric_table(y, sliced_rows([attribute(tone)], groups=groups), sampling=Sampling(19))
        assert set(table["verdict"]) == {"too small"}
        assert table["p"].isna().all()
        assert set(table["method"]) == {"none"}
    assert group_codes(pd.DataFrame({"group_id": np.arange(200)})) is None


def test_no_difference_hardly_ever_is_one() -> None:
    flagged = 0
    for seed in range(80):
        rng = np.random.default_rng(50 + seed)
        y = rng.exponential(size=300)
        coded = [attribute(rng.integers(values, size=300), f"a{values}") for values in (2, 3, 5)]
        flagged += bool((numeric_table(y, sliced_rows(coded), sampling=Sampling(299, seed))["q"] <= 0.05).any())
    assert stats.binomtest(flagged, 80, 0.05, alternative="greater").pvalue > 0.01


def test_missing_outcomes_are_left_out_and_counted() -> None:
    rng = np.random.default_rng(7)
    y, tone = rng.normal(size=100), np.repeat(["a", "b"], 50).astype(object)
    y[:5], tone[5:8] = np.nan, None
    row = numeric_table(y, sliced_rows([attribute(tone)]), sampling=Sampling(19)).iloc[0]
    assert (row["n"], row["n_complement"], row["left_out"]) == (42, 50, 5)
    assert row["mean"] == pytest.approx(y[8:50].mean())


@pytest.mark.parametrize(
    ("outcome", "options", "message"),
    [
        (np.full(6, 2.0), {}, r"outcome is the same \(2\) for all 6 pictures"),
        (np.full(6, np.nan), {}, "outcome is not known for all 6 pictures"),
        (np.array([1, 2, 3, 4, 5, np.inf]), {}, r"outcome is infinite for 1 picture"),
        (np.arange(5.0), {}, r"outcome has shape \(5,\): expected one number per picture, \(6,\)"),
        (np.arange(6.0), {"tolerance": -1.0}, "tolerance is -1.0: expected a number of units"),
    ],
)
def test_bad_outcomes_get_one_line(outcome: np.ndarray, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        numeric_table(outcome, sliced_rows([attribute(np.array(["a", "b"] * 3))]), **options)
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="nothing to slice outcome by"):
        numeric_table(outcome, sliced_rows([]), **options)


def readings(seed: int, *, to: str | None = None, n: int = 1_200, taxonomy: Taxonomy = MIKELS) -> tuple[Predictions, list]:
    """Right readings of random truths; in tone: a, half of contentment is predicted as `to`."""
    rng = np.random.default_rng(seed)
    labels = np.array(taxonomy.labels, dtype=object)
    truth, tone = labels[rng.integers(len(labels), size=n)], np.array(["a", "b"])[rng.integers(2, size=n)]
    said = np.where(rng.random(n) < 0.95, truth, labels[rng.integers(len(labels), size=n)])
    if to:
        said[(tone == "a") & (truth == "contentment") & (rng.random(n) < 0.8)] = to
    rows = pd.DataFrame({"image_id": np.arange(n).astype(str), "label": truth, "predicted": said, "tone": tone})
    found = predictions_from_table(rows, taxonomy=taxonomy)
    return found, [coded_attribute(found.rows["tone"])]


def test_a_mistake_within_a_polarity_is_mild_and_across_it_is_not() -> None:
    mild = severity_table(sliced(*readings(0, to="amusement")), beyond_labels=True, tolerance=0.05, sampling=Sampling(199))
    assert set(mild["verdict"]) == {"equivalent"}
    grave = severity_table(sliced(*readings(0, to="anger")), beyond_labels=True, tolerance=0.05, sampling=Sampling(199))
    row = grave.set_index("slice").loc["tone: a"]
    assert row["verdict"] == "skewed"
    assert row["high"] < -0.05


def test_labels_without_polarity_are_named_and_left_out() -> None:
    taxonomy = Taxonomy("custom", ("joy", "anger", "something else"), {"joy": 1, "anger": -1})
    data, coded = readings(1, taxonomy=taxonomy, n=300)
    table = severity_table(sliced(data, coded), sampling=Sampling(19))
    assert table["left_out"].iloc[0] == (data.predicted == 2).sum()
    weighted = severity_table(
        sliced(data, coded), valence={"joy": 0.9, "anger": -0.5, "something else": 0.1}, sampling=Sampling(19)
    )
    assert weighted["left_out"].iloc[0] == 0
    with pytest.raises(ValueError, match="a valence is given for 'joi', which is no label of the data: did you mean joy"):
        severity_table(sliced(data, coded), valence={"joi": 1.0})
    with pytest.raises(ValueError, match="none of joy, anger, something else has a known polarity"):
        severity_table(sliced(data, coded), valence={})
    bare = data.with_rows(data.rows.drop(columns="label"))
    with pytest.raises(ValueError, match="no picture has a true label or votes to compare with"):
        severity_table(sliced(bare, coded), beyond_labels=True)
    with pytest.raises(ValueError, match=r"known for 189 of 300 pictures and is the same \(1\) for these"):
        severity_table(sliced(data, coded), valence={"joy": 1.0, "anger": 1.0})


def test_severity_of_one_known_valence_names_the_labels_without_one() -> None:
    labels = ["Engagement", "Anticipation", "Peace", "Fear"]
    said = np.array(["Fear"] * 38 + ["Peace"] * 60 + ["Engagement"] * 52)
    true = np.roll(said, 7)
    table = pd.DataFrame({"image_id": map(str, range(150)), "predicted": said, "label": true, "tone": ["a", "b"] * 75})
    data = predictions_from_table(table, taxonomy=Taxonomy.from_labels(labels))
    coded = [attribute(table["tone"].to_numpy())]
    with pytest.raises(ValueError, match=r"is known for 38 of 150 pictures and is the same \(-1\) for these") as refused:
        severity_table(sliced(data, coded))
    assert "for 'Engagement' (52), 'Peace' (60); give --valence" in str(refused.value)
    with pytest.raises(ValueError, match=r"'Engagement' \(59\), 'Peace' \(67\)"):
        severity_table(sliced(data, coded), beyond_labels=True)


def test_an_outcome_that_is_known_of_some_pictures_and_the_same_for_these_says_of_how_many() -> None:
    values = np.where(np.arange(90) < 30, 2.0, np.nan)
    with pytest.raises(ValueError, match=r"mood is the same \(2\) for all 30 of 90 pictures that have one"):
        numeric_table(values, sliced_rows([attribute(np.arange(90) % 2)]), name="mood")
