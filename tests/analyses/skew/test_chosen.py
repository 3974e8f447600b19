"""Chosen pictures beside the others: the numbers of other libraries, honest on the half that was kept back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from affect_workbench.analyses.inference.verdicts import STANDARD
from affect_workbench.analyses.skew.chosen import compared, kept_back, replication
from affect_workbench.analyses.slices.coding import coded_attributes
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.data.predictions import predictions_from_table

LABELS = ("anger", "joy", "fear")


def table_of(n=600, *, seed=0, **columns):
    rng = np.random.default_rng(seed)
    names = np.array(LABELS, dtype=object)
    return pd.DataFrame(
        {
            "image_id": [f"picture-{number:05d}" for number in range(n)],
            "predicted": names[rng.integers(3, size=n)],
            "label": names[rng.integers(3, size=n)],
            "tone": np.array(["dark", "light", None], dtype=object)[rng.integers(3, size=n)],
            "size": rng.normal(size=n),
            **columns,
        }
    )


def data_of(table):
    predictions = predictions_from_table(table)
    coded, _ = coded_attributes(predictions.rows, ("tone", "size"), available=("tone", "size"))
    return SlicedPredictions(predictions, tuple(coded))


def test_rates_intervals_and_tests_are_those_of_other_libraries():
    table = table_of()
    chosen = (np.random.default_rng(1).random(len(table)) < 0.2) | (table["predicted"] == "joy").to_numpy() & (
        np.arange(len(table)) % 3 == 0
    )
    found = compared(data_of(table), chosen, rules=STANDARD)
    n, m = int(chosen.sum()), int((~chosen).sum())
    assert (found.n, found.n_complement, found.in_groups) == (n, m, False)
    assert found.emotions["emotion"].tolist() == list(data_of(table).predictions.taxonomy.labels)
    for row in found.emotions.to_dict("records"):
        hits, others = ((table["predicted"] == row["emotion"])[side].sum() for side in (chosen, ~chosen))
        assert row["effect"] == pytest.approx(hits / n - others / m)
        ends = confint_proportions_2indep(hits, n, others, m, method="newcomb")
        assert (row["low"], row["high"]) == pytest.approx(ends)
        assert (row["rate_low"], row["rate_high"]) == pytest.approx(proportion_confint(hits, n, method="wilson"))
        assert row["p"] == pytest.approx(stats.fisher_exact([[hits, n - hits], [others, m - others]])[1])
        assert row["label_rate"] == pytest.approx((table["label"] == row["emotion"])[chosen].mean())
    expected = stats.false_discovery_control(found.emotions["p"])
    np.testing.assert_allclose(found.emotions["q"], np.maximum(expected, expected.min()))


def test_attributes_are_compared_among_pictures_with_a_value_the_surest_first():
    table = table_of()
    chosen = (table["tone"] == "dark").to_numpy() & (np.arange(len(table)) % 2 == 0)
    found = compared(data_of(table), chosen, rules=STANDARD).attributes
    assert found["slice"].iloc[:2].tolist() == ["tone: dark", "tone: light"]
    known = table["tone"].notna().to_numpy()
    dark = (table["tone"] == "dark").to_numpy()
    hits, n, others, m = chosen.sum(), (chosen & known).sum(), (dark & ~chosen).sum(), (known & ~chosen).sum()
    row = found.set_index("slice").loc["tone: dark"]
    assert (row["rate"], row["complement_rate"]) == pytest.approx((hits / n, others / m))
    ends = confint_proportions_2indep(hits, n, others, m, method="newcomb")
    assert (row["low"], row["high"]) == pytest.approx(ends)
    assert found["slice"].str.startswith("size: ").sum() == 4  # quantiles, as an audit cuts them


def test_pictures_of_groups_are_no_news_beyond_their_groups():
    """Each picture five times over: one picture each says as much, and nothing else would be honest."""
    table = table_of(120)
    chosen = np.random.default_rng(2).random(120) < 0.4
    copies = pd.concat([table] * 5, ignore_index=True)
    copies["group_id"] = np.tile(table["image_id"], 5)
    copies["image_id"] = [f"copy-{number}" for number in range(len(copies))]
    grouped = compared(data_of(copies), np.tile(chosen, 5), rules=STANDARD)
    naive = compared(data_of(copies.drop(columns="group_id")), np.tile(chosen, 5), rules=STANDARD)
    alone = compared(data_of(table), chosen, rules=STANDARD)
    assert grouped.in_groups
    for name, kind in (("emotions", "emotion"), ("attributes", "slice")):
        wide, narrow, one = (getattr(side, name).set_index(kind) for side in (grouped, naive, alone))
        width, thin = wide["high"] - wide["low"], (narrow["high"] - narrow["low"]).loc[wide.index]
        assert (width > 1.8 * thin).all()
        np.testing.assert_allclose(width, (one["high"] - one["low"]).loc[wide.index], rtol=0.25)


def test_votes_count_as_shares():
    rng = np.random.default_rng(3)
    votes = rng.multinomial(10, (0.5, 0.3, 0.2), size=400)
    table = table_of(400).drop(columns="label").assign(**{f"vote_{label}": votes[:, at] for at, label in enumerate(LABELS)})
    chosen = rng.random(400) < 0.3
    rows = compared(data_of(table), chosen, rules=STANDARD).emotions.set_index("emotion")
    shares = pd.DataFrame(votes / 10, columns=list(LABELS))
    for label in LABELS:
        assert rows.loc[label, "label_rate"] == pytest.approx(shares[label][chosen].mean())
        assert rows.loc[label, "label_gap"] == pytest.approx(shares[label][chosen].mean() - shares[label][~chosen].mean())


@pytest.mark.parametrize("chosen", [np.zeros(600, bool), np.ones(600, bool)])
def test_nothing_is_compared_with_nothing(chosen):
    with pytest.raises(ValueError, match="nothing to compare with"):
        compared(data_of(table_of()), chosen, rules=STANDARD)


# Halves


def test_halves_are_fixed_by_the_id_alone_and_never_tear_a_group():
    table = table_of(4_000)
    kept = kept_back(table)
    assert 0.47 < kept.mean() < 0.53
    order = np.random.default_rng(4).permutation(len(table))
    assert (kept_back(table.iloc[order]) == kept[order]).all()
    assert (kept_back(table.iloc[:1_000]) == kept[:1_000]).all()
    assert np.flatnonzero(kept[:8]).tolist() == [1, 6]  # of any version, on any machine
    groups = np.random.default_rng(5).integers(600, size=len(table))
    together = kept_back(table.assign(group_id=groups))
    assert pd.Series(together).groupby(groups).nunique().max() == 1
    assert 0.4 < pd.Series(together).groupby(groups).first().mean() < 0.6


def test_what_is_chosen_by_looking_holds_elsewhere_only_where_there_is_something():
    """The likeliest of many places is chosen: on noise it is called different where chosen, on the other half it is not."""
    false, seemed = 0, 0
    for seed in range(25):
        table = table_of(1_200, seed=seed)
        data, kept = data_of(table), kept_back(table)
        place = np.random.default_rng(1_000 + seed).integers(60, size=len(table))
        looked, other = data.at(~kept), data.at(kept)
        joys = pd.Series(table["predicted"] == "joy")[~kept].groupby(place[~kept]).mean()
        best = np.isin(place, joys.nlargest(6).index)
        chosen = compared(looked, best[~kept], rules=STANDARD)
        found = replication(chosen, compared(other, best[kept], rules=STANDARD))
        seemed += "joy" in set(found["name"])
        false += bool(found["holds"].any())
    assert seemed >= 20
    assert false <= 3


def test_what_differs_in_both_halves_holds():
    table = table_of(1_200)
    real = np.random.default_rng(6).random(len(table)) < 0.2
    table.loc[real & (np.arange(len(table)) % 2 == 0), "predicted"] = "fear"
    data, kept = data_of(table), kept_back(table)
    found = replication(*(compared(data.at(side), real[side], rules=STANDARD) for side in (~kept, kept)))
    (fear,) = found[found["name"] == "fear"].to_dict("records")
    assert fear["holds"]
    assert fear["effect"] > 0.2
    assert fear["again"] > 0.2
