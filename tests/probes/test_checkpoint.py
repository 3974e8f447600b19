"""Is a saved probe the same probe, and is a damaged or edited one refused?"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file, save_file

from affect_workbench.data.features import FeatureSet
from affect_workbench.data.storage.atomic import atomic_folder
from affect_workbench.probes.checkpoint import load_probe, save_probe
from affect_workbench.probes.projector import Probe


@pytest.fixture(scope="module")
def saved(planted_probe: Probe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("probes") / "probe"
    with atomic_folder(folder) as partial:
        save_probe(planted_probe, partial)
    return folder


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "probe"))


def test_a_loaded_probe_predicts_exactly_the_same(saved: Path, planted: FeatureSet, planted_probe: Probe) -> None:
    loaded = load_probe(saved)
    before, after = planted_probe.predict(planted), load_probe(str(saved)).predict(planted)
    np.testing.assert_array_equal(after.distances, before.distances)
    assert (after.source, after.notes) == (before.source, before.notes)
    assert loaded.fingerprint() == planted_probe.fingerprint()
    assert (loaded.taxonomy, loaded.spec, loaded.trained_on) == (
        planted_probe.taxonomy,
        planted_probe.spec,
        planted_probe.trained_on,
    )
    assert (loaded.temperature, loaded.normalise) == (planted_probe.temperature, planted_probe.normalise)
    assert loaded.config == planted_probe.config
    assert (loaded.anchors.source, loaded.anchors.template) == (planted_probe.anchors.source, planted_probe.anchors.template)
    np.testing.assert_array_equal(loaded.centre, planted_probe.centre)


def test_a_loaded_probe_can_be_saved_again_without_a_change(saved: Path, tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "again") as partial:
        save_probe(load_probe(saved), partial)
    for name in ("config.json", "model.safetensors", "pictures.parquet"):
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"normalise": true,\n  "pictures_', '"normalise":false,\n  "pictures_', "weights"),
        ('"encoder": "planted"', '"encoder": "painted"', "features"),
        ('"fingerprint": "', '"fingerprint": "f', None),
    ],
)
def test_an_edited_config_is_refused(copy: Path, old: str, new: str, what: str | None) -> None:
    text = (copy / "config.json").read_text(encoding="utf-8")
    assert text.count(old) == 1
    (copy / "config.json").write_text(text.replace(old, new), encoding="utf-8")
    expected = "is damaged: config.json has" if what is None else f"does not match its {what} fingerprint"
    with pytest.raises(ValueError, match=expected):
        load_probe(copy)


def test_a_value_of_another_kind_is_named_with_what_was_expected(copy: Path) -> None:
    text = (copy / "config.json").read_text(encoding="utf-8")
    (copy / "config.json").write_text(
        text.replace('"normalise": true,\n  "pic', '"normalise": null,\n  "pic'), encoding="utf-8"
    )
    with pytest.raises(ValueError, match=r"config.json cannot be read: normalise is None, expected true or false; train"):
        load_probe(copy)


@pytest.mark.parametrize("name", ["model.4.bias", "model.1.running_mean", "anchors", "centre"])
def test_tampered_weights_are_refused(copy: Path, name: str) -> None:
    tensors = load_file(copy / "model.safetensors")
    tensors[name] = tensors[name].flip(0)
    save_file(tensors, copy / "model.safetensors")
    with pytest.raises(ValueError, match=f"does not match its {'anchors' if name == 'anchors' else 'weights'} fingerprint"):
        load_probe(copy)


def test_a_tampered_list_of_training_pictures_is_refused(copy: Path) -> None:
    """The list decides which predictions are called in-sample."""
    file = copy / "pictures.parquet"
    pd.DataFrame({"image_id": ["planted-999999"]}).to_parquet(file)
    marker = copy / "COMPLETE.json"
    files = json.loads(marker.read_text(encoding="utf-8"))["files"] | {"pictures.parquet": file.stat().st_size}
    marker.write_text(json.dumps({"files": files}), encoding="utf-8")
    with pytest.raises(ValueError, match="does not match its pictures fingerprint"):
        load_probe(copy)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "pictures.parquet"])
def test_truncated_and_lost_files_are_refused(copy: Path, name: str) -> None:
    (copy / name).write_bytes((copy / name).read_bytes()[:-20])
    with pytest.raises(ValueError, match=f"is damaged: {name} has .* bytes, .* were written"):
        load_probe(copy)
    (copy / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"has lost its file {name}"):
        load_probe(copy)


def test_overwritten_weights_of_the_same_size_are_refused(copy: Path) -> None:
    file = copy / "model.safetensors"
    file.write_bytes(b"\xff" * file.stat().st_size)
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged \(.*train the probe again"):
        load_probe(copy)


def test_what_is_no_probe_is_refused(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no probe at .*: the folder does not exist"):
        load_probe(tmp_path / "none")
    text = (copy / "config.json").read_text(encoding="utf-8")
    (copy / "config.json").write_text(text.replace('"schema": 1', '"schema": 9'), encoding="utf-8")
    with pytest.raises(ValueError, match="has schema 9: this version reads 1"):
        load_probe(copy)
    (copy / "COMPLETE.json").unlink()
    with pytest.raises(ValueError, match="is not a finished probe"):
        load_probe(copy)
    with atomic_folder(tmp_path / "run") as partial:
        (partial / "audit.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match=r"is not a probe: it has no model\.safetensors \(a run folder was given\?\)"):
        load_probe(tmp_path / "run")
