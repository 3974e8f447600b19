"""What does an audit say beyond its cells? One chapter a further question, made from the tables that the run keeps."""

from __future__ import annotations

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.workbench.report.sections.accuracy import slice_accuracy
from affect_workbench.workbench.report.sections.adjusted import held_fixed, held_fixed_outcomes
from affect_workbench.workbench.report.sections.error_rates import calibrated, missed_and_mistaken
from affect_workbench.workbench.report.sections.group_metrics import (
    amplified,
    comparability,
    distributions,
    nearest_pictures,
)
from affect_workbench.workbench.report.sections.impact_ratios import impact_ratios
from affect_workbench.workbench.report.sections.in_pairs import in_pairs
from affect_workbench.workbench.report.sections.label_tree import label_tree
from affect_workbench.workbench.report.sections.section import Chapter
from affect_workbench.workbench.report.sections.severity import outcomes, severe

__all__ = ["Chapter", "chapters"]


def chapters(result: AuditResult) -> list[Chapter]:
    """The chapters that the audit's tables fill, in the order in which a reader asks."""
    single = [
        slice_accuracy(result),
        held_fixed(result),
        missed_and_mistaken(result),
        severe(result),
        label_tree(result),
        calibrated(result),
        amplified(result),
        impact_ratios(result),
        distributions(result),
        comparability(result),
        nearest_pictures(result),
    ]
    found = [chapter for chapter in (in_pairs(result), *single) if chapter is not None]
    return [*found, *outcomes(result), *held_fixed_outcomes(result)]
