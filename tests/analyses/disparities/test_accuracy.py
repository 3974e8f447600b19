"""Accuracy of every slice against its complement: the right intervals for labels and for votes, found when planted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from affect_workbench.analyses.disparities.accuracy import ACCURACY, ACCURACY_COLUMNS, accuracy_table
from affect_workbench.workbench.report.first_page.headline import beside_headline, headline_sentences
from sliced_pictures import sliced
from workbench_runs import EKMAN, audited, predictions_table

FAST = {"further": False, "space_pictures": 0}


def accuracy_of(table: pd.DataFrame, **config) -> pd.DataFrame:
    return audited(table, **(FAST | config)).tables[ACCURACY].set_index("slice")


def voted(table: pd.DataFrame, *, spread: float = 0.01, seed: int = 0) -> pd.DataFrame:
    """The same table with vote shares: the predicted label has .4 in dark pictures and .3 in light ones, give or take."""
    rng = np.random.default_rng(seed)
    mine = np.where(table["tone"] == "dark", 0.4, 0.3) + spread * rng.standard_normal(len(table))
    votes = {f"vote_{label}": np.where(table["predicted"] == label, mine, (1 - mine) / 5) for label in EKMAN}
    return table.drop(columns="label").assign(**votes)


def test_with_labels_the_interval_is_newcombes_and_p_is_fishers():
    table = predictions_table(600, attributes={"tone": ("dark", "light")}, bias=0.3)
    row = accuracy_of(table).loc["tone: dark"]
    right = (table["predicted"] == table["label"]).groupby(table["tone"]).agg(["sum", "size"])
    hits, n, other, m = (*right.loc["dark"], *right.loc["light"])
    low, high = confint_proportions_2indep(hits, n, other, m, method="newcomb")
    assert (row["n"], row["n_complement"]) == (n, m)
    np.testing.assert_allclose(
        row[["accuracy", "complement_accuracy", "effect", "low", "high"]].astype(float),
        [hits / n, other / m, hits / n - other / m, low, high],
    )
    assert row["p"] == pytest.approx(stats.fisher_exact([[hits, n - hits], [other, m - other]]).pvalue)
    assert row["verdict"] == "skewed"


@pytest.mark.parametrize(("bias", "votes"), [(0.3, False), (0.0, True), (0.0, False)])
def test_a_gap_is_said_under_the_headline_even_where_no_emotion_is_skewed(bias, votes):
    table = predictions_table(600, attributes={"tone": ("dark", "light")}, bias=bias)
    result = audited(voted(table) if votes else table, **FAST)
    said = beside_headline(result)
    if not bias and not votes:
        assert said == ()
        return
    name, worse = ("vote agreement", "light") if votes else ("accuracy", "dark")
    row = result.tables[ACCURACY].set_index("slice").loc[f"tone: {worse}"]
    assert said == (
        f"The {name} of 2 slices differs from that of the other pictures beyond chance and tolerance, most of all "
        f"tone: {worse} ({100 * row['accuracy']:.1f} % against {100 * row['complement_accuracy']:.1f} %).",
    )
    assert headline_sentences(result).endswith(said[0])


def test_with_votes_the_interval_is_that_of_the_shares_not_of_coins():
    table = voted(predictions_table(400, attributes={"tone": ("dark", "light")}, bias=0.0))
    row = accuracy_of(table).loc["tone: dark"]
    share = table[[f"vote_{label}" for label in EKMAN]].to_numpy()[
        np.arange(400), [EKMAN.index(one) for one in table["predicted"]]
    ]
    dark = (table["tone"] == "dark").to_numpy()
    expected = stats.ttest_ind(share[dark], share[~dark], equal_var=False)
    np.testing.assert_allclose(row[["low", "high"]].astype(float), expected.confidence_interval(0.95))
    assert row["high"] - row["low"] < 0.005  # as coins: .19
    assert row["p"] == pytest.approx(expected.pvalue, rel=1e-6, abs=0)
    assert row["verdict"] == "skewed"


def test_votes_that_all_agree_are_not_certain():
    """Pictures that are all wholly right have no spread to measure: they get that of one as far off as the others."""
    table = voted(predictions_table(400, attributes={"tone": ("light",), "place": ("a", "b")}, bias=0.0), spread=0.05)
    table["few"] = np.where(np.arange(400) < 12, "few", "many").astype(object)
    for label in EKMAN:
        column = table[f"vote_{label}"].to_numpy(copy=True)
        column[:12] = (table["predicted"] == label)[:12]
        table[f"vote_{label}"] = column
    row = accuracy_of(table).loc["few: few"]
    assert row["accuracy"] == 1
    assert row["high"] - row["low"] > 0.04
    assert 0 < row["p"] < 0.05


def test_equal_accuracy_makes_no_verdict_and_a_planted_gap_does():
    quiet = accuracy_of(predictions_table(3_000, bias=0.0, seed=3))
    assert not (quiet["verdict"] == "skewed").any()
    loud = accuracy_of(predictions_table(3_000, bias=0.3, seed=3))
    assert loud.loc["tone: dark", "verdict"] == loud.loc["tone: light", "verdict"] == "skewed"
    assert loud.loc["tone: dark", "effect"] == pytest.approx(-loud.loc["tone: light", "effect"])
    assert loud.loc["tone: dark", "adjusted_low"] <= loud.loc["tone: dark", "low"] < 0


def test_groups_widen_the_interval_and_too_few_of_them_are_too_small():
    table = predictions_table(600, attributes={"tone": ("dark", "light")}, bias=0.3)
    half = len(table) // 2
    table = pd.concat([table.iloc[:half], table.iloc[:half]], ignore_index=True)  # every picture twice, in a group
    table["image_id"] = [f"p{number}" for number in range(len(table))]
    alone = accuracy_of(table).loc["tone: dark"]
    table["group_id"] = [f"g{number % half}" for number in range(len(table))]
    row = accuracy_of(table).loc["tone: dark"]
    assert row["design_effect"] == pytest.approx(2, abs=0.05)
    assert row["high"] - row["low"] == pytest.approx(np.sqrt(2) * (alone["high"] - alone["low"]), rel=0.03)
    table["group_id"] = [f"g{number % 6}" for number in range(len(table))]
    assert (accuracy_of(table)["verdict"] == "too small").all()


def test_a_slice_of_few_pictures_has_no_number_and_unlabelled_pictures_do_not_count():
    table = predictions_table(500)
    table["rare"] = np.where(np.arange(500) < 5, "five", "others").astype(object)
    table.loc[table.index[100:], "label"] = None
    found = accuracy_of(table)
    assert list(found.reset_index().columns) == list(ACCURACY_COLUMNS)
    assert found.loc["rare: five", "verdict"] == "too small"
    assert np.isnan(found.loc["rare: five", "accuracy"])
    assert found.loc["tone: dark", "n"] + found.loc["tone: light", "n"] == 100


def test_without_a_truth_there_is_no_table():
    assert ACCURACY not in audited(predictions_table(200).drop(columns="label"), **FAST).tables


def test_the_table_refuses_scores_without_a_truth():
    from affect_workbench.analyses.slices.coding import coded_attributes
    from affect_workbench.analyses.slices.sums import slice_sums
    from affect_workbench.data.predictions import predictions_from_table

    given = predictions_from_table(predictions_table(100).drop(columns="label"))
    coded = coded_attributes(given.rows, ["tone"], available=["tone"])[0]
    data = sliced(given, coded)
    with pytest.raises(ValueError, match="no picture has a label or votes"):
        accuracy_table(slice_sums(coded, data.scores.columns), data)
