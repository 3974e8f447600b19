"""`workbench app FOLDER` opens whatever a command wrote; the start page lists all of it; the address says what is shown."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from affect_workbench.analyses.duplicates.find import PictureSet, overlap
from affect_workbench.data.storage.atomic import atomic_folder
from affect_workbench.workbench.concepts.queue import Queue, save_queue
from affect_workbench.workbench.datasets.overlap_page import outcome
from affect_workbench.workbench.datasets.overlap_store import SavedOverlap, save_overlap
from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.report.first_page.headline import headline
from affect_workbench.workbench.runs.store import load_audit
from affect_workbench.workbench.views.folders import folders_to_open, kind_of
from affect_workbench.workbench.views.settings import AUDIT, COMPARISON, KINDS, LABELS, OVERLAP
from workbench_runs import app_on, finished_run, predictions_table, refusal, said_by, succeeded, workbench


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two audits, their comparison, a label folder and an overlap, the last the newest; and what is no run at all."""
    root = tmp_path_factory.mktemp("runs")
    for name, bias in (("before", 0.0), ("after", 0.9)):
        finished_run(root / name, predictions_table(300, bias=bias, seed=1), further=False)
    succeeded("compare", root / "before", root / "after", "-o", root / "compared")
    asked = pd.DataFrame({"image_id": ["a"], "path": ["a.png"], "stratum": [0], "probability": [1.0]})
    save_queue(Queue(root / "labels" / "hat", "hat", "Does “hat” fit this picture?", 0, "before", asked))
    rows = pd.DataFrame({"image_id": ["a", "b"], "content": ["1", "1"], "split": ["train", "test"]})
    with atomic_folder(root / "copies") as partial:
        save_overlap(SavedOverlap(overlap(PictureSet(rows)), "*all*", "*all*"), partial)
    for second, name in enumerate(("before", "after", "compared", "labels/hat", "copies")):
        os.utime(root / name / "COMPLETE.json", (second, second))
    (root / "notes").mkdir()
    (root / "half").mkdir()
    (root / "half" / "audit.json").write_text("{}")
    return root


def environment(monkeypatch, *words: object) -> dict[str, str]:
    """What `workbench app` with these words hands to the server."""
    started: dict[str, str] = {}
    monkeypatch.setattr(os, "execve", lambda path, command, variables: started.update(variables))
    workbench("app", *words, "--headless")
    return {name: value for name, value in started.items() if name.startswith("WORKBENCH_")}


def test_the_command_opens_folders_of_every_kind_and_folders_of_them(runs, monkeypatch):
    for name in ("before", "compared", "labels/hat", "copies"):
        assert environment(monkeypatch, runs / name)["WORKBENCH_RUN"] == str(runs / name)
    of_runs = environment(monkeypatch, runs)
    assert of_runs["WORKBENCH_RUN"] == of_runs["WORKBENCH_RUNS"] == str(runs)


def test_a_folder_with_nothing_to_open_is_one_line_that_says_what_was_expected(runs):
    line = refusal("app", runs / "notes")
    assert f"nothing to open at {runs / 'notes'}, which holds none of these: expected" in line
    assert all(f"{kind.record} of {kind.command}" in line for kind in KINDS)


@pytest.mark.parametrize(("name", "title"), [("compared", "Comparison"), ("labels/hat", "Label"), ("copies", "Duplicates")])
def test_the_page_of_a_folder_comes_first(runs, monkeypatch, name, title):
    app = app_on(monkeypatch, runs / name)
    assert app.title[0].value == title
    assert not app.error


def test_every_page_opens_on_a_folder_without_any_run(monkeypatch, tmp_path):
    app = app_on(monkeypatch, runs=tmp_path)
    pages = Path(__file__).resolve().parents[3] / "workbench" / "views" / "pages"
    for page in sorted(pages.glob("*/*.py")):
        if page.name != "__init__.py":
            app = app.switch_page(f"views/pages/{page.parent.name}/{page.name}").run()
            assert not app.exception, page
            assert app.info or page.stem == "reasoning", page


def test_the_start_page_links_all_of_them_newest_first_with_what_came_of_them(runs, monkeypatch):
    app = app_on(monkeypatch, runs, runs=runs)
    assert app.title[0].value == "Runs"
    links = [link.proto for link in app.get("page_link")]
    assert [link.query_string for link in links] == [
        "run=copies",
        "run=labels%2Fhat",
        "run=compared",
        "run=after",
        "run=before",
    ]
    kinds = [kind.words for kind in (OVERLAP, LABELS, COMPARISON, AUDIT, AUDIT)]
    assert [caption.value.split(" · ")[0] for caption in app.caption] == kinds
    said = said_by(app)
    for name in ("before", "after"):
        assert load_audit(runs / name).headline in said
    assert "Does “hat” fit this picture?" in said
    rows = pd.DataFrame({"image_id": ["a", "b"], "content": ["1", "1"], "split": ["train", "test"]})
    assert outcome(overlap(PictureSet(rows)), name_a="*all*", name_b="*all*") in said


def address(app) -> list[str]:
    """The values of `?run=`; what the app itself wrote is given back as a text."""
    value = app.query_params["run"]
    return [value] if isinstance(value, str) else value


def headline_of(run):
    return markdown_text(headline(load_audit(run)))


def test_the_address_says_which_run_is_shown_and_decides_it(runs, monkeypatch):
    app = app_on(monkeypatch, runs=runs)
    assert app.title[0].value == headline_of(runs / "after")
    assert address(app) == ["after"]
    app.query_params["run"] = "before"
    app = app.run()
    assert app.title[0].value == headline_of(runs / "before")
    (box,) = [box for box in app.selectbox if box.label == "Run"]
    assert box.value == "before"
    app = box.select("after").run()
    assert address(app) == ["after"]
    assert app.title[0].value == headline_of(runs / "after")


def test_an_address_of_a_run_that_is_gone_says_so(runs, monkeypatch):
    app = app_on(monkeypatch, runs=runs)
    app.query_params["run"] = "gone"
    app = app.run()
    assert "There is no audit at gone: after is shown instead." in said_by(app)
    assert app.title[0].value == headline_of(runs / "after")


def test_an_unfinished_folder_is_not_listed_and_is_one_line_where_it_is_asked_for(runs, monkeypatch):
    monkeypatch.setenv("WORKBENCH_RUNS", str(runs))
    monkeypatch.setenv("WORKBENCH_RUN", "")
    assert kind_of(runs / "half") == AUDIT
    assert runs / "half" not in folders_to_open(AUDIT)
    app = app_on(monkeypatch, runs / "half", runs=runs)
    assert [error.value.startswith("This run cannot be opened:") for error in app.error] == [True]
