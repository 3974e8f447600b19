"""An audit names the causes, of which kind they are and what follows from them, whatever is known of the pictures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.analyses.inference.verdicts import Rules
from affect_workbench.analyses.skew.causes.explain import WAYS
from affect_workbench.analyses.skew.causes.table import CAUSE_COLUMNS, KINDS, find_causes
from affect_workbench.analyses.skew.findings import skew_table
from affect_workbench.analyses.slices.coding import coded_attributes
from affect_workbench.analyses.slices.sums import slice_sums
from affect_workbench.data.synthetic.predictions import table_world
from sliced_pictures import sliced

PLACE = {"attribute_2": 1}
WHERE = {"attribute_2": "v1"}


def world_of(seed: int):
    rng = np.random.default_rng(seed)
    return table_world(rng, taxonomy="ekman6", sizes=(2, 3, 4)), rng


def audited(predictions, **more):
    return run_audit(predictions, AuditConfig(map_pictures=0, further=False, **more))


def only(result, where=WHERE):
    """The single cause, which is the planted one."""
    assert list(result.causes["where"]) == [where]
    return result.causes.iloc[0]


@pytest.fixture(scope="module")
def predictions():
    world, rng = world_of(7)
    return world.read(PLACE, 0, 0.2).draw(6_000, rng)


@pytest.fixture(scope="module")
def result(predictions):
    return audited(predictions)


def test_a_cause_carries_its_cell_and_what_follows_from_it(result):
    cause = only(result)
    assert list(result.causes) == list(CAUSE_COLUMNS)
    findings = result.findings
    cell = findings[(findings["slice"] == cause["slice"]) & (findings["emotion"] == cause["emotion"])].iloc[0]
    for name in ("n", "rate", "effect", "low", "high", "q", "verdict"):
        assert cause[name] == cell[name]
    assert cell["way"] == "cause"
    assert pd.isna(cell["explained_by"])
    follows = findings[findings["explained_by"] == cause["cause"]]
    assert len(follows) == cause["explains"] > 5
    assert (follows["verdict"] == "skewed").all()
    assert set(follows["way"]) == {"mirror", "remainder", "child"}
    assert cause["adjusted_low"] < cause["adjusted_effect"] < cause["adjusted_high"]
    assert cause["evidence"] > 10 > 4.5 > cause["threshold"] > 3
    assert cause["stable"] == cause["halves"] == 50
    assert cause["cause"] == f"{cause['slice']}, {cause['emotion']} more often"


def test_every_skew_is_told_in_one_of_the_ways_or_not_at_all(result):
    findings = result.findings
    told = findings["way"].notna()
    assert set(findings["way"][told]) <= set(WAYS)
    assert (findings["explained_by"].notna() == (told & (findings["way"] != "cause"))).all()
    assert (findings["verdict"][told] == "skewed").all()
    assert told.sum() > 0.9 * (findings["verdict"] == "skewed").sum()


def test_an_audit_without_causes_has_none(predictions, result):
    plain = audited(predictions, causes=False)
    assert plain.causes.empty
    assert list(plain.causes) == list(CAUSE_COLUMNS)
    same = [name for name in plain.findings if name not in ("explained_by", "way")]
    pd.testing.assert_frame_equal(plain.findings[same], result.findings[same])


def test_without_a_bias_there_is_no_cause():
    world, rng = world_of(1)
    result = audited(world.labelled(PLACE, 0, 0.3).draw(6_000, rng))
    assert result.count("skewed") > 5
    assert result.causes.empty
    assert set(result.findings["way"].dropna()) == {"labels"}


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("new", lambda world: world.read(PLACE, 0, 0.2)),
        ("amplified", lambda world: world.labelled(PLACE, 0, 0.15).exaggerated(PLACE, 0, 4.0)),
        ("muted", lambda world: world.labelled(PLACE, 0, 0.4).exaggerated(PLACE, 0, 0.2)),
        ("difference", lambda world: world.read(PLACE, 0, 0.2)),
    ],
)
def test_the_labels_say_which_kind_it_is(kind, change):
    world, rng = world_of(2)
    predictions = change(world).draw(12_000, rng)
    if kind == "difference":
        predictions = predictions.with_rows(predictions.rows.drop(columns="label"))
    cause = only(audited(predictions))
    assert cause["kind"] == kind
    assert (cause["adjusted_effect"] > 0) == (kind != "muted")
    assert cause["emotion"] == world.taxonomy.labels[0]


def test_new_causes_are_told_first():
    world, rng = world_of(3)
    world = (
        world.labelled({"attribute_3": 0}, 1, 0.15).exaggerated({"attribute_3": 0}, 1, 6.0).read({"attribute_1": 0}, 3, 0.1)
    )
    causes = audited(world.draw(12_000, rng)).causes
    assert list(causes["kind"]) == ["new", "amplified"]
    assert causes["adjusted_effect"][0] < causes["adjusted_effect"][1], "it is the smaller one"
    assert KINDS.index("new") < KINDS.index("amplified")


def test_votes_find_it_too_and_what_is_tied_to_them_is_the_labels():
    world, rng = world_of(4)
    world = world.labelled({"attribute_3": 0}, 1, 0.3).read(PLACE, 0, 0.2)
    result = audited(world.draw_voted(6_000, rng, people=10, concentration=3.0))
    only(result)
    cell = result.findings[
        (result.findings["where"] == {"attribute_3": "v0"}) & (result.findings["emotion"] == world.taxonomy.labels[1])
    ]
    assert list(cell["way"]) == ["labels"]


def test_pictures_in_groups_are_weaker_evidence():
    world, rng = world_of(5)
    grouped = world.read(PLACE, 0, 0.25).draw(8_000, rng, mean_group=10, intraclass=0.3)
    alone = grouped.with_rows(grouped.rows.drop(columns="group_id"))
    found = [audited(one).causes for one in (grouped, alone)]
    together, apart = (one[[where == WHERE for where in one["where"]]].iloc[0] for one in found)
    assert together["evidence"] < 0.8 * apart["evidence"]
    assert together["adjusted_high"] - together["adjusted_low"] > 1.25 * (apart["adjusted_high"] - apart["adjusted_low"])
    assert len(found[0]) <= len(found[1])


@pytest.mark.parametrize("missing", ["attribute_2", "attribute_3", "label"])
def test_missing_values_do_not_hide_it_and_are_no_cause(missing):
    world, rng = world_of(0)
    drawn = world.read(PLACE, 0, 0.3).draw(8_000, rng)
    rows = drawn.rows.copy()
    # Without an attribute: rows with the cause among them, of which the rest of the attribute's values says nothing.
    rows.loc[rng.random(len(rows)) < 0.4, missing] = None
    cause = only(audited(drawn.with_rows(rows)))
    assert cause["kind"] == "new"
    assert 0.2 < cause["adjusted_effect"] < 0.3


def test_what_was_not_tested_is_no_cause(predictions):
    coded, _ = coded_attributes(predictions.rows, ["attribute_1", "attribute_2"], available=["attribute_1", "attribute_2"])
    data = sliced(predictions, coded)
    beside = 1 + len(predictions.taxonomy)
    sums = slice_sums(data.attributes, data.scores.columns, order=2, beside=beside)
    findings = skew_table(sums, data, rules=Rules())
    assert list(find_causes(data, sums, findings, rules=Rules()).table["where"]) == [WHERE]
    untested = [where == WHERE for where in findings["where"]]
    findings.loc[untested, "p"] = np.nan
    found = find_causes(data, sums, findings, rules=Rules())
    assert not any(where == WHERE for where in found.table["where"])
    assert list(found.findings["slice"]) == list(findings["slice"])


def test_the_same_pictures_give_the_same_causes(predictions, result):
    pd.testing.assert_frame_equal(audited(predictions).causes, result.causes)
