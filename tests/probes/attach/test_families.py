"""Does each family's tiny model do what a real one does: see the picture, and answer the same alone and in a batch?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from affect_workbench.probes.attach.families import TAPS, families, family_of, family_table
from affect_workbench.probes.attach.inputs import prepare
from affect_workbench.probes.attach.structure import find_structure
from affect_workbench.probes.encoders.names import parameters_tag
from tiny_multimodal import FAMILIES, attached
from tiny_multimodal.parts import LAYERS, WIDTH

QUESTIONS = ["What emotion does this picture show?", "Is it joy?"]
NO_TEMPLATE = {"paligemma", "blip_2", "instructblip"}
"""Families whose processors are published without a chat template."""


@pytest.fixture(scope="module")
def pictures():
    """Two pictures of different shapes, so that a batch has rows of different lengths."""
    rng = np.random.default_rng(1)
    return [Image.fromarray(rng.integers(0, 256, (*shape, 3), dtype=np.uint8)) for shape in ((60, 72), (50, 110))]


def connector_outputs(model, batch):
    """What left the connector, its rows in the order in which they came."""
    parts = []
    connector = model.model.get_submodule(model.structure.connector)
    handle = connector.register_forward_hook(lambda *call: parts.append(call[2].flatten(0, -2)))
    with torch.inference_mode():
        logits = model.model(**batch.tensors).logits[:, -1]
    handle.remove()
    return torch.cat(parts), logits


def hooks(model):
    return [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in model.model.modules()]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_read(family, pictures):
    model = attached(family)
    structure, known = model.structure, family_of(model.model.config.model_type)
    assert structure.connector == known.connector
    assert structure.how == ("table" if known.table else "found")
    assert structure.width == WIDTH
    assert len(model.model.get_submodule(structure.layers)) == LAYERS
    assert bool(model.processor.chat_template) == (family not in NO_TEMPLATE)

    before = hooks(model)
    together = prepare(model, pictures, QUESTIONS)
    rows, logits = connector_outputs(model, together)
    alone = [connector_outputs(model, prepare(model, *one)) for one in zip(zip(pictures), zip(QUESTIONS), strict=True)]
    torch.testing.assert_close(logits, torch.cat([single for _, single in alone]), atol=1e-5, rtol=1e-5)
    assert rows.std(0).min() > 1e-3, "the features are the same everywhere"
    assert not torch.allclose(alone[0][0].mean(0), alone[1][0].mean(0), atol=1e-2), "the pictures have the same features"
    assert together.tensors["attention_mask"][:, -1].all(), "padded on the right"
    assert not together.tensors["attention_mask"].all(), "no row is padded, so a batch shows nothing"
    for row, positions in zip(together.tensors["input_ids"], together.image_positions, strict=True):
        assert len(positions)
        assert (row[positions] == structure.image_token).all()
    assert hooks(model) == before


def state(model):
    """What looking into a model could change: its tensors, hooks, and attributes in the place of methods."""
    return parameters_tag(model.model), hooks(model), [sorted(vars(part)) for part in model.model.modules()]


@pytest.mark.parametrize("family", ["qwen2_vl", "llama4"])
def test_looking_for_the_structure_leaves_the_model_as_it_was(family):
    model = attached(family)
    before = state(model)
    assert find_structure(model.model, model.processor) == model.structure
    assert state(model) == before


def test_the_list_names_every_family_and_how_it_is_served():
    rows = {row["family"]: row for row in family_table()}
    tested = {attached(family).model.config.model_type for family in FAMILIES}
    assert tested == {name for name, row in rows.items() if row["served"] != "untested"}
    assert len(FAMILIES) == 30
    assert sum(row["served"] == "found" for row in rows.values()) >= 20
    assert rows["llava"]["taps"] == TAPS
    assert rows["mllama"]["served"] == "table"
    assert all(row["checked"].startswith("not tested") for row in rows.values() if row["served"] == "untested")
    assert all(family.called and (family.connector or family.untested) for family in families().values())
