"""From pictures to features at many places: kills, copies, odd pictures, and what is done again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.images.decode import open_picture
from affect_workbench.data.synthetic.scenes.dataset import write_scenes
from affect_workbench.probes.attach import recording
from affect_workbench.probes.attach.inputs import prepare
from affect_workbench.probes.attach.recording import QUESTION, record_pictures
from affect_workbench.probes.attach.source import ModelSource, load_model
from affect_workbench.probes.attach.taps import record
from tiny_multimodal import BUILDERS, attached, fill

PLACES = ("connector.in", "connector.out", "layers.1:max", "layers.3", "last")


@pytest.fixture(scope="module")
def model():
    return attached("llava")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("world"), train=30, test=10, seed=1, progress=False)


def first(manifest, count):
    return replace(manifest, rows=manifest.rows.head(count))


def run(model, manifest, out, places=PLACES, **more):
    return record_pictures(model, manifest, places, out=out, progress=False, **more)


def test_features_are_those_of_a_plain_loop(model, world, tmp_path):
    made = run(model, world, tmp_path)
    alone = [record(model, prepare(model, [open_picture(path)], [QUESTION]), PLACES) for path in world.paths()]
    assert list(made.features) == list(PLACES)
    for place, features in made.features.items():
        np.testing.assert_allclose(features.values, np.concatenate([one[place] for one in alone]), rtol=1e-5, atol=1e-5)
        assert list(features.rows["image_id"]) == list(world.rows["image_id"])
        assert list(features.rows["path"]) == list(map(str, world.paths()))
        assert features.attributes == world.attributes
    assert (made.new, made.reused, len(made.unreadable)) == (40, 0, 0)
    folders = ["connector.in", "connector.out", "last", "layers.1-max", "layers.3"]
    assert sorted(path.name for path in tmp_path.iterdir()) == folders
    for place, folder in zip(sorted(PLACES), sorted(folders), strict=True):
        saved = FeatureSet.load(tmp_path / folder)
        assert saved.fingerprint() == made.features[place].fingerprint()


def test_the_spec_says_what_made_the_features(model, world, tmp_path):
    made = run(model, first(world, 2), tmp_path)
    spec = made.features["layers.1:max"].spec
    assert (spec.width, spec.encoder) == (32, f"attach:{model.source.name}")
    assert (spec.weights, spec.layer) == (model.fingerprint(), "layers.1")
    assert spec.pooling.startswith("max, asked ")
    assert made.features["connector.out"].spec.pooling == "mean"


def test_a_second_run_does_only_what_is_new(model, world, tmp_path):
    run(model, first(world, 25), tmp_path)
    again = run(model, world, tmp_path)
    assert (again.new, again.reused) == (15, 25)
    turned = run(model, replace(world, rows=world.rows.iloc[::-1]), tmp_path)
    assert (turned.new, turned.reused) == (0, 40)
    np.testing.assert_array_equal(turned.features["last"].values[::-1], again.features["last"].values)
    more = run(model, world, tmp_path, places=[*PLACES, "layers.2"])
    assert (more.new, len(list(tmp_path.iterdir()))) == (40, 6)


def test_copies_are_run_once_and_stay_two_rows(model, world, tmp_path):
    rows = first(world, 5).rows
    for name in rows["path"]:
        (tmp_path / f"copy-{Path(name).name}").write_bytes((world.root / name).read_bytes())
    copies = rows.assign(
        image_id=[f"copy-{number}" for number in range(5)],
        path=[str(tmp_path / f"copy-{Path(name).name}") for name in rows["path"]],
    )
    both = replace(world, rows=pd.concat([rows, copies]))
    for new in (5, 0):
        made = run(model, both, tmp_path / "out")
        assert (made.new, made.reused) == (new, 10 - new)
        values = made.features["connector.out"].values
        np.testing.assert_array_equal(values[:5], values[5:])


def test_unreadable_pictures_are_named_and_skipped(model, world, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"this is no picture")
    rows = first(world, 6).rows.copy()
    rows.loc[[1, 4], "path"] = [str(tmp_path / "broken.jpg"), str(tmp_path / "gone.png")]
    rows.loc[[1, 4], "content"] = ["feedfeedfeedfeed", "deaddeaddeaddead"]
    made = run(model, replace(world, rows=rows), tmp_path / "out")
    assert (made.new, made.reused) == (4, 0)
    assert list(made.unreadable["image_id"]) == [rows["image_id"][1], rows["image_id"][4]]
    assert list(made.unreadable["path"]) == list(rows["path"][[1, 4]])
    assert list(made.unreadable["reason"]) == [
        "its content is no picture format the workbench opens",
        "the file does not exist",
    ]
    whole = run(model, first(world, 6), tmp_path / "whole")
    for place, features in made.features.items():
        np.testing.assert_allclose(features.values, whole.features[place].values[[0, 2, 3, 5]], rtol=1e-5, atol=1e-5)


def test_a_picture_that_the_processor_refuses_does_not_take_its_batch_with_it(world, tmp_path):
    from PIL import Image

    model = attached("qwen2_vl")
    Image.new("RGB", (2_000, 2)).save(tmp_path / "thread.png")
    rows = first(world, 3).rows.copy()
    rows.loc[1, ["path", "content"]] = [str(tmp_path / "thread.png"), "feedfeedfeedfeed"]
    made = run(model, replace(world, rows=rows), tmp_path / "out")
    assert made.new == 2
    assert list(made.unreadable["image_id"]) == [rows["image_id"][1]]
    assert "aspect ratio" in made.unreadable["reason"].iloc[0]


def test_nothing_readable_is_an_error_with_the_first_reason(model, world, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"this is no picture")
    rows = first(world, 1).rows.assign(path=str(tmp_path / "broken.jpg"), content="feedfeedfeedfeed")
    with pytest.raises(ValueError, match=r"none of 1 picture.*broken\.jpg.*no picture format"):
        run(model, replace(world, rows=rows), tmp_path / "out")
    assert not FeatureSet.is_saved(tmp_path / "out" / "last")


def test_features_of_another_model_or_question_are_never_mixed_in(model, world, tmp_path):
    run(model, first(world, 2), tmp_path, places=["connector.out", "last"])
    with pytest.raises(ValueError, match=r"connector\.out holds other features \(encoder '.*llava', not '.*janus', weights"):
        run(attached("janus"), first(world, 2), tmp_path, places=["connector.out"])
    with pytest.raises(ValueError, match=r"last holds other features \(pooling 'prompt, asked "):
        run(model, first(world, 2), tmp_path, places=["last"], question="Is this joy?")
    kept = run(model, first(world, 2), tmp_path, places=["connector.out"], question="Is this joy?")
    assert (kept.new, kept.reused) == (0, 2)


def test_nothing_to_do_is_refused(model, world, tmp_path):
    with pytest.raises(ValueError, match="0 pictures a forward pass"):
        run(model, world, tmp_path / "out", batch=0)
    with pytest.raises(ValueError, match="no pictures are given"):
        run(model, first(world, 0), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_crops_are_run_one_picture_at_a_time_where_there_is_no_common_split(world, tmp_path):
    model = attached("llava_next")
    made = run(model, first(world, 5), tmp_path / "out")
    alone = [record(model, prepare(model, [open_picture(path)], [QUESTION]), PLACES) for path in world.paths()[:5]]
    for place, features in made.features.items():
        np.testing.assert_array_equal(features.values, np.concatenate([one[place] for one in alone]))


def test_memory_does_not_grow_with_the_number_of_pictures(world, tmp_path, monkeypatch):
    """Features of a wide model, far more of them than the memory that is taken for them."""
    network, processor = BUILDERS["llava"]()
    config = network.config
    config.text_config.update({"hidden_size": 4_096, "head_dim": 8})
    wide = type(network)(config)
    fill(wide)
    wide.save_pretrained(tmp_path / "wide")
    processor.save_pretrained(tmp_path / "wide")
    model = load_model(ModelSource(str(tmp_path / "wide")))
    monkeypatch.setattr(recording, "SHARD", 4)
    places = [f"layers.{number}:{pool}" for number in range(4) for pool in ("mean", "max", "last")]
    run(model, first(world, 4), tmp_path / "once", places, batch=2)
    tracemalloc.start()
    made = run(model, world, tmp_path / "out", places, batch=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    values = [features.values for features in made.features.values()]
    assert all(isinstance(one, np.memmap) for one in values)
    assert peak < 0.4 * sum(one.nbytes for one in values)
    assert all(len(np.unique(np.asarray(one[:, -1]))) == 40 for one in values[3:])  # every picture has its own row


SCRIPT = """
import sys, time
from pathlib import Path
from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.probes.attach import recording
from affect_workbench.probes.attach.source import ModelSource, load_model
recording.SHARD = 8
original, batches = recording.record, iter(range(5))
def until(*given):
    if next(batches, None) is None:
        time.sleep(1_000)
    return original(*given)
recording.record = until
model, manifest = load_model(ModelSource(sys.argv[1])), Manifest.load(sys.argv[2])
recording.record_pictures(model, manifest, sys.argv[4:], out=Path(sys.argv[3]), batch=4, progress=False)
"""


def test_a_killed_run_goes_on_to_the_identical_features(model, world, tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "SHARD", 8)
    whole = run(model, world, tmp_path / "whole", batch=4)
    # Another process stands still after five batches, so that it can be killed there.
    given = [model.source.name, str(world.root / "manifest"), str(tmp_path / "cut"), *PLACES]
    killed = subprocess.Popen([sys.executable, "-c", SCRIPT, *given], env=os.environ | {"OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 100
    while len(list(tmp_path.glob("cut/shards-*/*.npz"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    assert [path.name for path in (tmp_path / "cut").iterdir()] == [next(tmp_path.glob("cut/shards-*")).name]
    assert len(list(tmp_path.glob("cut/shards-*/*.npz"))) == 2
    resumed = run(model, world, tmp_path / "cut", batch=4)
    assert (resumed.new, resumed.reused) == (24, 16)
    for place in PLACES:
        expected, given = whole.features[place], resumed.features[place]
        np.testing.assert_array_equal(given.values, expected.values)
        pd.testing.assert_frame_equal(given.rows, expected.rows)
        assert given.fingerprint() == expected.fingerprint()
    assert not list(tmp_path.glob("cut/shards-*"))


def test_a_run_that_was_killed_between_two_places_is_put_together_again(model, world, tmp_path, monkeypatch):
    save = FeatureSet.save

    def failing(self, folder, **more):
        if folder.name == "layers.3":
            raise KeyboardInterrupt
        save(self, folder, **more)

    monkeypatch.setattr(FeatureSet, "save", failing)
    with pytest.raises(KeyboardInterrupt):
        run(model, world, tmp_path)
    monkeypatch.setattr(FeatureSet, "save", save)
    again = run(model, world, tmp_path)
    assert (again.new, again.reused) == (0, 40)
    assert set(again.features) == set(PLACES)


def stopped(*_, **__):
    raise KeyboardInterrupt


def test_a_damaged_shard_is_named(model, world, tmp_path, monkeypatch):
    save = FeatureSet.save
    monkeypatch.setattr(FeatureSet, "save", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(model, first(world, 4), tmp_path)
    monkeypatch.setattr(FeatureSet, "save", save)
    (shard,) = tmp_path.glob("shards-*/*.npz")
    with np.load(shard) as stored:
        arrays = dict(stored)
    np.savez(shard, **(arrays | {"values-0001": arrays["values-0001"][:-1]}))
    with pytest.raises(ValueError, match=f"{shard.name} is damaged: remove it"):
        run(model, first(world, 4), tmp_path)
    shard.unlink()
    assert run(model, first(world, 4), tmp_path).new == 4


def test_a_saved_manifest_is_recorded_as_it_is(model, world, tmp_path):
    loaded = Manifest.load(world.root / "manifest")
    made = run(model, first(loaded, 3), tmp_path, places=["last"])
    assert list(made.features["last"].rows["label"]) == list(world.rows["label"].head(3))
