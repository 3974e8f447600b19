"""The training loop: batches by index, the best epoch kept, and a state on disk from which a killed run goes on."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from affect_workbench.data.storage.progress import progress_bar
from affect_workbench.probes.config import FitConfig
from affect_workbench.probes.projector import MetricProjector
from affect_workbench.probes.training.batches import batches, epoch_order, load_into_memory
from affect_workbench.probes.training.distributed import TrainingContext, is_main, training_context
from affect_workbench.probes.training.label_sets import Prepared, Side
from affect_workbench.probes.training.losses import Extras, Loss, loss_called, other_names
from affect_workbench.probes.training.state import Checkpoint, State, fresh

SAVE_EVERY = 20.0
"""Seconds of training after which an epoch's end is written to disk."""
_VALIDATION_BATCH = 8_192
Bank = Callable[[int], Tensor]


@dataclass
class Fitted:
    """What training ends with.

    Attributes:
        projector: with the weights of the best epoch, on the CPU, in evaluation mode.
        history: one record an epoch: `loss`, `validation_accuracy`, `validation_balanced_accuracy`, `validation_loss`,
            `temperature`.
        cosines: of the validation pictures with all joint labels `(v, K)`, by the best epoch; empty without a choice.
        resumed: epochs that an earlier, killed run had already done.
    """

    projector: MetricProjector
    history: list[dict[str, float]]
    cosines: Tensor
    resumed: int = 0


def run(
    config: FitConfig,
    given: Prepared,
    bank: Bank,
    on: torch.device,
    *,
    work: Path | None = None,
    progress: bool = True,
    stop_after: int = 0,
) -> Fitted:
    """Trains a projector on `given`; the same arguments give the same weights, killed in between or not.

    Args:
        config: how.
        given: the two sides.
        bank: label anchors `(K, m)` of an epoch (synonyms are drawn anew for each).
        on: the device.
        work: folder for the state of a long run; None to keep none. A state of another run there is refused.
        progress: show a bar on standard error.
        stop_after: train for so many epochs of the schedule and take the last, with nothing measured on validation
            pictures; 0 to choose the epoch by them.

    Raises:
        ValueError: the state in `work` is of other pictures or settings.
    """
    context = training_context(config.device)
    on = context.device(on)
    with torch.random.fork_rng(devices=[on] if on.type == "cuda" else []):
        torch.manual_seed(config.seed)
        state = fresh(config, given, on)
        checkpoint = None if work is None else Checkpoint(work, _asked_for(config, given, stop_after))
        if checkpoint is not None:
            checkpoint.resume(state, on)
        trainer = _Trainer(
            config,
            given,
            on,
            context,
            given.bank.to(on),
            _known(given, on),
            load_into_memory(given.train.pictures, on),
            None if stop_after else load_into_memory(given.val.pictures, on),
        )
        return _fitted(trainer, state, bank, checkpoint, progress=progress and is_main(), stop_after=stop_after)


@dataclass(frozen=True)
class _Trainer:
    """What stays the same in every epoch of one training.

    Attributes:
        config: how.
        given: the two sides.
        on: the device.
        context: the processes that share the work.
        bank: label anchors `(K, m)` by which validation pictures are read, on the device.
        known: what the taxonomies say of each other's labels.
        train: features of the training pictures, on the device; None where they are read as they are needed.
        val: those of the validation pictures, likewise; None too where nothing is measured on them.
    """

    config: FitConfig
    given: Prepared
    on: torch.device
    context: TrainingContext
    bank: Tensor
    known: Extras
    train: Tensor | None
    val: Tensor | None

    def epoch(self, state: State, bank: Tensor, number: int) -> float:
        """Mean loss of one pass over the training pictures, with the label anchors `(K, m)` of this epoch."""
        config, side, context = self.config, self.given.train, self.context
        # Dropout too depends on the epoch alone, so that a killed run can go on.
        own = [config.seed, number + 1] + ([context.number] if context.size > 1 else [])
        torch.manual_seed(int(np.random.SeedSequence(own).generate_state(1, np.uint64)[0]))
        bank = bank.to(self.on)
        state.projector.train()
        loss, total = _loss(config), torch.zeros((), device=self.on)
        y = torch.from_numpy(side.y).to(self.on)
        order = epoch_order(side.y, side.sets, config.sampling, seed=config.seed, epoch=number)
        waiting = 0
        state.optimiser.zero_grad(set_to_none=True)
        for at, values in batches(side.pictures, self.train, order, config.batch, self.on):
            pictures = len(at)
            at, values, weight = context.part(at, values)
            with _precision(config, self.on):
                z = state.projector(values)
            value = loss(z.float(), bank, y[at], self._extras(state, side, at)) * weight
            (value / config.accumulate).backward()
            total += value.detach() * pictures
            waiting += 1
            if waiting == config.accumulate:
                self._step(state)
                waiting = 0
        if waiting:
            self._step(state)
        context.mean_buffers(state.projector)
        return context.total(total).item() / len(order)

    def _step(self, state: State) -> None:
        parameters = [parameter for group in state.optimiser.param_groups for parameter in group["params"]]
        self.context.add_gradients(parameters)
        if self.config.clip:
            nn.utils.clip_grad_norm_(parameters, self.config.clip)
        state.optimiser.step()
        state.optimiser.zero_grad(set_to_none=True)
        if state.schedule.last_epoch < getattr(state.schedule, "total_steps", math.inf) - 1:
            state.schedule.step()

    def _extras(self, state: State, side: Side, at: Tensor) -> Extras:
        learned = self.config.learn_temperature
        temperature: float | Tensor = state.log_temperature.exp() if learned else self.config.temperature
        soft = side.soft[at.cpu()].to(at.device) if side.soft is not None else None
        return replace(self.known, temperature=temperature, soft=soft)

    @torch.inference_mode()
    def figures(self, state: State) -> dict[str, float]:
        """Accuracy (mean over the sets, each read against its own labels), balanced accuracy and loss on validation."""
        side, loss = self.given.val, _loss(self.config)
        y = torch.from_numpy(side.y)
        cosines, losses = self.cosines(state.projector), []
        hit = own_predictions(cosines.cpu(), self.given).eq(y).double().numpy()
        for at, values in self._validation():
            extras = self._extras(state, side, at)
            losses.append(loss(state.projector(values), self.bank, y.to(self.on)[at], extras).item() * len(at))
        of_class = np.bincount(side.y, weights=hit) / np.maximum(np.bincount(side.y), 1)
        of_set = np.bincount(side.sets, weights=hit) / np.bincount(side.sets)
        return {
            "validation_accuracy": float(of_set.mean()),
            "validation_balanced_accuracy": float(of_class[np.unique(side.y)].mean()),
            "validation_loss": sum(losses) / len(y),
        }

    @torch.inference_mode()
    def cosines(self, projector: MetricProjector) -> Tensor:
        """Of the validation pictures with all joint labels `(v, K)`."""
        projector.eval()
        return torch.cat([projector(values) @ self.bank.T for _, values in self._validation()])

    def _validation(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The validation pictures in order."""
        side = self.given.val
        return batches(side.pictures, self.val, np.arange(len(side.y)), _VALIDATION_BATCH, self.on)


def _fitted(
    trainer: _Trainer, state: State, bank: Bank, checkpoint: Checkpoint | None, *, progress: bool, stop_after: int
) -> Fitted:
    config, context = trainer.config, trainer.context
    resumed, saved = len(state.history), time.perf_counter()
    epochs = stop_after or config.epochs
    with progress_bar(total=epochs, initial=resumed, desc="training", unit="epoch", progress=progress) as bar:
        while len(state.history) < epochs and (stop_after or not _tired(state.history, config)):
            epoch = len(state.history)
            loss = trainer.epoch(state, bank(epoch), epoch)
            figures = {} if stop_after else context.from_main(trainer.figures(state))
            state.history.append({"loss": loss, **figures, "temperature": math.exp(state.log_temperature.item())})
            bar.update()
            if figures:
                bar.set_postfix(validation_accuracy=f"{figures['validation_accuracy']:.3f}")
            if stop_after or best_epoch(state.history, config.choose_by) == epoch:
                state.best = {name: tensor.detach().clone() for name, tensor in state.projector.state_dict().items()}
            if checkpoint is not None and is_main() and time.perf_counter() - saved >= SAVE_EVERY:
                checkpoint.save(state)
                saved = time.perf_counter()
    context.wait()
    state.projector.load_state_dict(state.best)
    cosines = torch.empty(0, 0) if stop_after else trainer.cosines(state.projector)
    return Fitted(state.projector.cpu().eval(), state.history, cosines.cpu(), resumed)


def best_epoch(history: list[dict[str, float]], choose_by: str) -> int:
    """Position of the best epoch; a tie goes to the lower validation loss, then to the earlier."""

    def rank(epoch: int) -> tuple[float, float]:
        figures = history[epoch]
        return (0.0 if choose_by == "loss" else figures[f"validation_{choose_by}"]), -figures["validation_loss"]

    return max(range(len(history)), key=rank)


def _tired(history: list[dict[str, float]], config: FitConfig) -> bool:
    """Whether `patience` epochs brought nothing better (a lower loss at the same accuracy does not count as better)."""
    if config.choose_by == "loss":
        values = [-epoch["validation_loss"] for epoch in history]
    else:
        values = [epoch[f"validation_{config.choose_by}"] for epoch in history]
    return bool(values) and len(values) - 1 - int(np.argmax(values)) >= config.patience


def _known(given: Prepared, on: torch.device) -> Extras:
    """What the taxonomies say of each other's labels; nothing where there is one only."""
    if len(given.labels.taxonomies) == 1:
        return Extras()
    labels = given.labels
    arrays = {"not_negative": labels.not_negative, "equivalent": labels.equivalent_labels, "blocks": labels.blocks}
    return Extras(**{name: torch.from_numpy(array.copy()).to(on) for name, array in arrays.items()})


def _loss(config: FitConfig) -> Loss:
    """The chosen loss, and with several taxonomies the reading of each picture by the others' labels."""
    own = loss_called(config.loss)

    def both(z: Tensor, bank: Tensor, y: Tensor, extras: Extras) -> Tensor:
        value = own(z, bank, y, extras)
        return value if extras.blocks is None or not config.twins else value + config.twins * other_names(z, bank, y, extras)

    return both


def _precision(config: FitConfig, on: torch.device) -> Any:
    return nullcontext() if config.precision == "float32" else torch.autocast(on.type, torch.bfloat16)


def own_predictions(cosines: Tensor, given: Prepared) -> Tensor:
    """Joint positions `(v,)` of the nearest label among those of each validation picture's own set."""
    own = given.own[torch.from_numpy(given.val.sets)]
    return cosines.masked_fill(~own, -math.inf).argmax(dim=1)


def _asked_for(config: FitConfig, given: Prepared, stop_after: int) -> str:
    """Sixteen hex digits of the settings, the labels and a sample of the pictures."""
    record = asdict(config) | {"device": ""} | ({"stop_after": stop_after} if stop_after else {})
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode())
    for side in (given.train, given.val):
        digest.update(side.y.tobytes())
        sample = np.linspace(0, len(side.y) - 1, min(64, len(side.y))).astype(np.int64)
        digest.update(side.pictures.take(sample).numpy().tobytes())
    digest.update(given.bank.numpy().tobytes())
    return digest.hexdigest()[:16]
