"""Do the checkpoints that TinyEmo published predict what their weights say, and are all others refused in one line?"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from scipy.special import erf

from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.anchors.anchors import LabelAnchors, token_anchors
from affect_workbench.probes.checkpoint import load_probe
from affect_workbench.probes.runtime import declare_torchvision_operators
from affect_workbench.probes.tinyemo.checkpoints import TEXT_WIDTHS, TOWERS, Checkpoint, open_checkpoint, probe_from
from text_models import WORDS, tokenizer
from workbench_runs import refusal, succeeded

declare_torchvision_operators()
from transformers import LlamaConfig, LlamaForCausalLM  # noqa: E402  the operators come first: that is what the call is for

EKMAN = Taxonomy.named("ekman6")
TOWER = "openai/clip-vit-large-patch14"
State = dict[str, torch.Tensor]


def state(width: int = 8, text_width: int = 12, *, hidden: int | None = None, seed: int = 0) -> State:
    """A projector as after training: running statistics that are not those of a fresh one."""
    hidden = hidden or text_width
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=rng)

    return {
        "model.0.weight": normal(hidden, width) / width**0.5,
        "model.0.bias": normal(hidden),
        "model.1.weight": 1 + normal(hidden) / 4,
        "model.1.bias": normal(hidden) / 4,
        "model.1.running_mean": normal(hidden),
        "model.1.running_var": normal(hidden) ** 2 + 0.1,
        "model.1.num_batches_tracked": torch.tensor(977),
        "model.4.weight": normal(text_width, hidden) / hidden**0.5,
        "model.4.bias": normal(text_width) / 10,
    }


def by_hand(weights: State, x: np.ndarray) -> np.ndarray:
    """The forward pass in evaluation mode, written out in float64: unit vectors `(n, m)`."""
    w = {name: tensor.double().numpy() for name, tensor in weights.items()}
    x = x.astype(np.float64) @ w["model.0.weight"].T + w["model.0.bias"]
    x = (x - w["model.1.running_mean"]) / np.sqrt(w["model.1.running_var"] + 1e-5) * w["model.1.weight"] + w["model.1.bias"]
    x = x * (1 + erf(x / np.sqrt(2))) / 2
    x = x @ w["model.4.weight"].T + w["model.4.bias"]
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def published(folder: Path, weights: State, *, config: object = None, name: str = "pytorch_model.bin") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / name) if name.endswith(".safetensors") else torch.save(weights, folder / name)
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    return folder


def language_model(folder: Path, width: int) -> str:
    """A causal language model with a token table of this width, as transformers saves it."""
    torch.manual_seed(width)
    LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(WORDS),
            hidden_size=width,
            intermediate_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            pad_token_id=0,
            bos_token_id=2,
            eos_token_id=3,
        )
    ).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return str(folder)


def pictures(width: int, *, n: int = 60, spec: FeatureSpec | None = None) -> FeatureSet:
    """Raw embeddings of the length that CLIP's have, and their labels."""
    values = 0.4 * np.random.default_rng(0).standard_normal((n, width)).astype(np.float32)
    rows = pd.DataFrame(
        {
            "image_id": [f"p{number}" for number in range(n)],
            "label": [EKMAN.labels[number % 6] for number in range(n)],
            "tone": np.where(np.arange(n) % 4 < 2, "dark", "light"),
        }
    )
    return FeatureSet(spec or FeatureSpec(width), values, rows)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A small checkpoint of no known tower, and a language model of its width."""
    root = tmp_path_factory.mktemp("small")
    model = language_model(root / "llm", 12)
    return published(root / "checkpoint", state(), config={"model_path": model, "vision_encoder_path": "tiny"}), model


# What is published


@pytest.mark.parametrize("text_width", TEXT_WIDTHS)
def test_every_published_shape_becomes_a_probe_that_predicts_what_its_weights_say(text_width: int, tmp_path: Path) -> None:
    weights = state(768, text_width, seed=text_width)
    model = language_model(tmp_path / "llm", text_width)
    config = {"vision_encoder_path": TOWER, "model_path": model}
    folder = published(tmp_path / "checkpoint", weights, config=config)
    printed = succeeded("import-tinyemo", folder, "-o", tmp_path / "probe", "--taxonomy", "ekman6").out
    size = 768 * text_width + text_width**2 + 4 * text_width
    assert f"768 -> {text_width}, {size:,} parameters; its config names vision_encoder_path = {TOWER}" in printed
    probe = load_probe(tmp_path / "probe")
    features = pictures(768, spec=TOWERS[TOWER])
    embedded = by_hand(weights, features.values)
    np.testing.assert_allclose(probe.embed(features), embedded, atol=2e-6)
    predictions = probe.predict(features)
    anchors = token_anchors(model, EKMAN)
    np.testing.assert_allclose(1 - predictions.distances, embedded @ anchors.vectors.T, atol=2e-6)
    np.testing.assert_array_equal(predictions.predicted, (embedded @ anchors.vectors.T).argmax(axis=1))
    np.testing.assert_array_equal(probe.anchors.vectors, anchors.vectors)
    assert (probe.anchors.source, probe.anchors.template) == (f"token:{model}", "{}")
    assert (probe.normalise, probe.temperature, probe.trained_on) == (False, 0.1, frozenset())
    assert (probe.spec, probe.config["imported"], predictions.notes) == (TOWERS[TOWER], "tinyemo", ())


def test_the_towers_are_encoders_that_open_clip_has_with_the_activation_their_weights_were_trained_with() -> None:
    import open_clip

    for spec in TOWERS.values():
        name = spec.encoder.removeprefix("open_clip:")
        config, weights = open_clip.get_model_config(name), open_clip.get_pretrained_cfg(name, spec.weights)
        assert config["embed_dim"] == spec.width
        assert config["vision_cfg"]["image_size"] == spec.image_size
        assert bool(config.get("quick_gelu")) == bool(weights.get("quick_gelu"))


@pytest.mark.parametrize("labels", ["ekman6", "parrott6"])
def test_an_imported_probe_is_evaluated_and_audited_like_any_other(labels: str, tmp_path: Path) -> None:
    words = Taxonomy.named(labels).labels
    features = pictures(8, n=240)
    FeatureSet(
        features.spec, features.values, features.rows.assign(label=[words[number % 6] for number in range(240)])
    ).save(tmp_path / "features")
    folder = published(tmp_path / "checkpoint", state())
    anchors = ("--anchors", f"token:{language_model(tmp_path / 'llm', 12)}", "--template", "an image expressing {} emotion")
    if labels == "parrott6":
        anchors = ("--anchors", "sentence:minilm")
        folder = published(tmp_path / "checkpoint", state(text_width=384))
    given = ("--taxonomy", labels, *anchors, "--features", tmp_path / "features")
    succeeded("import-tinyemo", folder, "-o", tmp_path / "probe", *given)
    read = ("--features", tmp_path / "features", "--probe", tmp_path / "probe")
    measured = succeeded("evaluate", *read).out
    assert "metric projector" in measured
    audited = succeeded("audit", *read, "-o", tmp_path / "audit", "--map-pictures", 0).out
    assert "(slice, emotion) pairs are skewed" in audited
    assert (tmp_path / "audit" / "report.html").is_file()
    probe = load_probe(tmp_path / "probe")
    assert probe.taxonomy.labels == words
    assert (probe.centre != 0).any()


# Files


def test_safetensors_go_before_pickles_and_a_lone_bin_of_any_name_will_do(tmp_path: Path) -> None:
    both = published(tmp_path / "both", state(seed=1))
    published(both, state(seed=2), name="model.safetensors")
    torch.testing.assert_close(dict(open_checkpoint(both).tensors), state(seed=2))
    torch.testing.assert_close(dict(open_checkpoint(both / "pytorch_model.bin").tensors), state(seed=1))
    lone = published(tmp_path / "lone", state(seed=3), name="TinyEmo-CLIP-Phi-2.bin")
    torch.testing.assert_close(dict(open_checkpoint(lone).tensors), state(seed=3))
    published(lone, state(seed=4), name="another.bin")
    with pytest.raises(FileNotFoundError, match=r"several \.bin files, 'TinyEmo-CLIP-Phi-2\.bin', 'another\.bin': give one"):
        open_checkpoint(lone)


def test_half_precision_is_widened(tmp_path: Path) -> None:
    half = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state().items()}
    opened = open_checkpoint(published(tmp_path, half))
    assert all(opened.tensors[name].dtype == torch.float32 for name in half if "num_batches" not in name)
    torch.testing.assert_close(opened.tensors["model.0.weight"], half["model.0.weight"].float())


@pytest.mark.parametrize(
    ("config", "vision", "language"),
    [
        ({"vision_encoder_path": "a", "model_path": "b", "loss_name": "infoNCE"}, "a", "b"),
        ({"mm_vision_tower": " a ", "llm": "b"}, "a", "b"),
        ({"vision_config": {"model_name_or_path": "a"}, "text_config": {"_name_or_path": "b", "hidden_size": 4}}, "a", "b"),
        ({"vision_model": "a", "vision_tower": "first", "llm_model_name_or_path": "b"}, "first", "b"),
        ({"vision_tower": None, "text_config": {"hidden_size": 4}, "_name_or_path": "x"}, "", ""),
        (None, "", ""),
    ],
)
def test_the_config_is_read_under_several_names(config: object, vision: str, language: str, tmp_path: Path) -> None:
    opened = open_checkpoint(published(tmp_path, state(), config=config))
    assert (opened.vision_tower, opened.language_model) == (vision, language)
    assert list(opened.read.values()) == [name for name in (vision, language) if name]


# Flags, warnings


def test_flags_go_before_the_config_and_open_questions_are_said(small: tuple[Path, str], tmp_path: Path) -> None:
    checkpoint, model = small
    given = ("import-tinyemo", checkpoint, "--taxonomy", "ekman6")
    plain = succeeded(*given, "-o", tmp_path / "plain").out
    assert f"vision_encoder_path = tiny, model_path = {model}" in plain
    assert "takes features of tiny, 8 wide" in plain
    assert "warning: the checkpoint does not say which pictures it was trained on" in plain
    assert "warning: features of any other encoder or precision will be refused" in plain
    flags = ("--encoder", "mine", "--template", "{} emotion", "--temperature", "0.05")
    succeeded(*given, *flags, "-o", tmp_path / "flags")
    probe = load_probe(tmp_path / "flags")
    assert (probe.spec, probe.temperature) == (FeatureSpec(8, "mine"), 0.05)
    np.testing.assert_array_equal(probe.anchors.vectors, token_anchors(model, EKMAN, template="{} emotion").vectors)
    named = published(tmp_path / "unnamed", state(), config={"model_path": model})
    told = succeeded("import-tinyemo", named, "--taxonomy", "ekman6", "-o", tmp_path / "u").out
    assert "the encoder of its features is not known" in told


def test_features_of_unit_length_are_doubted_and_raw_ones_are_not(small: tuple[Path, str], tmp_path: Path) -> None:
    raw = pictures(8)
    raw.save(tmp_path / "raw")
    unit = raw.values / np.linalg.norm(raw.values, axis=1, keepdims=True)
    FeatureSet(raw.spec, unit, raw.rows).save(tmp_path / "unit")
    told = {
        kind: succeeded(
            "import-tinyemo", small[0], "--taxonomy", "ekman6", "--features", tmp_path / kind, "-o", tmp_path / f"p-{kind}"
        ).out
        for kind in ("raw", "unit")
    }
    assert "the features have unit length" in told["unit"]
    assert "unit length" not in told["raw"]
    assert "will be refused" not in told["raw"]


# Bad input


class Evil:
    """Unpickling this makes a file, unless the pickle is refused."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("kind", ["torch", "pickle 2", "pickle 4"])
def test_a_pickle_that_would_run_code_is_refused_in_one_line_and_runs_nothing(kind: str, tmp_path: Path) -> None:
    evil = {**state(), "model.0.weight": Evil(tmp_path / "ran")}
    file = tmp_path / "pytorch_model.bin"
    if kind == "torch":
        torch.save(evil, file)
    else:
        file.write_bytes(pickle.dumps(evil, protocol=int(kind[-1])))
    line = refusal("import-tinyemo", file, "--taxonomy", "ekman6", "-o", tmp_path / "probe")
    assert "is refused: besides tensors it asks for" in line or "is not a plain state dict of tensors" in line
    assert "weights_only" not in line
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "probe").exists()
    if kind == "torch":
        assert "asks for posix.system, which could run code" in line
        torch.load(file, weights_only=False)
        assert (tmp_path / "ran").exists(), "the file is no danger at all: this test shows nothing"


def changed(**tensors: torch.Tensor | None) -> State:
    weights = state() | {name.replace("_", ".", 2): tensor for name, tensor in tensors.items() if tensor is not None}
    return {name: tensor for name, tensor in weights.items() if tensors.get(name.replace(".", "_"), tensor) is not None}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (changed(model_4_bias=None), r"is not a Metric Projector: it lacks 'model\.4\.bias'; expected are exactly model\.0"),
        (state() | {"lm.head": torch.ones(1)}, r"has 1 key that does not belong there, first 'lm\.head'"),
        ({f"module.{name}": tensor for name, tensor in state().items()}, r"lacks .* and 6 more and has 9 keys"),
        (state(text_width=10, hidden=12), r"model\.4\.weight has shape \(10, 12\), expected \(12, 12\) beside .* \(12, 8\)"),
        (changed(model_1_bias=torch.ones(5)), r"model\.1\.bias has shape \(5,\), expected \(12,\)"),
        (changed(model_0_weight=torch.ones(12)), r"model\.0\.weight has shape \(12,\), expected two numbers"),
        (changed(model_4_bias=torch.full((12,), torch.nan)), r"model\.4\.bias holds NaN or infinite values"),
        (
            changed(model_0_bias=torch.ones(12, dtype=torch.int64)),
            r"model\.0\.bias is torch\.int64, expected floating-point",
        ),
        (state() | {"model.1.running_var": -torch.ones(12)}, r"running_var holds negative variances"),
        ({"model.0.weight": 3}, r"lacks 'model\.0\.bias'"),
        (state() | {"model.0.bias": 3}, r"model\.0\.bias is int, expected floating-point numbers"),
        ([torch.ones(2)], r"holds list: expected a state dict of a Metric Projector"),
        (torch.ones(2), r"holds Tensor: expected a state dict"),
    ],
)
def test_what_is_no_metric_projector_is_refused(weights: State, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        open_checkpoint(published(tmp_path, weights))


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    folder = published(tmp_path, state())
    whole = (folder / "pytorch_model.bin").read_bytes()
    for size in (0, 10, len(whole) // 2):
        (folder / "pytorch_model.bin").write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"pytorch_model\.bin is not a plain state dict of tensors \(truncated"):
            open_checkpoint(folder)
    (folder / "model.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"model\.safetensors is not a readable safetensors file"):
        open_checkpoint(folder)
    for text, message in (("{", "is not readable JSON"), ("[1]", "holds list: expected a mapping")):
        folder = published(tmp_path / "again", state())
        (folder / "config.json").write_text(text)
        with pytest.raises(ValueError, match=rf"config\.json {message}"):
            open_checkpoint(folder)
    with pytest.raises(FileNotFoundError, match=r"no TinyEmo checkpoint at .*nowhere: expected a folder with model\.safet"):
        open_checkpoint(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no TinyEmo checkpoint at .*empty: expected a folder"):
        open_checkpoint(tmp_path / "empty")


def test_anchors_and_features_of_another_width_are_refused_with_what_would_fit() -> None:
    checkpoint = Checkpoint(state(8, 1280), Path("a.bin"), "0" * 16)
    anchors = LabelAnchors(("a", "b"), np.eye(2, 1280, dtype=np.float32), "token:x")
    narrow = LabelAnchors(("a", "b"), np.eye(2, 384, dtype=np.float32), "sentence:minilm")
    taxonomy = Taxonomy("two", ("a", "b"))
    with pytest.raises(
        ValueError, match=r"anchors from sentence:minilm are 384 wide, .* to 1280: .* apple/OpenELM-270M-Instr"
    ):
        probe_from(checkpoint, narrow, taxonomy)
    with pytest.raises(ValueError, match=r"a\.bin takes features 8 wide, an unnamed encoder, 9 wide were given"):
        probe_from(checkpoint, anchors, taxonomy, spec=FeatureSpec(9))
    other = Checkpoint(state(8, 12), Path("a.bin"), "0" * 16, vision_tower=TOWER)
    with pytest.raises(ValueError, match=rf"takes features 8 wide, but .* names, {TOWER}, makes them 768 wide: say what"):
        other.spec()


def test_the_command_refuses_what_is_left_open_or_wrong(small: tuple[Path, str], tmp_path: Path) -> None:
    checkpoint, model = small
    bare = published(tmp_path / "bare", state(8, 2560), config={"loss_name": "infoNCE"})
    given = ("--taxonomy", "ekman6", "-o", tmp_path / "probe")
    line = refusal("import-tinyemo", bare, *given)
    assert "does not say which language model its anchors come from (keys of config.json: loss_name)" in line
    assert "pass --anchors token:microsoft/phi-2 if it is the one of width 2560" in line
    nothing = published(tmp_path / "nothing", state())
    assert "(there is no config.json beside it): pass --anchors token:MODEL" in refusal("import-tinyemo", nothing, *given)
    line = refusal("import-tinyemo", bare, *given, "--anchors", f"token:{model}")
    assert f"anchors from token:{model} are 12 wide" in line
    assert "projects to 2560: pass --anchors token:MODEL, MODEL being microsoft/phi-2" in line
    pictures(9).save(tmp_path / "nine")
    assert "takes features 8 wide" in refusal("import-tinyemo", checkpoint, *given, "--features", tmp_path / "nine")
    line = refusal("import-tinyemo", checkpoint, *given, "--features", tmp_path / "nine", "--encoder", "x")
    assert "give either --features or --encoder" in line
    assert "temperature is 0.0: expected above 0" in refusal("import-tinyemo", checkpoint, *given, "--temperature", 0)
    assert "template 'emotion' has no {}" in refusal("import-tinyemo", checkpoint, *given, "--template", "emotion")
    assert "--taxonomy" in refusal("import-tinyemo", checkpoint, "-o", tmp_path / "probe")
    assert "nothere" in refusal("import-tinyemo", checkpoint, "--taxonomy", "nothere", "-o", tmp_path / "probe")
    assert not (tmp_path / "probe").exists()
    succeeded("import-tinyemo", checkpoint, *given)
    assert "exists" in refusal("import-tinyemo", checkpoint, *given)
    succeeded("import-tinyemo", checkpoint, *given, "--overwrite")
