"""Do `workbench data` and `workbench features` take published data sets as they are, to a report that shows the pictures?"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.synthetic.scenes import AnnotatorBias
from affect_workbench.data.synthetic.scenes.dataset import write_scenes
from workbench_runs import SLIM, refusal, succeeded


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """Drawn pictures in one Parquet file a split, as Hugging Face's `datasets` writes them."""
    root = tmp_path_factory.mktemp("packed")
    manifest = write_scenes(root / "world", train=60, test=60, seed=2, bias=AnnotatorBias(), progress=False)
    for split, rows in manifest.rows.groupby("split"):
        pictures = [{"bytes": (manifest.root / path).read_bytes(), "path": None} for path in rows["path"]]
        table = {"image": pictures, "emotion": rows["label"].tolist(), "light": rows["light"].tolist()}
        (root / "hub").mkdir(exist_ok=True)
        pq.write_table(pa.table(table), root / f"hub/{split}-00000-of-00001.parquet")
    return root / "hub"


def test_a_data_set_of_bytes_becomes_features_and_a_report_with_pictures(packed, tmp_path):
    features = ("features", packed, "--encoder", "builtin:scenes", "-o", tmp_path / "features", "--workers", 0)
    assert "120 encoded now" in succeeded(*features).out
    assert "0 encoded now, 120 reused" in succeeded(*features).out
    made = FeatureSet.load(tmp_path / "features")
    kept = list((tmp_path / "features.pictures").rglob("*.png"))
    assert len(kept) == 120
    assert set(made.rows["path"]) == set(map(str, kept))
    table = made.rows.assign(predicted=np.where(made.rows["light"] == "night", "fear", made.rows["label"]))
    table.drop(columns="content").to_csv(tmp_path / "predictions.csv", index=False)
    succeeded("audit", "--predictions", tmp_path / "predictions.csv", "-o", tmp_path / "run", *SLIM)
    assert 'src="data:image/jpeg;base64,' in (tmp_path / "run/report.html").read_text(encoding="utf-8")


def test_bytes_are_kept_beside_the_manifest_and_nowhere_without_one(packed, tmp_path):
    seen = succeeded("data", packed)
    assert f"dataset     {packed}" in seen.out
    assert "layout      Hugging Face, Parquet (hf-parquet)" in seen.out
    assert "120 pictures lie inside the data set's files" in seen.out
    assert list(packed.parent.glob("*.pictures")) == []
    said = succeeded("data", packed, "-o", tmp_path / "manifest").out
    assert f"the pictures that were no files of their own are in {tmp_path / 'manifest.pictures'}" in said
    manifest = Manifest.load(tmp_path / "manifest")
    assert all(path.is_file() for path in manifest.paths())
    again = succeeded("features", tmp_path / "manifest", "--encoder", "builtin:scenes", "-o", tmp_path / "f", "--workers", 0)
    assert "120 encoded now" in again.out


def test_features_take_a_folder_of_classes(tmp_path):
    manifest = write_scenes(tmp_path / "world", train=6, test=4, seed=3, progress=False)
    for number, (row, path) in enumerate(zip(manifest.rows.itertuples(), manifest.paths(), strict=True)):
        place = tmp_path / "folders" / ("joy" if number % 2 else "fear") / f"{row.image_id}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
    succeeded("features", tmp_path / "folders", "--encoder", "builtin:scenes", "-o", tmp_path / "features", "--workers", 0)
    assert set(FeatureSet.load(tmp_path / "features").rows["label"]) == {"joy", "fear"}
    assert not (tmp_path / "features.pictures").exists()


def test_numbers_are_named_when_asked_in_folders_and_tables(tmp_path):
    manifest = write_scenes(tmp_path / "world", train=6, test=4, seed=3, progress=False)
    table = pd.DataFrame({"path": list(map(str, manifest.paths())), "label": [at % 7 for at in range(10)]})
    table.to_csv(tmp_path / "table.csv", index=False)
    assert "labels are numbers (0, 1, 2, 3, 4, 5, 6): --classes says what" in succeeded("data", tmp_path / "table.csv").out
    named = succeeded("data", tmp_path / "table.csv", "--classes", "fer2013", "-o", tmp_path / "m")
    assert "--classes says (fer2013): 0 angry, 1 disgust" in named.out
    assert "angry" in set(Manifest.load(tmp_path / "m").rows["label"])
    assert "unknown order of classes 'fer'" in refusal("data", tmp_path / "table.csv", "--classes", "fer")
    assert "--classes" in refusal("features", tmp_path / "m", "--classes", "rafdb", "--encoder", "builtin:scenes", "-o", "f")


def test_a_name_on_the_hub_is_fetched_or_refused_in_a_line(packed, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    asked = []

    def fetched(name, *, repo_type):
        asked.append((name, repo_type))
        return str(packed)

    monkeypatch.setattr(hub, "snapshot_download", fetched)
    assert "pictures    120" in succeeded("data", "hf:lab/scenes").out
    assert asked == [("lab/scenes", "dataset")]

    def offline(name, *, repo_type):
        raise OSError("no network\nat all")

    monkeypatch.setattr(hub, "snapshot_download", offline)
    assert "the data set 'lab/scenes' cannot be fetched from the hub: no network at all" in refusal("data", "hf:lab/scenes")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert "pip install 'affect-workbench[mmllm]'" in refusal("data", "hf:lab/scenes")
