"""What does a model answer once something is taken out of a picture's tokens on their way through it?

Two kinds of places can be erased at. `layers.N` is all that enters layer N, also what a family adds between two layers (the
deepstack of Qwen3-VL, which `hidden_states` leaves out). `connector.out` is taken where the connector's features enter the
language model: in its input embeddings at the image tokens, after the merge (in Molmo2 the sum of both; in families that
attend to the picture from the side, the states that they attend to, padded tiles among them). There they stand by picture
and position in every family, whatever the connector itself was called with: tiles, windows, one picture at a time or all at
once. What hooks on the connector itself record stays what it was; features that enter deeper layers beside are left as they
are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from affect_workbench.arrays import Vectors
    from affect_workbench.probes.attach.inputs import Batch
    from affect_workbench.probes.attach.model import MultimodalModel

    Change = Callable[[Tensor], Tensor]


class TokenEraser(Protocol):
    """An affine map of a token's values: `x - ((x - mean) @ right.T) @ left.T`."""

    @property
    def mean(self) -> npt.NDArray[Any]:
        """`(d,)`, what keeps its place."""

    @property
    def left(self) -> npt.NDArray[Any]:
        """`(d, r)`, where what is read is taken from."""

    @property
    def right(self) -> npt.NDArray[Any]:
        """`(r, d)`, what is read."""


@contextmanager
def erased(model: MultimodalModel, place: str, erasers: TokenEraser | Sequence[TokenEraser]) -> Iterator[None]:
    """While it is open, the model runs on from erased values at the image tokens; afterwards it is as it was.

    Every way through the model is erased: forward passes, scoring and generation.

    Args:
        model: the model, which is not changed: hooks hold the erasers, and go with the context, also after an error.
        place: `connector.out` or `layers.N`.
        erasers: one for all of a picture's image tokens, or one a position, counted from its first image token. Positions
            mean the same place only in pictures that the processor cuts alike.

    Raises:
        ValueError: a place that cannot be erased at, an eraser of another width, none at all, or (in the forward pass) a
            picture with more image tokens than there are erasers.
    """
    with _changed(model, place, _Erasure.of(erasers, model.structure.width)):
        yield


def token_values(model: MultimodalModel, batch: Batch, place: str) -> list[Vectors]:
    """The values `(t, d)` of each picture's image tokens at a place, in float32: what erasers are fitted on.

    Inside `erased` these are the erased values.

    Raises:
        ValueError: a place that cannot be erased at.
    """
    rows: list[Vectors] = []

    def note(tokens: Tensor) -> Tensor:
        rows.append(tokens.detach().float().cpu().numpy())
        return tokens

    with torch.no_grad(), _changed(model, place, note):
        model.model(**batch.tensors, use_cache=False)
    return rows


@dataclass(frozen=True)
class _Erasure:
    """Erasers as tensors: `mean` `(t, d)`, `left` `(t, d, r)`, `right` `(t, r, d)`; where `shared`, t is 1: one for all."""

    mean: Tensor
    left: Tensor
    right: Tensor
    shared: bool
    moved: dict[torch.device, tuple[Tensor, ...]] = field(default_factory=dict)

    def _on(self, device: torch.device) -> tuple[Tensor, ...]:
        """The three tensors there; each device gets its copy once."""
        if device not in self.moved:
            self.moved[device] = tuple(part.to(device) for part in (self.mean, self.left, self.right))
        return self.moved[device]

    @classmethod
    def of(cls, erasers: TokenEraser | Sequence[TokenEraser], width: int) -> _Erasure:
        each = list(erasers) if isinstance(erasers, Sequence) else [erasers]
        if not each:
            raise ValueError("no erasers: expected one for all image tokens, or one a position")
        wrong = next((eraser for eraser in each if len(eraser.mean) != width), None)
        if wrong is not None:
            raise ValueError(f"an eraser is {len(wrong.mean)} wide: the tokens of this model are {width} wide")
        rank = max(eraser.left.shape[1] for eraser in each)
        lacking = [rank - eraser.left.shape[1] for eraser in each]
        parts = (
            [eraser.mean for eraser in each],
            [np.pad(eraser.left, ((0, 0), (0, more))) for eraser, more in zip(each, lacking, strict=True)],
            [np.pad(eraser.right, ((0, more), (0, 0))) for eraser, more in zip(each, lacking, strict=True)],
        )
        mean, left, right = (torch.from_numpy(np.asarray(part, np.float32)) for part in parts)
        return cls(mean, left, right, shared=not isinstance(erasers, Sequence))

    def __call__(self, tokens: Tensor) -> Tensor:
        """The tokens `(t, d)` of one picture, erased in float32 at least and returned in their own precision."""
        if not self.shared and len(tokens) > len(self.mean):
            raise ValueError(
                f"a picture has {len(tokens)} image tokens, and there are erasers for {len(self.mean)} positions: fit them "
                "on pictures of the same size, or give one eraser for all positions"
            )
        kept = slice(None) if self.shared else slice(len(tokens))
        mean, left, right = (part[kept] for part in self._on(tokens.device))
        x = tokens.to(torch.promote_types(tokens.dtype, torch.float32))
        read = torch.einsum("trd,td->tr", right.expand(len(x), -1, -1), x - mean)
        return (x - torch.einsum("tdr,tr->td", left.expand(len(x), -1, -1), read)).to(tokens.dtype)


@contextmanager
def _changed(model: MultimodalModel, place: str, change: Change) -> Iterator[None]:
    """Puts the tokens `(t, d)` of each picture at a place through `change`, in every forward pass that reads pictures."""
    where, number = _place(model, place)
    shown = _Shown(model.structure.image_token)

    def enter_decoder(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any] | None:
        states = kwargs.get("cross_attention_states")
        if states is not None:
            pictures = states.reshape(shown.rows, -1, states.shape[-1])
            return args, kwargs | {"cross_attention_states": torch.stack(list(map(change, pictures))).view_as(states)}
        embeddings = kwargs.get("inputs_embeds")
        return None if embeddings is None else (args, kwargs | {"inputs_embeds": shown.through(embeddings, change)})

    def enter_layer(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        if args:
            return (shown.through(args[0], change), *args[1:]), kwargs
        return args, kwargs | {"hidden_states": shown.through(kwargs["hidden_states"], change)}

    with ExitStack() as hooks:
        # BLIP-2 generates past its own forward pass: its embeddings see the ids there too; others' may see some replaced.
        reader = model.model if model.model.main_input_name == "input_ids" else model.model.get_input_embeddings()
        hooks.callback(reader.register_forward_pre_hook(shown.see, with_kwargs=True).remove)
        module, hook = (
            (model.model.get_decoder(), enter_decoder)
            if where == "connector"
            else (model.model.get_submodule(model.structure.layers)[number], enter_layer)
        )
        hooks.callback(module.register_forward_pre_hook(hook, with_kwargs=True).remove)
        yield


@dataclass
class _Shown:
    """Where the image tokens are in what is on its way through the model."""

    image_token: int
    mask: Tensor | None = None

    def see(self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Notes the ids `(b, t)` that a module is called with."""
        ids = kwargs.get("input_ids", args[0] if args else None)
        if ids is not None:
            self.mask = ids == self.image_token

    @property
    def rows(self) -> int:
        """Pictures on their way."""
        if self.mask is None:
            raise ValueError("the model was called without input_ids: where the pictures are is not known")
        return len(self.mask)

    def through(self, values: Tensor, change: Change) -> Tensor:
        """The values `(b, t, d)`, those at each row's image tokens changed; as they are in passes without pictures."""
        if self.mask is None or self.mask.shape != values.shape[:2] or not self.mask.any():
            return values
        values = values.clone()
        for row, mask in zip(values, self.mask.to(values.device), strict=True):
            if mask.any():
                row[mask] = change(row[mask])
        return values


def require_erasable(model: MultimodalModel, place: str) -> None:
    """Refuses a place where nothing can be erased.

    Raises:
        ValueError: why, and the places where something can be.
    """
    _place(model, place)


def _place(model: MultimodalModel, place: str) -> tuple[str, int]:
    layers = len(model.model.get_submodule(model.structure.layers))
    found = re.fullmatch(r"layers\.(\d+)", place)
    if found and int(found[1]) < layers:
        return "layers", int(found[1])
    if place == "connector.out":
        return "connector", 0
    why = {
        "connector.in": "crops and windows have no common split into tokens there",
        "last": "only the output head reads it, at no image token",
        f"layers.{layers}": "no layer reads it after that",
    }.get(place, f"{model.structure.family} has no such place")
    raise ValueError(
        f"tokens cannot be erased at {place!r}: {why}; expected connector.out or layers.0 to layers.{layers - 1}"
    )
