"""Does a logged answer count as the label that it names, and as none where it decides for none?"""

from __future__ import annotations

import pandas as pd
import pytest

from affect_workbench.data.answers.logs.answer_log import Answer, AnswerLog, answer_log
from affect_workbench.data.answers.logs.labels import answer_of, log_answers, log_labels, log_predictions
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

LABELS = Taxonomy.spelt_as(["awe", "fear", "sadness"])
OPTIONS = {"A": "fear", "B": "awe", "C": "sadness"}


def log_of(*answers: Answer) -> AnswerLog:
    return answer_log("texts", answers, source="t.csv")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("A", "fear"),
        ("(B)", "awe"),
        ("**B**.", "awe"),
        ("B. awe", "awe"),
        ("(C) sadness, since it rains", "sadness"),
        ("ANSWER: C", "sadness"),
        ("The answer is B.", "awe"),
        ("The answer is C as it rains", "sadness"),
        ("Answer: A at first. No: the answer is (B)", "awe"),
        ("<think>A, surely</think>B", "awe"),
        ("Awe", "awe"),
        ("A sad man, so sadness", "sadness"),
    ],
)
def test_a_letter_is_the_option_that_it_stands_for(text: str, label: str) -> None:
    assert answer_of(text, LABELS, OPTIONS).label == label


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("A. awe", "hedge"),  # A is fear
        ("D", "unparseable"),
        ("A man stands there", "unparseable"),
        ("My answer: A man stands there", "unparseable"),
        ("", "unparseable"),
        ("I'm sorry, I can't help with that.", "refusal"),
        ("Fear or awe", "hedge"),
    ],
)
def test_what_decides_for_no_option_is_no_label(text: str, kind: str) -> None:
    assert answer_of(text, LABELS, OPTIONS).kind == kind


def test_letters_without_options_are_no_labels() -> None:
    assert answer_of("A", LABELS, {}).kind == "unparseable"
    assert log_labels(log_of(Answer("1", "A", gold=("A",)), Answer("2", "B", gold=("B",)))) is None
    assert answer_of("B", LABELS, {"A": "awe", "B": "rage"}).kind == "unparseable"  # an option that is no label here


def test_labels_are_right_answers_and_options_unless_these_are_texts() -> None:
    found = log_labels(log_of(Answer("1", "x", gold=("awe",), options={"A": "Awe", "B": "fear"})))
    assert found is not None
    assert found.labels == ("awe", "fear")
    captions = [Answer(str(at), "x", gold=(f"a dog runs over the field number {at}",)) for at in range(9)]
    assert log_labels(log_of(*captions)) is None
    assert log_labels(log_of(Answer("1", "awe", gold=("awe",)))) is None


def test_runs_become_shares_and_columns_of_their_own() -> None:
    texts = {"1": ("awe", "awe", "fear"), "2": ("fear", "sorry, I cannot say", "fear"), "3": ("?", "?", "?")}
    log = log_of(
        *(Answer(name, text, run=str(at), gold=("awe",)) for name, many in texts.items() for at, text in enumerate(many))
    )
    table, notes = log_predictions(log, log_answers(log, LABELS), LABELS)
    assert table["image_id"].tolist() == ["1", "2"]
    assert table["predicted"].tolist() == ["awe", "fear"]
    assert table["score_awe"].tolist() == pytest.approx([2 / 3, 0])
    assert table["prompt_run 0"].tolist() == ["awe", "fear"]
    assert table["prompt_run 1"].isna().tolist() == [False, True]
    assert table["answers_refusal"].tolist() == [0, 1]
    assert table["label"].tolist() == ["awe", "awe"]
    assert notes == (
        "t.csv: 1 sample without an answer that names a label: not audited",
        "t.csv: answers that name no label, of 9: 3 unparseable, 1 refusal",
    )


def test_several_right_answers_are_equal_votes_and_strange_ones_unknown() -> None:
    log = log_of(
        Answer("1", "awe", gold=("awe", "fear")),
        Answer("2", "fear", gold=("fear",)),
        Answer("3", "fear", gold=("rage", "awe")),
    )
    table, notes = log_predictions(log, log_answers(log, LABELS), LABELS)
    votes = table[["vote_awe", "vote_fear", "vote_sadness"]]
    expected = pd.DataFrame([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [float("nan")] * 3], columns=votes.columns)
    pd.testing.assert_frame_equal(votes, expected)
    assert notes == (
        "t.csv: 1 sample has a right answer that is no label: its truth is unknown",
        "t.csv: samples with several right answers: each counts as an equal vote",
    )


def test_a_log_in_which_nothing_names_a_label_is_refused() -> None:
    log = log_of(Answer("1", "calm"))
    with pytest.raises(ValueError, match="none of 1 answer names one of the labels awe, fear, sadness"):
        log_predictions(log, log_answers(log, LABELS), LABELS)
