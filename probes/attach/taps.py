"""What does a model compute at named places for a batch of pictures?

Hooks listen while one forward pass runs: they return nothing, so that nothing in the model changes, and are gone afterwards.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from affect_workbench.probes.attach.inputs import Batch
from affect_workbench.probes.attach.model import MultimodalModel
from affect_workbench.probes.attach.pooling import POOLS, pooled, split_rows

CONNECTOR_IN, CONNECTOR_OUT, LAST = "connector.in", "connector.out", "last"
PROMPT = "prompt"
"""The pool of `last`: the prompt's last token alone."""
_LAYER = "layers."


@dataclass(frozen=True)
class Place:
    """A place in the model, and how the tokens of a picture there become one vector.

    Attributes:
        where: `connector.in` or `connector.out`: what the part between vision tower and language model reads and gives;
            `layers.N`: `hidden_states[N]`, where `layers.0` enters the first layer; `last`: `hidden_states[-1]`, what the
            output head reads, at the prompt's last token.
        pool: one of `probes.attach.pooling.POOLS`; `prompt` for `last`.
    """

    where: str
    pool: str = "mean"

    @classmethod
    def parse(cls, text: str) -> Place:
        """The place that `text` names: `PLACE`, or `PLACE:POOL`, e.g. `layers.8:last`.

        Raises:
            ValueError: no place or pool is written like this.
        """
        where, colon, pool = text.strip().partition(":")
        number = where.removeprefix(_LAYER) if where.startswith(_LAYER) else ""
        if where not in (CONNECTOR_IN, CONNECTOR_OUT, LAST) and not (number.isascii() and number.isdecimal()):
            raise ValueError(f"no place is called {where!r}: expected {CONNECTOR_IN}, {CONNECTOR_OUT}, layers.N or {LAST}")
        if where == LAST and colon:
            raise ValueError(f"{text!r}: `last` is the prompt's last token alone and takes no pool; layers.N:POOL does")
        if colon and pool not in POOLS:
            raise ValueError(f"{text!r}: no pool is called {pool!r}: expected {', '.join(POOLS)}")
        if pool == "attention" and not number:
            raise ValueError(f"{text!r}: the prompt attends to pictures in the layers only: take mean, max or last here")
        return cls(f"{_LAYER}{int(number)}" if number else where, pool or (PROMPT if where == LAST else "mean"))

    def __str__(self) -> str:
        return self.where if self.pool in ("mean", PROMPT) else f"{self.where}:{self.pool}"

    @property
    def layer(self) -> int | None:
        """`N` of `layers.N`."""
        return int(self.where.removeprefix(_LAYER)) if self.where.startswith(_LAYER) else None

    @property
    def folder(self) -> str:
        """What the place's folder is called."""
        return str(self).replace(":", "-")


def places_of(model: MultimodalModel) -> tuple[str, ...]:
    """The places that the model has, in the order in which a picture passes them."""
    layers = range(_depth(model) + 1)
    return (CONNECTOR_IN, CONNECTOR_OUT, *(f"{_LAYER}{number}" for number in layers), LAST)


def checked_places(model: MultimodalModel, places: Sequence[str | Place]) -> list[Place]:
    """The places asked for, each once, in the order asked.

    Raises:
        ValueError: none is asked for, or the model has no such place (those that it has are named).
    """
    found = list(dict.fromkeys(Place.parse(one) if isinstance(one, str) else one for one in places))
    if not found:
        raise ValueError(f"no place is named: expected some of {_in_words(model)}")
    for place in found:
        if place.where not in places_of(model):
            raise ValueError(f"{model.source.name} has no place {place.where}: it has {_in_words(model)}")
    return found


def record(model: MultimodalModel, batch: Batch, places: Sequence[str | Place]) -> dict[str, npt.NDArray[np.float32]]:
    """What one forward pass computes at the places, pooled over each of the `b` pictures' tokens.

    The pass ends behind the deepest place; its own outputs are not needed.

    Args:
        model: stays as it is.
        batch: `b` prompts of one picture each.
        places: see `places_of`.

    Returns:
        place as text -> `(b, d)`.

    Raises:
        NoCommonSplit: the pictures cannot be told apart at a connector: give them one at a time.
        ValueError: no such place; or pooling by attention where a layer gives none, or none to a picture.
    """
    options = {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(model.model.forward).parameters else {}
    with torch.no_grad(), listening(model, batch, places, stop=True) as activations, suppress(_Enough):
        model.model(**batch.tensors, use_cache=False, **options)
    return activations.vectors()


@contextmanager
def listening(
    model: MultimodalModel, batch: Batch, places: Sequence[str | Place], *, stop: bool = False
) -> Iterator[Activations]:
    """Listens at the places to the one forward pass of `batch` that is run inside; arguments and errors as in `record`.

    Args:
        model: see `record`.
        batch: what the pass is run on.
        places: see `record`.
        stop: end the pass behind the deepest place; it comes out of the model as an exception.
    """
    activations = Activations(checked_places(model, places), list(batch.image_positions))
    with ExitStack() as hooks:
        _listen_to_connector(model, batch, activations, hooks)
        _listen_to_layers(model, activations, hooks)
        if stop:
            _stop_behind(model, activations, hooks)
        yield activations


class _Enough(Exception):
    """Every tap is filled."""


@dataclass
class Activations:
    """What the taps heard in one forward pass of `b` pictures; only pooled vectors are kept, wherever that is possible.

    Attributes:
        places: where to listen.
        positions: of each picture's tokens in its prompt `(t_i,)`.
        connector_in: what entered the connector, a tensor a call.
        connector_out: what it returned.
        features: what `get_image_features` returned, where the connector ran inside it.
    """

    places: list[Place]
    positions: list[Tensor]
    _vectors: dict[Place, Tensor] = field(default_factory=dict)
    connector_in: list[Tensor] = field(default_factory=list)
    connector_out: list[Tensor] = field(default_factory=list)
    features: list[Tensor] = field(default_factory=list)
    _tokens: dict[Place, list[Tensor]] = field(default_factory=dict)
    _weights: dict[Place, list[Tensor]] = field(default_factory=dict)

    def vectors(self) -> dict[str, npt.NDArray[np.float32]]:
        """Place as text -> `(b, d)`, after the forward pass.

        Raises:
            ValueError: the prompt's last token pays a picture no attention.
            RuntimeError: no forward pass was run, or it did not come past a place.
        """
        for place in self._tokens.keys() & self._weights.keys():
            self._vectors[place] = pooled(self._tokens[place], place.pool, self._weights[place])
        missed = [str(place) for place in self.places if place not in self._vectors]
        if missed:
            raise RuntimeError(f"the forward pass did not come past {', '.join(missed)}")
        return {str(place): self._vectors[place].cpu().numpy() for place in self.places}

    def at(self, where: str) -> list[Place]:
        """The places asked for that read the same values."""
        return [place for place in self.places if place.where == where]

    def read_connector(self) -> None:
        """Cuts what passed the connector into pictures; called once it has run.

        Raises:
            NoCommonSplit: that cannot be done.
        """
        counts = [len(one) for one in self.positions]
        features = self.features or self.connector_out
        # Rows that the model adds or leaves out behind the connector have no share in what entered it.
        whole = sum(one.numel() // one.shape[-1] for one in self.connector_out) == sum(counts)
        for where, values, by_count in ((CONNECTOR_IN, self.connector_in, whole), (CONNECTOR_OUT, features, True)):
            if places := self.at(where):
                pictures = split_rows(values, counts, by_count=by_count)
                self._vectors |= {place: pooled(pictures, place.pool) for place in places}

    def read_layer(self, where: str, hidden: Tensor) -> None:
        """Takes the pictures' tokens out of hidden states `(b, s, d)`."""
        tokens = self._of_pictures(hidden)
        for place in self.at(where):
            if place.pool == "attention":
                self._tokens[place] = tokens
            else:
                self._vectors[place] = pooled(tokens, place.pool)

    def read_attention(self, place: Place, weights: Tensor) -> None:
        """Takes what the last token pays to the pictures' tokens out of attention weights `(b, heads, s, s)`."""
        self._weights[place] = self._of_pictures(weights[:, :, -1].float().mean(dim=1))

    def read_last(self, hidden: Tensor) -> None:
        """Takes the prompt's last token out of hidden states `(b, s, d)` of prompts padded at the left."""
        self._vectors |= {place: hidden[:, -1].float() for place in self.at(LAST)}

    def _of_pictures(self, values: Tensor) -> list[Tensor]:
        return [row[at.to(row.device)] for row, at in zip(values, self.positions, strict=True)]


def _listen_to_connector(model: MultimodalModel, batch: Batch, activations: Activations, hooks: ExitStack) -> None:
    if not activations.at(CONNECTOR_IN) + activations.at(CONNECTOR_OUT):
        return
    connector = model.model.get_submodule(model.structure.connector)
    tiles = batch.tensors.get("aspect_ratio_mask")

    def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        given = _first(args, kwargs)
        if given.is_floating_point():  # else it looks up tokens of its own (Ovis 2)
            activations.connector_in += _real(given, tiles if tiles is not None else kwargs.get("attention_mask"))
            activations.connector_out += [part for one in _tensors(output) for part in _real(one, tiles)]

    hooks.callback(connector.register_forward_hook(hook, with_kwargs=True).remove)
    for owner in (model.model, getattr(model.model, "model", None)):
        if owner is not None and hasattr(owner, "get_image_features"):
            hooks.enter_context(_image_features_noted(owner, activations))
    _before(_layers(model)[0], lambda _: activations.read_connector(), hooks)


@contextmanager
def _image_features_noted(owner: Any, activations: Activations) -> Iterator[None]:
    """Notes what the model's own method returns inside the forward pass."""
    original, own = owner.get_image_features, owner.__dict__.get("get_image_features")

    @wraps(original)
    def noting(*args: Any, **kwargs: Any) -> Any:
        calls = len(activations.connector_out)
        given = original(*args, **kwargs)
        features = getattr(given, "pooler_output", given)
        # Where the connector has not run by now, this is what it reads later on (Llama 4).
        if features is not None and len(activations.connector_out) > calls:
            activations.features = _tensors(features)
        return given

    owner.__dict__["get_image_features"] = noting
    try:
        yield
    finally:
        if own is None:
            del owner.__dict__["get_image_features"]
        else:
            owner.__dict__["get_image_features"] = own


def _listen_to_layers(model: MultimodalModel, activations: Activations, hooks: ExitStack) -> None:
    layers = _layers(model)
    for where in {place.where: None for place in activations.places if place.layer is not None}:
        number, read = int(where.removeprefix(_LAYER)), partial(activations.read_layer, where)
        if number == 0:
            _before(layers[0], read, hooks)
        else:
            _behind(layers[number - 1] if number < len(layers) else _language_model(model), read, hooks)
    for place in activations.places:
        if place.pool == "attention":
            # The layer that reads the tokens weighs them; behind the last layer, the last one.
            number = min(place.layer or 0, len(layers) - 1)
            _behind(_attention_of(layers[number], number), partial(activations.read_attention, place), hooks, take=_weights)
    if activations.at(LAST):
        _behind(_language_model(model), activations.read_last, hooks)


def _stop_behind(model: MultimodalModel, activations: Activations, hooks: ExitStack) -> None:
    """Ends the pass before the first layer that nothing is read in; all other hooks are there already, so run before."""

    def enough(_: object) -> None:
        raise _Enough

    depth = _depth(model)
    needed = [0 if place.layer is None else place.layer + (place.pool == "attention") for place in activations.places]
    first = depth if activations.at(LAST) else max(needed)
    if first < depth:
        _before(_layers(model)[first], enough, hooks)
    else:
        _behind(_language_model(model), enough, hooks)


def _before(module: nn.Module, read: Callable[[Tensor], object], hooks: ExitStack) -> None:
    """Calls `read` with the first tensor that enters the module."""

    def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        read(_first(args, kwargs))

    hooks.callback(module.register_forward_pre_hook(hook, with_kwargs=True).remove)


def _behind(
    module: nn.Module, read: Callable[[Any], object], hooks: ExitStack, *, take: Callable[[Any], Any] | None = None
) -> None:
    """Calls `read` with what the module returns: its hidden states, or what `take` finds in its output."""

    def hook(_: nn.Module, __: tuple[Any, ...], output: Any) -> None:
        read((take or _hidden)(output))

    hooks.callback(module.register_forward_hook(hook).remove)


def _first(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    return next(value for value in (*args, *kwargs.values()) if isinstance(value, Tensor))


def _real(values: Tensor, mask: Tensor | None) -> list[Tensor]:
    """Without padding, a tensor a picture, where a mask over the first dimensions says what is real.

    Idefics 2 tells its connector which patches are; Mllama fills pictures up to the same number of tiles.
    """
    if mask is None or mask.shape != values.shape[: mask.ndim]:
        return [values]
    return [one[real.to(one.device).bool()] for one, real in zip(values, mask, strict=True)]


def _tensors(given: Any) -> list[Tensor]:
    if isinstance(given, Tensor):
        return [given]
    return [value for value in (given.values() if isinstance(given, dict) else given) if isinstance(value, Tensor)]


def _hidden(given: Any) -> Tensor:
    """Hidden states: of a layer its first output, of the language model those behind the final norm."""
    return given.last_hidden_state if hasattr(given, "last_hidden_state") else _tensors(given)[0]


def _weights(given: Any) -> Tensor:
    weights = given[1] if isinstance(given, tuple) and len(given) > 1 else None
    if not isinstance(weights, Tensor):
        raise ValueError(
            "this model keeps its attention to itself: load it with attn_implementation='eager' to pool by attention"
        )
    return weights


def _attention_of(layer: nn.Module, number: int) -> nn.Module:
    names = [name for name, _ in layer.named_children() if "attn" in name or "attention" in name]
    names = [name for name in names if not any(part in name for part in ("norm", "linear", "cross"))]
    if not names:
        raise ValueError(f"layer {number} of this model has no attention: pool by mean, or name another layer")
    return layer.get_submodule(names[0])


def _layers(model: MultimodalModel) -> list[nn.Module]:
    return list(model.model.get_submodule(model.structure.layers))


def _depth(model: MultimodalModel) -> int:
    return len(_layers(model))


def _language_model(model: MultimodalModel) -> nn.Module:
    """What holds the layers and the norm behind them."""
    return model.model.get_submodule(model.structure.layers.rpartition(".")[0])


def _in_words(model: MultimodalModel) -> str:
    return f"{CONNECTOR_IN}, {CONNECTOR_OUT}, {_LAYER}0 to {_LAYER}{_depth(model)} and {LAST}"
