"""What fails a build: exit codes by the real command line, JUnit XML that parses, JSON with the keys that are promised."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import yaml

from affect_workbench.analyses.inference.verdicts import VERDICTS
from affect_workbench.workbench.__main__ import COMMANDS
from affect_workbench.workbench.audit.exports.findings import (
    FINDING_KEYS,
    FORMAT,
    audit_findings,
    findings_record,
    junit_xml,
)
from affect_workbench.workbench.interface.options import add_arguments
from affect_workbench.workbench.runs.gate import Gate, gate_from, lower_bounds
from affect_workbench.workbench.runs.store import load_audit
from workbench_runs import CELLS, HOSTILE, SLIM, audited, predictions_table, refusal, succeeded, workbench

pytest_plugins = ["workbench_fixtures"]

CI = Path(__file__).resolve().parents[3] / "docs" / "ci.md"


def cases(xml: bytes) -> list[ElementTree.Element]:
    return ElementTree.fromstring(xml).findall("./testsuite/testcase")


# What is asked for


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("", Gate("skewed", asked=False)),
        ("skewed", Gate("skewed")),
        ("skewed:0.05", Gate("skewed", 0.05)),
        ("skewed:0", Gate("skewed")),
        ("accuracy:0.05", Gate("accuracy", 0.05)),
    ],
)
def test_what_a_gate_is_made_of(text, gate):
    assert gate_from(text, verdict="skewed", more=("accuracy",)) == gate
    assert gate_from(str(gate), verdict="skewed", more=("accuracy",)).beyond == gate.beyond


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("worse", "--fail-on worse: expected skewed or skewed:SHARE"),
        ("skewed:much", "'much' is not a number"),
        ("skewed:", "'' is not a number"),
        ("skewed:5", "5 is out of range; expected skewed or skewed:SHARE, with a share from 0 to 1"),
        ("skewed:-0.1", "out of range"),
        ("skewed:nan", "out of range"),
    ],
)
def test_a_gate_that_means_nothing_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        gate_from(text, verdict="skewed")


def test_how_far_a_finding_surely_reaches():
    table = pd.DataFrame({"adjusted_low": [0.03, -0.4, -0.1, np.nan], "adjusted_high": [0.5, -0.06, 0.2, np.nan]})
    assert list(lower_bounds(table)) == [0.03, 0.06, 0, 0]
    table = table.assign(verdict=["skewed", "skewed", "undetermined", "too small"])
    assert list(Gate("skewed").caught(table)) == [True, True, False, False]
    assert list(Gate("skewed", 0.05).caught(table)) == [False, True, False, False]
    assert list(Gate("skewed", 0.06).caught(table)) == [False, False, False, False], "as far is not farther"


# Exit codes


def test_an_audit_fails_only_on_skews_that_surely_reach_as_far(tmp_path, table_file):
    words = ["audit", "--predictions", table_file(bias=0.3, n=1_500), "--attributes", "tone", *SLIM]
    assert succeeded(*words, "-o", tmp_path / "run").out.count("--fail-on") == 0
    findings = load_audit(tmp_path / "run").findings
    farthest = float(lower_bounds(findings[findings["verdict"] == "skewed"]).max())
    assert 0.1 < farthest < 0.4
    for share, code in ((farthest - 0.001, 1), (farthest + 0.001, 0)):
        ended = workbench(*words, "-o", tmp_path / "run", "--overwrite", "--fail-on", f"skewed:{share:.6f}")
        assert ended.code == code
        assert re.search(
            rf"--fail-on skewed:0\.\d+: {'1 finding|[2-9] findings' if code else '0 findings, pass'}", ended.out
        )
        record = json.loads((tmp_path / "run" / "findings.json").read_text(encoding="utf-8"))
        assert record["gate"]["failed"] is bool(code)
        assert (tmp_path / "run" / "report.html").is_file()


def test_the_older_flag_is_the_same_gate(tmp_path, table_file):
    words = ["audit", "--predictions", table_file(bias=0.6, n=1_500), "--attributes", "tone", *SLIM]
    old, new = (
        workbench(*words, "-o", tmp_path / str(n), *flag)
        for n, flag in enumerate((["--fail-on-skew"], ["--fail-on", "skewed"]))
    )
    assert (old.code, new.code) == (1, 1)
    assert (tmp_path / "0" / "findings.json").read_bytes() == (tmp_path / "1" / "findings.json").read_bytes()


def test_a_bad_gate_is_refused_before_any_work(tmp_path, table_file):
    line = refusal("audit", "--predictions", table_file(), "-o", tmp_path / "run", "--fail-on", "skewed:5")
    assert "5 is out of range" in line
    assert not (tmp_path / "run").exists()


def accuracy_words(table_file, tmp_path, **options):
    table = table_file(n=1_500, bias=0.3, **options)
    return ["audit", "--predictions", table, "--attributes", "tone", *SLIM, "-o", tmp_path / "run", "--overwrite"]


def test_an_audit_can_fail_on_the_accuracy_of_a_slice(tmp_path, table_file):
    """In a share .3 of dark pictures anger is said whatever is true: they are right about .25 less often."""
    words = accuracy_words(table_file, tmp_path)
    for share, code in ((0.05, 1), (0.4, 0)):
        ended = workbench(*words, "--fail-on", f"accuracy:{share}")
        assert ended.code == code
        assert f"--fail-on accuracy:{share:g}: {2 if code else 0} slices with a different accuracy" in ended.out
    ended = workbench(*words, "--fail-on", "accuracy")
    record = json.loads((tmp_path / "run" / "findings.json").read_text(encoding="utf-8"))
    assert (ended.code, record["gate"]) == (1, {"fail_on": "accuracy", "caught": 2, "failed": True})
    assert [one["slice"] for one in record["accuracy"] if one["caught"]] == ["tone: dark", "tone: light"]
    assert not any(one["caught"] for one in record["findings"])
    assert record["accuracy_counts"]["skewed"] == 2
    assert sum(record["counts"].values()) == len(load_audit(tmp_path / "run").findings)
    by_name = {case.get("name"): case for case in cases((tmp_path / "run" / "junit.xml").read_bytes())}
    failure = by_name["tone: dark"].find("failure")
    assert failure.get("message") == "accuracy"
    assert failure.text.startswith("Pictures with tone: dark: accuracy ")


def test_a_gate_on_accuracy_needs_a_truth(tmp_path, table_file):
    table = predictions_table(300).drop(columns="label")
    table.to_csv(tmp_path / "bare.csv", index=False)
    line = refusal("audit", "--predictions", tmp_path / "bare.csv", "-o", tmp_path / "run", "--fail-on", "accuracy:0.05")
    assert "no audited picture has a label or votes" in line
    assert not (tmp_path / "run").exists()


# The files


def test_junit_has_a_case_for_every_slice_and_skips_what_is_too_small():
    table = predictions_table(1_500, attributes={"tone": ("dark", "light")}, bias=0.4)
    table["rare"] = np.where(np.arange(1_500) < 5, "five", "others").astype(object)
    result = audited(table, order=1, **CELLS)
    findings = audit_findings(result, gate_from("skewed:0.1", verdict="skewed"))
    xml = junit_xml(findings)
    by_name = {case.get("name"): case for case in cases(xml)}
    assert set(by_name) == set(result.slices["slice"])
    assert by_name["rare: five"].find("skipped").get("message") == "too few pictures (n = 5)"
    failure = by_name["tone: dark"].find("failure")
    assert (failure.get("type"), failure.get("message")) == ("skewed", "skewed: anger")
    assert "predicted as anger" in failure.text
    suite = ElementTree.fromstring(xml).find("testsuite")
    counted = {key: len(suite.findall(f"testcase/{tag}")) for key, tag in (("failures", "failure"), ("skipped", "skipped"))}
    assert {key: int(suite.get(key)) for key in counted} == counted
    assert int(suite.get("tests")) == len(by_name)
    caught = findings.table[findings.table["caught"]]
    assert counted["failures"] == caught["slice"].nunique() > 0


def test_junit_holds_any_text():
    awkward = (*HOSTILE, "bell \x07 and \x00 null", "]]> & \ud7ff", "line\nbreak\ttab")
    table = predictions_table(2_500, attributes={"to<ne": awkward}, bias=0.9)
    result = audited(table, order=1, **CELLS)
    xml = junit_xml(audit_findings(result, Gate("skewed")))
    names = {case.get("name") for case in cases(xml)}
    expected = {name.replace("\x07", "\ufffd").replace("\x00", "\ufffd") for name in result.slices["slice"]}
    assert names == expected
    assert any(case.find("failure") is not None for case in cases(xml))


def test_findings_are_those_of_the_audit_after_a_round_trip(tmp_path, table_file):
    words = ["audit", "--predictions", table_file(bias=0.4, n=1_500), "-o", tmp_path / "run", *SLIM, "--order", 2]
    succeeded(*words)
    result = load_audit(tmp_path / "run")
    record = json.loads((tmp_path / "run" / "findings.json").read_text(encoding="utf-8"))
    assert record == findings_record(audit_findings(result, Gate("skewed", asked=False)))
    skewed = result.findings[result.findings["verdict"] == "skewed"]
    assert record["counts"] == {verdict: result.count(verdict) for verdict in VERDICTS}
    assert len(record["findings"]) == len(skewed) > 0
    for one, row in zip(record["findings"], skewed.itertuples(), strict=True):
        assert list(one) == list(FINDING_KEYS)
        assert (one["slice"], one["where"], one["emotion"], one["n"]) == (row.slice, row.where, row.emotion, row.n)
        assert (one["effect"], one["low"], one["adjusted_high"], one["q"]) == (row.effect, row.low, row.adjusted_high, row.q)
        assert one["caught"] is True
        assert isinstance(one["repeats"], str | None)


def test_nothing_found_is_an_empty_list():
    result = audited(predictions_table(600, bias=0.0), order=1, **CELLS)
    record = findings_record(audit_findings(result, Gate("skewed")))
    assert (record["findings"], record["gate"]) == ([], {"fail_on": "skewed", "caught": 0, "failed": False})
    assert json.loads(json.dumps(record, allow_nan=False)) == record


# The page about it


@pytest.fixture(scope="module")
def text() -> str:
    return CI.read_text(encoding="utf-8")


def test_the_page_names_every_key(text):
    top, of_finding = (
        set(re.findall(r"`(\w+)`", part)) for part in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)[2:4]
    )
    record = findings_record(audit_findings(audited(predictions_table(300), order=1, **CELLS), Gate("skewed")))
    assert set(record) <= top
    assert set(record["gate"]) <= top
    assert set(FINDING_KEYS) <= of_finding
    assert FORMAT in text


def test_the_workflow_is_yaml_whose_commands_are_understood(text):
    workflow = yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, flags=re.DOTALL)[1])
    lines = [step["run"] for step in workflow["jobs"]["gate"]["steps"] if step.get("run", "").startswith("workbench ")]
    assert [line.split()[1] for line in lines] == ["audit", "compare"]
    for line in lines:
        name, *words = shlex.split(line)[1:]
        parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
        add_arguments(parser, COMMANDS[name])
        given, unknown = parser.parse_known_args(words)
        assert unknown == []
        assert gate_from(given.fail_on, verdict={"audit": "skewed", "compare": "worse"}[name]).asked
