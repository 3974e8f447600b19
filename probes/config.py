"""What can be chosen about training? Free of heavy imports, so that the command line can offer it at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

LOSS_NAMES = ("info_nce", "cosine_embedding", "nt_xent", "sup_con")


def _option(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class FitConfig:
    """How a projector is trained; the defaults follow TinyEmo (AdamW, OneCycle, BatchNorm, dropout 0.2).

    Raises:
        ValueError: an unknown loss, or a number out of range (which, and what is legal).
    """

    anchors: str = _option("sentence:minilm", "label anchors: sentence:MODEL or token:MODEL (folder, hub name, or minilm)")
    template: str = _option("an image expressing {} emotion", "phrase the label goes into, {} stands for it")
    loss: str = _option("info_nce", "one of " + ", ".join(LOSS_NAMES))
    temperature: float = _option(0.1, "divides cosines in the loss and in the probabilities")
    epochs: int = _option(10, "passes over the training pictures")
    batch: int = _option(64, "pictures a step")
    learning_rate: float = _option(5e-4, "peak of the OneCycle schedule")
    weight_decay: float = _option(0.01, "AdamW's weight decay")
    dropout: float = _option(0.2, "share of hidden units dropped in training")
    patience: int = _option(4, "stop after this many epochs without a better validation accuracy")
    validation_share: float = _option(0.125, "share of the training pictures held out to choose the epoch")
    normalise: bool = _option(True, "scale features to unit length first")
    seed: int = _option(0, "seed of split, initialisation, order and dropout")
    device: str = _option("auto", "auto, cpu, cuda, mps")

    def __post_init__(self) -> None:
        if self.loss not in LOSS_NAMES:
            raise ValueError(f"unknown loss {self.loss!r}: expected one of {', '.join(LOSS_NAMES)}")
        for name, low, high in (
            ("temperature", 1e-6, 1e6), ("epochs", 1, 1e6), ("batch", 2, 1e9), ("learning_rate", 1e-12, 1e3),
            ("weight_decay", 0, 1e3), ("dropout", 0, 0.999), ("patience", 1, 1e9), ("seed", 0, 2**63 - 1),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name)}: expected between {low:g} and {high:g}")
