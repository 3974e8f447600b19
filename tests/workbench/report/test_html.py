"""The report: one file that opens offline, says everything in words, and shows data without ever running it."""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from dataclasses import replace
from html import unescape

import numpy as np
import pandas as pd
import pytest
from plotly.offline import get_plotlyjs

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.outcomes import run_outcome_audit
from affect_workbench.analyses.inference.verdicts import VERDICTS
from affect_workbench.analyses.skew.findings import on_its_own
from affect_workbench.data.datasets.measurements import Measurements
from affect_workbench.data.predictions import predictions_from_table
from affect_workbench.workbench.interface import style
from affect_workbench.workbench.interface.options import as_shown
from affect_workbench.workbench.interface.style import CONFIG
from affect_workbench.workbench.report.findings_list import MOST_WRITTEN, findings_list
from affect_workbench.workbench.report.first_page.headline import headline, outcome
from affect_workbench.workbench.report.first_page.outcome import cause_outcome
from affect_workbench.workbench.report.html import MOST_BYTES, report_html
from affect_workbench.workbench.report.sections import report_sections
from affect_workbench.workbench.report.sentences import VERDICT_MEANING, plain_sentence
from affect_workbench.workbench.runs.store import load_audit
from pages import LIMIT, Page, placed
from workbench_runs import CELLS, HOSTILE, audited, predictions_table

pytest_plugins = ["workbench_fixtures"]

LOADS = {
    "script": "src",
    "link": "href",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "object": "data",
    "embed": "src",
    "image": "href",
    "use": "href",
    "base": "href",
    "form": "action",
    "input": "src",
}
"""Elements that make a browser fetch something, or send something, and the attribute that says from where."""


def decorated_result(values):
    """Four values as attribute names and values, ids, labels, notes and provenance."""
    table = predictions_table(
        600, labels=(*values, "joy", "anger"), attributes={f"tone {values[0]}": values, "place": ("x", "y")}, bias=0.9
    )
    table["image_id"] = [f"{values[number % 4]} {number}" for number in range(600)]
    table["only"] = values[1]
    result = placed(audited(table))
    told = {"command": f"workbench audit {values[1]}", "features": values[0]}
    return replace(result, run=replace(result.run, notes=tuple(values), source=values[2], provenance=told))


@pytest.fixture(scope="module")
def page(demo):
    return (demo.audit / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def hostile_page():
    return report_html(decorated_result(HOSTILE))


# The file


def test_the_same_audit_always_gives_the_same_bytes(demo, demo_result, page):
    assert report_html(demo_result) == page
    assert report_html(load_audit(demo.audit)) == page


def test_plotly_is_in_it_exactly_once_and_whole(page):
    assert page.count(get_plotlyjs()) == 1
    assert page.count("plotly.js v") == get_plotlyjs().count("plotly.js v")


def test_it_is_under_six_megabytes(page):
    assert MOST_BYTES == LIMIT
    assert len(page.encode()) < LIMIT


def test_a_nasty_big_audit_stays_under_six_megabytes_and_says_what_is_not_drawn(nasty_big_result):
    result = nasty_big_result
    big = report_html(result)
    assert len(big.encode()) < LIMIT
    text = Page(big).text
    single = int((result.findings["where"].map(len) == 1).sum())
    assert f"all {single:,} rows of slices of one attribute and the" in text, re.findall("The table holds.{0,200}", text)
    assert f"All {len(result.findings):,} are in audit.json" in text
    assert len(listed_rows(big)) > single
    assert re.search(r"[\d,]+ of these are drawn here; the app draws all", text)
    assert f"{len(result.excluded):,} items" in text


def test_long_attribute_values_keep_the_report_under_six_megabytes():
    labels = tuple(f"feeling {number}" for number in range(25))
    attributes = {f"caption {side}": tuple(f"{value:02d} " + "long " * 60 for value in range(40)) for side in "ab"}
    result = audited(predictions_table(4_000, labels=labels, attributes=attributes), order=1)
    assert len(report_html(result).encode()) < LIMIT


def test_a_browser_would_fetch_nothing(page):
    for tag, attributes in Page(page).elements:
        assert not attributes.get(LOADS.get(tag, "")), (tag, attributes)
        for name, value in attributes.items():
            assert name != "srcset"
            assert not (value or "").strip().lower().startswith(("http:", "https:", "//")), (tag, name, value)
    styles = "".join(re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL))
    assert styles
    assert "@import" not in styles
    assert "url(" not in styles


def test_its_policy_forbids_the_network(page):
    (policy,) = [meta["content"] for meta in Page(page).having("meta") if "http-equiv" in meta]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "connect-src" not in policy


def test_links_lead_to_sections_that_exist(page):
    parsed = Page(page)
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [link["href"] for link in parsed.having("a")]
    assert len(links) >= 8
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_making_a_report_changes_no_setting_of_the_figures(monkeypatch):
    monkeypatch.setattr(style, "CONFIG", {**CONFIG, "plotlyServerURL": ""})
    before = copy.deepcopy(CONFIG)
    report_html(audited(predictions_table(60)))
    assert before == CONFIG


# What it says


def test_headline_and_outcome_stand_at_the_top_in_words(demo_result, page):
    text = Page(page[page.index("<header") :]).text
    told = cause_outcome(demo_result)
    assert headline(demo_result) == told.headline
    assert text.index(told.headline) < text.index(told.lead) < text.index(demo_result.headline) < text.index("Findings")
    assert f"<title>Bias audit: {told.headline}</title>" in page
    assert f"<h1>{told.headline}</h1>" in page


def test_without_a_search_for_causes_the_headline_counts_pairs():
    result = audited(predictions_table(400, bias=0.9), causes=False)
    assert cause_outcome(result) is None
    page = report_html(result)
    assert f"<h1>{result.headline}</h1>" in page
    assert outcome(result) in Page(page).text


def test_each_verdict_is_explained_with_its_count(demo_result, page):
    text = Page(page).text
    for verdict in VERDICTS:
        assert f"{demo_result.count(verdict):,} {verdict} {VERDICT_MEANING[verdict]}" in text or (
            f"{demo_result.count(verdict):,} {verdict}{VERDICT_MEANING[verdict]}" in text
        )
    assert "“Undetermined” and “too small” mean that neither bias nor its absence is shown." in text


def test_each_own_skew_is_one_sentence(demo_result, page):
    text = Page(page).text
    own = demo_result.findings.query("verdict == 'skewed'")
    own = own[own["explained_by"].isna()]
    assert 0 < len(own) <= 15
    for row in own.itertuples():
        assert plain_sentence(row) in text


def test_pictures_behind_a_finding_are_named(demo_result, page):
    assert page.count("pictures behind it") == len(
        demo_result.findings.query("verdict == 'skewed'").pipe(lambda rows: rows[on_its_own(rows)])
    )
    named = re.findall(r"<li><code>(.*?)</code> predicted as (\w+), labelled (\w+)</li>", page)
    samples = demo_result.samples.set_index("image_id")
    assert len(named) > 20
    for identity, predicted, label in named:
        assert (samples.loc[identity, "predicted"], samples.loc[identity, "label"]) == (predicted, label)


def test_an_audit_that_found_nothing_says_so_and_does_not_call_it_unbiased(quiet_demo):
    text = Page((quiet_demo.audit / "report.html").read_text(encoding="utf-8")).text
    assert "Nothing is called skewed." in text
    assert "This does not prove the absence of bias" in text
    assert "Label gap or model gap?" not in text


def listed_rows(page):
    """(slice, emotion, verdict) of every row of the table, those that are written out and those that the script makes."""
    body = page[page.index("<tbody>", page.index('<table id="all">')) :]
    body = body[: body.index("</tbody>")]
    written = re.findall(
        r'<td>([^<]*)(?:<small>.*?)?</td><td>([^<]*)</td><td class="n">(?:(?!</tr>).)*<td class="[a-z-]+">([^<]*)</td></tr>',
        body,
        flags=re.DOTALL,
    )
    kept = json.loads(re.search(r'id="more-findings">(.*?)</script>', page, flags=re.DOTALL)[1])
    later = [(kept["slices"][row[0]], kept["emotions"][row[1]], kept["verdicts"][row[3]]) for row in kept["rows"]]
    return [tuple(unescape(one) for one in row) for row in written] + later


def test_the_table_holds_every_slice_of_one_attribute_and_the_strongest_intersections(demo_result, page):
    findings = demo_result.findings
    alone = findings["where"].map(len) == 1
    of_verdict = findings.assign(several=~alone).groupby("verdict")["several"].cumsum()
    expected = findings[alone | ((~alone).cumsum() <= 300) | (of_verdict <= 50)]
    assert listed_rows(page) == list(expected[["slice", "emotion", "verdict"]].itertuples(index=False, name=None))
    assert set(findings["verdict"]) == set(expected["verdict"])
    for attribute in demo_result.run.attributes:
        assert any(attribute in where for where in expected["where"])
    assert (
        f"all {alone.sum():,} rows of slices of one attribute and the {len(expected) - alone.sum():,} strongest of "
        f"{(~alone).sum():,} rows of intersections (at least 50 of each verdict). All {len(findings):,} are in audit.json"
    ) in Page(page).text
    body = page[page.index("<tbody>") : page.index("</tbody>")]
    assert body.count('class="repeats"') == expected.head(MOST_WRITTEN)["explained_by"].notna().sum()


def test_a_table_that_holds_everything_says_so_and_one_that_is_cut_says_how_far():
    findings = audited(predictions_table(300), **CELLS).findings.assign(review=None)
    assert findings_list(findings).sentence == (
        "The table holds all 30 rows of slices of one attribute and all 36 rows of intersections."
    )
    assert findings_list(findings, single=7, intersections=0).sentence == (
        "The table holds the 7 strongest of 30 rows of slices of one attribute and the 0 strongest of 36 rows of "
        "intersections. All 66 are in audit.json and on the page Slices of the app."
    )
    listed = findings_list(findings, written=10)
    assert len(listed.written) == 10
    assert len(json.loads(listed.data)["rows"]) == 56


def test_notes_come_first_and_are_left_out_when_there_are_none():
    assert "Read this first" not in report_html(audited(predictions_table(600, bias=0.0)))
    noted = report_html(audited(predictions_table(120).drop(columns="label")))
    text = Page(noted).text
    assert "Read this first" in text
    assert text.index("no labels or votes: a skew cannot be split") < text.index("Attribute by attribute")


def test_what_was_left_out_is_listed_with_reasons(demo_result, page):
    table = predictions_table(200, attributes={"tone": ("dark", "light", None), "camera": ("phone",)})
    table["rare"] = np.where(np.arange(200) < 4, "four", "many")
    result = audited(table)
    text = Page(report_html(result)).text
    assert f"{len(result.excluded)} items. Being left out says nothing about bias." in text
    for row in result.excluded.itertuples():
        assert row.name in text
        assert row.reason in text
    everything = audited(predictions_table(600, attributes={"tone": ("dark", "light")}))
    assert everything.excluded.empty
    assert (
        "Nothing was left out: every attribute, slice and picture is in the tables above."
        in Page(report_html(everything)).text
    )


def test_provenance_is_complete(demo_result, page):
    text = Page(page).text
    for value in (
        demo_result.run.provenance["command"],
        demo_result.run.created,
        demo_result.run.provenance["features_fingerprint"],
        demo_result.run.provenance["probe_fingerprint"],
        *(f"{name} {version}" for name, version in demo_result.run.versions.items()),
        json.dumps(as_shown(demo_result.run.config)),
    ):
        assert value in text, value


def test_limits_state_tolerance_rate_and_number_of_tests(demo_result, page):
    text = Page(page).text
    assert "smaller than ±2 points" in text
    assert f"The false discovery rate is controlled at 5 % over all {demo_result.run.tested:,} tested pairs" in text
    assert re.search(r"Smallest detectable difference of a single test \(80 % power\): [\d.]+ to [\d.]+ points", text)


def test_every_figure_is_in_it_under_its_own_name(page, demo_result):
    parsed = Page(page)
    names = ["forest", "split", "heat-map", "pull", "map", "accuracy", "reliability", "coverage"]
    names += ["within-pull", "erasure", "hubs"]
    further = [section for section in report_sections(demo_result) if section.figure is not None]
    assert len(further) >= 4
    for name in [*names, *(f"figure-{section.name}" for section in further)]:
        assert [attributes for _, attributes in parsed.elements if attributes.get("id") == name], name
    assert page.count("Plotly.newPlot(") - get_plotlyjs().count("Plotly.newPlot(") == len(names) + len(further)


def test_label_only_predictions_get_a_report_that_says_what_is_missing():
    text = Page(report_html(audited(predictions_table(300, scores=False)))).text
    assert "There is no map" in text
    assert "The predictions contain labels only: there are no distances to show." in text


def test_without_truth_no_column_speaks_of_labels():
    result = audited(predictions_table(300).drop(columns="label"), **CELLS)
    head = report_html(result).split("<thead>")[1].split("</thead>")[0]
    assert ">label gap<" not in head
    assert ">model gap<" not in head


def measured_table() -> pd.DataFrame:
    """Everything that is named has a name with an underscore."""
    attributes = {"figure_tone": ("dark", "light"), "scene_kind": ("street", "home"), "camera_make": ("a", "b")}
    table = predictions_table(600, attributes=attributes)
    table.loc[:50, "scene_kind"] = None
    noise = np.random.default_rng(0).normal(size=len(table))
    return table.assign(mean_light=noise - 2.0 * (table["figure_tone"] == "dark"), only_one="x")


@pytest.mark.parametrize("predicted", [True, False])
def test_columns_are_named_in_words_and_keep_their_names_where_they_are_asked_for(predicted):
    table = measured_table()
    config = {"outcomes": ("mean_light",), "adjust_for": ("camera_make",), "map_pictures": 0, "draws": 99}
    if predicted:
        result = audited(table, favourable="joy", **config)
    else:
        rows = table.drop(columns=[name for name in table if name.startswith(("score_", "predicted", "label"))])
        result = run_outcome_audit(Measurements(rows, ("mean_light",)), AuditConfig(**config))
    page = report_html(result)
    before_provenance = Page(page.replace('<section id="provenance">', "<script>", 1)).text
    for name in ("figure_tone", "scene_kind", "camera_make", "mean_light", "only_one"):
        assert name.replace("_", " ") in before_provenance
        assert name not in before_provenance
        assert name in page, "in a title, or under provenance"


def test_votes_are_called_votes():
    table = predictions_table(1_200, attributes={"tone": ("dark", "light")}, bias=0.9)
    votes = {f"vote_{label}": (table["label"] == label) * 3 for label in sorted(set(table["label"]))}
    text = Page(report_html(audited(table.drop(columns="label").assign(**votes)))).text
    assert "the true votes differ" in text
    assert "the votes themselves differ by" in text
    assert "part of any model gap comes from this sharpening" in text
    assert predictions_from_table(table.drop(columns="label").assign(**votes)).has_votes


def test_tables_can_be_read_without_seeing_them(page):
    for cell in Page(page).having("th"):
        assert cell.get("scope") in ("col", "row")
    assert Page(page).having("html")[0]["lang"] == "en"
    labelled = page.count("<label>")
    assert labelled == len(Page(page).having("input")) + len(Page(page).having("select"))


# Hostile data


def test_hostile_values_add_no_element_and_no_handler(hostile_page):
    """The same audit with harmless names has the same elements, one for one."""
    harmless = Page(report_html(decorated_result(("one", "two", "three", "four"))))
    parsed = Page(hostile_page)
    assert Counter(tag for tag, _ in parsed.elements) == Counter(tag for tag, _ in harmless.elements)
    handlers = {(tag, name) for tag, attributes in parsed.elements for name in attributes if name.startswith("on")}
    assert handlers == {("form", "onsubmit")}


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_are_shown_exactly_as_they_are(hostile_page, value):
    text = Page(hostile_page).text
    assert text.count(value) > 10
    assert value not in hostile_page, "every character that means something to HTML is escaped"
    assert f"workbench audit {HOSTILE[1]}" in text


def test_hostile_values_cannot_end_the_scripts_of_the_figures(hostile_page):
    """Inside scripts there is no `<` of the data at all."""
    scripts = re.findall(r"Plotly\.newPlot\((.*?)</script>", hostile_page.replace(get_plotlyjs(), ""), flags=re.DOTALL)
    assert len(scripts) >= 4
    for script in scripts:
        assert "<" not in script
        assert "alert(1)" in script or "joy" in script


def test_templates_in_the_data_are_not_run(hostile_page):
    assert "{{ 7*7 }}" in Page(hostile_page).text
    assert "%{x}" in Page(hostile_page).text
