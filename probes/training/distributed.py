"""How do several processes, one a device, train one projector?

Each takes its part of every batch, gradients are added up so that a step is that of the whole batch, and all processes hold
the same weights. Start them with `accelerate launch -m affect_workbench train ...` (https://huggingface.co/docs/accelerate).

Losses that compare pictures of a batch with each other (nt_xent, sup_con) see only those of their own process, and so does
BatchNorm while it trains; its running statistics are averaged after every epoch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from affect_workbench.probes.runtime import declare_torchvision_operators


def processes() -> int:
    """How many processes were started together."""
    return int(os.environ.get("WORLD_SIZE", "1") or 1)


def is_main() -> bool:
    """Whether this process is the one that speaks and writes."""
    return int(os.environ.get("RANK", "0") or 0) == 0


class TrainingContext:
    """One process, alone: every part is the whole."""

    size = 1
    number = 0

    def device(self, chosen: torch.device) -> torch.device:
        """Where this process works."""
        return chosen

    def part(self, at: Tensor, values: Tensor) -> tuple[Tensor, Tensor, float]:
        """This process's pictures of a batch, and the weight of their mean in that of the batch."""
        return at, values, 1.0

    def add_gradients(self, parameters: Sequence[nn.Parameter | Tensor]) -> None:
        """Gradients become their sum over all processes."""

    def mean_buffers(self, module: nn.Module) -> None:
        """Running statistics become their mean over all processes."""

    def total(self, value: Tensor) -> Tensor:
        """The sum over all processes."""
        return value

    def from_main(self, value: Any) -> Any:
        """What the main process has, on all."""
        return value

    def wait(self) -> None:
        """Until all are here."""


class DistributedContext(TrainingContext):
    """One of several processes."""

    def __init__(self, *, on_cpu: bool) -> None:
        declare_torchvision_operators()
        from accelerate import Accelerator

        self._accelerator = Accelerator(cpu=on_cpu)
        self.size = self._accelerator.num_processes
        self.number = self._accelerator.process_index

    def device(self, chosen: torch.device) -> torch.device:
        """The device of this process."""
        del chosen
        return self._accelerator.device

    def part(self, at: Tensor, values: Tensor) -> tuple[Tensor, Tensor, float]:
        """Every `size`-th picture; a batch too small for BatchNorm to be cut is taken whole by all."""
        if len(at) < 2 * self.size:
            return at, values, 1 / self.size
        own = slice(self.number, None, self.size)
        return at[own], values[own], len(at[own]) / len(at)

    def add_gradients(self, parameters: Sequence[nn.Parameter | Tensor]) -> None:
        """Sums them in one message."""
        gradients = [one.grad for one in parameters if one.grad is not None]
        summed = self._accelerator.reduce(torch.cat([one.flatten() for one in gradients]), reduction="sum")
        for one, new in zip(gradients, summed.split([one.numel() for one in gradients]), strict=True):
            one.copy_(new.view_as(one))

    def mean_buffers(self, module: nn.Module) -> None:
        """Averages what is a float; counts are the same everywhere."""
        for buffer in module.buffers():
            if buffer.is_floating_point():
                buffer.copy_(self._accelerator.reduce(buffer.clone(), reduction="mean"))

    def total(self, value: Tensor) -> Tensor:
        """The sum over all processes."""
        summed: Tensor = self._accelerator.reduce(value.clone(), reduction="sum")
        return summed

    def from_main(self, value: Any) -> Any:
        """Sends the main process's value to all."""
        from accelerate.utils import broadcast_object_list

        box = [value]
        broadcast_object_list(box)
        return box[0]

    def wait(self) -> None:
        """Until all are here."""
        self._accelerator.wait_for_everyone()


def training_context(device_name: str) -> TrainingContext:
    """The processes that were started together; alone unless a launcher set `WORLD_SIZE`.

    Raises:
        ValueError: there are several processes and accelerate is not installed.
    """
    if processes() == 1:
        return TrainingContext()
    try:
        return DistributedContext(on_cpu=device_name == "cpu" or not torch.cuda.is_available())
    except ImportError as error:
        raise ValueError(
            "training with several processes needs accelerate: pip install 'affect-workbench[devices]'"
        ) from error
