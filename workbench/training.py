"""How do features become a probe whose accuracy is measured on pictures that it has not seen?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from data.atomic import atomic_folder, ensure_free, write_json
from data.features import FeatureSet, FeatureSpec
from data.predictions import Predictions
from data.readers import read_features
from data.splits import stratified_folds, stratified_holdout
from data.tables import named
from data.taxonomy import Taxonomy
from workbench.settings import TrainSettings

if TYPE_CHECKING:
    from probes.evaluate import Evaluation, LinearBaseline
    from probes.projector import Probe

Say = Callable[[str], None]
PREDICTIONS_FILE = "predictions.parquet"


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
    """What a training run made: probe and baselines, how they did on pictures not seen in training, and which those were."""

    probe: Probe
    baselines: tuple[LinearBaseline, ...]
    evaluation: Evaluation
    evaluated_on: str
    out_of_fold: Predictions | None


def train(settings: TrainSettings, *, say: Say = print) -> Trained:
    """Trains a probe and writes its folder: checkpoint, baselines, `metrics.json`, and out-of-fold predictions.

    Accuracy is always measured on pictures that neither training nor the choice of the epoch has seen: the split `test`
    where there is one, else a held-out share, else (with folds) every picture once by a probe that did not see it.

    Raises:
        FileExistsError: the folder exists.
        ValueError: see `data.readers` and `probes.train.fit`.
    """
    from probes.anchors import anchors_from

    out = Path(settings.out)
    ensure_free(out, overwrite=settings.overwrite)
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
    anchors = anchors_from(settings.fit.anchors, taxonomy, template=settings.fit.template)
    train_on, test_on, evaluated_on = _sides(features, taxonomy, settings)
    _refuse_copies(train_on, test_on, allowed=settings.allow_overlap, say=say)
    if settings.folds:
        trained = _cross_validated(train_on, taxonomy, anchors, settings, evaluated_on)
    else:
        assert test_on is not None  # _sides gives a test side whenever there are no folds
        trained = _held_out(train_on, test_on, taxonomy, anchors, settings, evaluated_on)
    _save_trained(trained, out, overwrite=settings.overwrite)
    for line in evaluation_lines(trained.evaluation, trained.evaluated_on):
        say(line)
    say(f"wrote {out}" + (f" (with {PREDICTIONS_FILE}, out of fold)" if trained.out_of_fold else ""))
    return trained


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


def _held_out(
    train_on: FeatureSet, test_on: FeatureSet, taxonomy: Taxonomy, anchors: Any, settings: TrainSettings, name: str
) -> Trained:
    from probes.evaluate import evaluate as measured
    from probes.evaluate import fit_baselines
    from probes.train import fit

    probe = fit(settings.fit, train_on, taxonomy=taxonomy, anchors=anchors)
    baselines = fit_baselines(train_on, taxonomy)
    return Trained(probe, baselines, measured(probe, test_on, baselines), name, None)


def _cross_validated(features: FeatureSet, taxonomy: Taxonomy, anchors: Any, settings: TrainSettings, name: str) -> Trained:
    """Every picture is predicted by a probe that did not see it; the probe that is kept is fitted on all of them."""
    from probes.evaluate import evaluation, fit_baselines, out_of_fold
    from probes.train import fit

    fold = stratified_folds(taxonomy.codes(features.rows["label"]), settings.folds, seed=settings.fit.seed)
    parts: list[tuple[Any, Predictions]] = []
    readings: dict[str, Any] = {}
    for number in tqdm(range(settings.folds), desc="cross-validating", unit="fold", leave=False):
        inside, outside = features.take(fold != number), features.take(fold == number)
        probe = fit(settings.fit, inside, taxonomy=taxonomy, anchors=anchors, progress=False)
        predictions = probe.predict(outside)
        parts.append((np.flatnonzero(fold == number), predictions))
        for model, probabilities in (
            ("metric projector", probe.probabilities(predictions)),
            *((baseline.name, baseline.probabilities(outside)) for baseline in fit_baselines(inside, taxonomy)),
        ):
            readings.setdefault(model, np.empty((len(features), len(taxonomy))))[fold == number] = probabilities
    probe = fit(settings.fit, features, taxonomy=taxonomy, anchors=anchors)
    baselines = fit_baselines(features, taxonomy)
    return Trained(probe, baselines, evaluation(readings, features, taxonomy), name, out_of_fold(parts, features))


def _save_trained(trained: Trained, out: Path, *, overwrite: bool) -> None:
    from probes.checkpoint import save_probe
    from probes.evaluate import save_baselines

    with atomic_folder(out, overwrite=overwrite) as partial:
        save_probe(trained.probe, partial)
        save_baselines(trained.baselines, partial / "baselines.safetensors")
        metrics = trained.evaluation.as_json()
        write_json(
            partial / "metrics.json",
            metrics | {"evaluated_on": trained.evaluated_on, "training": dict(trained.probe.config)},
        )
        if trained.out_of_fold is not None:
            trained.out_of_fold.table().to_parquet(partial / PREDICTIONS_FILE)
