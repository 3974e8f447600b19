"""How is a projector fitted? Seeded, on one set or several, with validation pictures that choose the epoch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from affect_workbench.data.features import FeatureSet
from affect_workbench.data.plurals import plural
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.anchors.anchors import LabelAnchors, anchors_from
from affect_workbench.probes.config import FitConfig, loss_parts
from affect_workbench.probes.projector import Probe
from affect_workbench.probes.runtime import device, one_thread
from affect_workbench.probes.training.label_sets import LabelSet, Prepared, prepare
from affect_workbench.probes.training.loop import Bank, Fitted, best_epoch, run


def fit(
    config: FitConfig,
    train: FeatureSet,
    val: FeatureSet | None = None,
    *,
    taxonomy: Taxonomy | None = None,
    anchors: LabelAnchors | None = None,
    work: Path | None = None,
    progress: bool = True,
) -> Probe:
    """A probe trained on `train`, with the weights of the epoch that was best on validation.

    A tie between epochs goes to the lower validation loss. Pictures without a label are left out and counted in
    `probe.config["unlabelled"]`.

    Args:
        config: how to train.
        train: features whose rows have a `label`.
        val: pictures to choose the epoch by; without it a seeded, stratified share of `train` is held out.
        taxonomy: the labels; without it they are the ones in `train`.
        anchors: ready label anchors (they must be of the taxonomy); without them `config.anchors` is loaded.
        work: folder for the state of a long run, so that a killed one can go on; None to keep none.
        progress: show a progress bar on standard error.

    Raises:
        ValueError: no labels, fewer than two classes, or features of two encoders.
    """
    if "label" not in train.rows:
        raise ValueError("cannot train: the features have no 'label' column")
    taxonomy = taxonomy or Taxonomy.from_labels(sorted(train.rows["label"].dropna().unique()))
    codes = taxonomy.codes(train.rows["label"])
    classes = len(np.unique(codes[codes >= 0]))
    if classes < 2:
        raise ValueError(f"cannot train on {plural(classes, 'class', 'classes')}: at least two are needed")
    anchors = anchors or anchors_from(config.anchors, taxonomy, template=config.template)
    return fit_joint(config, [LabelSet(train, taxonomy, anchors, val)], work=work, progress=progress)[0]


def fit_joint(
    config: FitConfig, sets: Sequence[LabelSet], *, work: Path | None = None, progress: bool = True
) -> tuple[Probe, ...]:
    """One projector trained on several sets together, as one probe a set: the same weights, each with the set's own labels.

    All labels of all taxonomies are one bank, in which labels that may be one feeling are never pushed apart (see
    `data.taxonomies.joint`).

    Args:
        config: how to train; `sampling` says how often each set and class is seen.
        sets: labelled pictures, each set with its taxonomy.
        work: see `fit`.
        progress: see `fit`.

    Raises:
        ValueError: see `probes.training.label_sets`; `proxy_anchor` over several taxonomies, of which it cannot spare the
            twins.
    """
    given = prepare(sets, config)
    if any(name == "proxy_anchor" for _, name in loss_parts(config.loss)) and len(given.labels.taxonomies) > 1:
        raise ValueError(
            "loss 'proxy_anchor' pushes every other label away, also twins such as rage and anger: choose another to train "
            "on several taxonomies"
        )
    on = device(config.device)
    started = time.perf_counter()
    width = given.bank.shape[1]
    with one_thread(config.batch * given.train.pictures.width * width):
        fitted = run(config, given, _bank(config, sets, given), on, work=work, progress=progress)
    best = best_epoch(fitted.history, config.choose_by)
    record = asdict(config) | {
        "history": fitted.history,
        "best_epoch": best + 1,
        "training_seconds": round(time.perf_counter() - started, 3),
        "pictures": len(given.train.y),
        "validation_pictures": len(given.val.y),
        "unlabelled": given.unlabelled,
        "resumed_epochs": fitted.resumed,
        "taxonomies": [one.taxonomy.name for one in sets],
    }
    centre = given.train.pictures.mean_direction()
    loss_temperature = fitted.history[best]["temperature"]
    return tuple(
        Probe(
            fitted.projector,
            one.anchors,
            one.taxonomy,
            one.features.spec,
            centre,
            _temperature(fitted, given, number) if config.calibrate else loss_temperature,
            config.normalise,
            given.seen,
            config=record | _none_threshold(fitted, given, number),
        )
        for number, one in enumerate(sets)
    )


def refit(
    config: FitConfig, sets: Sequence[LabelSet], chosen: Sequence[Probe], *, work: Path | None = None, progress: bool = True
) -> tuple[Probe, ...]:
    """The probes fitted again on every labelled picture, for as many epochs of the schedule as were best before.

    Temperature, threshold for none of these, and history are those of `chosen`: they were measured on pictures that its
    training left out, and now none is left out.

    Args:
        config: how `chosen` was trained.
        sets: all the pictures, in the order of `chosen`; their `val` is not looked at.
        chosen: what `fit_joint` made of a part of these pictures.
        work: see `fit`.
        progress: see `fit`.
    """
    given = prepare(sets, config, held_out=False)
    epochs, started = int(chosen[0].config["best_epoch"]), time.perf_counter()
    with one_thread(config.batch * given.train.pictures.width * given.bank.shape[1]):
        bank, on = _bank(config, sets, given), device(config.device)
        fitted = run(config, given, bank, on, work=work, progress=progress, stop_after=epochs)
    centre, seconds = given.train.pictures.mean_direction(), time.perf_counter() - started
    return tuple(
        replace(
            probe,
            projector=fitted.projector,
            centre=centre,
            trained_on=given.seen,
            temperature=probe.temperature if config.calibrate else fitted.history[-1]["temperature"],
            config={
                **probe.config,
                "pictures": len(given.train.y),
                "validation_pictures": 0,
                "epoch_chosen_on": probe.config["validation_pictures"],
                "refit_seconds": round(seconds, 3),
            },
        )
        for probe in chosen
    )


def _bank(config: FitConfig, sets: Sequence[LabelSet], given: Prepared) -> Bank:
    """Anchors of an epoch; with synonyms, each label's word is drawn anew from itself and its synonyms.

    No word can be drawn for two labels that exclude each other, in whichever taxonomies they are.
    """
    if not config.synonyms:
        return lambda epoch: given.bank
    from affect_workbench.probes.anchors.anchors import synonym_anchors

    given.labels.require_own_words()
    pools: list[tuple[np.ndarray, Tensor, int]] = []
    for one in {one.taxonomy.name: one for one in sets}.values():
        _, positions, vectors = synonym_anchors(one.anchors.source, one.taxonomy, template=one.anchors.template)
        pools.append((np.asarray(positions), torch.from_numpy(vectors), given.labels.offset(one.taxonomy)))

    def drawn(epoch: int) -> Tensor:
        rng = np.random.default_rng([config.seed, epoch, 1])
        bank = given.bank.clone()
        for positions, vectors, start in pools:
            for label in np.unique(positions):
                if rng.random() < config.synonyms:
                    bank[start + label] = vectors[rng.choice(np.flatnonzero(positions == label))]
        return bank

    return drawn


def _temperature(fitted: Fitted, given: Prepared, number: int) -> float:
    """Of the probabilities, by the validation pictures of one set."""
    from affect_workbench.probes.evaluation.calibration import fit_temperature

    return float(fit_temperature(*_validation(fitted, given, number)))


def _none_threshold(fitted: Fitted, given: Prepared, number: int) -> dict[str, float | None]:
    """Cosine below which a picture is like no label of one set, by its validation pictures; None where they are too few."""
    from affect_workbench.probes.evaluation.calibration import NONE_SHARE, none_threshold

    threshold = none_threshold(_validation(fitted, given, number)[0])
    return {"none_threshold": threshold if np.isfinite(threshold) else None, "none_share": NONE_SHARE}


def _validation(fitted: Fitted, given: Prepared, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of the validation pictures of one set with its own labels `(v, k)`, and their labels `(v,)`."""
    rows = np.flatnonzero(given.val.sets == number)
    own = given.own[number].numpy()
    return fitted.cosines.numpy()[rows][:, own], given.val.y[rows] - int(np.flatnonzero(own)[0])
