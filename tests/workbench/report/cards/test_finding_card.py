"""The card of one finding asks what the card of its attribute asks, of one slice and emotion alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.workbench.report.cards.every_attribute import cards_of, finding_card
from affect_workbench.workbench.report.evidence.gallery import Gallery
from workbench_runs import audited
from workbench_runs import predictions_table as table

FAST = {"further": False, "space_pictures": 0}


@pytest.fixture(scope="module")
def result():
    return audited(table(2_000, bias=0.5, attributes={"tone": ("dark", "light"), "place": ("a", "b", "c")}), **FAST)


def position(result, name, emotion="anger"):
    findings = result.findings
    (at,) = np.flatnonzero((findings["slice"] == name) & (findings["emotion"] == emotion))
    return int(at)


def test_the_card_of_a_cause_says_what_the_card_of_its_attribute_says(result):
    of_attribute = next(card for card in cards_of(result) if card.attribute == "tone")
    card = finding_card(result, position(result, "tone: dark"), gallery=Gallery(result.samples))
    assert (of_attribute.kind, of_attribute.slice, of_attribute.emotion) == ("new", "tone: dark", "anger")
    assert (card.kind, card.sentence, card.causes) == (of_attribute.kind, of_attribute.sentence, of_attribute.causes)
    assert (card.title, card.alone, of_attribute.alone) == ("tone: dark → anger", True, False)
    assert card.anchor != of_attribute.anchor
    assert card.reached[0] == "Its verdict is skewed."
    assert card.reached[1:] == of_attribute.reached[1:]
    assert len(card.pairs) == 3
    assert "light: " in card.chart, "the other values stand beside it on one scale"


def test_what_follows_from_a_cause_says_from_which_and_how(result):
    card = finding_card(result, position(result, "tone: light"))
    assert card.kind == "carried"
    assert card.folded == "what explains it"
    assert card.consequences == ("It is explained by tone: dark, anger more often: this is another value of tone.",)


def test_an_intersection_is_drawn_beside_its_parents(result):
    card = finding_card(result, position(result, "tone: dark and place: a"))
    for name in ("tone: dark and place: a: ", "tone: dark: ", "place: a: "):
        assert name in card.chart
    assert "place: b" not in card.chart


def test_no_difference_is_told_with_its_rates(result):
    card = finding_card(result, position(result, "place: a", "joy"))
    assert card.kind == "none"
    assert card.sentence.startswith("Pictures with place: a are predicted as joy ")
    assert "No difference" in card.sentence
    assert card.pairs == ()


def test_too_few_pictures_are_told_and_what_it_takes():
    rows = pd.DataFrame(table(300, attributes={"tone": ("dark", "light")}, bias=0.0))
    rows.loc[:3, "tone"] = "grey"
    result = audited(rows, order=1, min_count=10, **FAST)
    card = finding_card(result, position(result, "tone: grey"))
    assert card.kind == "too few"
    assert card.sentence == "Too few pictures to tell: tone: grey has 4, beside 296 others."
    assert card.settle == "It takes 10 pictures of the slice and of the others."
