"""How does a probe do on several datasets, zero-shot where their labels are not its own, beside what else could do it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from affect_workbench.data.datasets.feature_files import with_taxonomy
from affect_workbench.data.datasets.published import HEADLINE_NOTE, SETS, set_named
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import atomic_folder, write_json
from affect_workbench.data.taxonomies.files import taxonomy_called
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.datasets.features import Source, open_features
from affect_workbench.workbench.interface.claiming import writes_out
from affect_workbench.workbench.interface.fields import require_accuracy
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.models.evaluation.accuracy import (
    PROBE,
    confidence_of,
    coverage_record,
    none_count,
    none_of_these,
)
from affect_workbench.workbench.models.evaluation.notes import bank_note, thin_notes
from affect_workbench.workbench.models.evaluation.settings import EvaluateSettings
from affect_workbench.workbench.models.evaluation.splits import Measured, measured_splits
from affect_workbench.workbench.models.evaluation.store import RECORD, evaluation_record
from affect_workbench.workbench.models.evaluation.table import DatasetTable, latex, long_table, markdown, text_lines
from affect_workbench.workbench.models.training.near_duplicates import NearSearch
from affect_workbench.workbench.models.training.provenance import TrainingProvenance, training_provenance
from affect_workbench.workbench.report.sections.reliability import answer_sentence

if TYPE_CHECKING:
    from affect_workbench.probes.evaluation.baselines import BaselinePredictions
    from affect_workbench.probes.projector import Probe


@dataclass(frozen=True)
class EvaluationProtocol:
    """How every dataset of a table is measured.

    Attributes:
        split: measured on; `test` where there is one, else all pictures.
        unseen_only: leave out pictures that any of the probes was trained on, and near-duplicates of them.
        encoder: opens the text tower where the features do not name their encoder.
        target_accuracy: accuracy asked for where unsure pictures may stay unanswered.
    """

    split: str = ""
    unseen_only: bool = False
    encoder: str = ""
    target_accuracy: float = 0.9


@writes_out()
def evaluate_datasets(settings: EvaluateSettings, *, say: Say = print) -> tuple[DatasetTable, ...]:
    """Measures one probe (or its seeds) on every dataset and writes the table in every form.

    Raises:
        FileExistsError: the folder exists.
        ValueError: `--features` beside `--datasets`, two datasets of one name, or see `dataset_table`.
    """
    if settings.features:
        raise ValueError("give either --features for one set or --datasets for several, not both")
    require_accuracy(settings.target_accuracy)
    probes = open_probes(settings.probe)
    places = [_place(item) for item in settings.datasets]
    repeated = sorted({name for name, _ in places if [other for other, _ in places].count(name) > 1})
    if repeated:
        raise ValueError(f"two datasets are called {repeated[0]!r}: give them different names, as NAME=PATH")
    chosen = list(settings.taxonomies) or [""]
    if len(chosen) not in (1, len(places)):
        raise ValueError(f"{len(chosen)} taxonomies for {len(places)} datasets: give one for all, or one each")
    provenance, search = training_provenance(settings.probe, probes, given=settings.trained_on), NearSearch()
    protocol = EvaluationProtocol(
        settings.split,
        settings.unseen_only,
        "" if settings.encoder == "unknown" else settings.encoder,
        settings.target_accuracy,
    )
    tables = []
    for (name, path), labels in zip(places, chosen * (len(places) if len(chosen) == 1 else 1), strict=True):
        source = Source.at(path, encoder=settings.encoder, id_column=settings.id_column)
        features = provenance.loaded(source) or open_features(path, encoder=settings.encoder, id_column=settings.id_column)
        taxonomy = taxonomy_called(labels) if labels else dataset_taxonomy(name, features, probes[0].taxonomy)
        tables.append(
            dataset_table(
                probes, features, name=name, taxonomy=taxonomy, protocol=protocol, provenance=provenance, search=search
            )
        )
    finish(tables, out=settings.out, overwrite=settings.overwrite, say=say)
    return tuple(tables)


def finish(tables: Sequence[DatasetTable], *, out: str, overwrite: bool, say: Say) -> None:
    """Says the table, and writes it to `out` where that is given."""
    from affect_workbench.workbench.models.evaluation.page import evaluation_html

    for line in text_lines(tables):
        say(line)
    if not out:
        return
    with atomic_folder(Path(out), overwrite=overwrite) as partial:
        for file, text in {
            "evaluation.html": evaluation_html(tables),
            "evaluation.md": markdown(tables),
            "evaluation.tex": latex(tables),
        }.items():
            (partial / file).write_text(text, encoding="utf-8", newline="\n")
        write_json(partial / RECORD, evaluation_record(tables))
        long_table(tables).to_csv(partial / "evaluation.csv", index=False)
    say(f"wrote {out}: evaluation.html, .md, .tex, .csv, .json")


def open_probes(folders: Sequence[str]) -> list[Probe]:
    """The probes, which must be one training with several seeds.

    Raises:
        ValueError: the same probe twice, or probes that differ in encoder, labels or anchors.
    """
    from affect_workbench.probes.checkpoint import load_probe

    probes = [load_probe(folder) for folder in folders]
    kinds = {(item.spec.fingerprint(), item.taxonomy.labels, item.anchors.source, item.anchors.template) for item in probes}
    if len(kinds) > 1:
        raise ValueError(
            f"the {len(probes)} probes differ in encoder, labels or anchors, so they are not seeds of one training: "
            "evaluate them one at a time"
        )
    if len({item.fingerprint() for item in probes}) < len(probes):
        raise ValueError("the same probe is given twice: seeds of one training have different weights")
    return probes


def dataset_taxonomy(name: str, features: FeatureSet, own: Taxonomy) -> Taxonomy:
    """Which labels a dataset is read against, where nobody says.

    That of the known dataset of this name; else the built-in one with exactly the labels found; else the probe's, if it has
    them all; else the labels found.

    Raises:
        ValueError: no labels.
    """
    if "label" not in features.rows or not features.rows["label"].notna().any():
        raise ValueError(f"cannot evaluate on {name}: the features have no 'label' column, or no label in it")
    found = sorted(features.rows["label"].dropna().astype(str).unique())
    known = set_named(name)
    if known is not None and all(Taxonomy.named(known.taxonomy).knows(label) for label in found):
        return Taxonomy.named(known.taxonomy)
    made = Taxonomy.from_labels(found)
    return own if made.name == "custom" and all(own.knows(label) for label in found) else made


def dataset_table(
    probes: Sequence[Probe],
    features: FeatureSet,
    *,
    name: str,
    taxonomy: Taxonomy,
    protocol: EvaluationProtocol,
    provenance: TrainingProvenance,
    search: NearSearch,
) -> DatasetTable:
    """Everything about one dataset: probe, baselines, zero-shot CLIP, reported figures, and what leaks.

    Args:
        probes: seeds of one training.
        features: labelled pictures.
        name: of the dataset; reported figures are found by it.
        taxonomy: labels to read against; anchors are made anew where they are not the probe's own.
        protocol: how it is measured.
        provenance: the probe's training pictures, to look for near-duplicates of.
        search: of several datasets, to open each picture once.

    Raises:
        ValueError: no labels, no such split, nothing unseen, another encoder's features.
        FileNotFoundError: the model that the probe's anchors came from is not there.
    """
    from affect_workbench.probes.evaluation.metrics import agreement, bootstrap_accuracy, figures, retrieval, vote_shares

    features = with_taxonomy(features, taxonomy)
    splits = measured_splits(
        probes,
        features,
        name=name,
        split=protocol.split,
        unseen_only=protocol.unseen_only,
        provenance=provenance,
        search=search,
    )
    measured, seen, footnotes = splits.pictures, splits.seen, list(splits.notes)
    recorded = all(probe.trained_on for probe in probes)
    swapped = [_reading_against(taxonomy, probe, first=probes[0]) for probe in probes]
    footnotes.append(bank_note(probes[0], taxonomy))
    predictions = [probe.predict(measured) for probe in swapped]
    footnotes += [note for note in predictions[0].notes if "are in-sample" not in note]
    own = [probe.probabilities(one) for probe, one in zip(swapped, predictions, strict=True)]
    codes = taxonomy.codes(measured.rows["label"])
    fitted = None if splits.train is None else taxonomy.codes(features.rows["label"].iloc[splits.train])
    footnotes += thin_notes(codes, fitted, taxonomy)
    votes = vote_shares(measured.rows, taxonomy)
    valence = pd.to_numeric(measured.rows["valence"], errors="coerce").to_numpy() if "valence" in measured.rows else None

    def row(probabilities: np.ndarray, scores: np.ndarray) -> dict[str, float]:
        shared = {} if votes is None else agreement(probabilities, votes, taxonomy, valence=valence)
        return figures(probabilities, codes, taxonomy) | retrieval(scores, codes) | shared

    each = pd.DataFrame([row(p, 1 - one.distances) for p, one in zip(own, predictions, strict=True)])
    label = PROBE if len(probes) == 1 else f"{PROBE}, {len(probes)} seeds"
    if seen.any():
        label += f" ({100 * seen.mean():.0f} % in-sample)"
    rows: list[dict[str, object]] = [{"model": label, "kind": "probe", "interval": "Wilson", **dict(each.mean())}]
    if len(probes) > 1:
        hits = np.stack([p.argmax(axis=1) == codes for p in own])
        rows[0]["low"], rows[0]["high"] = bootstrap_accuracy(hits)
        rows[0]["interval"] = "bootstrap over seeds and pictures"
    for kind, reading in _others(features, splits, taxonomy, protocol.encoder, footnotes):
        rows.append(
            {"model": reading.name, "kind": kind, "interval": "Wilson", **row(reading.probabilities, reading.scores)}
        )
    rows += _reported(name, taxonomy, footnotes)
    unlabelled = int(features.rows["label"].isna().sum())
    if unlabelled:
        footnotes.append(f"{plural(unlabelled, 'picture has no label and is', 'pictures have no label and are')} left out")
    known = int(seen.sum()) if recorded else None
    drawn = label if len(probes) == 1 else f"{PROBE}, first seed"
    confidence = confidence_of(drawn, own[0], codes, seen=known, target_accuracy=protocol.target_accuracy)
    # Against its own labels, which are those that the threshold is about, whatever the dataset's are.
    beyond = none_count(probes[0], predictions[0] if swapped[0] is probes[0] else probes[0].predict(_unlabelled(measured)))
    more = coverage_record(confidence) | {"none_of_these": None if beyond is None else beyond / len(measured)}
    rows[0] |= {name: np.nan if value is None else value for name, value in more.items()}
    return DatasetTable(
        name,
        taxonomy,
        splits.where,
        pd.DataFrame(rows),
        tuple(note for note in footnotes if note),
        confidence,
        (answer_sentence(confidence), none_of_these(probes[0], beyond, len(measured))),
    )


def _place(item: str) -> tuple[str, Path]:
    name, given, path = item.partition("=")
    if given and name and not Path(item).exists():
        return name, Path(path)
    place = Path(item).resolve()
    return place.parent.name if place.name == "features" else place.name.removesuffix(place.suffix), Path(item)


def _reading_against(taxonomy: Taxonomy, probe: Probe, *, first: Probe) -> Probe:
    """The probe with the anchors of these labels; its own stay as they are."""
    from affect_workbench.probes.anchors.anchors import anchors_from

    if taxonomy.labels == probe.taxonomy.labels:
        return probe
    return replace(
        probe, taxonomy=taxonomy, anchors=anchors_from(first.anchors.source, taxonomy, template=first.anchors.template)
    )


def _unlabelled(features: FeatureSet) -> FeatureSet:
    """The pictures without labels, which another taxonomy would not know."""
    return FeatureSet(features.spec, features.values, features.rows[["image_id"]])


def _others(
    features: FeatureSet, splits: Measured, taxonomy: Taxonomy, encoder: str, footnotes: list[str]
) -> list[tuple[str, BaselinePredictions]]:
    """Baselines and zero-shot text where they can be had; a footnote says why not."""
    from affect_workbench.probes.evaluation.baselines import (
        FOLDS,
        fitted_baseline_predictions,
        out_of_fold_predictions,
        text_predictions,
    )

    measured, train = splits.pictures, splits.train
    made: list[tuple[str, BaselinePredictions]] = []
    try:
        fitted = (
            out_of_fold_predictions(measured, taxonomy)
            if train is None
            else fitted_baseline_predictions(features, measured, taxonomy, within=train)
        )
        made += [("baseline", reading) for reading in fitted]
        footnotes.append(
            (f"baselines are fitted out of fold ({FOLDS} folds), so each predicts only pictures that it was not fitted on")
            if train is None
            else f"baselines are fitted on {splits.fitted_on}"
        )
    except ValueError as error:
        footnotes.append(f"no baselines: {error}")
    try:
        made.append(("zero-shot", text_predictions(measured, taxonomy, encoder=encoder)))
    except ValueError as error:
        footnotes.append(f"no zero-shot CLIP text: {error}")
    return made


def _reported(name: str, taxonomy: Taxonomy, footnotes: list[str]) -> list[dict[str, object]]:
    known = set_named(name)
    if known is None or SETS[known.name].taxonomy != taxonomy.name:
        return []
    footnotes.append(f"reported: TinyEmo, Table VIII; {HEADLINE_NOTE}; which pictures they were measured on may differ")
    footnotes.append(f"reported: {known.note}" if known.note else "")
    return [
        {
            "model": f"{model}, reported" + (", trained on this set" if grey else ""),
            "kind": "reported",
            "interval": "none",
            "accuracy": accuracy,
            "low": np.nan,
            "high": np.nan,
        }
        for model, accuracy, grey in known.rows()
    ]
