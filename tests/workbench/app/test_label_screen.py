"""Is every answer about the picture that was on the screen? Keys faster than pictures, in a real browser."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from affect_workbench.workbench.concepts.queue import Queue, open_queue, save_answer, save_queue
from affect_workbench.workbench.views.components.label_screen import picture_source
from workbench_runs import served_app

ROOT = Path(__file__).resolve().parents[3]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 45_000
PICTURES = 20
PRESSES = 6
WATCH = """window.seen = [];
(function look() {
    const picture = document.querySelector('.label-screen img');
    const there = picture && picture.src && picture.complete && picture.naturalWidth && picture.getClientRects().length;
    if (there && window.seen.at(-1)?.source !== picture.src) window.seen.push({source: picture.src, keys: ''});
    requestAnimationFrame(look);
})();
window.addEventListener('keydown', event => { if (window.seen.length) window.seen.at(-1).keys += event.key; }, true);"""
"""Which pictures were painted, in order, and the keys that were pressed while each was."""


@pytest.fixture(scope="module")
def queue(tmp_path_factory) -> Queue:
    root = tmp_path_factory.mktemp("labels")
    for number in range(PICTURES):
        Image.new("RGB", (900, 600), (12 * number, 255 - 12 * number, 90)).save(root / f"{number}.png")
    pictures = pd.DataFrame(
        {
            "image_id": [f"p{number}" for number in range(PICTURES)],
            "path": [str(root / f"{number}.png") for number in range(PICTURES)],
            "stratum": 0,
            "probability": 0.5,
        }
    )
    save_queue(Queue(root / "labels" / "hat", "hat", "Does “hat” fit this picture?", 0, "", pictures))
    return open_queue(root / "labels" / "hat")


@pytest.fixture(scope="module")
def address(queue, tmp_path_factory):
    """Of the page Label of a real app."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with served_app(log, WORKBENCH_LABELS=str(queue.folder.parent), WORKBENCH_RUNS="nowhere") as running:
        yield f"{running}/label"


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine (apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra 'test')")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def page(browser, address):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.add_init_script(f"window.addEventListener('DOMContentLoaded', () => {{ {WATCH} }})")
    page.goto(address)
    page.get_by_role("textbox", name="Your name").wait_for()
    yield page
    context.close()


def begin(page, name):
    page.get_by_role("textbox", name="Your name").fill("")
    page.get_by_role("textbox", name="Your name").press("Enter")
    page.get_by_text("Type your name first").wait_for()
    page.evaluate("window.seen = []")
    page.get_by_role("textbox", name="Your name").fill(name)
    page.get_by_role("textbox", name="Your name").press("Enter")


def on_screen(page):
    """Waits until one picture is there (not the one before it too) and answers are taken; its id."""
    alone = "[...document.querySelectorAll('.label-screen')].map(one => one.dataset.shown)"
    return page.wait_for_function(f"() => {{ const all = {alone}; return all.length === 1 && all[0]; }}").json_value()


@pytest.mark.parametrize("gap", [50, 150, 400])
def test_one_answer_a_displayed_picture_however_fast_the_keys(page, queue, gap):
    name = f"Ada {gap}"
    begin(page, name)
    for press in range(PRESSES):
        page.wait_for_timeout(gap)
        page.keyboard.press("yn"[press % 2])
    last = on_screen(page)
    assert page.get_by_role("textbox", name="Your name").input_value() == name
    ids = {picture_source(Path(path)): image_id for image_id, path in queue.pictures[["image_id", "path"]].to_numpy()}
    seen = [(ids[one["source"]], one["keys"]) for one in page.evaluate("window.seen")]
    answers = queue.answers.query("annotator == @name")
    assert seen[-1][0] == last
    assert list(answers["image_id"]) == [image_id for image_id, _ in seen[:-1]]
    assert all(said[0] in keys for said, (_, keys) in zip(answers["answer"], seen, strict=False))
    page.keyboard.press("u")  # and the next one counts, for what is there
    page.wait_for_function("id => ![id, ''].includes(document.querySelector('.label-screen').dataset.shown)", arg=last)
    assert queue.answers.query("annotator == @name").iloc[-1][["image_id", "answer"]].tolist() == [last, "unsure"]


def test_clicks_back_a_key_held_down_and_the_name_after_a_reload(page, queue):
    begin(page, "Bo")
    assert on_screen(page) == "p0"
    page.get_by_role("button", name="yes", exact=True).dblclick()
    page.wait_for_function("document.querySelector('.label-screen').dataset.shown === 'p1'")
    page.keyboard.press("b")
    page.wait_for_function("document.querySelector('.label-screen').dataset.shown === 'p0'")
    for _ in range(6):  # without letting go
        page.keyboard.down("n")
    page.wait_for_function("document.querySelector('.label-screen').dataset.shown === 'p1'")
    page.reload()
    assert on_screen(page) == "p1"
    assert page.get_by_role("textbox", name="Your name").input_value() == "Bo"
    answers = queue.answers.query("annotator == 'Bo'")
    assert answers[["image_id", "answer"]].to_numpy().tolist() == [["p0", "no"]]


def test_an_answer_about_another_picture_is_refused(queue):
    with pytest.raises(ValueError, match="about picture 'p3', which was on the screen, not about 'p4'"):
        save_answer(queue, 4, "yes", "Cy", shown="p3")
    assert "Cy" not in set(queue.answers["annotator"])
    save_answer(queue, 4, "yes", "Cy", shown="p4")
    assert list(queue.answers.query("annotator == 'Cy'")["image_id"]) == ["p4"]


@pytest.fixture
def app(queue, monkeypatch):
    """The page without a browser."""
    monkeypatch.setenv("WORKBENCH_RUNS", "nowhere")
    monkeypatch.setenv("WORKBENCH_LABELS", str(queue.folder.parent))
    app = AppTest.from_file(str(ROOT / "workbench" / "app.py"), default_timeout=60).run()
    return app.switch_page("views/pages/people/label.py").run()


def test_the_page_refuses_an_answer_about_what_it_no_longer_shows(app, queue):
    app = app.text_input[0].set_value("Di").run()
    app.session_state["label_shown"] = replace(app.session_state["label_shown"], image_id="p7")
    app = app.button[0].click().run()
    assert "that answer was about a picture that is no longer asked about" in app.warning[0].value
    assert "Picture 1 of 20" in app.caption[0].value
    assert "Di" not in set(queue.answers["annotator"])
    app = app.button[0].click().run()
    assert not app.warning
    assert list(queue.answers.query("annotator == 'Di'")["image_id"]) == ["p0"]


def test_a_picture_that_cannot_be_shown_can_only_be_answered_unsure(app, queue):
    Path(queue.pictures["path"].iloc[0]).rename(queue.folder.parent / "elsewhere.png")
    app = app.text_input[0].set_value("Ed").run()
    assert [(button.label, button.disabled) for button in app.button] == [
        ("yes", True),
        ("no", True),
        ("unsure", False),
        ("back", True),
    ]
    assert "can only be answered unsure" in app.warning[0].value
    app.button[2].click().run()
    assert list(queue.answers.query("annotator == 'Ed'")["answer"]) == ["unsure"]
