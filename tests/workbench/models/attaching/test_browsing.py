"""A finished run opens without its model: what each picture was answered, what places say of it, what lies nearest."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.storage.atomic import atomic_folder
from affect_workbench.workbench.models.attaching import browsing
from affect_workbench.workbench.models.attaching.browsing import load_model_run, nearest
from affect_workbench.workbench.models.attaching.figures import answer_figure, places_figure
from affect_workbench.workbench.models.attaching.files import attached_feature_set
from affect_workbench.workbench.models.attaching.sentences import (
    agreement_sentence,
    answer_sentence,
    asked_sentence,
    nearest_sentence,
    places_sentence,
)
from affect_workbench.workbench.views.folders import found_under
from affect_workbench.workbench.views.settings import ASKED, ATTACHED
from workbench_runs import HOSTILE

pytest_plugins = ["workbench_fixtures"]


@pytest.fixture(scope="module")
def run(attached_model):
    return load_model_run(attached_model.run)


@pytest.fixture(scope="module")
def answers_only(attached_model, tmp_path_factory):
    """A folder of `ask` in which one picture was refused in every prompt."""
    answers = attached_model.run / "answers"
    folder = tmp_path_factory.mktemp("asked") / "asked"
    table, predictions = (pd.read_parquet(answers / f"{name}.parquet") for name in ("answers", "predictions"))
    refused = table["image_id"] == predictions["image_id"].iloc[0]
    table.loc[refused, ["kind", "answer", "text"]] = ["refusal", None, "I cannot say"]
    table.loc[refused, [name for name in table if name.startswith("p_")]] = np.nan
    with atomic_folder(folder) as partial:
        shutil.copy(answers / "ask.json", partial / "ask.json")
        table.to_parquet(partial / "answers.parquet")
        predictions.iloc[1:].to_parquet(partial / "predictions.parquet")
        left = predictions[["image_id", "path"]].iloc[:1].assign(reason="no answer names a label")
        left.to_csv(partial / "unanswered.csv", index=False)
    return folder


def test_what_is_told_of_a_picture_is_what_was_saved(run, attached_model):
    saved = pd.read_parquet(attached_model.run / "answers" / "predictions.parquet")
    assert run.pictures["image_id"].tolist() == saved["image_id"].tolist()
    row = saved.iloc[3]
    shares = run.shares_of(row["image_id"])
    assert list(shares.index) == list(run.prompts)
    assert shares.mean()[row["predicted"]] == pytest.approx(row[f"score_{row['predicted']}"])
    assert shares.mean().idxmax() == row["predicted"]
    assert f"Answered {row['predicted']}: mean probability" in answer_sentence(run, row["image_id"])
    assert len(run.answers_of(row["image_id"])) == len(run.prompts)


def test_places_come_in_the_order_of_the_model_and_say_what_was_saved(run, attached_model):
    one = run.pictures["image_id"].iloc[5]
    at = run.predicted_at(one, "answer probe")
    assert tuple(at.index) == run.attached.places
    np.testing.assert_allclose(at.sum(axis=1), 1, atol=1e-5)
    audited = pd.read_parquet(attached_model.run / "predictions.parquet").set_index("image_id").loc[one]
    assert at.loc[run.attached.record.text("audited")].idxmax() == audited["predicted"]
    assert "connector.in" not in run.predicted_at(one, "logit lens").index
    assert run.predicted_at("nobody", "answer probe").empty


def test_a_picture_that_was_not_answered_is_there_and_said_so(answers_only):
    run = load_model_run(answers_only)
    row = run.pictures.iloc[-1]
    assert row["predicted"] is None
    assert answer_sentence(run, row["image_id"]) == "No answer about this picture names a label."
    assert f"{len(run.prompts)} refusals" in asked_sentence(run)
    assert run.attached is None
    assert run.predicted_at(row["image_id"], "answer probe").empty


def test_answers_within_an_attached_run_are_not_offered_beside_it(attached_model, answers_only, tmp_path):
    shutil.copytree(attached_model.run, tmp_path / "deep" / "attached")
    shutil.copytree(answers_only, tmp_path / "asked")
    (tmp_path / "empty").mkdir()
    assert {path.name for path in found_under(tmp_path, ATTACHED, ASKED)} == {"attached", "asked"}


def test_what_is_no_such_run_is_told_in_one_line(attached_model, tmp_path):
    with pytest.raises(ValueError, match=r"it has no ask\.json"):
        load_model_run(attached_model.run / "features" / "last")
    shutil.copytree(attached_model.run, tmp_path / "run")
    (tmp_path / "run" / "layers.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"lost its file layers\.parquet"):
        load_model_run(tmp_path / "run")


def test_nearest_pictures_are_those_with_the_largest_cosine(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(50, 4)).astype(np.float16)
    values[7] = 0
    rows = pd.DataFrame({"image_id": [f"p{number}" for number in range(50)]})
    FeatureSet(FeatureSpec(4), values, rows).save(tmp_path / "features")
    monkeypatch.setattr(browsing, "_CHUNK", 16)
    found = nearest(FeatureSet.load(tmp_path / "features"), "p20", most=5)
    unit = values.astype(np.float64) / np.maximum(np.linalg.norm(values.astype(np.float64), axis=1, keepdims=True), 1e-9)
    cosines = unit @ unit[20]
    cosines[20] = -np.inf
    assert found["image_id"].tolist() == [f"p{at}" for at in np.argsort(-cosines)[:5]]
    np.testing.assert_allclose(found["cosine"], np.sort(cosines)[::-1][:5], atol=1e-3)
    assert nearest(FeatureSet.load(tmp_path / "features"), "nobody", most=5).empty
    assert len(nearest(FeatureSet.load(tmp_path / "features"), "p0", most=500)) == 49


def test_features_of_a_place_stay_on_disk(attached_model):
    assert isinstance(attached_feature_set(attached_model.run, "last").values, np.memmap)


def test_below_three_quarters_the_probe_does_not_speak_for_the_model(run):
    layers = run.attached.layers
    for share, speaks in ((0.75, True), (0.74, False)):
        own = layers.assign(fidelity=layers["fidelity"].where(layers["reader"] != "answer probe", share))
        found, sentence = agreement_sentence(replace(run.attached, layers=own))
        assert found == speaks
        assert ("does not speak for the model" in sentence) != speaks


def test_places_and_neighbours_are_counted():
    at = pd.DataFrame({"joy": [0.9, 0.2, 0.8], "fear": [0.1, 0.8, 0.2]}, index=["connector.in", "layers.1", "last"])
    told = places_sentence(at, reader="answer probe", answered="joy")
    assert told.endswith("at 2 of 3 places: “connector.in”, “last”; otherwise fear at “layers.1”.")
    unnamed = places_sentence(at, reader="answer probe", answered=None)
    assert "says joy at “last” (what the output head reads); the model itself named no label" in unnamed
    rows = pd.DataFrame({"predicted": ["joy", "fear", None], "label": ["fear", "fear", None]})
    told = nearest_sentence(rows, answered="joy", label="fear")
    assert nearest_sentence(rows, answered=None, label=None) == ""
    assert told == "The model’s answer, joy, is also the one for 1 of the 3 nearest pictures; its label, fear, is that of 2."


def test_hostile_labels_and_prompts_are_texts_in_figures():
    labels = [*HOSTILE[:2], "joy"]
    shares = pd.DataFrame(np.full((2, 3), 1 / 3), columns=labels, index=list(HOSTILE[:2]))
    for figure in (answer_figure(shares, what="probability", label=labels[0]), places_figure(shares)):
        assert "<script" not in json.dumps(figure.to_dict(), default=str)


def test_every_prompt_has_its_own_lane_and_every_label_its_bar():
    shares = pd.DataFrame([[0.1, 0.9], [0.3, 0.7]], columns=["joy", "fear"], index=["open", "listed"])
    figure = answer_figure(shares, what="probability", label="joy")
    bars, *points = figure.data
    assert list(bars.x) == [20, 80]
    assert [list(one.x) for one in points] == [[10, 90], [30, 70]]
    assert len({(x, y) for one in points for x, y in zip(one.x, one.y, strict=True)}) == 4
    assert len({one.marker.symbol for one in points}) == 2
    assert figure.layout.yaxis.ticktext[0] == "joy (label)"


def test_nothing_of_a_run_imports_torch(attached_model):
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from affect_workbench.workbench.models.attaching import browsing, figures, sentences\n"
        f"run = browsing.load_model_run(Path({str(attached_model.run)!r}))\n"
        "sentences.agreement_sentence(run.attached)\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
