"""Are words found, left out and counted as a person would by hand, and is nothing guessed from a refusal?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.texts.lexicon import Lexicon
from affect_workbench.analyses.texts.measures import (
    DOUBT,
    EMPTY,
    LENGTH,
    REFUSAL,
    TEXT_PREFIX,
    VALENCE,
    WORD_PREFIX,
    text_measures,
)
from affect_workbench.analyses.texts.words import attribute_words, frequent_words, inflections
from affect_workbench.data.taxonomies.taxonomy import TAXONOMIES, Taxonomy
from affect_workbench.data.taxonomies.text_words import EMOTION_OF_WORD, POLARITY_OF_WORD


def of(*texts: str, lexicon: Lexicon | None = None):
    return text_measures(pd.DataFrame({"image_id": ["a"] * len(texts), "text": list(texts)}), lexicon)


def emotions(text: str, **given: Lexicon) -> str:
    return of(text, **given).table()["emotions"].iloc[0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The street looks gloomy and he seems frightened.", "fear, sadness"),
        ("She is HAPPY.", "joy"),
        ("No sign of fear here, but a calm evening.", "contentment"),
        ("It is not sad. It is joyful.", "joy"),
        ("I'm afraid the picture shows a car.", ""),
        ("The content of the picture: two chairs, fun to sit on, I wonder.", ""),
        ("<think>Is it anger? No.</think> A quiet room.", ""),
        ("Happy-go-lucky; anger's end.", "anger, joy"),
    ],
)
def test_words_of_emotions_are_found_unless_they_are_negated_or_mean_something_else(text: str, found: str) -> None:
    assert emotions(text) == found


def test_numbers_of_a_picture_by_hand() -> None:
    texts = pd.DataFrame(
        {
            "image_id": ["a", "a", "a", "a", "b", "b", "c"],
            "text": [
                "A gloomy street.",
                "Happy people, perhaps, and a sad dog.",
                "I'm sorry, I can't help with that.",
                "",
                "A chair.",
                "A delightful chair.",
                " ",
            ],
        }
    )
    numbers = text_measures(texts).by_picture()
    assert list(numbers.index) == ["a", "b", "c"]
    expected = {
        TEXT_PREFIX + "sadness": [1.0, 0.0, np.nan],
        TEXT_PREFIX + "joy": [0.5, 0.5, np.nan],
        VALENCE: [-0.5, 1.0, np.nan],
        LENGTH: [5.0, 2.5, np.nan],
        REFUSAL: [1 / 3, 0.0, np.nan],
        DOUBT: [0.5, 0.0, np.nan],
        EMPTY: [0.25, 0.0, 1.0],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(numbers[name], values, err_msg=name)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("I'm sorry, I can't help with that.", "refusal"),
        ("As an AI, I cannot infer how anyone feels. Please ask something else.", "refusal"),
        ("I cannot tell whether she is happy.", "refusal"),
        ("I cannot tell who she is, but she looks happy.", "answer"),
        ("We cannot see the sky. A man stands near a car.", "answer"),
        ("I cannot see the image.", "refusal"),
        ("The gap is impossible to ignore.", "answer"),
        ("Unfortunately, the picture is blurred.", "answer"),
        ("Unfortunately, I can't assist.", "refusal"),
        ("I can't say who this is, but the picture shows a tall man in a blue suit in front of a glass building.", "answer"),
        ("<think>She looks sad", "empty"),
    ],
)
def test_a_refusal_is_told_from_a_description_and_its_words_do_not_count(text: str, kind: str) -> None:
    found = of(text)
    assert list(found.texts["kind"]) == [kind]
    assert found.table()["emotions"].iloc[0] == ("joy" if "looks happy" in text else "")


def test_words_that_are_left_out_count_nowhere() -> None:
    found = of("A gloomy, sad and calm day.")
    assert found.by_picture()[VALENCE].iloc[0] == pytest.approx(-1 / 3)
    without = found.by_picture(left_out={"gloomy", "sad"})
    assert without[VALENCE].iloc[0] == 1.0
    assert without[TEXT_PREFIX + "sadness"].iloc[0] == 0.0


def test_single_words_are_compared_as_said_whatever_they_mean() -> None:
    found = of(
        "A gloomy Dog.",
        "No dog; a cat.",
        "I cannot tell whether the dog is happy.",
        lexicon=Lexicon.built_in().with_words(["DOG", "gloomy"]),
    )
    assert found.outcomes[-2:] == (WORD_PREFIX + "dog", WORD_PREFIX + "gloomy")
    assert found.words == {"gloomy"}
    for left_out in (set(), {"gloomy", "dog"}):
        numbers = found.by_picture(left_out=left_out).iloc[0]
        assert numbers[list(found.outcomes[-2:])].tolist() == [0.5, 0.5]
        assert numbers[TEXT_PREFIX + "sadness"] == (0 if left_out else 0.5)
        assert numbers[REFUSAL] == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="'well-lit' is no word of letters alone: expected single words"):
        Lexicon.built_in().with_words(["well-lit"])


def test_frequent_words_are_in_the_texts_of_most_pictures_and_neither_function_words_nor_left_out() -> None:
    said = [
        ("a", "A gloomy dog, sad."),
        ("a", "Gloomy and grim."),
        ("b", "A gloomy dog, grim."),
        ("c", "A cat."),
        ("d", "-"),
    ]
    texts = pd.DataFrame(said, columns=["image_id", "text"])
    assert frequent_words(texts, most=5) == ("dog", "gloomy", "grim")
    assert frequent_words(texts, most=5, leaving_out={"dog"}) == ("gloomy", "grim")
    assert frequent_words(texts, most=1) == ("dog",)


def test_every_built_in_word_has_one_emotion_and_a_polarity_and_taxonomies_make_a_lexicon() -> None:
    assert set(EMOTION_OF_WORD) == set(POLARITY_OF_WORD)
    for taxonomy in TAXONOMIES.values():
        lexicon = Lexicon.of_taxonomy(taxonomy)
        assert set(lexicon.emotion.values()) == {label for label in taxonomy.labels if label.isalpha()}
    ekman = Lexicon.of_taxonomy(Taxonomy.named("ekman6"))
    assert emotions("A gloomy but loving and astonished man.", lexicon=ekman) == "sadness, surprise"
    webemo = Lexicon.of_taxonomy(Taxonomy.named("webemo25"))
    assert emotions("Full of fury and terror.", lexicon=webemo) == "horror, rage"
    assert webemo.valence["surprise"] == 1.0  # as WEBEmo's authors count it
    assert Lexicon.built_in().valence["surprise"] == 0.0


def test_a_lexicon_of_ones_own_gives_valence_and_leaves_emotions() -> None:
    own = Lexicon.built_in().with_valence({"Street": -2, "sad": -3, "a phrase": 1}, name="own.csv")
    found = of("A sad street, a happy dog.", lexicon=own)
    assert found.by_picture()[VALENCE].iloc[0] == pytest.approx(-2.5)
    assert found.table()["emotions"].iloc[0] == "joy, sadness"
    with pytest.raises(ValueError, match="the valence of 'sad' is not a number"):
        Lexicon.built_in().with_valence({"sad": float("nan")}, name="own.csv")
    with pytest.raises(ValueError, match="holds no single word"):
        Lexicon.built_in().with_valence({"two words": 1}, name="own.csv")


def test_simple_inflections() -> None:
    assert {"dark", "darker", "darkest", "darkly", "darkness"} <= inflections("dark")
    assert {"sad", "sadder", "sadly", "sadness"} <= inflections("sad")
    assert {"happy", "happier", "happily", "happiness"} <= inflections("happy")
    assert {"smile", "smiles", "smiled", "smiling"} <= inflections("smile")
    assert {"open", "opened", "opening"} <= inflections("open")
    assert inflections("woman") >= {"woman", "women"}
    assert "men" in inflections("man")
    assert "women" not in inflections("man")
    words = attribute_words("skin_tone", ["very dark", 3, True, "no", "light"])
    assert {"skin", "tone", "tones", "dark", "darker", "light"} <= words
    assert not {"no", "3", "true", "very dark"} & words
