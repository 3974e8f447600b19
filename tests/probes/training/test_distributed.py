"""Do two processes train the projector that one would, and does only one of them speak and write?"""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affect_workbench.data.features import FeatureSet, FeatureSpec
from workbench_runs import launched, succeeded


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes that overlap a little."""
    folder = tmp_path_factory.mktemp("distributed") / "features"
    rng = np.random.default_rng(0)
    codes = np.arange(600) % 3
    values = (np.eye(16)[codes] * 4 + rng.normal(size=(600, 16))).astype(np.float32)
    rows = pd.DataFrame({"image_id": np.arange(600).astype(str), "label": np.array(["anger", "joy", "sadness"])[codes]})
    FeatureSet(FeatureSpec(16, "made up"), values, rows).save(folder)
    return folder


def test_two_processes_train_one_probe(features, tmp_path):
    words = ("train", "--features", features, "--epochs", 4, "--device", "cpu")
    outcome = launched(*words, "-o", tmp_path / "two")
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.count("wrote ") == 1
    both = json.loads((tmp_path / "two/metrics.json").read_text(encoding="utf-8"))
    succeeded(*words, "-o", tmp_path / "one")
    one = json.loads((tmp_path / "one/metrics.json").read_text(encoding="utf-8"))
    accuracies = [record["accuracy"] for record in (both, one)]
    assert min(accuracies) > 0.85
    assert abs(accuracies[0] - accuracies[1]) < 0.06
    assert len(both["training"]["history"]) == len(one["training"]["history"])


STEP = """
import sys
import torch
from affect_workbench.probes.training.losses import Extras, info_nce
from affect_workbench.probes.projector import MetricProjector
from affect_workbench.probes.training.distributed import is_main, training_context

context = training_context("cpu")
torch.manual_seed(0)
projector = MetricProjector(6, 5, dropout=0.0).eval()  # in evaluation mode a picture does not depend on its neighbours
bank = torch.nn.functional.normalize(torch.randn(4, 5), dim=1)
features, labels = torch.randn(23, 6), torch.arange(23) % 4
at, values, weight = context.part(torch.arange(23), features)
(info_nce(projector(values), bank, labels[at], Extras()) * weight).backward()
parameters = list(projector.parameters())
context.add_gradients(parameters)
if is_main():
    torch.save([one.grad for one in parameters], sys.argv[1])
"""


REFUSED = """
from affect_workbench.workbench.__main__ import main

assert context.size == 2
sys.exit(main(sys.argv[2:]))
"""
"""What the same two processes do next, so that they are started once."""


@pytest.fixture(scope="module")
def stepped(features: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A folder with the gradient of two processes and the script that takes it, and how their training ended."""
    folder = tmp_path_factory.mktemp("stepped")
    (folder / "step.py").write_text(STEP, encoding="utf-8")
    (folder / "both.py").write_text(STEP + REFUSED, encoding="utf-8")
    words = ("train", "--features", features, "--loss", "hinge", "-o", folder / "probe")
    return folder, launched(folder / "two.pt", *words, program=(str(folder / "both.py"),))


def test_the_gradient_of_two_processes_is_that_of_the_whole_batch(stepped, tmp_path, monkeypatch):
    import torch

    folder, outcome = stepped
    assert (folder / "two.pt").is_file(), outcome.stderr
    monkeypatch.setattr(sys, "argv", ["step.py", str(tmp_path / "one.pt")])
    runpy.run_path(str(folder / "step.py"))
    two, one = (torch.load(path, weights_only=True) for path in (folder / "two.pt", tmp_path / "one.pt"))
    for left, right in zip(two, one, strict=True):
        torch.testing.assert_close(left, right, atol=1e-5, rtol=1e-5)


def test_bad_input_ends_all_processes_and_is_said_once(stepped):
    folder, outcome = stepped
    assert outcome.returncode != 0
    assert outcome.stderr.count("unknown loss 'hinge'") == 1
    assert not (folder / "probe").exists()
