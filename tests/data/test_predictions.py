"""Do predictions of our probe and of anyone's model mean the same thing, and survive a plain table?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from affect_workbench.data.predictions import Predictions, predictions_from_table
from affect_workbench.data.tables.columns import attribute_columns
from affect_workbench.data.tables.read import read_table
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

EKMAN = Taxonomy.named("ekman6")
TWO = Taxonomy("two", ("a", "b"))


def said(labels: list[str], **columns) -> pd.DataFrame:
    return pd.DataFrame({"image_id": [f"p{number}" for number in range(len(labels))], "predicted": labels, **columns})


def scored(values: list[list[float]], prefix: str = "score_", **columns) -> pd.DataFrame:
    table = pd.DataFrame(values, columns=[prefix + label for label in "ab"])
    return table.assign(image_id=[f"p{number}" for number in range(len(table))], **columns)


@given(
    distances=hnp.arrays(np.float64, st.tuples(st.integers(1, 20), st.just(6)), elements=st.floats(0, 2, width=32)),
    votes=st.booleans(),
)
def test_a_table_and_back_gives_the_same_predictions(distances: np.ndarray, votes: bool) -> None:
    n = len(distances)
    rows = pd.DataFrame({"image_id": [f"{number:03d}" for number in range(n)], "tone": "dark"})
    truth = np.random.default_rng(n).integers(1, 5, (n, 6))
    if votes:
        rows = rows.assign(**{f"vote_{label}": truth[:, at] for at, label in enumerate(EKMAN.labels)})
    else:
        rows["label"] = [EKMAN.labels[at] for at in truth.argmax(axis=1)]
    before = Predictions(distances, rows, EKMAN)
    after = predictions_from_table(before.table())
    assert (after.taxonomy, after.measure, after.has_votes) == (EKMAN, "score", votes)
    np.testing.assert_allclose(after.distances, distances, atol=1e-15)
    np.testing.assert_allclose(after.truth, before.truth)
    assert [name for name in after.rows if name not in before.rows] == []
    if len(np.unique(np.round(distances, 12))) == distances.size:
        np.testing.assert_array_equal(after.predicted, before.predicted)
        assert after.notes == ()


def test_the_nearest_label_is_said_and_ties_go_to_the_first() -> None:
    predictions = Predictions(np.array([[0.2, 0.1], [0.3, 0.3], [0.1, 1.9]]), said(list("aaa")), TWO)
    assert predictions.predicted.tolist() == [1, 0, 0]
    assert len(predictions) == 3


def test_larger_scores_are_nearer_and_ties_and_disagreements_are_told() -> None:
    predictions = predictions_from_table(scored([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]], predicted=list("aaa")))
    assert predictions.predicted.tolist() == [0, 1, 0]
    assert predictions.notes == (
        "1 picture has a tie for the top score: the label first in the taxonomy is taken",
        "in 1 row the column 'predicted' is not the top score: the top score is used",
    )


def test_said_labels_alone_are_enough_and_aliases_are_understood() -> None:
    predictions = predictions_from_table(said(["happiness", "Anger", "joy"], label=["joy", None, "fear"]), taxonomy=EKMAN)
    assert predictions.measure == "label"
    assert [EKMAN.labels[at] for at in predictions.predicted] == ["joy", "anger", "joy"]
    assert predictions.truth is not None
    np.testing.assert_array_equal(np.isnan(predictions.truth).all(axis=1), [False, True, False])
    assert predictions.truth[0].tolist() == [0, 0, 0, 1, 0, 0]


def test_labels_come_from_what_is_said_and_what_is_true() -> None:
    assert predictions_from_table(said(["zen", "gloom"], label=["calm", None])).taxonomy.labels == ("calm", "gloom", "zen")


def test_votes_become_shares_and_pictures_without_votes_have_no_truth() -> None:
    table = said(list("abab"), v_a=[3, 0, np.nan, 1], v_b=[1, 0, 2, 0])
    predictions = predictions_from_table(table, votes_prefix="v_")
    assert predictions.has_votes
    np.testing.assert_allclose(predictions.truth, [[0.75, 0.25], [np.nan] * 2, [np.nan] * 2, [1, 0]])
    assert predictions.notes == ("2 pictures have no votes, first 'p1', 'p2': no truth",)


def test_without_any_truth_there_is_none() -> None:
    assert predictions_from_table(said(["a", "b"])).truth is None
    assert predictions_from_table(said(["a", "b"], label=[None, None])).truth is None


def test_scores_of_other_models_and_votes_outside_the_labels_are_left_aside_and_told() -> None:
    table = scored([[0.9, 0.1]], prefix="m_", other_a=0.3, other_b=0.7, tone="dark", vote_a=1, vote_b=0, vote_neutral=3)
    predictions = predictions_from_table(table, scores_prefix="m_")
    assert set(predictions.rows) == {"image_id", "tone", "vote_a", "vote_b"}
    assert predictions.notes == (
        "votes for 'neutral' (mean 3) are outside the labels of the scores and are ignored",
        "2 score columns of other models are ignored, first 'other_a', 'other_b'",
    )


def test_rows_can_be_replaced_only_by_rows_of_the_same_pictures() -> None:
    predictions = predictions_from_table(said(["a", "b"]))
    more = predictions.with_rows(predictions.rows.assign(tone=["x", "y"]), notes=("joined",))
    assert (list(more.rows["tone"]), more.notes) == (["x", "y"], ("joined",))
    with pytest.raises(ValueError, match="the new rows name other pictures, or name them in another order"):
        predictions.with_rows(predictions.rows.iloc[::-1])


def test_a_part_keeps_rows_distances_and_embeddings_together() -> None:
    whole = Predictions(np.eye(2)[[0, 1, 0]], said(list("aab")), TWO, embeddings=np.arange(6.0).reshape(3, 2), notes=("n",))
    part = whole.take(np.array([False, True, True]))
    assert list(part.rows["image_id"]) == ["p1", "p2"]
    np.testing.assert_array_equal(part.embeddings, [[2, 3], [4, 5]])
    assert (part.predicted.tolist(), part.notes) == ([0, 1], ("n",))


def test_predictions_are_put_into_another_spelling_and_order_of_the_same_labels() -> None:
    rows = said(["fear", "happy"], label=["happy", "fear"], vote_fear=[1.0, 0.0], vote_happy=[0.0, 1.0])
    own = Predictions(np.array([[0.1, 0.9], [0.8, 0.2]]), rows, Taxonomy("own", ("fear", "happy")), anchors=np.eye(2))
    other = own.as_in(Taxonomy("other", ("Joy", "Fear")))
    assert other.taxonomy.labels == ("Joy", "Fear")
    assert [other.taxonomy.labels[at] for at in other.predicted] == ["Fear", "Joy"]
    np.testing.assert_array_equal(other.truth, own.truth[:, ::-1])
    np.testing.assert_array_equal(other.anchors, [[0, 1], [1, 0]])
    assert own.as_in(TWO) is own
    assert own.as_in(EKMAN) is own


def test_malformed_predictions_are_refused() -> None:
    good = Predictions(np.zeros((2, 2)), said(["a", "b"]), TWO)
    with pytest.raises(ValueError, match=r"distances have shape \(2, 3\): expected \(2, 2\)"):
        replace(good, distances=np.zeros((2, 3)))
    with pytest.raises(ValueError, match="1 embeddings for 2 pictures"):
        replace(good, embeddings=np.zeros((1, 2)))
    with pytest.raises(ValueError, match=r"1 id occurs more than once, first 'x'"):
        replace(good, rows=good.rows.assign(image_id="x"))
    with pytest.raises(ValueError, match=r"scores of 1 picture are NaN or infinite, first 'p1'"):
        replace(good, distances=np.array([[0, 0], [np.inf, 0]]))
    with pytest.raises(ValueError, match="predictions need at least one picture"):
        good.take(np.zeros(2, dtype=bool))
    with pytest.raises(ValueError, match=r"1 picture has negative votes, first 'p1'"):
        replace(good, rows=good.rows.assign(vote_a=[1, -1], vote_b=1))
    with pytest.raises(ValueError, match=r"1 label is not in taxonomy 'two', first 'c'"):
        replace(good, rows=good.rows.assign(label=["a", "c"]))


def test_tables_without_predictions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"no predictions: expected a column 'predicted'.*its columns: image_id"):
        predictions_from_table(pd.DataFrame({"image_id": ["a"]}))
    with pytest.raises(ValueError, match=r"no column starts with 'clip_' \(--scores-prefix\)"):
        predictions_from_table(said(["a", "b"]), scores_prefix="clip_")
    with pytest.raises(ValueError, match=r"no column starts with 'v_' \(--votes-prefix\)"):
        predictions_from_table(said(["a", "b"]), votes_prefix="v_")
    with pytest.raises(ValueError, match=r"2 rows have no prediction, first 'p1', 'p2'"):
        predictions_from_table(said(["a", None, None, "b"]))
    with pytest.raises(ValueError, match=r"no score column for disgust, fear.* of taxonomy 'ekman6'"):
        predictions_from_table(said(["joy"], score_joy=1.0, score_anger=0.0), taxonomy=EKMAN)
    with pytest.raises(ValueError, match=r"score column 'score_a' holds 'high' \(picture 'p0'\)"):
        predictions_from_table(said(["a"], score_a="high", score_b=0.0))


@pytest.mark.parametrize("attribute", ["score_text", "vote_count"])
def test_an_attribute_that_merely_starts_like_a_score_or_a_vote_stays_an_attribute(attribute: str) -> None:
    table = said(["a", "b"], **{attribute: [1, 2]})
    for taxonomy in (None, TWO):
        predictions = predictions_from_table(table, taxonomy=taxonomy)
        assert (predictions.taxonomy.labels, predictions.measure) == (("a", "b"), "label")
        assert list(predictions.rows[attribute]) == [1, 2]


def test_two_score_columns_for_one_label_are_refused() -> None:
    table = said(["joy"], score_happiness=0.9, **{f"score_{label}": 0.1 for label in EKMAN.labels})
    with pytest.raises(ValueError, match="two score columns stand for 'joy': score_happiness, score_joy"):
        predictions_from_table(table, taxonomy=EKMAN)


def test_a_table_without_ids_is_refused() -> None:
    with pytest.raises(ValueError, match="table: no column 'image_id'; columns: predicted"):
        predictions_from_table(pd.DataFrame({"predicted": ["a", "b"]}))


def test_the_real_artemis_table_is_read_with_its_votes(shared_data: Path) -> None:
    table = read_table(shared_data / "artemis_predictions" / "predictions.csv")
    predictions = predictions_from_table(table, scores_prefix="clip_vit_b32_", votes_prefix="votes_")
    assert (len(predictions), predictions.taxonomy.labels[-1], predictions.has_votes) == (3_967, "something else", True)
    assert {"artist", "style", "genre", "year"} <= set(predictions.rows)
    assert not [name for name in predictions.rows if name.startswith(("clip_", "imagenet_", "votes_"))]
    assert any(note.startswith("9 score columns of other models are ignored") for note in predictions.notes)


# What the model itself answered


def test_answers_of_the_model_survive_a_table_and_are_no_attribute() -> None:
    table = said(["a", "b", "b"], answered=["A", None, "a"], tone=["dark", "light", "dark"])
    predictions = predictions_from_table(table)
    assert predictions.answered.tolist() == [0, -1, 0]
    assert attribute_columns(predictions.rows) == ["tone"]
    assert "answered" not in predictions.rows
    back = predictions_from_table(predictions.table())
    assert back.answered.tolist() == [0, -1, 0]
    assert predictions_from_table(said(["a", "b"])).answered is None
    assert "answered" not in predictions_from_table(said(["a", "b"])).table()


def test_a_label_that_is_only_answered_is_a_label() -> None:
    predictions = predictions_from_table(said(["a", "b"], answered=["c", "a"]))
    assert predictions.taxonomy.labels == ("a", "b", "c")
    assert predictions.answered.tolist() == [2, 0]


def test_answers_follow_their_pictures_and_their_labels() -> None:
    predictions = Predictions(np.zeros((3, 2)), said(list("aaa")), TWO, answered=np.array([0, 1, -1]))
    assert predictions.take(np.array([False, True, True])).answered.tolist() == [1, -1]
    assert predictions.with_rows(predictions.rows.assign(tone="dark")).answered.tolist() == [0, 1, -1]
    three = Taxonomy("three", ("a", "b", "c"))
    answered = np.array([0, 1, 2, -1])
    turned = Predictions(np.eye(4, 3), said(list("aaaa")), three, answered=answered).as_in(
        Taxonomy("other", ("c", "a", "b"))
    )
    assert [None if code < 0 else turned.taxonomy.labels[code] for code in turned.answered] == ["a", "b", "c", None]


def test_answers_that_are_none_are_refused_or_noted() -> None:
    with pytest.raises(ValueError, match=r"column 'answered'.*'yes'.*rename"):
        predictions_from_table(scored([[0.1, 0.9], [0.8, 0.2]], answered=["yes", "a"]))
    empty = predictions_from_table(said(["a", "b"], answered=[None, None]))
    assert empty.answered is None
    assert any("'answered' is empty" in note for note in empty.notes)
    for bad in (np.array([0]), np.array([0, 2]), np.array([0, -2]), np.array([0.0, 1.0])):
        with pytest.raises(ValueError, match="answers"):
            Predictions(np.zeros((2, 2)), said(list("aa")), TWO, answered=bad)


def test_a_named_column_of_predictions_that_contradicts_the_scores_is_refused_with_the_count() -> None:
    table = scored([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5], [0.3, 0.7]], guess=["b", "b", "b", "a"])
    with pytest.raises(
        ValueError, match=r"predicted='guess' contradicts the scores in 2 of 4 pictures, first 'p0': 'b' is not"
    ):
        Predictions.from_frame(table, predicted="guess")
    tied = Predictions.from_frame(table.assign(guess=["a", "b", "b", "b"]), predicted="guess")
    assert tied.predicted.tolist() == [0, 1, 0, 1]
    assert Predictions.from_frame(table[["image_id", "guess"]], predicted="guess").predicted.tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize("name", ["Predicted", "prediction", "pred"])
def test_a_table_without_predictions_names_the_column_that_may_hold_them(name: str) -> None:
    table = said(["a", "b"]).rename(columns={"predicted": name})
    with pytest.raises(
        ValueError, match=f"column '{name}' may hold them: rename it to 'predicted' .in Python, predicted='{name}'"
    ):
        predictions_from_table(table)
    with pytest.raises(ValueError, match=f"did you mean predicted='{name}'. Or rename it to 'predicted'"):
        Predictions.from_frame(table)
