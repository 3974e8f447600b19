"""What does an audit find beyond its (slice, emotion) pairs? One section per question, made from the tables of the run."""

from __future__ import annotations

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.workbench.report.sections.accuracy import slice_accuracy
from affect_workbench.workbench.report.sections.adjusted import adjusted_differences, adjusted_outcomes
from affect_workbench.workbench.report.sections.error_rates import calibration, error_rates
from affect_workbench.workbench.report.sections.fidelity import fidelity
from affect_workbench.workbench.report.sections.group_metrics import (
    amplification,
    comparability,
    distributions,
    nearest_pictures,
)
from affect_workbench.workbench.report.sections.impact_ratios import impact_ratios
from affect_workbench.workbench.report.sections.in_pairs import in_pairs
from affect_workbench.workbench.report.sections.inside import causal_checks, layer_sweep
from affect_workbench.workbench.report.sections.label_tree import label_tree
from affect_workbench.workbench.report.sections.section import Section
from affect_workbench.workbench.report.sections.severity import attribute_words, outcomes, severity

__all__ = ["Section", "report_sections"]


def report_sections(result: AuditResult) -> list[Section]:
    """The sections that the audit's tables fill, in the order in which a reader asks."""
    single = [
        fidelity(result),
        layer_sweep(result),
        *causal_checks(result),
        slice_accuracy(result),
        adjusted_differences(result),
        error_rates(result),
        severity(result),
        label_tree(result),
        calibration(result),
        amplification(result),
        impact_ratios(result),
        distributions(result),
        comparability(result),
        nearest_pictures(result),
        attribute_words(result),
    ]
    found = [section for section in (in_pairs(result), *single) if section is not None]
    return [*found, *outcomes(result), *adjusted_outcomes(result)]
