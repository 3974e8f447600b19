"""The chart of a card shows true rates at their places, to readers who see it and to those who do not."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from affect_workbench.workbench.report.cards.assessed import assessed_attributes
from affect_workbench.workbench.report.cards.card import VERDICTS
from affect_workbench.workbench.report.cards.chart import (
    MOST_LETTERS,
    MOST_VALUES,
    SHAPES,
    Bar,
    chart,
    chart_key,
    drawn,
    mark,
)
from affect_workbench.workbench.report.cards.every_attribute import cards_of
from affect_workbench.workbench.report.evidence.choice import Claims
from workbench_runs import HOSTILE, audited, predictions_table

ONE = {"further": False, "space_pictures": 0, "order": 1}
PLAIN = {"title": "Predicted as joy", "truth": "labels", "overall": 0.2, "tolerance": 0.02, "name": "tone"}


def places(svg: str, name: str, attribute: str) -> list[float]:
    """Numbers of an attribute of all elements of one name, in percent of the width."""
    return [
        float(one.get(attribute).rstrip("%"))
        for one in ElementTree.fromstring(svg).iter()
        if one.tag == name and one.get(attribute)
    ]


def at(share: float, end: float) -> float:
    return pytest.approx(2 + 94 * share / end, abs=0.01)


def test_rates_intervals_labels_and_the_band_lie_on_one_scale_from_zero():
    svg = drawn([Bar("dark", 90, 0.3, 0.25, 0.36, 0.1, True), Bar("light", 80, 0.1, 0.05, 0.2, 0.12, False)], **PLAIN)
    assert places(svg, "circle", "cx") == [at(0.3, 0.4), at(0.1, 0.4)]
    assert places(svg, "svg", "x") == [at(0.1, 0.4), at(0.12, 0.4)]
    assert places(svg, "rect", "x") == [at(0.18, 0.4)]
    assert places(svg, "rect", "width")[0] == pytest.approx(94 * 0.04 / 0.4, abs=0.01)
    lines = list(zip(places(svg, "line", "x1"), places(svg, "line", "x2"), strict=True))
    assert lines == [(at(0.2, 0.4),) * 2, (at(0.25, 0.4), at(0.36, 0.4)), (at(0.05, 0.4), at(0.2, 0.4)), (2.0, 96.0)]
    assert re.findall(r">([^<>]+)</text>", svg) == ["dark", "30 %", "light", "10 %", "0", "20", "40 %"]
    # The leading value is told by weight and size, not by colour.
    assert svg.count('font-weight="700"') == 2
    assert places(svg, "circle", "r") == [5.5, 4.5]


def test_who_does_not_see_it_hears_the_same():
    svg = drawn([Bar("dark", 90, 0.3, 0.25, 0.36, 0.1, True), Bar("rare", 4, *[np.nan] * 4, False)], **PLAIN)
    root = ElementTree.fromstring(svg)
    words = {one.get("id"): one.text for one in root if one.get("id")}
    assert root.get("role") == "img"
    title, description = root.get("aria-labelledby").split()
    assert words[title] == "Predicted as joy"
    assert words[description] == (
        "dark: 30.0 % [25.0 %, 36.0 %] of 90 pictures; labels 10.0 %; rare: too few pictures (n = 4); all pictures 20.0 %"
    )
    assert "rare: too few pictures</text>" in svg
    assert len(places(svg, "circle", "cx")) == 1


def test_the_drawn_rates_are_those_of_the_pictures():
    table = predictions_table(1_500, bias=0.6, scores=False)
    table.loc[::3, "label"] = None
    result = audited(table, **ONE)
    samples, claims = result.samples, Claims(result.samples, result.taxonomy)
    tone = next(one for one in assessed_attributes(result) if one.attribute == "tone")
    found = chart(result, tone, claims)
    dark = samples["tone"] == "dark"
    labelled = samples.loc[dark & samples["label"].notna(), "label"]
    expected = {"dark": ((samples.loc[dark, "predicted"] == "anger").mean(), (labelled == "anger").mean())}
    rate, label_rate = expected["dark"]
    assert f"dark: {100 * rate:.1f} % [" in found.svg
    assert f"of {dark.sum():,} pictures; labels {100 * label_rate:.1f} %" in found.svg
    assert f"all pictures {100 * (samples['predicted'] == 'anger').mean():.1f} %" in found.svg
    assert claims.label_rate({"tone": "dark"}, "anger") == pytest.approx(label_rate)
    assert found.words == "anger: predicted ●, by the labels ◇"
    assert chart_key(result).endswith("the rate of all pictures ±2 points, a difference that does not matter.")


def test_without_labels_nothing_hollow_is_drawn():
    result = audited(predictions_table(900, scores=False).drop(columns="label"), **ONE)
    card = cards_of(result)[0]
    assert card.chart_words == "anger: predicted ●"
    assert places(card.chart, "svg", "x") == []


def test_of_many_values_those_furthest_from_all_are_drawn_the_one_it_is_about_among_them():
    values = tuple(f"value {at:02d}" for at in range(20))
    result = audited(predictions_table(8_000, attributes={"tone": values}, bias=0.5, scores=False), **ONE)
    (card,) = cards_of(result)
    assert card.chart_words.endswith(f"; {MOST_VALUES} of 20 values")
    shown = re.findall(r">(value \d\d)</text>", card.chart)
    assert len(shown) == MOST_VALUES
    assert "value 00" in shown
    assert shown == sorted(shown)
    rows = result.findings[result.findings["emotion"] == "anger"].set_index("slice")["rate"]
    overall = (result.samples["predicted"] == "anger").mean()
    far = (rows - overall).abs().sort_values(ascending=False).index[:MOST_VALUES]
    assert {name.removeprefix("tone: ") for name in far} == set(shown)


def test_an_intersection_has_a_bar_of_its_own_above_the_values():
    rng = np.random.default_rng(5)
    table = predictions_table(8_000, bias=0.0, scores=False)
    both = (table["tone"] == "dark") & (table["place"] == "home") & (rng.random(len(table)) < 0.5)
    table.loc[both, "predicted"] = "fear"
    for card in cards_of(audited(table, **(ONE | {"order": 2}))):
        names = [text for text in re.findall(r">([^<>]+)</text>", card.chart) if not re.fullmatch(r"[\d.]+( %)?", text)]
        assert names[0] == "tone: dark and place: home"
        assert set(names[1:]) == ({"dark", "light"} if card.attribute == "tone" else {"street", "home", "forest"})


@pytest.mark.parametrize("text", HOSTILE)
def test_names_of_the_data_are_text_and_nothing_else(text):
    table = predictions_table(300, attributes={text: (text, "light")}, bias=0.9, scores=False)
    (card,) = cards_of(audited(table, **ONE))
    root = ElementTree.fromstring(card.chart)
    assert {one.tag for one in root.iter()} <= {"svg", "title", "desc", "rect", "line", "g", "text", "circle", "path"}
    shown = text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 1] + "…"
    assert any(one.text == shown for one in root.iter("text"))
    assert any(one.text.startswith(f"{text}: ") for one in root.iter("title"))


def test_every_kind_has_a_shape_of_its_own():
    assert set(SHAPES) == set(VERDICTS)
    shapes = {re.sub(r"#\w+", "", mark(kind)) for kind in VERDICTS}
    assert len(shapes) == len(VERDICTS)
    for kind in VERDICTS:
        assert ElementTree.fromstring(mark(kind)).get("aria-hidden") == "true"
