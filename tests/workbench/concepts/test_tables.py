"""What of a calibrated concept is kept with a run, and when is its skew one?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.concepts.attributes import ConceptReport
from affect_workbench.analyses.concepts.threshold import Cut
from affect_workbench.data.concepts.definitions import Concept
from affect_workbench.workbench.concepts.tables import CALIBRATED, concept_tables


@pytest.mark.parametrize(
    ("tolerance", "verdicts"),
    [
        (0.02, ["skewed", "skewed", "undetermined", "equivalent", "undetermined", "too small", "skewed"]),
        (0.05, ["undetermined", "skewed", "undetermined", "equivalent", "equivalent", "too small", "undetermined"]),
        (0.0, ["skewed", "skewed", "undetermined", "undetermined", "undetermined", "too small", "skewed"]),
    ],
)
def test_a_calibrated_skew_is_one_beyond_the_tolerance(tolerance, verdicts):
    ends = [(0.021, 0.08), (-0.3, -0.06), (-0.021, 0.08), (-0.02, 0.02), (-0.021, 0.02), (np.nan, np.nan), (-0.08, -0.021)]
    calibration = pd.DataFrame(
        {
            "label": range(7),
            "emotion": list("abcdefg"),
            "effect": [np.mean(pair) for pair in ends],
            "low": [low for low, _ in ends],
            "high": [high for _, high in ends],
        }
    )
    concept, cut = Concept("dark", np.array([1.0, 0.0])), Cut(0.0, "at the median", 0.5, "median")
    report = ConceptReport(concept, "concept_dark", 2, cut, calibration=calibration, scores=np.zeros(2))
    findings = pd.DataFrame(
        {
            "where": [{"concept_dark": "yes"}, {"concept_dark": "no"}],
            "emotion": ["a", "a"],
            "effect": [0.1, -0.1],
            "low": [0.0, -0.2],
            "high": [0.2, 0.0],
            "verdict": ["skewed", "undetermined"],
        }
    )
    table = concept_tables([report], pd.Series(["x", "y"]), findings, tolerance=tolerance)[CALIBRATED]
    assert list(table["verdict"]) == verdicts
    assert table.loc[0, ["naive", "naive_low", "naive_high", "naive_verdict"]].tolist() == [0.1, 0.0, 0.2, "skewed"]
    assert table["naive"].isna().sum() == 6
