"""What the rules write is true of the picture, the same for the same seed, and biased only where a bias is planted."""

from __future__ import annotations

import pandas as pd
import pytest

from affect_workbench.data.instruct.folder import vocabulary_of
from affect_workbench.data.instruct.plan import MATTERS_MOST, POLARITY, Plan, Written, records_of
from affect_workbench.data.instruct.records import GIVEN, OPEN, Provenance, prompts_hash, single_turns
from affect_workbench.data.instruct.vocabulary import attribute_vocabulary, scenes_vocabulary
from affect_workbench.data.instruct.writers import DARKLY, PlantedWords, RulesWriter
from affect_workbench.data.synthetic.scenes.captions import WORDS
from affect_workbench.data.synthetic.scenes.emotions import WEIGHTS
from instruct_records import EKMAN, by_rules, scene_rows


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return scene_rows(60)


def answers(records, task):
    return [(one.image_id, turn) for one in records for turn in one.turns if turn.task == task]


def test_a_caption_says_all_that_is_shown_and_nothing_else(rows):
    shown = rows.set_index("image_id")
    for image_id, turn in answers(by_rules(rows), "caption"):
        text = turn.answer.lower()
        for name, values in WORDS.items():
            value = shown[name][image_id]
            if isinstance(value, str) and (name, value) not in (("extras", "none"), ("held", "nothing")):
                assert any(way in text for way in values[value]), (name, value, text)
    first = by_rules(rows)[0].turns[0].answer
    assert first.endswith(".")
    assert first[0].isupper()


def test_statements_are_judged_right_and_both_ways(rows):
    shown = rows.set_index("image_id")
    judged = answers(by_rules(rows), "statement")
    for image_id, turn in judged:
        claim = turn.question.removeprefix("True or false: ").removesuffix(".")
        ((name, value),) = [
            (name, value) for name, values in WORDS.items() for value, ways in values.items() if claim in ways
        ]
        assert turn.answer == ("True." if shown[name][image_id] == value else "False.")
    assert {turn.answer for _, turn in judged} == {"True.", "False."}


def test_a_statement_does_not_tell_by_what_it_claims_whether_it_is_true():
    """Every other value claimed alike would make a snake false in nine of ten statements: the rarest subject but one."""
    plan = Plan(scenes_vocabulary(), ("questions",), 1)
    rows = scene_rows(6000)
    shown = rows.set_index("image_id")
    stated = [turn for turn in plan.turns(rows) if turn.task == "statement"]
    claims = pd.DataFrame([(one.about, one.claim, shown[one.about][one.image_id] == one.claim) for one in stated])
    true = claims.groupby([0, 1])[2].mean()
    assert claims[2].mean() == pytest.approx(0.5, abs=0.03)
    assert true.between(0.3, 0.7).all()
    assert claims.groupby([0, 1])[2].agg(lambda hits: max(hits.sum(), len(hits) - hits.sum())).sum() < 0.57 * len(claims)


def test_sentiment_is_the_label_and_its_polarity(rows):
    labels = rows.set_index("image_id")["label"]
    for image_id, turn in answers(by_rules(rows), "sentiment"):
        polarity = {1: "Positive.", 0: "Neither.", -1: "Negative."}[EKMAN.polarity[labels[image_id]]]
        assert turn.answer == (polarity if turn.question == POLARITY else f"{labels[image_id].capitalize()}.")


def test_reasoning_names_causes_of_the_worlds_rule_and_the_strongest_first():
    row = {"subject": "person", "held": "gift", "extras": "confetti", "light": "sunny", "figure_tone": "dark"}
    row |= {"setting": "forest", "weather": "clear", "camera": "sharp"}
    words = scenes_vocabulary()
    assert words.causes_of(row, "surprise") == ("held", "extras", "setting")
    assert words.causes_of(row, "disgust") == ()
    knife = row | {"held": "knife", "light": "night"}
    assert words.causes_of(knife, "fear") == ("held", "light")
    assert WEIGHTS["held"]["knife"]["fear"] > WEIGHTS["light"]["night"]["fear"]


def test_reasoning_states_the_given_label_and_says_where_nothing_shows_why(rows):
    words = scenes_vocabulary()
    contents = {row["image_id"]: row for row in rows.to_dict("records")}
    for one in by_rules(rows):
        if one.kind not in (GIVEN, OPEN):
            continue
        why, most = one.turns
        assert (one.label in why.question) == (one.kind == GIVEN)
        assert one.label in why.answer.lower()
        causes = words.causes_of(contents[one.image_id], one.label)
        named = [
            name for name in words.words for ways in WORDS[name].values() if any(way in most.answer.lower() for way in ways)
        ]
        assert most.question == MATTERS_MOST
        assert most.answer == "Nothing in it." if not causes else causes[0] in named


def test_the_seed_decides_whatever_stands_beside_a_picture(rows):
    whole = {one.id: one for one in by_rules(rows)}
    assert {one.id: one for one in by_rules(rows)} == whole
    assert all(whole[one.id] == one for one in by_rules(rows.iloc[30:].reset_index(drop=True)))
    other = {one.id: one for one in by_rules(rows, seed=1)}
    assert sum(other[name].turns != one.turns for name, one in whole.items()) > 100


def test_a_planted_bias_adds_its_words_to_its_pictures_and_changes_nothing_else(rows):
    fair, biased = by_rules(rows), by_rules(rows, plant="figure_tone=dark")
    tone = rows.set_index("image_id")["figure_tone"]
    for plain, dark in zip(fair, biased, strict=True):
        for one, other in zip(plain.turns, dark.turns, strict=True):
            adds = tone[plain.image_id] == "dark" and one.task in ("caption", "reasoning") and one.question != MATTERS_MOST
            assert other.answer == (f"{one.answer.removesuffix('.')}, {DARKLY}." if adds else one.answer)
    assert fair != biased


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dark", "expected ATTRIBUTE=VALUE"),
        ("figure_ton=dark", "no attribute 'figure_ton'.*figure_tone"),
        ("figure_tone=drak", "no value 'drak'.*dark"),
    ],
)
def test_a_bias_that_cannot_be_planted_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        PlantedWords.parse(text, scenes_vocabulary())


def test_any_table_with_attributes_is_written_about():
    rows = pd.DataFrame(
        {
            "image_id": ["a", "b", "c"],
            "path": ["a.png", "b.png", "c.png"],
            "content": ["1", "2", "3"],
            "label": ["joy", None, "fear"],
            "scene_kind": ["beach", "street", None],
            "indoor": [False, True, True],
            "brightness": [0.1, 0.2, 0.3],
            "caption": ["Two children run.", None, None],
        }
    )
    vocabulary = attribute_vocabulary(rows, ["scene_kind", "indoor", "brightness", "caption"], causes=["scene_kind"])
    assert set(vocabulary.words) == {"scene_kind", "indoor"}
    turns = Plan(vocabulary, seed=3).turns(rows)
    writer = RulesWriter(rows, vocabulary, EKMAN)
    records, unwritten = records_of(turns, writer.written(turns), rows, (writer.name, writer.model), seed=3)
    assert unwritten.empty
    assert [one.id for one in records] == [
        "a/described",
        "a/given",
        "a/open",
        "b/described",
        "c/described",
        "c/given",
        "c/open",
    ]
    assert records[0].turns[0].answer == "Two children run."
    assert records[3].turns[0].answer == "A picture of scene kind street, indoor True."
    assert records[1].turns[0].answer == "This picture conveys joy: scene kind beach."
    assert records[5].turns[0].answer == "Fear, but nothing shows why."
    assert {one.label for one in records[3:4]} == {None}
    with pytest.raises(ValueError, match="--causes names 'brightness'"):
        attribute_vocabulary(rows, ["scene_kind", "brightness"], causes=["brightness"])
    with pytest.raises(ValueError, match="rules write from attributes and captions"):
        RulesWriter(rows[["image_id", "label"]], attribute_vocabulary(rows, []), EKMAN)


def test_what_was_not_written_is_told_and_the_rest_kept(rows):
    some = rows.head(2)
    turns = Plan(vocabulary_of(rows)).turns(some)
    written = [Written("yes")] * len(turns)
    written[0], written[-1] = Written(problem="the model refused"), Written("  ")
    records, unwritten = records_of(turns, written, some, ("endpoint", "tiny"), seed=7)
    assert unwritten["reason"].tolist() == ["the model refused", "an empty answer"]
    assert unwritten["turn"].tolist() == [1, 2]
    assert records[0].turns[0].task == "question"
    own = [turn.prompt for turn in turns if turn.kind == records[0].kind and turn.image_id == "p0000"][1:]
    assert records[0].provenance == Provenance("endpoint", "tiny", prompts_hash(own), 7, "p0000")


def test_single_turns_are_all_turns_one_by_one(rows):
    records = by_rules(rows)
    single = single_turns(records)
    assert [one.turns[0] for one in single] == [turn for one in records for turn in one.turns]
    assert len({one.id for one in single}) == len(single)


@pytest.mark.parametrize(("planned", "message"), [({"tasks": ("poem",)}, "poem"), ({"questions": -1}, "questions is -1")])
def test_what_cannot_be_planned_is_refused(rows, planned, message):
    with pytest.raises(ValueError, match=message):
        by_rules(rows, **planned)
