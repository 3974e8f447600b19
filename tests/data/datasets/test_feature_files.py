"""Are the feature layouts that users have read whole, and are broken ones refused with the file's name?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from affect_workbench.analyses.duplicates.find import PictureSet, overlap
from affect_workbench.data.datasets.feature_files import is_tree, read_array, read_features, read_tree, with_taxonomy
from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.tables.attributes import join_attributes
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.runtime import read_vector

EKMAN = Taxonomy.named("ekman6")


def vector(seed: int, width: int = 4, dtype: torch.dtype = torch.float16) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(width)).to(dtype)


def tree(root: Path, vectors: dict[str, torch.Tensor]) -> Path:
    for name, tensor in vectors.items():
        file = root / "images" / f"{name}.pt"
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.save(tensor, file)
    return root


def test_a_tree_is_read_in_sorted_order_with_class_and_split(tmp_path: Path) -> None:
    names = ("train/joy/2", "train/anger/1", "test/joy/10")
    root = tree(tmp_path, {name: vector(seed) for seed, name in enumerate(names)})
    features = read_tree(root, read_vector=read_vector, spec=FeatureSpec(0, "clip"))
    assert is_tree(root)
    assert features.rows.to_dict("list") == {
        "image_id": ["joy/10", "anger/1", "joy/2"],
        "label": ["joy", "anger", "joy"],
        "split": ["test", "train", "train"],
    }
    assert (features.values.dtype, features.spec) == (np.float16, FeatureSpec(4, "clip"))
    for at, seed in enumerate((2, 1, 0)):
        np.testing.assert_array_equal(features.values[at], vector(seed).numpy())


def test_vectors_of_one_row_and_of_other_float_types_are_read(tmp_path: Path) -> None:
    root = tree(tmp_path, {"x/joy/1": vector(1, dtype=torch.float64)[None], "x/joy/2": vector(2, dtype=torch.bfloat16)})
    features = read_tree(root, read_vector=read_vector)
    assert features.values.dtype == np.float32
    np.testing.assert_allclose(features.values[0], vector(1, dtype=torch.float64), rtol=1e-6)


def test_broken_trees_get_one_clear_error(tmp_path: Path) -> None:
    def error(kind: type[Exception], message: str) -> None:
        with pytest.raises(kind, match=message):
            read_tree(tmp_path / "t", read_vector=read_vector)

    error(FileNotFoundError, "no features at .*: the folder does not exist")
    (tmp_path / "t" / "images" / "train" / "joy").mkdir(parents=True)
    error(FileNotFoundError, "no feature files under .*: expected .*/images/<split>/<class>/<id>.pt")
    root = tree(tmp_path / "t", {"train/joy/1": vector(1), "train/joy/2": vector(2), "Training/joy/1": vector(3)})
    error(ValueError, r"1 id occurs more than once, first 'train/joy/1'")
    (root / "images/Training/joy/1.pt").unlink()
    for width in (5, 6):
        tree(root, {f"train/joy/{width}": vector(1, width)})
    error(ValueError, r"unequal width under .*: 2 files are not 4 wide, first 'joy/5', 'joy/6'")
    (root / "images/train/joy/6.pt").unlink()
    tree(root, {"train/joy/5": torch.full((4,), torch.nan)})
    error(ValueError, r"features of 1 picture hold NaN or infinite values, first 'joy/5'")
    tree(root, {"train/joy/5": torch.zeros(2, 4)})
    error(ValueError, r"joy/5.pt holds float32 of shape \(2, 4\): expected one float vector")
    file = root / "images/train/joy/5.pt"
    file.write_bytes(file.read_bytes()[:-100])
    error(ValueError, r"joy/5.pt is not a readable tensor file \(truncated")


def test_one_picture_in_two_splits_of_a_tree_is_two_rows_and_a_copy(tmp_path: Path) -> None:
    names = ("train/joy/1", "train/anger/7", "Validation/joy/2", "test/joy/2", "Validation/joy/3", "test/joy/3")
    vectors = {name: vector(int(name[-1]), width=16) for name in names}
    features = read_tree(tree(tmp_path, vectors | {"test/joy/3": vector(99, width=16)}), read_vector=read_vector)
    expected = ["val/joy/2", "val/joy/3", "test/joy/2", "test/joy/3", "anger/7", "joy/1"]
    assert list(features.rows["image_id"]) == expected
    assert list(features.rows["split"]) == ["val", "val", "test", "test", "train", "train"]
    pairs = overlap(PictureSet(features.rows, features=features.values)).leaking()
    assert pairs[["id_a", "id_b", "kind"]].to_numpy().tolist() == [["val/joy/2", "test/joy/2", "exact"]]
    ratings = pd.DataFrame({"image_id": ["joy/1", "joy/2", "val/joy/3", "joy/9"], "valence": [1.0, 2.0, 3.0, 9.0]})
    joined, report = join_attributes(features.rows, ratings)
    np.testing.assert_array_equal(joined["valence"], [2.0, 3.0, 2.0, np.nan, np.nan, 1.0])
    assert (list(joined["image_id"]), report.unused, report.matched) == (expected, ("joy/9",), 4)


def test_labels_and_votes_of_features_are_brought_to_the_taxonomy() -> None:
    rows = pd.DataFrame({"image_id": ["a"], "label": ["Happy"], "vote_happy": [2.0], "vote_angry": [1.0], "vote_zen": [0.0]})
    found = with_taxonomy(FeatureSet(FeatureSpec(1), np.zeros((1, 1), np.float32), rows), EKMAN).rows
    assert list(found) == ["image_id", "label", "vote_joy", "vote_anger", "vote_zen"]
    assert list(found["label"]) == ["joy"]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_table_beside_an_array_is_read_row_by_row(tmp_path: Path, suffix: str, dtype: type) -> None:
    rows = pd.DataFrame({"image_id": ["b", "a", "007"], "label": ["joy", "fear", "joy"], "tone": ["dark", "", "light"]})
    values = np.random.default_rng(0).standard_normal((3, 5)).astype(dtype)
    table = save_table(rows, tmp_path / f"set{suffix}")
    np.save(tmp_path / "set.npy", values)
    for path in (table, tmp_path):
        features = read_features(path, read_vector=read_vector)
        assert list(features.rows["image_id"]) == ["b", "a", "007"]
        assert features.values.dtype == (np.float16 if dtype is np.float16 else np.float32)
        np.testing.assert_allclose(features.values, values, rtol=1e-6)
        assert features.spec == FeatureSpec(5)


def test_broken_arrays_get_one_clear_error(tmp_path: Path) -> None:
    table, array = save_table(pd.DataFrame({"id": ["a", "b"]}), tmp_path / "set.csv"), tmp_path / "set.npy"
    with pytest.raises(FileNotFoundError, match=r"no array at .*set.npy"):
        read_array(table, array)
    for content, message in (
        (np.zeros((3, 2)), "has 3 vectors but .* has 2 rows"),
        (np.zeros(2), r"holds float64 of shape \(2,\): expected floats"),
        (np.zeros((2, 2), dtype=int), "holds int64 of shape"),
    ):
        np.save(array, content)
        with pytest.raises(ValueError, match=message):
            read_array(table, array)
    np.save(array, np.array([{"code": "runs"}, 1], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"is not a readable .npy array"):
        read_array(table, array)
    np.save(array, np.zeros((2, 2)))
    array.write_bytes(array.read_bytes()[:-8])
    with pytest.raises(ValueError, match=r"is not a readable .npy array"):
        read_array(table, array)


def test_a_path_is_recognised_by_what_it_holds_and_labels_take_the_taxonomys_spelling(tmp_path: Path) -> None:
    root = tree(tmp_path / "tree", {"x/Happiness/1": vector(1), "x/anger/1": vector(2)})
    features = read_features(root, read_vector=read_vector, taxonomy=EKMAN)
    assert list(features.rows["label"]) == ["joy", "anger"]
    features.save(tmp_path / "saved")
    assert read_features(tmp_path / "saved", read_vector=read_vector).fingerprint() == features.fingerprint()


def test_of_a_folder_of_several_feature_sets_each_is_named(tmp_path: Path) -> None:
    for place in ("connector.out", "last"):
        features = FeatureSet(FeatureSpec(2), np.ones((1, 2), np.float32), pd.DataFrame({"image_id": ["a"]}))
        features.save(tmp_path / "run" / "features" / place)
    for folder in (tmp_path / "run", tmp_path / "run" / "features"):
        with pytest.raises(ValueError, match=r"holds the features of 2 places.*features/connector\.out, .*features/last$"):
            read_features(folder, read_vector=read_vector)


def test_what_is_not_recognised_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no features at .*: the path does not exist"):
        read_features(tmp_path / "none", read_vector=read_vector)
    with pytest.raises(ValueError, match="holds no features the workbench knows"):
        read_features(tmp_path, read_vector=read_vector)
    for name in ("one", "two"):
        save_table(pd.DataFrame({"id": ["a"]}), tmp_path / f"{name}.csv")
        np.save(tmp_path / f"{name}.npy", np.zeros((1, 2)))
    with pytest.raises(ValueError, match=r"or one table .* beside an .npy of the same name"):
        read_features(tmp_path, read_vector=read_vector)


def test_labels_outside_the_taxonomy_are_refused_and_missing_ones_stay_missing() -> None:
    rows = pd.DataFrame({"image_id": ["a", "b"], "label": ["Joy", None]})
    features = FeatureSet(FeatureSpec(1), np.zeros((2, 1), np.float32), rows)
    assert [label if isinstance(label, str) else None for label in with_taxonomy(features, EKMAN).rows["label"]] == [
        "joy",
        None,
    ]
    with pytest.raises(ValueError, match=r"1 label is not in taxonomy 'mikels8', first 'Joy'"):
        with_taxonomy(features, Taxonomy.named("mikels8"))
    with pytest.raises(ValueError, match="no 'label' column, so taxonomy 'ekman6' cannot be applied"):
        with_taxonomy(FeatureSet(FeatureSpec(1), features.values, rows[["image_id"]]), EKMAN)


def test_the_real_emotion6_tree_is_read_whole(emotion6: FeatureSet) -> None:
    assert (emotion6.values.shape, emotion6.values.dtype) == ((1_386, 768), np.float16)
    assert set(emotion6.rows["label"]) == set(EKMAN.labels)
    assert emotion6.rows["label"].value_counts().between(223, 242).all()


def save_table(rows: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        rows.to_parquet(path)
    else:
        rows.to_csv(path, sep="\t" if path.suffix == ".tsv" else ",", index=False)
    return path
