"""Free text: one label, a refusal, a hedge or nothing; never a guess."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_workbench.data.answers.parser import KINDS, parse
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

FER = Taxonomy.named("fer7")
MIKELS = Taxonomy.named("mikels8")
PARROTT = Taxonomy.named("parrott6")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("joy", "joy"),
        (" **Joy**.\n", "joy"),
        ("Happiness", "joy"),
        ("The person looks angry.", "anger"),
        ("The picture conveys a sense of sadness, with its grey sky.", "sadness"),
        ("Not angry but sad.", "sadness"),
        ("It is not anger, it is fear.", "fear"),
        ("The person is not smiling and looks sad.", "sadness"),
        ("There is no doubt: fear.", "fear"),
        ("It looks like joy.", "joy"),
        ("Nothing but joy!", "joy"),
        ("I can't identify the person, but the picture conveys joy.", "joy"),
        ("I cannot name people. The picture shows surprise.", "surprise"),
        ("Joy and sadness both appear.\nAnswer: sadness", "sadness"),
        ("Of anger, fear and joy, I would choose fear.", "fear"),
        ("There is anger, and there is fear.\n**Fear**", "fear"),
        ("Unfortunately, the picture conveys sadness.", "sadness"),
        ("As an AI, I'd say it is joy.", "joy"),
        ("Angry, very angry: anger.", "anger"),
        ("SURPRISED", "surprise"),
        ("<think>Anger? No, rather joy.</think>Fear", "fear"),
    ],
)
def test_a_label_that_is_named_is_found(text, label):
    answer = parse(text, FER)
    assert (answer.kind, answer.label) == ("label", label)
    assert FER.resolve(text[answer.start :].split()[0].strip(".,*!\n")) == label


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I'm afraid I can't answer that.",
        "I’m unable to determine emotions such as anger or joy from pictures.",
        "I cannot identify the emotion of people.",
        "I would love to help, but I can't infer feelings.",
        "As an AI language model, I do not have the ability to see pictures.",
        "Sorry.",
        "No image was provided.",
        "I won't label this as anger.",
    ],
)
def test_refusals_are_refusals(text):
    assert parse(text, PARROTT).kind == "refusal"
    assert parse(text, FER).kind == "refusal"


@pytest.mark.parametrize(
    "text",
    [
        "joy or sadness",
        "It could be anger.",
        "Maybe joy?",
        "A mixture of fear and surprise.",
        "Answer: joy or fear",
        "Anger, fear",
        "It is unclear which emotion this is.",
        "Hard to say, the sky is grey.",
        "joyful surprise",
        "not just joy but also surprise",
    ],
)
def test_several_labels_or_one_in_doubt_are_a_hedge(text):
    assert parse(text, FER).kind == "hedge"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        "A dog on a beach.",
        "serenity",
        "neither happy nor sad",
        "It is not joy.",
        "The content of the picture.",
        "B",
        "<think>joy",
    ],
)
def test_what_names_no_label_is_unparseable(text):
    assert parse(text, FER).kind == parse(text, MIKELS).kind == "unparseable"


def test_labels_are_those_that_were_asked_for():
    assert parse("awe", FER).kind == "unparseable"
    assert parse("awe", MIKELS).label == "awe"
    assert parse("She is content.", MIKELS).label == "contentment"
    two = Taxonomy("mine", ("joy", "happiness"))
    assert (parse("happiness", two).label, parse("joy", two).label) == ("happiness", "joy")
    assert parse("something-else", Taxonomy("mine", ("joy", "something else"))).label == "something else"


@given(st.text(max_size=200))
def test_any_text_is_parsed(text):
    answer = parse(text, FER)
    assert answer.kind in KINDS
    assert (answer.label is None) == (answer.kind != "label")
