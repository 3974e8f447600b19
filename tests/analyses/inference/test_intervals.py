"""Do intervals, tests and detectable effects agree with written-out references, and cover what they say they cover?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from affect_workbench.analyses.inference.exact import fisher_exact
from affect_workbench.analyses.inference.intervals import (
    log_odds,
    mean_difference_interval,
    mean_interval,
    newcombe,
    paired_shift_interval,
    quantile,
    smallest_detectable_effect,
    two_sided,
    wilson,
    with_freedom,
)
from affect_workbench.analyses.inference.means.sums import Sums
from affect_workbench.analyses.inference.multiplicity import benjamini_hochberg

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_is_statsmodels_wilson(count: tuple[int, int], level: float) -> None:
    np.testing.assert_allclose(
        wilson(*count, level=level), proportion_confint(*count, alpha=1 - level, method="wilson"), atol=1e-12
    )


@given(counts, counts, st.sampled_from([0.8, 0.95, 0.99]))
def test_newcombe_is_statsmodels_newcombe(one: tuple[int, int], other: tuple[int, int], level: float) -> None:
    expected = confint_proportions_2indep(*one, *other, method="newcomb", compare="diff", alpha=1 - level)
    np.testing.assert_allclose(newcombe(*one, *other, level=level), expected, atol=1e-9)


@given(counts, counts)
def test_newcombe_turns_its_sign_with_the_sides_and_holds_the_difference(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    low, high = newcombe(*one, *other)
    difference = one[0] / one[1] - other[0] / other[1]
    assert -1 - 1e-12 <= low <= difference + 1e-12
    assert difference - 1e-12 <= high <= 1 + 1e-12
    np.testing.assert_allclose(newcombe(*other, *one), (-high, -low), atol=1e-12)


def test_intervals_of_nothing_are_unknown() -> None:
    assert np.isnan(wilson(0, 0)).all()
    assert np.isnan(newcombe(np.array([0, 3]), np.array([0, 9]), np.array([3, 0]), np.array([9, 0]))).all()
    assert np.isnan(mean_interval(Sums(*map(np.array, ([1.0], [1.0], [1]))))).all()
    assert np.isnan(paired_shift_interval(Sums(*map(np.array, (0.0, 0.0, 0))), Sums(*map(np.array, (1.0, 1.0, 5))))).all()


def sums(values: np.ndarray) -> Sums:
    return Sums(values.sum(), (values**2).sum(), np.array(len(values)))


@pytest.mark.parametrize(("n", "m"), [(2, 2), (2, 40), (17, 5), (300, 1_000)])
def test_mean_intervals_are_students_and_welchs(n: int, m: int) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.normal(3, 1, n), rng.normal(2, 4, m)
    t = stats.ttest_1samp(a, 0).confidence_interval(0.95)
    np.testing.assert_allclose(mean_interval(sums(a)), t, rtol=1e-9)
    welch = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    np.testing.assert_allclose(mean_difference_interval(sums(a), sums(b)), welch, rtol=1e-9)


def test_means_of_equal_values_have_intervals_of_no_width() -> None:
    np.testing.assert_allclose(mean_interval(sums(np.full(9, 0.1))), 0.1, atol=1e-8)
    for n, m in ((9, 4), (4, 9), (2, 2)):
        np.testing.assert_allclose(mean_difference_interval(sums(np.full(n, 2.0)), sums(np.full(m, 1.5))), 0.5, atol=1e-8)


@given(counts, counts)
@example((1, 2), (1, 2))  # a tie in the far tail
@example((0, 1), (0, 1))  # no successes
@example((3, 3), (2, 2))  # nothing but successes
@example((7, 14), (3, 6))  # exactly even
@example((2, 5), (0, 20))
def test_fisher_exact_is_scipys(one: tuple[int, int], other: tuple[int, int]) -> None:
    assert_scipys([one], [other])


def test_fisher_exact_is_scipys_for_every_small_table() -> None:
    """All 1,296 tables with up to 8 on a side, in one call: ties and empty margins included."""
    pairs = [(hits, n) for n in range(1, 9) for hits in range(n + 1)]
    ones, others = zip(*((one, other) for one in pairs for other in pairs), strict=True)
    assert_scipys(ones, others)


@pytest.mark.parametrize("rate", [1e-5, 0.02, 0.5, 0.999])
@pytest.mark.parametrize("share", [2e-5, 0.01, 0.5])
def test_fisher_exact_is_scipys_in_populations_of_a_million(rate: float, share: float) -> None:
    rng = np.random.default_rng(int(1e6 * rate * share))
    n = np.full(4, int(1e6 * share))
    m = 1_000_000 - n
    hits = np.clip((rate * n + np.array([-4, -1, 1, 6]) * np.sqrt(n * rate * (1 - rate))).astype(int), 0, n)
    other = rng.binomial(m, rate)
    assert_scipys(list(zip(hits, n, strict=True)), list(zip(other, m, strict=True)))


def assert_scipys(ones, others) -> None:
    (hits, n), (other_hits, other_n) = np.transpose(ones), np.transpose(others)
    p = fisher_exact(hits, n, other_hits, other_n)
    expected = [
        stats.fisher_exact([[a, b - a], [c, d - c]]).pvalue for a, b, c, d in zip(hits, n, other_hits, other_n, strict=True)
    ]
    np.testing.assert_allclose(p, expected, rtol=1e-6, atol=1e-300)
    np.testing.assert_allclose(fisher_exact(other_hits, other_n, hits, n), p, rtol=1e-6, atol=1e-300)


def test_fisher_exact_of_an_empty_side_is_unknown() -> None:
    one, other = (np.array([0, 2, 0]), np.array([0, 5, 0])), (np.array([3, 0, 0]), np.array([9, 0, 0]))
    assert np.isnan(fisher_exact(*one, *other)).all()


def test_fisher_exact_rejects_true_nulls_at_most_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    p = fisher_exact(rng.binomial(40, 0.2, 4_000), np.full(4_000, 40), rng.binomial(300, 0.2, 4_000), np.full(4_000, 300))
    assert [bool((p <= level).mean() <= level) for level in (0.01, 0.05, 0.2)] == [True] * 3


@given(st.lists(st.one_of(st.floats(0, 1), st.just(np.nan)), max_size=40))
def test_benjamini_hochberg_is_statsmodels_over_what_was_tested(values: list[float]) -> None:
    p = np.array(values)
    tested = np.isfinite(p)
    q = benjamini_hochberg(p)
    assert np.isnan(q[~tested]).all()
    if tested.any():
        np.testing.assert_allclose(q[tested], multipletests(p[tested], method="fdr_bh")[1], atol=1e-12)


def test_detectable_effects_are_the_published_ones() -> None:
    n = np.array([30, 100, 1_000])
    np.testing.assert_allclose(smallest_detectable_effect(n, 10**9, np.float64(0.125)), [0.17, 0.093, 0.029], atol=0.001)


def test_the_detectable_effect_is_found_with_about_the_stated_power() -> None:
    rng, size = np.random.default_rng(0), 5_000
    n, m, base = 400, 4_000, 0.3
    effect = float(smallest_detectable_effect(np.array(n), np.array(m), np.array(base)))
    p = fisher_exact(rng.binomial(n, base + effect, size), np.full(size, n), rng.binomial(m, base, size), np.full(size, m))
    assert 0.75 < (p <= 0.05).mean() < 0.85


def test_detectable_effects_shrink_with_size_and_are_infinite_without_pictures() -> None:
    effects = smallest_detectable_effect(np.array([0, 10, 100, 1_000]), np.array(5_000), np.array(0.2))
    assert effects[0] == np.inf
    assert (np.diff(effects) < 0).all()
    assert smallest_detectable_effect(np.array(100), np.array(0), np.array(0.2)) == np.inf
    assert (
        smallest_detectable_effect(100, 5_000, 0.2, alpha=0.01)
        > effects[2]
        > smallest_detectable_effect(100, 5_000, 0.2, power=0.5)
    )


def covered(interval: tuple[np.ndarray, np.ndarray], truth: float) -> float:
    return float(((interval[0] <= truth) & (truth <= interval[1])).mean())


def test_newcombe_covers_the_true_difference_from_ten_to_five_hundred_pictures() -> None:
    rng, size = np.random.default_rng(0), 4_000
    coverage = [
        covered(newcombe(rng.binomial(n, p, size), n, rng.binomial(m, q, size), m), p - q)
        for n in (10, 50, 500)
        for m in (40, 2_000)
        for p, q in ((0.05, 0.05), (0.125, 0.125), (0.4, 0.2), (0.9, 0.6))
    ]
    assert 0.93 <= np.mean(coverage) <= 0.97
    assert min(coverage) >= 0.90


def test_the_shift_interval_counts_two_more_pictures_on_either_side():
    """By hand, after Agresti and Min: 20 pictures of which 5 moved up and 1 down, and 50 with 2 and 3."""
    low, high = paired_shift_interval(Sums(4.0, 6.0, 20), Sums(-1.0, 5.0, 50))
    own, other = 4 / 22, -1 / 52
    variance = (7 / 22 - own**2) / 22 + (6 / 52 - other**2) / 52
    np.testing.assert_allclose([low, high], own - other + np.array([-1, 1]) * 1.959963984540054 * np.sqrt(variance))
    never = paired_shift_interval(Sums(0.0, 0.0, 20), Sums(0.0, 0.0, 50))
    np.testing.assert_allclose(never[1], 1.959963984540054 * np.sqrt(1 / 22**2 + 1 / 52**2))


def test_student_quantiles_where_a_variance_was_measured():
    counts = (12.0, 40.0, 30.0, 200.0)
    np.testing.assert_allclose(quantile(0.95, freedom=np.array([4.0, np.inf])), [stats.t.ppf(0.975, 4), 1.959963984540054])
    few, many = newcombe(*counts, freedom=4.0), newcombe(*counts)
    assert few[0] < many[0] < many[1] < few[1]
    np.testing.assert_allclose(newcombe(*counts, freedom=1e9), many)
    p = np.array([0.05, 1.0, 0.0])
    np.testing.assert_allclose(with_freedom(p, 4.0), [2 * stats.t.sf(stats.norm.isf(0.025), 4), 1.0, 0.0])
    np.testing.assert_allclose(with_freedom(p, np.inf), p)
    np.testing.assert_allclose(
        two_sided(np.array([-2.0, 2.0]), freedom=np.array([3.0, np.inf])), [2 * stats.t.sf(2, 3), 2 * stats.norm.sf(2)]
    )


def test_the_shift_interval_covers_the_true_shift_also_where_prediction_and_truth_mostly_agree() -> None:
    rng, size = np.random.default_rng(0), 4_000

    def drawn(n: int, up: float, down: float) -> Sums:
        """Sums over n pictures of z = said minus true: +1 with chance `up`, -1 with chance `down`."""
        plus, minus, _ = rng.multinomial(n, [up, down, 1 - up - down], size).T
        return Sums(plus - minus, plus + minus, np.array(n))

    coverage = [
        covered(paired_shift_interval(drawn(n, up, down), drawn(m, 0.05, 0.05)), up - down)
        for n in (10, 30, 100, 500)
        for m in (100, 2_000)
        for up, down in ((0.02, 0.02), (0.05, 0.05), (0.2, 0.05), (0.01, 0.15))
    ]
    assert 0.93 <= np.mean(coverage) <= 0.98
    assert min(coverage) >= 0.90


def test_log_odds_have_half_a_picture_more_on_either_side() -> None:
    value, variance = log_odds(np.array([3, 0]), np.array([10, 4]))
    np.testing.assert_allclose(value, np.log([3.5 / 7.5, 0.5 / 4.5]))
    np.testing.assert_allclose(variance, [1 / 3.5 + 1 / 7.5, 1 / 0.5 + 1 / 4.5])
