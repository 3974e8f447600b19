"""How do a probe, features or a table become predictions, and predictions an evaluation or an audit?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from analyses.audit import AuditResult, run_audit
from data.atomic import atomic_folder, ensure_free, write_json
from data.attributes import join_attributes
from data.features import FeatureSet
from data.predictions import Predictions, predictions_from_table
from data.tables import is_table, read_table
from data.taxonomy import Taxonomy
from workbench.concept_sentences import STANDING_WARNING
from workbench.report import report_html
from workbench.settings import AuditSettings, EvaluateSettings
from workbench.store import save_audit
from workbench.training import PREDICTIONS_FILE, evaluation_lines, open_features

if TYPE_CHECKING:
    from probes.evaluate import Evaluation
    from probes.projector import Probe

Say = Callable[[str], None]
_MAP_STEP = "drawing the map (the first one compiles for a while)"


def evaluate(settings: EvaluateSettings, *, say: Say = print) -> Evaluation:
    """Measures a probe beside the baselines that were fitted on its own training pictures.

    Raises:
        ValueError: no labels, another encoder's features, several probes, or nothing left to measure on.
    """
    from probes.checkpoint import load_probe
    from probes.evaluate import evaluate as measured
    from probes.evaluate import load_baselines

    if settings.out:
        ensure_free(Path(settings.out), overwrite=settings.overwrite)
    if len(settings.probe) != 1:
        raise ValueError(f"--features takes one probe, got {len(settings.probe)}: give the features with --datasets instead")
    folder = Path(settings.probe[0])
    probe = load_probe(folder)
    features = open_features(
        settings.features, encoder=settings.encoder, id_column=settings.id_column, taxonomy=probe.taxonomy
    )
    features = _chosen(features, probe, split=settings.split, unseen_only=settings.unseen_only)
    for note in probe.predict(features).notes:
        say(f"warning: {note}")
    result = measured(probe, features, load_baselines(folder / "baselines.safetensors"))
    for line in evaluation_lines(result, f"{len(features):,} pictures of {settings.features}"):
        say(line)
    if settings.out:
        with atomic_folder(Path(settings.out), overwrite=settings.overwrite) as partial:
            write_json(partial / "evaluation.json", result.as_json() | {"probe_fingerprint": probe.fingerprint()})
            result.table.to_csv(partial / "models.csv", index=False)
            result.confusion.to_csv(partial / "confusion.csv")
        say(f"wrote {settings.out}")
    return result


def audit(settings: AuditSettings, *, command: str = "", remarks: tuple[str, ...] = (), say: Say = print) -> AuditResult:
    """Audits a probe's or anyone's predictions and writes a run folder with its report.

    Args:
        settings: what to audit.
        command: the command line, for the record.
        remarks: sentences that the report shows under its headline.
        say: where lines for the reader go.

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
    features: FeatureSet | None = None
    if settings.features:
        predictions, provenance, features = _probed(settings)
    elif settings.concepts:
        raise ValueError("--concepts are read in the space of picture features: give --features with --probe")
    else:
        predictions, provenance = _tabled(settings)
    for path in tables:
        rows, joined = join_attributes(predictions.rows, read_table(Path(path)))
        predictions = predictions.with_rows(rows, notes=tuple(joined.notes()))
        provenance["attributes_table"] = path
    if settings.concepts and features is not None:
        from workbench.concept_intake import with_concepts

        rows, inferred, sentences = with_concepts(
            settings.concepts, features, predictions.rows, taxonomy=predictions.taxonomy,
            encoder=settings.concept_encoder, outcome=settings.concept_outcome, seed=settings.audit.seed,
        )  # fmt: skip
        predictions = predictions.with_rows(rows, notes=(STANDING_WARNING,))
        provenance |= {"concepts": list(settings.concepts), "concept_sentences": sentences}
        for sentence in sentences:
            say(f"concept: {sentence}")
        names = (*names, *inferred) if names else ()
    if command:
        provenance["command"] = command
    provenance["remarks"] = list(remarks)
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


def _probed(settings: AuditSettings) -> tuple[Predictions, dict[str, Any], FeatureSet]:
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
    return probe.predict(features), provenance, features


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
