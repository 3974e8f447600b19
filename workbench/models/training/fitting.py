"""How is a projector fitted on the sides of one set or several, and measured on pictures that it has not seen?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from affect_workbench.data.features import FeatureSet
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.storage.progress import progress_bar
from affect_workbench.data.tables.splits import stratified_folds
from affect_workbench.probes.config import FitConfig
from affect_workbench.workbench.models.training.settings import TrainSettings
from affect_workbench.workbench.models.training.splits import TrainingSplits

if TYPE_CHECKING:
    from affect_workbench.probes.evaluation.evaluate import Evaluation, LinearBaseline
    from affect_workbench.probes.projector import Probe
    from affect_workbench.probes.training.label_sets import LabelSet


@dataclass(frozen=True)
class ExtraSetResult:
    """How a joint probe, with the set's own labels, reads the split `test` of another set that it was trained on.

    `accuracies` are of the seeds in order, over `n` pictures.
    """

    path: str
    n: int
    accuracies: tuple[float, ...]

    def sentence(self) -> str:
        """Accuracy with its 95 % Wilson interval; of several seeds their mean."""
        from affect_workbench.analyses.inference.intervals import wilson

        mean = float(np.mean(self.accuracies))
        low, high = wilson(np.asarray(mean * self.n), np.asarray(float(self.n)))
        seeds = f", mean of {len(self.accuracies)} seeds" if len(self.accuracies) > 1 else ""
        return f"also {self.path}: accuracy {mean:.3f} [{low:.3f}, {high:.3f}] on split test, n = {self.n:,}{seeds}"


@dataclass(frozen=True)
class Trained:
    """What a training run made: probe and baselines, how they did on pictures not seen in training, and which those were.

    With several seeds, probe and evaluation are of the first; `probes` and `accuracies` are of all, in order. Where no
    picture is left to measure on, `evaluation` is None. `temperatures` are those of the probabilities out of fold.
    """

    probe: Probe
    baselines: tuple[LinearBaseline, ...]
    evaluation: Evaluation | None
    evaluated_on: str
    out_of_fold: Predictions | None
    probes: tuple[Probe, ...] = ()
    accuracies: tuple[float, ...] = ()
    extra_sets: tuple[ExtraSetResult, ...] = ()
    temperatures: tuple[float, ...] = ()


@dataclass(frozen=True)
class ExtraSet:
    """A set of `--extra-features`: what is trained on of it, its split `test` where it has one, and how it is cut."""

    path: str
    labels: LabelSet
    test: FeatureSet | None
    cut: TrainingSplits


def held_out(
    first: LabelSet, test_on: FeatureSet, more: list[ExtraSet], settings: TrainSettings, name: str, work: Path
) -> Trained:
    """A probe of the first set and all further ones, measured on `test_on`; a further set on its own split `test`."""
    from affect_workbench.probes.evaluation.evaluate import evaluate as measured
    from affect_workbench.probes.evaluation.evaluate import fit_baselines
    from affect_workbench.probes.training.fit import fit_joint

    sets = [first, *(one.labels for one in more)]
    fitted = [fit_joint(config, sets, work=work / f"seed-{config.seed}") for config in _seeds(settings)]
    probes = tuple(each[0] for each in fitted)
    baselines = fit_baselines(first.features, first.taxonomy, within=first.labelled)
    accuracies = tuple(_accuracy([probe.predict(test_on)], [test_on]) for probe in probes)
    extra_sets = _extra_set_results(more, fitted)
    return Trained(probes[0], baselines, measured(probes[0], test_on, baselines), name, None, probes, accuracies, extra_sets)


def on_everything(
    first: LabelSet, cut: TrainingSplits, more: list[ExtraSet], settings: TrainSettings, work: Path
) -> Trained:
    """A probe of every labelled picture, fitted twice: with pictures left out that choose the epoch, then on all of them.

    Nothing is left to measure its accuracy on.
    """
    from affect_workbench.probes.evaluation.evaluate import fit_baselines
    from affect_workbench.probes.training.fit import fit_joint, refit

    sets = [first, *(one.labels for one in more)]
    whole = [
        replace(labels, val=None, within=splits.trained_on)
        for labels, splits in zip(sets, (cut, *(one.cut for one in more)), strict=True)
    ]
    fitted = []
    for config in _seeds(settings):
        chosen = fit_joint(config, sets, work=work / f"seed-{config.seed}")
        fitted.append(refit(config, whole, chosen, work=work / f"seed-{config.seed}-all"))
    probes = tuple(each[0] for each in fitted)
    baselines = fit_baselines(whole[0].features, whole[0].taxonomy, within=whole[0].labelled)
    return Trained(
        probes[0], baselines, None, "nothing: no picture is held out", None, probes, (), _extra_set_results(more, fitted)
    )


def cross_validated(first: LabelSet, settings: TrainSettings, name: str, work: Path) -> Trained:
    """Every picture is predicted by a probe that did not see it; the probe that is kept is fitted on all of them.

    What is kept of the predictions are probabilities, at the temperature of the fold's own probe.
    """
    from affect_workbench.probes.evaluation.evaluate import evaluation, fit_baselines, out_of_fold
    from affect_workbench.probes.training.fit import fit_joint

    features, taxonomy = first.features.take(first.labelled), first.taxonomy
    whole = replace(first, features=features, within=None)
    fold = stratified_folds(taxonomy.codes(features.rows["label"]), settings.folds, seed=settings.fit.seed)
    predictions: list[list[Predictions]] = [[] for _ in range(settings.seeds)]
    temperatures: list[float] = []
    readings: dict[str, Any] = {}
    bar = progress_bar(total=settings.folds * settings.seeds, desc="cross-validating", unit="fold")
    for number in range(settings.folds):
        inside, outside = np.flatnonzero(fold != number), features.take(fold == number)
        for config, kept in zip(_seeds(settings), predictions, strict=True):
            place = work / f"seed-{config.seed}-fold-{number}"
            probe = fit_joint(config, [replace(whole, within=inside)], work=place, progress=False)[0]
            kept.append(probe.predict(outside))
            bar.update()
            if kept is predictions[0]:
                # The temperature too is of pictures that this fold is not among, as it would be for new ones.
                temperatures.append(probe.temperature)
                read: dict[str, Any] = {"metric projector": probe.probabilities(kept[-1])}
                for baseline in fit_baselines(features, taxonomy, within=inside):
                    read[baseline.name] = baseline.probabilities(outside)
                for model, probabilities in read.items():
                    readings.setdefault(model, np.empty((len(features), len(taxonomy))))[fold == number] = probabilities
    bar.close()
    probes = tuple(fit_joint(config, [whole], work=work / f"seed-{config.seed}")[0] for config in _seeds(settings))
    own = readings["metric projector"]
    parts = [
        (np.flatnonzero(fold == number), replace(part, distances=1.0 - own[fold == number], measure="score"))
        for number, part in enumerate(predictions[0])
    ]
    outsides = [features.take(at) for at, _ in parts]
    accuracies = tuple(_accuracy(kept, outsides) for kept in predictions)
    return Trained(
        probes[0],
        fit_baselines(features, taxonomy),
        evaluation(readings, features, taxonomy),
        name,
        out_of_fold(parts, features),
        probes,
        accuracies,
        temperatures=tuple(temperatures),
    )


def _extra_set_results(more: list[ExtraSet], fitted: list[tuple[Probe, ...]]) -> tuple[ExtraSetResult, ...]:
    return tuple(
        ExtraSetResult(
            one.path, len(one.test), tuple(_accuracy([each[number].predict(one.test)], [one.test]) for each in fitted)
        )
        for number, one in enumerate(more, start=1)
        if one.test is not None
    )


def _seeds(settings: TrainSettings) -> list[FitConfig]:
    return [replace(settings.fit, seed=settings.fit.seed + number) for number in range(settings.seeds)]


def _accuracy(predictions: list[Predictions], features: list[FeatureSet]) -> float:
    """Over all labelled pictures of all parts."""
    hits = [
        (one.predicted == codes)[codes >= 0]
        for one, part in zip(predictions, features, strict=True)
        for codes in (one.taxonomy.codes(part.rows["label"]),)
    ]
    return float(np.concatenate(hits).mean())
