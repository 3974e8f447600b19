"""What can be chosen about training? Free of heavy imports, so that the command line can offer it at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

LOSS_NAMES = ("info_nce", "cosine_embedding", "nt_xent", "sup_con", "triplet", "multi_similarity", "proxy_anchor")
SOFT_LOSSES = ("info_nce", "cosine_embedding")
"""Losses that take soft labels."""
_CHOICES = {
    "loss": LOSS_NAMES,
    "soft": ("none", "votes", "similarity"),
    "sampling": ("as_is", "classes", "sets"),
    "optimiser": ("adamw", "adam", "sgd"),
    "schedule": ("onecycle", "cosine", "constant"),
    "choose_by": ("accuracy", "balanced_accuracy", "loss"),
    "precision": ("float32", "bfloat16"),
}


def _option(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class FitConfig:
    """How a projector is trained; the defaults follow TinyEmo (AdamW, OneCycle, BatchNorm, dropout 0.2).

    Raises:
        ValueError: an unknown choice, a number out of range, or two choices that exclude each other.
    """

    anchors: str = _option("sentence:minilm", "label anchors: sentence:, token:, output: or hidden:MODEL, or clip:ENCODER")
    template: str = _option(
        "an image expressing {} emotion", "phrase the label goes into, {} stands for it; several with | between them"
    )
    loss: str = _option("info_nce", "one of " + ", ".join(LOSS_NAMES))
    temperature: float = _option(0.1, "divides cosines in the loss; where it starts when it is learned")
    learn_temperature: bool = _option(False, "let training move the temperature of the loss")
    calibrate: bool = _option(True, "fit the temperature of the probabilities on the validation pictures")
    soft: str = _option("none", "soft labels: none, votes (vote columns), similarity (labels with near anchors share)")
    label_smoothing: float = _option(0.0, "share of every label spread evenly over its taxonomy")
    synonyms: float = _option(0.0, "probability that an epoch puts one of its synonyms in a label's place")
    sampling: str = _option("as_is", "as_is, classes (each equally often), sets (each data set equally often)")
    epochs: int = _option(10, "passes over the training pictures")
    batch: int = _option(64, "pictures a step")
    accumulate: int = _option(1, "batches whose gradients are added up before a step")
    optimiser: str = _option("adamw", "adamw, adam, sgd")
    schedule: str = _option("onecycle", "onecycle, cosine, constant")
    learning_rate: float = _option(5e-4, "peak of the schedule")
    weight_decay: float = _option(0.01, "weight decay")
    clip: float = _option(0.0, "largest norm of the gradient; 0 for any")
    precision: str = _option("float32", "float32, or bfloat16 for mixed precision")
    dropout: float = _option(0.2, "share of hidden units dropped in training")
    patience: int = _option(4, "stop after this many epochs without a better one")
    choose_by: str = _option("accuracy", "what the best epoch is best in, on validation: accuracy, balanced_accuracy, loss")
    validation_share: float = _option(0.125, "share of the training pictures held out to choose the epoch")
    normalise: bool = _option(True, "scale features to unit length first")
    seed: int = _option(0, "seed of split, initialisation, order and dropout")
    device: str = _option("auto", "auto, cpu, cuda, mps")

    def __post_init__(self) -> None:
        for name, legal in _CHOICES.items():
            if getattr(self, name) not in legal:
                raise ValueError(f"unknown {name} {getattr(self, name)!r}: expected one of {', '.join(legal)}")
        if self.loss not in SOFT_LOSSES and (self.soft != "none" or self.label_smoothing):
            raise ValueError(
                f"loss {self.loss!r} takes each picture's label alone: for soft labels or smoothing choose "
                f"{' or '.join(SOFT_LOSSES)}"
            )
        if self.learn_temperature and self.loss not in ("info_nce", "nt_xent", "sup_con"):
            raise ValueError(f"loss {self.loss!r} has no temperature to learn: leave learn_temperature off")
        for phrase in self.template.split("|"):
            if "{}" not in phrase:
                raise ValueError(f"template {phrase.strip()!r} has no {{}} for the label to go into")
        for name, low, high in (
            ("temperature", 1e-6, 1e6), ("epochs", 1, 1e6), ("batch", 2, 1e9), ("learning_rate", 1e-12, 1e3),
            ("weight_decay", 0, 1e3), ("dropout", 0, 0.999), ("patience", 1, 1e9), ("seed", 0, 2**63 - 1),
            ("accumulate", 1, 1e6), ("clip", 0, 1e9), ("label_smoothing", 0, 0.999), ("synonyms", 0, 1),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name)}: expected between {low:g} and {high:g}")
