"""Do pictures that come in groups count for as much as they tell, no more?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.analyses.disparities.ranking import retrieval_tables
from affect_workbench.analyses.inference.clusters import FEWEST_GROUPS, Compared, group_spreads
from affect_workbench.analyses.inference.resampling import Sampling
from affect_workbench.analyses.slices.coding import coded_attribute
from affect_workbench.analyses.slices.pairs import group_codes
from affect_workbench.analyses.slices.sums import slice_sums
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from sliced_pictures import sliced, sliced_rows

CELLS = AuditConfig(map_pictures=0, further=False, space_pictures=0)
EKMAN = Taxonomy.named("ekman6")


def grouped(seed: int, *, groups: int = 200, each: int = 10, alike: float = 0.3, within: bool = False) -> Predictions:
    """Readings that agree within a group with intraclass correlation `alike`; an attribute of groups, or of pictures."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), each)
    own, shared = rng.integers(6, size=len(group)), np.repeat(rng.integers(6, size=groups), each)
    read = np.where(rng.random(len(group)) < np.sqrt(alike), shared, own)
    tone = rng.integers(3, size=len(group) if within else groups)
    rows = pd.DataFrame(
        {
            "image_id": [f"p{number}" for number in range(len(group))],
            "group_id": group,
            "tone": np.array(["a", "b", "c"])[tone if within else np.repeat(tone, each)],
        }
    )
    return Predictions(1.0 - np.eye(6)[read], rows, EKMAN, "label")


def effects_of(predictions: Predictions) -> tuple[np.ndarray, tuple]:
    said = np.eye(6)[predictions.predicted]
    attributes = [coded_attribute(predictions.rows["tone"])]
    sums = slice_sums(attributes, np.hstack([np.ones((len(said), 1)), said]), order=1)
    codes = group_codes(predictions.rows)
    assert codes is not None
    return group_spreads(sums, sliced_rows(attributes, groups=codes), compared={"said": Compared(said)})[
        "said"
    ].design_effect, sums.specs


def robust_variance(inside: np.ndarray, outside: np.ndarray, values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Of the difference of two means, group by group; residuals are scaled up by the group's share of its side (CR2)."""
    variance = np.zeros(values.shape[1])
    for group in np.unique(groups):
        moved = np.zeros(values.shape[1])
        for side, sign in ((inside, 1), (outside, -1)):
            here, n = side & (groups == group), side.sum()
            residuals = (values[here] - values[side].mean(axis=0)).sum(axis=0)
            moved += sign * residuals / n / np.sqrt(1 - here.sum() / n)
        variance += moved**2
    return variance


@pytest.mark.parametrize("within", [False, True])
def test_the_design_effect_is_what_a_loop_over_groups_gives(within):
    predictions = grouped(0, groups=40, each=4, within=within)
    effects, specs = effects_of(predictions)
    said, rows = np.eye(6)[predictions.predicted], predictions.rows
    for number, spec in enumerate(specs):
        inside = spec.mask(rows)
        n, m = inside.sum(), (~inside).sum()
        rate, other = said[inside].mean(axis=0), said[~inside].mean(axis=0)
        robust = robust_variance(inside, ~inside, said, rows["group_id"].to_numpy())
        plain = rate * (1 - rate) / n + other * (1 - other) / m
        events = min(n, m) * np.minimum(said.mean(axis=0), 1 - said.mean(axis=0))
        np.testing.assert_allclose(effects[number], drawn(robust / plain, robust.sum() / plain.sum(), events))
    assert within == bool((effects < 1).any())


def drawn(own: np.ndarray, every: float, events: np.ndarray) -> np.ndarray:
    """A column's own design effect, drawn toward that of all by as much as five independent events are worth, if larger."""
    alone = events / max(every, 1)
    return np.maximum(own, (alone * own + 5 * every) / (alone + 5))


def test_few_events_that_fall_into_different_groups_do_not_look_independent():
    """Half of the pictures in groups that are read alike, and five of a rare emotion that happen to be scattered."""
    group = np.repeat(np.arange(60), 10)
    common = np.repeat(np.arange(60) % 2 == 0, 10)
    rare = np.zeros(600, dtype=bool)
    rare[[5, 105, 215, 315, 425]] = True
    said = np.stack([common & ~rare, ~common & ~rare, rare], axis=1).astype(float)
    tone = pd.Series(np.where(group < 20, "a", "b").astype(object), name="tone")
    attributes = [coded_attribute(tone)]
    sums = slice_sums(attributes, np.ones((600, 1)), order=1)
    spread = group_spreads(sums, sliced_rows(attributes, groups=group), compared={"said": Compared(said)})["said"]
    alone = group_spreads(sums, sliced_rows(attributes, groups=group), compared={"said": Compared(said[:, 2:])})["said"]
    assert (spread.design_effect[:, :2] > 9).all()
    assert (alone.design_effect < 1.3).all()
    assert (spread.design_effect[:, 2] > 8).all()
    np.testing.assert_allclose(spread.variance[:, 2], alone.variance[:, 0])


def test_a_group_of_one_is_an_independent_picture():
    rows = pd.DataFrame({"image_id": list("abcd"), "group_id": ["x", "y", None, "z"]})
    assert group_codes(rows) is None
    assert group_codes(rows.drop(columns="group_id")) is None
    np.testing.assert_array_equal(group_codes(rows.assign(group_id=["x", "x", None, None])), [0, 0, 1, 2])


def test_a_handful_of_groups_is_too_few_whatever_their_pictures():
    predictions = grouped(1, groups=FEWEST_GROUPS, each=100)
    effects, _ = effects_of(predictions)
    assert np.isnan(effects).all()
    findings = run_audit(predictions, CELLS).findings
    assert (findings["verdict"] == "too small").all()


def test_alike_pictures_raise_no_alarm_that_independent_ones_would_not():
    """ICC .3: as independent pictures most audits would raise an alarm."""
    config = AuditConfig(map_pictures=0, further=False, space_pictures=0, tolerance=0.0)
    alarms, naive = 0, 0
    for seed in range(60):
        predictions = grouped(seed)
        alarms += run_audit(predictions, config).count("skewed") > 0
        alone = predictions.with_rows(predictions.rows.drop(columns="group_id"))
        naive += run_audit(alone, config).count("skewed") > 0
    assert naive > 20
    assert stats.binomtest(alarms, 60, 0.06, alternative="greater").pvalue > 0.01


def test_a_real_skew_is_found_through_the_groups():
    predictions = grouped(2, groups=600)
    dark = (predictions.rows["tone"] == "a").to_numpy()
    distances = predictions.distances.copy()
    angry = dark & (np.random.default_rng(0).random(len(dark)) < 0.3)
    distances[angry] = 1.0 - np.eye(6)[0]
    findings = run_audit(Predictions(distances, predictions.rows, EKMAN, "label"), CELLS).findings
    cell = findings[(findings["slice"] == "tone: a") & (findings["emotion"] == "anger")].iloc[0]
    assert cell["verdict"] == "skewed"
    assert cell["design"] > 1.2


def test_the_design_effect_of_a_mean_is_what_a_loop_over_groups_gives_where_some_do_not_know():
    predictions = grouped(3, groups=40, each=4, within=True)
    rng = np.random.default_rng(3)
    values, known = rng.normal(size=(160, 2)) + np.repeat(rng.normal(size=(40, 2)), 4, axis=0), rng.random(160) < 0.8
    attributes = [coded_attribute(predictions.rows["tone"])]
    sums = slice_sums(attributes, np.ones((160, 1)), order=1)
    codes = group_codes(predictions.rows)
    spread = group_spreads(
        sums, sliced_rows(attributes, groups=codes), compared={"it": Compared(values, known, shares=False)}
    )["it"]
    for number, spec in enumerate(sums.specs):
        inside, outside = spec.mask(predictions.rows) & known, ~spec.mask(predictions.rows) & known
        robust = robust_variance(inside, outside, values, codes)
        plain = sum(values[side].var(axis=0, ddof=1) / side.sum() for side in (inside, outside))
        np.testing.assert_allclose(spread.variance[number], robust)
        assert (spread.design_effect[number] >= robust / plain * (1 - 1e-9)).all()
        alone = group_means(inside, values, codes)
        np.testing.assert_allclose(spread.mean_variance[number], alone)


def group_means(inside: np.ndarray, values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Variance of the mean of one side, group by group."""
    residuals = values[inside] - values[inside].mean(axis=0)
    variance = np.zeros(values.shape[1])
    for group in np.unique(groups[inside]):
        here = groups[inside] == group
        variance += (residuals[here].sum(axis=0) / inside.sum()) ** 2 / (1 - here.mean())
    return variance


def test_every_interval_of_a_null_in_groups_holds_zero_as_often_as_it_says():
    """Pictures of a group share their label, not all their readings: one design effect for both is wrong for either."""
    held = {"composition": 0, "shift": 0, "distance": 0, "retrieval": 0}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        group = np.repeat(np.arange(150), 8)
        label = rng.integers(6, size=150)[group]
        read = np.where(rng.random(1_200) < 0.6, label, rng.integers(6, size=1_200))
        distances = 1.0 - np.eye(6)[read] + 0.2 * rng.random((1_200, 6)) + 0.3 * rng.random((150, 6))[group]
        rows = pd.DataFrame(
            {
                "image_id": [f"p{number}" for number in range(1_200)],
                "group_id": group,
                "label": np.array(EKMAN.labels)[label],
                "coin": np.array(["heads", "tails"])[rng.integers(2, size=150)[group]],
            }
        )
        predictions = Predictions(distances, rows, EKMAN, "cosine")
        result = run_audit(predictions, CELLS)
        nearest = retrieval_tables(sliced(predictions, [coded_attribute(rows["coin"])]), sampling=Sampling(19))[0]
        cell, place, first = (
            table[(table["slice"] == "coin: heads") & (table["emotion"] == "joy")].iloc[0]
            for table in (result.findings, result.structure, nearest)
        )
        for kind in ("composition", "shift"):
            held[kind] += cell[f"{kind}_low"] <= 0 <= cell[f"{kind}_high"]
        held["distance"] += place["difference_low"] <= 0 <= place["difference_high"]
        held["retrieval"] += first["low"] <= 0 <= first["high"]
    for kind, times in held.items():
        assert stats.binomtest(times, 60, 0.95, alternative="less").pvalue > 0.005, (kind, times)


def test_distances_of_a_handful_of_groups_have_no_interval():
    predictions = grouped(1, groups=FEWEST_GROUPS, each=100)
    result = run_audit(Predictions(predictions.distances, predictions.rows, EKMAN, "score"), CELLS)
    assert result.structure["difference"].notna().all()
    assert result.structure["difference_low"].isna().all()
    assert result.slices["margin_low"].isna().all()
