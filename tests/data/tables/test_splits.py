"""Is a split known by every name, and are folds and held-out shares stratified, complete and repeatable for any classes?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.predictions import predictions_from_table
from affect_workbench.data.tables.splits import (
    ids_without_split,
    split_of,
    stratified_folds,
    stratified_holdout,
    with_split_names,
)

codes_lists = st.lists(st.integers(-1, 6), min_size=2, max_size=120).map(np.array)
seeds = st.integers(0, 99)


@given(codes=codes_lists, folds=st.integers(2, 9), seed=seeds)
def test_folds_are_even_within_every_class_and_over_all(codes: np.ndarray, folds: int, seed: int) -> None:
    folds = min(folds, len(codes))
    fold = stratified_folds(codes, folds, seed=seed)
    np.testing.assert_array_equal(fold, stratified_folds(codes, folds, seed=seed))
    assert np.ptp(np.bincount(fold, minlength=folds)) <= 1
    for code in np.unique(codes):
        assert np.ptp(np.bincount(fold[codes == code], minlength=folds)) <= 1


@given(codes=codes_lists, share=st.floats(0.05, 0.95), seed=seeds)
def test_the_held_out_share_is_right_within_every_class(codes: np.ndarray, share: float, seed: int) -> None:
    sizes = {code: int((codes == code).sum()) for code in np.unique(codes)}
    expected = {code: min(int(np.round(share * size)), size - 1) for code, size in sizes.items()}
    if not any(expected.values()):
        with pytest.raises(ValueError, match="leaves one side empty"):
            stratified_holdout(codes, share, seed=seed)
        return
    held = stratified_holdout(codes, share, seed=seed)
    np.testing.assert_array_equal(held, stratified_holdout(codes, share, seed=seed))
    assert {code: int(held[codes == code].sum()) for code in sizes} == expected


def test_another_seed_gives_another_split() -> None:
    codes = np.arange(200) % 4
    assert (stratified_folds(codes, 5, seed=0) != stratified_folds(codes, 5, seed=1)).any()
    assert (stratified_holdout(codes, 0.3, seed=0) != stratified_holdout(codes, 0.3, seed=1)).any()


def test_folds_do_not_follow_the_order_of_the_pictures() -> None:
    fold = stratified_folds(np.zeros(1_000, dtype=int), 2, seed=0)
    assert 400 < (fold[:-1] != fold[1:]).sum() < 600


def test_impossible_splits_are_refused() -> None:
    with pytest.raises(ValueError, match=r"cannot make 1 folds of 5 pictures"):
        stratified_folds(np.zeros(5, dtype=int), 1, seed=0)
    with pytest.raises(ValueError, match=r"cannot make 6 folds of 5 pictures"):
        stratified_folds(np.zeros(5, dtype=int), 6, seed=0)
    for share in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="expected a number between 0 and 1"):
            stratified_holdout(np.zeros(5, dtype=int), share, seed=0)
    with pytest.raises(ValueError, match=r"holding out 10% of 3 pictures leaves one side empty"):
        stratified_holdout(np.zeros(3, dtype=int), 0.1, seed=0)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("train", ["train", "Train", "TRAIN", "training", "Training", " train ", "train_set"]),
        ("val", ["val", "valid", "validation", "Validation", "dev", "DEV"]),
        ("test", ["test", "testing", "Test", "PublicTest", "PrivateTest", "public_test", "Private Test"]),
        (None, ["rest", "fold 3", "joy", "7", "", None]),
    ],
)
def test_a_split_is_known_by_every_name_that_datasets_have_for_it(name, words) -> None:
    assert {split_of(word) for word in words} == {name}


def test_features_and_predictions_hold_splits_by_one_name_and_find_them_by_any() -> None:
    rows = pd.DataFrame({"image_id": list("abcde"), "split": ["Training", "PublicTest", "dev", "rest", None]})
    expected = ["train", "test", "val", "rest", None]
    features = FeatureSet(FeatureSpec(1), np.zeros((5, 1), np.float32), rows)
    predictions = predictions_from_table(rows.assign(predicted=["x", "y", "x", "y", "x"]))
    for found in (features.rows, predictions.rows, with_split_names(rows)):
        assert [name if isinstance(name, str) else None for name in found["split"]] == expected
    for asked in ("PrivateTest", "TEST", "testing"):
        assert features.where(split=asked).rows["image_id"].tolist() == ["b"]
    assert with_split_names(features.rows) is features.rows
    with pytest.raises(ValueError, match="no picture is in split 'Fold 3'; splits: rest, test, train, val"):
        features.where(split="Fold 3")


def test_an_id_is_known_without_its_own_split_only() -> None:
    rows = pd.DataFrame({"image_id": ["val/joy/1", "val/joy/1b", "joy/1"], "split": ["val", "test", None]})
    assert ids_without_split(rows).tolist() == ["joy/1", "val/joy/1b", "joy/1"]
    assert ids_without_split(rows[["image_id"]]).tolist() == rows["image_id"].tolist()
