"""Where in a multimodal model does a picture become tokens, and which layers do these pass?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from affect_workbench.probes.attach.families import family_of
from affect_workbench.probes.attach.families.encoding import inputs_of

SIDE = 224
"""Pixels of the picture that the finder shows: what most towers were trained on, and large enough for all."""
ENOUGH = 0.5
"""Share of the rows at image tokens that a connector must have made: some families add learned vectors between them."""


@dataclass(frozen=True)
class Structure:
    """The modules that pictures pass, by name.

    Attributes:
        family: `model_type` of the configuration.
        connector: what turns the vision tower's outputs into tokens of the language model; its output is one tensor.
        layers: the language model's layers, a `ModuleList`.
        width: width of the language model.
        image_token: the id that stands for a picture's tokens.
        how: `found` by a forward pass, or from the `table` of families.
    """

    family: str
    connector: str
    layers: str
    width: int
    image_token: int
    how: str


def find_structure(model: Any, processor: Any) -> Structure:
    """The structure of a model, found by showing its vision tower one picture of noise; hooks are gone afterwards.

    The connector is the outermost module outside the language model whose output rows are what the language model is given
    at the image tokens; where these are not handed on as they are (Molmo2 adds them), what `get_image_features` returns.
    Families whose pictures do not come in as tokens are in the table.

    Raises:
        ValueError: the configuration names no image token, or no module makes what its language model is given.
    """
    family = model.config.model_type
    known = family_of(family)
    decoder = model.get_decoder()
    token = image_token_of(model, processor)
    connector = known.connector if known.table else _found_connector(model, processor, decoder, token)
    names = {id(module): name for name, module in model.named_modules()}
    return Structure(
        family=family,
        connector=connector,
        layers=names[id(layers_of(decoder))],
        width=model.config.get_text_config().hidden_size,
        image_token=token,
        how="table" if known.table else "found",
    )


def layers_of(decoder: nn.Module) -> nn.ModuleList:
    """The decoder's own list of layers: the outermost, and the longest of these; lists of experts lie deeper.

    Raises:
        ValueError: there is none.
    """
    lists = [
        (name.count("."), -len(part), part) for name, part in decoder.named_modules() if isinstance(part, nn.ModuleList)
    ]
    if not lists:
        raise ValueError(f"{type(decoder).__name__} has no list of layers")
    return min(lists, key=lambda found: found[:2])[2]


def image_token_of(model: Any, processor: Any) -> int:
    """The id that stands for a picture's tokens in the input.

    Raises:
        ValueError: neither the configuration nor the processor names one.
    """
    names = ("image_token_id", "image_token_index")
    for token in (getattr(owner, name, None) for owner in (model.config, processor) for name in names):
        if isinstance(token, int):
            return token
    raise ValueError(f"neither {type(model.config).__name__} nor {type(processor).__name__} names the image token")


class _Entered(Exception):
    """The decoder is reached; what it does tells nothing about connectors."""


@dataclass
class _Passing:
    """What one forward pass showed: outputs of modules outside the decoder, what entered it, the picture's features."""

    width: int
    outputs: dict[str, list[Tensor]] = field(default_factory=dict)
    entered: list[Tensor] = field(default_factory=list)
    features: list[Tensor] = field(default_factory=list)

    def note_output(self, name: str, _: nn.Module, __: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.is_floating_point() and output.shape[-1] == self.width:
            self.outputs.setdefault(name, []).append(output)

    def note_entry(self, _: nn.Module, __: Any, given: dict[str, Any]) -> None:
        if isinstance(given.get("inputs_embeds"), Tensor):
            self.entered.append(given["inputs_embeds"])
            raise _Entered

    def note_features(self, output: Any) -> None:
        made = getattr(output, "pooler_output", output)
        made = made if made is not None else output.last_hidden_state
        self.features.extend([made] if isinstance(made, Tensor) else [part for part in made if isinstance(part, Tensor)])


def _found_connector(model: Any, processor: Any, decoder: nn.Module, token: int) -> str:
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    tensors = inputs_of(model, processor, [Image.fromarray(noise)], ["What is it?"])
    place = model.get_input_embeddings().weight.device
    tensors = {name: tensor.to(place) for name, tensor in tensors.items()}
    with torch.inference_mode(), _watched(model, decoder) as seen, suppress(_Entered):
        model(**tensors, use_cache=False)
    at_image = [entered[tensors["input_ids"] == token] for entered in seen.entered]
    for wanted in map(_rows, (at_image, seen.features)):
        made = {name: len(wanted & _rows(parts)) for name, parts in seen.outputs.items()}
        most = max(made.values(), default=0)
        if most and most >= ENOUGH * len(wanted):
            return next(name for name, _ in model.named_modules() if made.get(name) == most)
    raise ValueError(
        f"no module of {type(model).__name__} was found that makes what its language model is given of a picture"
    )


@contextmanager
def _watched(model: Any, decoder: nn.Module) -> Iterator[_Passing]:
    """Notes what passes, by hooks that change nothing."""
    seen = _Passing(model.config.get_text_config().hidden_size)
    inside = {id(part) for part in decoder.modules()}
    handles = [
        part.register_forward_hook(partial(seen.note_output, name))
        for name, part in model.named_modules()
        if id(part) not in inside
    ]
    handles.append(decoder.register_forward_pre_hook(seen.note_entry, with_kwargs=True))
    owner = model.model if hasattr(getattr(model, "model", None), "get_image_features") else model
    whole = getattr(owner, "get_image_features", None)

    def recorded(*args: Any, **kwargs: Any) -> Any:
        output = whole(*args, **kwargs)  # type: ignore[misc]
        seen.note_features(output)
        return output

    if whole is not None:
        owner.get_image_features = recorded
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
        owner.__dict__.pop("get_image_features", None)


def _rows(parts: Sequence[Tensor]) -> set[bytes]:
    """The distinct rows of tensors `(..., d)`, as bytes."""
    flat = (part.detach().float().cpu().reshape(-1, part.shape[-1]).numpy() for part in parts)
    return {row.tobytes() for rows in flat for row in rows}
