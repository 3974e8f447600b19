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
from workbench_runs import refusal, succeeded

from data.features import FeatureSet
from data.taxonomy import Taxonomy
from probes.checkpoint import load_probe


@pytest.fixture(scope="module")
def small(planted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("joint") / "features"
    planted.save(folder)
    return folder


@pytest.fixture(scope="module")
def webemo(planted, tmp_path_factory):
    """The same pictures' training half under WEBEmo's names."""
    named = {"anger": "rage", "disgust": "disgust", "fear": "horror", "joy": "cheerfulness", "sadness": "sadness",
             "surprise": "surprise"}  # fmt: skip
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
    outcome = succeeded("train", "--features", small, "--also", webemo, "-o", tmp_path / "probe", "--epochs", 2)
    assert f"also 600 pictures from {webemo}; labels: " in outcome.out
    probe = load_probe(tmp_path / "probe")
    assert probe.taxonomy.name == "ekman6"
    assert probe.config["pictures"] + probe.config["validation_pictures"] == 1_200
    assert sum(str(name).startswith("w") for name in probe.trained_on) == 600
    line = refusal("train", "--features", small, "--also", webemo, "-o", tmp_path / "none", "--folds", 3)
    assert "--folds cross-validates one set" in line


def test_taxonomies_that_nothing_connects_are_told_in_one_line(small, planted, tmp_path):
    train = planted.where(split="train")
    colours = np.array(["red", "blue"])[np.arange(len(train)) % 2]
    rows = train.rows.assign(label=colours, image_id="c" + train.rows["image_id"].astype(str))
    FeatureSet(train.spec, np.asarray(train.values), rows).save(tmp_path / "colours")
    line = refusal("train", "--features", small, "--also", tmp_path / "colours", "-o", tmp_path / "none")
    assert "have no map and no word in common" in line
    assert Taxonomy.named("ekman6").name in line


def test_a_training_killed_from_outside_ends_with_the_weights_of_an_undisturbed_one(small, tmp_path):
    words = ["train", "--features", str(small), "--epochs", "40", "--patience", "40", "--batch", "8"]
    succeeded(*words, "-o", tmp_path / "whole")
    code = "import sys; from probes import loop; loop.SAVE_EVERY = 0.0; from workbench.cli import main; main(sys.argv[1:])"
    with subprocess.Popen(
        [sys.executable, "-c", code, *words, "-o", str(tmp_path / "cut")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        state = tmp_path / ".cut.training" / "seed-0" / "state.pt"
        for _ in range(3_000):
            if state.is_file() or process.poll() is not None:
                break
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    assert state.is_file()
    assert not (tmp_path / "cut").exists()
    outcome = succeeded(*words, "-o", tmp_path / "cut")
    assert "of a training that was interrupted" in outcome.out
    assert not state.exists()
    assert load_probe(tmp_path / "cut").fingerprint() == load_probe(tmp_path / "whole").fingerprint()
