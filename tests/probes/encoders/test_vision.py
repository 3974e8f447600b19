"""Encoders: real open_clip and transformers code on small models, and pixels that agree with theirs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from affect_workbench.data.images.preprocess import PixelRecipe
from affect_workbench.probes.encoders.builtin.tokenizer import CONTEXT, VOCABULARY, HashingTokenizer
from affect_workbench.probes.encoders.names import file_tag, name_of, parameters_tag
from affect_workbench.probes.encoders.vision import builtin_model, processor_recipe, vision_encoder
from affect_workbench.probes.runtime import declare_torchvision_operators
from image_models import saved_classifier, saved_clip, saved_dinov2, saved_open_clip, saved_siglip

declare_torchvision_operators()


@pytest.fixture(scope="module")
def builtin():
    return vision_encoder("builtin:scenes", on="cpu")


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, size=(max(height // 7, 1), max(width // 7, 1), 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("size", [(64, 64), (200, 120), (121, 333), (65, 64), (30, 47), (1000, 17)])
@pytest.mark.parametrize("fit", ["shortest", "squash", "longest"])
def test_pixels_are_those_of_open_clip(size, fit):
    from open_clip.transform import PreprocessCfg, image_transform_v2

    recipe = PixelRecipe(size=64, fit=fit, mean=(0.48, 0.46, 0.41), deviation=(0.27, 0.26, 0.28))
    theirs = image_transform_v2(
        PreprocessCfg(size=64, resize_mode=fit, interpolation="bicubic", mean=recipe.mean, std=recipe.deviation),
        is_train=False,
    )(picture(*size))
    square = torch.from_numpy(recipe.pixels(picture(*size)).copy()).permute(2, 0, 1).float() / 255
    ours = (square - torch.tensor(recipe.mean).view(3, 1, 1)) / torch.tensor(recipe.deviation).view(3, 1, 1)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("given", "message"), [({"fit": "stretch"}, "cannot be fitted by 'stretch'"), ({"interpolation": "magic"}, "'magic'")]
)
def test_an_impossible_recipe_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        PixelRecipe(size=8, **given)


def test_the_builtin_encoder_is_open_clips_own_model(builtin):
    from affect_workbench.probes.encoders.builtin import WEIGHTS_FILE

    model = builtin_model(weights=WEIGHTS_FILE).eval()
    squares = np.stack([np.asarray(picture(64, 64, seed)) for seed in range(3)])
    pixels = torch.from_numpy(squares).permute(0, 3, 1, 2).float() / 255
    mean, deviation = (torch.tensor(part).view(3, 1, 1) for part in (builtin.recipe.mean, builtin.recipe.deviation))
    with torch.inference_mode():
        expected = model.encode_image((pixels - mean) / deviation).numpy()
    np.testing.assert_allclose(builtin.encode(squares), expected, rtol=1e-4, atol=1e-5)
    assert builtin.spec.width == expected.shape[1] == 128
    assert builtin.spec.weights == file_tag(WEIGHTS_FILE)
    assert type(model).__module__.startswith("open_clip.")


def test_texts_become_unit_vectors(builtin):
    vectors = builtin.encode_text(["a dog", "a house at night", "a dog"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(vectors[0], vectors[2], rtol=1e-5)


def test_the_tokenizer_ends_with_the_largest_id_and_cuts_long_texts():
    tokens = HashingTokenizer()(["a dog", "word " * 100, ""])
    assert tokens.shape == (3, CONTEXT)
    assert tokens.max(dim=1).values.tolist() == [VOCABULARY - 1] * 3
    assert tokens.argmax(dim=1).tolist() == [3, CONTEXT - 1, 1]
    assert (HashingTokenizer()("A  DOG!") == tokens[:1]).all()


def test_weights_from_disk_are_loaded_and_named_by_their_bytes(tmp_path):
    import open_clip
    from safetensors.torch import save_file

    from affect_workbench.probes.encoders.builtin import CONFIG_FILE, MODEL

    open_clip.add_model_config(CONFIG_FILE)
    torch.manual_seed(5)
    fresh = builtin_model(weights=None).eval()
    save_file({name: tensor.contiguous() for name, tensor in fresh.state_dict().items()}, tmp_path / "mine.safetensors")
    ours = vision_encoder(f"open_clip:{MODEL}/{tmp_path / 'mine.safetensors'}", on="cpu")
    assert ours.spec.weights == file_tag(tmp_path / "mine.safetensors")
    zeros = np.zeros((1, 64, 64, 3), dtype=np.uint8)
    mean, deviation = (torch.tensor(part).view(3, 1, 1) for part in (ours.recipe.mean, ours.recipe.deviation))
    with torch.inference_mode():
        expected = fresh.encode_image((torch.zeros(1, 3, 64, 64) - mean) / deviation).numpy()
    np.testing.assert_allclose(ours.encode(zeros), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ViT-L-14/openai", "expected open_clip:MODEL/TAG"),
        ("clip:ViT-L-14", "expected open_clip:MODEL/TAG"),
        ("open_clip:ViT-L-41/openai", "has no model 'ViT-L-41'"),
        ("open_clip:ViT-B-32", "needs weights: open_clip:ViT-B-32/TAG, where TAG is one of: openai"),
        ("open_clip:ViT-B-32/opneai", "the weights of open_clip:ViT-B-32/opneai cannot be loaded"),
        ("builtin:scene", "there is builtin:scenes"),
        ("transformers:/nowhere/at/all", "transformers cannot load"),
    ],
)
def test_a_mistyped_encoder_never_gives_random_weights(name, message):
    with pytest.raises(ValueError, match=message):
        vision_encoder(name, on="cpu")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Puts models into a cache as huggingface_hub lays it out; nothing is asked of the network."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    def put(name, **more):
        root = tmp_path / "hub" / f"models--{name.replace('/', '--')}"
        commit = "0123456789abcdef0123456789abcdef01234567"
        (root / "refs").mkdir(parents=True)
        (root / "refs/main").write_text(commit)
        return saved_open_clip(root / "snapshots" / commit, **more)

    return put


@pytest.mark.parametrize("prefix", ["", "open_clip:"])
def test_models_of_the_hub_bring_their_own_configuration(hub, prefix):
    model = hub("somebody/tiny")
    encoder = vision_encoder(f"{prefix}hf-hub:somebody/tiny", on="cpu")
    square = np.array(picture(32, 32, 0))[None]
    mean = torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1)
    with torch.inference_mode():
        expected = model.encode_image((torch.from_numpy(square).permute(0, 3, 1, 2).float() / 255 - mean) / 0.5).numpy()
    np.testing.assert_allclose(encoder.encode(square), expected, rtol=1e-4, atol=1e-5)
    assert encoder.spec.encoder == "open_clip:hf-hub:somebody/tiny"
    assert encoder.spec.weights == parameters_tag(model)
    assert name_of(encoder.spec) == "open_clip:hf-hub:somebody/tiny"


def test_a_model_of_the_hub_without_its_weights_is_refused(hub):
    hub("somebody/empty", weights=False)
    with pytest.raises(ValueError, match="the weights of open_clip:hf-hub:somebody/empty cannot be loaded"):
        vision_encoder("hf-hub:somebody/empty", on="cpu")


def test_a_folder_in_the_form_of_the_hub_is_an_encoder(tmp_path):
    model = saved_open_clip(tmp_path / "mine")
    assert vision_encoder(f"local-dir:{tmp_path / 'mine'}", on="cpu").spec.weights == parameters_tag(model)


def test_features_say_which_encoder_to_make_again(builtin):
    from affect_workbench.data.features import FeatureSpec

    def spec(encoder, weights=""):
        return FeatureSpec(width=4, encoder=encoder, weights=weights)

    assert name_of(builtin.spec) == "builtin:scenes"
    assert name_of(spec("open_clip:ViT-L-14", "openai")) == "open_clip:ViT-L-14/openai"
    assert name_of(spec("open_clip:ViT-L-14", "openai, float16")) == "open_clip:ViT-L-14/openai"
    assert name_of(spec("transformers:org/siglip", "0" * 40)) == "transformers:org/siglip"
    for by_file in (spec("open_clip:ViT-L-14", "0123456789ab"), spec("transformers:mine", "0123456789ab, bfloat16")):
        with pytest.raises(ValueError, match="had its weights from a file"):
            name_of(by_file)
    with pytest.raises(ValueError, match="do not say which encoder made them"):
        name_of(spec("unknown"))


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="unknown precision 'half'"):
        vision_encoder("builtin:scenes", on="cpu", precision="half")


def test_half_precision_is_close_and_its_features_are_told_apart(builtin):
    rough = vision_encoder("builtin:scenes", on="cpu", precision="bfloat16")
    squares = np.stack([np.asarray(picture(64, 64, seed)) for seed in range(4)])
    first, second = builtin.encode(squares), rough.encode(squares)
    cosine = (first * second).sum(1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)
    assert cosine.min() > 0.99
    assert builtin.spec.fingerprint() != rough.spec.fingerprint()


@pytest.mark.parametrize(
    ("save", "width", "size", "talks"),
    [(saved_clip, 24, 32, True), (saved_siglip, 32, 32, True), (saved_dinov2, 32, 28, False)],
)
def test_towers_of_transformers_are_encoders(tmp_path, save, width, size, talks):
    import json

    save(tmp_path)
    record = {
        "do_resize": True,
        "size": {"height": size, "width": size},
        "resample": 3,
        "do_normalize": True,
        "image_mean": [0.5, 0.4, 0.3],
        "image_std": [0.2, 0.3, 0.4],
        "image_processor_type": "CLIPImageProcessor",
    }
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(record), encoding="utf-8")
    encoder = vision_encoder(f"transformers:{tmp_path}", on="cpu")
    features = encoder.encode(np.stack([encoder.recipe.pixels(picture(50, 40, seed)) for seed in range(3)]))
    assert features.shape == (3, width) == (3, encoder.spec.width)
    assert np.ptp(features, axis=0).max() > 0
    assert encoder.recipe.mean == (0.5, 0.4, 0.3)
    if talks:
        assert encoder.encode_text(["a dog", "a house"]).shape == (2, width)
    else:
        with pytest.raises(ValueError, match="has no text tower"):
            encoder.encode_text(["a dog"])


def test_a_processors_edge_and_crop_are_kept_apart():
    recipe = processor_recipe(
        {"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}, "do_center_crop": True, "resample": 3}
    )
    assert (recipe.resize, recipe.size, recipe.fit) == (256, 224, "shortest")


def test_a_tower_without_pooling_weights_is_read_at_its_class_token_not_through_random_ones(tmp_path):
    model = saved_classifier(tmp_path)
    encoder = vision_encoder(f"transformers:{tmp_path}", on="cpu")
    square = np.array(picture(32, 32, 0))[None]
    with torch.inference_mode():
        hidden = model.vit(torch.from_numpy(square).permute(0, 3, 1, 2).float() / 127.5 - 1).last_hidden_state
    np.testing.assert_allclose(encoder.encode(square), hidden[:, 0].numpy(), rtol=1e-4, atol=1e-5)
    assert encoder.spec.pooling == "class token"


def test_a_checkpoint_that_lacks_weights_is_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    saved_classifier(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    name = next(name for name in weights if name.endswith("attention.output.dense.weight") or "o_proj.weight" in name)
    del weights[name]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"has no weights for .* and random ones would mean nothing"):
        vision_encoder(f"transformers:{tmp_path}", on="cpu")


def test_weights_that_were_saved_in_half_are_used_in_full(tmp_path):
    from transformers import CLIPModel

    saved_clip(tmp_path)
    CLIPModel.from_pretrained(tmp_path).half().save_pretrained(tmp_path)
    record = '{"size": {"height": 32, "width": 32}, "image_processor_type": "CLIPImageProcessor"}'
    (tmp_path / "preprocessor_config.json").write_text(record, encoding="utf-8")
    encoder = vision_encoder(f"transformers:{tmp_path}", on="cpu")
    assert np.isfinite(encoder.encode(np.array(picture(32, 32, 0))[None])).all()
