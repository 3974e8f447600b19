"""How do features become a probe whose accuracy is measured on pictures that it has not seen?"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from affect_workbench.data.datasets.feature_files import with_taxonomy
from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import atomic_folder, write_json
from affect_workbench.data.tables.columns import VOTE_PREFIX
from affect_workbench.data.taxonomies.files import taxonomy_called
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.datasets.features import Source, open_features
from affect_workbench.workbench.interface.claiming import writes_out
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.models.training.fitting import ExtraSet, Trained, cross_validated, held_out, on_everything
from affect_workbench.workbench.models.training.provenance import save_sources
from affect_workbench.workbench.models.training.settings import TrainSettings
from affect_workbench.workbench.models.training.splits import refuse_copies, sampling_sentence, thin_labels, training_splits

if TYPE_CHECKING:
    from affect_workbench.probes.evaluation.evaluate import Evaluation
    from affect_workbench.probes.projector import Probe

PREDICTIONS_FILE = "predictions.parquet"
HISTORY_FILE = "history.csv"
METRICS_FILE = "metrics.json"
OUT_OF_FOLD = "out_of_fold"
"""Key of the metrics that says at which temperatures the predictions out of fold are probabilities; 0.1.0 kept cosines."""


@writes_out()
def train(settings: TrainSettings, *, say: Say = print) -> Trained:
    """Trains a probe and writes its folder: checkpoint, baselines, `metrics.json`, and out-of-fold predictions.

    Accuracy is always measured on pictures that neither training nor the choice of the epoch has seen: the split `test`
    where there is one, else a held-out share, else (with folds) every picture once by a probe that did not see it.
    Other seeds train on the same pictures and are measured on the same pictures. With a share of 0 held out, the probe is
    trained on every labelled picture, and nothing is measured.

    A training that is killed goes on from its last saved epoch when the same command is given again. Of several processes
    (see `probes.training.distributed`) all train and the main one speaks and writes.

    Raises:
        FileExistsError: the folder exists.
        ValueError: see `data.datasets.feature_files` and `probes.training.fit.fit_joint`; folds together with more sets; no
            seed at all.
    """
    from affect_workbench.probes.anchors.anchors import anchors_from
    from affect_workbench.probes.runtime import device
    from affect_workbench.probes.training.distributed import is_main
    from affect_workbench.probes.training.label_sets import LabelSet

    say = say if is_main() else _nothing
    out = Path(settings.out)
    if settings.folds and settings.extra_features:
        raise ValueError("--folds cross-validates one set: leave out --extra-features, or --folds")
    if settings.seeds < 1:
        raise ValueError(f"--seeds is {settings.seeds}: at least one training is needed")
    device(settings.fit.device)
    features, taxonomy = _opened(settings.features, settings, settings.taxonomy, say)
    count = int(features.rows["label"].notna().sum())
    say(f"{count:,} pictures, {features.spec.in_words()}; labels: {', '.join(taxonomy.labels)}")
    if settings.fit.soft == "none" and settings.fit.takes_soft_labels and _has_votes(features, taxonomy):
        say("note: there are votes; --soft votes trains on them, which uses more information than one label per picture")
    anchors = anchors_from(settings.fit.anchors, taxonomy, template=settings.fit.template)
    cut = training_splits(features, taxonomy, settings)
    if settings.holdout == 0 and cut.test is not None:
        say("note: --holdout 0 changes nothing here: accuracy is measured on split test, which is not trained on")
    for thin in thin_labels(features, taxonomy, cut):
        say(f"warning: {thin}")
    test_on = None if cut.test is None else features.take(cut.test)
    if cut.measured_on:
        measured = None if test_on is None else test_on.rows
        refuse_copies(features.rows.iloc[cut.trained_on], measured, allowed=settings.allow_overlap, say=say)
    first = LabelSet(features, taxonomy, anchors, cut.validation(features), cut.train)
    if first.val is not None:
        say(f"the epoch is chosen on {len(first.val):,} pictures of split {first.val.rows['split'].iloc[0]}")
    work = out.with_name(f".{out.name}.training")
    if settings.folds:
        trained = cross_validated(first, settings, cut.measured_on, work)
    else:
        more = _extra_sets(settings, features.spec, None if test_on is None else test_on.rows, say)
        if more:
            say(sampling_sentence(settings.fit.sampling, [len(first.labelled), *(len(one.labels.labelled) for one in more)]))
        if test_on is None:
            trained = on_everything(first, cut, more, settings, work)
        else:
            trained = held_out(first, test_on, more, settings, cut.measured_on, work)
    if is_main():
        _save_trained(trained, settings)
        shutil.rmtree(work, ignore_errors=True)
    resumed = trained.probe.config["resumed_epochs"]
    if resumed:
        say(f"resumed after epoch {resumed} of an interrupted training")
    lines = (
        everything_lines(trained.probe)
        if trained.evaluation is None
        else evaluation_lines(trained.evaluation, trained.evaluated_on)
    )
    for line in lines:
        say(line)
    if settings.fit.soft == "votes":
        say("the projector is trained on the votes, the baselines on one label per picture")
    if len(trained.accuracies) > 1:
        say(seeds_sentence(trained.accuracies))
    for one in trained.extra_sets:
        say(one.sentence())
    if trained.out_of_fold:
        phrase = temperatures_phrase(trained.temperatures, fitted=settings.fit.calibrate)
        say(f"{PREDICTIONS_FILE} holds probabilities, {phrase}")
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


def everything_lines(probe: Probe) -> list[str]:
    """What a training with nothing held out has to say instead of an accuracy."""
    count, chose = int(probe.config["pictures"]), int(probe.config["epoch_chosen_on"])
    return [
        (
            f"nothing is held out (--holdout 0): {chose:,} pictures were used to choose epoch "
            f"{probe.config['best_epoch']} in a first training without them; then the probe was refitted on all "
            f"{count:,} labelled pictures, for as many epochs"
        ),
        "its accuracy is not measured, since no picture is left for that: --folds 5 measures the same settings out of fold",
    ]


def temperatures_phrase(temperatures: Sequence[float], *, fitted: bool) -> str:
    """At which temperatures probabilities out of fold are, in words; `fitted` to what chose the epoch, or not."""
    if not fitted:
        return f"at the temperature of the loss ({temperatures[0]:.3g}; --calibrate fits one)"
    low, high = min(temperatures), max(temperatures)
    span = f"{low:.3g}" if f"{low:.3g}" == f"{high:.3g}" else f"{low:.3g} to {high:.3g}"
    return f"each at a temperature ({span}) that was fitted without the picture"


def evaluation_lines(evaluation: Evaluation, evaluated_on: str) -> list[str]:
    """The comparison as lines of text, the widest interval in sight of every accuracy."""
    table = evaluation.table
    lines = [f"measured on {evaluated_on}, n = {int(table['n'].iloc[0]):,}"]
    wide = max(22, 1 + int(table["model"].str.len().max()))
    lines.append(f"{'':{wide}}{'accuracy':>8}  {'95 % interval':^15}  {'balanced':>8}  {'calibration error':>17}")
    for row in table.itertuples():
        interval = f"[{row.low:.3f}, {row.high:.3f}]"
        lines.append(f"{row.model:{wide}}{row.accuracy:8.3f}  {interval:^15}  {row.balanced_accuracy:8.3f}  {row.ece:17.3f}")
    recalls = {name.removeprefix("recall_"): table[name].iloc[0] for name in map(str, table) if name.startswith("recall_")}
    told = ", ".join(f"{label} {value:.2f}" for label, value in recalls.items() if not np.isnan(value))
    missing = ", ".join(label for label, value in recalls.items() if np.isnan(value))
    return [*lines, f"recall of the {table['model'].iloc[0]}: {told}" + (f"; no picture of {missing}" if missing else "")]


def _has_votes(features: FeatureSet, taxonomy: Taxonomy) -> bool:
    return all(VOTE_PREFIX + label in features.rows for label in taxonomy.labels)


def _opened(path: str, settings: TrainSettings, taxonomy: str, say: Say) -> tuple[FeatureSet, Taxonomy]:
    """A set and its labels: those asked for, else those found."""
    asked = taxonomy_called(taxonomy) if taxonomy else None
    features = open_features(path, encoder=settings.encoder, id_column=settings.id_column, taxonomy=asked)
    if "label" not in features.rows:
        raise ValueError(f"cannot train: the features at {path} have no 'label' column")
    unlabelled = int(features.rows["label"].isna().sum())
    if unlabelled:
        say(
            f"note: {plural(unlabelled, 'picture has no label and is', 'pictures have no label and are')} "
            "left out of training"
        )
    labels = asked or Taxonomy.from_labels(sorted(features.rows["label"].dropna().unique(), key=str))
    return with_taxonomy(features, labels), labels


def _extra_sets(settings: TrainSettings, spec: FeatureSpec, measured: pd.DataFrame | None, say: Say) -> list[ExtraSet]:
    """The sets of `--extra-features`, their split `train` where they have one."""
    from affect_workbench.probes.anchors.anchors import anchors_from
    from affect_workbench.probes.training.label_sets import LabelSet

    taxonomies = settings.extra_taxonomies or ("",) * len(settings.extra_features)
    if len(taxonomies) != len(settings.extra_features):
        raise ValueError(
            f"{len(taxonomies)} --extra-taxonomies for {len(settings.extra_features)} sets of --extra-features: give one "
            "each, in their order"
        )
    made = []
    for path, called in zip(settings.extra_features, taxonomies, strict=True):
        features, taxonomy = _opened(path, settings, called, say)
        if spec.fingerprint() != features.spec.fingerprint():
            raise ValueError(
                f"features of two encoders: {settings.features} are of {spec.in_words()}, {path} of "
                f"{features.spec.in_words()}: sets that are trained on together must be encoded by one"
            )
        cut = training_splits(features, taxonomy, settings, first=False)
        trained_on = features.rows.iloc[cut.trained_on]
        if measured is not None:
            refuse_copies(trained_on, measured, allowed=settings.allow_overlap, say=say)
        anchors = anchors_from(settings.fit.anchors, taxonomy, template=settings.fit.template)
        say(f"also {len(cut.train):,} pictures from {path}; labels: {', '.join(taxonomy.labels)}")
        test = None if cut.test is None else features.take(cut.test)
        if test is not None:
            refuse_copies(trained_on, test.rows, allowed=settings.allow_overlap, say=say)
        made.append(ExtraSet(path, LabelSet(features, taxonomy, anchors, cut.validation(features), cut.train), test, cut))
    return made


def _save_trained(trained: Trained, settings: TrainSettings) -> None:
    from affect_workbench.probes.checkpoint import save_probe
    from affect_workbench.probes.evaluation.evaluate import save_baselines

    sources = [
        Source.at(path, encoder=settings.encoder, id_column=settings.id_column)
        for path in (settings.features, *settings.extra_features)
    ]
    with atomic_folder(Path(settings.out), overwrite=settings.overwrite) as partial:
        save_probe(trained.probe, partial)
        save_sources(sources, partial)
        _history(trained.probe).to_csv(partial / HISTORY_FILE)
        save_baselines(trained.baselines, partial / "baselines.safetensors")
        metrics = trained.evaluation.as_json() if trained.evaluation is not None else {}
        write_json(
            partial / METRICS_FILE,
            metrics
            | {"evaluated_on": trained.evaluated_on, "training": dict(trained.probe.config)}
            | ({"seed_accuracies": list(trained.accuracies)} if len(trained.accuracies) > 1 else {})
            | ({"also": [asdict(one) for one in trained.extra_sets]} if trained.extra_sets else {})
            | ({OUT_OF_FOLD: {"temperatures": list(trained.temperatures)}} if trained.out_of_fold is not None else {}),
        )
        for probe in trained.probes if len(trained.probes) > 1 else ():
            folder = partial / "seeds" / str(probe.config["seed"])
            with atomic_folder(folder) as inner:
                save_probe(probe, inner)
                save_sources(sources, inner)
                _history(probe).to_csv(inner / HISTORY_FILE)
        if trained.out_of_fold is not None:
            trained.out_of_fold.table().to_parquet(partial / PREDICTIONS_FILE)


def _history(probe: Probe) -> pd.DataFrame:
    """One row an epoch."""
    return pd.DataFrame(probe.config["history"]).rename_axis("epoch")
