"""Do two processes learn what one does from batches twice as large, and does only one of them speak and write?"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from affect_workbench.data.synthetic.scenes.dataset import write_scenes
from tiny_multimodal.composed import saved_language
from workbench_runs import launched, succeeded

RECIPE = """
vision = "builtin:scenes"
llm = "builtin:scenes"
[stage.connector]
trains = "connector"
steps = 3
batch = {batch}
log_every = 1
save_every = 2
[stage.reasoning]
trains = "lora"
steps = 3
batch = {batch}
log_every = 1
save_every = 2
"""


def losses(folder: Path, stage: str) -> list[float]:
    with (folder / "logs" / stage / "log.csv").open(encoding="utf-8") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def test_two_processes_learn_what_one_does_from_batches_twice_as_large(tmp_path):
    """64 conversations a stage: batches of one length are then put together alike, by eights and by sixteens."""
    write_scenes(tmp_path / "world", train=32, test=1, seed=0, progress=False)
    succeeded("instruct", "build", tmp_path / "world" / "manifest", "--split", "train", "-o", tmp_path / "data")
    succeeded("mmllm", "compose", "--llm", saved_language("llama", tmp_path / "llm"), "-o", tmp_path / "parts")
    for batch in (8, 16):
        (tmp_path / f"{batch}.toml").write_text(RECIPE.format(batch=batch), encoding="utf-8")
    words = ("mmllm", "train", tmp_path / "parts", "--data", tmp_path / "data")
    outcome = launched(*words, "--recipe", tmp_path / "8.toml", "-o", tmp_path / "two")
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.count("the connector learns") == outcome.stdout.count("wrote ") == 1
    assert outcome.stdout.count("as before, to the bit") == 2
    assert not (tmp_path / "two.training").exists()
    succeeded(*words, "--recipe", tmp_path / "16.toml", "-o", tmp_path / "one")
    for stage in ("connector", "reasoning"):
        assert losses(tmp_path / "two", stage) == pytest.approx(losses(tmp_path / "one", stage), rel=1e-3)
    two, one, parts = (load_file(tmp_path / name / "model.safetensors") for name in ("two", "one", "parts"))
    assert two.keys() == one.keys()
    assert any(not torch.equal(two[name], parts[name]) for name in two)
    for name, weights in two.items():
        torch.testing.assert_close(weights, one[name], atol=2e-4, rtol=1e-2)
