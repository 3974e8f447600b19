"""Does the sweep tell where answers are written from where only labels are, and speak with the right reader?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from affect_workbench.analyses.fidelity.answer_probe import answer_probe
from affect_workbench.analyses.fidelity.layers import LAYER_COLUMNS, READERS, layer_sweep, place_words
from affect_workbench.analyses.fidelity.pictures import AnsweredPictures
from answered_pictures import LABELS, answered_pictures, answered_table, sliced_answers, written_features


@pytest.fixture(scope="module")
def swept():
    """An early place where what is true is written, a late one where the answer is: the bias arises in between."""
    pictures = answered_pictures(skew=0.4)
    rows = np.linalg.qr(np.random.default_rng(0).standard_normal((40, len(LABELS))))[0].T
    taps = {
        "early": written_features(pictures.truth, 40, strength=6, seed=0),
        "late": written_features(pictures.answers, 40, strength=6, seed=0),
        "noise": np.random.default_rng(1).standard_normal((len(pictures), 12)),
    }
    return pictures, taps, layer_sweep(taps, pictures, label_rows=rows).set_index(["place", "reader"])


def test_places_stand_in_their_order_and_readers_in_theirs(swept):
    table = swept[2].reset_index()
    assert set(table.columns) == set(LAYER_COLUMNS)
    found = list(zip(table["place"], table["reader"], strict=True))
    readers = [reader for reader in READERS if reader != "Metric Projector"]  # none is given
    assert found == [
        *(("early", reader) for reader in readers),
        *(("late", reader) for reader in readers),
        *(("noise", reader) for reader in readers[:3]),  # label rows have another width
    ]
    assert table.groupby("place")["width"].first().to_dict() == {"early": 40, "late": 40, "noise": 12}


def test_the_answer_probe_speaks_for_the_model_where_its_answers_are_written(swept):
    pictures, taps, table = swept
    late, early = table.loc[("late", "answer probe")], table.loc[("early", "answer probe")]
    said = answer_probe(taps["late"], pictures.answers, classes=6).codes
    assert late["fidelity"] == pytest.approx((said == pictures.answers).mean(), abs=0.02)
    assert late["fidelity"] > 0.95 > early["fidelity"]
    assert early["fidelity_low"] < early["fidelity"] < early["fidelity_high"]
    assert (late["slice"], late["emotion"]) in {("tone: dark", "anger"), ("tone: light", "anger")}
    assert abs(late["answers_skew"]) > 0.25
    assert late["skew"] == pytest.approx(late["answers_skew"], abs=0.04)
    assert abs(early["skew"]) < 0.1


def test_the_probe_on_labels_says_what_is_readable_and_is_blind_to_the_bias(swept):
    table = swept[2]
    early = table.loc[("early", "linear probe")]
    assert early["fitted_on"] == "labels"
    assert early["accuracy"] > 0.95
    assert early["own"] == pytest.approx(early["accuracy"])
    assert abs(early["skew"]) < 0.06
    assert early["largest_slice"] in {"tone: dark", "tone: light"}
    assert abs(early["largest_skew"]) < 0.08


def test_controls_find_nothing_and_noise_has_no_selectivity(swept):
    table = swept[2]
    chance = {"answers": np.mean(swept[0].answers == 0), "labels": 1 / 6}
    fitted = table[table["fitted_on"] != "nothing"]
    for on, part in fitted.groupby("fitted_on"):
        assert part["control"].max() < chance[on] + 0.06
    assert table.loc["early"]["selectivity"].min() > 0.4
    assert table.loc["noise"]["selectivity"].abs().max() < 0.15


def test_label_rows_need_no_fit(swept):
    pictures, taps, table = swept
    row = table.loc[("late", "label rows")]
    assert row["fitted_on"] == "nothing"
    directions = np.linalg.qr(np.random.default_rng(0).standard_normal((40, 6)))[0].T
    said = (taps["late"] @ directions.T).argmax(axis=1)
    assert row["fidelity"] == pytest.approx((said == pictures.answers).mean(), abs=1e-6)


def test_a_projector_is_given_what_the_probes_are_fitted_on_and_judged_like_them(swept):
    pictures, taps, _ = swept
    given = []

    def noting(parts, codes):
        given.append((parts, codes))
        return np.where(codes == 0, 1, codes)

    table = layer_sweep({"early": taps["early"]}, pictures, projector=noting)
    assert list(table["reader"]) == list(READERS[:4])
    table = table.set_index("reader")
    (parts, truth), (again, permuted) = given
    assert again is parts
    assert [part.values.shape for part in parts] == [(len(pictures), 40)] * 5
    np.testing.assert_array_equal(truth, pictures.truth)
    np.testing.assert_array_equal(np.bincount(permuted), np.bincount(truth))
    assert (permuted != truth).any()
    assert table.loc["Metric Projector", "accuracy"] == pytest.approx((truth != 0).mean())
    assert table.loc["Metric Projector", "control"] == pytest.approx((permuted != 0).mean())


def test_differences_of_means_are_fitted_on_other_pictures(swept):
    pictures, _, table = swept
    assert table.loc[("early", "difference of means")]["accuracy"] > 0.9
    wide = np.random.default_rng(3).standard_normal((len(pictures), 240))
    noise = layer_sweep({"noise": wide}, pictures).set_index("reader").loc["difference of means"]
    assert noise["accuracy"] < 1 / 6 + 0.05


def test_without_truth_only_answers_are_fitted_on():
    pictures = answered_pictures(400, truth=False)
    late = {"late": written_features(pictures.answers, 16, strength=6)}
    table = layer_sweep(late, pictures, projector=lambda parts, codes: codes)
    assert list(table["reader"]) == ["answer probe", "difference of means"]
    assert set(table["fitted_on"]) == {"answers"}
    assert table["accuracy"].isna().all()
    assert table["fidelity"].min() > 0.85


def test_unanswered_pictures_count_for_accuracy_alone():
    pictures = answered_pictures(500)
    some = replace(pictures, answers=np.where(np.arange(500) % 4 == 0, -1, pictures.answers))
    table = layer_sweep({"late": written_features(pictures.truth, 16, strength=6)}, some)
    assert set(table["n"]) == {375}
    assert table.set_index("reader").loc["linear probe", "accuracy"] > 0.9


def test_what_cannot_be_swept_is_refused():
    pictures = answered_pictures(100)
    with pytest.raises(ValueError, match="no place"):
        layer_sweep({}, pictures)
    with pytest.raises(ValueError, match="late has features of 99"):
        layer_sweep({"late": np.ones((99, 2))}, pictures)
    with pytest.raises(ValueError, match="outside"):
        AnsweredPictures(("a", "b"), np.array([0, 2]))
    with pytest.raises(ValueError, match="beside codes"):
        AnsweredPictures(("a", "b"), np.array([0, 1]), truth=np.array([0]))


def test_pictures_of_predictions_know_answers_truth_and_attributes():
    data = sliced_answers(answered_table(50))
    pictures = AnsweredPictures.of(data)
    assert pictures.labels == data.predictions.taxonomy.labels
    np.testing.assert_array_equal(pictures.answers, data.predictions.answered)
    np.testing.assert_array_equal(pictures.truth, data.true_codes)
    with pytest.raises(ValueError, match="answered"):
        AnsweredPictures.of(replace(data, predictions=replace(data.predictions, answered=None)))


def test_a_place_is_quoted_and_explained():
    assert place_words("last") == "“last” (what the output head reads)"
    assert place_words("layers.12") == "“layers.12” (what enters layer 12)"
    assert place_words("connector.out:max") == "“connector.out:max” (what leaves the connector, max over its tokens)"
    assert place_words("somewhere:else") == "“somewhere:else”"
