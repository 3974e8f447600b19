"""How does what a user gives become an audit, with its run folder and report?"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.data.answers.logs.read import texts_of
from affect_workbench.data.tables.headers import is_table
from affect_workbench.data.taxonomies.label_overlap import LabelsApartError
from affect_workbench.workbench.audit.attributes import with_pairs
from affect_workbench.workbench.audit.context import audit_context, prompt_variant_anchors
from affect_workbench.workbench.audit.exports.findings import audit_findings, write_findings
from affect_workbench.workbench.audit.inputs import load_predictions, predict_with_probe
from affect_workbench.workbench.audit.outcomes import audit_outcomes, outcomes_only
from affect_workbench.workbench.audit.precheck import require_usable
from affect_workbench.workbench.audit.settings import AuditSettings
from affect_workbench.workbench.audit.texts import audit_texts, text_lexicon
from affect_workbench.workbench.concepts.sentences import calibration_sentences, obtained
from affect_workbench.workbench.concepts.tables import CALIBRATED, concept_tables
from affect_workbench.workbench.interface.claiming import writes_out
from affect_workbench.workbench.interface.progress import MAP_STEP, Say, steps
from affect_workbench.workbench.report.first_page.headline import beside_headline, outcome
from affect_workbench.workbench.report.first_page.outcome import cause_outcome
from affect_workbench.workbench.report.html import report_html
from affect_workbench.workbench.report.sections.fidelity import certificate_sentence
from affect_workbench.workbench.report.system.card import read_system_card
from affect_workbench.workbench.report.system.section import read_first
from affect_workbench.workbench.runs.files import RUN_FILES
from affect_workbench.workbench.runs.gate import audit_gate, require_answerable
from affect_workbench.workbench.runs.reviews import carried_reviews, match_reviews, progress_sentence
from affect_workbench.workbench.runs.store import save_audit

if TYPE_CHECKING:
    from affect_workbench.analyses.concepts.attributes import ConceptReport


@writes_out(known=RUN_FILES)
def audit(settings: AuditSettings, *, command: str = "", remarks: tuple[str, ...] = (), say: Say = print) -> AuditResult:
    """Audits anyone's predictions, numbers alone or texts, and writes a run folder with its report.

    Args:
        settings: what to audit.
        command: the command line, for the record.
        remarks: sentences that the report shows under its headline.
        say: where lines for the reader go.

    Raises:
        FileExistsError: the run folder exists.
        ValueError: see `precheck.require_usable`, `run_audit` and the readers.
    """
    out = Path(settings.out)
    require_usable(settings)
    gate = audit_gate(settings.fail_on)
    carried_reviews(out, settings.review_from)
    card = read_system_card(settings.system) if settings.system else None
    more: dict[str, Any] = {"remarks": list(remarks)} | ({"command": command} if command else {})
    more |= {"system": card.as_json()} if card else {}
    if settings.texts:
        texts = texts_of(Path(settings.texts), id_column=settings.id_column, text_column=settings.text_column)
        lexicon = text_lexicon(settings.taxonomy, settings.valence)
        return audit_texts(settings, texts, lexicon, gate=gate, provenance=more, say=say)
    if (table := outcomes_only(settings)) is not None:
        return audit_outcomes(settings, table, gate=gate, provenance=more, say=say)
    tables = [item for item in settings.attributes if is_table(Path(item))]
    names = tuple(item for item in settings.attributes if item not in tables)
    try:
        given = predict_with_probe(settings) if settings.features else load_predictions(settings)
    except LabelsApartError as refusal:
        if refusal.never_meet:
            say("warning: nothing is audited: the true labels and the predictions never meet")
        raise
    predictions, provenance, features = given.predictions, given.provenance, given.features
    require_answerable(gate, truth=predictions.truth is not None)
    if given.joined:
        provenance |= {"attributes_table": ", ".join(tables), "joined": dict(given.joined)}
    if settings.pairs:
        predictions = with_pairs(predictions, settings.pairs)
    reports: tuple[ConceptReport, ...] = ()
    if settings.inferred.concepts:
        from affect_workbench.workbench.concepts.inputs import with_concepts

        found = with_concepts(settings.inferred, predictions, features, seed=settings.audit.seed)
        reports, predictions = found.reports, found.predictions
        provenance |= {"concepts": list(settings.inferred.concepts), "gold": list(settings.inferred.concept_labels)}
        provenance["concept_sentences"] = list(found.sentences)
        provenance["inferred_from"] = {report.column: obtained(report) for report in reports}
        for sentence in found.sentences:
            say(f"concept: {sentence}")
        names = (*names, *(report.column for report in reports)) if names else ()
    inferred = frozenset(report.column for report in reports)
    unproven = {report.column: report.unproven for report in reports if report.unproven}
    provenance |= more | {"remarks": [*provenance.get("remarks", ()), *remarks]}
    config = replace(settings.audit, attributes=names or None)
    known = audit_context(
        training=settings.training_data,
        valence=settings.valence,
        taxonomy=predictions.taxonomy,
        encoder=settings.encoder,
        temperature=None if given.probe is None else given.probe.temperature,
        trained_on=given.trained_on,
    )
    said = {"training": settings.training_data, "valence": settings.valence}
    provenance |= {name: value for name, value in said.items() if value}
    if settings.prompt_variants:
        if given.probe is None:
            raise ValueError("--prompt-variants need a probe's text model: give --features with --probe")
        known = replace(known, prompt_variants=prompt_variant_anchors(given.probe, settings.prompt_variants))
        provenance["wordings"] = list(settings.prompt_variants)
    with steps(
        "auditing",
        (
            "slicing",
            "counting",
            "testing",
            *(("looking for causes",) if settings.audit.causes else ()),
            "additional analyses",
            MAP_STEP,
            "analysing the embedding space",
            "writing the report",
        ),
    ) as step:
        result = run_audit(
            predictions, config, inferred=inferred, unproven=unproven, context=known, provenance=provenance, progress=step
        )
        result = replace(result, accuracy=given.accuracy(predictions, target_accuracy=settings.target_accuracy))
        if given.tables:
            result = replace(result, tables={**result.tables, **given.tables})
        if reports:
            ids = predictions.rows["image_id"]
            kept = concept_tables(reports, ids, result.findings, tolerance=config.tolerance)
            result = replace(result, tables={**result.tables, **kept})
        step("writing the report")
        reviews = carried_reviews(out, settings.review_from)  # once more: people may have gone on reviewing meanwhile
        report = report_html(result, reviews=reviews)
        findings = audit_findings(result, gate)
        save_audit(
            result,
            out,
            report=report,
            beside=partial(write_findings, findings),
            reviews=reviews,
            overwrite=settings.overwrite,
        )
    for note in read_first(result):
        say(f"warning: {note}")
    for row in result.excluded[result.excluded["what"] == "attribute"].itertuples():
        say(f"warning: attribute {row.name!r} is not sliced: {row.reason}")
    for name, reason in unproven.items():
        say(f"warning: concept {name!r} is {reason}")
    say(result.headline)
    if result.certificate is not None:
        say(f"certificate: {certificate_sentence(result.certificate)}")
    if result.count("skewed") or cause_outcome(result) is not None:
        say(outcome(result))
    for sentence in beside_headline(result):
        say(sentence)
    calibrated = result.table(CALIBRATED)
    if calibrated is not None:
        for sentence in calibration_sentences(calibrated):
            say(f"calibrated: {sentence}")
    if reviews:
        say(f"reviews: {progress_sentence(result, match_reviews(result, reviews))}")
    if gate.asked:
        say(findings.sentence)
    say(f"report: {out / 'report.html'}")
    return result
