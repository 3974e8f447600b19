"""Do features stay with their pictures, on disk and in memory, and are bad ones refused?"""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_workbench.data.features import FeatureSet, FeatureSpec, require_same_spec
from affect_workbench.data.storage import arrays
from affect_workbench.data.storage.arrays import give_back, take_rows


def features(n: int = 5, width: int = 3, **columns) -> FeatureSet:
    rng = np.random.default_rng(n)
    rows = pd.DataFrame({"image_id": [f"p{number}" for number in range(n)], **columns})
    return FeatureSet(FeatureSpec(width=width), rng.standard_normal((n, width)).astype(np.float32), rows)


@given(n=st.integers(1, 40), width=st.integers(1, 7), half=st.booleans(), seed=st.integers(0, 9))
def test_save_and_load_give_the_same_features(n: int, width: int, half: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    tones = np.array(["dark", "light", None], dtype=object)[rng.integers(3, size=n)]
    ids = [f"é/{number:03d}" for number in rng.permutation(n)]
    spec = FeatureSpec(width, "enc", "w", "last", "cls", 224, normalised=True)
    values = rng.standard_normal((n, width)).astype(np.float16 if half else np.float32)
    before = FeatureSet(spec, values, pd.DataFrame({"image_id": ids, "tone": tones, "age": rng.random(n)}))
    with tempfile.TemporaryDirectory() as folder:
        before.save(Path(folder) / "set")
        after = FeatureSet.load(Path(folder) / "set")
        assert isinstance(after.values, np.memmap)
        assert after.values.dtype == before.values.dtype
        np.testing.assert_array_equal(after.values, before.values)
        assert list(after.rows["image_id"]) == ids
        assert list(after.rows["tone"].fillna("")) == [tone or "" for tone in tones]
        assert (after.spec, after.fingerprint()) == (spec, before.fingerprint())


def test_every_field_of_the_spec_changes_its_fingerprint() -> None:
    spec = FeatureSpec(8)
    others = {"width": 9, "encoder": "x", "weights": "x", "layer": "x", "pooling": "x", "image_size": 1, "normalised": True}
    prints = {spec.fingerprint(), *(replace(spec, **{name: value}).fingerprint() for name, value in others.items())}
    assert len(prints) == 1 + len(others)


def test_the_fingerprint_sees_values_ids_and_order_but_not_labels() -> None:
    base = features(label=list("aabbc"))
    changed = base.values.copy()
    changed[4, 2] += 1
    reversed_ids = base.rows.assign(image_id=base.rows["image_id"].to_numpy()[::-1])
    assert replace(base, rows=base.rows.assign(label="z")).fingerprint() == base.fingerprint()
    others = (replace(base, values=changed), replace(base, rows=reversed_ids), base.take(np.arange(5)[::-1]))
    assert len({other.fingerprint() for other in (base, *others)}) == 4


def test_take_by_mask_and_by_position_agree_and_keep_rows_beside_values() -> None:
    base = features(7)
    mask = np.array([0, 1, 0, 1, 1, 0, 0], dtype=bool)
    for taken in (base.take(mask), base.take(np.flatnonzero(mask))):
        assert list(taken.rows["image_id"]) == ["p1", "p3", "p4"]
        np.testing.assert_array_equal(taken.values, base.values[mask])
    assert list(base.take(np.array([4, 0])).rows["image_id"]) == ["p4", "p0"]


def test_attributes_are_what_is_neither_core_nor_a_vote() -> None:
    base = features(2, label=["a", "b"], path="", split="x", group_id=1, vote_a=0.5, tone=["d", "l"])
    assert base.attributes == ["tone"]


def test_where_picks_one_split_and_names_the_others() -> None:
    base = features(3, split=["train", "test", "train"])
    assert list(base.where(split="train").rows["image_id"]) == ["p0", "p2"]
    with pytest.raises(ValueError, match=r"no picture is in split 'val'; splits: test, train"):
        base.where(split="val")
    with pytest.raises(ValueError, match="these features have no split"):
        features().where(split="val")


def test_where_names_the_splits_even_when_some_pictures_have_none() -> None:
    with pytest.raises(ValueError, match="no picture is in split 'val'; splits: test, train"):
        features(3, split=["train", None, "test"]).where(split="val")


def test_malformed_features_are_refused() -> None:
    base = features()
    with pytest.raises(ValueError, match=r"shape \(5,\): expected \(pictures, width\)"):
        replace(base, values=base.values[:, 0])
    with pytest.raises(TypeError, match="features are float64: expected float32 or float16"):
        replace(base, values=base.values.astype(np.float64))
    with pytest.raises(ValueError, match=r"shape \(4, 3\): expected \(5, 3\)"):
        replace(base, values=base.values[:4])
    with pytest.raises(ValueError, match="at least one picture"):
        base.take(np.zeros(5, dtype=bool))
    with pytest.raises(ValueError, match="no column 'image_id'; columns: id"):
        replace(base, rows=base.rows.rename(columns={"image_id": "id"}))
    with pytest.raises(ValueError, match=r"2 ids occur more than once, first 'a', 'b'"):
        replace(base, rows=pd.DataFrame({"image_id": list("aabbc")}))


def test_a_missing_id_is_refused() -> None:
    with pytest.raises(ValueError, match=r"features: 1 row has no id, first at row 2"):
        replace(features(3), rows=pd.DataFrame({"image_id": ["a", None, "b"]}))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_counted_and_named(bad: float) -> None:
    base = features(8)
    values = base.values.copy()
    values[[1, 3, 5, 6], [0, 1, 2, 0]] = bad
    with pytest.raises(
        ValueError, match=r"features of 4 pictures hold NaN or infinite values, first 'p1', 'p3', 'p5' and 1"
    ):
        replace(base, values=values)


def test_a_set_that_exists_is_refused_or_replaced_on_request(tmp_path: Path) -> None:
    features(3).save(tmp_path / "set")
    with pytest.raises(FileExistsError, match="exists: choose another folder, or pass overwrite=True"):
        features(4).save(tmp_path / "set")
    assert len(FeatureSet.load(tmp_path / "set")) == 3
    features(4).save(tmp_path / "set", overwrite=True)
    assert len(FeatureSet.load(tmp_path / "set")) == 4


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("spec.json", '"width": 3', '"width": 4', "does not match its fingerprint"),
        ("spec.json", '"schema": 1', '"schema": 9', "has schema 9: this version reads 1"),
        ("spec.json", '"width": 3', '"width": 33', "is damaged: spec.json has"),
        ("values.npy", None, None, "is damaged: values.npy has"),
    ],
)
def test_damaged_or_edited_sets_are_refused(tmp_path: Path, name: str, old: str, new: str, message: str) -> None:
    features(3).save(tmp_path / "set")
    file = tmp_path / "set" / name
    if old is None:
        file.write_bytes(file.read_bytes()[:-4])
    else:
        file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        FeatureSet.load(tmp_path / "set")


def test_lost_and_unfinished_sets_are_refused(tmp_path: Path) -> None:
    features(3).save(tmp_path / "set")
    (tmp_path / "set" / "rows.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"has lost its file rows.parquet"):
        FeatureSet.load(tmp_path / "set")
    (tmp_path / "set" / "COMPLETE.json").unlink()
    with pytest.raises(ValueError, match="is not a finished feature set"):
        FeatureSet.load(tmp_path / "set")
    with pytest.raises(FileNotFoundError, match="no feature set at"):
        FeatureSet.load(tmp_path / "none")


def test_features_of_another_encoder_are_refused_with_what_differs() -> None:
    one, other = FeatureSpec(4, "clip", "openai"), FeatureSpec(4, "clip", "laion", normalised=True)
    require_same_spec(one, FeatureSpec(4, "clip", "openai"), what="the probe")
    with pytest.raises(
        ValueError, match=r"clip \(openai\), 4 wide, these are of clip \(laion\).*differs in weights, normalised"
    ):
        require_same_spec(one, other, what="the probe")


def mapped(values: np.ndarray, folder: Path) -> np.ndarray:
    np.save(folder / "mapped.npy", values)
    return np.load(folder / "mapped.npy", mmap_mode="r")


@pytest.mark.parametrize("at_once", [1 << 28, 1_000])
def test_what_is_gathered_from_a_file_is_what_is_there(at_once: int, tmp_path: Path, monkeypatch) -> None:
    values = np.random.default_rng(0).normal(size=(97, 5)).astype(np.float16)
    positions = np.random.default_rng(1).integers(97, size=200)
    monkeypatch.setattr(arrays, "_MAPPED_AT_ONCE", at_once)
    for source in (values, mapped(values, tmp_path), mapped(values, tmp_path)[:90]):
        here = positions[positions < len(source)]
        np.testing.assert_array_equal(take_rows(source, here), values[here])
    assert take_rows(mapped(values, tmp_path), np.empty(0, np.int64)).shape == (0, 5)
    give_back(values)


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="the system does not tell the memory of a process")
def test_pages_of_a_file_are_let_go(tmp_path: Path) -> None:
    def resident() -> float:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(re.search(r"RssFile:\s+(\d+)", status).group(1)) / 1024

    values = mapped(np.ones((32_768, 512), np.float32), tmp_path)
    before = resident()
    assert values.sum() == values.size
    assert resident() - before > 50  # of 64 MB
    give_back(values[5:9])
    assert resident() - before < 10
    take_rows(values, np.arange(0, len(values), 3))
    assert resident() - before < 10
    writable = np.load(tmp_path / "mapped.npy", mmap_mode="r+")
    writable[3] = 7
    give_back(writable)
    assert (writable[3] == 7).all()
