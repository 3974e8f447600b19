"""`workbench attach`: one folder with answers, features and probes, which audit takes; the model as it was."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.features import FeatureSet
from affect_workbench.workbench.models.attaching.command import tapped_question
from affect_workbench.workbench.models.attaching.files import (
    attached_features,
    attached_notes,
    attached_probabilities,
    attached_record,
    attached_tables,
)
from affect_workbench.workbench.runs.store import load_audit
from tiny_multimodal import tiny_folder
from workbench_runs import SLIM, refusal, succeeded, workbench

pytest_plugins = ["workbench_fixtures"]

PLACES = ("connector.in", "connector.out", "layers.1", "last")
LINEAR = ("--no-projector",)
"""For tests of something else: a Metric Projector at every place takes the longest."""


@pytest.fixture(scope="module")
def world(attached_model) -> Path:
    """The folder of the pictures' manifest."""
    return attached_model.folder


def test_one_run_makes_answers_features_readings_and_predictions(attached_model):
    folder, printed = attached_model.run, attached_model.outcome.out
    features = attached_features(folder)
    assert tuple(features) == PLACES
    predictions = pd.read_parquet(folder / "predictions.parquet")
    answers = pd.read_parquet(folder / "answers" / "predictions.parquet").set_index("image_id").loc[predictions["image_id"]]
    assert (predictions["answered"].to_numpy() == answers["predicted"].to_numpy()).all()
    for one in features.values():
        assert one.rows["image_id"].tolist() == predictions["image_id"].tolist()
        assert one.spec.encoder == f"attach:{attached_model.model}"
    probes = attached_probabilities(folder)
    assert set(probes.groupby("reader")["place"].unique()["answer probe"]) == set(PLACES)
    shares = probes.filter(like="p_").to_numpy()
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    assert "answer probe" in printed
    assert not folder.with_name("run.attaching").exists()


def test_the_audited_probe_is_the_one_that_agrees_best_and_its_predictions_are_its_readings(attached_model):
    folder = attached_model.run
    record = attached_record(folder)
    agreement = record.record("agreement").values
    assert agreement[record.text("audited")] == max(agreement.values())
    predictions = pd.read_parquet(folder / "predictions.parquet")
    share = (predictions["predicted"] == predictions["answered"]).mean()
    assert agreement[record.text("audited")] == pytest.approx(share)


def test_audit_takes_the_folder_with_its_certificate_sweep_and_causal_check(attached_model, tmp_path):
    folder = attached_model.run
    succeeded("audit", "--predictions", folder, "-o", tmp_path / "audit", *SLIM)
    result = load_audit(tmp_path / "audit")
    for name in ("fidelity", "layers", "causal"):
        assert result.table(name) is not None
    report = (tmp_path / "audit" / "report.html").read_text(encoding="utf-8")
    assert f"The page Model of the app (workbench app {folder}) shows picture by picture" in report
    assert any("fitted on the model's own answers" in note for note in result.run.notes)
    assert result.run.provenance["attached"]["family"] == "llava"
    succeeded("audit", "--predictions", folder / "answers", "-o", tmp_path / "answers", *SLIM)
    asked = load_audit(tmp_path / "answers")
    assert asked.table("prompts") is not None
    assert f"(workbench app {folder / 'answers'}) shows picture by picture" in asked.run.provenance["remarks"][0]


def test_a_run_that_was_killed_goes_on(attached_model, tmp_path):
    """What an interrupted run had is not done again: answers and features of another run stand in for it."""
    folder = attached_model.run
    out = tmp_path / "again"
    work = tmp_path / "again.attaching"
    shutil.copytree(folder / "answers", work / "answers")
    shutil.copytree(folder / "features", work / "features")
    printed = succeeded(
        "attach", attached_model.model, "--pictures", attached_model.manifest, *LINEAR, "--at", *PLACES, "-o", out
    ).out
    assert "0 pictures now" in printed
    assert "answers scored" not in printed
    pd.testing.assert_frame_equal(
        pd.read_parquet(out / "predictions.parquet"), pd.read_parquet(folder / "predictions.parquet")
    )


def test_an_interrupted_run_names_the_folder_in_which_it_goes_on(world, tmp_path, monkeypatch):
    calls = []

    def interrupted(*given, **more):
        calls.append(given)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return np.zeros((len(given[1]), len(given[3])))

    pictures = small(world, tmp_path)
    monkeypatch.setattr("affect_workbench.probes.attach.scoring.score_labels", interrupted)
    message = refusal("ask", tiny_folder("llava"), "--pictures", pictures, "-o", tmp_path / "asked")
    (kept,) = tmp_path.glob("asked.answers-*")
    assert message.endswith(f"run the same command again to continue from what was finished, which is kept in {kept}")
    given = ["--pictures", pictures, "--at", "last", "-o", tmp_path / "run"]
    calls.clear()
    message = refusal("attach", tiny_folder("llava"), *given)
    assert message.endswith(f"which is kept in {tmp_path / 'run.attaching'}")


def test_an_interruption_before_anything_was_finished_promises_nothing(world, tmp_path, monkeypatch):
    def interrupted(*given, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr("affect_workbench.probes.attach.source.load_model", interrupted)
    given = ["--pictures", small(world, tmp_path), "-o", tmp_path / "run"]
    for command in ("ask", "attach"):
        assert refusal(command, tiny_folder("llava"), *given).endswith("interrupted; nothing half-written was kept")
    (tmp_path / "run.attaching").mkdir()
    assert refusal("attach", tiny_folder("llava"), *given).endswith(f"which is kept in {tmp_path / 'run.attaching'}")


def test_answers_of_another_model_are_refused(attached_model, tmp_path):
    answers = attached_model.run / "answers"
    words = [
        "attach",
        tiny_folder("qwen2_vl"),
        "--pictures",
        attached_model.manifest,
        "--answers",
        answers,
        "-o",
        tmp_path / "x",
    ]
    assert "ask this one, or leave out --answers" in refusal(*words)


def test_labels_and_prompts_are_refused_beside_answers_that_have_their_own(attached_model, tmp_path):
    answers = attached_model.run / "answers"
    given = ["attach", attached_model.model, "--pictures", attached_model.manifest, "--answers", answers]
    for flags, named in (
        (["--labels", "joy,nonsense"], "--labels"),
        (["--prompts", tmp_path / "missing.toml", "--taxonomy", "ekman6"], "--taxonomy and --prompts"),
    ):
        outcome = workbench(*given, *flags, "-o", tmp_path / "x")
        assert outcome.code == 2
        assert f"{named} given beside --answers: the answers in {answers} already have their own" in outcome.err
        assert f"leave out {named}" in outcome.err
        assert "loading" not in outcome.out


def test_a_probe_that_fits_nowhere_is_refused_before_the_model_is_asked(attached_model, tmp_path):
    one = attached_features(attached_model.run)["connector.in"]
    values = np.array(one.values)
    FeatureSet(one.spec, values, one.rows).save(tmp_path / "in")
    FeatureSet(replace(one.spec, encoder="other"), values, one.rows).save(tmp_path / "other")
    FeatureSet(replace(one.spec, width=3), values[:, :3], one.rows).save(tmp_path / "odd")
    for name in ("in", "other", "odd"):
        succeeded("train", "--features", tmp_path / name, "-o", tmp_path / f"probe-{name}", "--epochs", 1)
    given = ["attach", attached_model.model, "--pictures", attached_model.manifest, "--at", "last", "-o", tmp_path / "x"]
    for name, expected in (
        ("in", f"; connector.in is {one.spec.width} wide: tap it with --at connector.in"),
        ("other", "and 1 other place are 32 wide: tap one of them with --at connector.in --probe-at connector.in"),
        ("odd", "no tapped place has that width"),
    ):
        outcome = workbench(*given, "--probe", tmp_path / f"probe-{name}")
        assert outcome.code == 2
        assert expected in outcome.err
        assert "answers scored" not in outcome.out
        assert not (tmp_path / "x.attaching").exists()


def test_a_probe_that_was_asked_the_same_fits_before_there_are_answers(attached_model, tmp_path, monkeypatch):
    def asked(*given, **more):
        raise ValueError("now the model is asked")

    one = attached_features(attached_model.run)["last"]
    FeatureSet(one.spec, np.array(one.values), one.rows).save(tmp_path / "last")
    succeeded("train", "--features", tmp_path / "last", "-o", tmp_path / "probe", "--epochs", 1)
    monkeypatch.setattr("affect_workbench.workbench.models.attaching.command.ask_model", asked)
    given = ["--pictures", attached_model.manifest, "--at", "last", "--probe", tmp_path / "probe", "-o", tmp_path / "x"]
    assert "now the model is asked" in refusal("attach", attached_model.model, *given)
    (tmp_path / "other.toml").write_text('feeling = "What is felt here?"')
    other = refusal("attach", attached_model.model, *given, "--prompts", tmp_path / "other.toml")
    assert "say so with --probe-at last" in other


def test_a_probe_of_ones_own_is_used_where_its_features_are_made(attached_model, tmp_path):
    folder = attached_model.run
    features = attached_features(folder)["connector.out"]
    keep = FeatureSet(features.spec, np.array(features.values), features.rows)
    keep.save(tmp_path / "features")
    succeeded("train", "--features", tmp_path / "features", "-o", tmp_path / "probe", "--epochs", 2)
    given = ["--pictures", attached_model.manifest, "--answers", folder / "answers", *LINEAR]
    own = ["attach", attached_model.model, *given, "--probe", tmp_path / "probe"]
    succeeded(*own, "--at", "connector.out", "last", "-o", tmp_path / "fits")
    projected = pd.read_parquet(tmp_path / "fits" / "projector" / "predictions.parquet")
    assert attached_record(tmp_path / "fits").text("probe_at") == "connector.out"
    assert {"predicted", "answered"} <= set(projected)
    succeeded("audit", "--predictions", tmp_path / "fits" / "projector", "-o", tmp_path / "audit", *SLIM)
    notes = " ".join(load_audit(tmp_path / "audit").run.notes)
    assert "those of the probe" in notes
    assert "in-sample" in notes
    message = refusal(*own, "--at", "last", "-o", tmp_path / "differs")
    assert "say so with --probe-at last" in message
    measured = refusal("evaluate", "--probe", tmp_path / "probe", "--features", folder)
    assert f"holds the features of 4 places, each in a folder of its own: give one of {folder / 'features'}" in measured
    elsewhere = refusal(*own, "--at", "last", "--probe-at", "connector.out", "-o", tmp_path / "elsewhere")
    assert "is not a tapped place of that width" in elsewhere


def test_what_cannot_be_done_is_one_line(attached_model, tmp_path):
    model, pictures = attached_model.model, ["--pictures", attached_model.manifest]
    assert "missing --pictures and -o" in refusal("attach", model)
    assert "it has connector.in, connector.out" in refusal(
        "attach", model, *pictures, "--at", "layers.99", "-o", tmp_path / "x"
    )
    assert "at least 20" in refusal(
        "attach", model, *pictures, "--erase", "camera", "--random-directions", 3, "-o", tmp_path / "x"
    )
    assert not (tmp_path / "x").exists()


def test_families_and_sizes_are_told_without_a_model(attached_model):
    assert "found by one forward pass" in succeeded("attach", "--list").out
    assert "MB in float32" in succeeded("attach", attached_model.model, "--size").out


def test_notes_say_what_predictions_are_and_what_was_not_answered(attached_model):
    notes = " ".join(attached_notes(attached_model.run))
    assert "cross-fitted" in notes
    tables = attached_tables(attached_model.run)
    assert set(tables) == {"layers", "causal"}
    assert "Metric Projector" not in set(tables["layers"]["reader"])  # the run says --no-projector
    assert "{options}" not in tapped_question(attached_model.run / "answers")


def small(world: Path, folder: Path, **more: object) -> Path:
    """A table of a few of the pictures, with more columns."""
    manifest = Manifest.load(world / "manifest")
    rows = manifest.rows.head(12).assign(path=[str(path) for path in manifest.paths()[:12]]).drop(columns="content")
    rows.assign(**more).to_csv(folder / "few.csv", index=False)
    return folder / "few.csv"


@pytest.mark.parametrize("name", ["predicted", "answered", "prompt_style", "answers_label", "score_joy"])
def test_an_attribute_that_would_be_lost_in_predictions_is_refused_first(world, tmp_path, name):
    pictures = small(world, tmp_path, **{name: "x"})
    for command in ("ask", "attach"):
        message = refusal(command, tiny_folder("llava"), "--pictures", pictures, "-o", tmp_path / "x")
        assert f"attribute {name!r}" in message
        assert "rename" in message


def test_what_cannot_be_done_is_refused_before_the_model_is_asked(world, tmp_path):
    given = ["attach", tiny_folder("llava"), "--pictures", world / "manifest", "-o", tmp_path / "x"]
    for words, expected in (
        (["--erase", "background"], "no attribute of the pictures"),
        (["--erase", "camera", "--erase-at", "last"], "cannot be erased at 'last'"),
        (["--at", "last", "--audited", "layers.1"], "is not tapped"),
        (["--at", "layers.1:attention"], "--attn-implementation eager"),
    ):
        outcome = workbench(*given, *words)
        assert expected in outcome.err
        assert "answers scored" not in outcome.out


def test_a_picture_that_changed_after_the_model_was_asked_is_left_out(world, tmp_path):
    pictures = pd.read_csv(small(world, tmp_path))
    copies = tmp_path / "copies"
    copies.mkdir()
    moved = [shutil.copy(path, copies / Path(path).name) for path in pictures["path"]]
    pictures.assign(path=moved).to_csv(tmp_path / "few.csv", index=False)
    succeeded("ask", tiny_folder("llava"), "--pictures", tmp_path / "few.csv", "-o", tmp_path / "asked")
    shutil.copy(moved[1], moved[0])
    asked = ["--pictures", tmp_path / "few.csv", "--answers", tmp_path / "asked"]
    given = [*asked, *LINEAR, "--at", "last", "-o", tmp_path / "run"]
    printed = succeeded("attach", tiny_folder("llava"), *given).out
    assert "1 picture changed after the model was asked" in printed
    assert len(pd.read_parquet(tmp_path / "run" / "predictions.parquet")) == 11


def test_pictures_that_cannot_be_read_or_are_refused_are_named_and_the_others_asked(world, tmp_path):
    pictures = pd.read_csv(small(world, tmp_path))
    (tmp_path / "text.png").write_text("no picture")
    Image.new("RGB", (2_000, 3)).save(tmp_path / "thin.png")
    odd = pictures.head(2).assign(image_id=["text", "thin"], path=[str(tmp_path / "text.png"), str(tmp_path / "thin.png")])
    pd.concat([pictures, odd]).to_csv(tmp_path / "few.csv", index=False)
    printed = succeeded("ask", tiny_folder("qwen2_vl"), "--pictures", tmp_path / "few.csv", "-o", tmp_path / "asked").out
    assert "1 picture cannot be read, first " in printed
    assert "text.png" in printed
    assert len(pd.read_parquet(tmp_path / "asked" / "predictions.parquet")) == 12
    unanswered = pd.read_csv(tmp_path / "asked" / "unanswered.csv").set_index("image_id")
    assert "aspect ratio" in unanswered.loc["thin", "reason"]
