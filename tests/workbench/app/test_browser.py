"""The app and the report in a real browser: everything is drawn, nothing complains, and no other host is ever asked."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from affect_workbench.analyses.skew.chosen import kept_back
from affect_workbench.analyses.skew.findings import on_its_own
from affect_workbench.workbench.interface.numbers import points, probability
from affect_workbench.workbench.report.cards.every_attribute import cards_of
from affect_workbench.workbench.report.findings_list import MOST_WRITTEN
from affect_workbench.workbench.report.first_page.headline import headline
from affect_workbench.workbench.runs.store import load_audit
from workbench_runs import HOSTILE, finished_run, predictions_table, served_app

pytest_plugins = ["workbench_fixtures"]

ROOT = Path(__file__).resolve().parents[3]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 45_000
"""Milliseconds to wait for anything, on the slowest machine."""
FIGURES = (
    "forest",
    "split",
    "heat-map",
    "pull",
    "within-pull",
    "erasure",
    "hubs",
    "map",
    "accuracy",
    "reliability",
    "coverage",
)

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra 'test')")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (apt-get install chromium)")


def wait_until(page, condition: str) -> None:
    """Asks until the page says so: what a report allows itself forbids a page to evaluate texts by itself."""
    for _ in range(600):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"still not so after half a minute: {condition}")


class Visit:
    """A page with everything that went wrong on it, and everything that it asked for."""

    def __init__(self, browser):
        self.context = browser.new_context(viewport={"width": 1280, "height": 900})
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        self.page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda opened: self.requests.append(opened.url))

    def _console(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(f"console {message.type}: {message.text}")

    @property
    def hosts(self) -> set[str]:
        return {url.split("/")[2].rpartition(":")[0] for url in self.requests if url.startswith(("http", "ws"))}

    def scrolls_sideways(self) -> bool:
        return self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


@pytest.fixture(scope="module")
def browser():
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield running
        running.close()


@pytest.fixture
def visit(browser):
    visits = []

    def start():
        visits.append(Visit(browser))
        return visits[-1]

    yield start
    for opened in visits:
        opened.context.close()


@pytest.fixture(scope="module")
def app_url(demo, tmp_path_factory):
    """The address of a real `streamlit run workbench/app.py` that shows the demo's audit."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with served_app(log, WORKBENCH_RUN=str(demo.audit), WORKBENCH_RUNS=str(demo.folder)) as running:
        yield running


def opened_app(visit, url):
    seen = visit()
    seen.page.goto(url)
    seen.page.get_by_role("heading", level=1).first.wait_for()
    return seen


def go_to(page, name):
    page.get_by_role("link", name=name, exact=True).click()
    page.get_by_role("heading", name=name, level=1, exact=True).wait_for()


def settled(page):
    """Waits until the app has stopped running."""
    page.wait_for_timeout(300)
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
    page.wait_for_timeout(300)


PLOTS = "[...document.querySelectorAll('.js-plotly-plot')]"
MAP = PLOTS + ".find(plot => plot.data.some(trace => trace.name === 'label anchors'))"


def wait_for_map(page):
    page.locator(".js-plotly-plot").first.wait_for()
    page.wait_for_function(f"(() => {{ const map = {MAP}; return map && map.querySelectorAll('.point').length > 100; }})()")


# The app


def test_every_page_of_the_app_is_reached_by_clicking_and_is_drawn_without_a_complaint(visit, app_url, demo_result):
    seen = opened_app(visit, app_url)
    page = seen.page
    assert page.get_by_role("heading", level=1).first.inner_text() == headline(demo_result)
    page.locator(".card").nth(len(demo_result.run.attributes) - 1).wait_for()
    assert page.evaluate(CHARTS_DRAWN), "Streamlit takes SVG out of a page: charts are images"

    go_to(page, "Slices")
    page.locator(".js-plotly-plot .heatmaplayer image, .js-plotly-plot .hm").first.wait_for()
    page.get_by_test_id("stDataFrame").first.wait_for()
    settled(page)
    assert not seen.scrolls_sideways()

    go_to(page, "Space")
    wait_for_map(page)
    drawn = page.evaluate(f"{MAP}.querySelectorAll('.scatterlayer .point').length")
    assert drawn == (~kept_back(demo_result.samples)).sum() + len(demo_result.taxonomy)
    settled(page)
    assert not seen.scrolls_sideways()

    go_to(page, "Run")
    page.get_by_text(demo_result.run.provenance["probe_fingerprint"]).first.wait_for()
    settled(page)
    assert not seen.scrolls_sideways()

    page.get_by_role("link", name="Overview", exact=True).click()
    page.get_by_role("heading", name="Attribute by attribute", exact=True).wait_for()
    settled(page)
    assert not seen.scrolls_sideways()
    assert seen.complaints == []
    assert seen.hosts == {"localhost"}


CHARTS_DRAWN = """[...document.querySelectorAll('.card')].every(card => {
    const chart = card.querySelector('figure img');
    return !chart || (chart.complete && chart.naturalHeight > 20 && chart.clientWidth > 200 && chart.alt.length > 20);
})"""


@pytest.mark.parametrize("tool", ["lasso", "select"])
def test_what_is_lassoed_on_the_map_is_what_the_table_shows(visit, app_url, demo, tool):
    seen = opened_app(visit, app_url)
    page = seen.page
    go_to(page, "Space")
    wait_for_map(page)
    settled(page)
    page.evaluate(f"{MAP}.scrollIntoView({{block: 'center'}})")
    if tool == "select":
        page.locator(".st-key-map .js-plotly-plot").hover()
        page.locator(".st-key-map .js-plotly-plot").locator("[data-title='Box Select']").click()
        settled(page)

    samples = pd.read_parquet(demo.audit / "samples.parquet")
    samples = samples[~kept_back(samples)]
    places = samples[["audit_x", "audit_y"]].to_numpy()
    low, high = small_region(places)
    left, top, right, bottom = on_screen(page, low, high)
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in [(right, top), (right, bottom), (left, bottom), (left, top)] if tool == "lasso" else [(right, bottom)]:
        page.mouse.move(x, y, steps=6)
    page.mouse.up()

    inside = samples[((places > low) & (places < high)).all(axis=1)]
    assert 3 <= len(inside) <= 8
    page.get_by_text(f"{len(inside)} pictures; those that contradict their label come first.").wait_for()
    settled(page)
    grid = page.locator("[data-testid=stDataFrame] table[role=grid]")
    cells = grid.locator("tbody tr td:nth-of-type(1), tbody tr td[aria-colindex='1']").all_inner_texts()
    shown = {text.strip() for text in cells if text.strip().startswith("planted-")}
    assert shown == set(inside["image_id"])
    assert seen.complaints == []


def small_region(places):
    """Lower and upper corner of a rectangle that holds three to eight pictures and cuts through none of them."""
    rng = np.random.default_rng(0)
    span = np.ptp(places, axis=0)
    for _ in range(2_000):
        centre, half = places[rng.integers(len(places))], span * rng.uniform(0.005, 0.03)
        low, high = centre - half, centre + half
        inside = ((places > low) & (places < high)).all(axis=1)
        margin = span * 0.004
        near = ((places > low - margin) & (places < high + margin)).all(axis=1)
        core = ((places > low + margin) & (places < high - margin)).all(axis=1)
        if 3 <= inside.sum() <= 8 and near.sum() == inside.sum() == core.sum():
            return low, high
    raise AssertionError("no region of the map is clear enough")


def on_screen(page, low, high):
    """The rectangle in pixels of the window."""
    script = """([low, high]) => {
        const plot = MAP, axes = plot._fullLayout, frame = plot.querySelector('.nsewdrag').getBoundingClientRect();
        const x = value => frame.left + axes.xaxis.l2p(value), y = value => frame.top + axes.yaxis.l2p(value);
        return [x(low[0]), y(high[1]), x(high[0]), y(low[1])];
    }"""
    corners = page.evaluate(script.replace("MAP", MAP), [list(map(float, low)), list(map(float, high))])
    return [round(corner, 2) for corner in corners]


def test_a_card_leads_to_its_finding_and_the_address_opens_it_again(visit, app_url, demo_result):
    seen = opened_app(visit, app_url)
    page = seen.page
    card = cards_of(demo_result)[0]
    page.get_by_role("link", name=f"Pictures and slices of {card.title}").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=f"{card.slice} → {card.emotion}", exact=True).wait_for()
    go_to(page, "Run")
    go_to(page, "Slices")
    page.get_by_role("heading", name=f"{card.slice} → {card.emotion}", exact=True).wait_for()
    settled(page)
    again = visit()
    again.page.goto(page.url)
    again.page.get_by_role("heading", name=f"{card.slice} → {card.emotion}", exact=True).wait_for()
    assert seen.complaints == []  # Streamlit looks for its own files under the name of a page first


def click_cell(page, plot, row):
    """Clicks what is written in the cell of a finding with one condition."""
    script = """([plot, name, emotion]) => {
        const at = document.querySelector(plot), frame = at.querySelector('.nsewdrag').getBoundingClientRect();
        const axes = at._fullLayout, row = axes.yaxis.ticktext.indexOf(name);
        return [frame.left + axes.xaxis.d2p(emotion), frame.top + axes.yaxis.d2p(row)];
    }"""
    page.locator(plot).scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    at = [plot, row["slice"], row["emotion"]]
    page.evaluate("y => scrollBy(0, y - innerHeight / 2)", page.evaluate(script, at)[1])  # a map may be higher than a screen
    page.wait_for_timeout(300)
    x, y = page.evaluate(script, at)
    page.mouse.move(x, y)
    page.wait_for_timeout(300)
    page.mouse.click(x, y)


def told_cell(result):
    """The first finding about one attribute, and how many pictures are behind it."""
    row = result.findings[result.findings["where"].map(len) == 1].iloc[0]
    return row, round(row["rate"] * row["n"])


def test_clicking_a_cell_of_the_heat_map_shows_the_pictures_behind_it(visit, app_url, demo_result):
    seen = opened_app(visit, app_url)
    page = seen.page
    go_to(page, "Slices")
    page.locator(".js-plotly-plot .textpoint").first.wait_for()
    settled(page)
    row, count = told_cell(demo_result)
    click_cell(page, ".js-plotly-plot", row)
    page.get_by_role("heading", name=f"{row['slice']} → {row['emotion']}", exact=True).wait_for()
    page.get_by_text(f"{count} pictures; those that contradict their label come first.").wait_for()
    assert seen.complaints == []


def test_the_page_of_a_model_is_drawn_and_its_pictures_are_chosen_by_keyboard(visit, attached_model, tmp_path):
    with served_app(tmp_path / "log.txt", WORKBENCH_RUN=str(attached_model.run), WORKBENCH_RUNS=str(tmp_path)) as url:
        seen = opened_app(visit, url)
        page = seen.page
        page.get_by_role("heading", name="Ask about a new picture").wait_for()
        page.locator(".js-plotly-plot").nth(2).wait_for()
        settled(page)
        assert not seen.scrolls_sideways()
        second = pd.read_parquet(attached_model.run / "predictions.parquet")["image_id"].iloc[1]
        page.get_by_role("button", name=second).focus()
        page.keyboard.press("Enter")
        page.get_by_role("heading", name=f"Picture {second}").wait_for()
        settled(page)
        assert seen.complaints == []
        assert seen.hosts == {"localhost"}


# The report


def opened_report(browser, run):
    seen = Visit(browser)
    seen.page.goto((run / "report.html").as_uri())
    seen.page.locator("#details > summary").click()
    wait_until(seen.page, ALL_DRAWN)
    return seen


DRAWN = "document.querySelector(`#${CSS.escape(name)} .main-svg`)?.getAttribute('viewBox')"
ALL_DRAWN = f"window.figures.every(([name]) => {DRAWN})"
"""Every figure of the page is there, and knows its size."""


@pytest.fixture(scope="module")
def report(browser, demo):
    """The demo's report, opened once; a test that changes it changes it back."""
    return opened_report(browser, demo.audit)


@pytest.fixture(scope="module")
def hostile_report(browser, hostile_run):
    return opened_report(browser, hostile_run)


def test_the_report_opens_offline_with_all_its_figures(report, demo, demo_result):
    page = report.page
    for name in FIGURES:
        wait_until(page, f"document.querySelector('#{name} .main-svg') !== null")
        assert page.locator(f"#{name}").bounding_box()["height"] > 150, name
    assert page.locator("#map .scatterlayer .point").count() == min(len(demo_result.samples), 2_000) + 6
    skewed = on_its_own(demo_result.findings.query("verdict == 'skewed'")).sum()
    assert page.locator("#forest .scatterlayer .point").count() == 20
    assert page.locator("ol.sentences > li").count() == skewed
    assert page.locator("h1").inner_text() == headline(demo_result)
    assert report.requests == [(demo.audit / "report.html").as_uri()]
    assert report.complaints == []


DRAWN_TO_WIDTH = """() => [...document.querySelectorAll('.js-plotly-plot')].every(plot =>
    Math.abs(plot.querySelector('.main-svg').getBoundingClientRect().width - plot.clientWidth) <= 1)"""


@pytest.mark.parametrize("which", ["report", "hostile_report"])
def test_the_report_does_not_scroll_sideways(request, which):
    seen = request.getfixturevalue(which)
    table = seen.page.locator(".scroll")
    assert not seen.scrolls_sideways()
    assert table.evaluate("table => table.scrollWidth <= table.clientWidth + 1"), "at 1280 pixels the table fits its frame"
    for width in (1024, 700, 1280):
        seen.page.set_viewport_size({"width": width, "height": 900})
        assert not seen.scrolls_sideways(), f"{width}, before its figures are drawn anew"
        wait_until(seen.page, DRAWN_TO_WIDTH)
        assert not seen.scrolls_sideways(), width
    assert seen.complaints == []


AXIS_LENGTH = "plot => plot._fullLayout.xaxis._length"


def test_on_a_phone_a_plot_with_names_beside_it_scrolls_in_its_frame_and_keeps_its_axis(report):
    page = report.page
    page.set_viewport_size({"width": 400, "height": 900})
    page.wait_for_function(DRAWN_TO_WIDTH)
    sideways = report.scrolls_sideways()
    axes = {name: page.locator(f"#{name}").evaluate(AXIS_LENGTH) for name in ("forest", "split", "heat-map")}
    map_width = page.locator("#map").evaluate("plot => plot.clientWidth")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.wait_for_function(DRAWN_TO_WIDTH)
    assert not sideways
    assert min(axes.values()) > 200, axes
    assert map_width <= 400


def test_on_a_phone_the_heat_map_of_the_app_keeps_its_cells(visit, app_url):
    seen = visit()
    seen.page.set_viewport_size({"width": 400, "height": 900})
    seen.page.goto(f"{app_url}/slices")
    plot = seen.page.locator(".js-plotly-plot").first
    plot.wait_for()
    seen.page.wait_for_function(f"({AXIS_LENGTH})(document.querySelector('.js-plotly-plot')) > 200")
    assert not seen.scrolls_sideways()


UNFOLDED = """() => {
    const folded = [...document.querySelectorAll('#details details:not([open])')];
    folded.forEach(one => one.open = true);
    const narrow = [...document.querySelectorAll('tbody tr > td:first-child')].filter(cell =>
        cell.getBoundingClientRect().width < 100).map(cell => cell.textContent);
    const wide = [...document.querySelectorAll('table')].filter(table =>
        table.getBoundingClientRect().right > innerWidth).map(table => table.textContent.slice(0, 80));
    folded.forEach(one => one.open = false);
    return [folded.length, narrow, wide];
}"""


@pytest.mark.parametrize("which", ["report", "hostile_report"])
def test_folded_tables_have_room_for_names_and_end_inside_the_page(request, which):
    folded, narrow, wide = request.getfixturevalue(which).page.evaluate(UNFOLDED)
    assert folded > 3
    assert (narrow, wide) == ([], [])


BROKEN = """() => {
    const broken = [];
    document.querySelectorAll("details").forEach(one => one.open = true);
    for (const cell of document.querySelectorAll(".sideways th, .sideways td:not(:first-child)")) {
        const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT), range = document.createRange();
        for (let node = walker.nextNode(); node; node = walker.nextNode())
            for (const word of node.data.matchAll(/[^\\s-]+/g)) {
                range.setStart(node, word.index);
                range.setEnd(node, word.index + word[0].length);
                if (new Set([...range.getClientRects()].map(box => Math.round(box.top))).size > 1) broken.push(word[0]);
            }
    }
    document.querySelectorAll("#details details").forEach(one => one.open = false);
    return broken;
}"""
"""Words of the sections' tables that stand on two lines."""


@pytest.fixture(scope="module")
def long_names(tmp_path_factory):
    attributes = {"figure_tone_of_the_person": ("dark", "light"), "kind_of_scene": ("a street", "at home", "deep forest")}
    return finished_run(tmp_path_factory.mktemp("long-names") / "run", predictions_table(600, attributes=attributes))


@pytest.mark.parametrize("width", [1200, 800])
def test_no_cell_of_a_section_breaks_inside_a_word(visit, long_names, width):
    seen = visit()
    seen.page.set_viewport_size({"width": width, "height": 900})
    seen.page.goto((long_names / "report.html").as_uri())
    assert seen.page.locator("#calibration td").count() > 50
    assert seen.page.evaluate(BROKEN) == []
    assert not seen.scrolls_sideways()


BOXES = """texts => texts.filter(text => text.textContent).map(text => {
    const box = text.getBoundingClientRect();
    return [text.textContent, box.left, box.right];
})"""


def test_names_stay_inside_their_figures(report):
    for name in FIGURES:
        outer = report.page.locator(f"#{name}").bounding_box()
        texts = report.page.eval_on_selector_all(f"#{name} .main-svg text", BOXES)
        assert texts
        for words, left, right in texts:
            assert outer["x"] - 1 <= left <= right <= outer["x"] + outer["width"] + 1, (name, words)


def test_names_of_emotions_do_not_run_into_each_other(report):
    for name in ("heat-map", "pull"):
        boxes = sorted(box for _, *box in report.page.eval_on_selector_all(f"#{name} .xtick text", BOXES))
        assert len(boxes) == 6
        assert all(right + 2 < left for (_, right), (left, _) in itertools.pairwise(boxes))


def listed(result):
    """The findings that the report's table holds: all slices of one attribute, the strongest intersections."""
    alone = result.findings["where"].map(len) == 1
    of_verdict = result.findings.assign(several=~alone).groupby("verdict")["several"].cumsum()
    return result.findings[alone | ((~alone).cumsum() <= 300) | (of_verdict <= 50)]


def test_the_table_of_the_report_is_filtered_by_words_verdict_and_repeats(report, demo_result):
    page = report.page
    shown = listed(demo_result)
    whole = f"{len(shown):,} of {len(shown):,} rows"
    visible = "document.querySelectorAll('#all tbody tr').length"
    assert page.evaluate(visible) == len(shown)
    assert page.locator("#filter-count").inner_text() == whole

    for verdict, count in shown["verdict"].value_counts().items():
        page.select_option("#filter-verdict", verdict)
        assert page.evaluate(visible) == count > 0
    page.select_option("#filter-verdict", "skewed")
    skewed = shown[shown["verdict"] == "skewed"]
    page.check("#filter-repeats")
    own = skewed[skewed["explained_by"].isna()]
    assert page.evaluate(visible) == len(own)
    page.fill("#filter-text", "DARK anger")
    both = own[own["slice"].str.contains("dark") & (own["emotion"] == "anger")]
    assert page.evaluate(visible) == len(both) > 0
    page.fill("#filter-text", "no such slice")
    assert page.locator("#filter-count").inner_text() == f"0 of {len(shown):,} rows"

    page.uncheck("#filter-repeats")
    page.select_option("#filter-verdict", "")
    for name in demo_result.run.attributes:  # whatever was sliced by is found, skewed or not
        page.fill("#filter-text", name.replace("_", " "))
        assert page.evaluate(visible) >= (shown["where"].map(list).map(lambda where, one=name: where == [one])).sum() > 0
    page.fill("#filter-text", "")
    assert page.locator("#filter-count").inner_text() == whole


def test_rows_that_the_script_makes_are_written_as_those_of_the_page(report, demo_result):
    """Formats of numbers are in two languages: the same finding must read the same in either."""
    cells = report.page.eval_on_selector_all(
        "#all tbody tr", "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    rows = list(listed(demo_result).itertuples())
    assert len(cells) == len(rows) > MOST_WRITTEN
    for row, texts in zip(rows, cells, strict=True):
        assert texts[0] == row.slice + (f"explained by {row.explained_by}" if isinstance(row.explained_by, str) else "")
        assert texts[1:3] == [row.emotion, str(row.n)]
        if not np.isnan(row.effect):
            assert texts[5] == f"{points(row.effect)} [{points(row.low)}, {points(row.high)}]"
            assert texts[4] == f"{100 * row.complement_rate:.1f}"
        assert texts[6] == probability(row.q)
        assert texts[-3:] == [points(row.label_gap), points(row.model_gap), row.verdict]


@pytest.mark.parametrize(
    ("column", "value"),
    [(2, lambda row: row.n), (5, lambda row: row.effect), (6, lambda row: row.q)],
    ids=["n", "difference", "q"],
)
def test_the_table_of_the_report_is_sorted_by_number_not_by_spelling(report, demo_result, column, value):
    head = report.page.locator("#all thead th").nth(column)
    keyed = {(row.slice, row.emotion): value(row) for row in listed(demo_result).itertuples()}
    down = sorted(keyed.values(), reverse=True)

    def order():
        rows = report.page.eval_on_selector_all(
            "#all tbody tr", "rows => rows.map(row => [row.cells[0].firstChild.textContent, row.cells[1].textContent])"
        )
        return [keyed[name, emotion] for name, emotion in rows]

    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert order() == pytest.approx(down, abs=1e-6)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert order() == pytest.approx(down[::-1], abs=1e-6)
    assert report.page.locator("#all th[aria-sort]").count() == 1


def test_clicking_a_cell_of_the_report_shows_the_pictures_behind_it(report, demo_result):
    page = report.page
    row, count = told_cell(demo_result)
    page.set_viewport_size({"width": 1280, "height": 1600})
    click_cell(page, "#heat-map", row)
    page.get_by_text(f"{count} of the {row['n']} pictures with {row['slice']} are predicted as {row['emotion']}").wait_for()
    names = page.locator("#behind code").all_inner_texts()
    inside = demo_result.samples[demo_result.samples["predicted"] == row["emotion"]]
    assert len(names) == min(count, 3)
    assert set(names) <= set(inside["image_id"])
    page.locator("#behind-emotion").select_option(index=0)
    page.get_by_text(f"Of the {row['n']} pictures with {row['slice']}, those furthest from their labels:").wait_for()
    page.locator("#behind-slice").select_option(index=0)
    assert page.locator("#behind *").count() == 0
    page.set_viewport_size({"width": 1280, "height": 900})
    assert report.complaints == []


def test_the_pictures_behind_a_finding_unfold(report):
    details = report.page.locator("ol.sentences details").first
    assert not details.locator("li").first.is_visible()
    details.locator("summary").click()
    assert details.locator("li").first.is_visible()


BEYOND = """() => {
    const width = document.documentElement.clientWidth, beyond = [], what = '.main-svg, .main-svg text, .main-svg .point';
    for (const one of document.querySelectorAll(`${what}, table, td, th, img, p, li, code, h1, h2`)) {
        const { left, right, width: wide } = one.getBoundingClientRect();
        if (wide && (right > width + 1 || left < -1)) beyond.push([one.tagName, one.textContent.slice(0, 40), left, right]);
    }
    return beyond;
}"""
APART = """() => [...document.querySelectorAll('.whole')].filter(one =>
    getComputedStyle(one).breakInside !== 'avoid' || one.getBoundingClientRect().height > 1032
    || !one.querySelector('h3') || !one.querySelector('.js-plotly-plot')).length"""
LEFT_BEHIND = """() => [...document.querySelectorAll('.js-plotly-plot')].map(plot => plot.parentElement)
    .map(block => block.previousElementSibling).filter(one => one && ['P', 'UL', 'H3'].includes(one.tagName))
    .filter(one => getComputedStyle(one).breakAfter !== 'avoid').map(one => one.textContent.slice(0, 60))"""
CUT_CARDS = """() => [...document.querySelectorAll('.card')].filter(card => {
    const parts = [...card.children], kept = parts.slice(0, parts.findIndex(one => one.tagName === 'DETAILS'));
    const style = kept.map(one => getComputedStyle(one)), last = kept.length - 1;
    const height = kept[last].getBoundingClientRect().bottom - kept[0].getBoundingClientRect().top;
    return height > 1032 || style.some(one => one.breakInside !== 'avoid')
        || style.slice(0, last).some(one => one.breakAfter !== 'avoid') || style[last].breakAfter !== 'auto';
}).map(card => card.textContent.slice(0, 60))"""
"""Cards of which heading, sentence, chart and pictures need not be on one sheet, or all of the rest has to be as well."""
PRINTED = "addEventListener('resize', event => document.body && event.stopImmediatePropagation(), true)"
"""Printing lays the page out anew without telling it that it was resized: figures are not drawn anew."""


@pytest.mark.parametrize("which", ["demo", "hostile"])
def test_on_paper_nothing_of_everything_is_cut(visit, demo, hostile_run, tmp_path, which):
    run = demo.audit if which == "demo" else hostile_run
    page = visit().page
    page.add_init_script(PRINTED)
    page.goto((run / "report.html").as_uri() + "#everything")
    wait_until(page, ALL_DRAWN)
    drawn = page.pdf(path=tmp_path / "report.pdf", format="A4", print_background=True)
    assert drawn.startswith(b"%PDF")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 703, "height": 1032})  # A4 within margins of 12 mm, at 96 pixels an inch
    page.wait_for_timeout(300)
    assert page.evaluate(BEYOND) == []
    tall = page.eval_on_selector_all(".js-plotly-plot", "plots => plots.map(plot => plot.getBoundingClientRect().height)")
    assert 0 < max(tall) <= 1032, "a figure fits a page"
    for plot in page.locator(".js-plotly-plot").all():
        outer, inner = plot.bounding_box(), plot.locator(".main-svg").first.bounding_box()
        assert inner["height"] <= outer["height"] + 1, "what follows does not lie upon a figure"
    assert page.locator(".whole").count() >= 1
    assert page.evaluate(APART) == 0, "a figure and its heading are on one page"
    assert page.evaluate(LEFT_BEHIND) == [], "what leads to a figure stays on its page"
    assert not page.locator(".filters").first.is_visible()
    assert page.evaluate(CUT_CARDS) == [], "a card may be cut before what was folded, never between sentence and chart"
    first = page.locator(".card figure").first.bounding_box()
    assert first["y"] + first["height"] < 1032, "the first card's chart is on the first sheet"
    if shutil.which("pdftoppm"):
        subprocess.run(["pdftoppm", "-r", "40", "-gray", tmp_path / "report.pdf", tmp_path / "page"], check=True)
        for path in tmp_path.glob("page*.pgm"):
            ink = np.asarray(Image.open(path)) < 200
            margin = int(ink.shape[1] * 10 / 210)
            assert not ink[:, :margin].any()
            assert not ink[:, -margin:].any(), f"{path.name}: something is drawn into the margin, where paper ends"


def test_hostile_data_run_nothing_and_load_nothing_in_the_browser(hostile_report, hostile_run):
    page = hostile_report.page
    assert page.locator("img:not(.js-plotly-plot img)").count() == 0
    assert page.locator("h1").count() == 1
    assert hostile_report.requests == [(hostile_run / "report.html").as_uri()]
    assert hostile_report.complaints == []
    names = page.locator("#all tbody tr td:first-child").all_inner_texts()
    for value in HOSTILE:
        assert any(" ".join(value.split()) in " ".join(name.split()) for name in names), value


def test_names_on_figures_are_shown_letter_by_letter(hostile_report, hostile_run):
    ticks = hostile_report.page.locator("#heat-map .ytick text").all_text_contents()
    names = load_audit(hostile_run).slices.query("order == 1")["slice"]
    assert sorted(ticks) == sorted(name if len(name) <= 46 else name[:45].rstrip() + "…" for name in names)
