"""The app, page by page, on finished audits: what it shows is what was saved, and nothing makes it fall over."""

from __future__ import annotations

import html
import re
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from affect_workbench.analyses.audit.result import SCHEMA
from affect_workbench.workbench.interface.numbers import markdown_text, probability
from affect_workbench.workbench.report.cards.every_attribute import cards_of, finding_card
from affect_workbench.workbench.report.figures.map import colourings
from affect_workbench.workbench.report.first_page.headline import headline
from affect_workbench.workbench.report.first_page.tiles import first_tiles
from affect_workbench.workbench.report.sentences import samples_in
from affect_workbench.workbench.runs.store import load_audit, save_audit
from workbench_runs import CELLS, HOSTILE, audited, finished_run, predictions_table

pytest_plugins = ["workbench_fixtures"]

APP = Path(__file__).resolve().parents[3] / "workbench" / "app.py"
PAGES = ("overview", "slices", "space", "run")


@pytest.fixture
def opened(monkeypatch):
    """Opens the app on a run (or on a folder of runs), on one of its pages."""

    def open_app(page="overview", *, run="", runs="nowhere"):
        app = AppTest.from_file(str(APP), default_timeout=60)
        if page != "overview":
            # An app must have run once before it can switch pages: without an audit its first page is drawn at once.
            monkeypatch.setenv("WORKBENCH_RUN", "")
            monkeypatch.setenv("WORKBENCH_RUNS", "nowhere")
            folder = "people" if page in ("review", "label") else "audit"
            app = app.run().switch_page(f"views/pages/{folder}/{page}.py")
        monkeypatch.setenv("WORKBENCH_RUN", str(run))
        monkeypatch.setenv("WORKBENCH_RUNS", str(runs))
        return app.run()

    return open_app


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder of small runs of every kind."""
    root = tmp_path_factory.mktemp("runs")
    finished_run(root / "votes-less", predictions_table(300, bias=0.9).drop(columns="label"))
    finished_run(root / "labels-only", predictions_table(300, scores=False))
    finished_run(root / "quiet", predictions_table(200, bias=0.0, seed=3))
    finished_run(root / "hostile", predictions_table(400, bias=0.9, attributes={"tone": HOSTILE, "a <b>": ("x", "y")}))
    finished_run(root / "tiny", predictions_table(12, attributes={"tone": ("dark", "light")}))
    finished_run(root / "one-order", predictions_table(900, bias=0.9, attributes={"tone": ("dark", "light")}))
    return root


def words(app):
    """Everything that a page says."""
    kinds = (app.title, app.header, app.subheader, app.markdown, app.caption, app.info, app.warning, app.error, app.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def multiselect(app, label):
    (found,) = [box for box in app.multiselect if box.label == label]
    return found


def selectbox(app, label):
    (found,) = [box for box in app.selectbox if box.label == label]
    return found


def table(app, column):
    """The one table that has the column."""
    (found,) = [frame.value for frame in app.dataframe if column in frame.value]
    return found


def pictures(app):
    return table(app, "picture").rename(columns={"picture": "image_id"})


def galleries(app):
    """The pictures of each `st.image` (newer Streamlits call the element `image`, older ones `imgs`)."""
    return [element.proto.imgs for kind in ("image", "imgs") for element in app.get(kind)]


def address(app):
    """The parameters of the address, each as often as it is there."""
    return {name: [value] if isinstance(value, str) else list(value) for name, value in app.query_params.items()}


def told(result):
    """The headline of an audit as the app writes it."""
    return markdown_text(headline(result))


def healthy(app):
    assert not app.exception, [error.message for error in app.exception]
    assert not app.error
    return app


# Every page of every kind of run


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", ["votes-less", "labels-only", "quiet", "hostile", "tiny", "one-order"])
def test_every_page_opens_on_every_kind_of_run(opened, runs, kind, page):
    app = healthy(opened(page, run=runs / kind))
    assert app.title


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_on_the_demo(opened, demo, page):
    healthy(opened(page, run=demo.audit))


# Which run


def test_the_newest_run_comes_first_and_another_can_be_chosen(opened, runs, tmp_path):
    import os

    for name, seconds in (("quiet", 1_000), ("one-order", 2_000)):
        shutil.copytree(runs / name, tmp_path / name)
        os.utime(tmp_path / name / "COMPLETE.json", (seconds, seconds))
    app = healthy(opened(runs=tmp_path))
    assert selectbox(app, "Run").options == ["one-order", "quiet"]
    assert app.title[0].value == told(load_audit(runs / "one-order"))
    app = healthy(selectbox(app, "Run").select_index(1).run())
    assert app.title[0].value == told(load_audit(runs / "quiet"))
    app = healthy(app.switch_page("views/pages/audit/run.py").run())
    assert str(load_audit(runs / "quiet").run.created) in app.table[0].value.to_string()


def test_the_run_that_was_asked_for_is_opened_beside_the_others(opened, runs, demo):
    app = healthy(opened(run=demo.audit, runs=runs))
    assert len(selectbox(app, "Run").options) == 7
    assert app.title[0].value == told(load_audit(demo.audit))


def test_without_runs_the_app_says_how_to_make_one(opened, tmp_path):
    app = healthy(opened(runs=tmp_path))
    assert app.title[0].value == "Runs"
    assert "`workbench demo`" in app.info[0].value
    assert str(tmp_path) in app.info[0].value
    app = healthy(app.switch_page("views/pages/audit/slices.py").run())
    assert app.title[0].value == "No audit to show yet"
    assert str(tmp_path) in app.info[0].value


def test_a_run_that_is_gone_is_one_clear_line(opened, tmp_path):
    app = opened(run=tmp_path / "gone")
    assert not app.exception
    assert [error.value.startswith("This run cannot be opened:") for error in app.error] == [True]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("damage", ["no marker", "short file", "another schema", "scrambled"])
def test_a_damaged_run_is_one_clear_line_on_every_page(opened, runs, tmp_path, damage, page):
    run = tmp_path / damage
    shutil.copytree(runs / "quiet", run)
    if damage == "no marker":
        (run / "COMPLETE.json").unlink()
    elif damage == "short file":
        (run / "samples.parquet").write_bytes((run / "samples.parquet").read_bytes()[:-7])
    elif damage == "scrambled":
        (run / "samples.parquet").write_bytes(b"?" * (run / "samples.parquet").stat().st_size)
    else:
        text = (run / "audit.json").read_text(encoding="utf-8")
        (run / "audit.json").write_text(text.replace(f'"schema": {SCHEMA}', '"schema": 8', 1), encoding="utf-8")
    app = opened(page, run=run)
    assert not app.exception
    (error,) = app.error
    assert error.value.startswith("This run cannot be opened:")
    assert "\n" not in error.value
    assert not app.dataframe


def test_a_run_that_was_made_again_is_read_again(opened, tmp_path):
    run = finished_run(tmp_path / "run", predictions_table(200, bias=0.0, seed=3), **CELLS)
    before = opened(run=run).title[0].value
    result = audited(predictions_table(900, bias=0.9), **CELLS)
    save_audit(result, run, overwrite=True)
    after = healthy(opened(run=run)).title[0].value
    assert after == told(result) != before


# Overview


def cards(app):
    """The texts of the cards on a page."""
    return [re.sub(r"[ \n]+", " ", html.unescape(re.sub(r"<[^>]+>", " ", part))).strip() for part in card_bodies(app)]


def card_bodies(app):
    return [element.proto.body for element in app.get("html") if '<article class="card"' in element.proto.body]


def begins(card):
    """How the text of a card begins."""
    return f"{card.title} {card.verdict} {card.sentence}".replace(" %", "\u00a0%")


def test_the_overview_is_the_first_page_of_the_report(opened, demo, demo_result):
    app = healthy(opened(run=demo.audit))
    assert app.title[0].value == told(demo_result)
    expected = cards_of(demo_result)
    assert {metric.label: metric.value for metric in app.metric} == {
        tile.what: f"{tile.count:,}" for tile in first_tiles(demo_result, expected)
    }
    for shown, card in zip(cards(app), expected, strict=True):
        assert shown.startswith(
            f"{card.title} {card.verdict} {html.escape(card.sentence, quote=False)}".replace(" %", "\u00a0%")
        )


def test_a_card_leads_to_its_slice_and_emotion(opened, demo, demo_result):
    app = healthy(opened(run=demo.audit))
    links = [link.proto.query_string for link in app.get("page_link")]
    for link, card in zip(links, cards_of(demo_result), strict=True):
        assert parse_qs(link) == {
            "run": address(app)["run"],
            "attribute": [card.attribute],
            **({"slice": [card.slice], "emotion": [card.emotion]} if card.slice else {}),
        }


def test_the_overview_repeats_the_notes(opened, runs):
    said = words(healthy(opened(run=runs / "votes-less"))).replace("\\", "")
    assert "no labels or votes" in said


def test_the_overview_of_a_quiet_run_does_not_claim_that_there_is_no_bias(opened, runs):
    said = words(healthy(opened(run=runs / "quiet")))
    assert "This does not prove the absence of bias" in said


def shows(row, inside):
    """The pictures that show a skew: read so where it is read so more often, else labelled so and not read so."""
    read_so = inside["predicted"] == row["emotion"]
    return inside[read_so] if row["effect"] > 0 else inside[(inside["label"] == row["emotion"]) & ~read_so]


def opened_at(opened, run, row, **more):
    """The page Slices with a finding in the address."""
    app = opened("slices", run=run)
    for name, value in {"slice": row["slice"], "emotion": row["emotion"], **more}.items():
        app.query_params[name] = value
    return healthy(app.run())


def test_the_pictures_behind_a_finding_are_those_that_were_read_so(opened, demo, demo_result):
    own = demo_result.findings.query("verdict == 'skewed' and effect > 0")
    row = own.iloc[0]
    app = opened_at(opened, demo.audit, row)
    shown = pictures(app)
    expected = shows(row, samples_in(demo_result, row["where"]))
    assert sorted(shown["image_id"]) == sorted(expected["image_id"])
    assert set(shown["predicted"]) == {row["emotion"]}
    assert shown["agreement"].is_monotonic_increasing, "those that contradict their label come first"
    assert f"{len(expected):,} pictures" in words(app)


@pytest.mark.parametrize("page", ["slices", "review"])
def test_the_pictures_behind_a_deficit_ought_to_be_read_so_and_are_not(opened, tmp_path, page):
    table = predictions_table(1_500, attributes={"tone": ("dark", "light")}, bias=0.6)
    run = finished_run(tmp_path / "run", table, **CELLS, causes=False)
    result = load_audit(run)
    own = result.findings[(result.findings["verdict"] == "skewed") & result.findings["explained_by"].isna()]
    at = int(np.flatnonzero((own["effect"] < 0) & (own["slice"] == "tone: dark"))[0])
    row = own.iloc[at]
    app = opened_at(opened, run, row) if page == "slices" else healthy(opened(page, run=run))
    for _ in range(at if page == "review" else 0):
        app = healthy(next(button for button in app.button if button.label.startswith("Next")).click().run())
    shown = pictures(app)
    assert set(shown["label"]) == {row["emotion"]}
    assert row["emotion"] not in set(shown["predicted"])
    assert sorted(shown["image_id"]) == sorted(shows(row, samples_in(result, row["where"]))["image_id"])


def test_pictures_are_shown_where_their_files_are_there_and_open_in_full_size(opened, tmp_path):
    from PIL import Image

    rows_ = predictions_table(300, bias=0.9, attributes={"tone": ("dark", "light")})
    rows_["path"] = [str(tmp_path / f"{name}.png") for name in rows_["image_id"]]
    dark = rows_[(rows_["tone"] == "dark") & (rows_["predicted"] == "anger")]
    for path in dark["path"].head(3):
        Image.new("RGB", (8, 8), "#884400").save(path)
    run = finished_run(tmp_path / "run", rows_, **CELLS)
    app = opened_at(opened, run, {"slice": "tone: dark", "emotion": "anger"})
    names = [button.key for button in app.button if (button.key or "").startswith("pictures-behind ")]
    said = [button.label.replace("\\", "") for button in app.button if button.key in names]
    assert sorted(said) == sorted(f"predicted as anger, labelled {label}" for label in dark["label"].head(3))
    assert "path" not in pictures(app)
    shown = dark["image_id"].head(3).tolist()
    app = healthy(app.button(key=names[0]).click().run())
    (first,) = [name for name in shown if f"**{markdown_text(name)}**" in words(app)]
    assert "1 of 3 in the order shown" in words(app)
    assert "Neither votes nor scores are known of it." in words(app)
    assert first in shown


def test_hostile_values_are_shown_as_they_are(opened, runs):
    """Escaped in running text and in cards; option lists and tables show text as it is."""
    app = healthy(opened(run=runs / "hostile"))
    body = "\n".join(card_bodies(app))
    for value in HOSTILE:
        assert value not in words(app), "unescaped"
        assert value in html.unescape(body)
        assert html.escape(value) == value or value not in body, "unescaped"


# Slices


def test_all_findings_are_in_the_rows_and_filters_narrow_it(opened, demo, demo_result):
    app = healthy(opened("slices", run=demo.audit))
    findings = demo_result.findings
    assert len(table(app, "verdict")) == len(findings)
    assert f"{len(findings):,} of {len(findings):,} pairs." in words(app)

    app = healthy(multiselect(app, "Verdicts").set_value(["skewed"]).run())
    skewed = findings.query("verdict == 'skewed'")
    assert table(app, "verdict")["slice"].tolist() == skewed["slice"].tolist()
    app = healthy(multiselect(app, "Emotions").set_value(["fear"]).run())
    assert set(table(app, "verdict")["emotion"]) == {"fear"}
    app = healthy(multiselect(app, "Attributes").set_value(["light"]).run())
    expected = skewed[(skewed["emotion"] == "fear") & skewed["where"].map(lambda where: "light" in where)]
    assert table(app, "verdict")["slice"].tolist() == expected["slice"].tolist()
    assert len(expected)
    (hide,) = app.checkbox
    app = healthy(hide.check().run())
    assert table(app, "verdict")["slice"].tolist() == expected[expected["explained_by"].isna()]["slice"].tolist()


def test_the_rows_is_in_points(opened, demo, demo_result):
    shown = table(healthy(opened("slices", run=demo.audit)), "verdict")
    first = demo_result.findings.iloc[0]
    assert shown.loc[0, "difference"] == pytest.approx(100 * first["effect"])
    assert shown.loc[0, "rate %"] == pytest.approx(100 * first["rate"])
    assert shown.loc[0, "complement %"] == pytest.approx(100 * first["complement_rate"])
    assert shown["q"].str.strip().tolist() == [probability(q) for q in demo_result.findings["q"]]
    by_text, known = shown["q"].sort_values(kind="stable").index, demo_result.findings["q"].notna()
    assert demo_result.findings["q"].round(3)[by_text][known[by_text]].is_monotonic_increasing
    assert list(shown) == [
        "slice",
        "emotion",
        "verdict",
        "n",
        "rate %",
        "complement %",
        "difference",
        "interval",
        "q",
        "label gap",
        "model gap",
    ]


def test_columns_are_shown_in_words_on_every_page(opened, tmp_path):
    names = ("figure_tone", "scene_kind")
    table_of = predictions_table(400, bias=0.9, attributes={names[0]: ("dark", "light"), names[1]: ("a_b", "c", "d")})
    table_of.loc[:20, "scene_kind"] = None
    noise = np.random.default_rng(0).normal(size=len(table_of))
    measured = table_of.assign(mean_light=noise - 2.0 * (table_of["figure_tone"] == "dark"))
    run = finished_run(tmp_path / "run", measured, map_pictures=100, outcomes=("mean_light",), adjust_for=("scene_kind",))
    for page in ("overview", "slices", "space", "review", "disparities", "run"):
        app = healthy(opened(page, run=run))
        headers = {str(column) for frame in app.dataframe for column in frame.value}
        said = [words(app), *headers, *(str(option) for box in app.selectbox for option in box.options)]
        if page != "run":
            said += [frame.value.astype(str).to_csv(index=False) for frame in app.dataframe]
        for name in (*names, "mean_light"):
            assert not any(name in one for one in said), page
    shown = table(healthy(opened("review", run=run)), "scene kind")
    assert set(shown["scene kind"].dropna()) == {"a_b", "c", "d"}, "values are the data’s own"


def test_filters_that_leave_nothing_leave_an_empty_table(opened, runs):
    app = healthy(opened("slices", run=runs / "quiet"))
    app = healthy(multiselect(app, "Verdicts").set_value(["skewed"]).run())
    assert len(table(app, "verdict")) == 0
    assert "0 of " in words(app)


def test_a_finding_in_the_address_opens_its_card_and_its_pictures(opened, demo, demo_result):
    row = demo_result.findings.iloc[2]
    app = opened_at(opened, demo.audit, row)
    (shown,) = cards(app)
    card = finding_card(demo_result, 2)
    assert shown.startswith(begins(card))
    assert "80 % power" in words(app)
    inside = samples_in(demo_result, row["where"])
    assert sorted(pictures(app)["image_id"]) == sorted(shows(row, inside)["image_id"])
    (which,) = [radio for radio in app.radio if radio.label == "Show"]
    app = healthy(which.set_value("all in the slice").run())
    assert len(pictures(app)) == min(len(inside), 1_000)


def test_what_is_chosen_is_in_the_address_and_stays_on_other_pages(opened, demo, demo_result):
    row = demo_result.findings.iloc[0]
    app = healthy(opened("slices", run=demo.audit))
    app = healthy(selectbox(app, "Slice").set_value(row["slice"]).run())
    app = healthy(selectbox(app, "Emotion").set_value(row["emotion"]).run())
    app = healthy(multiselect(app, "Verdicts").set_value(["equivalent"]).run())
    chosen = {"slice": [row["slice"]], "emotion": [row["emotion"]], "verdict": ["equivalent"]}
    assert {name: address(app)[name] for name in chosen} == chosen
    assert len(cards(app)) == 1, "a filter takes nothing away that is open"
    assert "these filters do not list it" in words(app)
    app = app.switch_page("views/pages/audit/run.py")
    app.query_params.clear()  # as a link of the navigation leaves it
    app = healthy(app.run())
    assert {name: address(app)[name] for name in chosen} == chosen


def test_a_slice_of_another_attribute_stays_open(opened, demo, demo_result):
    row = demo_result.findings.iloc[0]
    other = next(name for name in demo_result.run.attributes if name not in row["where"])
    app = opened_at(opened, demo.audit, row, attribute=other)
    assert len(cards(app)) == 1
    assert "it stays open until you choose" in words(app)


def test_what_the_address_names_and_the_run_does_not_have_is_one_line(opened, demo):
    app = opened_at(opened, demo.audit, {"slice": "tone: <b>none</b>", "emotion": "anger"})
    (warning,) = app.warning
    assert warning.value == markdown_text("The address names tone: <b>none</b> as slice, which this run does not have.")
    assert cards(app) == []


def test_intersections_have_a_heat_map_of_their_own(opened, demo):
    app = healthy(opened("slices", run=demo.audit))
    (order,) = [radio for radio in app.radio if radio.label == "Slices of"]
    assert order.options == ["one attribute", "2 attributes together"]
    app = healthy(order.set_value(2).run())
    assert app.get("plotly_chart")


# Space


def test_the_map_can_be_coloured_by_everything_that_is_known(opened, demo, demo_result):
    app = healthy(opened("space", run=demo.audit))
    box = selectbox(app, "Colour by")
    assert box.options == [name.replace("_", " ") for name in colourings(demo_result)]
    assert {"predicted", "label", "figure tone"} <= set(box.options)
    for colour in ("figure_tone", "prediction margin", "agreement with the truth"):
        healthy(selectbox(app, "Colour by").set_value(colour).run())


def test_pictures_of_a_slice_and_an_emotion_can_be_asked_for(opened, demo, demo_result):
    app = healthy(opened("space", run=demo.audit))
    assert [frame for frame in app.dataframe if "picture" in frame.value] == []
    app = healthy(selectbox(app, "In slice").set_value("figure tone: dark and light: night").run())
    app = healthy(selectbox(app, "Predicted as").set_value("anger").run())
    inside = samples_in(demo_result, {"figure_tone": "dark", "light": "night"})
    expected = inside[inside["predicted"] == "anger"]["image_id"]
    assert sorted(pictures(app)["image_id"]) == sorted(expected)


def test_the_distances_of_every_single_slice_are_listed(opened, demo, demo_result):
    shown = table(healthy(opened("space", run=demo.audit)), "accuracy")
    assert shown["slice"].tolist() == demo_result.slices.query("order == 1")["slice"].tolist()
    assert shown["accuracy"].between(0.4, 1).all()


def test_label_only_predictions_have_no_map_and_say_so(opened, runs):
    app = healthy(opened("space", run=runs / "labels-only"))
    assert "There is no map" in words(app)
    assert "there are no distances" in words(app)
    assert not app.get("plotly_chart")


def test_an_empty_selection_is_said_to_be_empty(opened, tmp_path):
    result = audited(predictions_table(120, attributes={"tone": ("dark", "light")}, bias=1.0), **CELLS)
    samples = result.samples.assign(predicted=np.where(result.samples["tone"] == "dark", "anger", "joy"))
    save_audit(replace(result, samples=samples), tmp_path / "run")
    app = healthy(opened("space", run=tmp_path / "run"))
    app = healthy(selectbox(app, "In slice").set_value("tone: dark").run())
    app = healthy(selectbox(app, "Predicted as").set_value("joy").run())
    assert [info.value for info in app.info] == ["No picture is in this selection."]


# Run


def test_the_run_page_says_where_the_numbers_come_from(opened, demo, demo_result):
    app = healthy(opened("run", run=demo.audit))
    assert app.code[0].value == demo_result.run.provenance["command"]
    facts = app.table[0].value.to_string()
    for name in ("features_fingerprint", "probe_fingerprint"):
        assert demo_result.run.provenance[name] in facts
    assert demo_result.run.created in facts
    assert "ekman6" in facts


def test_the_run_page_lists_what_was_left_out(opened, runs):
    result = load_audit(runs / "hostile")
    app = healthy(opened("run", run=runs / "hostile"))
    heading = "Exclusions and reasons"
    assert heading in {header.value for header in app.header}
    assert f"<h2>{heading}</h2>" in (runs / "hostile" / "report.html").read_text(encoding="utf-8")
    if result.excluded.empty:
        assert "Nothing: every attribute" in words(app)
    else:
        assert table(app, "reason")["name"].tolist() == result.excluded["name"].tolist()
    app = healthy(opened("run", run=runs / "tiny"))
    assert len(table(app, "reason")) == len(load_audit(runs / "tiny").excluded) > 0


def test_what_was_stated_of_the_system_stands_on_the_run_page_and_its_warning_before_the_findings(opened, tmp_path):
    result = audited(predictions_table(200, bias=0.0, seed=3), **CELLS)
    card = {"purpose": HOSTILE[0], "used_at": ["work"], "contact": HOSTILE[3]}
    save_audit(replace(result, run=replace(result.run, provenance={"system": card})), tmp_path / "run")
    app = healthy(opened("run", run=tmp_path / "run"))
    said = words(app)
    for value in (HOSTILE[0], HOSTILE[3]):
        assert markdown_text(value) in said
    assert "Not stated: name, version" in said.replace("\\", "")
    assert "tone: a column of the data; 2 values of" in said.replace("\\", "")
    app = healthy(opened(run=tmp_path / "run"))
    assert "The stated use is at work." in app.warning[0].value.replace("\\", "")


def test_findings_and_report_can_be_taken_away(opened, demo):
    app = healthy(opened("run", run=demo.audit))
    assert [button.label for button in app.get("download_button")] == ["Findings (CSV)", "Report (HTML, opens offline)"]


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("localhost", port)) == 0


def test_whoever_ends_the_command_ends_the_server(runs):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "affect_workbench", "app", str(runs / "quiet"), "--headless", "--port", str(port)]
    with subprocess.Popen(command, cwd=APP.parents[1], stdout=subprocess.DEVNULL) as server:
        deadline = time.monotonic() + 120
        while not answers(port) and server.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
        assert answers(port)
        server.terminate()
        server.wait(60)
    assert not answers(port)
