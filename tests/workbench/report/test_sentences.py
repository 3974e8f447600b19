"""Findings in words: true to the numbers, readable without statistics, and never able to format or run anything."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.inference.verdicts import VERDICTS
from affect_workbench.analyses.skew.findings import ORIGINS, Finding, on_its_own
from affect_workbench.workbench.audit.comparison.sentences import outcome as changed
from affect_workbench.workbench.interface.numbers import markdown_text, percent, points, probability, small_q
from affect_workbench.workbench.report import sentences
from affect_workbench.workbench.report.first_page.headline import outcome
from affect_workbench.workbench.report.sections.severity import _sentence as of_severity
from affect_workbench.workbench.report.sentences import (
    beside,
    finding_sentence,
    map_badge,
    markdown_sentence,
    plain_sentence,
    samples_in,
)
from workbench_runs import CELLS, HOSTILE, audited, predictions_table

pytest_plugins = ["workbench_fixtures"]

DARK = Finding(
    "figure tone: dark",
    {"figure_tone": "dark"},
    "anger",
    612,
    3_000,
    0.359,
    0.217,
    0.142,
    0.11,
    0.173,
    1e-9,
    2e-9,
    0.04,
    "skewed",
    False,
    0.003,
    -0.01,
    0.02,
    0.139,
    0.1,
    0.18,
    "model",
)


def unescaped(markdown):
    """What a Markdown reader shows of text in which every special character is escaped."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown)


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.142, "+14.2"),
        (-0.03, "−3.0"),
        (0.0, "0.0"),
        (0.0001, "0.0"),
        (-0.0004, "0.0"),
        (1.0, "+100.0"),
        (None, "–"),
        (math.nan, "–"),
    ],
)
def test_differences_are_signed_points(share, words):
    assert points(share) == words


def test_unsigned_points_have_no_sign():
    assert points(0.042, signed=False) == "4.2"


@pytest.mark.parametrize(
    ("share", "words"), [(0.3594, "35.9 %"), (0.0, "0.0 %"), (1.0, "100.0 %"), (None, "–"), (math.nan, "–")]
)
def test_rates_are_percents(share, words):
    assert percent(share) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.03, "0.030"),
        (0.0013, "0.001"),
        (0.0324, "0.032"),
        (0.0999, "0.10"),
        (0.5, "0.50"),
        (0.001, "0.001"),
        (1.0, "1.00"),
        (0.9999, "1.00"),
        (0.0005, "< 0.001"),
        (2e-9, "< 0.001"),
        (0.0, "< 0.001"),
        (None, "–"),
        (math.nan, "–"),
    ],
)
def test_probabilities_are_short_and_never_zero(value, words):
    assert probability(value) == words


@given(st.floats(min_value=1e-320, max_value=1.0, exclude_min=True))
def test_a_probability_in_words_is_the_probability(value):
    words = probability(value)
    if words.startswith("<"):
        assert value < float(words.removeprefix("< ")) == 0.001
    else:
        assert float(words) == pytest.approx(value, abs=0.00051 if value < 0.0995 else 0.0051)
    assert small_q(value) == f"q {words}" if words.startswith("<") else f"q = {words}"


def test_a_finding_is_one_sentence_that_anyone_can_read():
    assert plain_sentence(DARK) == (
        "Pictures with figure tone: dark are predicted as anger 35.9 % of the time, other pictures 21.7 %: +14.2 points "
        "[+11.0, +17.3], q < 0.001, n = 612; the labels themselves differ by +0.3 points (label gap): the model adds this."
    )


@pytest.mark.parametrize(
    ("attribution", "words"),
    [
        ("model", "the model adds this"),
        ("labels", "this is attributed to the votes"),
        ("both", "the model adds to it"),
        ("unclear", "it cannot be attributed to votes or model"),
    ],
)
def test_the_origin_is_said_of_the_kind_of_truth_there_is(attribution, words):
    sentence = plain_sentence(replace(DARK, attribution=attribution), truth="votes")
    assert sentence.endswith(f"; the votes themselves differ by +0.3 points (label gap): {words}.")


def test_every_origin_and_every_verdict_has_words():
    assert set(sentences.ATTRIBUTION_MEANING) == set(ORIGINS)
    assert set(sentences.VERDICT_MEANING) == set(VERDICTS)


def test_without_truth_nothing_is_said_of_labels():
    bare = replace(DARK, label_gap=None, model_gap=None, attribution=None)
    assert plain_sentence(bare).endswith("q < 0.001, n = 612.")


def test_too_few_pictures_are_given_no_number_that_looks_like_an_estimate():
    few = replace(DARK, n=7, rate=None, complement_rate=None, effect=None, low=None, high=None, p=None, q=None)
    assert plain_sentence(few) == "Pictures with figure tone: dark are predicted as anger: too few pictures (n = 7)."


def test_a_row_of_the_table_reads_like_the_finding(demo_result):
    for position in (0, len(demo_result.findings) - 1):
        row = demo_result.findings.iloc[position]
        assert plain_sentence(row) == plain_sentence(demo_result.finding(position))


def test_what_stands_beside_a_difference_is_said_in_one_line(demo_result):
    row = demo_result.findings[demo_result.findings["verdict"] == "skewed"].iloc[0]
    text = beside(row)
    assert text.startswith(f"Rate {percent(row['rate'])} [{percent(row['rate_low'])}, {percent(row['rate_high'])}]; ")
    assert f"{row['ratio']:.2f} times the rate of the other pictures" in text
    assert "partially pooled toward the parent slice" in text
    assert text.endswith("points or more (80 % power).")
    assert "nan" not in text
    assert beside(row.where(row.index != "rate", np.nan)) == ""


def test_the_pieces_carry_their_roles():
    styles = {style: text for text, style in finding_sentence(DARK)}
    assert styles["slice"] == "figure tone: dark"
    assert styles["emotion"] == "anger"
    assert styles["effect"] == "+14.2 points"
    assert set(styles) == {"plain", "slice", "emotion", "effect", "quiet"}


# Markdown, for the app


@pytest.mark.parametrize("value", HOSTILE)
def test_markdown_shows_hostile_values_as_they_are(value):
    markdown = markdown_sentence(replace(DARK, slice=f"tone: {value}", emotion=value))
    for mark in ("<", ">", "`", "$", "_", "[", "]", "{", "}"):
        assert not re.search(rf"(?<!\\){re.escape(mark)}", markdown), mark
    assert unescaped(markdown).count(value) == 2


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_escaped_text_reads_as_the_text_and_holds_no_live_mark(text):
    escaped = markdown_text(text)
    assert unescaped(escaped) == text.replace("\\", "\\")
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_{}\[\]<>$~#|]", escaped)


def test_entities_in_the_data_stay_as_they_are():
    assert markdown_text("a &lt; b") == r"a \&lt; b"


def test_emphasis_marks_touch_their_text():
    """`* tone*` would show its asterisks: the slice, the emotion and the effect are set off without blanks inside."""
    assert markdown_sentence(DARK).startswith(r"Pictures with *figure tone\: dark* are predicted as **anger** 35")
    assert r"**\+14.2 points**" in markdown_sentence(DARK)


@pytest.mark.parametrize("value", ["dark ", "dark\n"])
def test_emphasis_survives_values_that_end_in_a_blank(value):
    markdown = markdown_sentence(replace(DARK, slice=f"tone: {value}"))
    assert re.search(r"\*tone\\: dark\*", markdown)


# The outcome


def by_pairs(result: AuditResult) -> AuditResult:
    """As where no causes were looked for: the outcome then counts pairs."""
    return replace(result, tables={name: table for name, table in result.tables.items() if name != "causes"})


def test_an_outcome_without_skew_is_never_no_bias(quiet_demo):
    from affect_workbench.workbench.runs.store import load_audit

    result = load_audit(quiet_demo.audit)
    words = outcome(by_pairs(result))
    untold = result.count("undetermined") + result.count("too small")
    assert words.startswith("No skew was found")
    assert "This does not prove the absence of bias" in words
    assert f"{untold:,} pairs could not be decided" in words


def test_the_outcome_counts_repeats_and_origins_apart(demo_result):
    skewed = demo_result.findings.query("verdict == 'skewed'")
    own = skewed[on_its_own(skewed)]
    words = outcome(by_pairs(demo_result))
    assert f"{len(skewed) - len(own)} of the {len(skewed)} skewed pairs are explained by the parent slice" in words
    assert f"{len(own)} stand" in words
    counts = own["attribution"].value_counts()
    assert f"{counts['model']} added by the model" in words
    assert f"{counts['labels']} attributed to the labels" in words
    assert sum(map(int, re.findall(r"(\d+) (?:added|present in|attributed|of unclear)", words))) == len(own)


def test_without_truth_the_outcome_points_at_the_evidence():
    table = predictions_table(900, attributes={"tone": ("dark", "light")}, bias=0.9).drop(columns="label")
    result = audited(table, **CELLS, causes=False)
    assert result.count("skewed") > 0
    assert outcome(result) == "Each is shown below with its evidence."


def test_the_headline_is_in_words(demo_result):
    findings = demo_result.findings
    small = findings["verdict"].eq("too small").sum()
    assert demo_result.headline.startswith(
        f"{findings['verdict'].eq('skewed').sum()} of {len(findings):,} (slice, emotion) pairs are skewed; {small} "
    )
    one = replace(demo_result, findings=findings.head(1))
    assert one.headline.startswith("1 of 1 (slice, emotion) pairs is skewed; 0 are too small to tell")


# The map's badge


def test_the_badge_says_what_the_map_is_and_how_far_it_can_be_trusted(demo_result):
    badge = map_badge(demo_result.run.map, 2_500)
    assert badge.startswith("UMAP of the label space of the probe; trustworthiness 0.9")
    assert badge.endswith("For orientation only: no number here is computed on the map.")


@pytest.mark.parametrize(
    ("record", "pictures", "words"),
    [
        (None, 10, "There is no map"),
        ({"method": "pca", "space": "scores", "trustworthiness": None, "pictures": 3}, 3, "too few pictures to measure its"),
        ({"method": "pca", "space": "scores", "trustworthiness": 0.8, "pictures": 9}, 9, "PCA (too few pictures for UMAP)"),
        (
            {"method": "umap", "space": "scores", "trustworthiness": 0.97, "pictures": 4_000},
            9_000,
            "4,000 of 9,000 pictures",
        ),
    ],
)
def test_badges_of_other_maps(record, pictures, words):
    assert words in map_badge(record, pictures)


def test_switching_the_map_off_is_not_blamed_on_the_predictions():
    result = audited(predictions_table(60), **CELLS)
    words = map_badge(result.run.map, 60)
    assert "no map" in words
    assert "without scores or features" not in words or result.run.measure == "label"


# The pictures behind a slice


def test_the_pictures_behind_a_slice_are_the_ones_that_were_counted(demo_result):
    for row in demo_result.findings.drop_duplicates("slice").sample(12, random_state=0).itertuples():
        inside = samples_in(demo_result, row.where)
        assert isinstance(inside, pd.DataFrame)
        assert len(inside) == row.n


def test_nothing_untold_is_not_said_to_be_no_proof():
    changes = pd.DataFrame({"verdict": ["equivalent"], "explained_by": [None]})
    overall = {"flipped": 0, "pictures": 9, "labelled": 0}
    told = {0: False, 1: True}
    for untold, said in told.items():
        result = SimpleNamespace(
            has_predictions=True,
            overall=overall,
            changes=changes,
            causes=pd.DataFrame(),
            count=lambda verdict, n=untold: n * (verdict == "undetermined"),
        )
        assert (
            "This does not prove that nothing changed: 1 pair could not be decided." in " ".join(changed(result))
        ) is said
        assert "0 pairs" not in " ".join(changed(result))


def test_a_number_is_higher_or_lower():
    row = SimpleNamespace(slice="tone: dark", effect=-0.2, low=-0.3, high=-0.1, q=0.01, n=90)
    assert of_severity(row, "valence of pictures with {} is {}", ("higher", "lower")).startswith(
        "valence of pictures with tone: dark is lower: −0.20"
    )
