"""Is a sample of pictures cut the same way through predictions, attributes, groups and truth?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.slices.coding import coded_attribute
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from sliced_pictures import sliced

EKMAN = Taxonomy.named("ekman6")


def pictures(n: int = 60, *, order: np.ndarray | None = None, **columns: object) -> SlicedPredictions:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "image_id": [f"p{at:03d}" for at in range(n)],
            "label": np.array([*EKMAN.labels, None], dtype=object)[rng.integers(7, size=n)],
            "tone": np.array(["dark", "light"])[rng.integers(2, size=n)],
            **columns,
        }
    )
    at = np.arange(n) if order is None else order
    distances = rng.random((n, 6))[at]
    predictions = Predictions(distances, rows.iloc[at].reset_index(drop=True), EKMAN, "score")
    return sliced(predictions, [coded_attribute(predictions.rows["tone"])])


def test_a_sample_is_the_same_pictures_in_whatever_order_they_stand() -> None:
    shuffled = pictures(order=np.random.default_rng(1).permutation(60))
    one, other = (data.sample(20, seed=3) for data in (pictures(), shuffled))
    assert len(one) == len(other) == 20
    assert set(one.rows["image_id"]) == set(other.rows["image_id"])
    assert list(other.rows["image_id"]) == [name for name in shuffled.rows["image_id"] if name in set(one.rows["image_id"])]
    assert pictures().sample(60, seed=3).rows.equals(pictures().rows)


def test_everything_is_cut_alike() -> None:
    data = pictures()
    part = data.sample(20, seed=0)
    assert part.true_codes is not None
    assert data.true_codes is not None
    at = [list(data.rows["image_id"]).index(name) for name in part.rows["image_id"]]
    np.testing.assert_array_equal(part.attributes[0].codes, data.attributes[0].codes[at])
    np.testing.assert_array_equal(part.predictions.distances, data.predictions.distances[at])
    np.testing.assert_array_equal(part.true_codes, data.true_codes[at])
    np.testing.assert_array_equal(part.scores.of("said"), data.scores.of("said")[at])


def test_groups_of_all_pictures_are_groups_of_a_sample_that_tears_pairs() -> None:
    data = pictures(group_id=np.arange(60) // 2)
    torn = data.sample(3, seed=0)
    assert data.groups is not None
    at = [list(data.rows["image_id"]).index(name) for name in torn.rows["image_id"]]
    np.testing.assert_array_equal(torn.groups, data.groups[at])
    assert data.sample(3, seed=0, whole_pairs=True).groups is None  # no two of these three share one


@pytest.mark.parametrize("most", [2, 7, 31])
def test_whole_pairs_stay_whole(most: int) -> None:
    part = pictures(pair_id=np.arange(60) // 2).sample(most, seed=0, whole_pairs=True)
    assert len(part) == most - most % 2
    assert (part.rows.groupby("pair_id").size() == 2).all()


def test_attributes_are_left_out_by_name_and_what_nobody_knows_is_none() -> None:
    data = pictures(label=None)
    assert data.without(frozenset({"tone"})).attributes == ()
    assert data.without(frozenset({"other"})).attributes == data.attributes
    assert data.true_codes is None
    assert data.groups is None
    assert data.pairs is None
