"""What report and app say of a system and its data: what was stated, what was not, and what the run knows by itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.data.predictions import predictions_from_table
from affect_workbench.workbench.report.html import report_html
from affect_workbench.workbench.report.sections.impact_ratios import impact_ratios
from affect_workbench.workbench.report.system.card import SystemCard, read_system_card
from affect_workbench.workbench.report.system.section import NOTHING_STATED, read_first, system_section
from affect_workbench.workbench.runs.store import load_audit
from workbench_runs import CELLS, EKMAN, HOSTILE, SLIM, audited, predictions_table, refusal, succeeded

TEMPLATE = Path(__file__).resolve().parents[4] / "docs" / "system.toml"
QUICK = AuditConfig(map_pictures=0, space_pictures=0, further=False, order=1)


def stated(result, **card):
    told = {**result.run.provenance, "system": SystemCard.from_json(card).as_json()}
    return replace(result, run=replace(result.run, provenance=told))


@pytest.fixture(scope="module")
def plain():
    return run_audit(predictions_from_table(predictions_table(300)), QUICK)


# What was stated


def test_without_a_card_one_sentence_says_that_nothing_was_stated(plain) -> None:
    found = system_section(plain)
    assert (found.title, found.stated, found.not_stated) == ("", {}, NOTHING_STATED)
    assert NOTHING_STATED in report_html(plain)


def test_what_was_stated_stands_in_the_report_and_the_rest_is_named_in_one_sentence(plain) -> None:
    result = stated(plain, name="Frames", version="2", purpose="sorts pictures", used_at="elsewhere", biometric=False)
    found = system_section(result)
    assert found.title == "Audited: Frames 2. Stated purpose: sorts pictures"
    assert found.stated["Its use"] == (("intended purpose", "sorts pictures"), ("where it is used", "elsewhere"))
    assert found.stated["People"] == (("whether it processes biometric data", "no"),)
    assert found.not_stated.startswith("Not stated: provider, contact, out of scope, who uses it, human oversight")
    assert "medical or safety reason" not in found.not_stated
    page = report_html(result)
    assert found.not_stated in page
    assert NOTHING_STATED not in page
    assert (
        page.index(found.title)
        < page.index("<h1>")
        < page.index('id="findings"')
        < page.index('id="system"')
        < page.index('id="limits"')
    )


def test_a_whole_card_leaves_nothing_unsaid(plain) -> None:
    result = stated(plain, **read_system_card(TEMPLATE).as_json())
    found = system_section(result)
    assert found.not_stated == ""
    assert "As stated, they name what a picture evokes" in " ".join(found.labels)
    assert "Stated to be missing from the data, or hardly there: artists of the 20th century" in " ".join(found.missing)
    page = report_html(result)
    assert "how they are informed was not stated" not in page
    assert "a note beside the search" in page
    assert "Not stated" not in page


@pytest.mark.parametrize("field", ["name", "purpose", "told", "contact"])
def test_what_is_stated_is_shown_and_never_run(plain, field: str) -> None:
    for value in HOSTILE[:3]:
        page = report_html(stated(plain, **{field: value, "impacts": [value]}))
        assert value not in page.replace(f"{value!r}", "")
        assert value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;") in page


# At work and in education


def test_a_use_at_work_or_in_education_is_the_first_thing_to_be_read(plain) -> None:
    result = stated(plain, used_at=["education", "work"], biometric=True)
    (first, *_) = read_first(result)
    assert first.startswith("The stated use is at work and in education. Inferring the emotions of people there from")
    assert "Art. 5(1)(f)" in first
    assert "It is stated that biometric data are processed. No medical or safety reason is stated." in first
    page = report_html(result)
    assert page.index("Read this first") < page.index(first) < page.index('id="findings"')
    excused = read_first(stated(plain, used_at=["work"], reason="safety"))[0]
    assert "A safety reason is stated, which is not examined here." in excused
    assert "Whether biometric data are processed was not stated." in excused


def test_other_uses_are_not_warned_of(plain) -> None:
    for card in ({}, {"used_at": ["elsewhere"]}, {"purpose": "at work and in education"}):
        assert read_first(stated(plain, **card)) == list(plain.run.notes)


def test_the_report_says_that_people_must_be_told(plain) -> None:
    page = report_html(plain)
    assert "must be informed by whoever uses it (Art. 50(3)); how they are informed was not stated" in page


# What the run knows by itself


def test_single_labels_votes_and_no_truth_are_told_apart() -> None:
    table = predictions_table(300, scores=False)
    one = system_section(audited(table, **CELLS)).labels
    assert one[0].startswith("All 300 pictures have one label each; how many people chose a label")
    assert one[1].endswith("was not stated.")
    none = system_section(audited(table.drop(columns="label"), **CELLS)).labels
    assert none == ("None of the 300 pictures has a label or votes: whether predictions are right was not assessed.",)
    counts = np.full((300, 6), 1)
    counts[:100, 0] = 9
    votes = pd.DataFrame(counts, columns=[f"vote_{label}" for label in EKMAN])
    voted = pd.concat([table.drop(columns="label"), votes], axis=1)
    voted.loc[:9, [f"vote_{label}" for label in EKMAN]] = np.nan
    (said, _) = system_section(audited(voted, **CELLS)).labels
    assert said == (
        "290 of the 300 pictures have votes, not one label each; 10 have none. The median picture has 6 votes; on 69.0 % of "
        "the pictures no emotion has more than half of them."
    )
    voted[votes.columns] = voted[votes.columns].div(voted[votes.columns].sum(axis=1), axis=0)
    assert "They are shares: the number of people is not known" in system_section(audited(voted, **CELLS)).labels[0]


def test_each_attribute_has_one_line_and_small_values_are_named() -> None:
    table = predictions_table(400)
    table["age_of_it"] = np.arange(400.0) / 8
    table.loc[:19, "tone"] = None
    table["school"] = np.where(np.arange(400) < 4, "rare", "many")
    found = system_section(audited(table, **CELLS))
    lines = dict(line.split(": ", 1) for line in found.attributes)
    assert list(lines) == ["tone", "place", "age of it", "school"]
    assert lines["tone"].endswith("20 pictures without a value.")
    assert lines["age of it"] == (
        "a column of the data; a number, cut at its quantiles (12.5, 24.9, 37.4) into 4 slices of 99 to 101 pictures."
    )
    assert lines["school"] == "a column of the data; 2 values of 4 to 396 pictures."
    said = " ".join(found.missing)
    assert "Some pictures have no value of tone (20 of 400) and are left out where it is sliced." in said
    assert "1 value of an attribute has fewer than 10 pictures, too few to say anything: 'school: rare'." in said
    assert "No audit of these pictures can tell who is absent" in said


# With a run, from the command line


def test_the_card_belongs_to_the_run_and_changes_no_finding(tmp_path: Path) -> None:
    table = predictions_table(300, bias=0.9)
    table.drop(columns="place").to_csv(tmp_path / "table.csv", index=False)
    table[["image_id", "place"]].to_csv(tmp_path / "places.csv", index=False)
    given = ("audit", "--predictions", tmp_path / "table.csv", "--attributes", tmp_path / "places.csv", *SLIM)
    (tmp_path / "system.toml").write_text('name = "Frames"\nused_at = "work"\n', encoding="utf-8")
    (tmp_path / "audit.toml").write_text(f'system = "{tmp_path / "system.toml"}"\n', encoding="utf-8")
    bare = succeeded(*given, "-o", tmp_path / "bare")
    told = succeeded(*given, "--config", tmp_path / "audit.toml", "-o", tmp_path / "told")
    assert "warning: The stated use is at work. Inferring" in told.out
    assert "The stated use" not in bare.out
    before, after = (json.loads((tmp_path / name / "audit.json").read_text("utf-8")) for name in ("bare", "told"))
    assert after["run"].pop("system") == {"name": "Frames", "used_at": ["work"]}
    for record in (before, after):
        for changing in ("command", "created"):
            record["run"].pop(changing)
    assert before == after
    assert [(tmp_path / name / "findings.json").read_bytes() for name in ("bare",)] == [
        (tmp_path / "told" / "findings.json").read_bytes()
    ]
    page = (tmp_path / "told" / "report.html").read_text(encoding="utf-8")
    assert f"place: joined by picture from {tmp_path / 'places.csv'}; 3 values" in page
    assert report_html(load_audit(tmp_path / "told")) == page
    succeeded("report", tmp_path / "told", "-o", tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_a_card_that_makes_no_sense_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("image_id,predicted,tone\n", encoding="utf-8")  # nothing that could be computed
    given = ("audit", "--predictions", tmp_path / "table.csv", "-o", tmp_path / "run", "--system")
    (tmp_path / "system.toml").write_text("version = 2\n", encoding="utf-8")
    assert "version = 2: expected text in quotes; leave the key out" in refusal(*given, tmp_path / "system.toml")
    assert "does not exist (start from docs/system.toml)" in refusal(*given, tmp_path / "other.toml")


# The form of New York's Local Law 144


def test_impact_ratios_have_the_form_of_the_law_and_name_what_may_be_left_out() -> None:
    table = predictions_table(1_000, attributes={"tone": ("dark", "light"), "place": ("street", "home")}, bias=0.8)
    table.loc[:14, "tone"] = "green"
    table.loc[:14, "predicted"] = "joy"
    table.loc[15:19, "tone"] = "blue"
    table.loc[20:49, "place"] = None
    table = table[[name for name in table if not name.startswith("score_")]]
    result = run_audit(predictions_from_table(table), replace(QUICK, favourable="joy", order=2))
    section = impact_ratios(result)
    assert section is not None
    assert list(section.table) == ["category", "pictures", "predicted as joy", "selection rate", "impact ratio", "verdict"]
    rows = section.table.set_index("category")
    known = table[table["place"].notna()]
    for place in ("street", "home"):
        inside = known[known["place"] == place]
        selected, rate = int((inside["predicted"] == "joy").sum()), float((inside["predicted"] == "joy").mean())
        highest = max(float((part["predicted"] == "joy").mean()) for _, part in known.groupby("place"))
        assert rows.loc[f"place: {place}", "predicted as joy"] == f"{selected:,}"
        assert rows.loc[f"place: {place}", "selection rate"] == f"{100 * rate:.1f} %"
        assert rows.loc[f"place: {place}", "impact ratio"] == f"{rate / highest:.2f}"
    blue = table[table["tone"] == "blue"]
    assert list(rows.loc["tone: blue", ["pictures", "predicted as joy", "selection rate", "impact ratio"]]) == [
        "5",
        str(int((blue["predicted"] == "joy").sum())),
        "–",
        "–",
    ]
    both = table[(table["tone"] == "dark") & (table["place"] == "home")]
    assert rows.loc["tone: dark and place: home", "predicted as joy"] == str(int((both["predicted"] == "joy").sum()))
    said = " ".join(section.found)
    assert "2 categories hold less than 2 % of the pictures and may be left out under the rule; here they are kept" in said
    assert "the highest rate of its attribute, is 'tone: green'" in said
    assert "Pictures whose category is unknown are not counted: 30 of place." in said
    assert "intersection" in section.found[1]
