"""Do a feature set, a probe and a run folder that version 0.1.0 wrote still open, and say what they said?"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affect_workbench.data.features import FeatureSet
from affect_workbench.probes.checkpoint import load_probe
from affect_workbench.workbench.runs.reviews import load_reviews
from affect_workbench.workbench.runs.store import load_audit
from workbench_runs import succeeded

WRITTEN = Path(__file__).parents[2] / "assets" / "written-by-0.1.0"


def test_the_probe_reads_the_features_as_it_did():
    features = FeatureSet.load(WRITTEN / "features")
    assert features.values.shape == (600, 32)
    assert {"figure_tone", "valence"} <= set(features.attributes)
    predictions = load_probe(WRITTEN / "probe").predict(features.where(split="test"))
    samples = pd.read_parquet(WRITTEN / "audit" / "samples.parquet")
    assert predictions.rows["image_id"].tolist() == samples["image_id"].tolist()
    said = np.asarray(predictions.taxonomy.labels, dtype=object)[predictions.predicted]
    assert said.tolist() == samples["predicted"].tolist()


def test_the_run_folder_opens_with_everything_in_it():
    audit = load_audit(WRITTEN / "audit")
    assert (len(audit.findings), audit.count("skewed"), audit.count("too small")) == (108, 1, 39)
    finding = audit.finding(0)
    assert (finding.slice, finding.emotion, finding.verdict, finding.n) == ("figure tone: dark", "anger", "skewed", 93)
    assert finding.effect == pytest.approx(0.223752567355322, rel=1e-12)
    assert audit.accuracy is not None
    assert audit.permutation_check is not None
    assert audit.permutation_check.alarms == 2
    assert {"adjusted", "outcome valence", "levels", "space_pull"} <= set(audit.tables)
    assert [review.reviewer for review in load_reviews(WRITTEN / "audit")] == ["Ana"]


def test_its_report_is_made_again_and_it_is_replaced_without_losing_the_review(tmp_path):
    run = tmp_path / "audit"
    shutil.copytree(WRITTEN / "audit", run)
    succeeded("report", run)
    html = (run / "report.html").read_text(encoding="utf-8")
    assert "figure tone: dark" in html
    table = WRITTEN / "probe" / "predictions.parquet"
    succeeded("audit", "--predictions", table, "--no-additional-analyses", "--map-pictures", 0, "-o", run, "--overwrite")
    assert [review.reviewer for review in load_reviews(run)] == ["Ana"]
