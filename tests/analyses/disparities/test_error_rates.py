"""Are rates, gaps and comparability figures those of Fairlearn and of a loop, and do they stay calm without bias?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affect_workbench.analyses.disparities.error_rates import MEASURES, confusion_table, odds_table
from affect_workbench.analyses.disparities.group_metrics import (
    COMPARABILITY_COLUMNS,
    comparability_table,
    odds_difference,
    parity_difference,
    parity_ratio,
    positive_rates,
)
from affect_workbench.analyses.inference.exact import fisher_exact
from affect_workbench.analyses.inference.intervals import newcombe, wilson
from affect_workbench.analyses.inference.resampling import Sampling
from affect_workbench.analyses.slices.coding import CodedAttribute, coded_attribute, coded_attributes
from affect_workbench.analyses.slices.strata import true_codes
from affect_workbench.data.predictions import Predictions, predictions_from_table
from affect_workbench.data.tables.columns import attribute_columns
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from sliced_pictures import sliced

EKMAN = Taxonomy.named("ekman6")
LABELS = np.array(EKMAN.labels, dtype=object)


def pictures(
    seed: int, *, n: int = 900, mistaken: float = 0.0, groups: int | None = None, truth: bool = True
) -> tuple[Predictions, list[CodedAttribute]]:
    """Readings right 7 times in 10; in slice tone: dark a share `mistaken` of joy is predicted as anger."""
    rng = np.random.default_rng(seed)
    shown = rng.choice(6, p=[0.15, 0.1, 0.15, 0.3, 0.2, 0.1], size=n)
    group = np.arange(n) if groups is None else rng.integers(groups, size=n)
    values = rng.integers(3, size=n) if groups is None else rng.integers(3, size=groups)[group]
    wrong = rng.integers(6, size=n) if groups is None else rng.integers(6, size=groups)[group]
    said = np.where(rng.random(n) < 0.7, shown, wrong)
    said[(values == 0) & (shown == 3) & (rng.random(n) < mistaken)] = 0
    rows = pd.DataFrame(
        {
            "image_id": np.arange(n).astype(str),
            "group_id": group.astype(str),
            "predicted": LABELS[said],
            "tone": np.array(["dark", "light", "mid"])[values],
            "side": np.array(["l", "r"])[rng.integers(2, size=n)],
        }
    )
    if truth:
        rows["label"] = LABELS[shown]
    found = predictions_from_table(rows, taxonomy=EKMAN)
    return found, coded_attributes(found.rows, None, available=attribute_columns(found.rows))[0]


@pytest.fixture
def compas(shared_data: Path) -> tuple[Predictions, pd.DataFrame]:
    table = pd.read_csv(shared_data / "compas" / "compas.csv")
    words = {"image_id": table.index, "label": table["class"], "predicted": table["predicted"]}
    table = table.assign(**{name: column.astype(str) for name, column in words.items()})
    return predictions_from_table(table, taxonomy=Taxonomy("risk", ("0", "1"))), table


def test_rates_and_largest_gaps_of_compas_are_those_of_fairlearn(compas) -> None:
    metrics = pytest.importorskip("fairlearn.metrics", reason="fairlearn (extra bench) is not installed")
    predictions, table = compas
    y, said = table["class"], table["predicted"].astype(int)
    for column in ("race", "sex", "age"):
        attribute = coded_attribute(predictions.rows[column])
        frame = metrics.MetricFrame(
            metrics={
                "true positive rate": metrics.true_positive_rate,
                "false positive rate": metrics.false_positive_rate,
                "selection": metrics.selection_rate,
            },
            y_true=y,
            y_pred=said,
            sensitive_features=table[column],
        )
        odds = odds_table(sliced(predictions, [attribute]))
        for measure in MEASURES:
            rows = odds[(odds["measure"] == measure) & (odds["emotion"] == "1") & (odds["verdict"] != "too small")]
            assert len(rows) >= 2
            for row in rows.itertuples():
                assert row.rate == pytest.approx(frame.by_group[measure][row.where[column]], abs=1e-12)
        figures = comparability_table(sliced(predictions, [attribute]), favourable="0", sampling=Sampling(19)).set_index(
            ["measure", "emotion"]
        )
        options = {"y_true": y, "y_pred": said, "sensitive_features": table[column]}
        for measure, number in (
            ("demographic parity difference", metrics.demographic_parity_difference),
            ("demographic parity ratio", metrics.demographic_parity_ratio),
            ("equalised odds difference", metrics.equalized_odds_difference),
            ("equalised odds ratio", metrics.equalized_odds_ratio),
        ):
            assert figures.loc[(measure, "1"), "value"] == pytest.approx(number(**options), abs=1e-12)
        not_said = frame.by_group["selection"].rsub(1)
        assert figures.loc[("impact ratio", "0"), "value"] == pytest.approx(not_said.min() / not_said.max(), abs=1e-12)
    assert ("impact ratio", "1") not in figures.index


def test_the_published_false_positive_rates_of_compas_differ_surely(compas) -> None:
    predictions, _ = compas
    odds = odds_table(sliced(predictions, [coded_attribute(predictions.rows["race"])]))
    rows = odds[(odds["measure"] == "false positive rate") & (odds["emotion"] == "1")].set_index("slice")
    assert rows.loc["race: Afr-Am", "rate"] == pytest.approx(0.139, abs=5e-4)
    assert rows.loc["race: Cauc", "rate"] == pytest.approx(0.048, abs=5e-4)
    assert rows.loc["race: Afr-Am", "verdict"] == "skewed"


def test_every_gap_is_what_a_loop_counts() -> None:
    data, coded = pictures(0)
    truth, said = true_codes(data), data.predicted
    odds, confusions = odds_table(sliced(data, coded)), confusion_table(sliced(data, coded))
    assert len(odds) == 2 * 6 * 5
    assert len(confusions) == 30 * 5
    for row in odds.itertuples():
        column, value = next(iter(row.where.items()))
        inside, label = (data.rows[column] == value).to_numpy(), EKMAN.labels.index(row.emotion)
        counted = (truth == label) == (row.measure == "true positive rate")
        hits, n = int((inside & counted & (said == label)).sum()), int((inside & counted).sum())
        others, m = int((~inside & counted & (said == label)).sum()), int((~inside & counted).sum())
        assert (row.n, row.n_complement) == (n, m)
        np.testing.assert_allclose((row.low, row.high), newcombe(hits, n, others, m))
        np.testing.assert_allclose((row.rate_low, row.rate_high), wilson(hits, n))
        assert row.p == pytest.approx(float(fisher_exact(*(np.array(x) for x in (hits, n, others, m)))))
    for row in confusions.sample(40, random_state=1).itertuples():
        column, value = next(iter(row.where.items()))
        shows = truth == EKMAN.labels.index(row.emotion)
        inside = (data.rows[column] == value).to_numpy()
        assert row.rate == pytest.approx((said == EKMAN.labels.index(row.predicted_as))[inside & shows].mean())
        assert row.emotion != row.predicted_as


def test_a_planted_confusion_is_found_by_name_and_direction() -> None:
    data, coded = pictures(1, n=3_000, mistaken=0.3)
    confusions = confusion_table(sliced(data, coded))
    found = confusions[confusions["verdict"] == "skewed"].sort_values("effect").iloc[-1]
    assert (found["slice"], found["emotion"], found["predicted_as"]) == ("tone: dark", "joy", "anger")
    odds = odds_table(sliced(data, coded)).set_index(["measure", "slice", "emotion"])
    assert odds.loc[("true positive rate", "tone: dark", "joy"), "verdict"] == "skewed"
    assert odds.loc[("true positive rate", "tone: dark", "joy"), "effect"] < 0
    assert odds.loc[("false positive rate", "tone: dark", "anger"), "effect"] > 0
    figures = comparability_table(sliced(data, coded), sampling=Sampling(999)).set_index(["attribute", "measure", "emotion"])
    assert figures.loc[("tone", "equalised odds difference", "joy"), "q"] <= 0.05
    assert figures.loc[("tone", "equalised odds difference", "joy"), "low"] > 0


def test_fair_readings_raise_no_alarm_and_largest_gaps_are_no_more_than_chance() -> None:
    flagged = gaps = 0
    for seed in range(80):
        data, coded = pictures(100 + seed, n=500)
        flagged += bool(
            (odds_table(sliced(data, coded))["q"] <= 0.05).any() or (confusion_table(sliced(data, coded))["q"] <= 0.05).any()
        )
        figures = comparability_table(sliced(data, coded), sampling=Sampling(99))
        gaps += int((figures["p"] <= 0.05).sum())
        parity = figures[figures["measure"] == "demographic parity difference"]
        assert (parity["by_chance"] > 0.01).all()  # what a largest gap is in data without any bias
    assert stats.binomtest(flagged, 80, 0.1, alternative="greater").pvalue > 0.01  # two tables, .05 each
    # Cells of one table lean on each other, so the tolerance is wider than a binomial's.
    assert gaps / (80 * 2 * 6 * 4) < 0.075


def test_with_groups_whole_groups_are_the_units() -> None:
    flagged = naive = 0
    for seed in range(40):
        data, coded = pictures(300 + seed, n=600, groups=45)
        flagged += bool((odds_table(sliced(data, coded[:1]))["q"] <= 0.05).any())
        flagged += bool((confusion_table(sliced(data, coded[:1]))["q"] <= 0.05).any())
        alone = data.with_rows(data.rows.assign(group_id=data.rows["image_id"]))
        naive += bool((odds_table(sliced(alone, coded[:1]))["q"] <= 0.05).any())
        naive += bool((confusion_table(sliced(alone, coded[:1]))["q"] <= 0.05).any())
    assert naive >= 8
    assert stats.binomtest(flagged, 80, 0.06, alternative="greater").pvalue > 0.01


def test_groups_of_one_picture_are_no_groups() -> None:
    data, coded = pictures(2, n=300)
    bare = data.with_rows(data.rows.drop(columns="group_id"))
    pd.testing.assert_frame_equal(odds_table(sliced(data, coded)), odds_table(sliced(bare, coded)))
    pd.testing.assert_frame_equal(
        comparability_table(sliced(data, coded), sampling=Sampling(19)),
        comparability_table(sliced(bare, coded), sampling=Sampling(19)),
    )


def test_the_figures_of_a_written_out_table() -> None:
    counts = np.array([[[8, 2], [1, 9]], [[3, 7], [5, 5]]], dtype=float)  # value, truth, said
    np.testing.assert_allclose(parity_difference(counts), [1 / 20, 1 / 20])
    np.testing.assert_allclose(parity_ratio(counts), [8 / 9, 11 / 12])
    true, false = positive_rates(counts)
    np.testing.assert_allclose(true, [[0.8, 0.9], [0.3, 0.5]])
    np.testing.assert_allclose(false, [[0.1, 0.2], [0.5, 0.7]])
    np.testing.assert_allclose(odds_difference(counts), [0.5, 0.5])
    alone = counts[:1]
    assert np.isnan(parity_difference(alone)).all()
    assert np.isnan(parity_ratio(np.array([[[0.0, 3.0]], [[0.0, 4.0]]]))[0])


def test_without_truth_only_what_needs_none_is_given() -> None:
    data, coded = pictures(3, truth=False, n=200)
    for table in (odds_table, confusion_table):
        with pytest.raises(ValueError, match="no picture has a true label or votes: give a column 'label'"):
            table(sliced(data, coded))
    figures = comparability_table(sliced(data, coded), sampling=Sampling(19))
    assert list(figures.columns) == list(COMPARABILITY_COLUMNS)
    assert set(figures["measure"]) == {"demographic parity difference", "demographic parity ratio"}


def test_few_pictures_are_too_small_and_show_no_number() -> None:
    data, coded = pictures(4, n=60)
    table = odds_table(sliced(data, coded))
    small = table[table[["n", "n_complement"]].min(axis=1) < 10]
    assert len(small)
    assert set(small["verdict"]) == {"too small"}
    assert small[["rate", "effect", "low", "p"]].isna().all().all()


def test_bad_questions_get_one_line() -> None:
    data, coded = pictures(5, n=60)
    with pytest.raises(ValueError, match="favourable label 'joi' is not in the data: did you mean joy"):
        comparability_table(sliced(data, coded), favourable="joi")
    with pytest.raises(ValueError, match="5 random draws: expected at least 19"):
        comparability_table(sliced(data, coded), sampling=Sampling(5))


def test_one_class_predictions_differ_nowhere() -> None:
    data, coded = pictures(6, n=300)
    same = Predictions(np.tile(1.0 - np.eye(6)[0], (300, 1)), data.rows, EKMAN, "label")
    assert (odds_table(sliced(same, coded))["p"].dropna() == 1).all()
    figures = comparability_table(sliced(same, coded), sampling=Sampling(19))
    assert (figures.loc[figures["measure"].str.endswith("difference"), "value"] == 0).all()
    assert (figures["p"].dropna() == 1).all()
