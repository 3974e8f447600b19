"""How do features become a probe whose accuracy is measured on pictures that it has not seen?"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from data.atomic import atomic_folder, ensure_free, write_json
from data.features import VOTE_PREFIX, FeatureSet, FeatureSpec, require_same_spec
from data.predictions import Predictions
from data.readers import read_features
from data.splits import stratified_folds, stratified_holdout
from data.tables import named
from data.taxonomy import Taxonomy
from probes.config import SOFT_LOSSES, FitConfig
from workbench.settings import TrainSettings

if TYPE_CHECKING:
    from probes.evaluate import Evaluation, LinearBaseline
    from probes.label_sets import LabelSet
    from probes.projector import Probe

Say = Callable[[str], None]
PREDICTIONS_FILE = "predictions.parquet"
HISTORY_FILE = "history.csv"


def open_features(
    path: Path | str, *, encoder: str = "unknown", id_column: str = "", taxonomy: Taxonomy | None = None
) -> FeatureSet:
    """Features from a saved folder, a TinyEmo tree, or a table beside an `.npy` (see `data.readers`).

    Args:
        path: where they are.
        encoder: what made them, used only where the data do not say.
        id_column: id column of a table.
        taxonomy: bring labels to its spelling.
    """
    from probes.runtime import read_vector

    spec = FeatureSpec(width=0, encoder=encoder)
    return read_features(path, read_vector=read_vector, spec=spec, taxonomy=taxonomy, id_column=id_column or None)


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


def train(settings: TrainSettings, *, say: Say = print) -> Trained:
    """Trains a probe and writes its folder: checkpoint, baselines, `metrics.json`, and out-of-fold predictions.

    Accuracy is always measured on pictures that neither training nor the choice of the epoch has seen: the split `test`
    where there is one, else a held-out share, else (with folds) every picture once by a probe that did not see it.
    Other seeds train on the same pictures and are measured on the same pictures.

    A training that is killed goes on from its last saved epoch when the same command is given again. Of several processes
    (see `probes.team`) all train and the main one speaks and writes.

    Raises:
        FileExistsError: the folder exists.
        ValueError: see `data.readers` and `probes.train.fit_joint`; folds together with more sets; no seed at all.
    """
    from probes.anchors import anchors_from
    from probes.label_sets import LabelSet
    from probes.team import is_main

    say = say if is_main() else _nothing
    out = Path(settings.out)
    ensure_free(out, overwrite=settings.overwrite)
    if settings.folds and settings.also:
        raise ValueError("--folds cross-validates one set: leave out --also, or --folds")
    if settings.seeds < 1:
        raise ValueError(f"--seeds is {settings.seeds}: at least one training is needed")
    taxonomy = Taxonomy.named(settings.taxonomy) if settings.taxonomy else None
    features = open_features(settings.features, encoder=settings.encoder, id_column=settings.id_column, taxonomy=taxonomy)
    if "label" not in features.rows:
        raise ValueError(f"cannot train: the features at {settings.features} have no 'label' column")
    labelled = features.rows["label"].notna().to_numpy()
    if not labelled.all():
        say(f"note: {int((~labelled).sum())} picture(s) have no label and are left out of training")
        features = features.take(labelled)
    taxonomy = taxonomy or Taxonomy.from_labels(sorted(features.rows["label"].unique()))
    say(f"{len(features):,} pictures, {features.spec.in_words()}; labels: {', '.join(taxonomy.labels)}")
    if settings.fit.soft == "none" and settings.fit.loss in SOFT_LOSSES and _has_votes(features, taxonomy):
        say("note: there are votes; --soft votes trains on them, which tells more than one label a picture")
    anchors = anchors_from(settings.fit.anchors, taxonomy, template=settings.fit.template)
    train_on, test_on, evaluated_on = _sides(features, taxonomy, settings)
    _refuse_copies(train_on, test_on, allowed=settings.allow_overlap, say=say)
    work = out.with_name(f".{out.name}.training")
    if settings.folds:
        trained = _cross_validated(train_on, taxonomy, anchors, settings, evaluated_on, work)
    else:
        assert test_on is not None  # _sides gives a test side whenever there are no folds
        more = _further_sets(settings, features.spec, test_on, say)
        trained = _held_out([LabelSet(train_on, taxonomy, anchors), *more], test_on, settings, evaluated_on, work)
    if is_main():
        _save_trained(trained, out, overwrite=settings.overwrite)
        shutil.rmtree(work, ignore_errors=True)
    resumed = trained.probe.config["resumed_epochs"]
    if resumed:
        say(f"went on after epoch {resumed} of a training that was interrupted")
    for line in evaluation_lines(trained.evaluation, trained.evaluated_on):
        say(line)
    if settings.fit.soft == "votes":
        say("the projector is trained on the votes, the baselines on one label a picture")
    if len(trained.accuracies) > 1:
        say(seeds_sentence(trained.accuracies))
    say(f"wrote {out}" + (f" (with {PREDICTIONS_FILE}, out of fold)" if trained.out_of_fold else ""))
    return trained


def _nothing(line: str) -> None:
    """What processes beside the main one say."""


def seeds_sentence(accuracies: Sequence[float]) -> str:
    """Mean over seeds with a 95 % t interval: how much chance in training matters, not how few the pictures are."""
    from scipy.stats import t

    values = np.asarray(accuracies)
    half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    told = ", ".join(f"{value:.3f}" for value in values)
    mean = values.mean()
    return f"over {len(values)} seeds: mean accuracy {mean:.3f} [{mean - half:.3f}, {mean + half:.3f}] ({told})"


def evaluation_lines(evaluation: Evaluation, evaluated_on: str) -> list[str]:
    """The comparison as lines of text, the widest interval in sight of every accuracy."""
    table = evaluation.table
    lines = [f"measured on {evaluated_on}, n = {int(table['n'].iloc[0]):,}"]
    lines.append(f"{'':22}{'accuracy':>8}  {'95 % interval':^15}  {'balanced':>8}  {'calibration error':>17}")
    for row in table.itertuples():
        interval = f"[{row.low:.3f}, {row.high:.3f}]"
        lines.append(f"{row.model:22}{row.accuracy:8.3f}  {interval:^15}  {row.balanced_accuracy:8.3f}  {row.ece:17.3f}")
    recalls = {name.removeprefix("recall_"): table[name].iloc[0] for name in map(str, table) if name.startswith("recall_")}
    told = ", ".join(f"{label} {value:.2f}" for label, value in recalls.items() if not np.isnan(value))
    return [*lines, f"recall of the {table['model'].iloc[0]}: {told}"]


def _has_votes(features: FeatureSet, taxonomy: Taxonomy) -> bool:
    return all(VOTE_PREFIX + label in features.rows for label in taxonomy.labels)


def _sides(features: FeatureSet, taxonomy: Taxonomy, settings: TrainSettings) -> tuple[FeatureSet, FeatureSet | None, str]:
    """Training pictures, test pictures (None with folds), and what the test is called."""
    splits = sorted(features.rows["split"].dropna().unique()) if "split" in features.rows else []
    chosen = settings.split or ("train" if len(splits) > 1 and "train" in splits else "")
    train_on = features.where(split=chosen) if chosen else features
    if settings.folds:
        return train_on, None, f"out of fold, {settings.folds} folds"
    if chosen and chosen != "test" and "test" in splits:
        return train_on, features.where(split="test"), "split test"
    held = stratified_holdout(taxonomy.codes(train_on.rows["label"]), settings.holdout, seed=settings.fit.seed)
    return train_on.take(~held), train_on.take(held), f"a held-out {settings.holdout:.0%}, seed {settings.fit.seed}"


def _refuse_copies(train_on: FeatureSet, test_on: FeatureSet | None, *, allowed: bool, say: Say) -> None:
    """Refuses (or, where allowed, warns of) pictures measured on whose very bytes were trained on."""
    if "content" not in train_on.rows or (test_on is not None and "content" not in test_on.rows):
        return
    if test_on is None:
        leaked = train_on.rows["content"].duplicated()
        what = "are copies of another picture, so folds would measure on what they were trained on"
        ids = train_on.rows["image_id"][leaked]
    else:
        leaked = test_on.rows["content"].isin(set(train_on.rows["content"]))
        what = "to measure on are in the training set too, byte for byte"
        ids = test_on.rows["image_id"][leaked]
    if not leaked.any():
        return
    sentence = f"{int(leaked.sum())} picture(s) {what}, first {named(ids)}"
    if not allowed:
        raise ValueError(f"{sentence}: remove them (workbench overlap shows the pairs), or pass --allow-overlap")
    say(f"warning: {sentence}: accuracy is too high by what that makes up")


def _further_sets(settings: TrainSettings, spec: FeatureSpec, test_on: FeatureSet, say: Say) -> list[LabelSet]:
    """The sets of `--also`: their split `train` where they have one, with the labels that are found."""
    from probes.anchors import anchors_from
    from probes.label_sets import LabelSet

    sets = []
    for path in settings.also:
        features = open_features(path, encoder=settings.encoder, id_column=settings.id_column)
        if "label" not in features.rows:
            raise ValueError(f"cannot train: the features at {path} have no 'label' column")
        require_same_spec(spec, features.spec, what=f"the set at {path}")
        if "split" in features.rows and (features.rows["split"] == "train").any():
            features = features.where(split="train")
        taxonomy = Taxonomy.from_labels(sorted(features.rows["label"].dropna().unique()))
        _refuse_copies(features, test_on, allowed=settings.allow_overlap, say=say)
        anchors = anchors_from(settings.fit.anchors, taxonomy, template=settings.fit.template)
        say(f"also {len(features):,} pictures from {path}; labels: {', '.join(taxonomy.labels)}")
        sets.append(LabelSet(features, taxonomy, anchors))
    return sets


def _held_out(sets: list[LabelSet], test_on: FeatureSet, settings: TrainSettings, name: str, work: Path) -> Trained:
    from probes.evaluate import evaluate as measured
    from probes.evaluate import fit_baselines
    from probes.train import fit_joint

    probes = tuple(fit_joint(config, sets, work=work / f"seed-{config.seed}")[0] for config in _seeds(settings))
    baselines = fit_baselines(sets[0].features, sets[0].taxonomy)
    accuracies = tuple(_accuracy([probe.predict(test_on)], [test_on]) for probe in probes)
    return Trained(probes[0], baselines, measured(probes[0], test_on, baselines), name, None, probes, accuracies)


def _cross_validated(
    features: FeatureSet, taxonomy: Taxonomy, anchors: Any, settings: TrainSettings, name: str, work: Path
) -> Trained:
    """Every picture is predicted by a probe that did not see it; the probe that is kept is fitted on all of them."""
    from probes.evaluate import evaluation, fit_baselines, out_of_fold
    from probes.train import fit

    fold = stratified_folds(taxonomy.codes(features.rows["label"]), settings.folds, seed=settings.fit.seed)
    sides = [(features.take(fold != number), features.take(fold == number)) for number in range(settings.folds)]
    predictions: list[list[Predictions]] = []
    readings: dict[str, Any] = {}
    bar = tqdm(total=settings.folds * settings.seeds, desc="cross-validating", unit="fold", leave=False)
    for config in _seeds(settings):
        predictions.append([])
        for number, (inside, outside) in enumerate(sides):
            place = work / f"seed-{config.seed}-fold-{number}"
            probe = fit(config, inside, taxonomy=taxonomy, anchors=anchors, work=place, progress=False)
            predictions[-1].append(probe.predict(outside))
            bar.update()
            if len(predictions) > 1:
                continue
            for model, probabilities in (
                ("metric projector", probe.probabilities(predictions[0][-1])),
                *((baseline.name, baseline.probabilities(outside)) for baseline in fit_baselines(inside, taxonomy)),
            ):
                readings.setdefault(model, np.empty((len(features), len(taxonomy))))[fold == number] = probabilities
    bar.close()
    probes = tuple(
        fit(config, features, taxonomy=taxonomy, anchors=anchors, work=work / f"seed-{config.seed}")
        for config in _seeds(settings)
    )
    accuracies = tuple(_accuracy(parts, [outside for _, outside in sides]) for parts in predictions)
    parts = [(np.flatnonzero(fold == number), part) for number, part in enumerate(predictions[0])]
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


def _save_trained(trained: Trained, out: Path, *, overwrite: bool) -> None:
    from probes.checkpoint import save_probe
    from probes.evaluate import save_baselines

    with atomic_folder(out, overwrite=overwrite) as partial:
        save_probe(trained.probe, partial)
        pd.DataFrame(trained.probe.config["history"]).rename_axis("epoch").to_csv(partial / HISTORY_FILE)
        save_baselines(trained.baselines, partial / "baselines.safetensors")
        metrics = trained.evaluation.as_json()
        write_json(
            partial / "metrics.json",
            metrics
            | {"evaluated_on": trained.evaluated_on, "training": dict(trained.probe.config)}
            | ({"seed_accuracies": list(trained.accuracies)} if len(trained.accuracies) > 1 else {}),
        )
        for probe in trained.probes if len(trained.probes) > 1 else ():
            folder = partial / "seeds" / str(probe.config["seed"])
            with atomic_folder(folder) as inner:
                save_probe(probe, inner)
        if trained.out_of_fold is not None:
            trained.out_of_fold.table().to_parquet(partial / PREDICTIONS_FILE)
