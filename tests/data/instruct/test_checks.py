"""Each kind of problem is found where it was put, and what the rules write has none."""

from __future__ import annotations

import dataclasses

import pytest

from affect_workbench.data.instruct.checks import (
    CONTRADICTION,
    DUPLICATE,
    EMPTY,
    LANGUAGE,
    LEAKED,
    LENGTH,
    MISSING_PICTURE,
    NOT_SHOWN,
    REFUSAL,
    Knowledge,
    counted,
    problems_of,
    rows_by_id,
)
from affect_workbench.data.instruct.folder import vocabulary_of
from affect_workbench.data.instruct.records import GIVEN, OPEN, problem_table
from instruct_records import EKMAN, by_rules, conversation, scene_rows

SHOWN = {"setting": "beach", "light": "sunset", "weather": "rain", "subject": "dog", "figure_tone": None, "held": None}
SHOWN |= {"extras": "fire", "camera": "sharp"}


@pytest.fixture
def known(tmp_path) -> Knowledge:
    (tmp_path / "a.png").touch()
    return Knowledge(tmp_path, EKMAN, vocabulary_of(scene_rows(5)), {"a": {"image_id": "a", **SHOWN}}, most_words=30)


def found(known, *records):
    return [(one.kind, one.turn) for one in problems_of(records, known)]


def test_what_the_rules_write_is_clean(tmp_path):
    rows = scene_rows(300)
    (tmp_path / "pictures").mkdir()
    for path in rows["path"]:
        (tmp_path / path).touch()
    known = Knowledge(tmp_path, EKMAN, vocabulary_of(rows), rows_by_id(rows))
    for plant in ("", "figure_tone=dark"):
        assert counted(problems_of(by_rules(rows, plant=plant), known)) == {}


@pytest.mark.parametrize(
    ("turn", "kind"),
    [
        (("caption", "Describe this picture.", " . "), EMPTY),
        (("caption", "?", "A dog."), EMPTY),
        (("caption", "Describe this picture.", "I'm sorry, but I cannot describe this picture."), REFUSAL),
        (("sentiment", "Is this happy picture positive or negative?", "Positive."), LEAKED),
        (("sentiment", "Which emotion does this picture convey?", "Fear."), CONTRADICTION),
        (("sentiment", "Is the feeling of this picture positive or negative?", "It is negative."), CONTRADICTION),
        (("reasoning", "Which emotion does this picture convey, and why?", "Anger: a dog, near flames."), CONTRADICTION),
        (("caption", "Describe this picture.", "A snake at the beach."), NOT_SHOWN),
        (("caption", "Describe this picture.", "A dog in the snow, with a balloon."), NOT_SHOWN),
        (("caption", "Describe this picture.", "Ein Hund sitzt am Abend neben dem Feuer am Meer."), LANGUAGE),
        (("caption", "Describe this picture.", "Собака у моря."), LANGUAGE),
        (("caption", "Describe this picture.", "a dog and " * 20), LENGTH),
    ],
)
def test_each_kind_is_found(known, turn, kind):
    assert {(one, at) for one, at in found(known, conversation(turn))} == {(kind, 1)}


@pytest.mark.parametrize(
    "turn",
    [
        ("caption", "Describe this picture.", "A dog at the beach, at sunset, in the rain, near flames."),
        ("question", "What is the person holding?", "There is no person."),
        ("question", "Is there snow or a snake?", "There is no snow, and not a snake."),
        ("sentiment", "Is it joy, anger or fear?", "Joy."),
        ("reasoning", "Which emotion does this picture convey, and why?", "Joy: a dog, not fear."),
        ("statement", "True or false: a snake.", "False."),
    ],
)
def test_what_is_right_is_let_pass(known, turn):
    assert found(known, conversation(turn)) == []


def test_a_label_in_a_question_is_no_leak_where_it_is_given(known):
    why = ("reasoning", "Predicted Label: joy\nWhy does this picture convey this emotion?", "Joy: a dog.")
    assert found(known, conversation(why, kind=GIVEN)) == []
    assert found(known, conversation(why, kind=OPEN)) == [(LEAKED, 1)]
    asks = ("reasoning", "Predicted Label: joy\nWhy is it joyful?", "Joy: a dog.")
    assert found(known, conversation(asks, kind=GIVEN)) == [(LEAKED, 1)]


def test_a_missing_picture_is_named(known):
    (problem,) = problems_of([conversation(("caption", "Describe it.", "A dog."), image_id="b")], known)
    assert (problem.kind, problem.image_id, problem.detail) == (MISSING_PICTURE, "b", "b.png")


def test_repeated_questions_answers_and_ids_are_found(known):
    turn = ("question", "Where was this picture taken?", "At the beach.")
    first, second = conversation(turn, turn), conversation(turn, id="other")
    assert found(known, first, second) == [(DUPLICATE, 2), (DUPLICATE, 1)]
    assert found(known, conversation(turn), conversation(("caption", "Describe it.", "A dog."))) == [(DUPLICATE, 0)]


def test_conversations_about_one_picture_may_not_contradict_each_other(known):
    true, false = (("statement", "True or false: a dog.", text) for text in ("True.", "False."))
    assert found(known, conversation(true), conversation(false, id="b")) == [(CONTRADICTION, 1)]
    other = dataclasses.replace(conversation(("caption", "Describe it.", "A dog."), id="b"), label="fear")
    assert found(known, conversation(true), other) == [(CONTRADICTION, 0)]


def test_nothing_is_known_of_somebody_elses_pictures(tmp_path):
    (tmp_path / "a.png").touch()
    told = conversation(("caption", "Describe it.", "A snake in the snow."), label=None)
    assert problems_of([told], Knowledge(tmp_path)) == []


def test_the_table_has_a_row_a_problem(known):
    problems = problems_of([conversation(("caption", "?", "A snake."))], known)
    table = problem_table(problems)
    assert list(table) == ["kind", "record", "image_id", "turn", "detail"]
    assert table["kind"].tolist() == [EMPTY, NOT_SHOWN]
    assert counted(problems) == {EMPTY: 1, NOT_SHOWN: 1}
    assert problem_table([]).columns.tolist() == list(table)
