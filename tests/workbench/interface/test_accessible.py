"""Can everybody use the pages? axe-core finds no serious fault, the tab key reaches what can be used, no more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from affect_workbench.workbench.runs.paper import NAMES
from pages import anchors_page, bench_page, comparison, evaluation_page, outcome_run, overlap_page, planted_discovery

pytest_plugins = ["workbench_fixtures"]

CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
PATIENCE = 300_000
"""Milliseconds to wait for all figures, on the slowest machine."""
WRITTEN = {
    "anchors": anchors_page,
    "bench": bench_page,
    "discovery": lambda: planted_discovery()[1],
    "evaluation": evaluation_page,
    "overlap": overlap_page,
}
UNFOLDED = "document.querySelectorAll('details').forEach(one => { one.open = true; })"
ALL_DRAWN = "(window.figures ?? []).every(([name]) => document.getElementById(name)?.parentElement.ariaLabel)"
FAULTS = """async () => {
    document.querySelectorAll('tbody tr:nth-child(n + 12), .point:nth-child(n + 12)').forEach(one => one.remove());
    const found = await axe.run({ resultTypes: ['violations'] });
    return found.violations.filter(one => ['serious', 'critical'].includes(one.impact))
        .map(one => [one.id, one.nodes.map(node => node.html.slice(0, 120)).slice(0, 3)]);
}"""
"""Of a long table the first rows, of a figure the first points: axe takes minutes for all, and they are alike."""
REACHED = """() => {
    const at = document.activeElement;
    if (at === document.body) return null;
    const { left, top } = at.getBoundingClientRect(), bar = document.querySelector('nav.bar');
    const covered = bar && !bar.contains(at) && bar.contains(document.elementFromPoint(left + 3, Math.max(top, 0) + 3));
    const named = at.textContent.trim() || at.ariaLabel || at.labels?.length;
    return [[...document.querySelectorAll('*')].indexOf(at), at.className, Boolean(named), Boolean(covered)];
}"""
"""Number, class, whether it has a name and whether the navigation lies upon it, of what the tab key has reached."""
USABLE = """() => [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')]
    .filter(one => one.checkVisibility() && one.tabIndex >= 0).length"""

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra 'test')")
axe = pytest.importorskip("axe_playwright_python.base", reason="axe-playwright-python is not installed (extra 'test')")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (apt-get install chromium)")


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture
def opened(browser):
    """Opens a page with everything unfolded and drawn, its policy lifted for axe; asks it for errors of its scripts."""
    contexts = []

    def open_page(file: Path):
        contexts.append(browser.new_context(viewport={"width": 390, "height": 844}, bypass_csp=True))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(file.as_uri())
        page.evaluate(UNFOLDED)
        page.wait_for_function(ALL_DRAWN, polling=200)
        return page

    yield open_page
    for context in contexts:
        context.close()


def page_file(which, request, folder):
    if which in WRITTEN:
        (folder / "page.html").write_text(WRITTEN[which](), encoding="utf-8")
        return folder / "page.html"
    if which == "comparison":
        comparison(folder)
        return folder / "compared" / "compare.html"
    if which == "outcomes":
        outcome_run(folder)
        return folder / "run" / "report.html"
    run = request.getfixturevalue(which)
    return getattr(run, "audit", run) / "report.html"


@pytest.mark.parametrize("which", [*WRITTEN, "comparison", "outcomes", "drawn_demo", "hostile_run"])
def test_axe_finds_no_serious_fault_on_a_screen_or_a_phone(opened, which, request, tmp_path):
    page = opened(page_file(which, request, tmp_path))
    page.evaluate(axe.AXE_SCRIPT)
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(500)
        assert page.evaluate(FAULTS) == [], width
    assert page.errors == []


def test_axe_would_find_a_fault(opened, tmp_path):
    (tmp_path / "page.html").write_text(
        anchors_page().replace(' tabindex="0"', "").replace("#59636e", "#d0d0d0"), encoding="utf-8"
    )
    page = opened(tmp_path / "page.html")
    page.evaluate(axe.AXE_SCRIPT)
    assert {name for name, _ in page.evaluate(FAULTS)} == {"color-contrast", "scrollable-region-focusable"}


@pytest.mark.parametrize("which", ["drawn_demo", "comparison", "outcomes"])
def test_the_tab_key_reaches_what_can_be_used_and_no_toolbar_of_a_figure(opened, which, request, tmp_path):
    page = opened(page_file(which, request, tmp_path))
    page.set_viewport_size({"width": 1440, "height": 900})
    page.wait_for_timeout(500)
    assert page.locator(".modebar-btn").count() > 5
    usable, reached = page.evaluate(USABLE), []
    for _ in range(usable + 5):
        page.keyboard.press("Tab")
        at = page.evaluate(REACHED)
        if at is None or at[0] in [number for number, *_ in reached]:
            break
        reached.append(at)
    assert len(reached) == usable > 10
    assert not [kind for _, kind, *_ in reached if "modebar" in kind]
    assert [kind for _, kind, named, _ in reached if not named] == []
    assert [kind for *_, kind, _, covered in reached if covered] == []
