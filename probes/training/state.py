"""What does the next epoch depend on, and how does it come back after a kill?"""

from __future__ import annotations

import math
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
