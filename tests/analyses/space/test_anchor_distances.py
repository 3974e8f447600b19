"""Are distances, pulls, accuracies and centroid shifts what direct computing on the vectors gives?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from affect_workbench.analyses.slices.coding import coded_attribute
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.scores import margins
from affect_workbench.analyses.slices.sums import slice_sums
from affect_workbench.analyses.space.geometry.anchor_distances import slice_table, structure_table
from affect_workbench.data.predictions import Predictions, predictions_from_table
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from sliced_pictures import sliced

EKMAN = Taxonomy.named("ekman6")


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def predictions() -> Predictions:
    """300 unit vectors in 8 dimensions; those of `tone: dark` are drawn toward anger."""
    rng, n = np.random.default_rng(0), 300
    anchors = unit(rng.normal(size=(6, 8)))
    tone = np.array(["dark", "light", None], dtype=object)[rng.choice(3, n, p=[0.3, 0.6, 0.1])]
    embeddings = unit(rng.normal(size=(n, 8)) + 0.8 * np.outer(tone == "dark", anchors[0]))
    rows = pd.DataFrame(
        {
            "image_id": [f"p{number}" for number in range(n)],
            "tone": tone,
            "light": np.array(["day", "night"])[rng.integers(2, size=n)],
            "label": np.array([*EKMAN.labels, None], dtype=object)[rng.integers(7, size=n)],
        }
    )
    return Predictions(1 - embeddings @ anchors.T, rows, EKMAN, embeddings=embeddings, anchors=anchors)


def tables(predictions: Predictions, *, order: int = 2) -> tuple[pd.DataFrame, pd.DataFrame]:
    attributes = [coded_attribute(predictions.rows[name]) for name in ("tone", "light")]
    data = sliced(predictions, attributes)
    sums = slice_sums(attributes, data.scores.columns, order=order)
    return structure_table(sums, data), slice_table(sums, data)


def sides(predictions: Predictions, where: dict) -> tuple[np.ndarray, np.ndarray]:
    spec = SliceSpec.from_json(where)
    inside = spec.mask(predictions.rows)
    return inside, spec.universe(predictions.rows) & ~inside


def test_distances_and_their_intervals_are_those_of_the_pictures(predictions: Predictions) -> None:
    structure, slices = tables(predictions)
    where = dict(zip(slices["slice"], slices["where"], strict=True))
    assert len(structure) == len(slices) * 6
    for row in structure.itertuples():
        inside, outside = sides(predictions, where[row.slice])
        column = predictions.distances[:, EKMAN.labels.index(row.emotion)]
        own, other = column[inside], column[outside]
        assert row.n == inside.sum()
        np.testing.assert_allclose(
            [row.distance, row.complement_distance, row.difference], [own.mean(), other.mean(), own.mean() - other.mean()]
        )
        np.testing.assert_allclose([row.low, row.high], stats.ttest_1samp(own, 0).confidence_interval(0.95))
        welch = stats.ttest_ind(own, other, equal_var=False).confidence_interval(0.95)
        np.testing.assert_allclose([row.difference_low, row.difference_high], welch)


def test_pull_is_the_centroid_difference_along_the_label_and_positive_toward_it(predictions: Predictions) -> None:
    structure, slices = tables(predictions)
    where = dict(zip(slices["slice"], slices["where"], strict=True))
    vectors, anchors = predictions.embeddings, predictions.anchors
    assert vectors is not None
    assert anchors is not None
    for row in structure.itertuples():
        inside, outside = sides(predictions, where[row.slice])
        toward = anchors[EKMAN.labels.index(row.emotion)] - anchors.mean(axis=0)
        np.testing.assert_allclose(
            row.pull, (vectors[inside].mean(axis=0) - vectors[outside].mean(axis=0)) @ toward, atol=1e-12
        )
    dark = structure[structure["slice"] == "tone: dark"].set_index("emotion")
    assert dark["pull"].idxmax() == "anger"
    assert dark.loc["anger", "pull"] > 0
    assert dark.loc["anger", "difference_high"] < 0


def test_accuracy_and_margin_of_a_slice_are_those_of_its_pictures(predictions: Predictions) -> None:
    _, slices = tables(predictions)
    labels = EKMAN.codes(predictions.rows["label"])
    right, known, margin = predictions.predicted == labels, labels >= 0, margins(predictions.distances)
    for row in slices.itertuples():
        inside, outside = sides(predictions, row.where)
        assert (row.n, row.n_complement, row.order) == (inside.sum(), outside.sum(), len(row.where))
        hits = right[inside & known]
        interval = proportion_confint(hits.sum(), len(hits), method="wilson")
        np.testing.assert_allclose([row.accuracy, row.accuracy_low, row.accuracy_high], [hits.mean(), *interval])
        np.testing.assert_allclose(row.complement_accuracy, right[outside & known].mean())
        student = stats.ttest_1samp(margin[inside], 0).confidence_interval(0.95)
        np.testing.assert_allclose([row.margin, row.margin_low, row.margin_high], [margin[inside].mean(), *student])


def test_the_centroid_shift_is_a_distance_known_for_slices_of_one_condition(predictions: Predictions) -> None:
    _, slices = tables(predictions)
    vectors = predictions.embeddings
    assert vectors is not None
    for row in slices.itertuples():
        inside, outside = sides(predictions, row.where)
        expected = np.linalg.norm(vectors[inside].mean(axis=0) - vectors[outside].mean(axis=0)) if row.order == 1 else np.nan
        np.testing.assert_allclose(row.centroid_shift, expected)
    dark = slices.set_index("slice").loc["tone: dark"]
    assert dark["centroid_shift"] > 1.5 * dark["centroid_shift_chance"]


def test_slices_drawn_at_random_shift_by_about_the_stated_chance(predictions: Predictions) -> None:
    rng, rows = np.random.default_rng(0), predictions.rows
    shifts = []
    for _ in range(200):
        light = rng.permutation(rows["light"].to_numpy())
        _, slices = tables(predictions.with_rows(rows.assign(light=light)), order=1)
        shifts.append(slices.set_index("slice").loc["light: day", ["centroid_shift", "centroid_shift_chance"]].astype(float))
    squares = (pd.DataFrame(shifts) ** 2).mean()
    assert squares["centroid_shift"] == pytest.approx(squares["centroid_shift_chance"], rel=0.1)


def test_without_distances_or_truth_the_columns_stay_empty(predictions: Predictions) -> None:
    table = predictions.rows.drop(columns="label").assign(predicted="joy")
    structure, slices = tables(predictions_from_table(table, taxonomy=EKMAN))
    assert structure.empty
    assert "pull" in structure
    assert slices[["accuracy", "margin", "centroid_shift"]].isna().all(axis=None)
    assert slices["n"].notna().all()
