"""Does an audit say everything it found, left out and assumed?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.notes import prediction_notes
from affect_workbench.analyses.audit.result import OUTCOME_TABLES, TABLES, AuditResult, versions
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.analyses.inference.verdicts import VERDICTS
from affect_workbench.analyses.skew.findings import Finding
from affect_workbench.data.plurals import plural
from affect_workbench.data.predictions import Predictions, predictions_from_table
from affect_workbench.data.tables.read import read_table
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.runs.gate import Gate
from workbench_runs import predictions_table

EKMAN = Taxonomy.named("ekman6")


@pytest.fixture(scope="module")
def audited(planted, planted_probe) -> AuditResult:
    return run_audit(
        planted_probe.predict(planted.where(split="test")), AuditConfig(map_pictures=60), provenance={"command": "x"}
    )


def labels_only(**columns) -> Predictions:
    n = len(next(iter(columns.values())))
    rows = pd.DataFrame({"image_id": [f"p{number}" for number in range(n)], "predicted": ["joy", "fear"] * (n // 2)})
    return predictions_from_table(rows.assign(**columns), taxonomy=EKMAN)


def test_the_headline_counts_every_cell_once(audited: AuditResult) -> None:
    counts = [audited.count(verdict) for verdict in VERDICTS]
    assert sum(counts) == len(audited.findings) == len(audited.slices) * 6
    assert audited.headline == (
        f"{counts[0]:,} of {sum(counts):,} (slice, emotion) pairs {'is' if counts[0] == 1 else 'are'} skewed; "
        f"{counts[3]:,} {'is' if counts[3] == 1 else 'are'} too small to tell, {counts[2]:,} undetermined, "
        f"{counts[1]:,} equivalent"
    )
    with pytest.raises(ValueError, match="no verdict 'biased'; verdicts: skewed, equivalent, undetermined, too small"):
        audited.count("biased")


def test_findings_come_back_as_plain_records(audited: AuditResult) -> None:
    at = (audited.findings["slice"] == "figure tone: dark") & (audited.findings["emotion"] == "anger")
    planted, last = audited.finding(int(at.argmax())), audited.finding(len(audited.findings) - 1)
    assert isinstance(planted, Finding)
    assert (planted.where, planted.verdict, planted.attribution) == ({"figure_tone": "dark"}, "skewed", "model")
    assert planted.explained_by is None
    assert last.attribution is None
    assert not any(isinstance(value, float) and np.isnan(value) for value in vars(last).values())


def test_every_picture_has_a_row_with_its_margin_and_perhaps_a_place(audited: AuditResult, planted, planted_probe) -> None:
    samples, predictions = audited.samples, planted_probe.predict(planted.where(split="test"))
    assert list(samples["image_id"]) == list(predictions.rows["image_id"])
    assert list(samples["predicted"]) == [EKMAN.labels[at] for at in predictions.predicted]
    nearest = np.sort(predictions.distances, axis=1)
    np.testing.assert_allclose(samples["audit_margin"], nearest[:, 1] - nearest[:, 0], atol=1e-6)
    np.testing.assert_array_equal(samples["audit_agreement"], samples["predicted"] == samples["label"])
    assert samples["audit_x"].notna().sum() == samples["audit_y"].notna().sum() == 60 == audited.run.map["pictures"]


def test_the_run_says_where_the_numbers_come_from(audited: AuditResult, planted_probe) -> None:
    run = audited.run
    json.dumps(run.as_json(), allow_nan=False)
    assert (run.provenance["command"], run.truth, run.measure, run.pictures) == ("x", "labels", "cosine", 900)
    assert run.source == f"probe {planted_probe.fingerprint()}"
    assert run.tested == audited.findings["p"].notna().sum()
    assert run.attributes == ("figure_tone", "setting", "light", "weather", "subject", "camera")
    assert [anchor["label"] for anchor in run.map["anchors"]] == list(EKMAN.labels)
    assert run.config.map_pictures == 60
    assert set(versions()) >= {"python", "numpy", "torch", "affect-workbench"}


def test_the_same_audit_twice_is_the_same(audited: AuditResult, planted, planted_probe) -> None:
    steps: list[str] = []
    predictions = planted_probe.predict(planted.where(split="test"))
    again = run_audit(predictions, AuditConfig(map_pictures=60), progress=steps.append)
    for table in ("findings", "slices", "structure", "samples", "excluded"):
        pd.testing.assert_frame_equal(getattr(again, table), getattr(audited, table))
    assert steps == [
        "slicing",
        "counting",
        "testing",
        "looking for causes",
        "additional analyses",
        "drawing the map",
        "analysing the embedding space",
    ]
    assert again.run.resamples == {"retrieval": 199}
    assert set(again.tables) == set(audited.tables)
    for name in again.tables:
        pd.testing.assert_frame_equal(again.tables[name], audited.tables[name])


def test_no_step_is_named_that_is_not_taken(planted, planted_probe) -> None:
    predictions = planted_probe.predict(planted.where(split="test"))
    asked = AuditConfig(
        attributes=("setting",), order=1, map_pictures=0, space_pictures=0, further=False, draws=99, causes=False
    )
    steps: list[str] = []
    assert run_audit(predictions, asked, progress=steps.append).run.resamples == {}
    assert steps == ["slicing", "counting", "testing", "analysing the embedding space"]
    steps.clear()
    run_audit(
        labels_only(tone=["dark", "light"] * 50),
        asked_of_labels := AuditConfig(draws=99, causes=False),
        progress=steps.append,
    )
    assert asked_of_labels.map_pictures > 0
    assert steps == ["slicing", "counting", "testing", "additional analyses"]


def test_everything_left_out_is_listed_with_its_size_and_reason() -> None:
    tone = ["dark"] * 4 + ["light"] * 92 + [None] * 4
    result = run_audit(labels_only(tone=tone, light=["day", "night"] * 50, one=["x"] * 100), AuditConfig(map_pictures=0))
    listed = {
        (row.what, row.name_): (row.n, row.reason) for row in result.excluded.rename(columns={"name": "name_"}).itertuples()
    }
    assert listed[("attribute", "one")][1].startswith("it has one value ('x') in 100 pictures")
    assert listed[("pictures", "without tone")] == (4, "no value: in no slice of it, nor in a complement")
    few = "fewer than 10 pictures in it or in its complement: listed, not tested"
    assert listed[("slice", "tone: dark")] == (4, few)
    assert listed[("slice", "tone: light")] == (92, few)
    assert listed[("slice", "tone: dark and light: day")] == (2, "fewer than 10 pictures")
    tested = result.findings.dropna(subset="p")["slice"]
    assert not set(tested) & {"tone: dark", "tone: light"}
    assert result.structure.empty
    assert result.run.map is None


def test_what_a_reader_must_know_is_noted() -> None:
    tone = ["dark", "light"] * 20
    assert list(run_audit(labels_only(tone=tone)).run.notes) == [
        "no labels or votes: a skew cannot be split into label gap and model gap"
    ]
    notes = run_audit(labels_only(tone=tone, group_id=[*range(20)] * 2, label=["joy", None] * 20)).run.notes
    assert notes[0].startswith("pictures come in 20 groups (group_id): tests and intervals of skews account for")
    assert notes[1] == "20 of 40 pictures have no label or votes: accuracy, label gap and model gap leave them out"
    stray = labels_only(tone=tone, label="joy").with_rows
    rows = labels_only(tone=tone, label="joy").rows.assign(vote_neutral=0.5)
    assert list(run_audit(stray(rows)).run.notes) == ["votes outside the taxonomy are ignored: vote_neutral"]


def test_attributes_keep_their_values_in_the_samples_whatever_they_are_called() -> None:
    result = run_audit(labels_only(x=["left", "right"] * 20, margin=["wide", "narrow"] * 20))
    values = {value for name in result.samples for value in result.samples[name]}
    assert {"x: left", "margin: wide"} <= set(result.slices["slice"])
    assert {"left", "right", "wide", "narrow"} <= values


def test_impossible_questions_are_refused() -> None:
    predictions = labels_only(tone=["dark", "light"] * 20)
    with pytest.raises(ValueError, match=r"no attribute 'tune' in the data: did you mean tone\?"):
        run_audit(predictions, AuditConfig(attributes=("tune",)))
    with pytest.raises(ValueError, match="nothing to slice by: the data have no attribute column"):
        run_audit(labels_only(label=["joy"] * 4))
    for name, value, legal in (
        ("order", 4, "between 1 and 3"),
        ("min_count", 0, "between 1 and"),
        ("alpha", 0, "and 0.5"),
        ("tolerance", -0.1, "between 0 and 0.5"),
        ("bins", 1, "between 2 and 50"),
        ("map_pictures", -1, "between 0 and"),
        ("alpha", float("nan"), "and 0.5"),
    ):
        with pytest.raises(ValueError, match=f"{name} is {value}: expected .*{legal}"):
            AuditConfig(**{name: value})


def test_the_real_artemis_predictions_are_audited_by_genre_and_style(shared_data: Path) -> None:
    table = read_table(shared_data / "artemis_predictions" / "predictions.csv")
    predictions = predictions_from_table(table, scores_prefix="clip_vit_b32_", votes_prefix="votes_")
    result = run_audit(predictions, AuditConfig(attributes=("genre", "style"), map_pictures=0))
    assert result.run.truth == "votes"
    assert result.count("skewed") > 0
    assert result.slices.loc[result.slices["n"] > 0, "accuracy"].between(0, 1).all()


def test_the_rates_of_the_real_compas_predictions_are_the_published_ones(shared_data: Path) -> None:
    """A cross-check outside emotions: false-positive rate 0.139 for Afr-Am, 0.048 for Cauc."""
    table = pd.read_csv(shared_data / "compas" / "compas.csv")
    innocent = table[table["class"] == 0].reset_index(names="row")
    rows = pd.DataFrame({"image_id": innocent["row"], "predicted": innocent["predicted"], "race": innocent["race"]})
    taxonomy = Taxonomy("recidivism", ("0", "1"))
    result = run_audit(predictions_from_table(rows, taxonomy=taxonomy), AuditConfig(map_pictures=0))
    findings = result.findings[result.findings["emotion"] == "1"].set_index("slice")
    assert findings.loc["race: Afr-Am", "rate"] == pytest.approx(0.139, abs=5e-4)
    assert findings.loc["race: Cauc", "rate"] == pytest.approx(0.048, abs=5e-4)
    assert findings.loc["race: Afr-Am", "verdict"] == "skewed"


def test_no_finding_rests_on_an_attribute_that_is_no_better_than_a_random_direction():
    """Dark pictures are predicted as anger far too often; of a concept that means nothing, nothing is said all the same."""
    table = predictions_table(1_500, attributes={"tone": ("dark", "light"), "place": ("street", "home")}, bias=0.6)
    config = AuditConfig(map_pictures=0, space_pictures=0, draws=99)
    told = run_audit(predictions_from_table(table), config)
    assert "tone: dark" in set(told.findings.query("verdict == 'skewed'")["slice"])
    given = predictions_from_table(table)
    aside = run_audit(given, config, inferred=frozenset({"tone"}), unproven={"tone": "no better than a random direction"})
    rests = np.array(["tone" in where for where in aside.findings["where"]])
    assert rests.sum() == np.sum(["tone" in where for where in told.findings["where"]])  # its slices stay listed
    assert set(aside.findings.loc[rests, "verdict"]) == {"undetermined"}
    assert aside.findings.loc[rests, ["p", "q", "adjusted_low", "attribution", "explained_by"]].isna().all(axis=None)
    assert aside.findings.loc[rests, "effect"].notna().all()
    assert aside.findings["verdict"].tolist() == sorted(aside.findings["verdict"], key=VERDICTS.index)
    assert not Gate("skewed").caught(aside.findings[rests]).any()
    assert aside.run.tested == int((~rests).sum())
    assert aside.excluded.query("what == 'concept'")[["name", "reason"]].to_numpy().tolist() == [
        ["tone", "no better than a random direction"]
    ]
    for name, further in aside.tables.items():
        if {"where", "verdict"} <= set(further.columns):
            of_it = further[np.array(["tone" in where for where in further["where"]], dtype=bool)]
            assert set(of_it["verdict"]) <= {"undetermined", "too small"}, name


def test_an_audit_of_nothing_but_such_an_attribute_ends_well():
    table = predictions_table(600, attributes={"tone": ("dark", "light")}, bias=0.6)
    result = run_audit(
        predictions_from_table(table),
        AuditConfig(map_pictures=0, draws=99),
        inferred=frozenset({"tone"}),
        unproven={"tone": "no better than a random direction"},
    )
    assert result.count("skewed") == result.count("equivalent") == 0
    assert "0 of 12 (slice, emotion) pairs are skewed" in result.headline


def test_every_table_has_a_name_that_is_known_and_no_other_can_be_asked_for(audited: AuditResult) -> None:
    assert audited.tables
    assert [name for name in audited.tables if name not in TABLES and not name.startswith(OUTCOME_TABLES)] == []
    for name in TABLES:
        found = audited.table(name)
        assert (found is None) == (name not in audited.tables or audited.tables[name].empty)
    with pytest.raises(ValueError, match="no audit has a table 'calibrated': expected one of accuracy, adjusted"):
        audited.table("calibrated")


@pytest.mark.parametrize("spoken", [0, 1, 7])
def test_labels_beside_votes_are_spoken_of_where_they_say_something_else_than_most_votes(spoken: int) -> None:
    """Ties, pictures without a label or without votes, and other spellings say nothing else."""
    most = np.resize(EKMAN.labels, 120)
    votes = 2 * pd.get_dummies(most, dtype=int)[list(EKMAN.labels)].add_prefix("vote_")
    votes.iloc[20:40] = 1
    votes.iloc[40:50] = 0
    label = np.char.upper(most).astype(object)
    label[20:50], label[50:60] = "joy", None
    label[:spoken] = ["rejected", *np.roll(most, 1)[1:]][:spoken]
    given = pd.concat([predictions_table(120, scores=False).assign(label=label), votes], axis=1)
    noted = [note for note in prediction_notes(predictions_from_table(given)) if "'label'" in note]
    told = [
        "the truth is the votes (the columns vote_*), and the column 'label' is left aside, which says something else than "
        f"most votes of {plural(spoken, 'picture')}: leave the vote columns out of the table to have the labels as the truth"
    ]
    assert noted == (told if spoken else [])
    alone = predictions_from_table(given.drop(columns="label"))
    assert not any("'label'" in note for note in prediction_notes(alone))
