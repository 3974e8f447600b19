"""Are the measures of reasoning right for models of which it is known what they do, looking or guessing?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.texts.reasoning.answers import TEXT_COLUMNS, read_answers
from affect_workbench.analyses.texts.reasoning.evaluate import evaluate_reasoning
from affect_workbench.data.instruct.vocabulary import attribute_vocabulary
from affect_workbench.workbench.models.mmllm.reasoning.questions import deranged, planned_questions
from instruct_records import EKMAN, VOCABULARY, answer, scene_rows

ROWS = scene_rows(60, seed=5)
BY_ID = {row["image_id"]: row for row in ROWS.astype(object).where(ROWS.notna(), None).to_dict("records")}
NOBODY = dict.fromkeys(VOCABULARY.words)
SAME = {"setting": "beach", "light": "sunny", "weather": "clear", "subject": "person", "figure_tone": "light"}
SAME |= {"held": "gift", "extras": "none", "camera": "sharp"}


def answered(sees, *, rows=ROWS, obeys: bool = True) -> pd.DataFrame:
    """The planned questions, answered by somebody who sees `sees(shown, file)`, a picture's row."""
    asked = planned_questions(rows, VOCABULARY, EKMAN, seed=0, ranked={})
    each = zip(asked["shown"], asked["file"], asked["question"], strict=True)
    return asked.assign(text=[answer(sees(shown, file), question, obeys=obeys) for shown, file, question in each])


def looks(shown: str, file: str) -> dict:
    return NOBODY if shown == "mean" else BY_ID[file]


def measured(texts: pd.DataFrame, rows=ROWS, **more):
    return evaluate_reasoning(read_answers(texts, rows, VOCABULARY, EKMAN), **more)


@pytest.fixture(scope="module")
def truthful():
    return measured(answered(looks))


@pytest.fixture(scope="module")
def blind():
    return measured(answered(lambda shown, file: SAME))


def test_who_reads_the_facts_is_right_in_everything_and_only_with_the_picture(truthful):
    table = truthful.table
    recalls = table[(table["measure"] == "question: macro recall") & (table["shown"] == "true")]
    assert set(recalls["attribute"]) == set(VOCABULARY.words)
    assert (recalls["share"] == 1).all()
    assert (recalls["low"] < 1).all()
    for measure in ("given: names a true cause", "statement: judges rightly", "wrong: states the label of the question"):
        assert truthful.of(measure).share == 1, measure
    for what in ("caption", "given", "none", "wrong"):
        assert truthful.of(f"{what}: mentions something absent").share == 0
        assert truthful.of(f"{what}: is empty").share == truthful.of(f"{what}: refuses").share == 0
    assert truthful.of("given: names a true cause", shown="shuffled").high < 0.6
    assert truthful.of("caption: mentions of something absent", shown="shuffled").low > 0.5
    assert truthful.of("wrong: mentions something absent", shown="shuffled").share > 0.3
    assert truthful.of("wrong: states the label of the question", shown="shuffled").share == 1
    recalls = table[(table["measure"] == "question: macro recall") & (table["shown"] == "shuffled")]
    assert (recalls["share"] < 0.5).all()
    assert truthful.headline.endswith("its reasoning rests on what it sees.")
    assert "nothing shows" not in truthful.headline
    assert any(line.startswith("told a wrong label, states it (obedience") for line in truthful.sentences())


def test_who_never_looks_does_as_well_with_any_picture(blind):
    by_kind = blind.table.set_index(["measure", "attribute", "shown"])["share"].unstack("shown")
    np.testing.assert_allclose(by_kind["true"], by_kind["shuffled"], atol=1e-12)
    np.testing.assert_allclose(by_kind["true"], by_kind["mean"], atol=1e-12)
    recalls = by_kind.loc["question: macro recall", "true"]
    values = {name: ROWS[name].nunique() for name in VOCABULARY.words}
    assert recalls.to_dict() == pytest.approx({name: 1 / count for name, count in values.items()})
    assert "nothing shows that its reasoning rests on what it sees" in blind.headline
    obeyed = blind.of("wrong: states the label of the question")
    assert (obeyed.share, obeyed.n) == (1, 60)


def test_who_does_not_obey_states_what_the_picture_says_whatever_it_is_told():
    stubborn = measured(answered(looks, obeys=False))
    assert stubborn.of("wrong: states the label of the question").share < 0.2
    right = stubborn.of("none: names the right label")
    assert stubborn.of("given: states the label of the question").share == right.share
    assert (
        right.share
        == (ROWS["label"] == [answer(row, "Which emotion?").split(":")[0].lower() for row in BY_ID.values()]).mean()
    )


def test_votes_are_those_for_the_label_that_is_named(truthful):
    named = [answer(row, "Which emotion?").split(":")[0].lower() for row in BY_ID.values()]
    votes = [ROWS.iloc[at][f"vote_{label}"] for at, label in enumerate(named)]
    assert truthful.of("none: votes for the named label").share == pytest.approx(np.mean(votes))
    without = measured(answered(looks), ROWS.drop(columns=[name for name in ROWS if name.startswith("vote_")]))
    assert without.of("none: votes for the named label").n == 0


def test_pictures_of_one_group_count_as_less():
    rows = pd.concat(
        [ROWS.iloc[:20].assign(image_id=[f"{one}/{copy}" for one in ROWS["image_id"][:20]]) for copy in range(4)]
    )
    rows = rows.assign(group_id=rows["image_id"].str.partition("/")[0]).reset_index(drop=True)
    asked = planned_questions(rows, VOCABULARY, EKMAN, seed=0, ranked={})
    texts = asked.assign(text=[answer(SAME, question) for question in asked["question"]])
    alone, grouped = (measured(texts, some) for some in (rows.drop(columns="group_id"), rows))
    one, other = (found.of("given: mentions something absent") for found in (alone, grouped))
    assert one.share == other.share
    assert other.high - other.low > 1.5 * (one.high - one.low)


def test_somebody_elses_picture_is_of_another_group():
    rows = ROWS.assign(group_id=[f"g{number // 7}" for number in range(len(ROWS))])
    other = deranged(rows, seed=3)
    groups = rows.set_index("image_id")["group_id"]
    assert sorted(other) == sorted(other.values()) == sorted(ROWS["image_id"])
    assert all(groups[one] != groups[two] for one, two in other.items())
    assert deranged(rows, seed=3) == other != deranged(rows, seed=4)
    most = rows.assign(group_id="one")
    assert all(one != two for one, two in deranged(most, seed=0).items())
    with pytest.raises(ValueError, match="one picture alone cannot be shown in place of another"):
        deranged(rows.iloc[:1], seed=0)


def text_row(text: object, *, image_id: str = "a", **more: str) -> dict:
    row = dict.fromkeys(TEXT_COLUMNS, "") | {"image_id": image_id, "shown": "true", "task": "reasoning", "mode": "given"}
    return row | {"stated": "fear", "text": text} | more


def one_picture(texts: list[dict], **facts: object):
    row = {"image_id": "a", "label": "fear"} | dict.fromkeys(VOCABULARY.words) | facts
    return read_answers(pd.DataFrame(texts), pd.DataFrame([row]), VOCABULARY, EKMAN).rows


def test_longest_words_count_and_what_is_negated_does_not():
    shown = {"subject": "dog", "light": "night", "setting": "forest", "weather": "clear", "extras": "none"}
    texts = [
        "A dog, without rain or snow or fog, in the woods.",
        "Fear: at night, no snake, nothing else around.",
        "A person.",
    ]
    rows = one_picture([text_row(text) for text in texts], **shown)
    assert rows["mentioned"].tolist()[0] == (("subject", "dog"), ("weather", "clear"), ("setting", "forest"))
    assert rows["mentioned"].tolist()[1] == (("light", "night"), ("extras", "none"))
    assert rows["caused"][1] == ("light",)
    assert rows["named"].tolist() == [None, "fear", None]
    assert [bool(one) for one in rows["absent"]] == [False, False, True]
    assert one_picture([text_row("Holding a gift.")], **shown)["absent"][0] == {("held", "gift")}


def test_nothing_is_held_against_what_is_said_of_an_attribute_that_is_not_known():
    facts = pd.DataFrame({"image_id": ["a", "b"], "label": "joy", "scene": ["beach", "city"], "weather": [None, "rainy"]})
    vocabulary = attribute_vocabulary(facts, ["scene", "weather"])
    texts = pd.DataFrame([text_row("Scene city, weather rainy.", image_id=one, stated="joy") for one in "ab"])
    rows = read_answers(texts, facts, vocabulary, EKMAN).rows
    assert rows["absent"].tolist() == [{("scene", "city")}, set()]
    assert rows["caused"].tolist() == [(), ("scene", "weather")]


def test_refusals_and_empty_answers_are_counted_and_mention_nothing():
    texts = [text_row("I'm sorry, I can't help with a dog."), text_row(None), text_row("Fear, perhaps: a snake.")]
    rows = one_picture(texts, subject="snake")
    assert rows["kind"].tolist() == ["refusal", "empty", "answer"]
    found = evaluate_reasoning(
        read_answers(pd.DataFrame(texts), pd.DataFrame([{"image_id": "a", "label": "fear"}]), VOCABULARY, EKMAN)
    )
    assert found.of("given: refuses").share == 0.5
    assert found.of("given: is empty").share == pytest.approx(1 / 3)
    assert found.of("given: is in doubt").share == 1
    assert found.of("given: mentions something absent").n == 1


def test_rows_that_cannot_be_used_are_left_out_and_named():
    good = text_row("Fear: a snake.")
    bad = [
        good | more
        for more in ({"shown": "upside down"}, {"image_id": "z"}, {"mode": "mild"}, {"stated": ""}, {"task": "song"})
    ]
    facts = pd.DataFrame([{"image_id": "a", "label": "fear", "subject": "snake"}])
    read = read_answers(pd.DataFrame([bad[0], good, *bad[1:]]), facts, VOCABULARY, EKMAN)
    assert len(read.rows) == 1
    assert read.notes == (
        "1 answer of another shown than true, shuffled, mean, cause masked, other masked, first in row 1: left out",
        "1 answer of another task than caption, question, statement, reasoning, first in row 6: left out",
        "1 answer about no picture that is known, first in row 3: left out",
        "1 answer of reasoning in no mode of given, predicted, none, wrong, first in row 4: left out",
        "1 answer of reasoning about a label that is not stated, first in row 5: left out",
    )
    with pytest.raises(ValueError, match="no answer can be used: 1 answer of another shown"):
        read_answers(pd.DataFrame(bad), facts, VOCABULARY, EKMAN)
    with pytest.raises(ValueError, match="the answers have no column 'mode'"):
        read_answers(pd.DataFrame([good]).drop(columns="mode"), facts, VOCABULARY, EKMAN)
    with pytest.raises(ValueError, match="the facts name picture 'a' twice"):
        read_answers(pd.DataFrame([good]), pd.concat([facts, facts]), VOCABULARY, EKMAN)
