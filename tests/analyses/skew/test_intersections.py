"""Is an intersection only called a finding of its own when its parts do not explain it?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.analyses.skew.intersections import excess
from affect_workbench.analyses.slices.coding import coded_attribute
from affect_workbench.analyses.slices.sums import slice_sums
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

EKMAN = Taxonomy.named("ekman6")


def read(chance, n: int = 12_000, seed: int = 0) -> Predictions:
    """Pictures predicted as anger with the probability that `chance(dark, night)` gives, else as joy."""
    rng = np.random.default_rng(seed)
    dark, night = rng.random(n) < 0.4, rng.random(n) < 0.5
    angry = rng.random(n) < chance(dark, night)
    rows = pd.DataFrame(
        {
            "image_id": [f"p{number}" for number in range(n)],
            "tone": np.where(dark, "dark", "light"),
            "time": np.where(night, "night", "day"),
        }
    )
    return Predictions(1.0 - np.eye(6)[np.where(angry, 0, 3)], rows, EKMAN, "label")


def findings(chance, **more) -> pd.DataFrame:
    asked = AuditConfig(map_pictures=0, further=False, space_pictures=0, causes=False)
    table = run_audit(read(chance, **more), asked).findings
    return table[table["emotion"] == "anger"].set_index("slice")


def test_one_biased_attribute_leaves_no_intersection_on_its_own():
    table = findings(lambda dark, night: np.where(dark, 0.4, 0.2))
    assert table.loc["tone: dark", "verdict"] == "skewed"
    own = table[(table["verdict"] == "skewed") & table["explained_by"].isna()]
    assert set(own.index) == {"tone: dark", "tone: light"}
    assert table.loc["tone: dark and time: night", "explained_by"] == "tone: dark"


def test_two_causes_that_add_up_in_log_odds_are_explained():
    def chance(dark, night):
        return 1 / (1 + np.exp(2.2 - 1.6 * dark - 1.6 * night))

    table = findings(chance, n=40_000)
    both = table.loc["tone: dark and time: night"]
    assert both["verdict"] == "skewed"
    assert both["excess_low"] > 0, "on the additive scale there is an excess"
    assert isinstance(both["explained_by"], str)


def test_what_only_the_intersection_does_stands_on_its_own():
    table = findings(lambda dark, night: np.where(dark & night, 0.6, 0.2))
    both = table.loc["tone: dark and time: night"]
    assert both["verdict"] == "skewed"
    assert not isinstance(both["explained_by"], str)
    assert both["excess"] == pytest.approx(0.4, abs=0.06)
    assert both["excess_low"] < 0.4 < both["excess_high"]


def test_the_excess_is_that_of_the_four_rates():
    predictions = read(lambda dark, night: 0.2 + 0.1 * dark + 0.3 * (dark & night), n=900)
    said = np.eye(6)[predictions.predicted]
    rows = predictions.rows
    rows.loc[::7, "time"] = None
    sums = slice_sums(
        [coded_attribute(rows["tone"]), coded_attribute(rows["time"])], np.hstack([np.ones((900, 1)), said]), beside=7
    )
    t = len(sums.splits.child)
    assert t == 2 * 4
    found = excess(sums.inside[:, 1:], sums.inside[:, 0], sums.splits, level=np.full(t, 0.95), design_effect=np.ones((t, 6)))
    known = rows["time"].notna()
    for number in range(t):
        dark, night = (condition.mask(rows) for condition in sums.specs[sums.splits.child[number]].conditions)
        rates = [
            said[(known & a & b).to_numpy(), 0].mean()
            for a, b in ((dark, night), (dark, ~night), (~dark, night), (~dark, ~night))
        ]
        assert found.value[number, 0] == pytest.approx(rates[0] - rates[1] - rates[2] + rates[3])


def test_intersections_of_three_are_taken_apart_in_three_ways():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({name: np.array(["x", "y"])[rng.integers(2, size=400)] for name in "abc"})
    sums = slice_sums([coded_attribute(rows[name]) for name in "abc"], np.ones((400, 1)), order=3)
    three = [number for number, spec in enumerate(sums.specs) if spec.order == 3]
    for child in three:
        at = sums.splits.child == child
        assert at.sum() == 3
        assert {sums.specs[parent].order for parent in sums.splits.parent[at]} == {2}
        total = sums.inside[child, 0] + sums.splits.beside[at][:, :, 0].sum(axis=1)
        np.testing.assert_array_equal(total, 400)
