"""Exports of a finished audit: each is what its format asks for, says what the run says, and is the same every time."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from affect_workbench.analyses.inference.verdicts import VERDICTS
from affect_workbench.analyses.skew.findings import on_its_own
from affect_workbench.workbench.audit.exports.bias_profile import NO_TREATMENT, PROFILE
from affect_workbench.workbench.audit.exports.settings import KINDS
from affect_workbench.workbench.runs.reviews import review_of, save_review
from affect_workbench.workbench.runs.store import load_audit
from workbench_runs import EKMAN, HOSTILE, finished_run, predictions_table, refusal, succeeded

CARD = """
name = "Reader"
provider = "Lab"
purpose = "moods for a catalogue"
treatment = "two editors look"
data_licence = "https://spdx.org/licenses/CC0-1.0"
"""
GIVEN = {"croissant": ("--url", "https://example.org/d")}
FILES = [kind for kind in KINDS if kind not in ("mlflow", "wandb")]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Pictures on disk, one of them gone; dark ones are predicted as anger; a number beside them; a stated system."""
    folder = tmp_path_factory.mktemp("exported")
    table = predictions_table(500)
    (folder / "pictures").mkdir()
    for number, name in enumerate(table["image_id"]):
        Image.new("RGB", (2, 2), (number % 256, 0, 0)).save(folder / "pictures" / f"{name}.png")
    table["path"] = [str(folder / "pictures" / f"{name}.png") for name in table["image_id"]]
    (folder / "pictures" / "picture-00007.png").unlink()
    dark = (table["tone"] == "dark").to_numpy()
    table["brightness"] = np.random.default_rng(3).normal(size=len(table)) - dark
    table.to_csv(folder / "table.csv", index=False)
    (folder / "card.toml").write_text(CARD, encoding="utf-8")
    asked = ("--outcomes", "brightness", "--resamples", 99, "--map-pictures", 0, "--space-pictures", 0)
    succeeded("audit", "--predictions", folder / "table.csv", *asked, "--system", folder / "card.toml", "-o", folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    """Kind -> the folder of that export."""
    folder = tmp_path_factory.mktemp("exports")
    for kind in FILES:
        succeeded("export", run, "--to", kind, "-o", folder / kind, *GIVEN.get(kind, ()))
    return {kind: folder / kind for kind in FILES}


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("kind", FILES)
def test_the_same_run_gives_the_same_bytes(kind, run, exported, tmp_path):
    succeeded("export", run, "--to", kind, "-o", tmp_path / "again", *GIVEN.get(kind, ()))
    first, again = contents(exported[kind]), contents(tmp_path / "again")
    assert first == again
    assert len(first) > 1


def test_the_tables_of_a_run_folder_are_those_of_the_result(run):
    result = load_audit(run)
    flat = pd.read_csv(run / "findings.csv", keep_default_na=False, na_values=[""])
    cells = flat[flat["emotion"].notna()]
    assert len(cells) == len(result.findings)
    assert cells["effect"].to_numpy(float) == pytest.approx(result.findings["effect"].to_numpy(float), nan_ok=True)
    assert [json.loads(where) for where in cells["where"]] == result.findings["where"].tolist()
    assert cells["attributes"].tolist() == [" and ".join(where) for where in result.findings["where"]]
    assert flat["outcome"].notna().sum() == len(result.outcomes) > 0
    causes = pd.read_csv(run / "causes.csv")
    assert causes["cause"].tolist() == result.causes["cause"].tolist()
    assert len(causes)


def test_causes_without_any_are_a_header_only(tmp_path):
    fair = finished_run(tmp_path / "run", predictions_table(300, bias=0.0), order=1, further=False, space_pictures=0)
    (header,) = (fair / "causes.csv").read_text(encoding="utf-8").splitlines()
    assert header.startswith("cause,kind,slice")
    assert "outcome" in (fair / "findings.csv").read_text(encoding="utf-8").splitlines()[0]


def test_every_table_is_exported_as_csv(run, exported):
    result = load_audit(run)
    names = {path.name for path in exported["csv"].glob("*.csv")}
    own = {f"{name}.csv" for name in ("findings", "causes", "slices", "structure", "samples", "excluded")}
    assert names == own | {f"{name.replace(' ', '_')}.csv" for name in result.tables}
    assert len(pd.read_csv(exported["csv"] / "samples.csv")) == len(result.samples)


def test_the_bias_profile_has_a_row_for_every_group_and_hazard(run, exported):
    result, table = load_audit(run), pd.read_csv(exported["bias-profile"] / "bias-profile.csv")
    assert tuple(table.columns[: len(PROFILE)]) == PROFILE
    assert table[list(PROFILE)].notna().all().all()
    single = [row for row in result.findings.itertuples() if len(row.where) == 1]
    told = set(zip(table["group"], table["hazard"].str.extract(r"predicted as (\w+) ")[0], strict=True))
    assert {(row.slice, row.emotion) for row in single} <= told
    row = table[(table["group"] == "tone: dark") & (table["hazard"] == "predicted as anger more often")].squeeze()
    assert row["verdict"] == "skewed"
    assert row["result"].startswith("skewed: +")
    assert row["treatment"] == "stated: two editors look"
    assert "compare" in row["review_trigger"]
    assert set(table.loc[table["verdict"] != "skewed", "treatment"]) == {NO_TREATMENT}
    assert "lower brightness" in set(table["hazard"])
    assert "lower accuracy" in set(table["hazard"])
    record = json.loads((exported["bias-profile"] / "bias-profile.json").read_text(encoding="utf-8"))
    assert len(record["rows"]) == len(table)
    page = (exported["bias-profile"] / "bias-profile.md").read_text(encoding="utf-8")
    assert "| tone: dark | predicted as anger more often |" in page


def test_the_bias_profile_of_a_fair_model_names_no_skew(tmp_path):
    fair = finished_run(tmp_path / "run", predictions_table(300, bias=0.0), order=1, further=False, space_pictures=0)
    succeeded("export", fair, "--to", "bias-profile", "-o", tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "bias-profile.csv")
    assert set(table["verdict"]) <= set(VERDICTS) - {"skewed"}
    assert "Nothing." in (tmp_path / "out" / "bias-profile.md").read_text(encoding="utf-8")


def test_the_treatment_of_a_group_is_what_reviewers_decided(tmp_path):
    biased = finished_run(tmp_path / "run", predictions_table(300), order=1, further=False, space_pictures=0)
    result = load_audit(biased)
    at = next(
        position
        for position, row in enumerate(result.findings.itertuples())
        if (row.slice, row.emotion) == ("tone: dark", "anger")
    )
    when = datetime(2026, 1, 31, tzinfo=UTC)
    save_review(review_of(result, at, decision="follow-up", reviewer="Ada", note="new lamp", now=when), biased)
    succeeded("export", biased, "--to", "bias-profile", "-o", tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "bias-profile.csv")
    row = table[(table["group"] == "tone: dark") & table["hazard"].str.contains("anger")].squeeze()
    assert row["treatment"] == "kept for follow-up by Ada: new lamp"


def test_the_model_card_opens_as_yaml_and_says_what_was_found(run, exported):
    text = (exported["model-card"] / "README.md").read_text(encoding="utf-8")
    header = yaml.safe_load(text.split("---\n")[1])
    (entry,) = header["model-index"]
    assert entry["name"] == "Reader"
    metrics = {one["type"]: one["value"] for one in entry["results"][0]["metrics"]}
    result = load_audit(run)
    assert metrics["accuracy"] == pytest.approx(result.accuracy.models["accuracy"].iloc[0])
    assert metrics["pairs_skewed"] == result.count("skewed")
    assert "license" not in header
    assert "Pictures with tone: dark are predicted as anger" in text
    assert "moods for a catalogue" in text
    assert str(run.parent) not in text


def test_a_card_shows_the_words_of_the_data_and_nothing_of_them_runs(tmp_path):
    table = predictions_table(400, labels=("<b>joy</b>", "`fear`"), attributes={"tone": HOSTILE[:2], "x|y": HOSTILE[2:]})
    hostile = finished_run(tmp_path / "run", table, order=1, further=False, space_pictures=0)
    for kind, name in (("model-card", "README.md"), ("bias-profile", "bias-profile.md")):
        succeeded("export", hostile, "--to", kind, "-o", tmp_path / kind)
        body = (tmp_path / kind / name).read_text(encoding="utf-8").rpartition("---\n")[2]
        assert "script" in body
        assert re.search(r"(?<!\\)<", body) is None
        rows = [line for line in body.splitlines() if line.startswith("| ")]
        assert all(len(re.findall(r"(?<!\\)\|", line)) == len(PROFILE) + 1 for line in rows if "predicted as" in line)


EEE_TOP = {"schema_version", "evaluation_id", "evaluation_timestamp", "retrieved_timestamp", "source_metadata"}
EEE_TOP |= {"eval_library", "model_info", "evaluation_results", "detailed_evaluation_results"}
EEE_ROW = {"schema_version", "evaluation_id", "model_id", "evaluation_name", "evaluation_result_id", "sample_id"}
EEE_ROW |= {"sample_hash", "interaction_type", "input", "output", "answer_attribution", "evaluation", "metadata"}


def test_every_eval_ever_gets_what_its_schema_and_its_gate_ask_for(run, exported):
    (path,) = exported["eee"].glob("data/*/*/*/*.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record.keys() == EEE_TOP
    assert uuid.UUID(path.stem).version == 4
    assert path.parts[-3:-1] == ("Lab", "Reader")
    assert record["model_info"]["id"] == "Lab/Reader"
    assert record["model_info"]["additional_details"].keys() >= {"deployment_type", "model_availability"}
    assert record["retrieved_timestamp"].isdigit()
    for one in record["evaluation_results"]:
        config, details = one["metric_config"], one["score_details"]
        assert config["score_type"] == "continuous"
        assert config["min_score"] <= details["score"] <= config["max_score"]
        assert all(isinstance(value, str) for value in details["details"].values())
        if interval := details.get("uncertainty", {}).get("confidence_interval"):
            assert interval["lower"] <= details["score"] <= interval["upper"]
    details = record["detailed_evaluation_results"]
    samples = exported["eee"] / details["file_path"]
    assert samples == path.with_name(f"{path.stem}_samples.jsonl")
    assert hashlib.sha256(samples.read_bytes()).hexdigest() == details["checksum"]
    rows = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == details["total_rows"] == len(load_audit(run).samples)
    keys = {one["evaluation_result_id"]: one["evaluation_name"] for one in record["evaluation_results"]}
    truth = load_audit(run).samples.set_index("image_id")
    for row in rows:
        assert row.keys() == EEE_ROW
        assert row["evaluation_id"] == record["evaluation_id"]
        assert row["model_id"] == record["model_info"]["id"]
        assert keys[row["evaluation_result_id"]] == row["evaluation_name"]
        assert row["input"]["reference"] == [truth.at[row["sample_id"], "label"]]
        assert row["output"]["raw"] == [truth.at[row["sample_id"], "predicted"]]
        assert row["evaluation"]["is_correct"] == (row["output"]["raw"] == row["input"]["reference"])
        assert all(isinstance(value, str) for value in row["metadata"].values())
    accuracy = next(one for one in record["evaluation_results"] if one["evaluation_result_id"] == "accuracy")
    assert accuracy["score_details"]["score"] == pytest.approx(np.mean([row["evaluation"]["score"] for row in rows]))


def test_every_eval_ever_of_votes_names_every_label_with_most_of_them(tmp_path):
    table = predictions_table(200).drop(columns="label")
    votes = np.random.default_rng(1).integers(4, size=(len(table), len(EKMAN)))
    table[[f"vote_{label}" for label in EKMAN]] = np.maximum(votes, np.arange(len(EKMAN)) == 0)
    run = finished_run(tmp_path / "run", table, order=1, further=False, space_pictures=0)
    succeeded("export", run, "--to", "eee", "--model", "lab/v1", "-o", tmp_path / "out")
    (path,) = (tmp_path / "out").glob("data/*/lab/v1/*.jsonl")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    counts = table[[f"vote_{label}" for label in EKMAN]].to_numpy()
    expected = [[label for label, count in zip(EKMAN, row, strict=True) if count == row.max()] for row in counts]
    assert [row["input"]["reference"] for row in rows] == expected
    shares = counts / counts.sum(axis=1, keepdims=True)
    said = [shares[at, EKMAN.index(table["predicted"].iloc[at])] for at in range(len(table))]
    assert [row["evaluation"]["score"] for row in rows] == pytest.approx(said)


def test_every_eval_ever_without_truth_has_no_samples_and_no_accuracy(tmp_path):
    table = predictions_table(200).drop(columns="label")
    run = finished_run(tmp_path / "run", table, order=1, further=False, space_pictures=0)
    succeeded("export", run, "--to", "eee", "--model", "lab/v1", "-o", tmp_path / "out")
    (path,) = (tmp_path / "out").glob("data/*/lab/v1/*.json*")
    record = json.loads(path.read_text(encoding="utf-8"))
    assert "detailed_evaluation_results" not in record
    assert {one["evaluation_result_id"] for one in record["evaluation_results"]} >= {"skewed-pairs"}
    assert "accuracy" not in {one["evaluation_result_id"] for one in record["evaluation_results"]}


def test_croissant_describes_the_files_beside_it(exported):
    folder = exported["croissant"]
    record = json.loads((folder / "croissant.json").read_text(encoding="utf-8"))
    required = {"@context", "@type", "conformsTo", "name", "description", "license", "url", "creator", "datePublished"}
    assert required <= record.keys()
    assert record["creator"]["name"] == "Lab"
    for one in record["distribution"]:
        assert hashlib.sha256((folder / one["contentUrl"]).read_bytes()).hexdigest() == one["sha256"]
    for one in record["recordSet"]:
        with (folder / f"{one['name']}.csv").open(encoding="utf-8", newline="") as file:
            header = next(csv.reader(file))
        assert [field["source"]["extract"]["column"] for field in one["field"]] == header
    assert "path" not in [field["name"] for field in record["recordSet"][0]["field"]]
    assert any("anger" in sentence for sentence in record["rai:dataBiases"])
    assert record["rai:dataUseCases"] == ["moods for a catalogue"]


def test_fiftyone_finds_the_pictures_and_what_was_said_of_them(run, exported):
    folder, result = exported["fiftyone"], load_audit(run)
    metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    assert "version" not in metadata
    samples = json.loads((folder / "samples.json").read_text(encoding="utf-8"))["samples"]
    rows = result.samples.set_index("image_id")
    assert {one["image_id"] for one in samples} == set(rows.index) - {"picture-00007"}
    findings = result.findings
    own = list(findings[(findings["verdict"] == "skewed") & on_its_own(findings)].itertuples())
    for one in samples:
        row = rows.loc[one["image_id"]]
        assert one["filepath"] == row["path"]
        assert one["prediction"]["_cls"] == one["ground_truth"]["_cls"] == "Classification"
        assert (one["prediction"]["label"], one["ground_truth"]["label"]) == (row["predicted"], row["label"])
        assert (one["tone"], one["brightness"]) == (row["tone"], pytest.approx(row["brightness"]))
        cases = [
            f"{two.slice} → {two.emotion}"
            for two in own
            if two.emotion == row["predicted"] and all(row[name] == value for name, value in two.where.items())
        ]
        assert sorted(one["skews"]) == sorted(cases)
    assert any(one["skews"] for one in samples)


def test_fiftyone_takes_the_pictures_along_and_says_which_are_gone(run, tmp_path):
    printed = succeeded("export", run, "--to", "fiftyone", "--copy-pictures", "-o", tmp_path / "out").out
    assert "note: 1 picture left out" in printed
    sources = load_audit(run).samples.set_index("image_id")["path"]
    samples = json.loads((tmp_path / "out" / "samples.json").read_text(encoding="utf-8"))["samples"]
    assert len(samples) == len(sources) - 1
    for one in samples:
        assert (tmp_path / "out" / one["filepath"]).read_bytes() == Path(sources[one["image_id"]]).read_bytes()


def test_fields_of_fiftyone_have_names_that_it_takes(tmp_path):
    names = ("tags", "a.b", "a b", "_id", "1st", "skews")
    table = predictions_table(200, attributes=dict.fromkeys(names, ("x", "y")))
    Image.new("RGB", (2, 2)).save(tmp_path / "p.png")
    table["path"] = str(tmp_path / "p.png")
    run = finished_run(tmp_path / "run", table, order=1, further=False, space_pictures=0)
    succeeded("export", run, "--to", "fiftyone", "-o", tmp_path / "out")
    fields = json.loads((tmp_path / "out" / "metadata.json").read_text(encoding="utf-8"))["info"]["fields"]
    assert sorted(fields.values()) == sorted(names)
    assert all(re.fullmatch(r"[a-z]\w*", field, re.ASCII) for field in fields)
    sample = json.loads((tmp_path / "out" / "samples.json").read_text(encoding="utf-8"))["samples"][0]
    assert sample["tags"] == []
    assert {sample[field] for field in fields} <= {"x", "y"}


def test_an_export_lies_beside_its_run_where_nothing_is_said(tmp_path):
    run = finished_run(tmp_path / "run", predictions_table(200), order=1, further=False, space_pictures=0)
    assert succeeded("export", f"{run}/", "--to", "csv").out == f"csv: {tmp_path / 'run-csv'}\n"
    assert (tmp_path / "run-csv" / "findings.csv").is_file()
    assert "exists" in refusal("export", run, "--to", "csv")
    succeeded("export", run, "--to", "csv", "--overwrite")


def test_what_cannot_be_exported_is_refused_in_one_line(tmp_path):
    run = finished_run(tmp_path / "run", predictions_table(200), order=1, further=False, space_pictures=0)
    assert "did you mean croissant?" in refusal("export", run, "--to", "croisant")
    assert "missing --to" in refusal("export", run)
    assert "no audit at" in refusal("export", tmp_path / "none", "--to", "csv")
    assert "give --url, --license, --creator" in refusal("export", run, "--to", "croissant")
    assert "give --model DEVELOPER/NAME" in refusal("export", run, "--to", "eee")
    assert "has no column path" in refusal("export", run, "--to", "fiftyone")
    assert not list(tmp_path.glob("run-*"))
    assert "cannot name a folder" in refusal("export", run, "--to", "eee", "--model", "unknown/v1")


def test_numbers_alone_are_exported_but_not_as_scores_of_predictions(tmp_path):
    rng = np.random.default_rng(0)
    about = np.array(["woman", "man"])[rng.integers(2, size=300)]
    table = pd.DataFrame({"image_id": np.arange(300).astype(str), "about": about})
    table["valence"] = rng.normal(size=300) + (about == "woman")
    table.to_csv(tmp_path / "texts.csv", index=False)
    words = ("--predictions", tmp_path / "texts.csv", "--outcomes", "valence", "--resamples", 99)
    succeeded("audit", *words, "-o", tmp_path / "run")
    assert "about predictions" in refusal("export", tmp_path / "run", "--to", "eee", "--model", "lab/v1")
    for kind in ("csv", "bias-profile", "model-card"):
        succeeded("export", tmp_path / "run", "--to", kind)
    profile = pd.read_csv(tmp_path / "run-bias-profile" / "bias-profile.csv").set_index("group")
    assert profile.at["about: woman", "hazard"] == "higher valence"
    assert profile.at["about: woman", "verdict"] == "skewed"


@pytest.mark.parametrize("client", ["mlflow", "wandb"])
def test_a_tracker_that_is_not_installed_is_named_with_its_extra(client, run, monkeypatch):
    monkeypatch.setitem(sys.modules, client, None)
    assert f"{client} is not installed: pip install 'affect-workbench[{client}]'" in refusal("export", run, "--to", client)


@pytest.mark.filterwarnings("ignore")  # of MLflow's own use of its database
def test_mlflow_keeps_numbers_choices_and_files(run, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    succeeded("export", run, "--to", "mlflow", "--project", "emotions", "-o", tmp_path / "store")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'store' / 'mlflow.db'}")
    (found,) = mlflow.search_runs(experiment_names=["emotions"], output_format="list")
    assert found.data.metrics["pairs_skewed"] == load_audit(run).count("skewed")
    assert found.data.params["attributes"] == "tone, place"
    assert (tmp_path / "store" / "artifacts" / found.info.run_id / "artifacts" / "findings.csv").is_file()
