"""Which columns are scores of labels, and which only start alike?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.data.plurals import plural
from affect_workbench.data.predictions import predictions_from_table
from affect_workbench.data.taxonomies.label_overlap import LabelsApartError
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

SEVEN = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def scored(labels: tuple[str, ...] = SEVEN, *, shares: bool = True, prefix: str = "score_", n: int = 40) -> pd.DataFrame:
    """Scores with the column that is largest as `predicted` and `label`."""
    logits = np.random.default_rng(0).normal(0, 1, (n, len(labels)))
    values = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True) if shares else logits
    names = [labels[at] for at in values.argmax(axis=1)]
    rows = pd.DataFrame({"image_id": [f"p{at}" for at in range(n)], "label": names, "predicted": names})
    return pd.concat([rows, pd.DataFrame(values, columns=[prefix + label for label in labels])], axis=1)


def with_more(rows: pd.DataFrame, prefix: str = "score_") -> pd.DataFrame:
    values = rows[[name for name in rows if name.startswith(prefix)]].to_numpy()
    return rows.assign(
        **{
            f"{prefix}entropy": 9 + values[:, 0],
            f"{prefix}max": values.max(axis=1),
            f"{prefix}text": "a word",
            f"{prefix}quality": 5.0,
        }
    )


@pytest.mark.parametrize("shares", [True, False])
@pytest.mark.parametrize("prefix", ["score_", "p_"])
@pytest.mark.parametrize("known", ["both", "label", "predicted"])
def test_columns_that_name_no_label_are_left_aside_and_named(shares, prefix, known):
    rows = scored(shares=shares, prefix=prefix)
    if known != "both":
        rows = rows.drop(columns="label" if known == "predicted" else "predicted")
    more = with_more(rows, prefix)
    if known == "label" and not shares:
        more = more.drop(columns=f"{prefix}quality")
    asked = None if prefix == "score_" else prefix
    before, after = (predictions_from_table(one, scores_prefix=asked) for one in (rows, more))
    np.testing.assert_array_equal(after.distances, before.distances)
    assert after.taxonomy.labels == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    assert list(after.rows) == list(before.rows)
    aside = [name for name in more if name not in rows]
    (note,) = [note for note in after.notes if "are ignored" in note]
    assert note.startswith(plural(len(aside), "column is", "columns are") + " ignored, named like a score")
    assert all(repr(name) in note for name in aside)


def test_without_labels_and_predictions_statistics_are_still_no_labels():
    rows = with_more(scored().drop(columns=["label", "predicted"]))
    assert predictions_from_table(rows).taxonomy.name == "fer7"
    assert len(predictions_from_table(rows.drop(columns=["score_happy", "score_quality"])).taxonomy) == 6


def test_an_emotion_that_is_never_said_keeps_its_scores():
    rows = scored().assign(score_contempt=-1.0)
    assert predictions_from_table(rows).taxonomy.labels[-1] == "contempt"


def test_what_completes_the_shares_is_a_label():
    labels = (*SEVEN[:3], "zzz")
    rows = scored(labels).drop(columns=["label", "predicted"])
    assert predictions_from_table(rows).taxonomy.labels == labels
    halves = rows.assign(**{name: 100 * rows[name] for name in rows if name.startswith("score_")})
    assert predictions_from_table(halves).taxonomy.labels == labels


def test_what_nobody_can_know_is_refused_by_name():
    rows = scored((*SEVEN, "zzz"), shares=False).drop(columns=["label", "predicted"])
    with pytest.raises(LabelsApartError, match=r"whether 'score_zzz' is a label beside 'score_angry'.* --taxonomy"):
        predictions_from_table(rows)
    named = predictions_from_table(rows, taxonomy=Taxonomy("own", (*SEVEN, "zzz")))
    assert named.taxonomy.labels[-1] == "zzz"
    losing = rows.assign(score_zzz=-99.0)
    assert predictions_from_table(losing).taxonomy.name == "fer7"


def test_labels_that_are_no_emotions_have_scores_too():
    assert predictions_from_table(scored(("0", "1", "2"))).taxonomy.labels == ("0", "1", "2")
    rows = scored(("dog", "cat", "bird")).drop(columns=["label", "predicted"]).assign(score_entropy=3.0, score_x=7.0)
    assert predictions_from_table(rows).taxonomy.labels == ("dog", "cat", "bird")


def test_a_taxonomy_that_is_asked_for_says_which_columns_are_labels():
    rows = with_more(scored())
    found = predictions_from_table(rows, taxonomy=Taxonomy.named("fer7"))
    assert found.taxonomy is Taxonomy.named("fer7")
    assert [name for name in found.rows if name.startswith("score_")] == []


def test_totals_of_votes_are_no_label():
    rows = scored()[["image_id", "predicted"]].assign(**{f"vote_{label}": 1 for label in SEVEN}, vote_total=7)
    found = predictions_from_table(rows)
    assert len(found.taxonomy) == 7
    np.testing.assert_allclose(found.truth, 1 / 7)


def test_scores_of_other_labels_than_the_table_has_are_refused():
    rows = scored().assign(predicted=[0, 1] * 20, label=[0, 1] * 20)
    with pytest.raises(LabelsApartError, match=r"no label in common: the columns 'score_angry', .* which has '0', '1'"):
        predictions_from_table(rows)


def test_a_statistic_alone_is_no_attribute_and_is_named():
    rows = scored()[["image_id", "predicted", "label"]].assign(score_entropy=1.0)
    found = predictions_from_table(rows)
    assert "score_entropy" not in found.rows
    assert any("'score_entropy'" in note for note in found.notes)


def test_a_label_without_a_column_is_told_which_column_it_lacks() -> None:
    rows = pd.DataFrame(
        {"image_id": list("abcd"), "predicted": ["joy", "fear", "anger", "joy"], "vote_joy": 1, "vote_fear": 2}
    )
    message = (
        r"predicted 'anger' has no column 'vote_anger' beside 'vote_joy', 'vote_fear': add one per label \(0 where nobody"
    )
    with pytest.raises(ValueError, match=message):
        predictions_from_table(rows)
    assert len(predictions_from_table(rows.assign(vote_anger=0)).taxonomy) == 3
    scores = rows.rename(columns={"vote_joy": "score_joy", "vote_fear": "score_fear"})
    with pytest.raises(ValueError, match="'score_anger' beside 'score_joy', 'score_fear': add one per label, or leave"):
        predictions_from_table(scores)
    with pytest.raises(ValueError, match=r"label 'feer' has no column 'score_feer' .*; or is 'feer' 'fear'\?"):
        predictions_from_table(scores.drop(columns="predicted").assign(label=["joy", "feer", "joy", "joy"]))
