"""Answers become one row a picture: means over prompts and runs, what each prompt alone got, counts, nothing guessed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.data.answers.prompts import STANDARD_PROMPTS, Prompt, prompts_fingerprint, read_prompts
from affect_workbench.data.answers.table import kind_counts, predictions_frame, unanswered_frame
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.tables.columns import attribute_columns
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

LABELS = Taxonomy("mine", ("anger", "fear", "joy"))
ROWS = pd.DataFrame({"image_id": ["b", "a", "c"], "path": ["b.png", "a.png", "c.png"], "tone": ["dark", "light", "dark"]})


def answers(*rows: tuple) -> pd.DataFrame:
    columns = ["image_id", "prompt", "run", "kind", "answer", "p_anger", "p_fear", "p_joy"]
    return pd.DataFrame(rows, columns=columns).assign(text="")


def test_scored_answers_are_averaged_over_runs_within_prompts_and_then_over_prompts():
    given = answers(
        ("a", "one", 0, "label", "anger", 0.6, 0.4, 0.0),
        ("a", "one", 1, "label", "anger", 0.8, 0.2, 0.0),
        ("a", "two", 0, "label", "joy", 0.1, 0.0, 0.9),
        ("b", "two", 0, "label", "fear", 0.1, 0.7, 0.2),
        ("a", "one", 2, "refusal", None, np.nan, np.nan, np.nan),
    )
    frame = predictions_frame(given, ROWS, LABELS)
    assert frame["image_id"].tolist() == ["b", "a"]
    np.testing.assert_allclose(frame[["score_anger", "score_fear", "score_joy"]], [[0.1, 0.7, 0.2], [0.4, 0.15, 0.45]])
    assert frame["predicted"].tolist() == ["fear", "joy"]
    assert frame["prompt_one"].isna().tolist() == [True, False]
    assert frame["prompt_one"].iloc[1] == "anger"
    assert frame["prompt_two"].tolist() == ["fear", "joy"]
    assert frame["answers_refusal"].tolist() == [0, 1]
    assert frame["answers_label"].tolist() == [1, 3]
    assert attribute_columns(frame.drop(columns=[name for name in frame if name.startswith("score_")])) == ["tone"]
    left = unanswered_frame(given, ROWS, frame)
    assert left[["image_id", "path"]].to_numpy().tolist() == [["c", "c.png"]]
    assert kind_counts(given) == {"label": 4, "refusal": 1, "hedge": 0, "unparseable": 0}
    predictions = Predictions.from_frame(frame)
    assert predictions.taxonomy.labels == LABELS.labels
    assert [LABELS.labels[code] for code in predictions.predicted] == frame["predicted"].tolist()


def test_generated_answers_count_as_what_they_name():
    none = (np.nan,) * 3
    given = answers(
        ("a", "one", 0, "label", "anger", *none),
        ("a", "one", 1, "label", "anger", *none),
        ("a", "one", 2, "label", "joy", *none),
        ("a", "two", 0, "hedge", None, *none),
        ("b", "one", 0, "refusal", None, *none),
    )
    frame = predictions_frame(given, ROWS, LABELS)
    assert frame["image_id"].tolist() == ["a"]
    np.testing.assert_allclose(frame[["score_anger", "score_fear", "score_joy"]], [[2 / 3, 0, 1 / 3]])
    left = unanswered_frame(given, ROWS, frame)
    assert left["image_id"].tolist() == ["b", "c"]
    assert left["answers_refusal"].tolist() == [1, 0]
    with pytest.raises(ValueError, match=r"none of 1 answer names one of the labels anger, fear, joy"):
        predictions_frame(given.tail(1), ROWS, LABELS)


def test_standard_prompts_are_at_least_five_and_some_list_the_options():
    assert len(STANDARD_PROMPTS) >= 5
    assert 2 <= sum(prompt.lists_options for prompt in STANDARD_PROMPTS) < len(STANDARD_PROMPTS)
    assert len({prompt.id for prompt in STANDARD_PROMPTS}) == len(STANDARD_PROMPTS)


def test_options_are_shuffled_by_picture_and_seed_and_evenly():
    prompt = Prompt("listed", "One of {options}?")
    texts = [prompt.question(LABELS.labels, image_id=str(number)) for number in range(600)]
    assert texts == [prompt.question(LABELS.labels, image_id=str(number)) for number in range(600)]
    first = pd.Series([text.split()[2].strip(",?") for text in texts]).value_counts()
    assert set(first.index) == set(LABELS.labels)
    assert first.min() > 150
    other = [prompt.question(LABELS.labels, image_id=str(number), seed=1) for number in range(600)]
    assert sum(a != b for a, b in zip(texts, other, strict=True)) > 300
    assert Prompt("open", "Which?").question(LABELS.labels, image_id="a") == "Which?"


def test_a_changed_word_changes_the_fingerprint():
    changed = (Prompt("open", STANDARD_PROMPTS[0].text + " Please."), *STANDARD_PROMPTS[1:])
    assert prompts_fingerprint(STANDARD_PROMPTS) == prompts_fingerprint(tuple(STANDARD_PROMPTS))
    assert prompts_fingerprint(changed) != prompts_fingerprint(STANDARD_PROMPTS)


def test_prompts_of_ones_own(tmp_path):
    file = tmp_path / "prompts.toml"
    file.write_text('mine = "Which of {options}?"\nopen = "Which?"\n')
    assert read_prompts(file) == (Prompt("mine", "Which of {options}?"), Prompt("open", "Which?"))
    file.write_text('mine = "Which of {labels}?"\n')
    with pytest.raises(ValueError, match=r"prompts.toml: prompt 'mine' is .* with \{options\} in it at most once"):
        read_prompts(file)
    file.write_text("")
    with pytest.raises(ValueError, match="expected a line a prompt"):
        read_prompts(file)
    with pytest.raises(ValueError, match="lower-case letters"):
        Prompt("My Prompt", "Which?")
    with pytest.raises(FileNotFoundError, match="no prompts at"):
        read_prompts(tmp_path / "none.toml")
