"""How do a probe, features or a table become predictions, and predictions an audit?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from analyses.audit import AuditResult, run_audit
from analyses.reading import ReadingQuality
from data.atomic import ensure_free
from data.features import FeatureSet
from data.predictions import Predictions, predictions_from_table
from data.tables import is_table, read_table
from data.taxonomy_file import taxonomy_called
from workbench.attribute_intake import with_tables
from workbench.besides_intake import besides
from workbench.concept_sentences import calibration_sentences, obtained
from workbench.concept_tables import CALIBRATED, concept_tables
from workbench.gate import audit_gate
from workbench.gate_files import audit_findings, write_findings
from workbench.reading_intake import probe_reading, require_accuracy, table_reading
from workbench.report import report_html
from workbench.reviewing import carried_reviews, judged, progress_sentence
from workbench.settings import AuditSettings
from workbench.store import save_audit
from workbench.system_card import read_system_card
from workbench.system_section import read_first
from workbench.training import PREDICTIONS_FILE, open_features
from workbench.wording_intake import other_wordings

if TYPE_CHECKING:
    from analyses.concepts import ConceptReport
    from probes.evaluate import LinearBaseline
    from probes.projector import Probe

Say = Callable[[str], None]
_MAP_STEP = "drawing the map (the first one compiles for a while)"


@dataclass(frozen=True)
class _Given:
    """What an audit is asked about: predictions, and where a probe made them just now, that probe with what it read."""

    predictions: Predictions
    provenance: dict[str, Any]
    features: FeatureSet | None = None
    probe: Probe | None = None
    baselines: tuple[LinearBaseline, ...] = ()
    out_of_fold: bool = False
    trained_on: pd.DataFrame | None = None

    def reading(self, predictions: Predictions, *, answer_at: float) -> ReadingQuality | None:
        """How well the labelled pictures are read; `predictions` are these with all that was joined to them."""
        if self.features is None or self.probe is None:
            return table_reading(predictions, answer_at=answer_at, seen=0 if self.out_of_fold else None)
        return probe_reading(self.probe, self.features, predictions, self.baselines, answer_at=answer_at)


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
    require_accuracy(settings.answer_at)
    gate = audit_gate(settings.fail_on, fail_on_skew=settings.fail_on_skew)
    ensure_free(out, overwrite=settings.overwrite)
    carried_reviews(out, settings.review_from)
    card = read_system_card(settings.system) if settings.system else None
    if bool(settings.features) == bool(settings.predictions):
        raise ValueError("give either --features with --probe, or --predictions TABLE")
    tables = [item for item in settings.attributes if is_table(Path(item))]
    names = tuple(item for item in settings.attributes if item not in tables)
    if settings.gold and not settings.concepts:
        raise ValueError("--gold holds labels of concepts: say which with --concepts")
    given = _probed(settings) if settings.features else _tabled(settings)
    predictions, provenance, features = given.predictions, given.provenance, given.features
    predictions, joined = with_tables(predictions, tables)
    if joined:
        provenance |= {"attributes_table": ", ".join(tables), "joined": joined}
    reports: tuple[ConceptReport, ...] = ()
    if settings.concepts:
        from workbench.concept_intake import with_concepts

        found = with_concepts(settings, predictions, features)
        reports, predictions = found.reports, found.predictions
        provenance |= {"concepts": list(settings.concepts), "gold": list(settings.gold)}
        provenance["concept_sentences"] = list(found.sentences)
        provenance["inferred_from"] = {report.column: obtained(report) for report in reports}
        for sentence in found.sentences:
            say(f"concept: {sentence}")
        names = (*names, *(report.column for report in reports)) if names else ()
    inferred = frozenset(report.column for report in reports)
    provenance |= ({"command": command} if command else {}) | ({"system": card.as_json()} if card else {})
    provenance["remarks"] = list(remarks)
    config = replace(settings.audit, attributes=names or None)
    known = besides(
        training=settings.training, valence=settings.valence, taxonomy=predictions.taxonomy, encoder=settings.encoder,
        temperature=None if given.probe is None else given.probe.temperature, trained_on=given.trained_on,
    )  # fmt: skip
    provenance |= {name: getattr(settings, name) for name in ("training", "valence") if getattr(settings, name)}
    if settings.wordings:
        if given.probe is None:
            raise ValueError("--wordings are read by a probe's text model: give --features with --probe")
        known = replace(known, wordings=other_wordings(given.probe, settings.wordings))
        provenance["wordings"] = list(settings.wordings)
    with _steps(
        "auditing",
        ("slicing", "counting", "testing", "asking further", _MAP_STEP, "measuring the space", "writing the report"),
    ) as step:
        result = run_audit(predictions, config, inferred=inferred, besides=known, provenance=provenance, progress=step)
        result = replace(result, reading=given.reading(predictions, answer_at=settings.answer_at))
        if reports:
            ids = predictions.rows["image_id"]
            kept = concept_tables(reports, ids, result.findings, tolerance=config.tolerance)
            result = replace(result, tables={**result.tables, **kept})
        step("writing the report")
        reviews = carried_reviews(out, settings.review_from)  # once more: people may have gone on reviewing meanwhile
        report = report_html(result, reviews=reviews)
        save_audit(result, out, report=report, reviews=reviews, overwrite=settings.overwrite)
        findings = audit_findings(result, gate)
        write_findings(findings, out)
    for note in read_first(result):
        say(f"warning: {note}")
    for row in result.excluded[result.excluded["what"] == "attribute"].itertuples():
        say(f"warning: attribute {row.name!r} is not sliced: {row.reason}")
    say(result.headline)
    if CALIBRATED in result.tables:
        for sentence in calibration_sentences(result.tables[CALIBRATED]):
            say(f"calibrated: {sentence}")
    if reviews:
        say(f"reviews: {progress_sentence(result, judged(result, reviews))}")
    if gate.asked:
        say(findings.sentence)
    say(f"report: {out / 'report.html'}")
    return result


def _probed(settings: AuditSettings) -> _Given:
    from probes.checkpoint import load_probe
    from probes.evaluate import load_baselines

    if not settings.probe:
        raise ValueError("--features needs --probe FOLDER to predict with (make one with `workbench train`)")
    probe = load_probe(settings.probe)
    features = open_features(settings.features, encoder=settings.encoder, id_column=settings.id_column)
    if "label" in features.rows:
        probe.taxonomy.codes(features.rows["label"])
    seen = features.rows[~probe.unseen(features)] if probe.trained_on else None
    features = chosen_pictures(features, probe, split=settings.split, unseen_only=settings.unseen_only)
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
    return _Given(probe.predict(features), provenance, features, probe, baselines, trained_on=seen)


def _tabled(settings: AuditSettings) -> _Given:
    path = Path(settings.predictions)
    if settings.probe:
        raise ValueError("--probe goes with --features; --predictions are already made")
    folds = path.is_dir()
    if folds:
        if not (path / PREDICTIONS_FILE).is_file():
            raise FileNotFoundError(f"{path} holds no {PREDICTIONS_FILE}: train the probe with --folds 5 to get one")
        path = path / PREDICTIONS_FILE
    predictions = predictions_from_table(
        read_table(path, id_column=settings.id_column or None),
        scores_prefix=settings.scores_prefix or None,
        votes_prefix=settings.votes_prefix or None,
        taxonomy=taxonomy_called(settings.taxonomy) if settings.taxonomy else None,
        source=path.name,
    )
    if settings.split:
        inside = (
            (predictions.rows["split"] == settings.split).to_numpy() if "split" in predictions.rows else np.zeros(0, bool)
        )
        if not inside.any():
            raise ValueError(f"no picture of {path} is in split {settings.split!r}")
        predictions = predictions.take(inside)
    return _Given(predictions, {"predictions": str(path)}, out_of_fold=folds)


def chosen_pictures(features: FeatureSet, probe: Probe, *, split: str, unseen_only: bool) -> FeatureSet:
    """The pictures of a split, and of those the ones that the probe has not seen.

    Raises:
        ValueError: no such split, or none that is unseen.
    """
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
