"""What the texts of a picture name is counted text by text and averaged over the picture."""

from __future__ import annotations

import pandas as pd
import pytest

from affect_workbench.data.instruct.emotion_words import EMOTION_OF_WORD, frequent_words, picture_outcomes, texts_frame
from instruct_records import conversation


def test_numbers_of_a_picture_are_means_over_its_texts():
    texts = pd.DataFrame(
        [
            ("a", "Sad and fearful, but joyful."),
            ("a", "A gloomy dog."),
            ("a", "A dog."),
            ("a", ""),
            ("b", "Joy! Joy, of the happy kind."),
        ],
        columns=["image_id", "text"],
    )
    found = picture_outcomes(texts, words=("Gloomy", "absent")).set_index("image_id")
    assert found.index.tolist() == ["a", "b"]
    assert found.loc["a", "polarity"] == pytest.approx((1 - 2) / 3 / 4)
    assert found.loc["b", "polarity"] == 1
    assert found["length_in_words"].tolist() == [2.5, 6]
    assert found["names_sadness"].tolist() == found["says_gloomy"].tolist() == [0.25, 0]
    assert found["names_joy"].tolist() == [0.25, 1]
    assert "says_absent" not in found
    assert "names_disgust" not in found


def test_frequent_words_are_those_that_name_nothing_known():
    texts = [
        ("a", "A gloomy dog, sad."),
        ("a", "Gloomy and grim."),
        ("b", "A gloomy dog, grim."),
        ("c", "A cat."),
        ("d", "-"),
    ]
    frame = pd.DataFrame(texts, columns=["image_id", "text"])
    assert frequent_words(frame, most=5) == ("dog", "gloomy", "grim")
    assert frequent_words(frame, most=5, leaving_out={"dog"}) == ("gloomy", "grim")
    assert frequent_words(frame, most=1) == ("dog",)


def test_words_belong_to_one_emotion_each():
    assert EMOTION_OF_WORD["dread"] == "fear"
    assert EMOTION_OF_WORD["happy"] == "joy"
    assert "content" not in EMOTION_OF_WORD


def test_every_answer_is_a_text():
    frame = texts_frame([conversation(("caption", "q", "A dog."), ("sentiment", "r", "Joy."))])
    assert frame.to_dict("list") == {
        "image_id": ["a", "a"],
        "text": ["A dog.", "Joy."],
        "task": ["caption", "sentiment"],
        "stage": ["pretraining", "pretraining"],
    }
