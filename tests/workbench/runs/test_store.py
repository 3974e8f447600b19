"""Run folders: what is written is what is read, strictly, and only finished ones are ever read."""

from __future__ import annotations

import datetime
import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.audit.result import SCHEMA
from affect_workbench.analyses.inference.verdicts import VERDICTS
from affect_workbench.data.storage.atomic import finished_under
from affect_workbench.workbench.report.html import report_html
from affect_workbench.workbench.runs.store import audit_record, load_audit, save_audit
from workbench_runs import CELLS, EKMAN, HOSTILE, audited, finished_run, predictions_table, succeeded

pytest_plugins = ["workbench_fixtures"]

PROMISED = {
    "slice",
    "where",
    "emotion",
    "n",
    "rate",
    "complement_rate",
    "effect",
    "low",
    "high",
    "p",
    "q",
    "detectable",
    "verdict",
}
TABLES = ("findings", "slices", "structure", "samples", "excluded")


def nothing_but_json(constant):
    raise AssertionError(f"{constant} is not JSON")


def strict(folder):
    return json.loads((folder / "audit.json").read_text(encoding="utf-8"), parse_constant=nothing_but_json)


def awkward_table(n=300):
    """Missing values, numbers, dates, booleans, columns without a value, names that are hard to keep apart."""
    table = predictions_table(n, attributes={"tone": ("dark", "light", None), "which one": HOSTILE})
    rng = np.random.default_rng(1)
    return table.assign(
        valence=np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
        rare=np.where(np.arange(n) < 5, "five of them", "the others"),
        few=rng.integers(3, size=n).astype(float),
        outside=rng.random(n) < 0.5,
        day=[datetime.date(2020, 1, 1 + int(number)) for number in rng.integers(3, size=n)],
        when=pd.to_datetime("2020-01-01") + pd.to_timedelta(rng.integers(3, size=n), unit="D"),
        kind=pd.Categorical(np.array(["a", "b"])[rng.integers(2, size=n)]),
        empty=None,
        label=table["label"].where(rng.random(n) < 0.9),
    )


@pytest.fixture(scope="module")
def awkward(tmp_path_factory):
    """An audit of the awkward table, and the folder it was saved to."""
    folder = tmp_path_factory.mktemp("awkward") / "run"
    result = audited(awkward_table(), map_pictures=100)
    save_audit(result, folder, report=report_html(result))
    return result, folder


@pytest.mark.parametrize("name", TABLES)
def test_every_table_survives_saving_and_loading(demo_result, tmp_path, name):
    save_audit(demo_result, tmp_path / "run")
    pd.testing.assert_frame_equal(getattr(load_audit(tmp_path / "run"), name), getattr(demo_result, name))


@pytest.mark.parametrize("name", TABLES)
def test_tables_with_awkward_values_survive(awkward, name):
    result, folder = awkward
    loaded, made = getattr(load_audit(folder), name), getattr(result, name)
    assert list(loaded) == list(made)
    if name == "samples":
        made = made.assign(day=made["day"].astype(str))  # Parquet columns of plain dates are kept as text
    pd.testing.assert_frame_equal(loaded, made, check_dtype=False)


def test_further_tables_survive_by_name(awkward, tmp_path):
    result, _ = awkward
    one = result.findings[["slice", "where", "emotion", "effect"]].head(7)
    more = replace(result, tables={"adjusted": one, "distribution": pd.DataFrame({"slice": ["a", None], "n": [1, 2]})})
    save_audit(more, tmp_path / "run")
    loaded = load_audit(tmp_path / "run").tables
    assert list(loaded) == ["adjusted", "distribution"]
    for name, table in more.tables.items():
        pd.testing.assert_frame_equal(loaded[name], table.reset_index(drop=True), check_dtype=False)


def test_causes_and_what_follows_from_them_survive(demo_result, tmp_path):
    causes, findings = demo_result.causes, demo_result.findings
    assert len(causes) > 0
    assert {"cause", "child"} <= set(findings["way"].dropna())
    save_audit(demo_result, tmp_path / "run")
    loaded = load_audit(tmp_path / "run")
    pd.testing.assert_frame_equal(loaded.causes, causes, check_dtype=False)
    for name in ("explained_by", "way"):
        pd.testing.assert_series_equal(loaded.findings[name], findings[name])
    assert set(loaded.findings["explained_by"].dropna()) <= {*causes["cause"], "labels"}


def test_taxonomy_and_run_record_survive(awkward):
    result, folder = awkward
    loaded = load_audit(folder)
    assert loaded.taxonomy == result.taxonomy
    assert loaded.headline == result.headline
    assert loaded.run.as_json() == json.loads(json.dumps(result.run.as_json()))


def test_saving_what_was_loaded_writes_the_same_bytes(awkward, tmp_path):
    _, folder = awkward
    save_audit(load_audit(folder), tmp_path / "again")
    assert (tmp_path / "again" / "audit.json").read_bytes() == (folder / "audit.json").read_bytes()


def test_the_record_is_strict_json_with_everything_promised(awkward):
    result, folder = awkward
    record = strict(folder)
    assert record["schema"] == SCHEMA
    assert len(record["findings"]) == len(result.findings)
    for finding in record["findings"]:
        assert set(finding) >= PROMISED
        assert finding["verdict"] in VERDICTS
        assert isinstance(finding["where"], dict)
        assert isinstance(finding["n"], int)
    assert {"what", "name", "n", "reason"} == set(record["excluded"][0])
    assert {"config", "versions", "attributes", "pictures"} <= set(record["run"])


def test_what_is_not_known_is_null_and_not_zero(awkward):
    _, folder = awkward
    unknown = [finding for finding in strict(folder)["findings"] if finding["p"] is None]
    assert unknown, "the table has slices that are too small to test"
    assert {finding["verdict"] for finding in unknown} == {"too small"}
    for finding in unknown:
        assert {finding[name] for name in ("rate", "effect", "low", "high", "q")} == {None}


def test_findings_describe_their_slices(awkward):
    """`where` picks exactly the pictures that `n` counts, after a round trip through JSON and Parquet."""
    from affect_workbench.workbench.report.sentences import samples_in

    loaded = load_audit(awkward[1])
    for finding in loaded.findings.drop_duplicates("slice").itertuples():
        inside = samples_in(loaded, finding.where)
        assert len(inside) == finding.n, finding.slice
        said = (inside["predicted"] == finding.emotion).mean()
        assert finding.p != finding.p or said == pytest.approx(finding.rate), finding.slice


def test_missing_attributes_are_listed_with_their_number(awkward):
    result, folder = awkward
    excluded = load_audit(folder).excluded.set_index("name")
    assert excluded.loc["without valence", "n"] == result.samples["valence"].isna().sum() > 0
    assert "no value at all" in excluded.loc["empty", "reason"]


def test_columns_of_mixed_types_are_kept_as_text(tmp_path):
    table = predictions_table(60).assign(mixed=lambda rows: [1 if n % 2 else "one" for n in range(len(rows))])
    result = audited(table.astype({"mixed": object}), **CELLS)
    save_audit(result, tmp_path / "run")
    assert set(load_audit(tmp_path / "run").samples["mixed"]) == {"1", "one"}


def test_a_row_can_be_asked_for_as_a_finding(demo_result):
    first, last = demo_result.finding(0), demo_result.finding(len(demo_result.findings) - 1)
    assert first.verdict == "skewed"
    assert isinstance(first.where, dict)
    assert last.verdict == "too small" or last.p is not None


# Damage


def copy_of(run, folder):
    shutil.copytree(run, folder)
    return folder


@pytest.mark.parametrize("name", ["audit.json", "slices.parquet", "structure.parquet", "samples.parquet"])
def test_a_lost_or_shortened_file_is_named(awkward, tmp_path, name):
    run = copy_of(awkward[1], tmp_path / "run")
    content = (run / name).read_bytes()
    (run / name).write_bytes(content[:-10])
    with pytest.raises(ValueError, match=rf"is damaged: {name} has {len(content) - 10} bytes, {len(content)} were written"):
        load_audit(run)
    (run / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"has lost its file {name}"):
        load_audit(run)


@pytest.mark.parametrize("name", ["audit.json", "slices.parquet", "structure.parquet", "samples.parquet"])
def test_a_file_of_the_right_size_but_the_wrong_content_is_refused(awkward, tmp_path, name):
    run = copy_of(awkward[1], tmp_path / "run")
    (run / name).write_bytes(b"\0" * (run / name).stat().st_size)
    with pytest.raises((ValueError, OSError)):
        load_audit(run)


def test_another_schema_is_refused_by_number(awkward, tmp_path):
    run = copy_of(awkward[1], tmp_path / "run")
    text = (run / "audit.json").read_text(encoding="utf-8")
    (run / "audit.json").write_text(text.replace(f'"schema": {SCHEMA}', '"schema": 7', 1), encoding="utf-8")
    with pytest.raises(ValueError, match=f"has schema 7: this version reads {SCHEMA}; audit again"):
        load_audit(run)


def test_without_its_marker_a_run_is_unfinished(awkward, tmp_path):
    run = copy_of(awkward[1], tmp_path / "run")
    (run / "COMPLETE.json").unlink()
    with pytest.raises(ValueError, match="is not a finished audit"):
        load_audit(run)


def test_a_run_opens_without_its_report(awkward, tmp_path):
    run = copy_of(awkward[1], tmp_path / "run")
    (run / "report.html").unlink()
    load_audit(run)
    (run / "report.html").write_text("somebody's own notes")
    load_audit(run)


def test_nan_cannot_slip_into_the_record(tmp_path):
    result = audited(predictions_table(60), **CELLS)
    poisoned = replace(result, run=replace(result.run, provenance={"share": float("nan")}))
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_audit(poisoned, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
    assert audit_record(result)["run"]["pictures"] == 60


# Which runs there are


def aged(run, seconds):
    os.utime(run / "COMPLETE.json", (seconds, seconds))
    return run


def test_runs_are_listed_newest_first_and_half_written_ones_not_at_all(awkward, tmp_path):
    whole = awkward[1]
    old = aged(copy_of(whole, tmp_path / "old"), 1_000)
    new = aged(copy_of(whole, tmp_path / "new"), 3_000)
    deep = aged(copy_of(whole, tmp_path / "demo" / "audit"), 2_000)
    half = copy_of(whole, tmp_path / "half")
    (half / "COMPLETE.json").unlink()
    copy_of(whole, tmp_path / ".run.partial-123")
    copy_of(whole, tmp_path / "demo" / ".audit.partial-9")
    (tmp_path / "notes.txt").write_text("not a run")
    (tmp_path / "empty").mkdir()
    assert finished_under(tmp_path, "audit.json") == [new, deep, old]


def test_a_run_folder_finds_itself(awkward):
    assert finished_under(awkward[1], "audit.json") == [awkward[1]]


def test_there_are_no_runs_in_a_folder_that_does_not_exist(tmp_path):
    assert finished_under(tmp_path / "nowhere", "audit.json") == []


def test_a_hidden_folder_above_the_runs_does_not_hide_them(awkward, tmp_path):
    run = copy_of(awkward[1], tmp_path / ".cache" / "runs" / "mine")
    assert finished_under(tmp_path / ".cache" / "runs", "audit.json") == [run]


# The report of a saved run


def test_the_report_command_writes_the_same_bytes_again(awkward, tmp_path):
    run = copy_of(awkward[1], tmp_path / "run")
    before = (run / "report.html").read_bytes()
    (run / "report.html").unlink()
    succeeded("report", run)
    assert (run / "report.html").read_bytes() == before
    load_audit(run)


def test_an_audit_of_twenty_five_labels_is_kept(tmp_path):
    labels = tuple(f"label {number}" for number in range(25))
    run = finished_run(tmp_path / "run", predictions_table(400, labels=labels), **CELLS)
    assert load_audit(run).taxonomy.labels == labels
    assert set(EKMAN).isdisjoint(labels)
