"""The page Model: a finished run of `ask` or `attach`, picture by picture, and a new picture asked by a child process."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from affect_workbench.data.features import FeatureSet
from affect_workbench.data.storage.atomic import atomic_folder
from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.models.attaching.browsing import load_model_run
from affect_workbench.workbench.models.attaching.sentences import agreement_sentence
from affect_workbench.workbench.report.sections.inside import causal_sentences
from affect_workbench.workbench.views.components.model.child import Child
from workbench_runs import APP, HOSTILE, workbench

pytest_plugins = ["workbench_fixtures"]


@pytest.fixture
def opened(monkeypatch):
    """Opens the app on a run of a model, or on a folder of runs."""

    def open_app(run="", runs="nowhere"):
        for name, value in (("RUN", run), ("RUNS", runs)):
            monkeypatch.setenv(f"WORKBENCH_{name}", str(value))
        app = AppTest.from_file(str(APP), default_timeout=60).run()
        return app if run else app.switch_page("views/pages/model/model.py").run()

    return open_app


@pytest.fixture(scope="module")
def run(attached_model):
    return load_model_run(attached_model.run)


def healthy(app):
    assert not app.exception, [error.message for error in app.exception]
    assert not app.error, [error.value for error in app.error]
    return app


def words(app):
    kinds = (app.title, app.header, app.subheader, app.markdown, app.caption, app.info, app.warning, app.success)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def button(app, label):
    (found,) = [one for one in app.button if one.label == label]
    return found


def box(app, label):
    (found,) = [one for one in app.selectbox if one.label == label]
    return found


def test_a_finished_run_is_told_whole(opened, attached_model, run):
    app = healthy(opened(attached_model.run))
    assert [title.value for title in app.title] == ["Model"]
    said = words(app)
    assert markdown_text(agreement_sentence(run.attached)[1]) in said
    for sentence in causal_sentences(run.attached.causal):
        assert markdown_text(sentence) in said
    assert "Across the connector, " in said.replace("\\", "")
    keys = [chart.proto.id for chart in app.get("plotly_chart")]
    assert len(keys) == 3
    (near,) = [frame.value for frame in app.dataframe if "cosine" in frame.value]
    assert len(near) == 8
    assert near["cosine"].is_monotonic_decreasing


def test_a_picture_is_found_by_its_id_and_chosen_by_its_button(opened, attached_model, run):
    app = healthy(opened(attached_model.run))
    wanted = run.pictures["image_id"].iloc[40]
    app = healthy(app.text_input[0].set_value(wanted[2:].upper()).run())
    assert f"Picture {markdown_text(wanted)}" in words(app).replace("Picture\\ ", "Picture ")
    app = healthy(app.text_input[0].set_value("").run())
    second = run.pictures["image_id"].iloc[1]
    app = healthy(app.button(key=f"choose {second}").click().run())
    assert app.subheader[0].value == markdown_text(f"Picture {second}")
    (shown,) = [frame.value for frame in app.dataframe if "prompt" in frame.value]
    assert shown["prompt"].tolist() == list(run.prompts)
    app = healthy(app.text_input[0].set_value("no such id").run())
    assert "No picture is in this selection." in words(app)


def test_pictures_are_narrowed_by_answer_and_label(opened, attached_model, run):
    app = healthy(opened(attached_model.run))
    answered = run.pictures["predicted"].value_counts().index[0]
    app = healthy(box(app, "Answered as").set_value(answered).run())
    count = int((run.pictures["predicted"] == answered).sum())
    assert f"of {count:,} picture" in words(app)
    assert f"Answered {answered}:" in words(app).replace("\\", "")
    label = run.pictures.loc[run.pictures["predicted"] == answered, "label"].iloc[0]
    app = healthy(box(app, "Labelled").set_value(label).run())
    both = run.pictures[(run.pictures["predicted"] == answered) & (run.pictures["label"] == label)]
    assert f"of {len(both):,} picture" in words(app)


def test_readers_and_places_can_be_switched(opened, attached_model):
    app = healthy(opened(attached_model.run))
    (readers,) = [one for one in app.radio if one.label == "Read by"]
    app = healthy(readers.set_value("logit lens").run())
    assert "The logit lens says" in words(app)
    first = healthy(box(app, "Place").set_value("connector.in").run())
    assert "features at connector.in" in words(first).replace("\\", "")


def test_answers_alone_are_enough_and_what_is_missing_is_said(opened, attached_model):
    app = healthy(opened(attached_model.run / "answers"))
    assert "the model was asked and not looked into" in words(app).lower()
    assert len(app.get("plotly_chart")) == 1


def test_runs_under_the_folder_are_offered(opened, attached_model, tmp_path):
    app = healthy(opened(runs=tmp_path))
    assert "No model was asked under" in app.info[0].value
    shutil.copytree(attached_model.run, tmp_path / "attached")
    app = healthy(opened(runs=tmp_path))
    assert box(app, "Run of a model").options == ["attached"]


@pytest.mark.parametrize("part", ["", "answers"])
def test_the_command_opens_it(monkeypatch, attached_model, part):
    started = {}
    monkeypatch.setattr(os, "execve", lambda path, words, environment: started.update(environment))
    workbench("app", attached_model.run / part, "--headless")
    assert started["WORKBENCH_RUN"] == str(attached_model.run / part)
    assert started["WORKBENCH_RUNS"] == "runs"


def test_pictures_that_are_gone_are_said_to_be(opened, attached_model, tmp_path):
    folder = tmp_path / "run"
    with atomic_folder(folder) as partial:
        for name in ("answers.parquet", "ask.json"):
            shutil.copy(attached_model.run / "answers" / name, partial / name)
        table = pd.read_parquet(attached_model.run / "answers" / "predictions.parquet")
        table.assign(path="gone.png").to_parquet(partial / "predictions.parquet")
    assert "no thumbnail: the file is missing" in words(healthy(opened(folder)))


@pytest.mark.parametrize("damage", ["marker", "features", "answers"])
def test_damage_is_one_clear_line(opened, attached_model, tmp_path, damage):
    folder = tmp_path / "run"
    shutil.copytree(attached_model.run, folder)
    if damage == "marker":
        (folder / "COMPLETE.json").unlink()
    elif damage == "features":
        shutil.rmtree(folder / "features" / attached_place_folder(folder))
    else:
        (folder / "answers" / "answers.parquet").write_bytes(b"?")
    app = opened(folder)
    assert not app.exception, [error.message for error in app.exception]
    (error,) = app.error
    assert "\n" not in error.value


def attached_place_folder(folder: Path) -> str:
    from affect_workbench.workbench.models.attaching.files import attached_record

    record = attached_record(folder)
    return str(record.record("places").values[record.text("audited")])


def test_hostile_values_are_shown_as_they_are(opened, attached_model, tmp_path):
    """Ids and attributes of somebody else's table."""
    folder = tmp_path / "run"
    shutil.copytree(attached_model.run, folder)
    tables = [folder / "answers" / "predictions.parquet", folder / "answers" / "answers.parquet"]
    tables += [folder / "predictions.parquet", folder / "probabilities.parquet"]
    names = {}
    for path in tables:
        table = pd.read_parquet(path)
        for at, name in enumerate(dict.fromkeys(table["image_id"])):
            names.setdefault(name, f"{HOSTILE[at % 4]} {at}")
        table = table.assign(image_id=table["image_id"].map(names))
        (table.assign(camera=HOSTILE[0]) if "camera" in table else table).to_parquet(path)
    for place in (folder / "features").iterdir():
        saved = FeatureSet.load(place)
        rows = saved.rows.assign(image_id=saved.rows["image_id"].map(names))
        FeatureSet(saved.spec, saved.values.copy(), rows).save(place, overwrite=True)
    remade(folder / "answers")
    remade(folder)
    app = healthy(opened(folder))
    said = words(app)
    assert HOSTILE[0] not in said
    assert markdown_text(HOSTILE[0]) in said
    assert all(HOSTILE[0] not in one.label for one in app.button)


def remade(folder: Path) -> None:
    """Writes the marker of a folder whose files were changed."""
    whole = folder.with_name(f"{folder.name}-again")
    with atomic_folder(whole) as partial:
        shutil.copytree(folder, partial, dirs_exist_ok=True, ignore=shutil.ignore_patterns("COMPLETE.json"))
        for part in [*folder.glob("*/COMPLETE.json"), *folder.glob("*/*/COMPLETE.json")]:
            shutil.copy(part, partial / part.relative_to(folder))
    shutil.rmtree(folder)
    whole.rename(folder)


def finished(app):
    """The app after the child process has ended."""
    deadline = time.monotonic() + 120
    while any(one.key == "new-stop" for one in app.button) and time.monotonic() < deadline:
        time.sleep(0.5)
        app = app.run()
    return app


def test_a_new_picture_is_asked_after_the_size_was_told(opened, attached_model, run):
    app = healthy(opened(attached_model.run / "answers"))
    assert not [one for one in app.button if one.label == "Load the model and ask"]
    app = healthy(finished(healthy(button(app, "How large is the model?").click().run())))
    assert "MB in float32" in words(app)
    assert "Choose a picture first." in words(app)
    path = Path(run.pictures["path"].iloc[0])
    app = healthy(app.file_uploader[0].upload(path.name, path.read_bytes(), "image/png").run())
    app = healthy(finished(healthy(button(app, "Load the model and ask").click().run())))
    assert len(app.get("plotly_chart")) == 2
    assert words(app).count("mean probability") == 2


def test_a_child_that_fails_shows_its_one_line(opened, attached_model, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(attached_model.run / "answers", folder)
    record = (folder / "ask.json").read_text(encoding="utf-8")
    (folder / "ask.json").write_text(record.replace(str(attached_model.model), str(tmp_path / "gone")), encoding="utf-8")
    remade(folder)
    app = healthy(opened(folder))
    app = finished(button(app, "How large is the model?").click().run())
    assert not app.exception
    (error,) = app.error
    assert "no such folder" in error.value
    assert "\n" not in error.value


def test_a_child_can_be_stopped(tmp_path):
    child = Child.start(["app", "--help"], tmp_path)
    child.stop()
    assert not child.running
    assert child.progress is None
