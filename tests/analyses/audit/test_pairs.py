"""Does an audit of pairs say what the pairs say, in its tables, its sentences and from the command line?"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affect_workbench.analyses.audit.compare.compare import compare
from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.permutation_check import Permutations, _blocks, _permute, permutation_check
from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.analyses.disparities.numbers import numeric_table
from affect_workbench.analyses.slices.coding import coded_attribute
from affect_workbench.analyses.slices.pairs import pair_codes
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.tables.columns import attribute_columns
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.report.sections.in_pairs import in_pairs
from affect_workbench.workbench.report.sentences import markdown_sentence, plain_sentence
from affect_workbench.workbench.runs.store import load_audit
from sliced_pictures import sliced, sliced_rows
from workbench_runs import SLIM, succeeded, workbench

EKMAN = Taxonomy.named("ekman6")
CELLS = AuditConfig(map_pictures=0, further=False, space_pictures=0, order=1)


def issue_table(both: int = 160, neither: int = 200, one_sided: int = 40) -> pd.DataFrame:
    """400 pairs: 160 predicted as anger in both pictures, 200 in neither, 40 in the clean one only."""
    said = [("anger", "anger")] * both + [("joy", "joy")] * neither + [("joy", "anger")] * one_sided
    n = len(said)
    return pd.DataFrame(
        {
            "image_id": [f"p{number}" for number in range(2 * n)],
            "pair_id": [f"scene {number}" for number in np.repeat(np.arange(n), 2)],
            "camera": ["noisy", "clean"] * n,
            "gender": np.repeat(np.where(np.arange(n) % 2, "f", "m"), 2),
            "predicted": [label for pair in said for label in pair],
        }
    )


def predictions_of(table: pd.DataFrame) -> Predictions:
    codes = EKMAN.codes(table["predicted"])
    return Predictions(1.0 - np.eye(6)[codes], table.drop(columns="predicted"), EKMAN, "label")


def cell(result: AuditResult, slice_: str = "camera: noisy", emotion: str = "anger") -> pd.Series:
    findings = result.findings
    return findings[(findings["slice"] == slice_) & (findings["emotion"] == emotion)].iloc[0]


@pytest.fixture(scope="module")
def audit() -> AuditResult:
    return run_audit(predictions_of(issue_table()), CELLS)


def test_four_hundred_pairs_say_what_mcnemar_and_tango_say(audit):
    row = cell(audit)
    assert row["p"] == pytest.approx(1.8e-12, rel=0.02)
    assert (row["effect"], row["low"], row["high"]) == pytest.approx((-0.1, -0.133, -0.074), abs=5e-4)
    assert (row["n"], row["n_complement"], row["pairs"], row["pairs_mixed"]) == (400, 400, 400, 0)
    assert (row["rate"], row["complement_rate"], row["verdict"]) == (0.4, 0.5, "skewed")
    assert row["adjusted_low"] < row["low"]
    assert row["design_effect"] < 0.2
    assert row["detectable"] == pytest.approx(2.8 * np.sqrt(40 / 400 / 400), rel=0.05)
    table = audit.tables["pairs"].set_index("slice")
    assert table.loc["camera: noisy", ["statistic", "freedom"]].tolist() == pytest.approx([40, 1])
    assert set(table["method"]) == {"McNemar and Tango"}


def test_what_does_not_differ_within_pairs_is_compared_as_it_is_with_pairs_as_groups(audit):
    row = cell(audit, "gender: f")
    assert np.isnan(row["pairs"])
    assert (row["n"], row["n_complement"]) == (400, 400)
    assert row["design_effect"] == pytest.approx(1.8, abs=0.1)
    assert any(note.startswith("pairs (pair_id) do not differ in gender") for note in audit.run.notes)
    assert "slices of camera are compared in 400 pairs (pair_id) that differ in it only" in audit.run.notes
    assert attribute_columns(issue_table()) == ["camera", "gender"]


def test_the_sentence_says_in_what_was_compared(audit):
    finding = next(row for row in audit.findings.itertuples() if (row.slice, row.emotion) == ("camera: noisy", "anger"))
    expected = (
        "In 400 pairs that differ in camera only, pictures with camera: noisy are predicted as anger 40.0 % of the time, "
    )
    assert plain_sentence(finding).startswith(expected + "their partners 50.0 %: −10.0 points [−13.3, −7.4]")
    assert markdown_sentence(audit.findings.loc[finding.Index]).startswith("In 400 pairs that differ in camera only")
    mixed = finding._replace(pairs_mixed=120.0)
    assert "pairs that differ in camera (120 of them also in another attribute), pictures" in plain_sentence(mixed)
    assert plain_sentence(finding._replace(pairs=float("nan"))).startswith("Pictures with camera: noisy")
    section = in_pairs(audit)
    assert section is not None
    assert "In 400 pairs that differ in camera only, pictures with camera: noisy against" in " ".join(section.found)
    assert in_pairs(replace(audit, tables={})) is None


def test_what_lies_in_no_pair_is_counted_and_named():
    table = issue_table()
    table.loc[:36, "pair_id"] = [f"alone {number}" for number in range(37)]
    table.loc[100:119, "camera"] = "noisy"
    table["light"] = ["day", "night"] * 5 + ["day"] * 790
    result = run_audit(predictions_of(table), CELLS)
    excluded = result.excluded.set_index("name")
    assert excluded.loc["without a partner, camera", "n"] == 38
    assert excluded.loc["of pairs with equal camera", "n"] == 20
    assert "not used in comparisons in pairs of camera" in excluded.loc["without a partner, camera", "reason"]
    assert cell(result)["pairs"] == 400 - 19 - 10
    assert not any("light" in note and "differ in it" in note for note in result.run.notes)
    table["light"] = ["day", "night"] * 60 + ["day"] * 680
    notes = run_audit(predictions_of(table), CELLS).run.notes
    assert any("pairs (pair_id) that differ in it, of which" in note and "differ in light too" in note for note in notes)


def test_a_slice_in_few_pairs_is_compared_with_all_others_and_said_to_be():
    table = issue_table()
    table.loc[0:9:2, "camera"] = "broken"
    table.loc[700:729, ["camera", "pair_id"]] = "broken", None
    result = run_audit(predictions_of(table), CELLS)
    row = cell(result, "camera: broken")
    assert np.isnan(row["pairs"])
    assert (row["n"], row["n_complement"]) == (35, 765)
    listed = result.excluded.set_index("name").loc["camera: broken"]
    assert listed["n"] == 5
    assert "fewer than 10 pairs" in listed["reason"]
    assert cell(result)["pairs"] == 400 - 15 - 5


def test_what_the_labels_say_is_compared_in_the_same_pairs():
    table = issue_table().assign(label=np.repeat(["anger", "joy"] * 200, 2))
    row = cell(run_audit(predictions_of(table), CELLS))
    z2 = stats.norm.ppf(0.975) ** 2
    assert (row["label_gap"], row["label_gap_high"]) == pytest.approx((0, z2 / (400 + z2)))
    assert row["model_gap"] == pytest.approx(-0.1)
    assert -0.135 < row["model_gap_low"] < row["model_gap_high"] < -0.065
    assert row["attribution"] == "model"
    table.loc[:99, "label"] = None
    half = run_audit(predictions_of(table), CELLS)
    assert cell(half)["model_gap"] == pytest.approx(-40 / 350)


def test_votes_of_pairs_have_the_variance_that_they_have():
    rng = np.random.default_rng(0)
    table = issue_table()
    joy = np.tile([0.4, 0.3], 400) + 0.01 * rng.normal(size=800)
    table = table.assign(
        vote_joy=joy, vote_anger=1 - joy, **{f"vote_{label}": 0.0 for label in EKMAN.labels if label not in ("joy", "anger")}
    )
    row = cell(run_audit(predictions_of(table), CELLS), emotion="joy")
    gaps = joy[::2] - joy[1::2]
    expected = stats.ttest_1samp(gaps, 0).confidence_interval()
    assert (row["label_gap_low"], row["label_gap_high"]) == pytest.approx(tuple(expected), abs=1e-4)


def test_pairs_in_groups_are_as_sure_as_the_groups():
    """Forty one-sided pairs in one of twenty groups are one group's doing."""
    table = issue_table()
    table["group_id"] = np.repeat(np.arange(400) // 20, 2)
    result = run_audit(predictions_of(table), CELLS)
    row = cell(result)
    assert row["effect"] == pytest.approx(-0.1)
    assert row["p"] > 0.1
    assert row["high"] > 0
    assert result.tables["pairs"]["method"].tolist() == ["cluster-robust"] * 2
    assert any("pairs lie in 20 groups" in note for note in result.run.notes)
    spread = issue_table().assign(group_id=np.repeat(np.arange(400) % 20, 2))
    assert cell(run_audit(predictions_of(spread), CELLS))["p"] < 1e-8


def test_a_number_is_compared_within_pairs_by_a_paired_t():
    rng = np.random.default_rng(1)
    table = issue_table()
    number = np.repeat(3 * rng.normal(size=400), 2) + np.tile([0.2, 0.0], 400) + 0.5 * rng.normal(size=800)
    number[[0, 7]] = np.nan
    codes = pair_codes(table)
    found = numeric_table(number, sliced_rows([coded_attribute(table["camera"])], groups=codes, pairs=codes)).set_index(
        "slice"
    )
    row = found.loc["camera: noisy"]
    both = np.isfinite(number.reshape(-1, 2)).all(axis=1)
    noisy, clean = number.reshape(-1, 2)[both].T
    expected = stats.ttest_rel(noisy, clean)
    assert (row["effect"], row["p"]) == pytest.approx(((noisy - clean).mean(), expected.pvalue))
    assert (row["low"], row["high"]) == pytest.approx(tuple(expected.confidence_interval()))
    assert (row["mean"], row["n"], row["pairs"], row["method"]) == (pytest.approx(noisy.mean()), 398, 398, "pairs")
    assert found.loc["camera: clean", "effect"] == pytest.approx(-row["effect"])


def test_the_permutation_check_keeps_pairs_together_and_swaps_inside_them():
    table = issue_table()
    config = replace(CELLS, attributes=("camera", "gender"))
    assert permutation_check(table, EKMAN, config=config, permutations=Permutations(times=15)).alarms <= 1
    pairs = pair_codes(table)
    assert pairs is not None
    rng, strata = np.random.default_rng(0), np.zeros(800, dtype=np.int64)
    blocks = _blocks(pairs, strata)
    dealt = _permute(strata, pairs, rng, blocks=blocks).reshape(-1, 2)
    assert (dealt // 2 == dealt[:, :1] // 2).all()
    assert 120 < (dealt[:, 0] > dealt[:, 1]).sum() < 280
    assert sorted(dealt.ravel()) == list(range(800))


def test_a_sample_holds_whole_pairs():
    some = sliced(predictions_of(issue_table()), []).sample(101, seed=0, whole_pairs=True).predictions
    assert len(some) == 100
    assert some.rows.groupby("pair_id").size().eq(2).all()


def test_two_models_on_pairs_are_compared_with_pairs_as_units():
    first, second = predictions_of(issue_table()), predictions_of(issue_table(one_sided=0, both=200))
    compared = compare(first, second, config=CELLS)
    assert any("pairs (pair_id): the 400 parts" in note for note in compared.notes)
    row = compared.changes[(compared.changes["slice"] == "camera: noisy") & (compared.changes["emotion"] == "anger")].iloc[0]
    assert row["change"] == pytest.approx(0.1)


def test_the_command_line_names_the_column_of_pairs(tmp_path):
    table = issue_table().rename(columns={"pair_id": "scene"})
    table.to_csv(tmp_path / "table.csv", index=False)
    given = ("audit", "--predictions", tmp_path / "table.csv", *SLIM)
    outcome = succeeded(*given, "--pairs", "scene", "-o", tmp_path / "run")
    assert "pairs are taken from the column scene (--pairs)" in outcome.out
    run = load_audit(tmp_path / "run")
    assert run.run.attributes == ("camera", "gender")
    assert cell(run)["p"] == pytest.approx(1.8e-12, rel=0.02)
    found = json.loads((tmp_path / "run" / "audit.json").read_text())["findings"]
    assert {row["pairs"] for row in found} == {400, None}
    assert "In 400 pairs that differ in camera only" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    refused = workbench(*given, "--pairs", "scne", "-o", tmp_path / "other")
    assert refused.code == 2
    assert "--pairs scne: there is no such column; did you mean scene?" in refused.err
    alone = workbench(*given, "--pairs", "image_id", "-o", tmp_path / "other")
    assert "--pairs image_id" in alone.err
