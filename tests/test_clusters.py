"""Do pictures that come in groups count for as much as they tell, no more?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analyses.audit import run_audit
from analyses.clusters import FEWEST_GROUPS, design_effects, group_codes
from analyses.config import AuditConfig
from analyses.counting import slice_sums
from analyses.slices import coded_attribute
from data.predictions import Predictions
from data.taxonomy import Taxonomy

CELLS = AuditConfig(map_pictures=0, further=False, space_pictures=0)
EKMAN = Taxonomy.named("ekman6")


def grouped(seed: int, *, groups: int = 200, each: int = 10, alike: float = 0.3, within: bool = False) -> Predictions:
    """Readings that agree within a group with intraclass correlation `alike`; an attribute of groups, or of pictures."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), each)
    own, shared = rng.integers(6, size=len(group)), np.repeat(rng.integers(6, size=groups), each)
    read = np.where(rng.random(len(group)) < np.sqrt(alike), shared, own)
    tone = rng.integers(3, size=len(group) if within else groups)
    rows = pd.DataFrame({
        "image_id": [f"p{number}" for number in range(len(group))],
        "group_id": group,
        "tone": np.array(["a", "b", "c"])[tone if within else np.repeat(tone, each)],
    })  # fmt: skip
    return Predictions(1.0 - np.eye(6)[read], rows, EKMAN, "label")


def effects_of(predictions: Predictions) -> tuple[np.ndarray, np.ndarray, tuple]:
    said = np.eye(6)[predictions.predicted]
    attributes = [coded_attribute(predictions.rows["tone"])]
    sums = slice_sums(attributes, np.hstack([np.ones((len(said), 1)), said]), order=1)
    codes = group_codes(predictions.rows)
    assert codes is not None
    return (*design_effects(sums, attributes, codes, said, order=1), sums.specs)


@pytest.mark.parametrize("within", [False, True])
def test_the_design_effect_is_what_a_loop_over_groups_gives(within):
    predictions = grouped(0, groups=40, each=4, within=within)
    effects, fewer, specs = effects_of(predictions)
    said, rows = np.eye(6)[predictions.predicted], predictions.rows
    for number, spec in enumerate(specs):
        inside = spec.mask(rows)
        n, m = inside.sum(), (~inside).sum()
        rate, other = said[inside].mean(axis=0), said[~inside].mean(axis=0)
        robust = np.zeros(6)
        counts = [0, 0]
        for group in range(40):
            here = (rows["group_id"] == group).to_numpy()
            robust += ((said[here & inside] - rate).sum(axis=0) / n - (said[here & ~inside] - other).sum(axis=0) / m) ** 2
            counts[0] += bool((here & inside).any())
            counts[1] += bool((here & ~inside).any())
        robust *= 40 / 39
        plain = rate * (1 - rate) / n + other * (1 - other) / m
        np.testing.assert_allclose(effects[number], np.maximum(np.maximum(robust / plain, robust.sum() / plain.sum()), 1))
        assert fewer[number] == min(counts)


def test_a_group_of_one_is_an_independent_picture():
    rows = pd.DataFrame({"image_id": list("abcd"), "group_id": ["x", "y", None, "z"]})
    assert group_codes(rows) is None
    assert group_codes(rows.drop(columns="group_id")) is None
    np.testing.assert_array_equal(group_codes(rows.assign(group_id=["x", "x", None, None])), [0, 0, 1, 2])


def test_a_handful_of_groups_is_too_few_whatever_their_pictures():
    predictions = grouped(1, groups=FEWEST_GROUPS, each=100)
    effects, fewer, _ = effects_of(predictions)
    assert (fewer < FEWEST_GROUPS).all()
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
    findings = run_audit(
        Predictions(distances, predictions.rows, EKMAN, "label"),
        CELLS,
    ).findings
    cell = findings[(findings["slice"] == "tone: a") & (findings["emotion"] == "anger")].iloc[0]
    assert cell["verdict"] == "skewed"
    assert cell["design"] > 1.2
