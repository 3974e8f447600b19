"""Several seeds and several sets from the command line, and a training that was killed from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.checkpoint import load_probe
from workbench_runs import refusal, succeeded


@pytest.fixture(scope="module")
def small(planted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("joint") / "features"
    planted.save(folder)
    return folder


@pytest.fixture(scope="module")
def webemo(planted, tmp_path_factory):
    """The same pictures' training half under WEBEmo's names."""
    named = {
        "anger": "rage",
        "disgust": "disgust",
        "fear": "horror",
        "joy": "cheerfulness",
        "sadness": "sadness",
        "surprise": "surprise",
    }
    train = planted.where(split="train")
    rows = train.rows.assign(label=train.rows["label"].map(named), image_id="w" + train.rows["image_id"].astype(str))
    folder = tmp_path_factory.mktemp("webemo") / "features"
    FeatureSet(train.spec, np.asarray(train.values), rows).save(folder)
    return folder


def test_seeds_are_told_with_mean_and_interval_and_each_is_kept(small, tmp_path):
    outcome = succeeded("train", "--features", small, "-o", tmp_path / "probe", "--epochs", 2, "--seeds", 3)
    record = json.loads((tmp_path / "probe/metrics.json").read_text(encoding="utf-8"))
    accuracies = record["seed_accuracies"]
    assert len(accuracies) == 3
    assert accuracies[0] == pytest.approx(record["accuracy"])
    assert f"over 3 seeds: mean accuracy {np.mean(accuracies):.3f} [" in outcome.out
    prints = {load_probe(tmp_path / "probe/seeds" / str(seed)).fingerprint() for seed in range(3)}
    assert len(prints) == 3
    assert load_probe(tmp_path / "probe").fingerprint() in prints
    history = pd.read_csv(tmp_path / "probe/history.csv")
    assert history["validation_accuracy"].tolist() == [
        epoch["validation_accuracy"] for epoch in record["training"]["history"]
    ]
    assert "--seeds is 0: at least one" in refusal("train", "--features", small, "-o", tmp_path / "none", "--seeds", 0)


def test_several_sets_are_trained_on_together(small, webemo, tmp_path):
    outcome = succeeded("train", "--features", small, "--extra-features", webemo, "-o", tmp_path / "probe", "--epochs", 2)
    assert f"also 600 pictures from {webemo}; labels: " in outcome.out
    probe = load_probe(tmp_path / "probe")
    assert probe.taxonomy.name == "ekman6"
    assert probe.config["pictures"] + probe.config["validation_pictures"] == 1_200
    assert sum(str(name).startswith("w") for name in probe.trained_on) == 600
    line = refusal("train", "--features", small, "--extra-features", webemo, "-o", tmp_path / "none", "--folds", 3)
    assert "--folds cross-validates one set" in line


def test_sets_of_ones_own_labels_are_mapped_by_a_file_and_measured_on_their_own_test_split(small, planted, tmp_path):
    (tmp_path / "own.toml").write_text(
        'labels = ["wrath", "bliss", "rest"]\nmaps.ekman6 = { wrath = "anger", bliss = "joy", rest = "" }', encoding="utf-8"
    )
    named = {"anger": "wrath", "joy": "bliss", "sadness": "rest"}
    kept = planted.take(planted.rows["label"].isin(list(named)).to_numpy())
    rows = kept.rows.assign(label=kept.rows["label"].map(named), image_id="o" + kept.rows["image_id"].astype(str))
    FeatureSet(kept.spec, np.asarray(kept.values), rows).save(tmp_path / "set")
    words = ("train", "--features", small, "--extra-features", tmp_path / "set", "--epochs", 2, "--sampling", "sets")
    told = succeeded(*words, "--extra-taxonomies", tmp_path / "own.toml", "-o", tmp_path / "probe").out
    assert "labels: wrath, bliss, rest" in told
    assert "drawn with replacement, every set equally often: 50 %, 50 %" in told
    found = json.loads((tmp_path / "probe/metrics.json").read_text(encoding="utf-8"))["also"]
    assert [one["n"] for one in found] == [int((rows["split"] == "test").sum())]
    assert f"accuracy {found[0]['accuracies'][0]:.3f} [" in told
    assert found[0]["accuracies"][0] > 0.4
    line = refusal(*words, "--extra-taxonomies", "ekman6", "mikels8", "-o", tmp_path / "none")
    assert "2 --extra-taxonomies for 1 sets of --extra-features: give one each" in line
    assert "have no map and no word in common" in refusal(*words, "-o", tmp_path / "none")


def test_taxonomies_that_nothing_connects_are_told_in_one_line(small, planted, tmp_path):
    train = planted.where(split="train")
    colours = np.array(["red", "blue"])[np.arange(len(train)) % 2]
    rows = train.rows.assign(label=colours, image_id="c" + train.rows["image_id"].astype(str))
    FeatureSet(train.spec, np.asarray(train.values), rows).save(tmp_path / "colours")
    line = refusal("train", "--features", small, "--extra-features", tmp_path / "colours", "-o", tmp_path / "none")
    assert "have no map and no word in common" in line
    assert Taxonomy.named("ekman6").name in line


STANDING_STILL = """
import os, sys, time
from affect_workbench.probes.training import loop
from affect_workbench.workbench.__main__ import main

loop.SAVE_EVERY = 0.0
replace, epochs = os.replace, iter(range(2))


def replace_and_wait(written, file):
    replace(written, file)
    if os.path.basename(file) == "state.pt" and next(epochs, None) is None:
        time.sleep(1_000)


os.replace = replace_and_wait
main(sys.argv[1:])
"""
"""A training that stands still once three epochs are on disk, to be killed there however busy the machine is."""


def test_a_training_killed_from_outside_ends_with_the_weights_of_an_undisturbed_one(small, tmp_path):
    words = ["train", "--features", str(small), "--epochs", "12", "--patience", "12", "--batch", "8"]
    succeeded(*words, "-o", tmp_path / "whole")
    with subprocess.Popen(
        [sys.executable, "-c", STANDING_STILL, *words, "-o", str(tmp_path / "cut")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        state = tmp_path / ".cut.training" / "seed-0" / "state.pt"
        deadline = time.monotonic() + 300
        while not state.is_file() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    assert state.is_file()
    assert not (tmp_path / "cut").exists()
    outcome = succeeded(*words, "-o", tmp_path / "cut")
    assert "of an interrupted training" in outcome.out
    assert not state.exists()
    assert load_probe(tmp_path / "cut").fingerprint() == load_probe(tmp_path / "whole").fingerprint()


MEMORY = """
import re, sys
from pathlib import Path
from affect_workbench.data import features
from affect_workbench.data.storage import arrays
from affect_workbench.probes.evaluation import evaluate
from affect_workbench.probes.training import batches
from affect_workbench.workbench.__main__ import main

batches.IN_MEMORY, batches.CHUNK, evaluate.LOGISTIC_AT_MOST = 1 << 20, 1_024, 1_000
arrays._MAPPED_AT_ONCE, features._CHUNK, evaluate._CHUNK = 1 << 22, 1_024, 1_024


def told(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text("ascii")).group(1)) / 1024


small, large, out = sys.argv[1:]
words = ["--epochs", "1", "--batch", "512", "--holdout", "0.02", "--validation-share", "0.02"]
assert main(["train", "--features", small, "-o", out + "-small", *words]) == 0
before = told("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
assert main(["train", "--features", large, "-o", out, *words]) == 0
print("grew by", told("VmHWM") - before)
"""


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="the system does not tell the peak memory")
def test_features_on_disk_are_trained_on_without_being_read_into_memory(planted, tmp_path):
    rng = np.random.default_rng(0)
    labels = np.array(Taxonomy.named("ekman6").labels)
    for name, n in (("small", 300), ("large", 24_000)):
        rows = pd.DataFrame({"image_id": np.arange(n).astype(str), "label": labels[np.arange(n) % 6]})
        values = rng.standard_normal((n, 1_536), np.float32)
        FeatureSet(FeatureSpec(1_536, "made up"), values, rows).save(tmp_path / name)
    size = (tmp_path / "large/values.npy").stat().st_size / 2**20
    words = [sys.executable, "-c", MEMORY, *(str(tmp_path / name) for name in ("small", "large", "probe"))]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert size > 140
    # Neither a copy of the features nor the whole of their file: either alone is as large as they are.
    assert float(done.stdout.rpartition("grew by")[2]) < 0.9 * size
    assert load_probe(tmp_path / "probe").config["pictures"] > 20_000
