"""Is a model loaded as it is named, sized before it is loaded, and every one that cannot be refused in one line?"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from affect_workbench.probes.attach.source import ModelSource, load_model, size_of
from tiny_multimodal import FAMILIES, attached, tiny_folder
from tiny_multimodal.parts import LANGUAGE, clip
from tiny_multimodal.text import tokenizer


def refusal(name, **options):
    """The one line with which a model is refused."""
    with pytest.raises((ValueError, OSError)) as caught:
        load_model(ModelSource(str(name), device=options.pop("device", "cpu"), **options))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(tiny_folder("llava"), tmp_path / "copy")


def edit(folder, **entries):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def test_a_model_is_named_with_its_revision(copy):
    assert ModelSource.parse("a/b@v2", dtype="float16") == ModelSource("a/b", "v2", dtype="float16")
    assert ModelSource.parse("a/b").revision == ""
    odd = copy.rename(copy.with_name("copy@home"))
    assert ModelSource.parse(str(odd)) == ModelSource(str(odd))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": ""}, "no model is named"),
        ({"name": "a/b", "dtype": "float12"}, "unknown dtype 'float12': expected auto, float32"),
        ({"name": "a/b", "dtype": "int8"}, "unknown dtype 'int8'"),
        ({"name": "a/b", "quantization": "2bit"}, "unknown quantization '2bit': expected 8bit or 4bit"),
    ],
)
def test_what_no_model_can_be_loaded_with_is_refused_at_once(options, message):
    with pytest.raises(ValueError, match=message):
        ModelSource(**options)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_size_is_counted_without_the_weights(family, tmp_path):
    model = attached(family)
    folder = tmp_path / "no weights"
    folder.mkdir()
    shutil.copy(tiny_folder(family) / "config.json", folder)
    size = size_of(ModelSource(str(folder)))
    assert size.parameters == sum(parameter.numel() for parameter in model.model.parameters())
    assert size.dtype == "float32"
    assert size.gigabytes == pytest.approx(4e-9 * size.parameters)


def test_the_size_follows_the_precision():
    name = str(tiny_folder("llava"))
    whole = size_of(ModelSource(name))
    assert size_of(ModelSource(name, dtype="bfloat16")).gigabytes == pytest.approx(whole.gigabytes / 2)
    packed = [size_of(ModelSource(name, dtype="bfloat16", quantization=kind)).gigabytes for kind in ("8bit", "4bit")]
    assert whole.gigabytes / 4 < packed[0] < whole.gigabytes / 2
    assert packed[1] < packed[0]
    assert str(whole) == "0.10 million parameters, 0.4 MB in float32"


def test_a_real_size_is_told_in_words(tmp_path):
    transformers.LlavaConfig().save_pretrained(tmp_path)
    assert str(size_of(ModelSource(str(tmp_path), dtype="bfloat16"))) == "7.06 billion parameters, 14.13 GB in bfloat16"


def test_a_model_is_loaded_in_the_precision_asked_for():
    name = str(tiny_folder("llava"))
    assert attached("llava").model.dtype == torch.float32
    half = load_model(ModelSource(name, dtype="bfloat16", device="cpu", attn_implementation="eager"))
    assert half.model.dtype == torch.bfloat16
    assert half.model.config._attn_implementation == "eager"
    assert not half.model.training
    assert half.fingerprint() == f"{attached('llava').fingerprint()}, bfloat16"


def test_a_model_is_spread_by_accelerate():
    spread = load_model(ModelSource(str(tiny_folder("llava")), device_map="auto"))
    assert spread.structure == attached("llava").structure
    assert spread.device == next(spread.model.parameters()).device


def test_the_fingerprint_tells_weights_apart(copy):
    before = attached("llava").fingerprint()
    assert load_model(ModelSource(str(copy), device="cpu")).fingerprint() == before
    weights = load_file(copy / "model.safetensors")
    weights[min(weights)].view(-1)[0] += 1
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert load_model(ModelSource(str(copy), device="cpu")).fingerprint() != before


def test_a_model_made_in_memory_has_a_fingerprint_too():
    from dataclasses import replace

    model = attached("llava")
    assert len(replace(model, source=ModelSource("in memory")).fingerprint()) == 12


def test_a_missing_folder_is_named(tmp_path):
    assert refusal(tmp_path / "none").startswith(f"{tmp_path / 'none'}: no such folder")


def test_a_folder_has_no_revision(copy):
    assert refusal(copy, revision="v2").endswith("is a folder, which has no revision 'v2'")


def test_a_repository_out_of_reach_is_told():
    assert "is not in the hub's cache, and the hub cannot be reached" in refusal("nobody/nothing")


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does for repositories that one may not read, that are not there, or lack the revision."""

    def do_HEAD(self):
        known = {"gated": (403, "GatedRepo"), "none": (404, "RepoNotFound"), "old": (404, "RevisionNotFound")}
        status, code = next((answer for name, answer in known.items() if f"/{name}/" in self.path), (404, "EntryNotFound"))
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, *_):
        pass


ASK_THE_HUB = """
from affect_workbench.probes.attach.source import ModelSource, size_of

for name in ("org/gated", "org/none", "org/old@v9"):
    try:
        size_of(ModelSource.parse(name))
    except ValueError as error:
        print(error)
"""


def test_what_the_hub_does_not_give_is_told(tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as hub:
        Thread(target=hub.serve_forever, daemon=True).start()
        place = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path)}
        command = [sys.executable, "-W", "ignore", "-c", ASK_THE_HUB]
        answer = subprocess.run(command, env={**os.environ, **place}, capture_output=True, text=True, check=True)
        hub.shutdown()
    gated, none, old = answer.stdout.splitlines()
    assert gated.startswith("org/gated is gated: ask for access at https://huggingface.co/org/gated")
    assert none.startswith("the hub has no repository org/none, or it is private")
    assert old.startswith("org/old has no revision 'v9': see https://huggingface.co/org/old")


def test_code_of_a_repository_is_not_run_unasked(copy):
    edit(copy, model_type="odd", auto_map={"AutoConfig": "configuration_odd.OddConfig"})
    (copy / "configuration_odd.py").write_text("raise SystemExit('ran')")
    assert refusal(copy).endswith("needs code of its own repository: read it, then allow it to run with --trust-remote-code")


def test_an_architecture_of_tomorrow_is_told(copy):
    edit(copy, model_type="odd")
    assert "model type `odd`" in refusal(copy)


def test_a_model_that_only_reads_text_has_no_vision_tower(tmp_path):
    transformers.LlamaForCausalLM(transformers.LlamaConfig(**LANGUAGE)).save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    assert "has no vision tower (model type 'llama'): expected an image-text-to-text model" in refusal(tmp_path)


def test_a_vision_tower_alone_writes_no_text(tmp_path):
    transformers.CLIPVisionModel(clip()).save_pretrained(tmp_path)
    assert "does not read a picture and write text (model type 'clip_vision_model')" in refusal(tmp_path)


@pytest.mark.parametrize(
    "lost", [["processor_config.json"], ["tokenizer.json"], ["processor_config.json", "tokenizer.json"]]
)
def test_a_model_without_a_processor_is_refused(copy, lost):
    for name in lost:
        (copy / name).unlink()
    assert "has no processor for pictures with a question" in refusal(copy)


def test_a_checkpoint_without_all_its_weights_is_refused(copy):
    weights = load_file(copy / "model.safetensors")
    left = {name: tensor for name, tensor in weights.items() if "projector" not in name}
    save_file(left, copy / "model.safetensors", metadata={"format": "pt"})
    assert "lacks 4 weights, such as model.multi_modal_projector.linear_1.bias" in refusal(copy)


def test_a_damaged_checkpoint_is_refused(copy):
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:2000])
    assert "cannot be loaded: " in refusal(copy)
    path.unlink()
    assert "cannot be loaded: Error no file named model.safetensors" in refusal(copy)


def test_a_model_larger_than_the_memory_is_refused_before_it_is_loaded(copy):
    text = json.loads((copy / "config.json").read_text())["text_config"]
    edit(copy, text_config=text | {"hidden_size": 2**20, "num_hidden_layers": 4})
    assert "GB in float32, and cpu has" in refusal(copy)


def test_a_dtype_that_the_device_lacks_is_refused(copy):
    assert refusal(copy, dtype="float8_e4m3fn").startswith("cpu does not compute in float8_e4m3fn")


def test_quantization_needs_bitsandbytes(copy):
    import importlib.util

    if importlib.util.find_spec("bitsandbytes") is not None:
        pytest.skip("bitsandbytes is there")
    assert "quantization '4bit' needs bitsandbytes, which is not installed" in refusal(copy, quantization="4bit")


def test_an_attention_that_does_not_exist_is_refused(copy):
    assert "cannot be loaded: " in refusal(copy, attn_implementation="nonsense")


def test_a_device_map_that_does_not_exist_is_refused(copy):
    assert "found nonsense" in refusal(copy, device_map="nonsense")


def test_a_device_that_is_not_there_is_refused(copy):
    assert "no device is called 'abacus'" in refusal(copy, device="abacus")
