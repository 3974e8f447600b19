"""What does the finder do with models that are not as it expects?"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from torch import nn

from affect_workbench.probes.attach.source import ModelSource, load_model
from affect_workbench.probes.attach.structure import find_structure, image_token_of, layers_of
from tiny_multimodal import tiny_folder


def test_a_model_without_an_image_token_is_an_error():
    with pytest.raises(ValueError, match="neither SimpleNamespace nor SimpleNamespace names the image token"):
        image_token_of(SimpleNamespace(config=SimpleNamespace()), SimpleNamespace(image_token_id=None))


def test_the_processor_names_the_image_token_where_the_configuration_does_not():
    assert image_token_of(SimpleNamespace(config=SimpleNamespace()), SimpleNamespace(image_token_id=7)) == 7


def test_a_decoder_without_layers_is_an_error():
    with pytest.raises(ValueError, match="Linear has no list of layers"):
        layers_of(nn.Linear(2, 2))


def test_experts_are_no_layers():
    experts = nn.ModuleList(nn.Linear(2, 2) for _ in range(9))
    layer = nn.ModuleDict({"experts": experts})
    decoder = nn.ModuleDict({"short": nn.ModuleList([nn.Identity()]), "layers": nn.ModuleList([layer, layer])})
    assert layers_of(decoder) is decoder["layers"]


def test_a_model_whose_pictures_are_no_tokens_has_no_connector_to_find():
    """Mllama attends to pictures from beside the text; without its table entry the finder says so, and lets go of it."""
    loaded = load_model(ModelSource(str(tiny_folder("mllama")), device="cpu"))
    loaded.model.config.model_type = "unheard of"
    hooks = [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in loaded.model.modules()]
    with pytest.raises(ValueError, match="no module of MllamaForConditionalGeneration was found that makes what its"):
        find_structure(loaded.model, loaded.processor)
    assert [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in loaded.model.modules()] == hooks
