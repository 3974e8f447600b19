"""Do shares of votes, and pictures in groups on both sides, have the variance that they have, and no false certainty?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affect_workbench.analyses.inference.clusters import Compared, group_spreads
from affect_workbench.analyses.inference.intervals import newcombe, wilson
from affect_workbench.analyses.inference.means.shares import agreement_interval, mean_of_shares, share_gap
from affect_workbench.analyses.inference.means.spread import of_votes
from affect_workbench.analyses.inference.means.sums import Sums
from affect_workbench.analyses.skew.findings import skew_table
from affect_workbench.analyses.slices.coding import coded_attribute
from affect_workbench.analyses.slices.sums import slice_sums
from affect_workbench.analyses.space.geometry.anchor_distances import slice_table
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from sliced_pictures import sliced, sliced_rows

EKMAN = Taxonomy.named("ekman6")


def sums(*values: np.ndarray) -> Sums:
    """Of one side `(n,)` each, a row a side."""
    arrays = [np.asarray(one, float) for one in values]
    return Sums(*(np.array([[part(one)] for one in arrays]) for part in (np.sum, lambda one: (one**2).sum(), len)))


def voted(joy: np.ndarray, tone: np.ndarray, *, groups: np.ndarray | None = None) -> Predictions:
    """Pictures with a share of votes for joy, the rest for sadness, all predicted as joy."""
    rows = pd.DataFrame({"image_id": [f"p{at}" for at in range(len(joy))], "tone": tone})
    if groups is not None:
        rows["group_id"] = groups
    shares = {f"vote_{label}": np.zeros(len(joy)) for label in EKMAN.labels}
    rows = rows.assign(**shares | {"vote_joy": joy, "vote_sadness": 1 - joy})
    distances = np.ones((len(joy), 6))
    distances[:, EKMAN.labels.index("joy")] = 0
    return Predictions(distances, rows, EKMAN, "label")


def joy_of(predictions: Predictions) -> pd.Series:
    attributes = [coded_attribute(predictions.rows["tone"])]
    data = sliced(predictions, attributes)
    per_picture = data.scores
    total = slice_sums(attributes, per_picture.columns, order=1, beside=7)
    compared = {"said": Compared(per_picture.of("said")), "votes": Compared(per_picture.of("votes"))}
    compared["shift"] = Compared(per_picture.of("shift"), shares=False)
    table = skew_table(total, data, spreads=group_spreads(total, data, compared=compared))
    return table[(table["slice"] == "tone: dark") & (table["emotion"] == "joy")].iloc[0]


@pytest.mark.parametrize("grouped", [False, True])
def test_a_label_gap_of_votes_is_as_sure_as_the_shares_are_alike(grouped):
    """Two groups of 200 with .40 and .30, give or take .01: coin tosses would be nine points off, these a fifth of one."""
    rng = np.random.default_rng(0)
    tone = np.repeat(np.array(["dark", "light"], dtype=object), 200)
    joy = np.where(tone == "dark", 0.4, 0.3) + rng.normal(0, 0.01, 400)
    found = joy_of(voted(joy, tone, groups=np.arange(400) // 2 if grouped else None))
    assert found["composition"] == pytest.approx(0.1, abs=0.002)
    assert found["composition"] - found["composition_low"] == pytest.approx(0.002, abs=0.0005)
    assert found["composition_high"] - found["composition"] == pytest.approx(0.002, abs=0.0005)


def test_where_shares_are_many_the_label_gap_has_welchs_interval():
    rng = np.random.default_rng(1)
    joy, tone = rng.beta(2, 3, 900), np.where(rng.random(900) < 0.3, "dark", "light").astype(object)
    found = joy_of(voted(joy, tone))
    dark = joy[tone == "dark"]
    welch = stats.ttest_ind(dark, joy[tone == "light"], equal_var=False).confidence_interval()
    np.testing.assert_allclose([found["composition_low"], found["composition_high"]], welch, atol=2e-4)
    coins = newcombe(dark.sum(), len(dark), joy[tone == "light"].sum(), 900 - len(dark))
    assert coins[1] - coins[0] > 2 * (welch[1] - welch[0])


def test_votes_of_one_person_each_are_coin_tosses():
    rng = np.random.default_rng(2)
    joy, tone = (rng.random(300) < 0.3).astype(float), np.where(rng.random(300) < 0.3, "dark", "light").astype(object)
    found, dark = joy_of(voted(joy, tone)), tone == "dark"
    expected = newcombe(joy[dark].sum(), dark.sum(), joy[~dark].sum(), (~dark).sum())
    np.testing.assert_allclose([found["composition_low"], found["composition_high"]], expected)


def test_shares_that_happen_to_be_equal_are_not_called_certain():
    """Twelve pictures with the same share, beside a thousand that lie twenty points apart, are known to a few points."""
    rng = np.random.default_rng(3)
    other = np.clip(rng.normal(0.4, 0.2, 1_000), 0, 1)
    spread = of_votes(sums(np.full(12, 0.4)), sums(other))
    expected = other.std() / 12
    assert np.sqrt(spread.variance[0, 0]) == pytest.approx(expected, rel=0.15)
    assert spread.freedom[0, 0] < 15
    low, high = agreement_interval(sums(np.full(12, 0.4)), sums(other))
    assert high[0, 0] - low[0, 0] > 0.05


def test_an_emotion_that_nobody_voted_for_varies_as_the_others_do():
    none, some = np.zeros(40), np.random.default_rng(4).beta(2, 3, 40)
    inside = Sums(*(np.hstack([getattr(sums(one), name) for one in (none, some)]) for name in ("total", "squares", "n")))
    spread = of_votes(inside, inside)
    assert spread.design_effect[0, 0] == pytest.approx(spread.design_effect[0, 1], rel=0.05)
    assert 0.05 < spread.design_effect[0, 0] < 1
    alone = of_votes(sums(none), sums(none))
    assert alone.design_effect[0, 0] == 1


@pytest.mark.parametrize("n", [15, 200])
def test_the_label_gap_of_votes_holds_what_it_says_also_where_an_emotion_is_rare(n):
    """Ten votes a picture; Welch's interval of a share of .04 holds .8 and less at fifteen pictures."""
    rng, sets, m = np.random.default_rng(5), 400, 1_000
    held = np.zeros(2)
    for _ in range(sets):
        for at, rate in enumerate((0.3, 0.04)):
            own, other = (rng.binomial(10, rng.beta(rate, 1 - rate, size)) / 10 for size in (n, m))
            one, two = sums(own), sums(other)
            spread = of_votes(one, two)
            counts = (part / spread.design_effect for part in (one.total, one.n, two.total, two.n))
            low, high = newcombe(*counts, freedom=spread.freedom)
            held[at] += low[0, 0] <= 0 <= high[0, 0]
    for times in held:
        assert stats.binomtest(int(times), sets, 0.94, alternative="less").pvalue > 0.001
        assert times / sets < 0.99


def crossed(seed: int, *, rate: float, people: int = 40, each: int = 10) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """People with a rate of their own, half of their pictures in the dark: codes, hits and person of each picture."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), each)
    hits = rng.random(len(person)) < rng.beta(4 * rate, 4 * (1 - rate), people)[person]
    return np.tile([0, 1], len(person) // 2), hits.astype(float), person


def spread_of(codes: np.ndarray, values: np.ndarray, groups: np.ndarray, **how: bool):
    attribute = coded_attribute(pd.Series(np.array(["a", "b"], dtype=object)[codes], name="tone"))
    total = slice_sums([attribute], np.ones((len(codes), 1)), order=1)
    return group_spreads(total, sliced_rows([attribute], groups=groups), compared={"it": Compared(values[:, None], **how)})[
        "it"
    ]


def test_people_on_both_sides_make_the_difference_surer_and_no_rate():
    codes, hits, person = crossed(0, rate=0.4, people=400)
    spread = spread_of(codes, hits, person)
    np.testing.assert_allclose(spread.design_effect, 0.8, rtol=0.1)
    np.testing.assert_allclose(spread.mean_design_effect, 1.8, rtol=0.15)
    np.testing.assert_allclose(spread.freedom, 399, rtol=0.02)


def test_people_who_never_disagree_are_not_called_certain():
    """400 pictures in pairs that are read alike: as sure as with one pair of them read otherwise, half of it either way."""
    codes, hits = np.tile([0, 1], 200), np.repeat(np.arange(200) < 80, 2).astype(float)
    spread = spread_of(codes, hits, np.repeat(np.arange(200), 2))
    np.testing.assert_allclose(spread.variance, 1 / 200**2)
    differences = spread_of(codes, np.where(codes == 0, 0.5, -0.5), np.repeat(np.arange(200), 2), shares=False)
    assert (differences.design_effect > 0).all()


@pytest.mark.parametrize("shares", [False, True])
def test_a_gap_of_hits_or_shares_has_one_model_for_interval_and_p(shares):
    rng = np.random.default_rng(6)
    own, other = (rng.beta(2, 3, size) if shares else (rng.random(size) < 0.4).astype(float) for size in (80, 400))
    gap = share_gap(sums(own), sums(other))
    if shares:
        expected = stats.ttest_ind(own, other, equal_var=False)
        np.testing.assert_allclose([gap.low[0, 0], gap.high[0, 0]], expected.confidence_interval())
        low, high = gap.interval(1 - gap.p)
        assert min(abs(low[0, 0]), abs(high[0, 0])) == pytest.approx(0, abs=1e-9)
    else:
        counts = [[own.sum(), 80 - own.sum()], [other.sum(), 400 - other.sum()]]
        expected = stats.fisher_exact(counts)
        np.testing.assert_allclose([gap.low[0, 0], gap.high[0, 0]], newcombe(own.sum(), 80, other.sum(), 400))
    assert gap.p[0, 0] == pytest.approx(expected.pvalue, rel=1e-6)
    assert gap.value[0, 0] == pytest.approx(own.mean() - other.mean())


def test_a_gap_in_groups_is_that_of_the_groups():
    codes, hits, person = crossed(1, rate=0.4)
    spread = spread_of(codes, hits, person)
    one, two = (sums(hits[codes == 0], hits[codes == 1]), sums(hits[codes == 1], hits[codes == 0]))
    alone, together = share_gap(one, two), share_gap(one, two, spread=spread)
    assert (together.high - together.low < alone.high - alone.low).all()
    unknown = spread_of(codes[:18], hits[:18], np.arange(18) // 2)
    few = share_gap(*(sums(hits[:18][codes[:18] == side], hits[:18][codes[:18] != side]) for side in (0, 1)), spread=unknown)
    assert np.isnan([few.low, few.high, few.p]).all()


def test_vote_agreement_of_a_slice_has_students_interval():
    rng = np.random.default_rng(7)
    joy, tone = rng.beta(2, 3, 300), np.where(rng.random(300) < 0.3, "dark", "light").astype(object)
    predictions = voted(joy, tone)
    data = sliced(predictions, [coded_attribute(predictions.rows["tone"])])
    row = slice_table(slice_sums(data.attributes, data.scores.columns, order=1), data).iloc[0]
    expected = stats.ttest_1samp(joy[tone == "dark"], 0).confidence_interval()
    np.testing.assert_allclose([row["accuracy_low"], row["accuracy_high"]], expected)


def test_the_mean_of_all_shares():
    values = np.random.default_rng(8).beta(2, 3, 60)
    found = mean_of_shares(values)
    np.testing.assert_allclose(found, [values.mean(), *stats.ttest_1samp(values, 0).confidence_interval()])
    hits = np.repeat([1.0, 0.0], [20, 40])
    np.testing.assert_allclose(mean_of_shares(hits), [1 / 3, *wilson(20, 60)])
    np.testing.assert_allclose(mean_of_shares(np.full(9, 0.5)), [0.5, *wilson(4.5, 9)])
    twice = mean_of_shares(np.repeat(hits, 4), np.repeat(np.arange(60), 4))
    assert twice[2] - twice[1] == pytest.approx(wilson(20, 60)[1] - wilson(20, 60)[0], rel=0.05)
    assert np.isnan(mean_of_shares(np.zeros(0))).all()
