"""Is a column that repeats the truth, the prediction or the row number left aside and named, and no other one?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.slices.circular_columns import naming_columns, repeating_columns
from affect_workbench.data.predictions import predictions_from_table
from workbench_runs import EKMAN, audited, predictions_table

N = 120


def found(truth: bool = True, **columns: object) -> dict[str, str]:
    table = predictions_table(N, scores=False, bias=0.2).assign(**columns)
    predictions = predictions_from_table(table if truth else table.drop(columns="label"))
    return dict(repeating_columns(predictions, ["tone", "place", *columns]))


def base() -> pd.DataFrame:
    return predictions_table(N, scores=False, bias=0.2)


@pytest.mark.parametrize("name", ["Label", "ground_truth", "GroundTruth", "emotion", "y_true", "gt_label", "Expression"])
def test_the_truth_under_another_name_is_left_aside(name: str) -> None:
    for truth in (True, False):
        ((column, reason),) = found(truth, **{name: base()["label"].str.upper()}).items()
        assert column == name
        assert ("repeats the truth" if truth else "name it label if it is the truth") in reason
        assert f"--attributes={name}" in reason


@pytest.mark.parametrize("values", [EKMAN, "abcdef", range(6), range(10, 16)])
def test_a_column_in_one_to_one_correspondence_is_left_aside_whatever_its_values(values) -> None:
    codes = dict(zip(EKMAN, values, strict=True))
    assert "repeats the truth" in found(dominant=base()["label"].map(codes))["dominant"]
    assert "repeats the prediction" in found(dominant_emotion=base()["predicted"].map(codes))["dominant_emotion"]
    partly = base()["predicted"].map(codes).where(np.arange(N) % 3 > 0)
    assert "repeats the prediction" in found(said=partly)["said"]


def test_an_attribute_with_two_values_that_decides_between_two_readings_is_a_bias_not_a_copy() -> None:
    table = predictions_table(N, labels=("joy", "anger"), scores=False)
    said = (table["predicted"] == "joy").map({True: "woman", False: "man"})
    predictions = predictions_from_table(table.assign(gender=said, pred_code=(said == "man").astype(int)))
    assert list(dict(repeating_columns(predictions, ["gender", "pred_code"]))) == ["pred_code"]
    true = (table["label"] == "joy").map({True: "a", False: "b"})
    assert list(dict(repeating_columns(predictions_from_table(table.assign(half=true)), ["half"]))) == ["half"]


def test_numbers_of_labels_are_known_by_their_name() -> None:
    codes = base()["label"].map({label: at for at, label in enumerate(EKMAN)})
    assert "a number for each label, by its name" in found(False, label_id=codes)["label_id"]
    assert found(False, cluster=codes, label_quality=codes) == {}


def test_row_numbers_and_names_of_pictures_are_left_aside() -> None:
    shuffled = np.random.default_rng(0).permutation(N)
    aside = {
        "Unnamed: 0": np.arange(N),
        "level_0": shuffled * 7,
        "order": np.arange(N) * 3 + 5,
        "shuffled": shuffled + 1,
        "photo_id": shuffled * 1_000 + 17,
        "file": [f"{at}.jpg" for at in shuffled],
        "url": [f"http://x/{at}" if at % 2 else None for at in shuffled],
    }
    reasons = found(**aside)
    assert set(reasons) == set(aside)
    assert reasons["Unnamed: 0"].startswith("it has no name in the header")
    assert reasons["order"].startswith("it counts the rows")
    assert reasons["url"].startswith("it has a different value for every picture")


def test_attributes_stay() -> None:
    rng = np.random.default_rng(1)
    assert (
        found(
            brightness=rng.random(N),
            rising=np.sort(rng.random(N)),
            size=rng.permutation(10**6)[:N],
            when=1_600_000_000 + np.cumsum(rng.integers(1, 10**5, N)),
            keyword=rng.choice(EKMAN, N),
            facial_expression=rng.choice(EKMAN, N),
            index_of_comfort=np.arange(N) % 6,
            one="x",
            lists=[[1]] * N,
            nearly=base()["label"].map(dict(zip(EKMAN, "aabbcc", strict=True))).where(np.arange(N) % 20 != 7, "z"),
        )
        == {}
    )


def test_what_is_worked_out_from_the_truth_is_left_aside() -> None:
    rows, at = base(), np.arange(N)
    reasons = found(
        is_joy=(rows["label"] == "joy").astype(int),
        joyful=(rows["label"] == "joy").map({True: "joy", False: "not joy"}),
        gold2=rows["label"] + np.where(at // 6 % 2, ", mild", ", strong"),
        correct=rows["label"] == rows["predicted"],
        wrong=np.where(rows["label"] == rows["predicted"], "no", "yes"),
    )
    assert list(reasons) == ["is_joy", "joyful", "gold2", "correct", "wrong"]
    assert reasons["is_joy"].startswith("it states where the truth is 'joy'")
    assert reasons["gold2"].startswith("it is determined by the truth: all pictures with one of its values have")
    assert reasons["correct"].startswith("it states where the prediction is right")
    assert all(reason.endswith(f"--attributes={name} slices by it anyway") for name, reason in reasons.items())


def test_what_follows_from_the_truth_is_sliced_and_told() -> None:
    label = base()["label"]
    nearly = label.map(dict(zip(EKMAN, "aabbcc", strict=True))).where(np.arange(N) % 20 != 7, "z")
    following = {
        "polarity": np.where(label.isin(["joy", "surprise"]), "positive", "negative"),
        "valence": np.where(label.isin(["joy", "surprise"]), 1, -1),
        "coarse": label.isin(["joy", "surprise"]),
        "family": label.map(dict(zip(EKMAN, "aabbcc", strict=True))),
        "person": np.where(label == "joy", "woman", "man"),
    }
    assert found(**following) == {}
    table = base().assign(**following, nearly=nearly)
    result = audited(table, order=1, further=False, space_pictures=0)
    assert result.run.attributes == ("tone", "place", *following, "nearly")
    assert [note for note in result.run.notes if "from the label" in note] == [
        "'polarity', 'valence', 'coarse', 'family', 'person' follow from the label (all pictures with one label have the "
        "same value): a skew by them cannot be told apart from the label's own"
    ]
    one = audited(table, order=1, further=False, space_pictures=0, attributes=("family", "nearly"))
    assert "'family' follows from the label" in " ".join(one.run.notes)
    votes = pd.get_dummies(label, dtype=int).add_prefix("vote_")
    voted = audited(pd.concat([table.drop(columns="label"), votes], axis=1), order=1, further=False, space_pictures=0)
    assert not any("from the label" in note for note in voted.run.notes)


def test_with_votes_only_labels_and_codes_of_them_repeat_the_truth() -> None:
    rng, first = np.random.default_rng(3), np.arange(400) < 200
    joy = np.where(first, 0.40, 0.30) + rng.uniform(-0.01, 0.01, 400)
    rest = (1 - joy)[:, None] * np.where(first[:, None], [0.6, 0.4], [0.4, 0.6])
    votes = np.column_stack([joy, rest])
    labels = np.array(["joy", "anger", "fear"])
    shares = pd.DataFrame(votes, columns=[f"vote_{label}" for label in labels])
    table = shares.assign(image_id=range(400), predicted=rng.choice(labels, 400))
    at = votes.argmax(axis=1)
    table = table.assign(group=np.where(at == at[0], "north", "south"), sunny=at == at[0])
    assert repeating_columns(predictions_from_table(table), ["group", "sunny"]) == []
    three = np.resize(np.eye(3) * 0.4 + 0.2, (400, 3))
    table[shares.columns] = three
    at = three.argmax(axis=1)
    copies = table.assign(most=labels[at], number=at + 1, group=np.array(["x", "y", "z"])[at], sparse=at * 10)
    reasons = dict(repeating_columns(predictions_from_table(copies), ["most", "number", "group", "sparse"]))
    assert {name: reason[:20] for name, reason in reasons.items()} == dict.fromkeys(
        ["most", "number"], "it repeats the truth"
    )


def test_what_goes_with_the_truth_by_chance_or_bias_stays() -> None:
    """Persons with three pictures each, two groups of people, what is predicted, and too few pictures to tell."""
    rows, at = base(), np.arange(N)
    joyful, right = rows["label"] == "joy", rows["label"] == rows["predicted"]
    rank = rows.groupby("label").cumcount()
    few = joyful & (rank < 2)
    assert (
        found(
            person=rows["label"] + (rank // 3).astype(str),
            group=np.where(right, "woman", "man"),
            angry=rows["predicted"] == "anger",
            seen=pd.Series(np.where(joyful, 1.0, 0.0)).where(few | (at % 30 == 1)),
            nearly=joyful ^ (at == 7),
            seldom=np.where(joyful & (at % 3 == 0), "woman", "man"),
        )
        == {}
    )


@pytest.mark.parametrize(("name", "core"), [("Split", "split"), ("Group_ID", "group_id"), ("pair id", "pair_id")])
def test_a_column_that_is_called_like_a_core_column_is_left_aside(name: str, core: str) -> None:
    column = np.where(np.arange(N) % 5 % 2, "train", "test")
    reason = found(**{name: column})[name]
    assert reason.startswith(f"it has a name like {core}, which has a fixed meaning: name it {core} if")
    assert naming_columns(pd.DataFrame({name: column}), [name]) == [(name, reason)]
    assert "which the data also have" in found(**{name: column, core: column})[name]


def test_an_audit_names_them_and_slices_them_only_by_name() -> None:
    table = base().assign(Label=base()["label"], row=np.arange(N))
    result = audited(table, order=1, further=False, space_pictures=0)
    assert result.run.attributes == ("tone", "place")
    excluded = result.excluded[result.excluded["what"] == "attribute"].set_index("name")["reason"]
    assert excluded["Label"].startswith("it repeats the truth")
    assert excluded["row"].startswith("it counts the rows")
    asked = audited(table, order=1, further=False, space_pictures=0, attributes=("Label",))
    assert asked.run.attributes == ("Label",)
    with pytest.raises(ValueError, match=r"nothing to slice by: attribute 'Label' repeats the truth"):
        audited(table[["image_id", "predicted", "label", "Label"]])
