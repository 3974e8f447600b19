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


def test_multiplied_odds_are_multiplied_and_the_rest_keeps_its_proportions():
    plain, place = world(), {"attribute_2": 1}
    changed, inside = plain.exaggerated(place, 3, 2.5), plain.where(place)
    before, after = (one.kernel[inside][0] for one in (plain, changed))
    np.testing.assert_allclose(after[:, 3] / (1 - after[:, 3]), 2.5 * before[:, 3] / (1 - before[:, 3]))
    np.testing.assert_allclose(after[:, 0] / after[:, 1], before[:, 0] / before[:, 1])
    np.testing.assert_allclose(changed.kernel.sum(axis=2), 1.0)
    np.testing.assert_array_equal(changed.kernel[~inside], plain.kernel[~inside])


def test_votes_and_predictions_are_drawn_from_what_all_people_feel():
    biased = world(3).labelled({"attribute_3": 0}, 5, 0.3).read({"attribute_3": 1}, 2, 0.3)
    predictions = biased.draw_voted(40_000, np.random.default_rng(1), people=10, concentration=3.0)
    votes = predictions.rows[[f"vote_{label}" for label in biased.taxonomy.labels]].to_numpy(float)
    assert (votes.sum(axis=1) == 10).all()
    for value in range(2):
        inside, cells = (predictions.rows["attribute_3"] == f"v{value}").to_numpy(), biased.where({"attribute_3": value})
        shown = biased.weight[cells] @ biased.shown[cells] / biased.weight[cells].sum()
        bound = 4.5 * np.sqrt(0.25 / inside.sum())
        assert np.abs(votes[inside].mean(axis=0) / 10 - shown).max() < bound
        assert (
            np.abs(np.bincount(predictions.predicted[inside], minlength=8) / inside.sum() - biased.rates(cells)).max()
            < bound
        )
    # Two votes on one picture agree by 1 / (1 + 3) more than chance.
    usual = votes.mean(axis=0) / 10
    excess = votes.var(axis=0).sum() / (10 * (usual * (1 - usual)).sum()) - 1
    assert excess / 9 == pytest.approx(0.25, abs=0.03)
