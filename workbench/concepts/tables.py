"""What of an audit's inferred attributes is kept with the run? Four tables; figures, report, app and `label` read them.

concept_scores      image_id, and a column of scores a concept
concept_overlap     one row a (concept, emotion): cosine of direction and emotion word, and the skew that this makes up
concept_null        one row a concept: how it goes with the outcome, beside random directions
concept_calibrated  one row a (concept, emotion): the inferred attribute's skew, and what true labels make of it
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from affect_workbench.analyses.concepts.attributes import ConceptReport
from affect_workbench.analyses.inference.verdicts import verdict

SCORES, OVERLAP, NULL, CALIBRATED = "concept_scores", "concept_overlap", "concept_null", "concept_calibrated"


def concept_tables(
    reports: Sequence[ConceptReport], image_ids: pd.Series, findings: pd.DataFrame, *, tolerance: float
) -> dict[str, pd.DataFrame]:
    """The tables of an audit with concepts, those that there are.

    Args:
        reports: of `analyses.concepts.attributes.concept_attributes`.
        image_ids: of the pictures, in their order.
        findings: of the audit, where the naive skews are.
        tolerance: largest difference that does not matter, as a share.
    """
    scores = pd.DataFrame({"image_id": image_ids.to_numpy()} | {report.concept.name: report.scores for report in reports})
    tables = {SCORES: scores}
    overlaps = [report.overlap.assign(kept=report.kept) for report in reports if report.overlap is not None]
    if overlaps:
        tables[OVERLAP] = pd.concat(overlaps, ignore_index=True).astype({"kept": float})
    associations = [dict(report.association) for report in reports if report.association is not None]
    if associations:
        tables[NULL] = pd.DataFrame(associations)
    calibrated = [_beside_naive(report, findings, tolerance) for report in reports if report.calibration is not None]
    if calibrated:
        tables[CALIBRATED] = pd.concat(calibrated, ignore_index=True)
    return tables


def _beside_naive(report: ConceptReport, findings: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    """Calibrated skews beside those of the slice "yes"; a verdict is of its 95 % interval and the tolerance alone."""
    assert report.calibration is not None  # the caller asked
    inside = [where == {report.column: "yes"} for where in findings["where"]]
    naive = findings[inside].set_index("emotion").reindex(report.calibration["emotion"])
    table = report.calibration.drop(columns="label")
    interval = table["low"].to_numpy(np.float64), table["high"].to_numpy(np.float64)
    decided = verdict(interval, interval, tolerance=tolerance, tested=table["effect"].notna().to_numpy())
    beside = {
        f"naive{part}": naive[name].to_numpy(np.float64)
        for part, name in (("", "effect"), ("_low", "low"), ("_high", "high"))
    }
    table = table.assign(verdict=decided, naive_verdict=naive["verdict"].to_numpy(), **beside)
    table.insert(0, "concept", report.concept.name)
    table.insert(1, "column", report.column)
    table["gold"] = 0 if report.quality is None else report.quality.n
    return table
