"""Attributes by which people must not be treated differently stand first, named or known by their names."""

from __future__ import annotations

import pandas as pd
import pytest

from affect_workbench.workbench.report.cards.every_attribute import cards_of
from affect_workbench.workbench.report.cards.protected import NAMES, is_protected
from workbench_runs import audited, predictions_table, refusal


@pytest.mark.parametrize("column", [*NAMES, "apparent_age", "SkinTone", "skin_tone_of_figure", "Gender", "head.sex"])
def test_a_whole_word_of_its_name_makes_a_column_protected(column):
    assert is_protected(column)


@pytest.mark.parametrize("column", ["image", "language", "tone", "skin", "racetrack", "sextant", "message_kind"])
def test_a_part_of_a_word_does_not(column):
    assert not is_protected(column)
    assert is_protected(column, (column,))


def test_protected_cards_stand_first_whatever_was_found():
    table = predictions_table(600, attributes={"tone": ("dark", "light"), "place": ("x", "y"), "age": ("old", "young")})
    config = {"further": False, "space_pictures": 0, "order": 1}
    cards = cards_of(audited(table, **config))
    assert [(card.attribute, card.protected) for card in cards] == [("age", True), ("tone", False), ("place", False)]
    cards = cards_of(audited(table, **config, protected=("place",)))
    assert [card.attribute for card in cards if card.protected] == [card.attribute for card in cards][:2]
    assert {card.attribute for card in cards if card.protected} == {"age", "place"}


def test_a_protected_column_that_the_data_lack_is_refused_by_name(tmp_path):
    path = tmp_path / "said.csv"
    pd.DataFrame(predictions_table(40)).to_csv(path, index=False)
    said = refusal("audit", "--predictions", path, "--protected", "ton", "-o", tmp_path / "run")
    assert "--protected names 'ton', which is no column of the data: did you mean tone?" in said
