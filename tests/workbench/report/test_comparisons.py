"""The report names what slices were compared with, and by which intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.outcomes import run_outcome_audit
from affect_workbench.data.datasets.measurements import Measurements
from affect_workbench.workbench.report.comparisons import compared_with
from affect_workbench.workbench.report.html import report_html
from pages import Page
from workbench_runs import audited, predictions_table


def in_pairs(table: pd.DataFrame) -> pd.DataFrame:
    """Two pictures a pair that differ in their camera."""
    at = np.arange(len(table))
    return table.assign(pair_id=[f"pair {pair}" for pair in at // 2], camera=np.where(at % 2, "old", "new"))


def test_a_report_of_pairs_speaks_of_partners_and_of_tango():
    result = audited(in_pairs(predictions_table(200, scores=False)), attributes=("camera",))
    assert result.findings["pairs"].notna().all()
    text = Page(report_html(result)).text
    assert "Difference between the slice and its partners in the same pairs" in text
    assert "difference from the partners in pairs" in report_html(result)
    assert "Tango’s of differences within pairs" in text
    assert "Newcombe" not in text
    assert "all other pictures with a known value" not in text
    assert "(predicted labels only, without scores)" in text


def test_a_report_without_pairs_speaks_of_all_other_pictures():
    text = Page(report_html(audited(predictions_table(200)))).text
    assert "Difference between the slice and all other pictures" in text
    assert "Newcombe’s of differences" in text
    assert "Tango" not in text


def test_numbers_in_pairs_have_partners_too():
    table = in_pairs(predictions_table(200))[["image_id", "pair_id", "camera"]]
    table["valence"] = np.random.default_rng(0).normal(size=200) + (table["camera"] == "old")
    result = run_outcome_audit(
        Measurements.from_frame(table, ["valence"]), AuditConfig(attributes=("camera",), outcomes=("valence",))
    )
    text = Page(report_html(result)).text
    assert "that of its partners in the same pairs" in text
    assert "their partners in pairs" in text
    assert "other pictures" not in text.partition("Limits")[0]


@pytest.mark.parametrize(("pairs", "tango", "newcombe"), [((4.0, 4.0), True, False), ((4.0, np.nan), True, True)])
def test_slices_of_both_kinds_have_both_said(pairs, tango, newcombe):
    found = compared_with(pd.DataFrame({"effect": [0.1, 0.2], "pairs": pairs}))
    assert (("Tango" in found.intervals), ("Newcombe" in found.intervals)) == (tango, newcombe)
