"""Is the adjusted difference what statisticians compute by other means, and does it see through a confounder?"""

from __future__ import annotations

import itertools
from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable

from affect_workbench.analyses.disparities.adjusted import ADJUSTED_COLUMNS, adjusted_table
from affect_workbench.analyses.inference.exact import fisher_exact
from affect_workbench.analyses.inference.intervals import newcombe
from affect_workbench.analyses.inference.mantel_haenszel import (
    MOST_EXACT,
    adjusted_difference,
    mantel_haenszel_p,
    null_error,
)
from affect_workbench.analyses.inference.verdicts import Rules
from affect_workbench.analyses.slices.coding import coded_attributes
from affect_workbench.analyses.slices.strata import strata
from affect_workbench.data.predictions import Predictions, predictions_from_table
from affect_workbench.data.tables.columns import attribute_columns
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from sliced_pictures import sliced

MIKELS = Taxonomy.named("mikels8")
LABELS = np.array(MIKELS.labels, dtype=object)

stratum = st.tuples(st.integers(0, 6), st.integers(0, 6)).flatmap(
    lambda size: st.tuples(st.integers(0, size[0]), st.just(size[0]), st.integers(0, size[1]), st.just(size[1]))
)


def as_arrays(tables: list[tuple[int, int, int, int]]) -> tuple[np.ndarray, ...]:
    return tuple(np.array(side, dtype=float) for side in zip(*tables, strict=True))


def p_by_enumeration(tables: list[tuple[int, int, int, int]]) -> float:
    """Every way the strata's counts could have been, each with its chance; as R's mantelhaen.test(exact = TRUE)."""
    supports = [range(max(0, a + c - m), min(a + c, n) + 1) for a, n, c, m in tables]
    chances: dict[int, float] = {}
    for xs in itertools.product(*supports):
        chance = 1.0
        for x, (a, n, c, m) in zip(xs, tables, strict=True):
            chance *= comb(n, x) * comb(m, a + c - x) / comb(n + m, a + c)
        chances[sum(xs)] = chances.get(sum(xs), 0.0) + chance
    seen = chances[sum(a for a, *_ in tables)]
    return min(1.0, sum(chance for chance in chances.values() if chance <= seen * (1 + 1e-7)))


@settings(max_examples=80)
@given(st.lists(stratum, min_size=1, max_size=4))
def test_the_exact_p_is_that_of_every_possible_table(tables: list[tuple[int, int, int, int]]) -> None:
    p, exact = mantel_haenszel_p(*as_arrays(tables))
    if any(n and m and 0 < a + c < n + m for a, n, c, m in tables):
        assert exact
        assert p == pytest.approx(p_by_enumeration(tables), rel=1e-9)
    else:
        assert np.isnan(p)
        assert not exact


def test_with_one_stratum_everything_is_what_it_is_without_strata() -> None:
    a, n, c, m = (np.array(side) for side in ([0, 3, 9, 12], [12, 12, 10, 12], [9, 30, 0, 40], [100, 90, 40, 40]))
    p, _ = mantel_haenszel_p(*(side[:, None] for side in (a, n, c, m)))
    np.testing.assert_allclose(p[:3], fisher_exact(a, n, c, m)[:3], rtol=1e-9)
    assert np.isnan(p[3])  # read alike everywhere: nothing to test
    found = adjusted_difference(*(side[:, None].astype(float) for side in (a, n, c, m)))
    np.testing.assert_allclose(found.difference, a / n - c / m)
    np.testing.assert_allclose((found.low, found.high), newcombe(a, n, c, m), atol=1e-12)


def test_large_strata_give_the_chi_square_of_statsmodels() -> None:
    rng = np.random.default_rng(0)
    n, m = rng.integers(2_000, 9_000, size=5), rng.integers(2_000, 9_000, size=5)
    a, c = rng.binomial(n, 0.3), rng.binomial(m, 0.29)
    p, exact = mantel_haenszel_p(a, n, c, m)
    assert np.minimum(n, a + c).sum() > MOST_EXACT
    assert not exact
    tables = [np.array([[x, s - x], [y, t - y]]) for x, s, y, t in zip(a, n, c, m, strict=True)]
    assert p == pytest.approx(StratifiedTable(tables).test_null_odds(correction=False).pvalue, rel=1e-9)


@given(st.lists(stratum, min_size=1, max_size=5))
def test_difference_and_standard_error_are_those_of_greenland_and_robins(tables: list[tuple[int, int, int, int]]) -> None:
    found = adjusted_difference(*as_arrays(tables))
    weights = [n * m / (n + m) if n and m else 0.0 for _, n, _, m in tables]
    if not sum(weights):
        assert np.isnan(found.difference)
        return
    used = [(w, *t) for w, t in zip(weights, tables, strict=True) if w]
    difference = sum(w * (a / n - c / m) for w, a, n, c, m in used) / sum(weights)
    variance = (
        sum((a * (n - a) * m**3 + c * (m - c) * n**3) / (n * m * (n + m) ** 2) for _, a, n, c, m in used) / sum(weights) ** 2
    )
    assert found.difference == pytest.approx(difference, abs=1e-12)
    assert found.standard_error == pytest.approx(variance**0.5, abs=1e-12)
    assert -1 - 1e-9 <= found.low <= difference + 1e-9
    assert difference - 1e-9 <= found.high <= 1 + 1e-9
    a, n, c, m = as_arrays(tables)
    turned = adjusted_difference(c, m, a, n)
    np.testing.assert_allclose((turned.low, turned.high), (-found.high, -found.low), atol=1e-9)


@pytest.mark.parametrize(
    ("sizes", "others", "gap"), [([10] * 6, [150] * 6, 0.1), ([1] * 100, [20] * 100, 0.0), ([1] * 60, [1] * 60, 0.15)]
)
def test_the_interval_covers_where_the_plain_one_of_greenland_and_robins_does_not(sizes, others, gap) -> None:
    rng = np.random.default_rng(3)
    n, m = np.array(sizes, dtype=float), np.array(others, dtype=float)
    rate = rng.beta(1, 5, size=len(n)) * 0.8
    a, c = (rng.binomial(side.astype(int), p, size=(3_000, len(n))) for side, p in ((n, rate + gap), (m, rate)))
    found = adjusted_difference(a, n, c, m)
    covered = ((found.low <= gap) & (gap <= found.high)).mean()
    assert 0.92 <= covered <= 0.985
    wald = (np.abs(found.difference - gap) <= 1.96 * found.standard_error).mean()
    assert wald < covered


def test_the_error_under_the_null_is_the_spread_of_the_differences() -> None:
    rng = np.random.default_rng(5)
    n, m, rate = np.array([40.0, 25.0]), np.array([90.0, 200.0]), np.array([0.2, 0.6])
    drawn = (rng.binomial(side.astype(int), rate, size=(4_000, 2)) for side in (n, m))
    a, c = drawn
    assert adjusted_difference(a, n, c, m).difference.std() == pytest.approx(null_error(rate * n, n, rate * m, m), rel=0.05)
    assert null_error(*(np.zeros(2) for _ in range(4))) == np.inf


def pictures(
    seed: int, *, n: int = 1_500, confounded: bool = True, own: float = 0.0, groups: int | None = None
) -> Predictions:
    """Two scenes; at night more fear is said, and dark pictures are mostly at night; `own` is what dark adds by itself."""
    rng = np.random.default_rng(seed)
    night = rng.random(n) < 0.5
    dark = rng.random(n) < np.where(night, 0.85, 0.15) if confounded else rng.random(n) < 0.3
    group = np.arange(n) if groups is None else rng.integers(groups, size=n)
    if groups is not None:
        dark = (rng.random(groups) < 0.4)[group]
    fear = rng.random(n) < np.clip(np.where(night, 0.5, 0.1) + own * dark, 0, 1)
    said = np.where(fear, MIKELS.labels.index("fear"), rng.integers(4, size=n))
    if groups is not None:
        said = np.where(rng.random(n) < 0.5, rng.integers(8, size=groups)[group], said)
    rows = pd.DataFrame(
        {
            "image_id": np.arange(n).astype(str),
            "group_id": group.astype(str),
            "tone": np.where(dark, "dark", "light"),
            "time": np.where(night, "night", "day"),
            "side": np.where(rng.random(n) < 0.5, "left", "right"),
            "label": LABELS[rng.integers(8, size=n)],
            "predicted": LABELS[said],
        }
    )
    return predictions_from_table(rows, taxonomy=MIKELS)


def table_of(predictions: Predictions, *adjust_for: str, columns: tuple[str, ...] = ("tone",), **options) -> pd.DataFrame:
    coded, _ = coded_attributes(predictions.rows, columns, available=attribute_columns(predictions.rows))
    return adjusted_table(sliced(predictions, coded), strata(predictions, adjust_for), rules=Rules(**options))


def cell(table: pd.DataFrame, slice_name: str, emotion: str) -> pd.Series:
    return table[(table["slice"] == slice_name) & (table["emotion"] == emotion)].iloc[0]


def test_a_confounded_skew_is_there_and_goes_away_within_strata() -> None:
    fear = cell(table_of(pictures(11), "time"), "tone: dark", "fear")
    assert fear["low"] > 0.15
    assert fear["within_low"] < 0 < fear["within_high"]
    assert fear["q"] > 0.05
    assert (bool(fear["simpson"]), fear["simpson_kind"]) == (True, "explained")
    assert fear["adjusted_for"] == "time"


def test_a_skew_of_its_own_stays_and_one_that_turns_round_is_called_that() -> None:
    direct = cell(table_of(pictures(2, confounded=False, own=0.2), "time"), "tone: dark", "fear")
    assert direct["verdict"] == "skewed"
    assert not direct["simpson"]
    turned = cell(table_of(pictures(3, n=4_000, own=-0.09), "time"), "tone: dark", "fear")
    assert turned["low"] > 0
    assert turned["within_high"] < 0
    assert turned["simpson_kind"] == "reversed"


def test_every_cell_is_what_a_loop_over_its_strata_gives() -> None:
    data = pictures(4, n=400)
    table = table_of(data, "time", "label", columns=("tone", "side"), order=2)
    assert list(table.columns) == list(ADJUSTED_COLUMNS)
    rows = data.rows.assign(said=LABELS[data.predicted])
    for row in table[table["emotion"].isin(["fear", "awe"])].itertuples():
        inside = np.all([rows[name] == value for name, value in row.where.items()], axis=0)
        tables = []
        for _, part in rows.assign(inside=inside).groupby(["time", "label"]):
            hit = part["said"] == row.emotion
            own = part["inside"].to_numpy(bool)
            tables.append((int(hit[own].sum()), int(own.sum()), int(hit[~own].sum()), int((~own).sum())))
        expected = adjusted_difference(*as_arrays(tables))
        assert row.within == pytest.approx(float(expected.difference))
        assert row.within_low == pytest.approx(float(expected.low))
        assert row.strata_used == sum(1 for _, n, _, m in tables if n and m)
        assert row.strata_flat == sum(1 for a, n, c, m in tables if n and m and a + c in (0, n + m))
        assert row.p == pytest.approx(float(mantel_haenszel_p(*as_arrays(tables))[0]))


def test_without_an_effect_of_its_own_hardly_any_data_set_is_flagged() -> None:
    flagged = simpson = 0
    for seed in range(100):
        table = table_of(pictures(1_000 + seed, n=500), "time", columns=("tone", "side"))
        flagged += bool((table["q"] <= 0.05).any())
        simpson += bool(table[table["slice"].str.startswith("side")]["simpson"].any())
    assert stats.binomtest(flagged, 100, 0.05, alternative="greater").pvalue > 0.01
    assert stats.binomtest(simpson, 100, 0.05, alternative="greater").pvalue > 0.01


def test_pictures_in_groups_are_not_more_than_they_tell() -> None:
    flagged = naive = 0
    for seed in range(60):
        data = pictures(2_000 + seed, n=600, groups=60)
        flagged += bool((table_of(data, "time")["q"] <= 0.05).any())
        alone = data.with_rows(data.rows.assign(group_id=data.rows["image_id"]))
        naive += bool((table_of(alone, "time")["q"] <= 0.05).any())
    assert naive > 15
    assert stats.binomtest(flagged, 60, 0.06, alternative="greater").pvalue > 0.01


def test_few_groups_and_few_pictures_are_said_to_be_too_few() -> None:
    grouped = table_of(pictures(5, n=300, groups=12), "time")
    assert set(grouped["verdict"]) == {"too small"}
    known = grouped["reason"] != "in every stratum all pictures have the same prediction"
    assert grouped["reason"][known].str.startswith("fewer than 10 groups").all()
    assert known.sum() >= 10
    small = table_of(pictures(6, n=40).take(np.arange(40) < 14), "time")
    assert set(small["verdict"]) == {"too small"}
    assert small[["p", "within", "effect"]].isna().all().all()


def test_strata_without_both_sides_or_without_variation_are_counted_and_named() -> None:
    data = pictures(7, n=300)
    rows = data.rows.assign(place=np.where(data.rows["tone"] == "dark", "cave", "field"), room=["a", "b", "c"] * 100)
    rows.loc[:19, "room"] = None
    data = data.with_rows(rows)
    apart = table_of(data, "place")
    assert (apart["strata_used"] == 0).all()
    assert (apart["unused"] == "place: cave; place: field").all()
    assert set(apart["reason"]) == {"no stratum has pictures on both sides"}
    some = table_of(data, "room")
    assert (some["left_out"] == 20).all()
    assert (some["n"] + some["n_complement"] == 280).all()
    never = cell(some, "tone: dark", "disgust")
    assert (never["strata_flat"], never["reason"]) == (3, "in every stratum all pictures have the same prediction")
    assert np.isnan(never["p"])


def test_what_is_held_fixed_cannot_be_the_slice() -> None:
    data = pictures(8, n=200)
    with pytest.raises(ValueError, match="cannot adjust slices of tone for tone: within one value"):
        table_of(data, "tone")
    both = table_of(data, "tone", columns=("tone", "side"))
    own = both[both["slice"].str.startswith("tone")]
    assert set(own["reason"]) == {"the slice's own attribute is adjusted for"}
    assert own["within"].isna().all()
    assert both[both["slice"].str.startswith("side")]["within"].notna().all()


def test_unusable_columns_are_refused_in_one_line() -> None:
    data = pictures(9, n=60)
    data = data.with_rows(data.rows.assign(one="x", empty=np.nan))
    for names, message in (
        (("tmie",), "cannot adjust for 'tmie', which is no column of the data: did you mean time"),
        (("one",), "cannot adjust for 'one': attribute 'one' has one value"),
        (("empty",), "cannot adjust for 'empty': attribute 'empty' has no value at all"),
        ((), "nothing to adjust for"),
    ):
        with pytest.raises(ValueError, match=message) as error:
            table_of(data, *names)
        assert "\n" not in str(error.value)
    unlabelled = data.with_rows(data.rows.drop(columns="label"))
    with pytest.raises(ValueError, match="no picture has a true label or votes"):
        table_of(unlabelled, "label")
    half = data.with_rows(data.rows.assign(a=["x", "y", None, None] * 15, b=[None, None, "x", "y"] * 15))
    with pytest.raises(ValueError, match="no picture has a value in all of a, b"):
        table_of(half, "a", "b")


def test_one_class_predictions_have_nothing_to_test() -> None:
    data = pictures(10, n=200)
    same = Predictions(np.tile(1.0 - np.eye(8)[0], (200, 1)), data.rows, MIKELS, "label")
    table = table_of(same, "time")
    assert table["p"].isna().all()
    assert not table["simpson"].any()
    assert set(table["reason"]) == {"in every stratum all pictures have the same prediction"}
