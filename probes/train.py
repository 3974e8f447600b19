"""How is a projector fitted? Seeded, with a validation split of its own; the best epoch is kept."""

from __future__ import annotations

import time
from dataclasses import asdict

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from data.features import FeatureSet
from data.splits import stratified_holdout
from data.taxonomy import Taxonomy
from probes.anchors import LabelAnchors, anchors_from
from probes.config import FitConfig
from probes.losses import LOSSES
from probes.projector import MetricProjector, Probe, as_input, mean_direction
from probes.runtime import device, one_thread, seed_everything


def fit(
    config: FitConfig,
    train: FeatureSet,
    val: FeatureSet | None = None,
    *,
    taxonomy: Taxonomy | None = None,
    anchors: LabelAnchors | None = None,
    progress: bool = True,
) -> Probe:
    """A probe trained on `train`, with the weights of the epoch that had the best validation accuracy.

    A tie between epochs goes to the lower validation loss. Pictures without a label are left out and counted in
    `probe.config["unlabelled"]`.

    Args:
        config: how to train.
        train: features whose rows have a `label`.
        val: pictures to choose the epoch by; without it a seeded, stratified share of `train` is held out.
        taxonomy: the labels; without it they are the ones in `train`.
        anchors: ready label anchors (they must be of the taxonomy); without them `config.anchors` is loaded.
        progress: show a progress bar on standard error.

    Raises:
        ValueError: no labels, fewer than two classes, or features of two encoders.
    """
    if "label" not in train.rows:
        raise ValueError("cannot train: the features have no 'label' column")
    taxonomy = taxonomy or Taxonomy.from_labels(sorted(train.rows["label"].dropna().unique()))
    rng = seed_everything(config.seed)
    codes = taxonomy.codes(train.rows["label"])
    labelled = np.flatnonzero(codes >= 0)
    if len(np.unique(codes[labelled])) < 2:
        raise ValueError(f"cannot train on {len(np.unique(codes[labelled]))} class(es): at least two are needed")
    anchors = anchors or anchors_from(config.anchors, taxonomy, template=config.template)
    if anchors.labels != taxonomy.labels:
        raise ValueError(f"anchors are for {anchors.labels}, the taxonomy has {taxonomy.labels}")
    on = device(config.device)
    if val is None:
        held = stratified_holdout(codes[labelled], config.validation_share, seed=config.seed)
        train_at, val_at = labelled[~held], labelled[held]
        chosen_by = (as_input(train.values[val_at], normalise=config.normalise), torch.from_numpy(codes[val_at]))
        seen = _names(train.rows.iloc[labelled])
    else:
        if val.spec.fingerprint() != train.spec.fingerprint():
            raise ValueError(f"validation features are of {val.spec.in_words()}, training ones of {train.spec.in_words()}")
        val_codes = taxonomy.codes(val.rows["label"]) if "label" in val.rows else np.full(len(val), -1)
        train_at, val_at = labelled, np.flatnonzero(val_codes >= 0)
        if not len(val_at):
            raise ValueError("the validation features have no label, so no epoch can be chosen by them")
        chosen_by = (as_input(val.values[val_at], normalise=config.normalise), torch.from_numpy(val_codes[val_at]))
        seen = _names(train.rows.iloc[labelled]) | _names(val.rows)
    x = as_input(train.values[train_at], normalise=config.normalise).to(on)
    y = torch.from_numpy(codes[train_at]).to(on)
    bank = torch.from_numpy(anchors.vectors).to(on)

    started = time.perf_counter()
    projector = MetricProjector(train.spec.width, bank.shape[1], dropout=config.dropout).to(on)
    with one_thread(config.batch * train.spec.width * bank.shape[1]):
        state, history = _train(
            config, projector, (x, y), (chosen_by[0].to(on), chosen_by[1].to(on)), bank, rng, progress=progress
        )
    projector.load_state_dict(state)
    record = asdict(config) | {
        "history": history,
        "best_epoch": max(range(len(history)), key=lambda epoch: _rank(history[epoch])) + 1,
        "training_seconds": round(time.perf_counter() - started, 3),
        "pictures": len(train_at),
        "validation_pictures": len(val_at),
        "unlabelled": int((codes < 0).sum()),
    }
    return Probe(
        projector.cpu(), anchors, taxonomy, train.spec, mean_direction(train.values[train_at]),
        config.temperature, config.normalise, seen, config=record,
    )  # fmt: skip


def _names(rows: pd.DataFrame) -> frozenset[str]:
    """Ids of the pictures, and the hashes of their bytes where known: a copy under another id is the same picture."""
    contents = rows["content"].dropna().astype(str) if "content" in rows else ()
    return frozenset(rows["image_id"]) | frozenset(contents)


def _rank(epoch: dict[str, float]) -> tuple[float, float]:
    return epoch["validation_accuracy"], -epoch["validation_loss"]


def _train(
    config: FitConfig,
    projector: MetricProjector,
    train: tuple[Tensor, Tensor],
    val: tuple[Tensor, Tensor],
    bank: Tensor,
    rng: torch.Generator,
    *,
    progress: bool,
) -> tuple[dict[str, Tensor], list[dict[str, float]]]:
    """Weights of the best epoch and one record an epoch."""
    (x, y), loss = train, LOSSES[config.loss]
    optimiser = torch.optim.AdamW(projector.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    steps = len(_batches(len(y), config.batch, rng=torch.Generator()))
    # OneCycle divides by the lengths of its two phases: very small sets still get a few steps in each.
    total = max(config.epochs * steps, 5)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=total, pct_start=max(0.1, 2 / total)
    )
    best: dict[str, Tensor] = {}
    history: list[dict[str, float]] = []
    with tqdm(range(config.epochs), desc="training", unit="epoch", leave=False, disable=not progress) as bar:
        for _ in bar:
            projector.train()
            loss_sum = 0.0
            for at in _batches(len(y), config.batch, rng=rng):
                optimiser.zero_grad(set_to_none=True)
                value = loss(projector(x[at]), bank, y[at], temperature=config.temperature)
                value.backward()
                optimiser.step()
                schedule.step()
                loss_sum += value.item() * len(at)
            accuracy, val_loss = _validate(projector, val, bank, config)
            history.append({"loss": loss_sum / len(y), "validation_accuracy": accuracy, "validation_loss": val_loss})
            bar.set_postfix(validation_accuracy=f"{accuracy:.3f}")
            if len(history) == 1 or _rank(history[-1]) > max(map(_rank, history[:-1])):
                best = {name: tensor.detach().clone() for name, tensor in projector.state_dict().items()}
            accuracies = [epoch["validation_accuracy"] for epoch in history]
            if len(history) - 1 - int(np.argmax(accuracies)) >= config.patience:
                break
    return best, history


def _batches(n: int, size: int, *, rng: torch.Generator) -> list[Tensor]:
    """A fresh order cut into batches; a last batch of one picture joins its neighbour (BatchNorm needs two)."""
    batches = list(torch.randperm(n, generator=rng).split(size))
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches


@torch.inference_mode()
def _validate(
    projector: MetricProjector, val: tuple[Tensor, Tensor], bank: Tensor, config: FitConfig
) -> tuple[float, float]:
    projector.eval()
    z = projector(val[0])
    accuracy = (z @ bank.T).argmax(dim=1).eq(val[1]).double().mean().item()
    return accuracy, LOSSES[config.loss](z, bank, val[1], temperature=config.temperature).item()
