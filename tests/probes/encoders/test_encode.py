"""From files to features: batches, kills, copies, odd pictures, and what is done again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affect_workbench.data.features import FeatureSet
from affect_workbench.data.synthetic.scenes.dataset import write_scenes
from affect_workbench.probes.encoders import encode as encoding
from affect_workbench.probes.encoders.encode import encode
from affect_workbench.probes.encoders.vision import vision_encoder


@pytest.fixture(scope="module")
def encoder():
    return vision_encoder("builtin:scenes", on="cpu")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("world"), train=150, test=50, seed=1, progress=False)


def run(manifest, encoder, out, **more):
    more = {"workers": 0, "progress": False} | more
    return encode(manifest.rows, manifest.paths(), encoder, out=out, **more)


def test_features_are_those_of_a_plain_loop(world, encoder, tmp_path):
    from affect_workbench.data.images.decode import open_picture

    made = run(world, encoder, tmp_path / "features")
    alone = np.concatenate([encoder.encode(encoder.recipe.pixels(open_picture(path))[None]) for path in world.paths()])
    np.testing.assert_allclose(made.features.values, alone, rtol=1e-3, atol=1e-4)
    assert list(made.features.rows["image_id"]) == list(world.rows["image_id"])
    assert (made.new, made.reused, len(made.unreadable)) == (200, 0, 0)
    assert not list(tmp_path.glob("*.shards*"))


def test_worker_processes_give_the_same_numbers(world, encoder, tmp_path, monkeypatch):
    alone = run(world, encoder, tmp_path / "alone")
    monkeypatch.setattr(encoding, "_WORTH_WORKERS", 1)
    together = run(world, encoder, tmp_path / "together", workers=2)
    np.testing.assert_array_equal(together.features.values, alone.features.values)


def test_a_second_run_encodes_only_what_is_new_or_changed(world, encoder, tmp_path):
    rows, paths = world.rows.head(120), world.paths()[:120]
    encode(rows, paths, encoder, out=tmp_path / "features", workers=0, progress=False)
    again = run(world, encoder, tmp_path / "features")
    assert (again.new, again.reused) == (80, 120)
    fewer = encode(rows.iloc[::-1], paths[::-1], encoder, out=tmp_path / "features", workers=0, progress=False)
    assert (fewer.new, fewer.reused) == (0, 120)
    assert list(fewer.features.rows["image_id"]) == list(rows["image_id"].iloc[::-1])


def test_copies_are_encoded_once_and_stay_two_rows(world, encoder, tmp_path):
    rows = pd.concat([world.rows.head(5), world.rows.head(5).assign(image_id=[f"copy-{n}" for n in range(5)])])
    made = encode(rows, world.paths()[:5] * 2, encoder, out=tmp_path / "features", workers=0, progress=False)
    assert (made.new, made.reused) == (5, 5)
    np.testing.assert_array_equal(made.features.values[:5], made.features.values[5:])


def test_unreadable_pictures_are_named_and_skipped(world, encoder, tmp_path):
    rows = world.rows.head(4).copy()
    paths = world.paths()[:4]
    (tmp_path / "broken.jpg").write_bytes(b"this is no picture")
    paths[1], rows.loc[1, "content"] = tmp_path / "broken.jpg", "feedfeedfeedfeed"
    paths[3], rows.loc[3, "content"] = tmp_path / "gone.png", "deaddeaddeaddead"
    made = encode(rows, paths, encoder, out=tmp_path / "features", workers=0, progress=False)
    assert len(made.features) == 2
    assert made.new == 2
    assert list(made.unreadable["image_id"]) == [rows["image_id"][1], rows["image_id"][3]]
    assert all(made.unreadable["reason"].str.len() > 5)


def test_nothing_readable_is_an_error_with_the_first_reason(world, encoder, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"this is no picture")
    with pytest.raises(ValueError, match="none of 1 picture"):
        encode(world.rows.head(1), [tmp_path / "broken.jpg"], encoder, out=tmp_path / "features", workers=0, progress=False)
    assert not (tmp_path / "features").exists()


def test_features_of_another_encoder_are_never_mixed_in(world, encoder, tmp_path):
    rough = vision_encoder("builtin:scenes", on="cpu", precision="bfloat16")
    run(world, rough, tmp_path / "features")
    with pytest.raises(ValueError, match="choose another --out"):
        run(world, encoder, tmp_path / "features")
    assert FeatureSet.load(tmp_path / "features").values.dtype == np.float16


def test_memory_does_not_grow_with_the_number_of_pictures(world, encoder, tmp_path, monkeypatch):
    """Features of a wide model, far more of them than the memory that is taken for them."""
    import tracemalloc

    import torch

    width = 30_000
    wide = replace(
        encoder,
        spec=replace(encoder.spec, width=width, encoder="wide"),
        image=lambda pixels: pixels.mean(dim=(1, 2, 3))[:, None] * torch.ones(width),
    )
    monkeypatch.setattr(encoding, "SHARD", 16)
    monkeypatch.setattr(encoding, "BATCH", 8)
    tracemalloc.start()
    made = run(world, wide, tmp_path / "features")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(made.features.values, np.memmap)
    assert peak < 0.4 * made.features.values.nbytes
    assert len(np.unique(np.asarray(made.features.values[:, -1]))) > 190  # every picture has its own row


SCRIPT = """
import sys, time
from pathlib import Path
from affect_workbench.probes.encoders import encode as encoding
from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.probes.encoders.vision import vision_encoder
encoding.SHARD = 32
encoding.BATCH = 16
encoder = vision_encoder("builtin:scenes", on="cpu")
original = type(encoder).encode
batches = iter(range(5))
def until(self, squares):
    if next(batches, None) is None:
        time.sleep(1_000)
    return original(self, squares)
type(encoder).encode = until
manifest = Manifest.load(sys.argv[1])
encoding.encode(manifest.rows, manifest.paths(), encoder, out=Path(sys.argv[2]), workers=0, progress=False)
"""


def test_a_killed_run_goes_on_to_the_identical_features(world, encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(encoding, "SHARD", 32)
    monkeypatch.setattr(encoding, "BATCH", 16)
    whole = run(world, encoder, tmp_path / "whole")
    assert (whole.new, whole.reused) == (200, 0)
    # Another process stands still after five batches, so that it can be killed there.
    command = [sys.executable, "-c", SCRIPT, str(Path(world.root) / "manifest"), str(tmp_path / "cut")]
    killed = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 100
    while len(list(tmp_path.glob("cut.shards-*/*.npz"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    assert not (tmp_path / "cut").exists()
    done = 32 * len(list(tmp_path.glob("cut.shards-*/*.npz")))
    assert done == 64
    resumed = run(world, encoder, tmp_path / "cut")
    assert (resumed.new, resumed.reused) == (200 - done, done)
    expected, given = FeatureSet.load(tmp_path / "whole"), FeatureSet.load(tmp_path / "cut")
    np.testing.assert_array_equal(given.values, expected.values)
    pd.testing.assert_frame_equal(given.rows, expected.rows)
    assert given.fingerprint() == expected.fingerprint()


INTERRUPTED = """
import signal, sys
from affect_workbench.probes.encoders import encode as encoding
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs start without one
encoding.SHARD, encoding.BATCH, encoding._WORTH_WORKERS = 32, 16, 1
from affect_workbench.probes.encoders.vision import VisionEncoder
original = VisionEncoder.encode
batches = iter(range(3))
def until(self, squares):
    import time
    if next(batches, None) is None:
        time.sleep(1_000)  # until the interrupt
    return original(self, squares)
VisionEncoder.encode = until
from affect_workbench.workbench.__main__ import main
if __name__ == "__main__":
    sys.exit(main(["features", sys.argv[1], "--encoder", "builtin:scenes", "-o", sys.argv[2], "--workers", "1"]))
"""


def test_an_interrupt_at_the_keyboard_ends_workers_and_all_in_one_line(world, tmp_path):
    (tmp_path / "run.py").write_text(INTERRUPTED)
    command = [sys.executable, str(tmp_path / "run.py"), str(Path(world.root) / "manifest"), str(tmp_path / "cut")]
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).resolve().parents[3] / "src")}
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env, start_new_session=True)
    deadline = time.monotonic() + 100
    while not list(tmp_path.glob("cut.shards-*/*.npz")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does it: to every process of the command
    said = running.communicate(timeout=100)[1]
    assert running.returncode == 2
    assert "Traceback" not in said
    assert said.rstrip().endswith("run the same command again to continue from what was finished")
    assert list(tmp_path.glob("cut.shards-*/*.npz"))
