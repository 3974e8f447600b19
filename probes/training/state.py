"""What does the next epoch depend on, and how does it come back after a kill?"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from affect_workbench.probes.config import FitConfig
from affect_workbench.probes.projector import MetricProjector
from affect_workbench.probes.training.label_sets import Prepared


@dataclass
class State:
    """All that the next epoch depends on."""

    projector: MetricProjector
    log_temperature: Tensor
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)

    def as_record(self, asked: str) -> dict[str, Any]:
        """What is written to disk; `asked` names the run that it belongs to."""
        return {
            "asked": asked,
            "projector": self.projector.state_dict(),
            "log_temperature": self.log_temperature.detach(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "history": self.history,
            "best": self.best,
        }

    def take_over(self, record: dict[str, Any], file: Path) -> None:
        """Goes on from what `as_record` returned and `file` held.

        Raises:
            ValueError: it is not whole.
        """
        try:
            self.projector.load_state_dict(record["projector"])
            with torch.no_grad():
                self.log_temperature.copy_(record["log_temperature"])
            self.optimiser.load_state_dict(record["optimiser"])
            self.schedule.load_state_dict(record["schedule"])
            self.history, self.best = list(record["history"]), dict(record["best"])
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            reason = " ".join(str(error).split())[:160]
            raise ValueError(f"{file} is damaged ({reason}): remove it, and training begins anew") from error


@dataclass(frozen=True)
class Checkpoint:
    """The state on disk of one training.

    Attributes:
        folder: where it is kept.
        asked: names the run that it belongs to.
    """

    folder: Path
    asked: str

    @property
    def file(self) -> Path:
        """The file of the state."""
        return self.folder / "state.pt"

    def save(self, state: State) -> None:
        """Writes the state; it appears whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.file.with_suffix(".partial")
        torch.save(state.as_record(self.asked), partial)
        os.replace(partial, self.file)

    def resume(self, state: State, on: torch.device) -> None:
        """The state becomes the saved one, where there is one.

        Raises:
            ValueError: it is of another run, or damaged.
        """
        if not self.file.is_file():
            return
        record = _saved_state(self.file, on)
        if record["asked"] != self.asked:
            raise ValueError(f"{self.file} is of other pictures or settings: remove {self.folder}, or choose another output")
        state.take_over(record, self.file)


def _saved_state(file: Path, on: torch.device) -> dict[str, Any]:
    try:
        record = torch.load(file, map_location=on, weights_only=True)
    except Exception as error:  # torch raises RuntimeError, EOFError, UnpicklingError, KeyError, ... by kind of damage
        raise ValueError(
            f"{file} is not a readable training state (truncated?): remove it, and training begins anew"
        ) from error
    if not isinstance(record, dict) or "asked" not in record:
        raise ValueError(f"{file} is not a training state: remove it, and training begins anew")
    return record


def fresh(config: FitConfig, given: Prepared, on: torch.device) -> State:
    """The state before the first epoch: new weights, and an optimiser and a schedule for all epochs."""
    projector = MetricProjector(given.train.pictures.width, given.bank.shape[1], dropout=config.dropout).to(on)
    log_temperature = torch.tensor(math.log(config.temperature), device=on, requires_grad=config.learn_temperature)
    groups: list[dict[str, Any]] = [{"params": list(projector.parameters()), "weight_decay": config.weight_decay}]
    if config.learn_temperature:
        groups.append({"params": [log_temperature], "weight_decay": 0.0})
    optimiser = {
        "adamw": lambda: torch.optim.AdamW(groups, lr=config.learning_rate, fused=True),
        "adam": lambda: torch.optim.Adam(groups, lr=config.learning_rate, fused=True),
        "sgd": lambda: torch.optim.SGD(groups, lr=config.learning_rate, momentum=0.9),
    }[config.optimiser]()
    batches_an_epoch = max(math.ceil(len(given.train.y) / config.batch), 1)
    # OneCycle divides by the lengths of its two phases: very small sets still get a few steps in each.
    total = max(config.epochs * math.ceil(batches_an_epoch / config.accumulate), 5)
    scheduler = torch.optim.lr_scheduler
    schedule: torch.optim.lr_scheduler.LRScheduler = {
        "onecycle": lambda: scheduler.OneCycleLR(
            optimiser, config.learning_rate, total_steps=total, pct_start=max(0.1, 2 / total)
        ),
        "cosine": lambda: scheduler.CosineAnnealingLR(optimiser, total),
        "constant": lambda: scheduler.LambdaLR(optimiser, lambda _: 1.0),
    }[config.schedule]()
    return State(projector, log_temperature, optimiser, schedule)
