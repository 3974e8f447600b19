"""Train, evaluate, audit: the whole road on planted features, and the commands of the README on real ones."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.synthetic.features import DEFAULT_BIASES
from affect_workbench.probes.checkpoint import load_probe
from affect_workbench.probes.config import FitConfig
from affect_workbench.probes.evaluation.calibration import expected_calibration_error
from affect_workbench.probes.training.fit import fit
from affect_workbench.workbench.audit.settings import AuditSettings
from affect_workbench.workbench.models.training.settings import TrainSettings
from affect_workbench.workbench.runs.store import load_audit
from workbench_runs import SLIM, predictions_table, refusal, succeeded

pytest_plugins = ["workbench_fixtures"]

IN_SAMPLE = "predictions are in-sample"


def metrics(probe):
    return json.loads((probe / "metrics.json").read_text(encoding="utf-8"))


def verdict_of(result, where, emotion):
    rows = result.findings[result.findings["emotion"] == emotion]
    (verdict,) = [row.verdict for row in rows.itertuples() if row.where == dict(where)]
    return verdict


@pytest.fixture(scope="module")
def small(planted, tmp_path_factory):
    """The small planted table as a saved feature set; no picture of split `test` is ever trained on."""
    folder = tmp_path_factory.mktemp("small") / "features"
    planted.save(folder)
    return folder


@pytest.fixture(scope="module")
def folds(small, tmp_path_factory):
    """A probe with out-of-fold predictions of the training split, and what the command printed."""
    folder = tmp_path_factory.mktemp("folds") / "probe"
    return folder, succeeded("train", "--features", small, "-o", folder, "--folds", 3, "--epochs", 2)


# The demo


def test_the_demo_finds_everything_that_it_planted(demo):
    findings = json.loads((demo.audit / "audit.json").read_text(encoding="utf-8"))["findings"]
    skewed = {(json.dumps(row["where"]), row["emotion"]) for row in findings if row["verdict"] == "skewed"}
    for bias in DEFAULT_BIASES:
        rows = [row for row in findings if row["where"] == dict(bias.where) and row["emotion"] == bias.emotion]
        assert [row["verdict"] for row in rows] == ["skewed"], bias
        assert rows[0]["q"] <= 0.05
        assert rows[0]["effect"] > 0
        assert rows[0]["attribution"] == ("model" if bias.kind == "reading" else "labels")
    assert len(skewed) < len(findings) / 10


def test_the_demo_says_what_it_planted_and_found(demo):
    assert demo.outcome.out.count("planted: ") == demo.outcome.out.count("found: Pictures with ") == len(DEFAULT_BIASES)
    assert "missed: " not in demo.outcome.out
    assert f"next: workbench app {demo.audit}" in demo.outcome.out
    assert (demo.audit / "report.html").is_file()


def test_the_demo_audits_unseen_pictures_only(demo):
    assert IN_SAMPLE not in demo.outcome.out
    assert load_audit(demo.audit).run.notes == ()


def test_the_unbiased_demo_stays_quiet(quiet_demo):
    result = load_audit(quiet_demo.audit)
    assert result.count("skewed") == 0
    assert "planted: nothing" in quiet_demo.outcome.out
    assert not [line for line in quiet_demo.outcome.out.splitlines() if line.startswith("found: ")]


def test_the_demo_can_be_repeated_in_place_and_gives_the_same_findings(quiet_demo, tmp_path, monkeypatch):
    bare = partial(AuditSettings, audit=AuditConfig(map_pictures=0, space_pictures=0))  # neither is compared
    monkeypatch.setattr("affect_workbench.workbench.benchmark.demo.AuditSettings", bare)
    before = load_audit(quiet_demo.audit).findings
    again = shutil.copytree(quiet_demo.folder, tmp_path / "demo")
    succeeded("demo", "--table", "--no-bias", "-o", again, "--pictures", 800, "--no-show")
    pd.testing.assert_frame_equal(load_audit(again / "audit").findings, before)


# Training and evaluation


def test_training_writes_accuracy_with_interval_beside_its_baselines(demo):
    record = metrics(demo.probe)
    assert record["n"] == 2_500
    assert record["evaluated_on"] == "split test"
    assert 0.5 < record["low"] < record["accuracy"] < record["high"] < 1
    assert set(record["baselines"]) == {"logistic regression", "class mean", "majority"}
    for baseline in record["baselines"].values():
        assert baseline["low"] < baseline["accuracy"] < baseline["high"]
    assert sum(map(sum, record["confusion"]["data"])) == record["n"]


def test_evaluating_again_gives_the_accuracy_of_the_training_run(demo, tmp_path):
    words = ["evaluate", "--features", demo.features, "--probe", demo.probe, "--split", "test", "-o", tmp_path / "again"]
    outcome = succeeded(*words)
    again = json.loads((tmp_path / "again" / "evaluation.json").read_text(encoding="utf-8"))
    record = metrics(demo.probe)
    for name in ("accuracy", "low", "high", "n", "baselines", "recall", "confusion"):
        assert again[name] == record[name], name
    assert f"{record['accuracy']:.3f}" in outcome.out
    assert pd.read_csv(tmp_path / "again" / "models.csv")["model"].tolist() == [
        "metric projector",
        "logistic regression",
        "class mean",
        "majority",
    ]
    assert pd.read_csv(tmp_path / "again" / "confusion.csv", index_col=0).to_numpy().sum() == record["n"]
    assert "again exists" in refusal(*words)


def test_a_share_is_held_out_where_there_is_no_test_split(small, tmp_path):
    features = FeatureSet.load(small).where(split="train")
    FeatureSet(features.spec, np.asarray(features.values), features.rows.drop(columns="split")).save(tmp_path / "one")
    words = ["--features", tmp_path / "one", "--epochs", 1]
    succeeded("train", *words, "-o", tmp_path / "probe", "--holdout", 0.25)
    record = metrics(tmp_path / "probe")
    assert record["evaluated_on"] == "a held-out 25 %, seed 0"
    assert record["n"] == pytest.approx(150, abs=6)
    assert len(load_probe(tmp_path / "probe").trained_on) == 600 - record["n"]
    line = refusal("train", *words, "-o", tmp_path / "none", "--holdout", 1.5)
    assert "the held-out share is 1.5: expected a number between 0 and 1" in line


def test_pictures_without_a_label_are_counted_and_left_out_of_training(small, tmp_path):
    features = FeatureSet.load(small)
    rows = features.rows.assign(label=features.rows["label"].where(features.rows.index >= 40))
    FeatureSet(features.spec, np.asarray(features.values), rows).save(tmp_path / "some")
    outcome = succeeded("train", "--features", tmp_path / "some", "-o", tmp_path / "probe", "--epochs", 1)
    assert "note: 40 pictures have no label and are left out of training" in outcome.out
    assert not {f"planted-{number:06d}" for number in range(40)} & load_probe(tmp_path / "probe").trained_on


def test_features_without_labels_cannot_be_trained_or_evaluated_on(small, demo, tmp_path):
    features = FeatureSet.load(small)
    FeatureSet(features.spec, np.asarray(features.values), features.rows.drop(columns="label")).save(tmp_path / "bare")
    assert "have no 'label' column" in refusal("train", "--features", tmp_path / "bare", "-o", tmp_path / "probe")
    assert "no 'label' column" in refusal("evaluate", "--features", tmp_path / "bare", "--probe", demo.probe)


def test_an_unknown_split_names_the_ones_there_are(demo, tmp_path):
    words = ["--features", demo.features, "--probe", demo.probe, "--split", "val"]
    for command in (["evaluate"], ["audit", "-o", tmp_path / "run"]):
        assert "no picture is in split 'val'; splits: test, train" in refusal(*command, *words)


# In-sample predictions


@pytest.mark.parametrize(
    ("words", "warned", "pictures"),
    [
        ([], "3000 of 5500 " + IN_SAMPLE, 5_500),
        (["--split", "train"], "3000 of 3000 " + IN_SAMPLE, 3_000),
        (["--split", "test"], "", 2_500),
        (["--unseen-only"], "", 2_500),
    ],
)
def test_in_sample_predictions_are_warned_of_exactly_when_there_are_some(demo, tmp_path, words, warned, pictures):
    outcome = succeeded("audit", "--features", demo.features, "--probe", demo.probe, "-o", tmp_path / "run", *words, *SLIM)
    result = load_audit(tmp_path / "run")
    assert result.run.pictures == len(result.samples) == pictures
    assert (IN_SAMPLE in outcome.out) is bool(warned)
    assert any(IN_SAMPLE in note for note in result.run.notes) is bool(warned)
    assert (IN_SAMPLE in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")) is bool(warned)
    assert f"warning: {warned}" in outcome.out or not warned


def test_evaluation_of_training_pictures_is_warned_of(demo):
    words = ["evaluate", "--features", demo.features, "--probe", demo.probe]
    assert "3000 of 5500 " + IN_SAMPLE in succeeded(*words).out
    assert IN_SAMPLE not in succeeded(*words, "--unseen-only").out


def test_unseen_only_of_training_pictures_says_what_to_do_instead(demo, tmp_path):
    words = ["--features", demo.features, "--probe", demo.probe, "--split", "train", "--unseen-only"]
    for command in (["evaluate"], ["audit", "-o", tmp_path / "run"]):
        line = refusal(*command, *words)
        assert "was trained on all 3000 pictures" in line
        assert "train --folds 5, then audit --predictions PROBE" in line


# Out-of-fold predictions


def test_folds_predict_every_training_picture_once_by_a_probe_that_did_not_see_it(folds, small):
    probe, outcome = folds
    table = pd.read_parquet(probe / "predictions.parquet")
    training = FeatureSet.load(small).where(split="train")
    assert table["image_id"].tolist() == training.rows["image_id"].tolist()
    record = metrics(probe)
    assert (record["n"], record["evaluated_on"]) == (600, "out of fold, 3 folds")
    assert (table["predicted"] == table["label"]).mean() == pytest.approx(record["accuracy"])
    assert "with predictions.parquet, out of fold" in outcome.out
    assert "\nmajority " in outcome.out
    in_sample = load_probe(probe).predict(training)
    assert (in_sample.predicted != in_sample.taxonomy.codes(table["predicted"])).any()


def test_out_of_fold_predictions_are_audited_from_the_probe_folder_without_a_warning(folds, tmp_path):
    probe, _ = folds
    outcome = succeeded("audit", "--predictions", probe, "-o", tmp_path / "run", *SLIM)
    result = load_audit(tmp_path / "run")
    assert len(result.samples) == 600
    assert (result.run.truth, result.run.measure) == ("labels", "score")
    assert "warning" not in outcome.out
    assert set(result.run.attributes) == {"figure_tone", "setting", "light", "weather", "subject", "camera"}


def test_out_of_fold_predictions_are_the_probabilities_that_training_measured(folds, tmp_path):
    """They were cosines, of whose calibration an audit could say nothing."""
    probe, outcome = folds
    table = pd.read_parquet(probe / "predictions.parquet")
    scores = table.filter(regex="^score_").to_numpy()
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-9)
    labels = [name.removeprefix("score_") for name in table if name.startswith("score_")]
    assert (np.array(labels)[scores.argmax(axis=1)] == table["predicted"]).all()
    codes = table["label"].map({label: at for at, label in enumerate(labels)}).to_numpy()
    assert expected_calibration_error(scores, codes) == pytest.approx(metrics(probe)["ece"], abs=1e-9)
    temperatures = metrics(probe)["out_of_fold"]["temperatures"]
    assert len(temperatures) == 3
    assert "predictions.parquet holds probabilities, each at a temperature (" in outcome.out
    succeeded("audit", "--predictions", probe, "-o", tmp_path / "run", "--map-pictures", 0, "--order", 1)
    result = load_audit(tmp_path / "run")
    assert result.accuracy.confidence.n == 600
    assert "calibration" in result.tables
    report = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Its probabilities are out of fold, each at a temperature (" in report


def test_a_probe_folder_of_before_keeps_its_cosines(tmp_path):
    written = Path(__file__).parents[2] / "assets" / "written-by-0.1.0" / "probe"
    succeeded("audit", "--predictions", written, "-o", tmp_path / "run", *SLIM)
    reading = load_audit(tmp_path / "run").accuracy
    assert (reading.seen, reading.confidence) == (0, None)


def test_with_nothing_held_out_the_probe_is_refitted_on_everything_and_says_so(small, tmp_path):
    whole = FeatureSet.load(small).where(split="train")
    FeatureSet(whole.spec, np.asarray(whole.values), whole.rows.drop(columns="split")).save(tmp_path / "one")
    words = ("--features", tmp_path / "one", "--epochs", 3, "--holdout", 0)
    said = succeeded("train", *words, "-o", tmp_path / "all").out
    probe, record = load_probe(tmp_path / "all"), metrics(tmp_path / "all")
    config = probe.config
    assert (config["pictures"], config["validation_pictures"]) == (600, 0)
    assert (config["epoch_chosen_on"], len(probe.trained_on)) == (75, 600)
    assert "accuracy" not in record
    assert (
        f"(--holdout 0): 75 pictures were used to choose epoch {config['best_epoch']} in a first training without them"
        in said
    )
    assert "the probe was refitted on all 600 labelled pictures" in said
    assert "its accuracy is not measured" in said
    first = fit(FitConfig(epochs=3, device="cpu"), whole, anchors=probe.anchors, progress=False)
    assert (first.config["best_epoch"], first.temperature) == (config["best_epoch"], probe.temperature)
    assert first.fingerprint() != probe.fingerprint()
    assert not probe.unseen(whole).any()
    assert (
        "--holdout 0 changes nothing here"
        in succeeded("train", "--features", small, "--epochs", 1, "--holdout", 0, "-o", tmp_path / "split").out
    )


def test_a_probe_without_folds_has_no_predictions_to_audit(demo, tmp_path):
    line = refusal("audit", "--predictions", demo.probe, "-o", tmp_path / "run")
    assert "holds no predictions.parquet: train the probe with --folds" in line


def test_too_many_folds_are_refused(small, tmp_path):
    for number in (1, 601):
        line = refusal("train", "--features", small, "-o", tmp_path / "probe", "--folds", number)
        assert f"cannot make {number} folds of 600 pictures" in line


# Attributes from a table


def test_attributes_are_joined_by_id_and_what_does_not_match_is_counted_and_named(demo, tmp_path):
    ids = FeatureSet.load(demo.features).where(split="test").rows["image_id"]
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"id": ids.iloc[40:], "calm": rng.random(len(ids) - 40)})
    table = pd.concat(
        [table.sample(frac=1, random_state=0), pd.DataFrame({"id": ["stranger-1", "stranger-2"], "calm": [0.1, 0.2]})]
    )
    table.to_csv(tmp_path / "calm.csv", index=False)
    words = ["audit", "--features", demo.features, "--probe", demo.probe, "--split", "test", *SLIM]
    outcome = succeeded(*words, "--attributes", tmp_path / "calm.csv", "-o", tmp_path / "run")
    result = load_audit(tmp_path / "run")
    without, strange = result.run.notes
    assert without.startswith("40 pictures have no row in the attribute table, first 'planted-003000', 'planted-003001'")
    assert strange.startswith("2 rows of the attribute table match no picture, first 'stranger-1', 'stranger-2'")
    assert f"warning: {without}" in outcome.out
    assert result.run.provenance["attributes_table"] == str(tmp_path / "calm.csv")
    missing = result.excluded[result.excluded["name"] == "without calm"]
    assert missing["n"].tolist() == [40]
    joined = result.samples.set_index("image_id")["calm"]
    assert joined.isna().sum() == 40
    asked = table.set_index("id")["calm"]
    np.testing.assert_allclose(joined.loc[asked.index[:100]], asked.iloc[:100])


def test_numeric_attributes_are_cut_at_quantiles_that_stand_in_the_slice_name(demo, tmp_path):
    ids = FeatureSet.load(demo.features).where(split="test").rows["image_id"]
    pd.DataFrame({"id": ids, "calm": np.arange(len(ids)) / 10}).to_csv(tmp_path / "calm.csv", index=False)
    words = ["audit", "--features", demo.features, "--probe", demo.probe, "--split", "test", *SLIM, "--bins", 2]
    succeeded(*words, "--attributes", f"{tmp_path / 'calm.csv'},calm", "-o", tmp_path / "run")
    slices = load_audit(tmp_path / "run").slices
    assert slices["slice"].tolist() == ["calm: up to 125", "calm: above 125"]
    assert slices["n"].tolist() == [1_251, 1_249]


def test_only_the_named_attributes_are_sliced(demo, tmp_path):
    words = ["audit", "--features", demo.features, "--probe", demo.probe, "--split", "test", *SLIM]
    succeeded(*words, "--attributes", "figure_tone,light", "-o", tmp_path / "run")
    result = load_audit(tmp_path / "run")
    assert result.run.attributes == ("figure_tone", "light")
    assert {name for where in result.findings["where"] for name in where} == {"figure_tone", "light"}
    assert verdict_of(result, {"figure_tone": "dark"}, "anger") == "skewed"


def test_an_attribute_that_is_there_already_is_refused(demo, tmp_path):
    pd.DataFrame({"id": ["planted-003000"], "light": ["never"]}).to_csv(tmp_path / "light.csv", index=False)
    words = ["audit", "--features", demo.features, "--probe", demo.probe, "-o", tmp_path / "run"]
    assert "attribute 'light' is in the data and in the attribute table, and differs for 1 picture" in refusal(
        *words, "--attributes", tmp_path / "light.csv"
    )


def test_provenance_leads_back_to_data_and_probe(demo):
    run = load_audit(demo.audit).run
    features = FeatureSet.load(demo.features).where(split="test")
    assert run.provenance["features_fingerprint"] == features.fingerprint()
    assert run.provenance["probe_fingerprint"] == load_probe(demo.probe).fingerprint()
    assert run.provenance["command"].startswith("workbench demo --table -o ")
    assert run.config.seed == 0
    assert {"python", "affect-workbench", "numpy", "torch"} <= set(run.versions)


def test_the_audit_of_a_table_of_predictions_can_be_limited_to_a_split(folds, tmp_path):
    probe, _ = folds
    succeeded("audit", "--predictions", probe, "--split", "train", "-o", tmp_path / "run", *SLIM)
    assert load_audit(tmp_path / "run").run.pictures == 600
    assert "is in split 'test'" in refusal("audit", "--predictions", probe, "--split", "test", "-o", tmp_path / "none")


def test_defaults_of_the_demo_train_what_train_trains_by_default(demo):
    trained = metrics(demo.probe)["training"]
    assert trained["epochs"] == TrainSettings().fit.epochs
    assert trained["anchors"] == "sentence:minilm"


# Real input: the commands of the README


@pytest.fixture(scope="module")
def e6_folds(shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("e6") / "folds"
    succeeded("train", "--features", shared_data / "emotion6", "--taxonomy", "ekman6", "--folds", 5, "-o", folder)
    return folder


def test_real_emotion6_features_are_trained_and_audited_with_ratings(shared_data, tmp_path):
    root = shared_data / "emotion6"
    succeeded("train", "--features", root, "--taxonomy", "ekman6", "-o", tmp_path / "probe")
    record = metrics(tmp_path / "probe")
    assert record["low"] < 0.77 < record["high"]
    assert record["accuracy"] > 0.7
    outcome = succeeded(
        "audit",
        "--features",
        root,
        "--probe",
        tmp_path / "probe",
        "--attributes",
        root / "ratings_train.csv",
        "-o",
        tmp_path / "run",
    )
    assert "1108 of 1386 " + IN_SAMPLE in outcome.out
    assert "may come from another encoder" not in outcome.out
    result = load_audit(tmp_path / "run")
    assert result.run.attributes == ("valence",)
    assert result.slices["n"].sum() == result.run.pictures == 1_386
    assert result.run.map["trustworthiness"] > 0.8
    worst, best = result.slices["slice"].iloc[[0, -1]]
    joy = result.findings[result.findings["emotion"] == "joy"].set_index("slice")
    assert joy.loc[best, "effect"] > 0.3, "pleasant pictures are labelled, and predicted as, joy"
    assert joy.loc[worst, "effect"] < -0.1
    assert set(joy.loc[[best, worst], "verdict"]) == {"skewed"}


def test_real_out_of_fold_accuracy_matches_logistic_regression(e6_folds):
    record = metrics(e6_folds)
    assert record["n"] == 1_386
    assert record["accuracy"] >= 0.74
    assert record["accuracy"] >= record["baselines"]["logistic regression"]["accuracy"] - 0.02


def test_real_out_of_fold_predictions_are_audited(shared_data, e6_folds, tmp_path):
    ratings = shared_data / "emotion6" / "ratings_train.csv"
    outcome = succeeded("audit", "--predictions", e6_folds, "--attributes", ratings, "-o", tmp_path / "run", *SLIM)
    assert "warning" not in outcome.out
    skewed = load_audit(tmp_path / "run").findings.query("verdict == 'skewed'")
    assert len(skewed) > 5
    assert "model" not in set(skewed["attribution"]), "valence explains the labels; the probe adds nothing of its own"


def test_real_predictions_of_another_model_are_audited_with_votes(shared_data, tmp_path):
    outcome = succeeded(
        "audit",
        "--predictions",
        shared_data / "artemis_predictions" / "predictions.csv",
        "--scores-prefix",
        "clip_vit_b32_",
        "--votes-prefix",
        "votes_",
        "--attributes",
        "genre,style",
        "-o",
        tmp_path / "run",
        "--map-pictures",
        0,
    )
    result = load_audit(tmp_path / "run")
    assert (result.run.pictures, result.run.truth, len(result.taxonomy)) == (3_967, "votes", 9)
    assert "9 score columns of other models are ignored, first 'imagenet_resnet50_amusement'" in outcome.out
    assert result.run.attributes == ("genre", "style")
    assert result.headline in outcome.out
    assert verdict_of(result, {"genre": "religious_painting"}, "awe") == "skewed"
    assert (tmp_path / "run" / "report.html").stat().st_size < 6_000_000


def test_what_is_not_there_is_refused_with_what_is(tmp_path):
    table = predictions_table(120, scores=False).assign(number=range(120))
    (tmp_path / "tables").mkdir()
    for name in ("one.csv", "two.csv"):
        table.to_csv(tmp_path / "tables" / name, index=False)
    path, out = tmp_path / "tables" / "one.csv", ("-o", tmp_path / "run")
    line = refusal("audit", "--predictions", tmp_path / "tables", *out)
    assert f"name one of its tables, '{path}', " in line
    line = refusal("audit", "--predictions", path, "--split", "test", *out)
    assert "there is no column 'split'; leave --split out" in line
    table.assign(split=["train", "dev", "train"] * 40).to_csv(path, index=False)
    line = refusal("audit", "--predictions", path, "--split", "test", *out)
    assert "is in split 'test'; splits: 'train' (80), 'val' (40)" in line
    line = refusal("audit", "--predictions", path, "--pairs", "number", *out)
    assert "there are no pairs: it holds 120 values in 120 pictures, first '0', '1'" in line
    table.assign(group_id="g").to_csv(path, index=False)
    assert "there is no such column; columns: tone, place, number, group_id" in refusal(
        "audit", "--predictions", path, "--pairs", "xyzzy", *out
    )
