"""How does the built-in encoder stand in a multimodal LLM of transformers: as 16 picture tokens instead of one vector?

Its image tower is open_clip's ModifiedResNet, for which transformers has no configuration. Here it is a class of its own
that `AutoConfig` and `AutoModel` know after `register_tower`. The tokens are the 4x4 grid of the third layer (384 channels)
beside the fourth's 2x2 grid (768 channels), brought to the same size.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from affect_workbench.probes.runtime import declare_torchvision_operators

declare_torchvision_operators()
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel  # noqa: E402
from transformers.modeling_outputs import BaseModelOutputWithPooling  # noqa: E402

MODEL_TYPE = "affect-workbench-scenes"


class ScenesTowerConfig(PreTrainedConfig):
    """Sizes of the tower; the defaults are those of the encoder that is shipped."""

    model_type = MODEL_TYPE

    def __init__(
        self,
        image_size: int = 64,
        layers: tuple[int, ...] = (1, 1, 1, 1),
        width: int = 24,
        embed_dim: int = 128,
        heads: int = 12,
        **kwargs: Any,
    ) -> None:
        self.image_size, self.patch_size = image_size, 16
        self.layers, self.width, self.embed_dim, self.heads = list(layers), width, embed_dim, heads
        self.hidden_size, self.num_hidden_layers = 48 * width, 1
        super().__init__(**kwargs)


class ScenesTower(PreTrainedModel):
    """The image tower; always in evaluation mode, so that training around it never moves its running statistics."""

    config_class = ScenesTowerConfig
    main_input_name = "pixel_values"

    def __init__(self, config: ScenesTowerConfig) -> None:
        from open_clip.modified_resnet import ModifiedResNet

        super().__init__(config)
        self.visual = ModifiedResNet(
            layers=config.layers,
            output_dim=config.embed_dim,
            heads=config.heads,
            image_size=config.image_size,
            width=config.width,
        )
        self.post_init()
        self.train(False)

    def train(self, mode: bool = True) -> ScenesTower:
        """Evaluation mode, whatever is asked for."""
        return super().train(False)

    def forward(self, pixel_values: Tensor, **_: Any) -> BaseModelOutputWithPooling:
        """Tokens `(n, 16, 1152)` of pixels `(n, 3, 64, 64)`, and the encoder's own vector `(n, 128)` as pooled output."""
        visual = self.visual
        third = visual.layer3(visual.layer2(visual.layer1(visual.stem(pixel_values))))
        fourth = visual.layer4(third)
        finer = functional.interpolate(fourth, size=third.shape[-2:])
        tokens = torch.cat([third, finer], dim=1).flatten(2).transpose(1, 2)
        return BaseModelOutputWithPooling(
            last_hidden_state=tokens, pooler_output=visual.attnpool(fourth), hidden_states=(tokens,)
        )


def register_tower() -> None:
    """Lets transformers open models with this tower; does nothing the second time."""
    AutoConfig.register(MODEL_TYPE, ScenesTowerConfig, exist_ok=True)
    AutoModel.register(ScenesTowerConfig, ScenesTower, exist_ok=True)


def shipped_tower() -> ScenesTower:
    """The tower with the weights of the built-in encoder, in single precision."""
    from safetensors.torch import load_file

    from affect_workbench.probes.encoders.builtin import WEIGHTS_FILE

    weights = load_file(WEIGHTS_FILE)
    tower = ScenesTower(ScenesTowerConfig())
    visual = {name: value.float() for name, value in weights.items() if name.startswith("visual.")}
    tower.load_state_dict(visual)
    return tower
