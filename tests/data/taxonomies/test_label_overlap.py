"""Do truth and predictions meet whatever each calls a label, and is it said where they do not?"""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.audit.notes import prediction_notes
from affect_workbench.analyses.disparities.numbers import label_valence, severity_table
from affect_workbench.analyses.inference.resampling import Sampling
from affect_workbench.analyses.slices.coding import coded_attribute
from affect_workbench.data.predictions import Predictions, predictions_from_table
from affect_workbench.data.taxonomies.label_overlap import LabelsApartError, by_label, nearest, require_labels
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from sliced_pictures import sliced

SIX = ("anger", "disgust", "fear", "joy", "sadness", "surprise")
FER = {"anger": "angry", "joy": "happy", "sadness": "sad"}
RAF = {"joy": "Happiness", "sadness": "Sadness", "anger": "Anger"}


def table(n: int = 60, labels: tuple[str, ...] = SIX, *, wrong: int = 5) -> pd.DataFrame:
    """Labels in turn, every `wrong`-th picture taken for the next label."""
    truth = [labels[at % len(labels)] for at in range(n)]
    said = [labels[(at + (at % wrong == 0)) % len(labels)] for at in range(n)]
    return pd.DataFrame({"image_id": [f"p{at}" for at in range(n)], "label": truth, "predicted": said})


def accuracy(predictions: Predictions) -> float:
    assert predictions.truth is not None
    known = np.isfinite(predictions.truth[:, 0])
    return float((predictions.truth.argmax(axis=1) == predictions.predicted)[known].mean())


def dressed(column: pd.Series) -> pd.Series:
    coats = ("{}", "{}.", " {}", "'{}'", "**{}**", "{}!")
    return pd.Series([coats[at % len(coats)].format(word.upper() if at % 2 else word) for at, word in enumerate(column)])


@pytest.mark.parametrize("truth", [{}, FER, RAF])
@pytest.mark.parametrize("said", [{}, FER, RAF])
@pytest.mark.parametrize("coat", [False, True])
def test_accuracy_does_not_depend_on_the_spelling_and_the_truths_is_shown(truth, said, coat):
    rows = table().replace({"label": truth, "predicted": said})
    if coat:
        rows["predicted"] = dressed(rows["predicted"])
    found = predictions_from_table(rows)
    assert accuracy(found) == pytest.approx(0.8)
    assert found.taxonomy.labels == tuple(truth.get(label, label) for label in SIX)
    assert found.taxonomy.name == "ekman6"
    assert list(found.rows["label"]) == list(rows["label"])
    assert any("spelt in several ways" in note for note in found.notes) == (coat or truth != said)
    assert prediction_notes(found) == []


def test_what_counts_as_one_is_said():
    rows = table().replace({"label": FER})
    assert predictions_from_table(rows).notes == (
        "labels that are spelt in several ways count as one: 'joy' as 'happy', 'sadness' as 'sad', 'anger' as 'angry'",
    )


@pytest.mark.parametrize("label", ["float", "str", "Int64"])
@pytest.mark.parametrize("predicted", ["int", "str", "float", "float as text"])
def test_numbers_meet_as_integers_floats_and_text_also_with_gaps(label, predicted):
    rows = table()
    label_codes, said = (rows[name].map(SIX.index) for name in ("label", "predicted"))
    rows["label"] = label_codes.astype(label).where(rows.index % 10 != 3)
    rows["predicted"] = said.astype(float).astype(str) if predicted == "float as text" else said.astype(predicted)
    found = predictions_from_table(rows)
    assert found.taxonomy.labels == ("0", "1", "2", "3", "4", "5")
    assert accuracy(found) == pytest.approx((label_codes == said)[rows.index % 10 != 3].mean())
    assert int(np.isnan(found.truth[:, 0]).sum()) == 6


def test_a_prediction_that_is_missing_in_a_nullable_column_is_refused_by_name():
    rows = table().assign(predicted=pd.array([pd.NA, *[1] * 59], dtype="Int64"), label=[0, 1] * 30)
    with pytest.raises(ValueError, match=r"1 row has no prediction, first 'p0'"):
        predictions_from_table(rows)


def test_labels_that_a_data_set_tells_apart_stay_apart_and_it_is_said():
    rows = table(labels=("joy", "happiness", "sadness"))
    found = predictions_from_table(rows)
    assert found.taxonomy.labels == ("happiness", "joy", "sadness")
    assert accuracy(found) == pytest.approx(0.8)
    assert "two words for one feeling in one column stay two labels: 'joy' and 'happiness' in 'label', " in found.notes[0]
    words = ("contentment", "amusement", "cheerfulness", "joy")
    assert set(predictions_from_table(table(labels=words)).taxonomy.labels) == set(words)


def test_two_columns_of_scores_for_one_feeling_are_called_columns():
    rows = table(labels=("joy", "happiness", "sadness"))
    scores = {f"score_{label}": (rows["predicted"] == label) * 1.0 for label in ("joy", "happiness", "sadness")}
    notes = predictions_from_table(rows.drop(columns=["label", "predicted"]).assign(**scores)).notes
    assert notes[0] == "two columns for one feeling stay two labels: 'joy' and 'happiness' (columns of scores)"


def test_spellings_that_look_alike_are_said_to_differ_in_their_accents():
    rows = table(labels=("joie \u00e9", "peur"))
    rows["predicted"] = [unicodedata.normalize("NFD", word) for word in rows["predicted"]]
    (note,) = predictions_from_table(rows).notes
    assert note.endswith("'joie \u00e9' (their accents are encoded in two ways)")


def test_free_answers_in_two_words_for_one_true_label_are_that_label():
    rows = table()
    rows["predicted"] = [word if at % 2 else FER.get(word, word) for at, word in enumerate(rows["predicted"])]
    found = predictions_from_table(rows)
    assert (found.taxonomy.labels, accuracy(found)) == (SIX, pytest.approx(0.8))


def test_votes_and_scores_meet_predictions_in_other_words():
    rows = table().drop(columns="label").assign(vote_happy=3, vote_Sad=1, vote_angry=0, vote_fear=0, vote_disgust=0)
    found = predictions_from_table(rows.assign(vote_surprised=0))
    assert found.taxonomy.labels == ("angry", "disgust", "fear", "happy", "Sad", "surprised")
    assert found.has_votes
    assert found.truth[0].tolist() == [0, 0, 0, 0.75, 0.25, 0]
    scores = np.eye(6)[rows["predicted"].map(SIX.index)]
    more = pd.DataFrame(scores, columns=[f"score_{RAF.get(label, label)}" for label in SIX])
    scored = predictions_from_table(pd.concat([table(), more], axis=1))
    assert (scored.measure, scored.taxonomy.labels, accuracy(scored)) == ("score", SIX, pytest.approx(0.8))


def test_votes_in_other_words_than_a_probes_labels_are_its_truth():
    votes = {f"vote_{FER.get(label, label)}": [float(at)] for at, label in enumerate(SIX)}
    rows = pd.DataFrame({"image_id": ["a"], **votes})
    found = Predictions(np.zeros((1, 6)), rows, Taxonomy.named("ekman6"))
    assert found.has_votes
    np.testing.assert_allclose(found.truth[0], np.arange(6) / 15)
    with pytest.raises(ValueError, match=r"two vote columns stand for one label of ekman6: .*vote_joy"):
        Predictions(np.zeros((1, 6)), rows.assign(vote_joy=1.0), Taxonomy.named("ekman6"))


def test_labels_without_a_counterpart_are_named_with_the_nearest_other():
    rows = table()
    rows.loc[rows.index[:3], "predicted"] = "suprisse"
    rows.loc[rows.index[-4:], "label"] = "neutral"
    notes = prediction_notes(predictions_from_table(rows))
    assert "1 label is predicted and never true: 'suprisse' (3 pictures; nearest: 'surprise')" in notes
    assert "1 label is true and never predicted: 'neutral' (4 pictures)" in notes
    assert (nearest("delight", SIX), nearest("Sorrow", ("joy", "sad")), nearest("zzz", SIX)) == ("joy", "sad", None)


def test_sentences_are_refused_before_anything_is_counted():
    rows = table(600)
    rows["predicted"] = [f"The person in picture {at} looks {word}." for at, word in enumerate(rows["predicted"])]
    message = r"'predicted' holds sentences, not labels: 600 different predictions for 600 pictures, first 'The person"
    with pytest.raises(LabelsApartError, match=message):
        predictions_from_table(rows)
    rows["predicted"] = [f"It seems to show {word}." for word in table(600)["predicted"]]
    with pytest.raises(LabelsApartError, match=r"no label in common: 'label' holds 'anger'.* which holds sentences"):
        predictions_from_table(rows)
    rows["predicted"] = [f"img{at}.jpg" for at in range(600)]
    with pytest.raises(LabelsApartError, match="holds other things, not labels: 600 different predictions for 600 pictures"):
        predictions_from_table(rows)


@pytest.mark.parametrize("cell", ["['{}', 'Peace']", '{{"emotion": "{}"}}', "[{}]"])
@pytest.mark.parametrize("column", ["label", "predicted"])
def test_lists_and_records_are_called_what_they_are(column, cell):
    rows = table()
    rows[column] = [cell.format(word) for word in rows[column]]
    with pytest.raises(LabelsApartError, match=f"the column '{column}' holds lists or records, not labels: 6 different"):
        predictions_from_table(rows)
    with pytest.raises(LabelsApartError, match="holds lists or records"):
        predictions_from_table(table().assign(**{column: [["joy"]] * 60}))


def test_no_label_in_common_is_refused_unless_one_set_is_named():
    rows = table().assign(label="neutral")
    with pytest.raises(LabelsApartError, match=r"no label in common: 'label' holds 'neutral', 'predicted'.* --taxonomy"):
        predictions_from_table(rows)
    named = predictions_from_table(rows, taxonomy=Taxonomy.named("fer7"))
    assert accuracy(named) == 0
    assert any("'neutral' (60 pictures)" in note for note in prediction_notes(named))


def test_many_labels_that_are_emotions_are_no_sentences():
    labels = Taxonomy.named("webemo25").labels
    assert predictions_from_table(table(25, labels)).taxonomy is Taxonomy.named("webemo25")
    require_labels("label", dict.fromkeys(labels, 1))


def test_numbers_for_labels_are_found_in_any_spelling():
    taxonomy = Taxonomy.named("ekman6").spelt(["happy"])
    assert by_label({"Joy": 2.0, "ANGRY": -1.0}, taxonomy, what="valence") == {"happy": 2.0, "anger": -1.0}
    with pytest.raises(ValueError, match="a valence is given for 'calm', which is no label of the data"):
        by_label({"calm": 1.0}, taxonomy, what="valence")
    with pytest.raises(ValueError, match="'happy' is given two valences, 1 and 2: keep one"):
        by_label({"joy": 1.0, "happiness": 2.0}, taxonomy, what="valence")


def test_severity_is_the_same_in_every_spelling_and_names_what_has_no_polarity():
    seven = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    rows = table(140, seven).assign(tone=["dark", "light"] * 70)
    rows.loc[rows["tone"] == "dark", "predicted"] = "sad"
    standard = {word: label for label, word in FER.items()}
    effects = []
    for one in (rows, rows.replace({"label": standard, "predicted": standard})):
        found = predictions_from_table(one)
        severity = severity_table(sliced(found, [coded_attribute(found.rows["tone"])]), sampling=Sampling(99))
        assert (severity["left_out"].sum(), severity["n"].tolist()) == (0, [70, 70])
        effects.append(severity["effect"].tolist())
    assert effects[0] == effects[1]
    expected = found.taxonomy.polarity
    signs = rows["predicted"].replace(standard).map(expected)
    dark = rows["tone"] == "dark"
    assert effects[0][0] == pytest.approx(signs[dark].mean() - signs[~dark].mean())
    strange = predictions_from_table(rows.replace({"predicted": {"neutral": "calm"}, "label": {"neutral": "calm"}}))
    assert np.isnan(label_valence(strange.taxonomy)[strange.taxonomy.labels.index("calm")])
    assert np.isfinite(label_valence(strange.taxonomy)).sum() == len(strange.taxonomy) - 1
