"""What does an audit say beyond its cells? One chapter a further question, made from the tables that the run keeps."""

from __future__ import annotations

from analyses.audit import AuditResult
from workbench.chapters.accuracy import slice_accuracy
from workbench.chapters.chapter import Chapter
from workbench.chapters.held_fixed import held_fixed, held_fixed_outcomes
from workbench.chapters.impact import impact_ratios
from workbench.chapters.in_pairs import in_pairs
from workbench.chapters.levels import label_tree
from workbench.chapters.severity import outcomes, severe
from workbench.chapters.truth import calibrated, missed_and_mistaken
from workbench.chapters.whole import amplified, comparability, distributions, nearest_pictures

__all__ = ["Chapter", "chapters"]


def chapters(result: AuditResult) -> list[Chapter]:
    """The chapters that the audit's tables fill, in the order in which a reader asks."""
    single = [
        slice_accuracy(result), held_fixed(result), missed_and_mistaken(result), severe(result), label_tree(result),
        calibrated(result), amplified(result), impact_ratios(result), distributions(result), comparability(result),
        nearest_pictures(result),
    ]  # fmt: skip
    found = [chapter for chapter in (in_pairs(result), *single) if chapter is not None]
    return [*found, *outcomes(result), *held_fixed_outcomes(result)]
