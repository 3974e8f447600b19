"""Does a Metric Projector read what is written at a place, and nothing where nothing is, by the words of the model?"""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from affect_workbench.analyses.fidelity.answer_probe import fold_features
from affect_workbench.analyses.fidelity.layers import layer_sweep
from affect_workbench.workbench.models.attaching.metric_projector import WIDTH, fit_and_read, label_row_anchors
from answered_pictures import LABELS, answered_pictures, written_features

WORDS = np.random.default_rng(4).standard_normal((len(LABELS), 640)) + 0.5


@pytest.fixture(scope="module")
def anchors():
    return label_row_anchors(LABELS, WORDS)


@pytest.fixture(scope="module")
def pictures():
    return answered_pictures(400, skew=0.5)


@pytest.fixture(scope="module")
def written(pictures):
    return written_features(pictures.truth, 24, strength=5)


def parts_of(x, pictures):
    """Two folds, which take less time than the five of the sweep."""
    return list(fold_features(x, np.arange(len(pictures)) % 2, seed=0))


def test_labels_are_read_where_they_are_written_and_nothing_in_noise(pictures, written, anchors):
    taps = {"written": written, "noise": np.random.default_rng(1).standard_normal(written.shape)}
    table = layer_sweep(taps, pictures, projector=partial(fit_and_read, anchors=anchors)).set_index(["place", "reader"])
    there, nowhere = (table.loc[(place, "Metric Projector")] for place in taps)
    assert there["fitted_on"] == "labels"
    assert there["accuracy"] > 0.93
    assert there["own"] == pytest.approx(there["accuracy"])
    assert abs(there["skew"]) < 0.08 < abs(there["answers_skew"])
    for row in (there, nowhere):
        assert row["control"] == pytest.approx(1 / 6, abs=0.06)
    assert nowhere["accuracy"] == pytest.approx(1 / 6, abs=0.06)
    assert abs(nowhere["selectivity"]) < 0.08


def test_the_same_pictures_are_read_alike_twice_and_nearly_so_in_another_order(pictures, written, anchors):
    parts = parts_of(written, pictures)
    said = fit_and_read(parts, pictures.truth, anchors=anchors, seed=3)
    np.testing.assert_array_equal(fit_and_read(parts, pictures.truth, anchors=anchors, seed=3), said)
    order = np.random.default_rng(0).permutation(len(said))
    moved = [type(part)(part.fitted[order], part.values[order]) for part in parts]
    again = fit_and_read(moved, pictures.truth[order], anchors=anchors, seed=3)
    assert (again == said[order]).mean() > 0.95


def test_a_picture_without_a_label_is_read_and_teaches_nothing(pictures, written, anchors):
    hidden = np.arange(len(pictures)) % 4 == 0
    parts, codes = parts_of(written, pictures), np.where(hidden, -1, pictures.truth)
    said = fit_and_read(parts, codes, anchors=anchors)
    assert (said == pictures.truth)[hidden].mean() > 0.9
    one_label = fit_and_read(parts, np.where(codes == 2, 2, -1), anchors=anchors)
    assert set(one_label) == {2}
    assert set(fit_and_read(parts, np.full(len(codes), -1), anchors=anchors)) == {0}


def test_labels_keep_the_order_that_they_are_given_in(pictures, written):
    labels = tuple(reversed(LABELS))
    said = fit_and_read(parts_of(written, pictures), pictures.truth, anchors=label_row_anchors(labels, WORDS))
    assert (said == pictures.truth).mean() > 0.93


@pytest.mark.parametrize("width", [3, 64, 640])
def test_anchors_keep_every_cosine_between_the_words(width):
    rows = WORDS[:, :width]
    vectors = label_row_anchors(LABELS, rows).vectors
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert vectors.shape == (len(LABELS), WIDTH)
    np.testing.assert_allclose(vectors @ vectors.T, unit @ unit.T, atol=1e-6)


def test_words_with_one_row_are_refused():
    with pytest.raises(ValueError, match="'anger' and 'disgust' the same vector"):
        label_row_anchors(LABELS, WORDS[[0, 0, 2, 3, 4, 5]])
