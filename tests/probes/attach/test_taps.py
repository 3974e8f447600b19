"""What is heard at a place is what the model computes there, alone and in a batch, and nothing in the model changes."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from PIL import Image

from affect_workbench.probes.attach.inputs import prepare
from affect_workbench.probes.attach.pooling import NoCommonSplit
from affect_workbench.probes.attach.source import ModelSource, load_model
from affect_workbench.probes.attach.taps import Place, listening, places_of, record
from tiny_multimodal import FAMILIES, attached, tiny_folder

QUESTION = "What emotion does this picture show?"
BEFORE_CONNECTOR = ("llama4", "mllama")
"""Families whose `get_image_features` returns what the connector reads later, or that have none."""


@pytest.fixture(scope="module")
def llava():
    return attached("llava")


@pytest.fixture(scope="module")
def pictures():
    """Of several shapes, so that families that keep them give them different numbers of tokens."""
    rng = np.random.default_rng(1)
    shapes = [(60, 72, 3), (96, 50, 3), (64, 64, 3)]
    return [Image.fromarray((rng.integers(0, 256, shape) // (at + 1)).astype(np.uint8)) for at, shape in enumerate(shapes)]


def prepared(model, pictures):
    return prepare(model, pictures, [QUESTION] * len(pictures))


def state(model):
    """What a model is: every parameter and buffer, every hook, every attribute put on a module."""
    digest = hashlib.sha256()
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        digest.update(name.encode() + tensor.detach().numpy().tobytes())
    hooks = [(len(part._forward_hooks), len(part._forward_pre_hooks)) for part in model.modules()]
    return digest.hexdigest(), hooks, ["get_image_features" in vars(part) for part in model.modules()]


def hidden_states(model, batch):
    with torch.no_grad():
        given = model.model(**batch.tensors, output_hidden_states=True, use_cache=False)
    found = given.get("hidden_states")
    return found if found is not None else given.language_model_outputs.hidden_states


def image_features(model, batch):
    """What the model's own method returns inside an ordinary forward pass `(t, d)`."""
    owner = model.model.model if hasattr(getattr(model.model, "model", None), "get_image_features") else model.model
    method, found = owner.get_image_features, []

    def noting(*args, **kwargs):
        found.append(method(*args, **kwargs))
        return found[-1]

    owner.get_image_features = noting
    try:
        with torch.no_grad():
            model.model(**batch.tensors)
    finally:
        del owner.get_image_features
    given = found[0].pooler_output
    parts = [given] if isinstance(given, torch.Tensor) else given
    return torch.cat([part.reshape(-1, part.shape[-1]) for part in parts])


def first_look(model):
    """How many layers work before one looks at the picture (Mllama); -1 where the first is given it."""
    looking = getattr(model.model.config.text_config, "cross_attention_layers", None)
    return looking[0] if looking else -1


@pytest.mark.parametrize("name", FAMILIES)
def test_every_place_of_a_family(name, pictures):
    family = attached(name)
    batch, places = prepared(family, pictures), places_of(family)
    expected = hidden_states(family, batch)
    before = state(family.model)
    with torch.no_grad():
        untapped = family.model(**batch.tensors).logits
    try:
        found = record(family, batch, places)
    except NoCommonSplit:
        found = record(family, batch, [place for place in places if place != "connector.in"])
    with torch.no_grad(), listening(family, batch, [place for place in places if place != "connector.in"]):
        tapped = family.model(**batch.tensors).logits
    assert torch.equal(tapped, untapped)
    assert state(family.model) == before

    for number, hidden in enumerate(expected):
        tokens = [row[at].mean(dim=0).numpy() for row, at in zip(hidden, batch.image_positions, strict=True)]
        np.testing.assert_array_equal(found[f"layers.{number}"], np.stack(tokens))
    assert len(expected) == len(places) - 3
    np.testing.assert_array_equal(found["last"], expected[-1][:, -1].numpy())

    single = [prepared(family, [picture]) for picture in pictures]
    alone = [record(family, one, places) for one in single]
    for place, together in found.items():
        apart = np.concatenate([one[place] for one in alone])
        np.testing.assert_allclose(together, apart, rtol=1e-5, atol=1e-5, err_msg=place)
    unseen = set(places[2 : 3 + first_look(family)])
    for place in set(places) - unseen:
        values = np.concatenate([one[place] for one in alone])
        assert np.ptp(values, axis=0).max() > 1e-3, f"{place} is the same for every picture"
    if family.structure.family not in BEFORE_CONNECTOR:
        for one, given in zip(alone, single, strict=True):
            mean = image_features(family, given).mean(dim=0)
            np.testing.assert_array_equal(one["connector.out"][0], mean.numpy())


def test_the_connector_reads_what_the_vision_tower_gives(llava, pictures):
    """LLaVA: a layer of the tower, without the token that stands for the whole picture."""
    batch = prepared(llava, pictures)
    with torch.no_grad():
        tower = llava.model.model.vision_tower(batch.tensors["pixel_values"], output_hidden_states=True)
    expected = tower.hidden_states[llava.model.config.vision_feature_layer][:, 1:]
    found = record(llava, batch, ["connector.in", "connector.in:max", "connector.in:last"])
    np.testing.assert_array_equal(found["connector.in"], expected.mean(dim=1).numpy())
    np.testing.assert_array_equal(found["connector.in:max"], expected.amax(dim=1).numpy())
    np.testing.assert_array_equal(found["connector.in:last"], expected[:, -1].numpy())


def test_pools_of_a_layer_are_over_the_pictures_own_tokens(pictures):
    model = attached("qwen2_vl")
    batch = prepared(model, pictures)
    assert len({len(one) for one in batch.image_positions}) > 1
    hidden = hidden_states(model, batch)[2]
    tokens = [row[at] for row, at in zip(hidden, batch.image_positions, strict=True)]
    found = record(model, batch, ["layers.2:max", "layers.2:last"])
    np.testing.assert_array_equal(found["layers.2:max"], torch.stack([one.amax(dim=0) for one in tokens]).numpy())
    np.testing.assert_array_equal(found["layers.2:last"], torch.stack([one[-1] for one in tokens]).numpy())


@pytest.fixture(scope="module")
def eager():
    return load_model(ModelSource(str(tiny_folder("llava")), attn_implementation="eager"))


@pytest.mark.parametrize(("number", "reader"), [(0, 0), (2, 2), (3, 2)])
def test_pooling_by_the_attention_of_the_prompts_last_token(eager, pictures, number, reader):
    batch = prepared(eager, pictures)
    with torch.no_grad():
        given = eager.model(**batch.tensors, output_hidden_states=True, output_attentions=True)
    weights = given.attentions[reader][:, :, -1].mean(dim=1).numpy()
    expected = [
        np.average(row[at].numpy(), axis=0, weights=one[at])
        for row, one, at in zip(given.hidden_states[number], weights, batch.image_positions, strict=True)
    ]
    found = record(eager, batch, [f"layers.{number}:attention", f"layers.{number}"])
    np.testing.assert_allclose(found[f"layers.{number}:attention"], np.stack(expected), rtol=1e-5, atol=1e-6)
    assert np.abs(found[f"layers.{number}:attention"] - found[f"layers.{number}"]).max() > 1e-3


def test_a_model_that_keeps_its_attention_to_itself_is_told_how_to_load(llava, pictures):
    before = state(llava.model)
    with pytest.raises(ValueError, match="attn_implementation='eager'"):
        record(llava, prepared(llava, pictures), ["connector.out", "layers.1:attention"])
    assert state(llava.model) == before


def test_a_layer_without_attention_says_so(pictures):
    model = load_model(ModelSource(str(tiny_folder("lfm2_vl")), attn_implementation="eager"))
    kinds = model.model.config.text_config.layer_types
    with pytest.raises(ValueError, match=f"layer {kinds.index('conv')} of this model has no attention"):
        record(model, prepared(model, pictures), [f"layers.{kinds.index('conv')}:attention"])


def test_one_pass_fills_every_tap_and_ends_behind_the_deepest(llava, pictures):
    batch, layers = prepared(llava, pictures), llava.model.get_submodule(llava.structure.layers)
    runs = []
    hooks = [part.register_forward_hook(lambda *_, at=at: runs.append(at)) for at, part in enumerate(layers)]
    try:
        for places, expected in [
            (places_of(llava), [0, 1, 2]),
            (["connector.in", "connector.out"], []),
            (["layers.0"], []),
            (["connector.out", "layers.2"], [0, 1]),
            (["layers.3"], [0, 1, 2]),
        ]:
            runs.clear()
            assert list(record(llava, batch, places)) == list(places)
            assert runs == expected
    finally:
        for hook in hooks:
            hook.remove()


def test_hooks_are_gone_after_an_error(llava, pictures):
    batch = prepared(llava, pictures)
    before = state(llava.model)
    broken = {name: tensor for name, tensor in batch.tensors.items() if name != "input_ids"}
    with pytest.raises(ValueError, match="input_ids"):
        record(llava, type(batch)(broken, batch.image_positions), places_of(llava))
    with pytest.raises(KeyboardInterrupt), listening(llava, batch, places_of(llava)):
        raise KeyboardInterrupt
    assert state(llava.model) == before


def test_tiles_that_only_fill_up_have_no_share():
    """Mllama: this picture takes fewer tiles than there is room for."""
    model = attached("mllama")
    batch = prepared(model, [Image.linear_gradient("L").resize((112, 56)).convert("RGB")])
    real = batch.tensors["aspect_ratio_mask"][0, 0].bool()
    assert 0 < int(real.sum()) < len(real)
    heard = []
    connector = model.model.get_submodule(model.structure.connector)
    hook = connector.register_forward_hook(lambda _, given, output: heard.append((given[0], output)))
    found = record(model, batch, ["connector.in", "connector.out"])
    hook.remove()
    for values, place in zip(heard[0], found, strict=True):
        mean = values[0, 0][real].reshape(-1, values.shape[-1]).mean(dim=0)
        np.testing.assert_allclose(found[place][0], mean.numpy(), rtol=1e-6, atol=1e-6)


def test_crops_have_no_common_split_before_the_connector(pictures):
    model = attached("llava_next")
    before = state(model.model)
    with pytest.raises(NoCommonSplit, match="one picture at a time"):
        record(model, prepared(model, pictures), ["connector.in", "last"])
    assert state(model.model) == before


def test_places_are_parsed_and_named():
    assert Place.parse("layers.8") == Place("layers.8", "mean")
    assert Place.parse("connector.out:max") == Place("connector.out", "max")
    assert Place.parse(" last ") == Place("last", "prompt")
    assert [Place.parse("layers.08:last").folder, str(Place.parse("layers.08:last"))] == ["layers.8-last", "layers.8:last"]
    assert (Place.parse("layers.12").layer, Place.parse("last").layer) == (12, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layer.8", "no place is called 'layer.8': expected connector.in, connector.out, layers.N or last"),
        ("layers.", "no place is called"),
        ("layers.-1", "no place is called"),
        ("layers.²", "no place is called"),
        ("", "no place is called"),
        ("layers.8:sum", "no pool is called 'sum': expected mean, max, last, attention"),
        ("layers.8:", "no pool is called ''"),
        ("last:mean", "takes no pool"),
        ("connector.in:attention", "attends to pictures in the layers only"),
    ],
)
def test_what_is_no_place_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        Place.parse(text)


def test_a_place_that_the_model_lacks_is_named_with_those_it_has(llava, pictures):
    with pytest.raises(
        ValueError, match=r"no place layers\.4: it has connector\.in, connector\.out, layers\.0 to layers\.3"
    ):
        record(llava, prepared(llava, pictures), ["layers.4"])
    with pytest.raises(ValueError, match="no place is named"):
        record(llava, prepared(llava, pictures), [])
