"""A model looked into as a user does it: by path, with pictures in whatever form they are there."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import affect_workbench as aw
from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.synthetic.scenes.dataset import write_scenes
from affect_workbench.probes.attach.tap import manifest_from
from tiny_multimodal import tiny_folder

PLACES = ["connector.in", "connector.out", "layers.1", "layers.3:max", "last"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("world"), train=8, test=4, seed=2, progress=False)


@pytest.fixture(scope="module")
def folder():
    return str(tiny_folder("llava"))


@pytest.fixture(scope="module")
def recorded(folder, world):
    with aw.attach(folder) as tap:
        features = tap.features(world, at=PLACES, progress=False)
    return features


def test_features_outlive_the_model(recorded, world):
    assert list(recorded) == PLACES
    for features in recorded.values():
        assert isinstance(features, FeatureSet)
        assert len(features) == len(world)
        assert np.ptp(features.values, axis=0).max() > 1e-3


def test_pictures_come_in_any_form(folder, world, recorded, tmp_path):
    world.rows.assign(path=[str(path) for path in world.paths()]).to_csv(tmp_path / "table.csv", index=False)
    with aw.attach(folder) as tap:
        for number, given in enumerate([world.root / "manifest", tmp_path / "table.csv", str(world.root), world.paths()]):
            made = tap.features(given, at=["layers.1"], out=tmp_path / str(number), progress=False)["layers.1"]
            at = {content: row for row, content in enumerate(made.rows["content"])}
            order = [at[content] for content in world.rows["content"]]
            np.testing.assert_allclose(made.values[order], recorded["layers.1"].values, rtol=1e-5, atol=1e-5)
            assert FeatureSet.load(tmp_path / str(number) / "layers.1").fingerprint() == made.fingerprint()


def test_a_folder_of_loose_pictures_is_a_list_of_them(world, tmp_path):
    for path in world.paths()[:3]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    found = manifest_from(tmp_path)
    assert found.paths() == sorted(tmp_path.iterdir())
    assert set(found.rows["content"]) == set(world.rows["content"].head(3))


def test_a_changed_picture_of_a_saved_manifest_is_known_by_its_new_content(world, tmp_path):
    (tmp_path / "a.png").write_bytes(world.picture_path(0).read_bytes())
    manifest_from([tmp_path / "a.png"]).save(tmp_path / "manifest")
    (tmp_path / "a.png").write_bytes(world.picture_path(1).read_bytes())
    assert list(manifest_from(tmp_path / "manifest").rows["content"]) == [world.rows["content"][1]]


def test_skipped_pictures_of_a_list_are_named(folder, world, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"this is no picture")
    given = [tmp_path / "broken.jpg", *world.paths()[:2], tmp_path / "gone.png", tmp_path / "gone, too.png"]
    tap = aw.attach(folder)
    with pytest.warns(UserWarning, match=r"skipped 3 pictures, first .*broken\.jpg: .*no picture format"):
        made = tap.features(given, at=["last"], progress=False)
    assert list(made["last"].rows["path"]) == [str(path) for path in world.paths()[:2]]


def test_no_pictures_is_an_error():
    with pytest.raises(ValueError, match="no pictures are given"):
        manifest_from([])
    with pytest.raises(FileNotFoundError, match="no manifest at nowhere"):
        manifest_from("nowhere")


def test_the_model_is_loaded_when_it_is_needed_and_let_go(folder, world):
    tap = aw.attach(folder)
    assert tap.size.gigabytes > 0
    assert repr(tap) == f"<Tap of {folder}: not loaded>"
    assert tap.places == ("connector.in", "connector.out", "layers.0", "layers.1", "layers.2", "layers.3", "last")
    with tap:
        assert repr(tap) == f"<Tap of {folder}: loaded>"
        with pytest.raises(ValueError, match=r"no place layers\.9: it has connector\.in"):
            tap.features(world, at=["layers.9"])
    assert repr(tap) == f"<Tap of {folder}: not loaded>"


class Everything:
    """Erases whatever differs from 0."""

    mean = np.zeros(32)
    left = right = np.eye(32)


def test_what_is_erased_is_gone_behind_the_place_for_a_while(folder, world, recorded):
    at = ["connector.out", "layers.0", "last"]
    with aw.attach(folder) as tap:
        with tap.erase("connector.out", Everything()):
            erased = tap.features(world, at=at, progress=False)
        after = tap.features(world, at=at, progress=False)
    assert np.abs(erased["layers.0"].values).max() < 1e-6
    assert np.ptp(erased["last"].values, axis=0).max() < 1e-5
    np.testing.assert_array_equal(after["last"].values, recorded["last"].values)
    assert np.ptp(after["layers.0"].values, axis=0).max() > 1e-3


def test_attach_is_there_without_torch():
    code = "import sys, affect_workbench as aw; assert 'attach' in dir(aw); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_manifest_is_taken_as_it_is(world):
    assert manifest_from(world) is world
    assert isinstance(manifest_from(str(world.root / "manifest")), Manifest)
