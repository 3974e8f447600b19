"""Does the benchmark count what it says it counts, and judge by the tests that it names?"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from affect_workbench.analyses.benchmark.causal import adjusted_gap
from affect_workbench.analyses.benchmark.decision_rules import counted, flags, position, true_differences
from affect_workbench.analyses.benchmark.hidden.embeddings import baselines
from affect_workbench.analyses.benchmark.hidden.induced import induced
from affect_workbench.analyses.benchmark.other_tools import ASK, PACKAGES, _restated, installed
from affect_workbench.analyses.benchmark.results import CHANCE, FAIL, PASS, mean_row, share_row
from affect_workbench.analyses.benchmark.tables import _coverage, _holm
from affect_workbench.data.synthetic.embeddings import planted_embeddings
from affect_workbench.data.synthetic.predictions import table_world


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(0)
    world = table_world(rng).read({"attribute_2": 1, "attribute_4": 0}, 3, 0.3)
    predictions = world.draw(3_000, rng)
    return world, predictions, counted(predictions)


def test_counts_and_true_differences_are_those_of_masks(drawn):
    world, predictions, table = drawn
    truth = true_differences(world, table.sums.specs)
    codes = {name: world.codes[:, at] for at, name in enumerate(world.attributes)}
    y = predictions.taxonomy.codes(predictions.rows["label"])
    for at in range(0, len(table.sums.specs), 7):
        spec = table.sums.specs[at]
        mask = spec.mask(predictions.rows)
        assert table.n[at, 0] == mask.sum()
        np.testing.assert_array_equal(table.hits[at], np.bincount(predictions.predicted[mask], minlength=8))
        assert table.sums.inside[at, -1] == (predictions.predicted != y)[mask].sum()
        inside = np.all([codes[name] == int(value[1:]) for name, value in spec.as_json().items()], axis=0)
        np.testing.assert_allclose(truth[at], world.rates(inside) - world.rates(~inside), atol=1e-12)
    assert position(table.sums.specs, {"attribute_4": 0, "attribute_2": 1}) is not None
    assert position(table.sums.specs, {"attribute_4": 99}) is None


def test_other_rules_are_as_written_out(drawn):
    _, predictions, table = drawn
    found = flags(table, np.random.default_rng(1))
    n, everyone = table.n[:, 0], len(predictions)
    said = np.bincount(predictions.predicted, minlength=8)
    for at in range(0, len(n), 11):
        for emotion in range(8):
            own = stats.beta(table.hits[at, emotion] + 1, n[at] - table.hits[at, emotion] + 1)
            other = stats.beta(said[emotion] + 1, everyone - said[emotion] + 1)
            t = abs(own.mean() - other.mean()) / np.sqrt(own.var() + other.var())
            assert found["DivExplorer"][at, emotion] == (t > 2)
    rates = [
        predictions.rows.assign(hit=predictions.predicted == 2).groupby(name)["hit"].mean()
        for name in ("attribute_1", "attribute_6")
    ]
    first = next(at for at, spec in enumerate(table.sums.specs) if "attribute_6" in spec.as_json())
    assert found["four-fifths"][:2, 2].any() == (rates[0].min() < 0.8 * rates[0].max())
    assert found["four-fifths"][first : first + 7, 2].any() == (rates[1].min() < 0.8 * rates[1].max())
    wrong = (table.sums.inside[:, -1] / n) / (table.whole[0, -1] / everyone)
    score = 0.95 * (wrong - 1) - 0.05 * (everyone / n - 1)
    assert found["SliceLine"].sum() == min((score > 0).sum(), 10)


def test_holm_is_that_of_statsmodels():
    from statsmodels.stats.multitest import multipletests

    p = np.random.default_rng(0).random((30, 4)) ** 6
    p[3] = np.nan
    expected = np.zeros(p.shape, dtype=bool)
    expected[np.isfinite(p)] = multipletests(p[np.isfinite(p)], method="holm")[0]
    np.testing.assert_array_equal(_holm(p), expected)


def test_coverage_is_what_drawing_gives():
    from affect_workbench.analyses.inference.intervals import newcombe

    rng = np.random.default_rng(0)
    x, y = rng.binomial(20, 0.3, 20_000), rng.binomial(300, 0.2, 20_000)
    low, high = newcombe(x, np.array(20), y, np.array(300))
    assert _coverage(20, 0.3, 300, 0.2)[0] == pytest.approx(((low <= 0.1) & (high >= 0.1)).mean(), abs=0.007)


def test_the_gap_is_the_largest_difference_within_labels():
    rng = np.random.default_rng(0)
    y, z = rng.integers(3, size=900), rng.integers(2, size=900)
    said = np.where(rng.random(900) < 0.2 + 0.2 * z, 1, y)
    gaps = []
    for emotion in range(3):
        hit = said == emotion
        parts = [(y == label) for label in range(3)]
        weights = [(part & (z == 1)).sum() * (part & (z == 0)).sum() / part.sum() for part in parts]
        differences = [hit[part & (z == 1)].mean() - hit[part & (z == 0)].mean() for part in parts]
        gaps.append(abs(np.average(differences, weights=weights)))
    assert adjusted_gap(said, z, y, 3) == pytest.approx(max(gaps))


def test_baselines_of_a_hidden_slice_are_between_chance_and_ours():
    planted = planted_embeddings("direction", n=4_000, seed=2)
    found = baselines(planted, [2])
    assert set(found) == {"random", "confusion cells", "ridge alone", "DivExplorer", "SliceLine"}
    assert found["random"] < 0.1 < found["ridge alone"]


def test_induced_predictions_are_changed_in_the_slice_only():
    rng = np.random.default_rng(0)
    y, inside = rng.integers(6, size=20_000), np.arange(20_000) < 4_000
    said = induced(y, inside, 6, rng)
    assert (said == y)[~inside].mean() == pytest.approx(0.7, abs=0.02)
    most = np.bincount(said[inside]).max() / 4_000
    assert most == pytest.approx(0.7 + 0.3 / 6, abs=0.03)


# --- judging ------------------------------------------------------------------------------------------------------------


def test_shares_are_judged_by_the_binomial_test():
    cases = [(3, "at_most", PASS), (9, "at_most", CHANCE), (20, "at_most", FAIL)]
    cases += [(95, "at_least", PASS), (87, "at_least", CHANCE), (60, "at_least", FAIL)]
    for hits, side, expected in cases:
        bar = 0.05 if side == "at_most" else 0.9
        row = share_row(hits, 100, kind="gate", name="", **{side: bar})
        way = "greater" if side == "at_most" else "less"
        assert row.p == pytest.approx(stats.binomtest(hits, 100, bar, alternative=way).pvalue)
        assert row.verdict == expected
    assert share_row(20, 100, at_most=0.05, kind="gate", name="").softened(1e-9).verdict == CHANCE
    assert share_row(20, 100, at_most=0.05, kind="gate", name="").softened(0.01).verdict == FAIL


def test_means_are_judged_by_the_t_test():
    values = list(np.random.default_rng(0).normal(0.5, 0.1, 12))
    for bar in (0.4, 0.52, 0.6):
        row = mean_row(values, at_least=bar, kind="gate", name="")
        assert row.p == pytest.approx(stats.ttest_1samp(values, bar, alternative="less").pvalue)
        assert (row.verdict == PASS) == (np.mean(values) >= bar)
    assert mean_row(values, at_least=0.6, kind="gate", name="").verdict == FAIL
    assert mean_row([0.3], at_least=0.6, kind="gate", name="").verdict == CHANCE


@pytest.mark.parametrize("tool", list(PACKAGES))
def test_the_tools_themselves_say_what_their_rules_say(tool):
    if installed(tool) is None:
        pytest.skip(f"{tool} is not installed: it comes with the extra 'bench'")
    rng = np.random.default_rng(4)
    for _ in range(2):
        null = table_world(rng).draw(1_500, rng)
        assert ASK[tool](null) == _restated(flags(counted(null), rng), tool)
