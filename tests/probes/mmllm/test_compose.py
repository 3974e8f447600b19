"""Does a composed model keep its parts to the bit, open as any LLaVA does, and refuse in words what does not fit?"""

import re

import numpy as np
import pytest
import torch
from PIL import Image

from affect_workbench.probes.attach.generation import generate
from affect_workbench.probes.attach.source import ModelSource, load_model
from affect_workbench.probes.mmllm.compose import BUILTIN, compose
from tiny_multimodal.composed import saved_language, saved_tower

PICTURES = [Image.fromarray(np.random.default_rng(at).integers(0, 255, (40, 50, 3), dtype=np.uint8)) for at in range(2)]


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    root = tmp_path_factory.mktemp("parts")
    found = {kind: saved_tower(kind, root / kind) for kind in ("clip", "siglip", "dinov2")}
    found |= {kind: saved_language(kind, root / kind) for kind in ("llama", "phi", "qwen3")}
    return found | {BUILTIN: BUILTIN}


@pytest.mark.parametrize(
    ("vision", "llm", "tokens"),
    [
        (BUILTIN, "llama", 16),
        ("clip", "qwen3", 16),
        ("siglip", "phi", 16),
        ("dinov2", "llama", 16),
        ("clip", "phi", 16),
        ("siglip", "qwen3", 16),
    ],
)
def test_parts_keep_their_weights_and_answer_together(parts, tmp_path, vision, llm, tokens):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    composed = compose(parts[vision], parts[llm])
    composed.save(tmp_path / "model", {})
    assert composed.image_tokens == tokens
    loaded = load_model(ModelSource(str(tmp_path / "model")))
    alone = AutoModelForCausalLM.from_pretrained(parts[llm]).eval()
    ids = AutoTokenizer.from_pretrained(parts[llm])("Why does this picture", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        expected, got = alone(ids).logits, loaded.model(input_ids=ids).logits
    bias = getattr(alone.lm_head, "bias", None)
    assert torch.allclose(got + (0 if bias is None else bias.detach()), expected, atol=1e-5)
    assert any("bias" in note for note in composed.notes) == (llm == "phi")
    texts = generate(loaded, PICTURES, ["Why does this picture convey joy?"] * 2, max_new_tokens=4)
    assert len(texts) == 2
    inputs = loaded.processor(text=["<image>\nWhy?"], images=PICTURES[:1], return_tensors="pt", add_special_tokens=False)
    assert int((inputs["input_ids"] == loaded.model.config.image_token_id).sum()) == tokens


def test_the_builtin_tower_is_the_encoder_and_never_leaves_evaluation():
    from affect_workbench.probes.encoders.builtin import WEIGHTS_FILE
    from affect_workbench.probes.encoders.builtin.tower import shipped_tower
    from affect_workbench.probes.encoders.vision import builtin_model

    tower, encoder = shipped_tower(), builtin_model(weights=WEIGHTS_FILE).eval()
    before = {name: tensor.clone() for name, tensor in tower.state_dict().items()}
    pixels = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        seen = tower.train()(pixels)
        third = encoder.visual.layer3(encoder.visual.layer2(encoder.visual.layer1(encoder.visual.stem(pixels))))
        assert torch.equal(seen.pooler_output, encoder.encode_image(pixels))
    assert seen.last_hidden_state.shape == (2, 16, 1152)
    assert torch.equal(seen.last_hidden_state[:, :, :384], third.flatten(2).transpose(1, 2))
    assert not tower.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in tower.state_dict().items())


def test_a_fresh_connector_is_the_seeds_own(parts):
    first, again, other = (
        compose(BUILTIN, parts["llama"], seed=seed).model.model.multi_modal_projector.linear_1.weight for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("vision", "llm", "reason"),
    [
        ("registers", "llama", "no registers"),
        (BUILTIN, "gpt2", "do not compose in LlavaForConditionalGeneration"),
        ("llama", "llama", "it is a language model (llama), not a vision tower"),
        (BUILTIN, "clip", "cannot be the language model"),
        (BUILTIN, "apple/OpenELM-270M", "--trust-remote-code"),
    ],
)
def test_parts_that_do_not_fit_are_refused_in_words(parts, tmp_path, vision, llm, reason):
    made = {"registers": saved_tower, "gpt2": saved_language}
    names = [parts.get(kind) or (made[kind](kind, tmp_path / kind) if kind in made else kind) for kind in (vision, llm)]
    with pytest.raises(ValueError, match=f"^[^\n]*{re.escape(reason)}[^\n]*$"):
        compose(*names)


def test_a_tokenizer_with_more_tokens_than_the_model_has_rows_is_refused(tmp_path):
    with pytest.raises(ValueError, match="they do not fit each other"):
        compose(BUILTIN, saved_language("llama", tmp_path / "short", rows=100))
