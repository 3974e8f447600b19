from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affect_workbench.analyses.inference.clusters import FEWEST_GROUPS
from affect_workbench.analyses.inference.intervals import paired_shift_interval
from affect_workbench.analyses.inference.means.sums import Sums
from affect_workbench.analyses.inference.paired import change_p, group_totals, mcnemar, mean_change_interval
from affect_workbench.analyses.slices.coding import coded_attribute
from affect_workbench.analyses.slices.sums import slice_sums
from sliced_pictures import sliced_rows


def test_mcnemar_is_the_exact_binomial_test():
    pairs = [(up, down) for up in (0, 1, 3, 10, 200) for down in (0, 2, 9, 150)]
    up, down = (np.array(side) for side in zip(*pairs, strict=True))
    expected = [stats.binomtest(one, one + two).pvalue if one + two else 1.0 for one, two in pairs]
    np.testing.assert_allclose(mcnemar(up, down), expected, rtol=1e-9)


def test_p_is_one_minus_the_level_whose_interval_just_reaches_zero():
    sums = [Sums(*(np.array([value]) for value in side)) for side in ((30.0, 60.0, 200.0), (5.0, 90.0, 700.0))]
    p = change_p(*sums)
    assert 1e-6 < p[0] < 0.05
    low, high = paired_shift_interval(*sums, level=1 - p[0])
    assert min(abs(low[0]), abs(high[0])) == pytest.approx(0, abs=1e-12)


def test_where_nothing_moved_the_interval_has_a_width_and_p_is_one():
    zero, n, m = np.zeros(1), np.array([40.0]), np.array([400.0])
    low, high = mean_change_interval(Sums(zero, zero, n))
    assert low[0] < 0 < high[0] < 0.05
    assert change_p(Sums(zero, zero, n), Sums(zero, zero, m))[0] == 1


def test_the_mean_of_no_picture_is_not_known():
    low, high = mean_change_interval(Sums(np.zeros(1), np.zeros(1), np.zeros(1)))
    assert np.isnan([low, high]).all()


def looped(mask, known, groups, values, counted):
    """Design effect and signs for one slice, one group after the other."""
    inside, outside = mask & known, ~mask & known
    n, m = counted[inside].sum(), counted[outside].sum()
    mean, other = values[inside].sum() / n, values[outside].sum() / m
    robust, up, down = 0.0, 0, 0
    for group in np.unique(groups[known]):
        own, rest = inside & (groups == group), outside & (groups == group)
        part = (values[own].sum() - mean * counted[own].sum()) / n / np.sqrt(1 - counted[own].sum() / n)
        part -= (values[rest].sum() - other * counted[rest].sum()) / m / np.sqrt(1 - counted[rest].sum() / m)
        robust += part**2
        up, down = up + (values[own].sum() > 1e-9), down + (values[own].sum() < -1e-9)
    plain = ((values[inside] ** 2).sum() - n * mean**2) / (n - 1) / n
    plain += ((values[outside] ** 2).sum() - m * other**2) / (m - 1) / m
    return robust / plain, up, down


def test_group_totals_are_those_of_a_loop_over_groups():
    rng = np.random.default_rng(0)
    n = 900
    groups = rng.integers(120, size=n)
    place = np.array(["a", "b", "c"], dtype=object)[rng.integers(3, size=n)]
    place[:40] = None
    tone = np.array(["dark", "light"], dtype=object)[(groups + (rng.random(n) < 0.3)) % 2]
    counted = (rng.random((n, 2)) < 0.8).astype(float)
    values = rng.integers(-1, 2, size=(n, 2)) * counted + (rng.standard_normal(120)[groups] > 1)[:, None] * counted * 0.5
    attributes = [coded_attribute(pd.Series(column, name=name)) for name, column in (("place", place), ("tone", tone))]
    specs = slice_sums(attributes, np.ones((n, 1)), order=2).specs
    found = group_totals(specs, sliced_rows(attributes, groups=groups), values=values, counted=counted)
    rows = pd.DataFrame({"place": place, "tone": tone})
    for at, spec in enumerate(specs):
        for kind in range(2):
            expected = looped(spec.mask(rows), spec.universe(rows), groups, values[:, kind], counted[:, kind])
            assert (found.design_effect[at, kind], found.up[at, kind], found.down[at, kind]) == pytest.approx(expected)
    assert len(specs) == 11


def test_too_few_groups_to_know_how_alike_they_are():
    groups = np.repeat(np.arange(FEWEST_GROUPS + 5), 20)
    tone = np.where(groups < FEWEST_GROUPS - 1, "dark", "light").astype(object)
    attribute = coded_attribute(pd.Series(tone, name="tone"))
    values = np.random.default_rng(0).integers(-1, 2, size=(len(groups), 1)).astype(float)
    specs = slice_sums([attribute], np.ones((len(groups), 1)), order=1).specs
    found = group_totals(specs, sliced_rows([attribute], groups=groups), values=values, counted=np.ones_like(values))
    assert np.isnan(found.design_effect).all()
