"""How does a probe do on one set of features, beside the baselines that were saved with it?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from affect_workbench.analyses.audit.accuracy import Confidence
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import atomic_folder, write_json
from affect_workbench.workbench.datasets.features import open_features
from affect_workbench.workbench.interface.claiming import writes_out
from affect_workbench.workbench.interface.fields import require_accuracy
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.models.evaluation.accuracy import coverage_record, none_count, none_of_these, probe_accuracy
from affect_workbench.workbench.models.evaluation.settings import EvaluateSettings
from affect_workbench.workbench.models.evaluation.store import RECORD, evaluation_record
from affect_workbench.workbench.models.evaluation.table import DatasetTable
from affect_workbench.workbench.models.training.command import evaluation_lines
from affect_workbench.workbench.models.training.leakage import chosen_pictures, probe_knows, without
from affect_workbench.workbench.models.training.near_duplicates import NearSearch
from affect_workbench.workbench.models.training.provenance import training_provenance
from affect_workbench.workbench.report.sections.reliability import answer_sentence

if TYPE_CHECKING:
    from affect_workbench.probes.evaluation.evaluate import Evaluation
    from affect_workbench.probes.projector import Probe


@writes_out()
def evaluate(settings: EvaluateSettings, *, say: Say = print) -> Evaluation:
    """Measures a probe beside the baselines that were fitted on its own training pictures.

    Raises:
        ValueError: no labels, another encoder's features, several probes, or nothing left to measure on.
    """
    from affect_workbench.probes.checkpoint import load_probe
    from affect_workbench.probes.evaluation.evaluate import evaluate as measured
    from affect_workbench.probes.evaluation.evaluate import load_baselines
    from affect_workbench.workbench.models.evaluation.page import evaluation_html

    require_accuracy(settings.target_accuracy)
    if len(settings.probe) != 1:
        raise ValueError(f"--features takes one probe, got {len(settings.probe)}: give the features with --datasets instead")
    folder = Path(settings.probe[0])
    probe = load_probe(folder)
    features = open_features(
        settings.features, encoder=settings.encoder, id_column=settings.id_column, taxonomy=probe.taxonomy
    )
    features = chosen_pictures(features, probe, split=settings.split, unseen_only=settings.unseen_only)
    provenance = training_provenance([folder], [probe], given=settings.trained_on)
    seen, near, notes = probe_knows(
        [probe], features, provenance=provenance, search=NearSearch(), unseen_only=settings.unseen_only
    )
    if settings.unseen_only:
        features = without(features, near, name=settings.features)
    predictions = probe.predict(features)
    for note in predictions.notes:
        say(f"warning: {note}")
    baselines = load_baselines(folder / "baselines.safetensors")
    result = measured(probe, features, baselines)
    for line in evaluation_lines(result, f"{len(features):,} pictures of {settings.features}"):
        say(line)
    quality = probe_accuracy(probe, features, predictions, baselines, target_accuracy=settings.target_accuracy)
    assert quality is not None  # evaluating without a label is refused above
    assert quality.confidence is not None  # a probe always gives probabilities
    beyond = none_count(probe, predictions)
    sentences = (answer_sentence(quality.confidence), none_of_these(probe, beyond, len(features)))
    for sentence in sentences:
        say(sentence)
    for note in notes[1:] if seen.any() else notes:  # the warning above has said which are in-sample
        say(f"  * {note}")
    if settings.out:
        more = {"answering": coverage_record(quality.confidence), "none_of_these": beyond, "pictures": len(features)}
        tables = [_one_table(probe, features, result.table, quality.confidence, sentences, notes, settings)]
        with atomic_folder(Path(settings.out), overwrite=settings.overwrite) as partial:
            figures = result.as_json() | {"probe_fingerprint": probe.fingerprint()} | more
            write_json(partial / RECORD, figures | evaluation_record(tables))
            result.table.to_csv(partial / "models.csv", index=False)
            result.confusion.to_csv(partial / "confusion.csv")
            quality.confidence.reliability.to_csv(partial / "reliability.csv", index=False)
            quality.confidence.coverage.to_csv(partial / "coverage.csv", index=False)
            (partial / "evaluation.html").write_text(evaluation_html(tables), encoding="utf-8", newline="\n")
        say(f"wrote {settings.out}")
    return result


def _one_table(
    probe: Probe,
    features: FeatureSet,
    table: pd.DataFrame,
    confidence: Confidence,
    sentences: tuple[str, ...],
    leaks: Sequence[str],
    settings: EvaluateSettings,
) -> DatasetTable:
    """The evaluation as the page shows it."""
    unlabelled = int(features.rows["label"].isna().sum())
    notes = [
        *leaks,
        "baselines are those that were saved with the probe, fitted on its training pictures",
        f"{plural(unlabelled, 'picture has no label and is', 'pictures have no label and are')} left out"
        if unlabelled
        else "",
    ]
    where = f"split {settings.split}" if settings.split else "all pictures"
    kinds = ["probe", *["baseline"] * (len(table) - 1)]
    shown = table.assign(kind=kinds, interval="Wilson", model=[confidence.model, *table["model"].iloc[1:]])
    return DatasetTable(
        Path(settings.features).name or settings.features,
        probe.taxonomy,
        where + (" that the probe has not seen" if settings.unseen_only else ""),
        shown,
        tuple(filter(None, notes)),
        confidence,
        sentences,
    )
