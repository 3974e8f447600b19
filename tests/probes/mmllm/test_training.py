"""Does a stage change what it trains and nothing else, and does a killed run come to the very same end?"""

import csv

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from mmllm_parts import saved_language, saved_tower

from affect_workbench.probes.mmllm.compose import BUILTIN, compose
from affect_workbench.probes.mmllm.examples import chat_of, lessons, tokenised
from affect_workbench.probes.mmllm.pictures import PicturePixels, tower_tokens
from affect_workbench.probes.mmllm.recipes import Recipe, Stage, shipped_recipes
from affect_workbench.probes.mmllm.training import LOG_FILE, train_stage
from affect_workbench.probes.mmllm.world_texts import world_conversations


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    from affect_workbench.data.synthetic.scenes import draw, sample_scenes

    root = tmp_path_factory.mktemp("pictures")
    for at, scene in enumerate(sample_scenes(12, rng=np.random.default_rng(0)).to_dict("records")):
        draw(scene, seed=at).save(root / f"{at}.png")
    return sorted(root.glob("*.png"))


def examples_for(composed, paths):
    records = [lesson for one in world_conversations(20, seed=1)[1] for lesson in lessons(one)]
    processor = composed.processor
    made = tokenised(
        processor.tokenizer, processor.chat_template, [chat_of(one) for one in records], image_tokens=composed.image_tokens
    )
    return [{**one, "picture": at % len(paths)} for at, one in enumerate(made)]


def composed_of(folder, tower=BUILTIN):
    return compose(tower, saved_language("llama", folder / "llm"))


@pytest.mark.parametrize("trains", ["connector", "lora"])
def test_a_stage_changes_what_it_trains_and_nothing_else(tmp_path, paths, trains):
    composed = composed_of(tmp_path)
    before = {name: tensor.clone() for name, tensor in composed.model.state_dict().items()}
    tokens = tower_tokens(composed.model, composed.processor, paths, tmp_path / "work", progress=False)
    stage = Stage("reasoning", trains, steps=3, batch=4, log_every=1)
    model, result = train_stage(
        composed.model, composed.processor, stage, examples_for(composed, paths), tmp_path / "work", pictures=tokens, progress=False
    )
    changed = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    connector = {name for name in before if "multi_modal_projector" in name}
    layers = {name for name in before if "language_model.layers" in name and name.endswith("proj.weight")}
    assert changed == (connector if trains == "connector" else connector | layers)
    assert model.state_dict().keys() == before.keys()
    rank = stage.rank * (trains == "lora")
    adapters = sum(rank * sum(before[name].shape) for name in layers)
    assert result.learned == adapters + sum(before[name].numel() for name in connector)
    assert result.kept >= len(before) - len(connector)
    assert not any(weight.requires_grad for weight in model.parameters())
    with (tmp_path / "work" / LOG_FILE).open() as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == [1, 2, 3]


def test_tokens_computed_once_are_learned_from_as_pixels_are(tmp_path, paths):
    """The tokens are kept in half precision: the same to three digits."""
    losses = []
    for way in ("tokens", "pixels"):
        composed = composed_of(tmp_path / way, saved_tower("clip", tmp_path / way / "clip"))
        made = (
            tower_tokens(composed.model, composed.processor, paths, tmp_path / way / "work", progress=False)
            if way == "tokens"
            else PicturePixels(paths, composed.processor.image_processor)
        )
        stage = Stage("connector", "connector", steps=4, batch=4, log_every=1)
        _, result = train_stage(
            composed.model, composed.processor, stage, examples_for(composed, paths), tmp_path / way, pictures=made, progress=False
        )
        losses.append((result.first_loss, result.last_loss))
    assert losses[0] == pytest.approx(losses[1], rel=2e-3)


_RUN = """
import sys
from pathlib import Path
from mmllm_parts import saved_language
from affect_workbench.probes.mmllm.language import new_language_model
from affect_workbench.probes.mmllm.recipes import Stage
from affect_workbench.probes.mmllm.training import train_stage
from affect_workbench.probes.mmllm.world_texts import world_examples
from affect_workbench.probes.runtime import seed_everything

tokenizer, examples = world_examples(20, seed=0)
seed_everything(0)
stage = Stage("language", "all", steps=30, batch=4, log_every=1, save_every=5)
model, _ = train_stage(new_language_model(tokenizer), tokenizer, stage, examples, Path(sys.argv[1]), progress=False)
model.save_pretrained(Path(sys.argv[1]) / "model")
"""


def test_a_killed_run_comes_to_the_same_end(tmp_path):
    from safetensors.torch import load_file

    def run(folder, *, kill=False):
        process = subprocess.Popen([sys.executable, "-c", _RUN, str(folder)], stderr=subprocess.PIPE, text=True)
        if kill:
            while not list(folder.glob("checkpoint-*/trainer_state.json")) and process.poll() is None:
                time.sleep(0.02)
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            return
        assert process.wait() == 0, process.stderr.read()

    run(tmp_path / "whole")
    run(tmp_path / "cut", kill=True)
    assert not (tmp_path / "cut" / "model").exists()
    # What a kill in the middle of writing a checkpoint leaves: it is the newest, and not whole.
    (tmp_path / "cut" / "checkpoint-29").mkdir()
    run(tmp_path / "cut")
    logs = [(tmp_path / name / LOG_FILE).read_text() for name in ("whole", "cut")]
    assert logs[0] == logs[1]
    weights = [load_file(tmp_path / name / "model" / "model.safetensors") for name in ("whole", "cut")]
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())


def test_a_model_without_a_connector_is_no_model_for_stage_1(tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = saved_language("llama", tmp_path / "llm")
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    with pytest.raises(ValueError, match="compose a model first"):
        train_stage(model, tokenizer, Stage("connector", "connector", steps=1), [], tmp_path / "work")


def test_every_shipped_recipe_is_read_and_says_what_it_needs():
    recipes = {name: Recipe.named(name) for name in shipped_recipes()}
    assert {"tiny", "smollm2", "qwen3", "tinyllama", "phi2", "openelm270m", "openelm450m"} <= recipes.keys()
    assert [stage.name for stage in recipes["tiny"].stages] == ["language", "connector", "reasoning"]
    assert recipes["tiny"].stage("1").trains == "connector"
    assert all("trust-remote-code" in recipes[name].note for name in ("openelm270m", "openelm450m"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("vision = 'x'\nllm = 'y'\n", "it has no stage"),
        ("vision = 'x'\nllm = 'y'\n[stage.connector]\ntrains = 'connector'\nstep = 3\n", "has no setting 'step'"),
        ("vision = 'x'\nllm = 'y'\n[stage.second]\ntrains = 'lora'\n", "stage 'second'"),
        ("vision = 'x'\nllm = 'y'\n[stage.reasoning]\ntrains = 'adapter'\n", "expected all, connector, lora"),
        ("vision = ", "is no recipe"),
    ],
)
def test_a_recipe_that_is_none_is_refused(tmp_path, text, reason):
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(ValueError, match=reason):
        Recipe.named(str(tmp_path / "own.toml"))


def test_recipes_that_are_not_there_are_named():
    with pytest.raises(ValueError, match="there is no recipe .tinny."):
        Recipe.named("tinny")
    with pytest.raises(FileNotFoundError, match="no such file; expected a recipe in TOML"):
        Recipe.named("none.toml")
