"""How do features become a probe, a probe predictions, and predictions an audit? The one place where the parts meet."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from analyses.audit import AuditResult, run_audit
from analyses.slices import SliceSpec
from data.atomic import atomic_folder, ensure_free, write_json
from data.attributes import join_attributes
from data.features import FeatureSet, FeatureSpec
from data.predictions import Predictions, predictions_from_table
from data.readers import read_features
from data.splits import stratified_folds, stratified_holdout
from data.tables import is_table, read_table
from data.taxonomy import Taxonomy
from workbench.report import report_html
from workbench.sentences import plain_sentence
from workbench.settings import AuditSettings, DemoSettings, EvaluateSettings, TrainSettings
from workbench.store import save_audit

if TYPE_CHECKING:
    from probes.evaluate import Evaluation, LinearBaseline
    from probes.projector import Probe

Say = Callable[[str], None]
PREDICTIONS_FILE = "predictions.parquet"
_MAP_STEP = "drawing the map (the first one compiles for a while)"


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


def evaluate(settings: EvaluateSettings, *, say: Say = print) -> Evaluation:
    """Measures a probe beside the baselines that were fitted on its own training pictures.

    Raises:
        ValueError: no labels, another encoder's features, or nothing left to measure on.
    """
    from probes.checkpoint import load_probe
    from probes.evaluate import evaluate as measured
    from probes.evaluate import load_baselines

    if settings.out:
        ensure_free(Path(settings.out), overwrite=settings.overwrite)
    probe = load_probe(settings.probe)
    features = open_features(
        settings.features, encoder=settings.encoder, id_column=settings.id_column, taxonomy=probe.taxonomy
    )
    features = _chosen(features, probe, split=settings.split, unseen_only=settings.unseen_only)
    for note in probe.predict(features).notes:
        say(f"warning: {note}")
    result = measured(probe, features, load_baselines(Path(settings.probe) / "baselines.safetensors"))
    for line in evaluation_lines(result, f"{len(features):,} pictures of {settings.features}"):
        say(line)
    if settings.out:
        with atomic_folder(Path(settings.out), overwrite=settings.overwrite) as partial:
            write_json(partial / "evaluation.json", result.as_json() | {"probe_fingerprint": probe.fingerprint()})
            result.table.to_csv(partial / "models.csv", index=False)
            result.confusion.to_csv(partial / "confusion.csv")
        say(f"wrote {settings.out}")
    return result


def audit(settings: AuditSettings, *, command: str = "", say: Say = print) -> AuditResult:
    """Audits a probe's or anyone's predictions and writes a run folder with its report.

    Raises:
        FileExistsError: the run folder exists.
        ValueError: both or neither of features and predictions, or see `run_audit` and the readers.
    """
    out = Path(settings.out)
    ensure_free(out, overwrite=settings.overwrite)
    if bool(settings.features) == bool(settings.predictions):
        raise ValueError("give either --features with --probe, or --predictions TABLE")
    tables = [item for item in settings.attributes if is_table(Path(item))]
    names = tuple(item for item in settings.attributes if item not in tables)
    if settings.features:
        predictions, provenance = _probed(settings)
    else:
        predictions, provenance = _tabled(settings)
    for path in tables:
        rows, joined = join_attributes(predictions.rows, read_table(Path(path)))
        predictions = predictions.with_rows(rows, notes=tuple(joined.notes()))
        provenance["attributes_table"] = path
    if command:
        provenance["command"] = command
    config = replace(settings.audit, attributes=names or None)
    with _steps("auditing", ("slicing", "counting", "testing", _MAP_STEP, "writing the report")) as step:
        result = run_audit(predictions, config, provenance=provenance, progress=step)
        step("writing the report")
        save_audit(result, out, report=report_html(result), overwrite=settings.overwrite)
    for note in result.run["notes"]:
        say(f"warning: {note}")
    dropped = result.excluded[result.excluded["what"] == "attribute"]
    for row in dropped.itertuples():
        say(f"warning: attribute {row.name!r} is not sliced: {row.reason}")
    say(result.headline)
    say(f"report: {out / 'report.html'}")
    return result


def demo(settings: DemoSettings, *, command: str = "", say: Say = print) -> AuditResult:
    """Draws features with a planted bias (or without), trains a probe and audits it; everything under one folder.

    Raises:
        FileExistsError: the folder holds something that the demo did not write.
    """
    from data.planted import DEFAULT_BIASES, feature_table

    root = Path(settings.out)
    features, probe, run = (root / name for name in ("features", "probe", "audit"))
    for folder in (features, probe, run):
        ensure_free(folder, overwrite=True)
    biases = DEFAULT_BIASES if settings.bias else ()
    feature_table(biases=biases, test=settings.pictures, seed=settings.seed).save(features, overwrite=True)
    for bias in biases:
        what = "look like" if bias.kind == "reading" else "are, labels and all,"
        say(
            f"planted: {bias.strength:.0%} of the pictures with {SliceSpec.from_json(bias.where).name} {what} {bias.emotion}"
        )
    if not biases:
        say("planted: nothing; a true audit stays quiet")
    base = TrainSettings(features=str(features), out=str(probe), overwrite=True)
    train(replace(base, fit=replace(base.fit, seed=settings.seed)), say=say)
    asked = AuditSettings(features=str(features), probe=str(probe), split="test", out=str(run), overwrite=True)
    result = audit(replace(asked, audit=replace(asked.audit, seed=settings.seed)), command=command, say=say)
    for bias in biases:
        cells = result.findings[result.findings["emotion"] == bias.emotion]
        row = cells[cells["where"].map(lambda where, asked=dict(bias.where): where == asked)].iloc[0]
        say(f"{'found' if row['verdict'] == 'skewed' else 'missed'}: {plain_sentence(row)}")
    say(f"next: workbench app {run}")
    return result


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


def _probed(settings: AuditSettings) -> tuple[Predictions, dict[str, Any]]:
    from probes.checkpoint import load_probe

    if not settings.probe:
        raise ValueError("--features needs --probe FOLDER to predict with (make one with `workbench train`)")
    probe = load_probe(settings.probe)
    features = open_features(settings.features, encoder=settings.encoder, id_column=settings.id_column)
    if "label" in features.rows:
        probe.taxonomy.codes(features.rows["label"])
    features = _chosen(features, probe, split=settings.split, unseen_only=settings.unseen_only)
    provenance = {
        "features": f"{settings.features} ({features.spec.in_words()})",
        "features_fingerprint": features.fingerprint(),
        "probe": settings.probe,
        "probe_fingerprint": probe.fingerprint(),
        "anchors": f"{probe.anchors.source}, “{probe.anchors.template}”",
    }
    return probe.predict(features), provenance


def _tabled(settings: AuditSettings) -> tuple[Predictions, dict[str, Any]]:
    path = Path(settings.predictions)
    if settings.probe:
        raise ValueError("--probe goes with --features; --predictions are already made")
    if path.is_dir():
        if not (path / PREDICTIONS_FILE).is_file():
            raise FileNotFoundError(f"{path} holds no {PREDICTIONS_FILE}: train the probe with --folds 5 to get one")
        path = path / PREDICTIONS_FILE
    predictions = predictions_from_table(
        read_table(path, id_column=settings.id_column or None),
        scores_prefix=settings.scores_prefix or None,
        votes_prefix=settings.votes_prefix or None,
        taxonomy=Taxonomy.named(settings.taxonomy) if settings.taxonomy else None,
        source=path.name,
    )
    if settings.split:
        inside = (
            (predictions.rows["split"] == settings.split).to_numpy() if "split" in predictions.rows else np.zeros(0, bool)
        )
        if not inside.any():
            raise ValueError(f"no picture of {path} is in split {settings.split!r}")
        predictions = predictions.take(inside)
    return predictions, {"predictions": str(path)}


def _chosen(features: FeatureSet, probe: Probe, *, split: str, unseen_only: bool) -> FeatureSet:
    if split:
        features = features.where(split=split)
    if unseen_only:
        unseen = probe.unseen(features)
        if not unseen.any():
            raise ValueError(
                f"the probe was trained on all {len(features)} pictures, so none is unseen: audit out-of-fold predictions "
                "instead (train --folds 5, then audit --predictions PROBE)"
            )
        features = features.take(unseen)
    return features


@contextmanager
def _steps(title: str, names: tuple[str, ...]) -> Any:
    """A progress bar over named steps; call the yielded function with each step's name before it starts."""
    with tqdm(total=len(names), desc=title, unit="step", leave=False, bar_format="{desc} {bar} {elapsed}") as bar:

        def step(name: str) -> None:
            shown = _MAP_STEP if name == "drawing the map" else name
            bar.set_description(shown)
            bar.update(names.index(shown) - bar.n)

        yield step
