"""How do two run folders become a comparison, its page, and an exit code that a gate can use?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from shlex import quote

import numpy as np

from affect_workbench.analyses.audit.compare.compare import Comparison, compare, compare_measurements
from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.audit.tables import SCORE_OF
from affect_workbench.analyses.skew.causes.changes import cause_changes
from affect_workbench.analyses.slices.attribute_kinds import kinds_of
from affect_workbench.data.datasets.measurements import Measurements
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.storage.atomic import atomic_folder
from affect_workbench.data.tables.read import named
from affect_workbench.workbench.audit.comparison.report import compare_html
from affect_workbench.workbench.audit.comparison.sentences import headline, outcome, outcome_change, plain_change
from affect_workbench.workbench.audit.comparison.store import ASKED, SavedComparison, write_comparison
from affect_workbench.workbench.audit.exports.findings import Findings, compare_findings, write_findings
from affect_workbench.workbench.audit.settings import CompareSettings
from affect_workbench.workbench.concepts.sentences import CALIBRATION_WARNING
from affect_workbench.workbench.interface.claiming import writes_out
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.runs.gate import gate_from
from affect_workbench.workbench.runs.store import load_audit

MOST_SENTENCES = 5
NO_PREDICTIONS = "this run compares numeric outcomes only and contains no predictions"
_OF_THE_AUDIT = ("predicted", "audit_agreement", "audit_margin", "audit_x", "audit_y")


@writes_out()
def compare_runs(settings: CompareSettings, *, command: str = "", say: Say = print) -> Findings:
    """Compares two runs and writes `compare.html`, tables as CSV, `comparison.json`, `findings.json` and `junit.xml`.

    Raises:
        FileExistsError: the folder exists.
        FileNotFoundError: a run is missing.
        ValueError: runs of other pictures, labels, taxonomies, attributes or tolerances.
    """
    out = Path(settings.out)
    gate = gate_from(settings.fail_on, verdict="worse")
    first, second = load_audit(settings.run_a), load_audit(settings.run_b)
    result = compared(first, second)
    findings = compare_findings(result, gate)
    names = (settings.run_a, settings.run_b)
    save_comparison(result, out, names=names, findings=findings, command=command, overwrite=settings.overwrite)
    _report(result, findings, say)
    say(f"page: {out / 'compare.html'}")
    return findings


def save_comparison(
    result: Comparison, out: Path, *, names: tuple[str, str], findings: Findings, command: str = "", overwrite: bool = False
) -> None:
    """Writes `compare.html`, `findings.json`, `junit.xml` and what opens it again; all of it or nothing.

    Args:
        result: the comparison.
        out: the folder.
        names: what the two runs are called.
        findings: of the comparison.
        command: what made it, for the record.
        overwrite: replace a comparison that is there.

    Raises:
        FileExistsError: the folder exists and `overwrite` is False.
    """
    with atomic_folder(out, overwrite=overwrite) as partial:
        write_comparison(SavedComparison(result, names, command), partial)
        write_findings(findings, partial)
        page = compare_html(result, name_a=names[0], name_b=names[1], command=command)
        (partial / "compare.html").write_text(page, encoding="utf-8", newline="\n")


def compared(first: AuditResult, second: AuditResult) -> Comparison:
    """The comparison of two finished audits, by what both asked.

    Raises:
        ValueError: they asked differently, or see `analyses.audit.compare.compare.compare`.
    """
    if first.has_predictions != second.has_predictions:
        raise ValueError(
            f"the {'second' if first.has_predictions else 'first'} run compares numeric outcomes only, the other "
            "one predictions: only runs of one kind can be compared"
        )
    ids, others = first.samples["image_id"], second.samples["image_id"]
    if not ids.isin(others).any():
        raise ValueError(
            f"the runs have no picture in common: the first is of {len(ids):,} ({named(ids, most=1)}), the second of "
            f"{len(others):,} ({named(others, most=1)}); audit both on the same pictures, with the same image_id"
        )
    asked, other = first.run.config, second.run.config
    for name in ASKED:
        first_value, second_value = getattr(asked, name), getattr(other, name)
        if first_value != second_value:
            raise ValueError(
                f"the runs used different settings: {name} is {first_value} in the first and {second_value} in "
                "the second; audit one of them again with the same value"
            )
    aside = {*first.run.unproven, *second.run.unproven}
    asked_by = dict.fromkeys([*first.run.attributes, *second.run.attributes])
    attributes = tuple(name for name in asked_by if name not in aside)
    if aside and not attributes:
        raise ValueError(
            f"nothing to compare: {', '.join(sorted(aside))} is no better than a random direction, and there is no other "
            "attribute; audit both runs with one"
        )
    numeric, categorical = _same_kinds(first, second)
    config = replace(
        AuditConfig(),
        attributes=attributes,
        numeric=numeric,
        categorical=categorical,
        outcomes=tuple(name for name in asked.outcomes if name in other.outcomes),
        **{name: getattr(asked, name) for name in ASKED},
    )
    inferred = frozenset([*first.run.inferred, *second.run.inferred])
    if first.has_predictions:
        result = compare(predictions_of(first), predictions_of(second), config=config, inferred=inferred)
    else:
        result = compare_measurements(measurements_of(first), measurements_of(second), config=config, inferred=inferred)
    notes = [
        f"{name} is no better than a random direction in one of the runs: no finding rests on it, so it is not compared."
        for name in sorted(aside)
    ]
    notes += [CALIBRATION_WARNING] if inferred else []
    return replace(result, notes=(*result.notes, *notes), causes=cause_changes(first.causes, second.causes))


def _same_kinds(first: AuditResult, second: AuditResult) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which attributes the runs cut at quantiles, and which they took value by value.

    Raises:
        ValueError: one attribute was taken one way in one run and the other way in the other.
    """
    (numeric, by_value), (numeric_there, by_value_there) = (kinds_of(run.slices["where"]) for run in (first, second))
    for name in (set(numeric) & set(by_value_there)) | (set(by_value) & set(numeric_there)):
        quantiles, values = ("first", "second") if name in numeric else ("second", "first")
        raise ValueError(
            f"the runs used different settings: {name} is cut at quantiles in the {quantiles} and taken value by "
            f"value in the {values}; audit one of them again with --numeric={quote(name)} or --categorical={quote(name)}"
        )
    return tuple({*numeric, *numeric_there}), tuple({*by_value, *by_value_there})


def predictions_of(result: AuditResult) -> Predictions:
    """What the model of a finished audit said; distances are not kept, only the label that was nearest.

    Raises:
        ValueError: nothing was predicted.
    """
    if not result.has_predictions:
        raise ValueError(NO_PREDICTIONS)
    codes = result.taxonomy.codes(result.samples["predicted"])
    own = [str(name) for name in result.samples if name in _OF_THE_AUDIT or str(name).startswith(SCORE_OF)]
    rows = result.samples.drop(columns=own)
    return Predictions(1.0 - np.eye(len(result.taxonomy))[codes], rows, result.taxonomy, "label", result.run.source)


def measurements_of(result: AuditResult) -> Measurements:
    """The numbers of a finished audit without predictions."""
    rows = result.samples.drop(columns=[name for name in _OF_THE_AUDIT if name in result.samples])
    return Measurements(rows, tuple(result.run.config.outcomes), result.run.source)


def _report(result: Comparison, findings: Findings, say: Say) -> None:
    for note in result.notes:
        say(f"note: {note}")
    say(headline(result))
    for sentence in outcome(result):
        say(sentence)
    changed = result.changes["verdict"].isin(["worse", "better", "changed"])
    found = result.changes[changed & result.changes["explained_by"].isna()]
    for row in found.head(MOST_SENTENCES).itertuples():
        say(f"{row.verdict}: {plain_change(row)}")
    numbers = result.outcomes[result.outcomes["verdict"].isin(["worse", "better", "changed"])]
    for row in numbers.head(MOST_SENTENCES).itertuples():
        say(f"{row.verdict}: {outcome_change(row)}")
    if findings.gate.asked:
        say(findings.sentence)
