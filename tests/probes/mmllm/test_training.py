"""Does a stage change what it trains and nothing else, and does a killed run come to the very same end?"""

import csv
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from affect_workbench.probes.mmllm.compose import BUILTIN, compose
from affect_workbench.probes.mmllm.examples import chat_of, lessons, tokenised
from affect_workbench.probes.mmllm.language.texts import world_conversations, world_examples
from affect_workbench.probes.mmllm.pictures import PicturePixels, tower_tokens
from affect_workbench.probes.mmllm.recipes import Recipe, Stage, shipped_recipes
from affect_workbench.probes.mmllm.training import LOG_FILE, Material, train_stage
from tiny_multimodal.composed import saved_language, saved_tower


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


def trained(composed, stage, paths, work, pictures):
    examples = examples_for(composed, paths)
    material = Material(examples, pictures)
    return train_stage(composed.model, composed.processor, stage, material, work, progress=False)


def composed_of(folder, tower=BUILTIN):
    return compose(tower, saved_language("llama", folder / "llm"))


@pytest.mark.parametrize("trains", ["connector", "lora"])
def test_a_stage_changes_what_it_trains_and_nothing_else(tmp_path, paths, trains):
    composed = composed_of(tmp_path)
    before = {name: tensor.clone() for name, tensor in composed.model.state_dict().items()}
    tokens = tower_tokens(composed.model, composed.processor, paths, tmp_path / "work", progress=False)
    stage = Stage("reasoning", trains, steps=3, batch=4, log_every=1)
    model, result = trained(composed, stage, paths, tmp_path / "work", tokens)
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
    assert model.config.use_cache
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
        _, result = trained(composed, stage, paths, tmp_path / way, made)
        losses.append((result.first_loss, result.last_loss))
    assert losses[0] == pytest.approx(losses[1], rel=2e-3)


def language_run(folder, *, steps=12):
    """A small language model learns for some steps, with a checkpoint every fourth."""
    from affect_workbench.probes.mmllm.language.model import new_language_model
    from affect_workbench.probes.runtime import seed_everything

    tokenizer, examples = world_examples(20, seed=0)
    seed_everything(0)
    stage = Stage("language", "all", steps=steps, batch=4, log_every=1, save_every=4)
    return train_stage(new_language_model(tokenizer), tokenizer, stage, Material(examples), Path(folder), progress=False)[0]


def test_a_killed_run_comes_to_the_same_end(tmp_path):
    places = [str(Path(__file__).parent), *sys.path]
    waits = "TrainerCallback.on_save = lambda *_, **__: time.sleep(600)"
    code = (
        f"import sys, time; sys.path[:] = {places!r}; import test_training as t; "
        f"from transformers import TrainerCallback; {waits}; t.language_run(sys.argv[1])"
    )
    with (tmp_path / "errors").open("w") as errors:
        process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "cut")], stderr=errors)
        while not list(tmp_path.glob("cut/checkpoint-*/trainer_state.json")) and process.poll() is None:
            time.sleep(0.02)
        process.kill()
        process.wait()
    assert list(tmp_path.glob("cut/checkpoint-*/trainer_state.json")), (tmp_path / "errors").read_text()
    assert not (tmp_path / "cut" / LOG_FILE).exists()
    # What a kill in the middle of writing a checkpoint leaves: it is the newest, and not whole.
    (tmp_path / "cut" / "checkpoint-11").mkdir()
    models = [language_run(tmp_path / name) for name in ("whole", "cut")]
    assert (tmp_path / "whole" / LOG_FILE).read_text() == (tmp_path / "cut" / LOG_FILE).read_text()
    weights = [model.state_dict() for model in models]
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())


@pytest.mark.parametrize("trains", ["connector", "lora"])
def test_a_stage_with_pictures_goes_on_from_its_checkpoint(tmp_path, paths, trains):
    """A checkpoint of LLaVA comes back under other names in transformers: the loop would go on from fresh weights."""
    ends = []
    for name, steps in (("whole", (6,)), ("cut", (3, 6))):
        for count in steps:
            composed = composed_of(tmp_path / name)
            tokens = tower_tokens(composed.model, composed.processor, paths, tmp_path / name / "work", progress=False)
            stage = Stage("reasoning", trains, steps=6, batch=4, log_every=1, save_every=3)
            with pytest.MonkeyPatch.context() as patch:
                if count < 6:
                    patch.setattr("transformers.TrainerCallback.on_save", _stop)
                model, result = trained(composed, stage, paths, tmp_path / name / "work", tokens)
        ends.append((model.state_dict(), (tmp_path / name / "work" / LOG_FILE).read_text(), result))
    assert ends[0][1:] == ends[1][1:]
    assert all(torch.equal(tensor, ends[1][0][name]) for name, tensor in ends[0][0].items())


def _stop(_self, _args, _state, control, **_):
    control.should_training_stop = True
    return control


def test_a_model_without_a_connector_is_no_model_for_stage_1(tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = saved_language("llama", tmp_path / "llm")
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    with pytest.raises(ValueError, match="compose a model first"):
        train_stage(model, tokenizer, Stage("connector", "connector", steps=1), Material([]), tmp_path / "work")


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
    with pytest.raises(ValueError, match="there is no recipe 'tinny'"):
        Recipe.named("tinny")
    with pytest.raises(FileNotFoundError, match="no such file; expected a recipe in TOML"):
        Recipe.named("none.toml")
