"""From pictures on disk to a report: the commands that a user types, end to end."""

from __future__ import annotations

import json
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.synthetic.scenes import AnnotatorBias
from affect_workbench.data.synthetic.scenes.dataset import write_scenes
from affect_workbench.workbench.report.evidence.gallery import typical_first, worst_first
from affect_workbench.workbench.report.system.section import system_section
from affect_workbench.workbench.runs.store import load_audit
from workbench_runs import SLIM, refusal, succeeded


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A drawn world, encoded by the built-in encoder, with a probe: everything below audits it."""
    root = tmp_path_factory.mktemp("pictures")
    write_scenes(root / "world", train=700, test=700, seed=2, bias=AnnotatorBias(), progress=False)
    encoded = succeeded(
        "features", root / "world/manifest", "--encoder", "builtin:scenes", "-o", root / "features", "--workers", 0
    )
    succeeded("train", "--features", root / "features", "-o", root / "probe")
    return SimpleNamespace(root=root, features=root / "features", probe=root / "probe", encoded=encoded)


def audit(world, out, *words):
    outcome = succeeded(
        "audit", "--features", world.features, "--probe", world.probe, "--split", "test", "-o", out, *SLIM, *words
    )
    return outcome, load_audit(out)


def test_features_say_what_was_done_and_a_second_run_does_nothing_again(world):
    assert "1,400 encoded now, 0 reused, 0 skipped" in world.encoded.out
    again = succeeded("features", world.root / "world/manifest", "--encoder", "builtin:scenes", "-o", world.features)
    assert "0 encoded now, 1,400 reused" in again.out


def test_a_picture_that_was_replaced_is_encoded_anew(world, tmp_path):
    manifest = write_scenes(tmp_path / "small", train=6, test=2, seed=9, progress=False)
    words = ("features", tmp_path / "small/manifest", "--encoder", "builtin:scenes", "-o", tmp_path / "features")
    succeeded(*words)
    manifest.picture_path(3).write_bytes((world.root / "world/pictures/000000.png").read_bytes())
    again = succeeded(*words)
    assert "1 picture has changed since the manifest was written" in again.out
    assert "1 encoded now, 7 reused" in again.out
    new, other = (FeatureSet.load(folder).values for folder in (tmp_path / "features", world.features))
    np.testing.assert_allclose(new[3], other[0], rtol=1e-4, atol=1e-5)


def test_the_report_shows_the_pictures_behind_its_findings(world, tmp_path):
    _, result = audit(world, tmp_path / "run")
    report = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert result.count("skewed") > 0
    assert report.count('src="data:image/jpeg;base64,') >= 8
    assert len(report.encode()) < 6_000_000
    assert "content" not in result.run.attributes


def test_a_report_of_pictures_that_are_gone_names_them_instead(world, tmp_path):
    audit(world, tmp_path / "run")
    moved = world.root / "world/moved"
    (world.root / "world/pictures").rename(moved)
    try:
        succeeded("report", tmp_path / "run", "-o", tmp_path / "bare.html")
    finally:
        moved.rename(world.root / "world/pictures")
    bare = (tmp_path / "bare.html").read_text(encoding="utf-8")
    assert 'src="data:image/jpeg' not in bare
    assert "pictures behind it" in bare


def test_a_prompt_becomes_an_attribute_whose_error_is_measured(world, tmp_path):
    prompts = tmp_path / "prompts.csv"
    prompts.write_text("name,prompt,opposite,truth\nat night,at night,on a sunny day,light=night\n", encoding="utf-8")
    outcome, result = audit(world, tmp_path / "run", "--concepts", prompts, "in a city | in a forest")
    samples = result.samples
    inferred = samples["at night (inferred)"] == "yes"
    assert (inferred == (samples["light"] == "night")).mean() > 0.9
    assert "at night (inferred)" in result.run.attributes
    assert "in a city (inferred)" in result.run.attributes
    assert "balanced" in outcome.out
    lines = system_section(result).attributes
    known, unknown = (next(line for line in lines if line.startswith(name)) for name in ("at night", "in a city"))
    assert known.startswith("at night (inferred): inferred from the prompt “at night” against “on a sunny day”, yes above")
    assert re.search(r"; 9\d\.\d % of [\d,]+ true labels agree \[\d\d\.\d %, \d\d\.\d %\]; 2 values of", known)
    assert "its error rate is not known, as there are no true labels" in unknown
    assert any("(inferred) come from a model" in note for note in result.run.notes)
    assert "Inferred attributes" in (tmp_path / "run/report.html").read_text(encoding="utf-8")


def test_prompts_need_a_text_tower_and_features(world, tmp_path):
    unnamed = FeatureSet.load(world.features)
    from dataclasses import replace

    FeatureSet(replace(unnamed.spec, encoder="unknown"), np.asarray(unnamed.values), unnamed.rows).save(tmp_path / "unnamed")
    succeeded("train", "--features", tmp_path / "unnamed", "-o", tmp_path / "probe")
    words = ("audit", "--features", tmp_path / "unnamed", "--probe", tmp_path / "probe", "-o", tmp_path / "run", *SLIM)
    assert "name it with --concept-encoder" in refusal(*words, "--concepts", "at night")
    table = tmp_path / "said.csv"
    pd.DataFrame({"image_id": ["a", "b"], "predicted": ["joy", "fear"]}).to_csv(table, index=False)
    assert "give --features with --probe" in refusal(
        "audit", "--predictions", table, "-o", tmp_path / "run", "--concepts", "at night"
    )


def test_a_direction_of_another_width_is_refused(world, tmp_path):
    np.save(tmp_path / "wide.npy", np.ones((2, 768)) * [[1.0], [-1.0]])
    line = refusal(
        "audit",
        "--features",
        world.features,
        "--probe",
        world.probe,
        "-o",
        tmp_path / "run",
        "--concepts",
        tmp_path / "wide.npy",
    )
    assert "768" in line
    assert "128" in line


def test_training_refuses_test_pictures_in_the_training_set(world, tmp_path):
    features = FeatureSet.load(world.features)
    rows = features.rows.copy()
    train, test = (np.flatnonzero(rows["split"] == split)[:5] for split in ("train", "test"))
    rows.loc[test, "content"] = rows.loc[train, "content"].to_numpy()
    FeatureSet(features.spec, np.asarray(features.values), rows).save(tmp_path / "leaky")
    line = refusal("train", "--features", tmp_path / "leaky", "-o", tmp_path / "probe")
    assert "5 pictures to measure on were also used for training or to choose the epoch" in line
    assert "--allow-overlap" in line
    allowed = succeeded("train", "--features", tmp_path / "leaky", "-o", tmp_path / "probe", "--allow-overlap")
    assert "warning: 5 pictures" in allowed.out
    seen = succeeded(
        "audit",
        "--features",
        tmp_path / "leaky",
        "--probe",
        tmp_path / "probe",
        "--split",
        "test",
        "-o",
        tmp_path / "run",
        *SLIM,
    )
    assert "5 of 700 predictions are in-sample" in seen.out


def test_folds_refuse_copies(world, tmp_path):
    features = FeatureSet.load(world.features)
    rows = features.rows.copy()
    rows.loc[1, "content"] = rows.loc[0, "content"]
    FeatureSet(features.spec, np.asarray(features.values), rows.drop(columns="split")).save(tmp_path / "leaky")
    line = refusal("train", "--features", tmp_path / "leaky", "-o", tmp_path / "probe", "--folds", 3)
    assert "1 picture is a copy of another picture" in line


def test_data_recognises_folders_counts_them_and_writes_a_manifest(world, tmp_path):
    rows = Manifest.load(world.root / "world/manifest").rows
    for name, emotion in zip(rows["path"].head(30), rows["label"].head(30), strict=True):
        folder = tmp_path / "mine" / emotion
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(world.root / "world" / name, folder)
    for number in range(5):
        (tmp_path / "mine" / rows["label"][0] / f"broken {number}.jpg").write_bytes(b"no picture")
    outcome = succeeded("data", tmp_path / "mine", "-o", tmp_path / "manifest")
    assert "folder-of-folders" in outcome.out
    assert "unreadable picture: 5" in outcome.out
    assert "... and 2 more (--all-problems lists all)" in outcome.out
    assert "all 5 problems are in" in outcome.out
    assert sorted(pd.read_csv(tmp_path / "manifest/problems.csv")["path"].str[-12:]) == [f"broken {n}.jpg" for n in range(5)]
    whole = succeeded("data", tmp_path / "mine", "--all-problems").out
    assert all(f"broken {number}.jpg: its content is no picture" in whole for number in range(5))
    manifest = Manifest.load(tmp_path / "manifest")
    assert len(manifest.rows) == 30
    assert set(manifest.rows["split"]) <= {"train", "val", "test"}


def test_wrong_words_are_told_in_one_line(tmp_path):
    assert "MANIFEST" in refusal("features", "--encoder", "builtin:scenes", "-o", tmp_path / "f")
    assert "--encoder" in refusal("features", tmp_path, "-o", tmp_path / "f")
    refusal("data", tmp_path / "nowhere")


def test_the_demo_of_pictures_says_what_it_planted_and_what_accuracy_would_have_told(tmp_path):
    outcome = succeeded("demo", "-o", tmp_path / "demo", "--pictures", 240, "--no-show")
    assert outcome.out.count("planted: 25 % of the training votes on pictures with camera: noisy say anger") == 1
    assert "Accuracy does not reveal the bias: 0." in outcome.out
    told = [line for line in outcome.out.splitlines() if line.startswith(("planted:", "found:", "missed:", "Accuracy does"))]
    assert len(told) == 3
    assert all("votes" in line and "labels" not in line for line in told), "the report says votes"
    run = json.loads((tmp_path / "demo/audit/audit.json").read_text(encoding="utf-8"))["run"]
    assert run["remarks"][0].startswith("Accuracy does not reveal the bias")
    assert "Accuracy does not reveal the bias" in (tmp_path / "demo/audit/report.html").read_text(encoding="utf-8")
    tones = load_audit(tmp_path / "demo/audit").samples["figure_tone"].value_counts()
    assert tones.max() - tones.min() <= 1


def test_the_control_of_the_demo_says_whether_the_camera_is_skewed(tmp_path):
    outcome = succeeded("demo", "-o", tmp_path / "demo", "--pictures", 240, "--no-bias", "--no-show")
    assert "planted: nothing" in outcome.out
    findings = load_audit(tmp_path / "demo/audit").findings
    of_camera = findings[findings["where"].map(lambda where: set(where) == {"camera"})]
    assert outcome.out.count("false alarm:") == (of_camera["verdict"] == "skewed").sum()
    assert ("as expected, none of the 18 pairs" in outcome.out) == (of_camera["verdict"] != "skewed").all()


def test_worst_and_most_typical_pictures_come_first():
    rows = pd.DataFrame(
        {
            "image_id": list("abcdef"),
            "predicted": ["joy", "joy", "joy", "fear", "joy", "joy"],
            "audit_agreement": [1.0, 0.0, 0.0, np.nan, 0.5, 1.0],
            "audit_margin": [0.1, 0.2, 0.9, 0.5, 0.3, 0.4],
        }
    )
    assert list(worst_first(rows)["image_id"]) == ["c", "b", "e", "f", "a", "d"]
    assert next(iter(typical_first(rows)["image_id"])) == "e"
    assert "d" not in list(typical_first(rows)["image_id"])


def test_overlap_finds_copies_between_two_sets_and_shows_them(world, tmp_path):
    from PIL import Image

    rows = Manifest.load(world.root / "world/manifest").rows
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    for at, path in enumerate(rows["path"].head(60)):
        shutil.copy(world.root / "world" / path, tmp_path / "a" / f"{at}.png")
    for at, path in enumerate(rows["path"].iloc[60:110]):
        shutil.copy(world.root / "world" / path, tmp_path / "b" / f"{at}.png")
    shutil.copy(tmp_path / "a/3.png", tmp_path / "b/same bytes.png")
    Image.open(tmp_path / "a/7.png").save(tmp_path / "b/again.jpg", quality=92)
    for name in ("a", "b"):
        listed = sorted((tmp_path / name).iterdir())
        pd.DataFrame({"path": [f"{name}/{file.name}" for file in listed]}).to_csv(tmp_path / f"{name}.csv", index=False)
        succeeded("features", tmp_path / f"{name}.csv", "--encoder", "builtin:scenes", "-o", tmp_path / f"features-{name}")
    outcome = succeeded("overlap", tmp_path / "features-a", tmp_path / "features-b", "-o", tmp_path / "overlap")
    pairs = pd.read_csv(tmp_path / "overlap/pairs.csv")
    found = {(row.kind, row.path_a.split("/")[-1], row.path_b.split("/")[-1]) for row in pairs.itertuples()}
    assert ("exact", "3.png", "same bytes.png") in found
    assert ("near", "7.png", "again.jpg") in found
    assert "pictures of" in outcome.out
    page = (tmp_path / "overlap/overlap.html").read_text(encoding="utf-8")
    assert page.count('src="data:image/jpeg;base64,') >= 4
    assert "overlap exists" in refusal("overlap", tmp_path / "features-a", "-o", tmp_path / "overlap").replace(
        str(tmp_path) + "/", ""
    )
