"""What is audited? The pictures that a probe reads, or a table that any model's readings stand in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.accuracy import MeasuredAccuracy
from affect_workbench.data.answers.logs.kinds import is_log
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.predictions import Predictions, predictions_from_table
from affect_workbench.data.storage.saved import read_record
from affect_workbench.data.tables.columns import SCORE_PREFIX, VOTE_PREFIX
from affect_workbench.data.tables.headers import is_table
from affect_workbench.data.tables.read import Table, named, table_of
from affect_workbench.data.tables.splits import in_split
from affect_workbench.data.taxonomies.files import taxonomy_called
from affect_workbench.data.taxonomies.prediction_columns import labels_named, with_votes
from affect_workbench.workbench.audit.attributes import with_tables
from affect_workbench.workbench.audit.settings import AuditSettings
from affect_workbench.workbench.models.asking.files import asked_notes, asked_provenance, is_asked, require_predictions
from affect_workbench.workbench.models.asking.logs import logged_predictions
from affect_workbench.workbench.models.attaching.files import (
    attached_notes,
    attached_predictions,
    attached_provenance,
    attached_tables,
    is_attached,
    is_projected,
    projected_notes,
    projected_predictions,
)
from affect_workbench.workbench.models.evaluation.accuracy import probe_accuracy, table_accuracy

if TYPE_CHECKING:
    from affect_workbench.probes.evaluation.evaluate import LinearBaseline
    from affect_workbench.probes.projector import Probe


@dataclass(frozen=True)
class AuditInput:
    """What an audit is asked about: predictions, and where a probe made them just now, that probe with what it read.

    `joined` says which table each attribute was joined from; `tables` are tables of the result that are known already.
    """

    predictions: Predictions
    provenance: dict[str, Any]
    features: FeatureSet | None = None
    probe: Probe | None = None
    baselines: tuple[LinearBaseline, ...] = ()
    out_of_fold: bool = False
    basis: str = ""
    trained_on: pd.DataFrame | None = None
    joined: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def accuracy(self, predictions: Predictions, *, target_accuracy: float) -> MeasuredAccuracy | None:
        """How well the labelled pictures are read; `predictions` are these with all that was joined to them."""
        if self.features is None or self.probe is None:
            seen = 0 if self.out_of_fold else None
            return table_accuracy(predictions, target_accuracy=target_accuracy, seen=seen, basis=self.basis)
        return probe_accuracy(self.probe, self.features, predictions, self.baselines, target_accuracy=target_accuracy)


def predict_with_probe(settings: AuditSettings) -> AuditInput:
    """What the probe of the settings says of their features.

    Raises:
        ValueError: labels that it does not know, no such split, no picture that is unseen, or `trained_on`
            without `unseen_only`.
    """
    from affect_workbench.probes.checkpoint import load_probe
    from affect_workbench.probes.evaluation.evaluate import load_baselines
    from affect_workbench.workbench.datasets.features import open_features
    from affect_workbench.workbench.models.training.leakage import chosen_pictures

    if settings.trained_on and not settings.unseen_only:
        raise ValueError("--trained-on says where to look for near-duplicates to leave out: use it with --unseen-only")
    probe = load_probe(settings.probe)
    features = open_features(settings.features, encoder=settings.encoder, id_column=settings.id_column)
    joined = with_tables(features.rows, settings.attributes, labels=probe.taxonomy.labels)
    vote_notes: list[str] = []
    if joined.reports:
        rows = joined.rows
        if settings.votes_prefix or any(name.startswith(VOTE_PREFIX) for report in joined.reports for name in report.core):
            rows, vote_notes = with_votes(rows, probe.taxonomy, votes_prefix=settings.votes_prefix or None)
        features = replace(features, rows=rows)
    if "label" in features.rows:
        probe.taxonomy.codes(features.rows["label"])
    seen = features.rows[~probe.unseen(features)] if probe.trained_on else None
    features = chosen_pictures(features, probe, split=settings.split, unseen_only=settings.unseen_only)
    features, notes = _not_nearly_seen(features, probe, settings) if settings.unseen_only else (features, ())
    if seen is not None and (seen.empty or seen["image_id"].isin(features.rows["image_id"]).any()):
        seen = None  # what was trained on is audited too, or not there: there is nothing to compare with
    provenance = {
        "features": f"{settings.features} ({features.spec.in_words()})",
        "features_fingerprint": features.fingerprint(),
        "probe": settings.probe,
        "probe_fingerprint": probe.fingerprint(),
        "anchors": f"{probe.anchors.source}, “{probe.anchors.template}”",
    }
    saved = Path(settings.probe) / "baselines.safetensors"
    baselines = load_baselines(saved) if saved.is_file() else ()
    predictions = probe.predict(features)
    notes = (*notes, *vote_notes, *joined.notes(predictions.rows["image_id"]))
    predictions = predictions.with_rows(predictions.rows, notes=notes)
    return AuditInput(predictions, provenance, features, probe, baselines, trained_on=seen, joined=joined.origins)


def _not_nearly_seen(features: FeatureSet, probe: Probe, settings: AuditSettings) -> tuple[FeatureSet, tuple[str, ...]]:
    """The pictures but for near-duplicates of training pictures, and what was left out or could not be compared."""
    from affect_workbench.workbench.models.training.leakage import TRAINING_PICTURES, near_notes, without
    from affect_workbench.workbench.models.training.near_duplicates import NearSearch
    from affect_workbench.workbench.models.training.provenance import training_provenance

    provenance = training_provenance([settings.probe], [probe], given=settings.trained_on)
    near = provenance.near(features, np.arange(len(features)), NearSearch())
    told = len(near.pairs) or near.unchecked
    notes = near_notes(near, of=TRAINING_PICTURES, whose="its", unseen_only=True) if told else []
    return without(features, near.found, name=settings.features), tuple(notes)


def load_predictions(settings: AuditSettings) -> AuditInput:
    """What a table of predictions says, a log of answers, a folder of `ask`, or out-of-fold predictions in a probe folder.

    Raises:
        ValueError: no picture in the split; see `predictions_from_table`.
        FileNotFoundError: a folder without out-of-fold predictions.
    """
    path = Path(settings.predictions)
    given = _logged(settings) if is_log(path) and not settings.scores_prefix else _given(path)
    path = given.path
    table = given.table or table_of(path, id_column=settings.id_column or None)
    known = labels_named(table.rows, scores_prefix=settings.scores_prefix or None)
    joined = with_tables(table.rows, settings.attributes, labels=known, prefix=settings.scores_prefix or SCORE_PREFIX)
    predictions = predictions_from_table(
        joined.rows,
        scores_prefix=settings.scores_prefix or None,
        votes_prefix=settings.votes_prefix or None,
        taxonomy=taxonomy_called(settings.taxonomy) if settings.taxonomy else None,
        source=path.name,
    )
    if settings.split:
        inside = in_split(predictions.rows, settings.split, where=str(path))
        predictions = predictions.take(inside)
    notes = (*given.notes, *table.notes, *joined.notes(predictions.rows["image_id"]))
    predictions = predictions.with_rows(predictions.rows, notes=notes)
    provenance = {"predictions": str(path), **given.provenance}
    folds, tables = given.out_of_fold, given.tables
    return AuditInput(predictions, provenance, out_of_fold=folds, basis=given.basis, joined=joined.origins, tables=tables)


@dataclass(frozen=True)
class _Given:
    """Where a table of predictions lies, or itself where it was made just now, and what is said of it."""

    path: Path
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    table: Table | None = None
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    out_of_fold: bool = False
    basis: str = ""


def _logged(settings: AuditSettings) -> _Given:
    """What the answers in a log come to."""
    path = Path(settings.predictions)
    taxonomy = taxonomy_called(settings.taxonomy) if settings.taxonomy else None
    found = logged_predictions(path, taxonomy=taxonomy, id_column=settings.id_column, seed=settings.audit.seed)
    return _Given(path, found.notes, found.provenance, Table(found.table), found.tables)


def _given(path: Path) -> _Given:
    """The table itself, or the one in a folder of `ask`, of `attach`, or of a probe trained with folds."""
    if is_attached(path):
        notes, tables = attached_notes(path), attached_tables(path)
        return _Given(attached_predictions(path), notes, attached_provenance(path), tables=tables)
    if is_projected(path):
        return _Given(
            projected_predictions(path),
            projected_notes(path),
            attached_provenance(path.parent),
            tables=attached_tables(path.parent),
        )
    if is_asked(path):
        return _Given(require_predictions(path), asked_notes(path), asked_provenance(path))
    if not path.is_dir():
        return _Given(path)
    from affect_workbench.workbench.models.training.command import PREDICTIONS_FILE

    table = path / PREDICTIONS_FILE
    if not table.is_file():
        files = list(path.iterdir())
        probe = any(one.suffix == ".safetensors" for one in files)
        found = [] if probe else sorted(str(one) for one in files if is_table(one))
        there = f"name one of its tables, {named(found)}; or, in a probe's folder, " if found else ""
        raise FileNotFoundError(f"{path} holds no {PREDICTIONS_FILE}: {there}train the probe with --folds 5 to get one")
    return _Given(table, out_of_fold=True, basis=_basis(path))


def _basis(folder: Path) -> str:
    """At which temperatures the predictions in a probe folder are probabilities; empty where they are cosines."""
    from affect_workbench.workbench.models.training.command import METRICS_FILE, OUT_OF_FOLD, temperatures_phrase

    if not (folder / METRICS_FILE).is_file():
        return ""
    record = read_record(folder / METRICS_FILE, otherwise="train the probe again")
    if OUT_OF_FOLD not in record:
        return ""
    fitted = not record.known("training") or record.record("training").values.get("calibrate") is not False
    return temperatures_phrase(record.record(OUT_OF_FOLD).numbers("temperatures"), fitted=fitted)
