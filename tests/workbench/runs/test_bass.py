"""Real pictures with two groups of raters: manifest, features, probe, audit, and the two label sources compared."""

from __future__ import annotations

import numpy as np
import pandas as pd

from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.features import FeatureSet
from affect_workbench.workbench.runs.store import load_audit
from workbench_runs import SLIM, succeeded


def test_the_silhouettes_go_from_files_to_an_audit_of_both_label_sources(shared_data, tmp_path):
    folder = shared_data / "bass"
    (table,) = folder.glob("*.csv")
    ratings = pd.read_csv(table)
    polarity = {group: np.where(ratings[f"val_mean_{group}"] > 5, "positive", "negative") for group in ("us", "ch")}
    listed = pd.DataFrame(
        {
            "path": [str((folder / "images" / name).resolve()) for name in ratings["file_name"]],
            "label": polarity["us"],
            "label_ch": polarity["ch"],
            "arousal": ratings["aro_mean_us"],
            "source": ratings["source"],
        }
    )
    listed.to_csv(tmp_path / "bass.csv", index=False)
    said = succeeded("data", tmp_path / "bass.csv", "-o", tmp_path / "manifest")
    assert "583" in said.out
    assert len(Manifest.load(tmp_path / "manifest").rows) == 583
    succeeded("features", tmp_path / "manifest", "--encoder", "builtin:scenes", "-o", tmp_path / "features", "--workers", 0)
    features = FeatureSet.load(tmp_path / "features")
    succeeded(
        "train",
        "--features",
        tmp_path / "features",
        "--taxonomy",
        "polarity",
        "--folds",
        3,
        "-o",
        tmp_path / "probe",
        "--allow-overlap",
    )
    out_of_fold = pd.read_parquet(tmp_path / "probe/predictions.parquet")
    results = {}
    for group, column in (("us", "label"), ("ch", "label_ch")):
        other = "label_ch" if column == "label" else "label"
        out_of_fold.drop(columns=other).rename(columns={column: "label"}).to_parquet(tmp_path / f"{group}.parquet")
        succeeded(
            "audit", "--predictions", tmp_path / f"{group}.parquet", "--attributes", "arousal", "-o", tmp_path / group, *SLIM
        )
        results[group] = load_audit(tmp_path / group).findings.set_index(["slice", "emotion"]).sort_index()
    us, ch = results["us"], results["ch"]
    np.testing.assert_allclose(us["effect"], ch["effect"])  # the same readings ...
    assert (us["label_gap"] != ch["label_gap"]).any()  # ... held against two truths
    np.testing.assert_allclose(us["effect"] - us["label_gap"], us["model_gap"], atol=1e-9)

    # And one group's labels as the reader of the other's: what the skew beyond the labels means is then culture.
    said_by = features.rows[["image_id", "label", "arousal"]].assign(predicted=features.rows["label_ch"])
    said_by.to_csv(tmp_path / "groups.csv", index=False)
    succeeded("audit", "--predictions", tmp_path / "groups.csv", "--attributes", "arousal", "-o", tmp_path / "groups", *SLIM)
    between = load_audit(tmp_path / "groups")
    agreement = (features.rows["label"] == features.rows["label_ch"]).mean()
    assert between.samples["audit_agreement"].mean() == agreement
    assert 0.9 < agreement < 0.95
