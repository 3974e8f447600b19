"""Is one label one label however it is spelt, and do two that somebody tells apart stay two?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_workbench.data.taxonomies.label_identity import (
    is_emotion_word,
    label_set,
    meaning,
    plain,
    same_meaning,
    text_of,
    trimmed,
)
from affect_workbench.data.taxonomies.taxonomy import TAXONOMIES
from affect_workbench.data.taxonomies.words import AFFECTNET, COMMON_ALIASES, MIKELS, WEBEMO


@pytest.mark.parametrize(
    "spelling", ["joy", "Joy", "JOY", " joy ", "Joy.", "'joy'", '"Joy"', "“joy”", "**Joy**", "joy\u00a0", "\ufeffjoy"]
)
def test_case_blanks_quotes_and_punctuation_around_a_label_are_not_part_of_it(spelling):
    assert plain(spelling) == "joy"


@pytest.mark.parametrize("number", [3, 3.0, "3", "3.0", " 3 ", "3.00", np.int64(3), np.float32(3), "3."])
def test_a_whole_number_is_one_label_as_integer_float_and_text(number):
    assert plain(number) == "3"


def test_what_is_no_spelling_of_the_same_stays_different():
    assert len({plain(value) for value in (1, -1, 1.5, "01", "10", True)}) == 6
    assert plain("something_else") == plain("Something  else") == plain("something-else") == "something else"
    assert (trimmed("?"), plain("…")) == ("?", "…")
    assert plain("cafe\u0301") == plain("caf\u00e9")
    assert (text_of(3.0), text_of(2.5), text_of("3.0")) == ("3", "2.5", "3.0")


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        ("FER2013, DeepFace", "angry disgust fear happy sad surprise neutral"),
        ("RAF-DB, Azure", "anger disgust fear happiness sadness surprise neutral"),
        ("AffectNet", "Anger Disgust Fear Happy Sad Surprise Neutral"),
        ("Rekognition", "ANGRY DISGUSTED FEAR HAPPY SAD SURPRISED neutral"),
    ],
)
def test_published_spellings_of_the_seven_mean_the_same(dataset, words):
    assert [meaning(word) for word in words.split()] == ["anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral"]


@pytest.mark.parametrize("labels", [AFFECTNET, MIKELS, WEBEMO, *(taxonomy.labels for taxonomy in TAXONOMIES.values())])
def test_no_published_set_has_two_labels_of_one_meaning(labels):
    assert len(set(map(meaning, labels))) == len(labels)


def test_no_word_means_two_things():
    words = [word for others in COMMON_ALIASES.values() for word in others]
    assert len(set(words)) == len(words)
    assert not set(words) & set(COMMON_ALIASES)


def test_the_truth_says_which_labels_there_are_and_how_they_are_spelt():
    assert label_set({"happy": 3, "Happy ": 5, "sad": 1}, {"joy": 2, "Sadness.": 1, "calm": 1}) == {
        "happy": "Happy",
        "sad": "sad",
        "calm": "calm",
    }


def test_two_words_for_one_feeling_in_one_column_stay_two_labels():
    assert list(label_set({"joy": 1, "happiness": 1}, {"Happiness": 1, "joy": 1})) == ["joy", "happiness"]
    assert list(label_set({"joy": 1, "happiness": 1}, {"happy": 1})) == ["joy", "happiness", "happy"]
    assert same_meaning("happy", ["joy", "happiness"]) is None
    assert list(label_set({}, {"angry": 1, "anger": 1})) == ["angry", "anger"]


@given(st.lists(st.text(max_size=8), max_size=6))
def test_every_spelling_has_a_label_in_its_set_and_identity_is_settled_at_once(words):
    shown = label_set(dict.fromkeys(words, 1))
    assert {plain(word) for word in words} == set(shown)
    assert all(plain(spelling) == form for form, spelling in shown.items())


def test_words_of_labels_are_told_from_other_words():
    assert all(map(is_emotion_word, ["Happy", "contempt", "Doubt/Confusion", "something_else", "serenity"]))
    assert not any(map(is_emotion_word, ["entropy", "text", "confidence", "img_1", "The person looks sad"]))
