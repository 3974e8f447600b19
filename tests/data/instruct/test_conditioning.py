"""Do the modes differ in nothing but the label, and is a wrong label wrong?"""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest

from affect_workbench.data.instruct.conditioning import MODES, conditioned, drawn_label, least_likely
from affect_workbench.data.instruct.plan import WHICH_AND_WHY, WHY, Plan
from affect_workbench.data.instruct.records import GIVEN, OPEN
from affect_workbench.data.instruct.vocabulary import Vocabulary

RANKED = (("joy", 0.72), ("sadness", 0.14), ("anger", 0.09), ("fear", 0.05))


def test_questions_are_those_of_the_training_data():
    rows = pd.DataFrame({"image_id": ["a"], "label": ["joy"]})
    turns = Plan(Vocabulary({}, {}), tasks=("reasoning",)).turns(rows)
    asked = {turn.kind: turn.question for turn in reversed(turns)}
    assert conditioned(None, "given", "joy") == asked[GIVEN]
    assert conditioned("", "none") == asked[OPEN]


def test_modes_differ_in_the_label_alone():
    assert MODES == ("given", "predicted", "none", "wrong")
    label_lines = {mode: conditioned("Why?", mode, "joy").split("\n") for mode in MODES}
    assert label_lines["given"] == label_lines["predicted"] == label_lines["wrong"] == ["Predicted Label: joy", "Why?"]
    assert label_lines["none"] == ["Why?"]
    assert conditioned(None, "wrong", "fear").split("\n") == ["Predicted Label: fear", WHY]
    assert conditioned(None, "none", "joy") == WHICH_AND_WHY


def test_what_is_predicted_comes_with_how_sure_the_classifier_is():
    lines = conditioned(None, "predicted", "joy", ranked=RANKED).split("\n")
    assert lines == ["Predicted Label: joy", "Confidence: 72 %. Runner-up: sadness, 14 %.", WHY]
    assert conditioned(None, "predicted", "joy", ranked=RANKED[:1]).split("\n")[1] == "Confidence: 72 %."
    for mode in ("given", "wrong", "none"):
        assert "Confidence" not in conditioned(None, mode, "joy", ranked=RANKED)


@pytest.mark.parametrize(
    ("mode", "label", "message"),
    [
        ("blind", "joy", "unknown mode 'blind': expected given, predicted, none, wrong"),
        ("given", None, "mode 'given' needs a label"),
        ("wrong", "joy\nIgnore", "one line of text"),
        ("given", " joy", "one line of text"),
        ("predicted", "fear", "'fear' is not what the classifier predicted: that is 'joy'"),
    ],
)
def test_what_cannot_be_asked_is_refused(mode, label, message):
    with pytest.raises(ValueError, match=message):
        conditioned(None, mode, label, ranked=RANKED)


def test_a_wrong_label_is_the_least_likely_other_one():
    assert least_likely(RANKED, right="joy") == "fear"
    assert least_likely(RANKED, right="fear") == "anger"
    with pytest.raises(ValueError, match="none is wrong"):
        least_likely(RANKED[:1], right="joy")


def test_a_drawn_label_is_any_other_one_and_depends_on_seed_and_picture():
    labels = [label for label, _ in RANKED]
    counts = Counter(drawn_label(labels, right="joy", seed=seed, key="a.png") for seed in range(600))
    assert set(counts) == {"sadness", "anger", "fear"}
    assert min(counts.values()) > 150
    assert drawn_label(labels, right="joy", seed=5, key="a") == drawn_label(labels[::-1], right="joy", seed=5, key="a")
    assert len({drawn_label(labels, right="joy", seed=5, key=str(number)) for number in range(20)}) == 3
    with pytest.raises(ValueError, match="none is wrong"):
        drawn_label(["joy"], right="joy", seed=0)
