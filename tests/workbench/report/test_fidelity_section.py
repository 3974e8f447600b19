"""Does a report say at its head whether a probe speaks for its model, and show where in the model and whether it matters?"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.analyses.fidelity.causal import Erasure, causal_table
from affect_workbench.analyses.fidelity.layers import layer_sweep
from affect_workbench.analyses.fidelity.pictures import AnsweredPictures
from affect_workbench.analyses.inference.resampling import Sampling
from affect_workbench.data.predictions import predictions_from_table
from affect_workbench.workbench.report.first_page.headline import headline, headline_sentences
from affect_workbench.workbench.report.html import report_html
from affect_workbench.workbench.report.sections import report_sections
from affect_workbench.workbench.report.sections.fidelity import certificate_box, certificate_sentence
from affect_workbench.workbench.runs.store import load_audit, save_audit
from answered_pictures import LABELS, answered_table, sliced_answers, written_features
from pages import Page
from workbench_runs import HOSTILE, SLIM, succeeded

FEW = Sampling(99)


def audited(table: pd.DataFrame):
    return run_audit(predictions_from_table(table), AuditConfig(further=False, map_pictures=0, space_pictures=0))


def with_model_tables(result, table: pd.DataFrame):
    """The audit with a sweep over three places, and a check in which an erasure takes the skew of the answers."""
    pictures = AnsweredPictures.of(sliced_answers(table))
    taps = {
        "connector.in:mean": written_features(pictures.truth, 20, strength=5),
        "connector.out:mean": written_features(pictures.answers, 20, strength=4),
        "layers.4": written_features(pictures.answers, 20, strength=6),
    }
    random = np.tile(pictures.answers, (20, 1))
    same = ["a dark street"] * len(table)
    check = causal_table(pictures, Erasure("tone", pictures.truth, random, (same, same), "connector.out"), sampling=FEW)
    return replace(result, tables={**result.tables, "layers": layer_sweep(taps, pictures), "causal": check})


@pytest.fixture(scope="module")
def table():
    return answered_table(1_200, agreement=0.9)


@pytest.fixture(scope="module")
def result(table):
    return with_model_tables(audited(table), table)


@pytest.fixture(scope="module")
def sections(result):
    return {section.name: section for section in report_sections(result)}


def test_the_certificate_stands_at_the_head_before_any_finding(result):
    page = Page(report_html(result))
    text = page.text
    at = text.index("Fidelity certificate: the probe may speak for the model")
    assert text.index(headline(result)) < at < text.index("Size and uncertainty")
    assert at < text.index("differs beyond chance and by more than the tolerance")
    assert certificate_sentence(result.certificate).replace(" %", "\u00a0%") in "".join(page.words)
    assert {"href": "#fidelity"} in page.having("a")
    assert any(section.get("id") == "fidelity" for section in page.having("section"))


def test_a_report_of_predictions_that_stand_for_themselves_has_none_of_it(table):
    result = audited(table.drop(columns="answered"))
    assert certificate_box(result) is None
    assert {section.name for section in report_sections(result)}.isdisjoint({"fidelity", "layers", "causal"})
    text = Page(report_html(result)).text
    assert "certificate" not in text
    assert "Fidelity" not in text


def test_below_three_quarters_headline_and_title_say_that_it_does_not_speak():
    result = audited(answered_table(900, agreement=0.6))
    box = certificate_box(result)
    assert (box.title, box.kind) == ("Fidelity certificate: the probe does not speak for the model", "nowhere")
    page = Page(report_html(result))
    assert page.text.count("The probe does not speak for the model") >= 3  # title, headline, certificate
    assert result.headline.startswith("The probe does not speak for the model")
    assert "does not speak for the model" in headline_sentences(result)


def test_a_probe_that_agrees_and_is_blind_to_the_skew_is_not_called_faithful():
    result = audited(answered_table(1_500, skew=0.3, probe_skew=0.0))
    assert result.certificate.speaks
    box = certificate_box(result)
    assert box.kind == "partly"
    assert "in 3 of 11 slices" in box.title or "in 4 of 11 slices" in box.title
    assert any(line.startswith("Not for tone: ") for line in box.silent)


def test_pictures_without_an_answer_are_counted(table):
    box = certificate_box(audited(table.assign(answered=table["answered"].where(table.index >= 100))))
    assert box.silent[-1] == "100 pictures without an answer of the model are left out."


def test_the_section_lists_every_slice_and_says_why_not(result, sections):
    section = sections["fidelity"]
    assert section.total == len(result.tables["fidelity"]) == len(section.table)
    assert section.table["slice"].iloc[0] == "all pictures"
    assert section.where[0] is None
    assert section.where[1]
    points = [len(trace.x) for trace in section.figure.data if trace.mode == "markers"]
    assert sum(points) == result.tables["fidelity_cells"]["effect"].notna().sum()


def test_slices_that_differ_stand_first_and_those_too_small_last():
    table = answered_table(1_500, skew=0.3, probe_skew=0.0)
    rare = np.arange(len(table)) % 75
    table["lens"] = np.select([rare == 0, rare < 20], ["fisheye", "wide"], "normal")
    result = audited(table)
    section = next(one for one in report_sections(result) if one.name == "fidelity")
    reasons = section.table["may it stand in?"].tolist()[1:]
    kinds = ["few" if "too few" in one else one.split(":")[0] for one in reasons]
    assert list(dict.fromkeys(kinds)) == ["no", "yes", "few"]
    yes = section.table.iloc[1:][[kind == "yes" for kind in kinds]]
    ends = result.tables["fidelity"].set_index("slice")["high"]
    less = [ends[name] < 0 for name in yes["slice"]]
    sizes = [int(n.replace(",", "")) for n in yes["n"]]
    assert less == sorted(less, reverse=True)
    assert sizes[sum(less) :] == sorted(sizes[sum(less) :], reverse=True)


def test_the_sweep_draws_a_line_a_reader_in_every_panel_and_names_what_the_connector_does(result, sections):
    section = sections["layers"]
    readers = result.tables["layers"]["reader"].nunique()
    lines = [trace for trace in section.figure.data if trace.mode == "lines+markers"]
    assert len(lines) == 4 * readers
    assert list(section.figure.layout.xaxis.ticktext) == ["connector.in:mean", "connector.out:mean", "layers.4"]
    assert [round(x) for x in lines[0].x] == [0, 1, 2]
    assert len({x for trace in lines[:readers] for x in trace.x}) == 3 * readers
    assert {trace.yaxis for trace in lines} == {"y", "y2", "y3", "y4"}
    assert "at “layers.4” (what enters layer 4): for" in section.found[0]
    assert "at “connector.in:mean” (what enters the connector, mean over its tokens): for" in section.found[1]
    assert section.found[2].startswith("The skew of tone: dark toward ")
    assert section.found[-1].startswith("Across the connector, the share of readable labels goes from ")


def test_a_metric_projector_is_told_and_drawn_beside_the_other_readers_which_keep_their_looks(result, sections, table):
    pictures = AnsweredPictures.of(sliced_answers(table))
    taps = {
        "connector.out": written_features(pictures.truth, 20, strength=5),
        "last": written_features(pictures.answers, 20),
    }
    sweep = layer_sweep(taps, pictures, projector=lambda parts, codes: np.where(codes == 0, 1, codes))
    found = {one.name: one for one in report_sections(replace(result, tables={**result.tables, "layers": sweep}))}["layers"]
    assert "True labels are most readable by a linear probe at “connector.out”" in found.found[1]
    assert found.found[2].startswith("A Metric Projector reads true labels most often at “connector.out”")
    assert ", a Metric Projector " in found.found[3]
    assert list(found.table["reader"][:4]) == ["answer probe", "linear probe", "Metric Projector", "difference of means"]

    def looks(section):
        lines = [trace for trace in section.figure.data if trace.mode == "lines+markers" and trace.showlegend]
        return {trace.name: (trace.line.color, trace.line.dash, trace.marker.symbol) for trace in lines}

    own = looks(found)
    assert len(set(own.values())) == len(own) == 4
    assert own.items() >= looks(sections["layers"]).items()


def test_a_sweep_without_truth_has_no_panel_of_accuracy(table):
    result = audited(table)
    pictures = replace(AnsweredPictures.of(sliced_answers(table)), truth=None, attributes=())
    sweep = layer_sweep({"last": written_features(pictures.answers, 16)}, pictures)
    found = {one.name: one for one in report_sections(replace(result, tables={**result.tables, "layers": sweep}))}
    assert {trace.yaxis for trace in found["layers"].figure.data} == {"y", "y2"}
    assert len(found["layers"].found) == 1


def test_the_causal_check_is_told_with_its_controls(sections, table):
    section = sections["causal"]
    assert section.title == "Does the model use tone where it is written at “connector.out” (what leaves the connector)?"
    assert section.found[0].startswith("Erasing tone at “connector.out” (what leaves the connector) removes 94 % [")
    assert "20 random erasures of equal rank remove 0 % on average (0 to 0 %), p = 0.048" in section.found[0]
    assert any(sentence.startswith("Accuracy: ") for sentence in section.found)
    assert any("word for word for 100.0 %" in sentence for sentence in section.found)
    assert [trace.name for trace in section.figure.data] == [
        "before",
        "after erasing",
        "after random erasures, least to most",
    ]


def test_where_the_answers_have_no_skew_there_was_nothing_to_remove():
    fair = answered_table(400, skew=0.0)
    pictures = AnsweredPictures.of(sliced_answers(fair))
    attribute = replace(pictures.attributes[0], codes=np.arange(400) % 2)
    even = replace(pictures, attributes=(attribute,), answers=np.arange(400) // 2 % 6)
    check = causal_table(even, Erasure("tone", even.answers, np.tile(even.answers, (20, 1))), sampling=FEW)
    found = {one.name: one for one in report_sections(replace(audited(fair), tables={"causal": check}))}
    assert "had nothing to remove" in found["causal"].found[0]


def causal_rows(*cells: tuple[str, str, float, float], erasure: str = "tone", n: int = 100) -> pd.DataFrame:
    """Rows of the table `causal`: value, emotion, skew before and after, each with an interval of five points around it."""
    rows = pd.DataFrame(cells, columns=["slice", "emotion", "before", "after"])
    sure = rows["before"].abs() > 0.05
    rows = rows.assign(
        place="connector.out", erasure=erasure, attribute=erasure, erased=True, n=n, n_complement=200, random=20, p=1 / 21
    )
    for name in ("before", "after"):
        rows[f"{name}_low"], rows[f"{name}_high"] = rows[name] - 0.05, rows[name] + 0.05
    for name in ("removed", "removed_low", "removed_high"):
        rows[name] = (1 - rows["after"] / rows["before"]).where(sure)
    rows[["random_removed", "random_least", "random_most"]] = 0.0
    rows[["answers_changed", "random_changed"]] = 0.25, 0.01
    rows[["accuracy", "accuracy_after", "accuracy_p", "random_accuracy", "texts_same", "texts_overlap"]] = np.nan
    return rows


def causal_sections(result, *tables: pd.DataFrame):
    tables = {"causal": pd.concat(tables, ignore_index=True)}
    return [one for one in report_sections(replace(result, tables=tables)) if one.name.startswith("causal")]


def test_every_erased_attribute_has_a_section_with_its_own_numbers(result):
    tone = causal_rows(("tone: dark", "joy", 0.3, 0.1))
    place = causal_rows(("place: home", "fear", 0.4, 0.4), erasure="place").assign(answers_changed=0.5)
    beside = causal_rows(("tone: dark", "joy", 0.3, 0.2)).assign(erasure="place", erased=False)
    one, other = causal_sections(result, tone, place, beside)
    assert (one.name, other.name) == ("causal", "causal-2")
    assert [section.title.split(" where")[0] for section in (one, other)] == [
        "Does the model use tone",
        "Does the model use place",
    ]
    assert one.found[1].startswith("25.0 % of the pictures are answered otherwise")
    assert other.found[1].startswith("50.0 % of the pictures are answered otherwise")
    assert not any("place" in sentence for sentence in one.found)
    assert "that of tone: dark toward joy changed most" in other.found[-1]
    assert [list(section.figure.layout.yaxis.ticktext) for section in (one, other)] == [
        ["joy, tone: dark"],
        ["fear, place: home"],
    ]


def test_a_skew_that_erasing_creates_is_named_and_drawn_first(result):
    rows = causal_rows(
        ("tone: dark", "joy", 0.3, 0.1), ("tone: dark", "fear", -0.04, 0.4), ("tone: dark", "anger", 0.0, 0.06)
    )
    (section,) = causal_sections(result, rows)
    assert section.figure.layout.yaxis.ticktext[0] == "fear, tone: dark"
    assert "creates a skew that was not there before, surely beyond 2 points: tone: dark toward fear" in section.found[1]
    assert "from −4.0 [−9.0, +1.0] to +40.0 [+35.0, +45.0] points." in section.found[1]
    (still,) = causal_sections(result, causal_rows(("tone: dark", "fear", 0.05, 0.08)))
    assert not any("creates" in sentence for sentence in still.found)


def test_more_than_all_of_a_skew_is_said_to_have_turned_around(result):
    for after, words in ((-0.2, "is gone and turned around: "), (-0.01, "is gone: ")):
        (section,) = causal_sections(result, causal_rows(("tone: dark", "joy", 0.3, after)))
        assert words in section.found[0]
        assert "+30.0 [+25.0, +35.0] points before" in section.found[0]
        assert "removes 1" not in section.found[0]


def test_a_handful_of_pictures_is_neither_drawn_nor_told(result):
    many, few = causal_rows(("tone: dark", "joy", 0.3, 0.1)), causal_rows(("tone: grey", "fear", 0.0, 1.0), n=9)
    (section,) = causal_sections(result, many, few)
    assert list(section.figure.layout.yaxis.ticktext) == ["joy, tone: dark"]
    assert not any("grey" in sentence for sentence in section.found)
    assert section.found[-1] == (
        "1 (slice, emotion) pair with fewer than 10 pictures on either side is not shown: too few to tell."
    )
    (alone,) = causal_sections(result, few)
    assert alone.figure is None
    assert "cannot be judged" in alone.found[0]


def test_what_is_saved_is_reported_alike(result, tmp_path):
    save_audit(result, tmp_path / "run")
    assert report_html(load_audit(tmp_path / "run")) == report_html(result)


def test_names_of_places_attributes_and_labels_never_run():
    table = answered_table(600, agreement=0.7)
    names = dict(zip(LABELS, (*HOSTILE, "joy", "fear"), strict=True))
    table = table.replace(dict.fromkeys(("label", "predicted", "answered"), names))
    table["tone"] = table["tone"].map({"dark": HOSTILE[0], "light": HOSTILE[1]})
    result = audited(table)
    sweep = layer_sweep({HOSTILE[0]: np.ones((600, 3))}, AnsweredPictures.of(sliced_answers(table)))
    html = report_html(replace(result, tables={**result.tables, "layers": sweep}))
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    for script in Page(html).scripts:
        if script.lstrip().startswith("{"):
            json.loads(script)


def test_a_table_with_answers_becomes_a_certified_audit_on_the_command_line(tmp_path):
    answered_table(500, agreement=0.6).to_csv(tmp_path / "table.csv", index=False)
    printed = succeeded("audit", "--predictions", tmp_path / "table.csv", "-o", tmp_path / "run", *SLIM).out
    assert "The probe does not speak for the model" in printed
    assert "certificate: The probe does not speak for the model: it says what the model itself answered for" in printed
    result = load_audit(tmp_path / "run")
    assert result.certificate.n == 500
    assert set(result.run.attributes) == {"tone", "place"}
