"""What can be chosen about training? Free of heavy imports, so that the command line can offer it at once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

LOSS_NAMES = ("info_nce", "cosine_embedding", "nt_xent", "sup_con", "triplet", "multi_similarity", "proxy_anchor")
SOFT_LOSSES = ("info_nce", "cosine_embedding")
"""Losses that take soft labels."""
TEMPERATURE_LOSSES = ("info_nce", "nt_xent", "sup_con")
"""Losses that divide cosines by a temperature."""
_CHOICES = {
    "soft": ("none", "votes", "similarity"),
    "sampling": ("as_is", "classes", "sets"),
    "optimiser": ("adamw", "adam", "sgd"),
    "schedule": ("onecycle", "cosine", "constant"),
    "choose_by": ("accuracy", "balanced_accuracy", "loss"),
    "precision": ("float32", "bfloat16"),
}


def loss_parts(text: str) -> tuple[tuple[float, str], ...]:
    """The weighted parts of a loss: `info_nce`, or several with + between them, `info_nce + 0.5 cosine_embedding`.

    Raises:
        ValueError: a part that is no known loss, comes twice, or has a weight that is not above 0.
    """
    parts: list[tuple[float, str]] = []
    for piece in text.split("+"):
        weight, name = re.fullmatch(r"\s*(?:([0-9][^\s*]*)\s*\*?)?\s*(.*?)\s*", piece).groups()  # type: ignore[union-attr]
        try:
            factor = 1.0 if weight is None else float(weight)
        except ValueError:
            factor = 0.0
        if name not in LOSS_NAMES:
            raise ValueError(
                f"unknown loss {name or text!r}: expected one of {', '.join(LOSS_NAMES)}, or several with weights, e.g. "
                "'info_nce + 0.5 cosine_embedding'"
            )
        if not 0 < factor < float("inf"):
            raise ValueError(f"loss {name!r} has weight {weight}: expected a number above 0")
        if name in {known for _, known in parts}:
            raise ValueError(f"loss {name!r} comes twice in {text!r}: give it once, with its weight")
        parts.append((factor, name))
    return tuple(parts)


def _option(default: Any, text: str, **more: str) -> Any:
    return field(default=default, metadata={"help": text, **more})


@dataclass(frozen=True)
class FitConfig:
    """How a projector is trained; the defaults follow TinyEmo (AdamW, OneCycle, BatchNorm, dropout 0.2).

    Raises:
        ValueError: an unknown choice, a number out of range, or two choices that exclude each other.
    """

    anchors: str = _option("sentence:minilm", "label anchors: sentence:, token:, output: or hidden:MODEL, or clip:ENCODER")
    template: str = _option("an image expressing {} emotion", "prompt phrase with {} for the label; several separated by |")
    loss: str = _option(
        "info_nce", f"one of {', '.join(LOSS_NAMES)}, or a sum with weights: 'info_nce + 0.5 cosine_embedding'"
    )
    temperature: float = _option(0.1, "temperature of the loss; its initial value if it is learned")
    learn_temperature: bool = _option(False, "learn the temperature of the loss")
    calibrate: bool = _option(True, "fit the temperature of the probabilities on the validation pictures")
    soft: str = _option("none", "soft labels: none, votes (vote columns), similarity (of label anchors)")
    label_smoothing: float = _option(0.0, "share of every label spread evenly over its taxonomy")
    synonyms: float = _option(0.0, "probability that an epoch replaces a label by one of its synonyms")
    twins: float = _option(
        1.0,
        "with several taxonomies: weight of training on equivalent labels of the others too (rage as anger); 0 to disable",
        flag="equivalent_labels",
        was="twins",
    )
    sampling: str = _option("as_is", "as_is, classes (each equally often), sets (each data set equally often)")
    epochs: int = _option(10, "passes over the training pictures")
    batch: int = _option(64, "pictures per step")
    accumulate: int = _option(1, "batches whose gradients are accumulated before a step")
    optimiser: str = _option("adamw", "adamw, adam, sgd")
    schedule: str = _option("onecycle", "onecycle, cosine, constant")
    learning_rate: float = _option(5e-4, "peak of the schedule")
    weight_decay: float = _option(0.01, "weight decay")
    clip: float = _option(0.0, "maximum norm of the gradient; 0: no limit")
    precision: str = _option("float32", "float32, or bfloat16 for mixed precision")
    dropout: float = _option(0.2, "share of hidden units dropped in training")
    patience: int = _option(4, "stop after this many epochs without improvement")
    choose_by: str = _option("accuracy", "validation measure that chooses the epoch: accuracy, balanced_accuracy, loss")
    validation_share: float = _option(0.125, "share of the training pictures held out to choose the epoch")
    normalise: bool = _option(True, "scale features to unit length first")
    seed: int = _option(0, "random seed of split, initialisation, order and dropout")
    device: str = _option("auto", "auto, cpu, cuda, mps")

    def __post_init__(self) -> None:
        for name, legal in _CHOICES.items():
            if getattr(self, name) not in legal:
                raise ValueError(f"unknown {name} {getattr(self, name)!r}: expected one of {', '.join(legal)}")
        losses = {name for _, name in loss_parts(self.loss)}
        if not self.takes_soft_labels and (self.soft != "none" or self.label_smoothing):
            raise ValueError(
                f"loss {self.loss!r} takes each picture's label alone: for soft labels or smoothing choose "
                f"{' or '.join(SOFT_LOSSES)}"
            )
        if self.learn_temperature and not losses & set(TEMPERATURE_LOSSES):
            raise ValueError(f"loss {self.loss!r} has no temperature to learn: leave learn_temperature off")
        for phrase in self.template.split("|"):
            if "{}" not in phrase:
                raise ValueError(
                    f"template {phrase.strip()!r} has no {{}} for the label to go into: write e.g. 'a {{}} scene'"
                )
        for name, low, high in (
            ("temperature", 1e-6, 1e6),
            ("epochs", 1, 1e6),
            ("batch", 2, 1e9),
            ("learning_rate", 1e-12, 1e3),
            ("weight_decay", 0, 1e3),
            ("dropout", 0, 0.999),
            ("patience", 1, 1e9),
            ("seed", 0, 2**63 - 1),
            ("accumulate", 1, 1e6),
            ("clip", 0, 1e9),
            ("label_smoothing", 0, 0.999),
            ("synonyms", 0, 1),
            ("twins", 0, 1e6),
        ):
            if not low <= getattr(self, name) <= high:
                shown = type(self).__dataclass_fields__[name].metadata.get("flag", name)
                raise ValueError(f"{shown} is {getattr(self, name)}: expected between {low:g} and {high:g}")

    @property
    def takes_soft_labels(self) -> bool:
        """Whether every part of the loss can share a picture out over labels."""
        return all(name in SOFT_LOSSES for _, name in loss_parts(self.loss))
