"""How is a projector fitted on the sides of one set or several, and measured on pictures that it has not seen?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from data.features import FeatureSet
from data.predictions import Predictions
from data.splits import stratified_folds
from probes.config import FitConfig
from workbench.settings import TrainSettings

if TYPE_CHECKING:
    from probes.evaluate import Evaluation, LinearBaseline
    from probes.label_sets import LabelSet
    from probes.projector import Probe


@dataclass(frozen=True)
class Also:
    """How a joint probe, with the set's own labels, reads the split `test` of another set that it was trained on.

    `accuracies` are of the seeds in order, over `n` pictures.
    """

    path: str
    n: int
    accuracies: tuple[float, ...]

    def sentence(self) -> str:
        """Accuracy with its 95 % Wilson interval; of several seeds their mean."""
        from analyses.inference import wilson

        mean = float(np.mean(self.accuracies))
        low, high = wilson(np.asarray(mean * self.n), np.asarray(float(self.n)))
        seeds = f", mean of {len(self.accuracies)} seeds" if len(self.accuracies) > 1 else ""
        return f"also {self.path}: accuracy {mean:.3f} [{low:.3f}, {high:.3f}] on split test, n = {self.n:,}{seeds}"


@dataclass(frozen=True)
class Trained:
    """What a training run made: probe and baselines, how they did on pictures not seen in training, and which those were.

    With several seeds, probe and evaluation are of the first; `probes` and `accuracies` are of all, in order.
    """

    probe: Probe
    baselines: tuple[LinearBaseline, ...]
    evaluation: Evaluation
    evaluated_on: str
    out_of_fold: Predictions | None
    probes: tuple[Probe, ...] = ()
    accuracies: tuple[float, ...] = ()
    also: tuple[Also, ...] = ()


@dataclass(frozen=True)
class Further:
    """A set of `--also`: what is trained on of it, and its split `test` where it has one."""

    path: str
    labels: LabelSet
    test: FeatureSet | None


def held_out(
    first: LabelSet, test_on: FeatureSet, more: list[Further], settings: TrainSettings, name: str, work: Path
) -> Trained:
    """A probe of the first set and all further ones, measured on `test_on`; a further set on its own split `test`."""
    from probes.evaluate import evaluate as measured
    from probes.evaluate import fit_baselines
    from probes.train import fit_joint

    sets = [first, *(one.labels for one in more)]
    fitted = [fit_joint(config, sets, work=work / f"seed-{config.seed}") for config in _seeds(settings)]
    probes = tuple(each[0] for each in fitted)
    baselines = fit_baselines(first.features, first.taxonomy, within=first.labelled)
    accuracies = tuple(_accuracy([probe.predict(test_on)], [test_on]) for probe in probes)
    also = tuple(
        Also(one.path, len(one.test), tuple(_accuracy([each[number].predict(one.test)], [one.test]) for each in fitted))
        for number, one in enumerate(more, start=1)
        if one.test is not None
    )
    return Trained(probes[0], baselines, measured(probes[0], test_on, baselines), name, None, probes, accuracies, also)


def cross_validated(first: LabelSet, settings: TrainSettings, name: str, work: Path) -> Trained:
    """Every picture is predicted by a probe that did not see it; the probe that is kept is fitted on all of them."""
    from probes.evaluate import evaluation, fit_baselines, out_of_fold
    from probes.train import fit_joint

    features, taxonomy = first.features.take(first.labelled), first.taxonomy
    whole = replace(first, features=features, within=None)
    fold = stratified_folds(taxonomy.codes(features.rows["label"]), settings.folds, seed=settings.fit.seed)
    predictions: list[list[Predictions]] = [[] for _ in range(settings.seeds)]
    readings: dict[str, Any] = {}
    bar = tqdm(total=settings.folds * settings.seeds, desc="cross-validating", unit="fold", leave=False)
    for number in range(settings.folds):
        inside, outside = np.flatnonzero(fold != number), features.take(fold == number)
        for config, kept in zip(_seeds(settings), predictions, strict=True):
            place = work / f"seed-{config.seed}-fold-{number}"
            probe = fit_joint(config, [replace(whole, within=inside)], work=place, progress=False)[0]
            kept.append(probe.predict(outside))
            bar.update()
            if kept is predictions[0]:
                read: dict[str, Any] = {"metric projector": probe.probabilities(kept[-1])}
                for baseline in fit_baselines(features, taxonomy, within=inside):
                    read[baseline.name] = baseline.probabilities(outside)
                for model, probabilities in read.items():
                    readings.setdefault(model, np.empty((len(features), len(taxonomy))))[fold == number] = probabilities
    bar.close()
    probes = tuple(fit_joint(config, [whole], work=work / f"seed-{config.seed}")[0] for config in _seeds(settings))
    parts = [(np.flatnonzero(fold == number), part) for number, part in enumerate(predictions[0])]
    outsides = [features.take(at) for at, _ in parts]
    accuracies = tuple(_accuracy(kept, outsides) for kept in predictions)
    return Trained(
        probes[0], fit_baselines(features, taxonomy), evaluation(readings, features, taxonomy), name,
        out_of_fold(parts, features), probes, accuracies,
    )  # fmt: skip


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
