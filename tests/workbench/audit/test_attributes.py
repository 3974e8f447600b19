"""Is a table that is joined to predictions read as if all stood in one table?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affect_workbench.data.predictions import Predictions
from affect_workbench.workbench.audit.inputs import load_predictions
from affect_workbench.workbench.audit.settings import AuditSettings
from workbench_runs import EKMAN


@pytest.fixture
def whole() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    said, true = (rng.choice(EKMAN, 60) for _ in range(2))
    return pd.DataFrame(
        {
            "image_id": [f"p{at:03d}" for at in range(60)],
            "predicted": said,
            "tone": rng.choice(["dark", "NA"], 60),
            "label": true,
            "group_id": [f"person {at // 3}" for at in range(60)],
            "split": ["train", "test"] * 30,
            "pair_id": [str(at // 2) for at in range(60)],
            **{f"ratings_{label}": rng.integers(1, 5, 60) for label in EKMAN},
        }
    )


def given(folder: Path, first: pd.DataFrame, second: pd.DataFrame | None = None, **settings: str) -> Predictions:
    first.to_csv(folder / "first.csv", index=False)
    tables = ()
    if second is not None:
        second.sample(frac=1, random_state=0).to_csv(folder / "second.csv", index=False)
        tables = (str(folder / "second.csv"), "tone")
    return load_predictions(
        AuditSettings(out="x", predictions=str(folder / "first.csv"), attributes=tables, votes_prefix="ratings_", **settings)
    ).predictions


@pytest.mark.parametrize("split", ["", "test"])
def test_groups_truth_votes_split_and_pairs_are_used_wherever_they_stand(tmp_path: Path, whole: pd.DataFrame, split) -> None:
    one = given(tmp_path, whole, split=split)
    two = given(tmp_path, whole[["image_id", "predicted"]], whole.drop(columns="predicted"), split=split)
    assert two.truth is not None
    assert one.truth is not None
    np.testing.assert_array_equal(two.truth, one.truth)
    columns = ["image_id", "group_id", "split", "pair_id", "tone"]
    pd.testing.assert_frame_equal(two.rows[columns], one.rows[columns])
    assert two.notes[0].startswith("tone") or "group_id" in two.notes[0]
    assert any("taken from the attribute table: label, group_id, split, pair_id" in note for note in two.notes)


def test_what_a_model_read_is_never_taken_from_an_attribute_table(tmp_path: Path, whole: pd.DataFrame) -> None:
    other = whole.assign(predicted=whole["label"], **{f"score_{label}": 0.5 for label in EKMAN}, score_quality=1.5)
    with pytest.raises(
        ValueError, match="core column 'predicted' is in the data and in the attribute table, and differs for"
    ):
        given(tmp_path, whole, other)
    read = given(tmp_path, whole, other.drop(columns="predicted"))
    assert read.measure == "label"
    assert "score_quality" in read.rows
    assert any(
        "'score_anger', 'score_disgust', 'score_fear' and 3 more are outputs of a model" in note for note in read.notes
    )
    scored = whole.drop(columns="predicted").assign(**{f"score_{label}": whole["predicted"] == label for label in EKMAN})
    read = given(tmp_path, scored, whole[["image_id", "predicted", "tone"]])
    assert any("'predicted' are outputs of a model" in note for note in read.notes)
