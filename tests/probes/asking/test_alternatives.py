"""An endpoint's alternatives as probabilities of labels."""

from __future__ import annotations

import math

import numpy as np

from affect_workbench.data.answers.parser import parse
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.asking.alternatives import Token, label_probabilities

LABELS = Taxonomy("mine", ("joy", "disgust", "disappointment", "anger"))


def token(text: str, **others: float) -> Token:
    return Token(text, {name.replace("_", " "): math.log(share) for name, share in others.items()})


def shares(tokens: list[Token]) -> tuple[float, ...] | None:
    text = "".join(one.text for one in tokens)
    return label_probabilities(tokens, parse(text, LABELS).start, LABELS)


def test_alternatives_to_a_whole_word():
    np.testing.assert_allclose(shares([token("joy", joy=0.6, Anger=0.2, a=0.1, angry=0.1)]), (2 / 3, 0, 0, 1 / 3))


def test_the_place_of_the_word_counts_and_blanks_do_not():
    tokens = [token("It", It=0.9, joy=0.1), token(" is", _is=1.0), token(" joy", _joy=0.5, _anger=0.5), token(".")]
    np.testing.assert_allclose(shares(tokens), (0.5, 0, 0, 0.5))


def test_a_beginning_that_two_labels_share_is_told_apart_by_the_next_token():
    tokens = [token("dis", dis=0.8, joy=0.2), token("gust", gust=0.75, appointment=0.25)]
    np.testing.assert_allclose(shares(tokens), (0.2, 0.6, 0.2, 0))
    other = [token("joy", joy=0.5, dis=0.5)]
    np.testing.assert_allclose(shares(other), (1, 0, 0, 0))


def test_no_place_and_no_label_give_nothing():
    assert label_probabilities([], 0, LABELS) is None
    assert label_probabilities([token("tree", tree=1.0)], 0, LABELS) is None
    assert label_probabilities([token("joy", joy=1.0)], 5, LABELS) is None
