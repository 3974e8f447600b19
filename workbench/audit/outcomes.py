"""How does a table of numbers in which nothing is predicted become an audit, with its run folder and report?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from affect_workbench.analyses.audit.outcomes import run_outcome_audit
from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.data.datasets.measurements import Measurements
from affect_workbench.data.tables.columns import SCORE_PREFIX
from affect_workbench.data.tables.headers import is_table
from affect_workbench.data.tables.read import Table, table_of, with_ids
from affect_workbench.data.tables.splits import in_split
from affect_workbench.workbench.audit.attributes import with_tables
from affect_workbench.workbench.audit.exports.findings import audit_findings, write_findings
from affect_workbench.workbench.audit.settings import AuditSettings
from affect_workbench.workbench.interface.progress import Say, steps
from affect_workbench.workbench.report.first_page.headline import beside_headline
from affect_workbench.workbench.report.html import report_html
from affect_workbench.workbench.report.system.section import read_first
from affect_workbench.workbench.runs.gate import Gate
from affect_workbench.workbench.runs.store import save_audit

_OF_PREDICTIONS = (
    "taxonomy",
    "votes_prefix",
    "prompt_variants",
    "unseen_only",
    "trained_on",
    "training_data",
    "valence",
    "review_from",
)


def outcomes_only(settings: AuditSettings) -> Table | None:
    """The table of the settings where outcomes are asked for and nothing is predicted in it; None for any other.

    Nothing is predicted where there is neither a column `predicted` nor, the outcomes left aside, two score columns.

    Raises:
        FileNotFoundError: no such table.
        ValueError: see `data.tables.read.read_table`.
    """
    path = Path(settings.predictions)
    if not settings.predictions or settings.features or not settings.audit.outcomes or settings.probe or path.is_dir():
        return None
    table = table_of(path, id_column=settings.id_column or None)
    scores = [name for name in map(str, table.rows) if name.startswith(SCORE_PREFIX) and name not in settings.audit.outcomes]
    return None if "predicted" in table.rows or len(scores) >= 2 or settings.scores_prefix else table


def audit_outcomes(
    settings: AuditSettings, table: Table, *, gate: Gate, provenance: dict[str, Any], say: Say = print
) -> AuditResult:
    """Audits the outcomes of a table and writes a run folder with its report.

    Args:
        settings: what to audit.
        table: of `numbers_alone`.
        gate: what is not let through.
        provenance: what the caller knows: command, remarks, the card of the system.
        say: where lines for the reader go.

    Raises:
        ValueError: an option that asks something of predictions, no such split, or see `run_outcome_audit`.
    """
    measurements, more = _measured(settings, table)
    names = tuple(item for item in settings.attributes if not is_table(Path(item)))
    config = replace(settings.audit, attributes=names or None)
    return written_audit(
        settings,
        lambda step: run_outcome_audit(measurements, config, provenance=provenance | more, progress=step),
        gate=gate,
        say=say,
    )


def written_audit(
    settings: AuditSettings, audited: Callable[[Say], AuditResult], *, gate: Gate, say: Say = print, first: str = "slicing"
) -> AuditResult:
    """Makes an audit in which nothing is predicted, writes its run folder, and says what it found.

    Args:
        settings: where to.
        audited: makes the audit; is given what each step is said to.
        gate: what is not let through.
        say: where lines for the reader go.
        first: the first step.
    """
    out = Path(settings.out)
    with steps("auditing", (*dict.fromkeys((first, "slicing", "counting", "testing", "writing the report")),)) as step:
        result = audited(step)
        step("writing the report")
        findings = audit_findings(result, gate)
        save_audit(
            result, out, report=report_html(result), beside=partial(write_findings, findings), overwrite=settings.overwrite
        )
    for note in read_first(result):
        say(f"warning: {note}")
    for row in result.excluded[result.excluded["what"] == "attribute"].itertuples():
        say(f"warning: attribute {row.name!r} is not sliced: {row.reason}")
    say(result.headline)
    for sentence in beside_headline(result):
        say(sentence)
    if gate.asked:
        say(findings.sentence)
    say(f"report: {out / 'report.html'}")
    return result


def _measured(settings: AuditSettings, table: Table) -> tuple[Measurements, dict[str, Any]]:
    """The measurements with all that is joined to them, and what the record says of them."""
    path = Path(settings.predictions)
    asked = [f"--{name.replace('_', '-')}" for name in _OF_PREDICTIONS if getattr(settings, name)]
    asked += [f"--{name.replace('_', '-')}" for name in ("concepts", "concept_labels") if getattr(settings.inferred, name)]
    asked += ["--favourable"] if settings.audit.favourable else []
    if asked:
        raise ValueError(
            f"{', '.join(asked)} need predictions, and {path} has none: expected a column 'predicted', or one "
            "score column per label; without them only --outcomes can be compared"
        )
    rows = with_ids(table.rows, where=path.name)
    if settings.split:
        rows = rows[in_split(rows, settings.split, where=str(path))]
    joined = with_tables(rows, settings.attributes)
    record: dict[str, Any] = {"predictions": str(path)}
    if joined.origins:
        record |= {"attributes_table": ", ".join(dict.fromkeys(joined.origins.values())), "joined": joined.origins}
    notes = (*table.notes, *joined.notes(rows["image_id"]))
    return Measurements(joined.rows, settings.audit.outcomes, path.name, notes), record
