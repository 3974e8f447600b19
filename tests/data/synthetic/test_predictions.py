"""Are the worlds of planted tables what they say: exact rates and effects, groups that are alike, the same by seed?"""

from __future__ import annotations

import numpy as np
import pytest

from affect_workbench.data.synthetic.predictions import SIZES, table_world


def world(seed=0, **words):
    return table_world(np.random.default_rng(seed), **words)


def test_without_a_plant_nothing_differs():
    plain = world()
    assert len(plain.codes) == np.prod(SIZES)
    assert plain.weight.sum() == pytest.approx(1)
    np.testing.assert_allclose(plain.predicted_rates, np.tile(plain.predicted_rates[0], (len(plain.codes), 1)))
    np.testing.assert_allclose(np.einsum("ii->i", plain.kernel[0]), 0.7)


def test_a_plant_changes_what_it_says_and_nothing_else():
    plain, place = world(), {"attribute_2": 1, "attribute_4": 0}
    read, labelled = plain.read(place, 3, 0.2), plain.labelled(place, 3, 0.2)
    inside = plain.where(place)
    np.testing.assert_allclose(read.predicted_rates[inside], 0.8 * plain.predicted_rates[inside] + 0.2 * np.eye(8)[3])
    np.testing.assert_allclose(read.predicted_rates[~inside], plain.predicted_rates[~inside])
    np.testing.assert_array_equal(read.shown, plain.shown)
    np.testing.assert_allclose(labelled.shown[inside], 0.8 * plain.shown[inside] + 0.2 * np.eye(8)[3])
    np.testing.assert_array_equal(labelled.kernel, plain.kernel)


def test_a_tied_attribute_follows_the_other_in_the_share_that_was_asked():
    tied = world().tied("attribute_3", "attribute_1", 0.9)
    same = tied.codes[:, 0] == tied.codes[:, 2] % 2
    assert tied.weight.sum() == pytest.approx(1)
    assert tied.weight[same].sum() == pytest.approx(0.9)
    before = np.bincount(tied.codes[:, 2], world().weight)
    np.testing.assert_allclose(np.bincount(tied.codes[:, 2], tied.weight), before)


def test_pictures_are_drawn_from_the_world():
    biased = world(3).read({"attribute_3": 0}, 5, 0.3)
    predictions = biased.draw(60_000, np.random.default_rng(1))
    inside = (predictions.rows["attribute_3"] == "v0").to_numpy()
    for mask, cells in ((inside, biased.where({"attribute_3": 0})), (~inside, ~biased.where({"attribute_3": 0}))):
        seen = np.bincount(predictions.predicted[mask], minlength=8) / mask.sum()
        assert np.abs(seen - biased.rates(cells)).max() < 4.5 * np.sqrt(0.25 / mask.sum())
    y = predictions.taxonomy.codes(predictions.rows["label"])
    assert (y == predictions.predicted)[~inside].mean() == pytest.approx(0.7, abs=0.01)
    again = biased.draw(60_000, np.random.default_rng(1))
    assert again.rows.equals(predictions.rows)


def test_groups_lie_in_one_cell_and_are_read_alike():
    predictions = world().draw(30_000, np.random.default_rng(2), mean_group=10, intraclass=0.3)
    names = [name for name in predictions.rows if str(name).startswith("attribute_")]
    assert (predictions.rows.groupby("group_id")[names].nunique() == 1).all(axis=None)
    group = predictions.rows["group_id"].to_numpy()
    said = np.eye(8)[predictions.predicted] - np.eye(8)[predictions.predicted].mean(axis=0)
    sums = np.zeros((group.max() + 1, 8))
    np.add.at(sums, group, said)
    size = np.bincount(group)
    pairs = ((sums**2).sum() - (said**2).sum()) / (size * (size - 1)).sum()
    assert pairs / said.var(axis=0).sum() == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"sizes": (3, 1)}, "attributes have 3, 1 values: expected at least two each"),
        ({"accuracy": 0.1}, r"accuracy is 0.1: expected between 0.125 \(chance\) and 1"),
    ],
)
def test_bad_input_is_refused(words, message):
    with pytest.raises(ValueError, match=message):
        world(**words)
    with pytest.raises(ValueError, match="no attribute 'attribute_9' in this world"):
        world().where({"attribute_9": 0})
