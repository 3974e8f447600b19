"""Slices that people saved: kept with the run, refused where they mislead, and audited by the command that is shown."""

from __future__ import annotations

import shlex
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affect_workbench.workbench.runs.saved_slices import (
    SavedSlice,
    audit_command,
    load_saved_slices,
    save_slice,
    saved_table,
    write_saved_table,
)
from affect_workbench.workbench.runs.store import load_audit, save_audit
from workbench_runs import CELLS, audited, predictions_table, succeeded

WHEN = "2026-01-31T09:30:00+00:00"


def named(name, pictures=("picture-00001", "picture-00002"), **more):
    return SavedSlice(name, pictures, ("[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]",), WHEN, **more)


@pytest.fixture
def run(tmp_path):
    table = predictions_table(120)
    table.to_csv(tmp_path / "predictions.csv", index=False)
    save_audit(audited(table, **CELLS), tmp_path / "run")
    return tmp_path / "run"


def test_saved_slices_are_read_back_and_outlive_a_run_that_is_made_again(run):
    assert load_saved_slices(run) == ()
    first = named("campfires", half=True, asked=True, holds=("anger",))
    save_slice(first, run, attributes=("tone",))
    both = save_slice(named("the sea"), run, attributes=("tone",))
    assert load_saved_slices(run) == both
    assert [one.title for one in both] == ["campfires (saved, confirmed on the other half)", "the sea (saved, exploratory)"]
    save_audit(load_audit(run), run, overwrite=True)
    assert load_saved_slices(run) == both


@pytest.mark.parametrize("name", ["", " sea", "a, b", "label", "vote_joy", "TONE", "Campfires"])
def test_names_that_cannot_be_attributes_or_are_taken_are_refused(run, name):
    save_slice(named("campfires"), run, attributes=("tone",))
    before = (run / "saved_slices.json").read_bytes()
    with pytest.raises(ValueError, match=r"cannot be called|is taken"):
        save_slice(named(name), run, attributes=("tone",))
    assert (run / "saved_slices.json").read_bytes() == before


def test_a_slice_chosen_on_one_half_has_values_in_the_other_only():
    ids = np.array(["a", "b", "c", "d"], dtype=object)
    kept = np.array([True, True, False, False])
    slices = [named("honest", ("a", "c"), half=True), named("all", ("a", "c"))]
    table = saved_table(slices, ids, kept=kept)
    assert table["honest"].fillna("").tolist() == ["yes", "no", "", ""]
    assert table["all"].tolist() == ["yes", "no", "yes", "no"]


@pytest.mark.parametrize("attributes", [None, ("tone",)])
def test_the_command_that_is_shown_audits_the_saved_slice(run, attributes):
    """Of whatever was named before, too; and it finds what was put into the slice."""
    result, table = load_audit(run), predictions_table(120)
    angry = table.loc[table["predicted"] == "anger", "image_id"]
    slices = save_slice(named("angry place", tuple(angry)), run, attributes=result.run.attributes)
    write_saved_table(saved_table(slices, table["image_id"].to_numpy(object), kept=np.zeros(120, bool)), run)
    made = f"workbench audit --predictions {run.parent / 'predictions.csv'} -o {run} --overwrite --map-pictures 0"
    made += " --order 1 --no-additional-analyses --space-pictures 0" + (" --attributes=tone" if attributes else "")
    config = replace(result.run.config, attributes=attributes)
    told = replace(result, run=replace(result.run, config=config, provenance={"command": made}))
    words = shlex.split(audit_command(told, slices, run))
    assert words[0] == "workbench"
    assert "--overwrite" not in words
    succeeded(*words[1:])
    findings = load_audit(f"{run}-saved-slices").findings.set_index(["slice", "emotion"])
    assert findings.loc[("angry place: yes", "anger"), "verdict"] == "skewed"
    assert "tone: dark" in findings.index.get_level_values("slice")
    assert "angry place" in pd.read_csv(run / "saved_slices.csv")


def test_a_run_of_no_audit_command_is_audited_from_its_features():
    result = audited(predictions_table(60), **CELLS)
    known = {
        "command": "workbench demo -o d",
        "features": "d/my features (builtin:scenes (de78), 128 wide)",
        "probe": "d/probe",
    }
    words = shlex.split(audit_command(replace(result, run=replace(result.run, provenance=known)), [named("x")], "d/audit"))
    assert words[:6] == ["workbench", "audit", "--features", "d/my features", "--probe", "d/probe"]
    assert words[6:] == ["--attributes", "d/audit/saved_slices.csv", "--out", "d/audit-saved-slices"]
