"""The first page in a browser: read at a glance, without plotly.js, on a screen, a phone and on paper."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from affect_workbench.workbench.runs.paper import NAMES
from workbench_runs import refusal, succeeded

pytest_plugins = ["workbench_fixtures"]

CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
MOST_WORDS, MOST_NUMBERS, MOST_SCREENS, MOST_SHEETS = 700, 150, 4, 4
VISIBLE = """() => {
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), texts = [];
    while (walk.nextNode()) {
        const parent = walk.currentNode.parentElement;
        if (!parent.closest('script, style, .skip') && parent.checkVisibility()) texts.push(walk.currentNode.data);
    }
    return texts.join(' ');
}"""
BEYOND = """() => [...document.querySelectorAll('header *, #attributes *')].filter(one => {
    const { left, right, width } = one.getBoundingClientRect();
    return width && one.checkVisibility() && (left < -1 || right > document.documentElement.clientWidth + 1);
}).map(one => one.outerHTML.slice(0, 120))"""

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra 'test')")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (apt-get install chromium)")


@pytest.fixture(params=["demo", "drawn_demo"])
def audit(request):
    """An audit of a table, and one with pictures."""
    return request.getfixturevalue(request.param).audit


@pytest.fixture
def page(audit):
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto((audit / "report.html").as_uri())
        page.wait_for_timeout(300)
        yield page
        browser.close()


@needs_chromium
def test_the_first_page_is_short_and_needs_no_plotly(page):
    text = page.evaluate(VISIBLE)
    words, numbers = re.findall(r"\S*[^\W\d_]\S*", text), re.findall(r"(?<![\w.,])[+−-]?\d[\d.,]*", text)
    assert 60 < len(words) <= MOST_WORDS
    assert 10 < len(numbers) <= MOST_NUMBERS
    assert page.locator("#details").evaluate("one => one.getBoundingClientRect().top") <= MOST_SCREENS * 900
    assert page.evaluate("window.Plotly === undefined"), "nothing on the first page waits for it"
    assert page.complaints == []


@needs_chromium
def test_everything_else_is_one_click_away_and_drawn_then(page):
    assert not page.locator("#findings").is_visible()
    page.locator("#details > summary").click()
    assert page.locator("#findings").is_visible()
    page.locator("#forest .main-svg").first.wait_for()
    page.get_by_role("link", name="Map", exact=True).last.click()
    page.locator("#map .main-svg").first.wait_for()
    top = page.locator("nav.bar").evaluate("one => one.getBoundingClientRect().top")
    assert top == 0, "the navigation stays"
    assert page.complaints == []


@needs_chromium
def test_a_link_into_the_details_unfolds_them(page, audit):
    page.goto((audit / "report.html").as_uri() + "#limits")
    page.locator("#limits").wait_for()
    assert page.locator("#details").get_attribute("open") is not None


@needs_chromium
def test_on_a_phone_nothing_is_cut(page):
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(BEYOND) == []


@needs_chromium
def test_paper_has_the_first_page_whole_and_not_the_rest(page, audit, tmp_path):
    page.set_viewport_size({"width": 703, "height": 1032})  # A4 within margins of 12 mm, at 96 pixels an inch
    page.emulate_media(media="print")
    assert page.evaluate(BEYOND) == []
    assert not page.locator("#details").is_visible()
    for card in page.locator(".card").all():
        assert card.evaluate("one => getComputedStyle(one).breakInside") == "avoid"
        assert card.bounding_box()["height"] < 1032

    file = tmp_path / "new folder" / "report.pdf"
    outcome = succeeded("report", audit, "-o", tmp_path / "report.html", "--pdf", file)
    assert f"PDF: {file}" in outcome.out
    assert 1 <= sheets(file) <= MOST_SHEETS
    succeeded("report", audit, "-o", tmp_path / "report.html", "--pdf", tmp_path / "all.pdf", "--everything")
    assert sheets(tmp_path / "all.pdf") > 2 * sheets(file)


def sheets(pdf: Path) -> int:
    content = pdf.read_bytes()
    assert content.startswith(b"%PDF")
    return max(map(int, re.findall(rb"/Count (\d+)", content)))


def test_without_a_browser_a_pdf_is_refused_before_anything_is_written(demo, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    said = refusal("report", demo.audit, "-o", tmp_path / "report.html", "--pdf", tmp_path / "report.pdf")
    assert "no Chromium to make a PDF with" in said
    assert "print it from there" in said
    assert list(tmp_path.iterdir()) == []
    said = refusal("report", demo.audit, "-o", tmp_path / "report.html", "--everything")
    assert "--everything is about the PDF: give --pdf FILE as well" in said


def test_without_pictures_none_is_in_the_file(tmp_path):
    from PIL import Image

    from affect_workbench.workbench.report.html import report_html
    from workbench_runs import audited, predictions_table

    rows = predictions_table(240, bias=0.9)
    rows["path"] = str(tmp_path / "one.png")
    Image.new("RGB", (12, 12)).save(tmp_path / "one.png")
    result = audited(rows, causes=False)
    assert "data:image/jpeg" in report_html(result)
    page = report_html(result, pictures=False)
    assert "data:image/jpeg" not in page
    assert str(tmp_path) not in page
    assert "picture-00" in page, "pictures are named"
