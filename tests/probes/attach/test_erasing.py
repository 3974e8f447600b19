"""Is what is erased gone from the tokens, does the model run on from there, and is it itself again afterwards?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from affect_workbench.analyses.space.erasure.leace import Eraser
from affect_workbench.probes.attach.erasing import erased, token_values
from affect_workbench.probes.attach.generation import generate
from affect_workbench.probes.attach.inputs import prepare
from affect_workbench.probes.attach.scoring import score_labels
from affect_workbench.probes.attach.source import ModelSource, load_model
from tiny_multimodal import FAMILIES, attached, tiny_folder

PLACES = ("connector.out", "layers.0", "layers.1")
QUESTIONS = ("What emotion does this picture show?", "Joy?")
LABELS = ("anger", "joy", "melancholy")


def pictures():
    rng = np.random.default_rng(1)
    return [Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)) for _ in QUESTIONS]


def scores(model):
    return score_labels(model, pictures(), QUESTIONS, LABELS)


def random_eraser(width, *, rank=1, seed=0):
    rng = np.random.default_rng(seed)
    directions = np.linalg.qr(rng.standard_normal((width, rank)))[0]
    return Eraser(rng.standard_normal(width), directions, directions.T)


def read(values, eraser):
    """What the eraser reads of each token, `(t, r)`."""
    return (values - eraser.mean) @ eraser.right.T


def hook_counts(model):
    return [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.model.modules()]


@pytest.fixture(scope="module")
def llava():
    return attached("llava")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_direction_is_gone_and_answers_change_in_every_family(family):
    model = attached(family)
    eraser, batch, before = (
        random_eraser(model.structure.width, rank=4),
        prepare(model, pictures(), QUESTIONS),
        scores(model),
    )
    for place in PLACES:
        assert all(np.abs(read(values, eraser)).max() > 0.1 for values in token_values(model, batch, place))
        with erased(model, place, eraser):
            assert all(np.abs(read(values, eraser)).max() < 1e-4 for values in token_values(model, batch, place))
            assert np.abs(scores(model) - before).max() > 1e-4
        np.testing.assert_array_equal(scores(model), before)


def test_values_are_those_of_each_pictures_image_tokens(llava):
    batch = prepare(llava, pictures(), QUESTIONS)
    with torch.no_grad():
        output = llava.model(**batch.tensors, output_hidden_states=True)
        features = llava.model.get_image_features(batch.tensors["pixel_values"]).pooler_output
    for row, positions in enumerate(batch.image_positions):
        for place, expected in (("connector.out", features[row]), ("layers.2", output.hidden_states[2][row, positions])):
            np.testing.assert_array_equal(token_values(llava, batch, place)[row], expected.numpy())


@pytest.mark.parametrize("place", PLACES)
def test_rank_0_changes_no_bit(llava, place):
    nothing = random_eraser(llava.structure.width, rank=0)
    before, answers = scores(llava), generate(llava, pictures(), QUESTIONS, max_new_tokens=4)
    with erased(llava, place, nothing):
        np.testing.assert_array_equal(scores(llava), before)
        assert generate(llava, pictures(), QUESTIONS, max_new_tokens=4) == answers


def test_every_position_has_its_own_eraser(llava):
    """As written out token by token; ranks may differ."""
    batch, width = prepare(llava, pictures(), QUESTIONS), llava.structure.width
    tokens = len(batch.image_positions[0])
    erasers = [random_eraser(width, rank=position % 3, seed=position) for position in range(tokens)]
    before = token_values(llava, batch, "layers.1")
    with erased(llava, "layers.1", erasers):
        after = token_values(llava, batch, "layers.1")
    for row in (0, 1):
        expected = [eraser.apply(token[None])[0] for eraser, token in zip(erasers, before[row], strict=True)]
        np.testing.assert_allclose(after[row], expected, atol=1e-5)


def test_only_image_tokens_are_erased(llava):
    batch = prepare(llava, pictures(), QUESTIONS)
    states = []
    layer = llava.model.get_submodule(llava.structure.layers)[1]

    def note(_, args, kwargs):
        states.append(args[0] if args else kwargs["hidden_states"])

    with torch.no_grad(), erased(llava, "layers.1", random_eraser(llava.structure.width)):
        handle = layer.register_forward_pre_hook(note, with_kwargs=True)
        llava.model(**batch.tensors)
        handle.remove()
    with torch.no_grad():
        before = llava.model(**batch.tensors, output_hidden_states=True).hidden_states[1]
    image = batch.tensors["input_ids"] == llava.structure.image_token
    torch.testing.assert_close(states[0][~image], before[~image], atol=0, rtol=0)
    assert (states[0][image] != before[image]).any(-1).all()


def test_erasers_of_two_places_stand_beside_each_other(llava):
    batch, eraser = prepare(llava, pictures(), QUESTIONS), random_eraser(llava.structure.width)
    with erased(llava, "connector.out", eraser), erased(llava, "layers.1", eraser):
        for place in ("connector.out", "layers.1"):
            assert np.abs(read(np.concatenate(token_values(llava, batch, place)), eraser)).max() < 1e-4


@pytest.mark.parametrize("place", ["connector.out", "layers.1"])
@pytest.mark.parametrize("family", ["llava", "blip_2"])  # the second generates past its own forward pass
def test_generation_runs_on_erased_values(family, place):
    model = attached(family)
    eraser = random_eraser(model.structure.width, rank=31)
    before = generate(model, pictures(), QUESTIONS, max_new_tokens=6)
    with erased(model, place, eraser):
        assert generate(model, pictures(), QUESTIONS, max_new_tokens=6) != before
    assert generate(model, pictures(), QUESTIONS, max_new_tokens=6) == before


def test_the_model_is_itself_again_after_an_error(llava):
    hooks, before = hook_counts(llava), scores(llava)
    few = [random_eraser(llava.structure.width)] * 3
    with (
        pytest.raises(ValueError, match="16 image tokens, and there are erasers for 3 positions"),
        erased(llava, "layers.1", few),
    ):
        scores(llava)
    assert hook_counts(llava) == hooks
    np.testing.assert_array_equal(scores(llava), before)


def test_half_precision_stays_half_precision():
    model = load_model(ModelSource(str(tiny_folder("llava")), dtype="bfloat16", device="cpu"))
    batch, eraser = prepare(model, pictures(), QUESTIONS), random_eraser(model.structure.width)
    with erased(model, "layers.1", eraser):
        assert np.abs(read(token_values(model, batch, "layers.1")[0], eraser)).max() < 0.05
        assert np.isfinite(scores(model)).all()


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("last", "only the output head reads it, at no image token"),
        ("connector.in", "crops and windows have no common split"),
        ("layers.3", "no layer reads it after that"),
        ("layers.x", "llava has no such place"),
    ],
)
def test_a_place_that_cannot_be_erased_at_is_an_error(llava, place, why):
    message = f"cannot be erased at '{place}': {why}.*; expected connector.out or layers.0 to layers.2"
    with pytest.raises(ValueError, match=message), erased(llava, place, random_eraser(llava.structure.width)):
        pass


def test_erasers_that_do_not_fit_are_an_error(llava):
    with (
        pytest.raises(ValueError, match="7 wide: the tokens of this model are 32 wide"),
        erased(llava, "layers.0", random_eraser(7)),
    ):
        pass
    with pytest.raises(ValueError, match="no erasers"), erased(llava, "layers.0", []):
        pass
