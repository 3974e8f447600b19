"""The page Reasoning: a model, a probe and a picture are chosen, a child process answers, and its text is followed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from affect_workbench.data.storage.atomic import atomic_folder, write_json
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.views.components.model.child import Child
from workbench_runs import APP, EKMAN, HOSTILE

MODEL = Path(__file__).parents[2] / "assets" / "planted-llava" / "fair"


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """A folder of runs with a model and a probe in it, and beside them what is neither."""
    root = tmp_path_factory.mktemp("reasoning") / "runs"
    with atomic_folder(root / "probes" / "random") as partial:  # what the page reads of a probe, made without torch
        write_json(partial / "config.json", {"taxonomy": Taxonomy.named("ekman6").as_json()})
        pd.DataFrame({"image_id": ["a"]}).to_parquet(partial / "pictures.parquet")
    shutil.copytree(MODEL, root / "models" / "fair")
    with atomic_folder(root / "features") as partial:
        (partial / "config.json").write_text("{}", encoding="utf-8")
    return root


@pytest.fixture
def opened(monkeypatch, runs):
    def open_page(root=runs):
        for name, value in (("MODEL", ""), ("RUNS", root), ("RUN", ""), ("OVERLAP", "")):
            monkeypatch.setenv(f"WORKBENCH_{name}", str(value))
        app = AppTest.from_file(str(APP), default_timeout=60).run()
        return healthy(app.switch_page("views/pages/model/reasoning.py").run())

    return open_page


@pytest.fixture
def picture(tmp_path) -> Path:
    path = tmp_path / "picture.png"
    Image.linear_gradient("L").convert("RGB").save(path)
    return path


def healthy(app):
    assert not app.exception, [error.message for error in app.exception]
    assert not app.error, [error.value for error in app.error]
    return app


def words(app):
    kinds = (app.title, app.header, app.subheader, app.markdown, app.caption, app.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def box(app, label):
    (found,) = [one for one in app.selectbox if one.label == label]
    return found


def field(app, label):
    (found,) = [one for one in app.text_input if one.label.endswith(label)]
    return found


def button(app, label):
    (found,) = [one for one in app.button if one.label == label]
    return found


def finished(app):
    """The app after the child process has ended."""
    deadline = time.monotonic() + 120
    while any(one.key == "reasoning-stop" for one in app.button) and time.monotonic() < deadline:
        time.sleep(2.0)
        app = app.run()
    return app


def test_a_picture_is_explained(opened, picture):
    app = opened()
    assert box(app, "Model").options[0] == "models/fair"
    assert box(app, "Probe").options[:2] == ["probes/random", "none"]
    assert button(app, "Ask").disabled
    app = healthy(app.file_uploader[0].upload(picture.name, picture.read_bytes(), "image/png").run())
    app = healthy(box(app, "Probe").set_value("none").run())
    app = healthy(box(app, "Mode").set_value("given").run())
    app = healthy(field(app, "Label").set_value("joy").run())
    app = healthy(app.text_area[0].set_value("--Which emotion is this?").run())
    app = healthy(finished(healthy(button(app, "Ask").click().run())))
    said = words(app).replace("\\", "")
    (prompt,) = [code.value for code in app.code]
    assert "<image> x 16" in prompt
    assert "label : joy" in prompt
    assert "emotion is this ?" in prompt
    assert "given: joy" in said
    assert [label for label in EKMAN if f"\n{label}\n" in said]


ASKED = {"picture": "p", "emotions": [["joy", 0.9], [HOSTILE[0], 0.1]], "label": "joy", "why": "why joy", "question": "Why?"}


@pytest.fixture
def child(monkeypatch):
    """Children that write these events and then run this code; the words that each was started with."""
    started: list[list[str]] = []

    def starts(events, code):
        def start(words, folder):
            started.append(list(words))
            (folder / "events.jsonl").write_text(events, encoding="utf-8")
            (folder / "out.txt").write_text("note: the model reads 1 word of the questions as unknown\n", encoding="utf-8")
            (folder / "err.txt").touch()
            return Child(subprocess.Popen([sys.executable, "-c", code]), folder)

        monkeypatch.setattr(Child, "start", start)
        return started

    return starts


def test_text_is_shown_while_it_is_written_and_can_be_stopped(opened, picture, child):
    told = [{"event": "started"}, {"event": "asked", **ASKED, "prompt": "user: Why?"}]
    told += [{"event": "text", "picture": "p", "text": piece} for piece in ("Joy: ", HOSTILE[1], " and")]
    events = "".join(json.dumps(one) + "\n" for one in told) + '{"event": "te'
    started = child(events, "import time; time.sleep(300)")
    app = opened()
    app = healthy(field(app, "a picture file on this machine").set_value(str(picture)).run())
    app = healthy(box(app, "Mode").set_value("given").run())
    app = healthy(box(app, "Label").set_value("joy").run())
    app = healthy(button(app, "Ask").click().run())
    said = words(app)
    assert markdown_text(f"Joy: {HOSTILE[1]} and") in said
    assert HOSTILE[1] not in said
    assert markdown_text("Note: the model reads 1 word") in said
    assert [code.value for code in app.code] == ["user: Why?"]
    assert len(app.get("plotly_chart")) == 1
    (command,) = started
    assert {"--mode=given", "--label=joy"} < set(command)
    app = button(app, "Stop").click().run()
    assert [error.value for error in app.error] == ["stopped"]
    assert not [one for one in app.button if one.label == "Stop"]


def test_modes_can_be_compared(opened, picture, child):
    started = child(json.dumps({"event": "answer", **ASKED, "prompt": "", "text": "Joy: a dog."}) + "\n", "")
    app = opened()
    app = healthy(field(app, "a picture file on this machine").set_value(str(picture)).run())
    for mode in ("predicted", "wrong", "none"):
        app = healthy(box(app, "Mode").set_value(mode).run())
        app = healthy(finished(button(app, "Ask").click().run()))
    (table,) = [frame.value for frame in app.dataframe]
    assert table["mode"].tolist() == ["none", "wrong", "predicted"]
    assert set(table["answer"]) == {"Joy: a dog."}
    assert [next(word for word in command if "--mode" in word) for command in started] == [
        "--mode=predicted",
        "--mode=wrong",
        "--mode=none",
    ]


def test_what_goes_wrong_is_one_line(opened, tmp_path):
    app = opened(tmp_path)
    assert box(app, "Model").options == ["another …"]
    app = healthy(field(app, "folder, or hub name MODEL@revision").set_value(str(MODEL)).run())
    app = field(app, "a picture file on this machine").set_value(str(tmp_path / "gone.png")).run()
    (error,) = app.error
    assert "No such file or directory" in error.value
    (tmp_path / "gone.png").write_bytes(b"no picture")
    app = finished(healthy(button(healthy(app.run()), "Ask").click().run()))
    (error,) = app.error
    assert "none of 1 picture can be read" in error.value.replace("\\", "")
    assert "\n" not in error.value
    app = box(app, "Probe").set_value("another …").run()
    app = field(app, "Probe: folder").set_value(str(tmp_path)).run()
    assert any("config.json" in error.value.replace("\\", "") for error in app.error)
