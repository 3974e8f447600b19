"""`import affect_workbench as aw`: light, numbers of the house, results that show and save themselves, errors that help."""

from __future__ import annotations

import ast
import html
import inspect
import json
import re
import subprocess
import sys
import textwrap
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import affect_workbench as aw
from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.analyses.discovery.discover import discover
from affect_workbench.analyses.duplicates.find import PictureSet, overlap
from affect_workbench.data.predictions import predictions_from_table
from affect_workbench.data.tables.read import read_table
from affect_workbench.keywords import in_python
from affect_workbench.workbench.audit.comparison.command import compared
from affect_workbench.workbench.runs.reviews import load_reviews, review_of, save_review
from pages import Page
from workbench_runs import HOSTILE, predictions_table, succeeded

QUICK = {"order": 1, "map_pictures": 0, "draws": 99}
QUICK_CONFIG = AuditConfig(**QUICK)
MODELS = {"torch", "transformers", "umap", "streamlit"}
HEAVY = MODELS | {"numpy", "pandas", "scipy", "sklearn", "statsmodels", "plotly", "jinja2"}
TAGS = {"div", "b", "span", "ol", "ul", "li", "details", "summary"}
"""What a result is shown with."""


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    table = predictions_table(400)
    return table.assign(valence=np.where(table["tone"] == "dark", -1.0, 0.0) + np.random.default_rng(0).normal(size=400))


@pytest.fixture(scope="module")
def result(frame) -> aw.Audit:
    return aw.audit(frame, attributes=["tone", "place"], outcomes="valence", **QUICK)


@pytest.fixture(scope="module")
def fairer(frame) -> aw.Audit:
    other = predictions_table(400, bias=0.1).assign(valence=frame["valence"])
    return aw.audit(other, attributes=["tone", "place"], outcomes="valence", **QUICK)


@pytest.fixture(scope="module")
def discovery(planted, planted_probe) -> aw.Discovery:
    test = planted.where(split="test")
    return aw.discover(planted, planted_probe.predict(test), topics=4, most=5, progress=False)


def loaded_by(code: str) -> set[str]:
    """Top-level names of the modules that are loaded once the code has run."""
    code += "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules})"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_importing_loads_nothing_that_was_not_asked_for():
    assert loaded_by("import affect_workbench as aw; dir(aw); aw.__all__") & HEAVY == set()
    assert loaded_by("import affect_workbench as aw; aw.AuditConfig, aw.FitConfig") & HEAVY == set()
    assert loaded_by("import affect_workbench as aw; aw.audit, aw.Predictions") & MODELS == set()


def test_completion_shows_the_public_names_and_each_is_there():
    assert dir(aw) == sorted(aw.__all__)
    assert set(aw.__all__) == set(aw._HOMES)
    assert all(getattr(aw, name).__name__ == name for name in aw.__all__)
    with pytest.raises(AttributeError, match="no attribute 'aduit'"):
        aw.aduit  # noqa: B018


def test_an_audit_is_that_of_the_house(frame, result):
    config = AuditConfig(attributes=("tone", "place"), outcomes=("valence",), **QUICK)
    expected = run_audit(predictions_from_table(frame), config)
    for name in ("findings", "slices", "outcomes", "samples", "excluded"):
        pd.testing.assert_frame_equal(getattr(result, name), getattr(expected, name))
    assert result.tables == tuple(sorted(expected.tables))
    for name in result.tables:
        pd.testing.assert_frame_equal(result.table(name), expected.tables[name])
    assert (result.headline, result.taxonomy) == (expected.headline, expected.taxonomy)
    assert len(result.skewed()) == expected.count("skewed") > 0
    assert result.skewed(explained=False)["explained_by"].isna().all()


def test_a_frame_predictions_and_a_config_are_one_audit(frame, result):
    config = aw.AuditConfig(attributes=("tone", "place"), order=2, map_pictures=0, draws=99)
    again = aw.audit(aw.Predictions.from_frame(frame), config=config, order=1, outcomes=["valence"], progress=False)
    pd.testing.assert_frame_equal(again.findings, result.findings)
    assert again.result.run.config == result.result.run.config


def test_a_frame_is_audited_as_the_same_table_in_a_file(tmp_path):
    frame = predictions_table(400, scores=False)
    odd = np.arange(400) % 2 == 1
    tone = frame["tone"].where(odd, frame["tone"] + " ").where(np.arange(400) % 10 > 0, "")
    level = pd.Categorical(np.where(odd, "1", " 2"))
    frame = frame.assign(tone=tone, level=level, label=frame["label"].where(odd, " " + frame["label"]))
    frame.to_csv(tmp_path / "table.csv", index=False)
    found, expected = (
        aw.audit(frame, **QUICK),
        run_audit(predictions_from_table(read_table(tmp_path / "table.csv")), QUICK_CONFIG),
    )
    assert found.slices["slice"].tolist() == expected.slices["slice"].tolist()
    assert set(found.slices["slice"]) >= {"tone: dark", "tone: light", "level: 1", "level: 2"}
    for name in ("findings", "slices", "excluded"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(expected, name))
    pd.testing.assert_frame_equal(found.samples, expected.samples)
    numbers = frame.drop(columns=["label", "predicted"]).assign(valence=np.where(odd, "0.5", "1 "))
    alone = aw.Measurements.from_frame(numbers, "valence")
    assert alone.rows["valence"].tolist()[:2] == [1.0, 0.5]
    assert alone.rows["tone"].isna().sum() == 40


def test_training_pictures_are_read_as_a_table_too(frame):
    training = frame.rename(columns=str.upper).rename(columns=str.lower).assign(tone=frame["tone"] + " ")
    tables = [aw.audit(frame, training=one, **QUICK).table("amplification") for one in (training, frame)]
    pd.testing.assert_frame_equal(*tables)


def test_a_saved_audit_is_the_one_of_the_command_line(frame, tmp_path):
    frame.to_csv(tmp_path / "table.csv", index=False)
    options = ("--order", 1, "--map-pictures", 0, "--draws", 99)
    succeeded("audit", "--predictions", tmp_path / "table.csv", *options, "-o", tmp_path / "command")
    saved = aw.audit(pd.read_csv(tmp_path / "table.csv"), **QUICK).save(tmp_path / "face")
    records = [json.loads((folder / "audit.json").read_text()) for folder in (tmp_path / "command", saved)]
    assert records[0]["findings"] == records[1]["findings"]
    assert records[0]["excluded"] == records[1]["excluded"]
    files = [{path.relative_to(folder) for path in folder.rglob("*")} for folder in (tmp_path / "command", saved)]
    assert files[0] == files[1]


def test_an_audit_survives_its_folder(result, tmp_path):
    folder = result.save(tmp_path / "runs" / "a")
    opened = aw.load(folder)
    for name in ("findings", "slices", "outcomes"):
        pd.testing.assert_frame_equal(getattr(opened, name), getattr(result, name), check_dtype=False)
    assert repr(opened) == repr(result)
    assert opened.to_html(tmp_path / "report.html").read_text() == (folder / "report.html").read_text()
    with pytest.raises(FileExistsError, match="exists"):
        result.save(folder)
    assert result.save(folder, overwrite=True) == folder
    with pytest.raises(FileNotFoundError, match="nowhere"):
        aw.load(tmp_path / "nowhere")


def test_results_are_frozen(result):
    for table, column in ((result.findings, "effect"), (result.table("accuracy"), "accuracy")):
        table[column] = 0.0
    assert result.findings["effect"].abs().max() > 0.1
    assert result.table("accuracy")["accuracy"].max() > 0.1
    with pytest.raises(FrozenInstanceError):
        result.result = None
    with pytest.raises(ValueError, match="no table 'acuracy': did you mean accuracy"):
        result.table("acuracy")


def test_a_result_shows_its_headline_and_first_findings_and_no_frames(result, fairer):
    page, text = Page(result._repr_html_()), repr(result)
    assert result.headline in page.text
    assert result.headline in text
    # Of tone, which has two values, one is the complement of the other: anger in the dark is a cause, from which its mirror
    # follows; of the numbers each sentence has a mirror image.
    assert len(page.having("li")) == 2
    assert [sentence in text for sentence in result.sentences()] == [True, True, False]
    assert page.text.count("1 mirrored finding is not repeated") == text.count("mirrored finding") == 1
    assert page.having("table") == []
    assert max(len(text), len(page.text)) < 2_500
    change = aw.compare(result, fairer)
    assert change.headline in Page(change._repr_html_()).text
    assert change.headline in repr(change)


def test_a_result_says_which_columns_were_left_aside(frame, result):
    assert "left aside" not in repr(result)
    more = frame.assign(one="x", two="y", three="z", four="w")
    shown = aw.audit(more, map_pictures=0, further=False, progress=False)
    said = "4 columns were left aside: 'one', 'two', 'three' and 1 more (.excluded says why)."
    assert said in repr(shown).splitlines()
    assert said in html.unescape(shown._repr_html_())


def test_runs_of_other_pictures_are_refused_for_that_first(frame, result):
    others = aw.audit(
        frame.assign(image_id=[f"other-{at}" for at in range(len(frame))]), alpha=0.01, map_pictures=0, further=False
    )
    with pytest.raises(ValueError, match="the runs have no picture in common: the first is of"):
        aw.compare(result, others)


def test_numbers_alone_are_audited_too(frame, tmp_path):
    numbers = frame[["image_id", "tone", "place", "valence"]]
    result = aw.audit(numbers, outcomes=["valence"], **QUICK)
    assert result.skewed()["slice"].tolist() == ["tone: dark", "tone: light"]
    assert "valence" in result.sentences()[0]
    assert result.sentences()[0] in repr(result)
    result.save(tmp_path / "run")
    pd.testing.assert_frame_equal(aw.load(tmp_path / "run").outcomes, result.outcomes, check_dtype=False)
    assert ".outcomes has every pair" in repr(result)
    assert list(result.plot().layout.yaxis.ticktext) == [
        f"{row.slice} → valence" for row in result.outcomes.itertuples() if pd.isna(row.explained_by)
    ]
    with pytest.raises(ValueError, match=r"numbers alone were compared: use plot\('forest'\)"):
        result.plot("map")
    higher = aw.audit(
        numbers.assign(valence=numbers["valence"] + (numbers["tone"] == "dark")), outcomes=["valence"], **QUICK
    )
    assert set(aw.compare(result, higher).better()["slice"]) == {"tone: dark", "tone: light"}


@pytest.mark.parametrize("kind", ["forest", "heat_map", "split", "pull"])
def test_an_audit_is_drawn(result, kind):
    assert type(result.plot(kind)).__name__ == "Figure"


def test_what_cannot_be_drawn_is_said(result):
    with pytest.raises(ValueError, match="no plot 'florest': did you mean forest"):
        result.plot("florest")
    with pytest.raises(ValueError, match="this audit has no map"):
        result.plot("map")


def test_a_comparison_is_that_of_the_house(result, fairer, tmp_path):
    expected = compared(result.result, fairer.result)
    change = aw.compare(result, fairer, names=("old", "new"))
    for name in ("changes", "slices", "flips", "outcomes"):
        pd.testing.assert_frame_equal(getattr(change, name), getattr(expected, name))
    assert change.overall == dict(expected.overall)
    assert len(change.better()) == expected.count("better") > 0
    assert change.worse().empty
    pd.testing.assert_frame_equal(change.findings, change.changes)
    assert len(change.changed()) == sum(map(expected.count, ("worse", "better", "changed")))
    assert change.changed(explained=False)["explained_by"].isna().all()
    assert type(change.plot()).__name__ == "Figure"
    page = Page(change.to_html(tmp_path / "compare.html").read_text())
    assert "A: old · B: new" in page.text
    first, second = result.save(tmp_path / "a"), fairer.save(tmp_path / "b")
    pd.testing.assert_frame_equal(aw.compare(first, str(second)).changes, change.changes)
    with pytest.raises(TypeError, match="cannot compare DataFrame: expected an audit"):
        aw.compare(result.findings, fairer)


def test_a_saved_comparison_is_that_of_the_command_line(result, fairer, tmp_path):
    runs = result.save(tmp_path / "a"), fairer.save(tmp_path / "b")
    succeeded("compare", *runs, "-o", tmp_path / "command")
    saved = aw.compare(*runs).save(tmp_path / "face")
    names = {path.name for path in (tmp_path / "command").iterdir()}
    assert {path.name for path in saved.iterdir()} == names
    for name in names - {"compare.html", "comparison.json", "COMPLETE.json"}:
        assert (saved / name).read_bytes() == (tmp_path / "command" / name).read_bytes(), name
    records = [json.loads((folder / "comparison.json").read_text()) for folder in (tmp_path / "command", saved)]
    assert {**records[0], "command": ""} == records[1]


def test_audits_that_asked_differently_are_not_compared(frame, result):
    other = aw.audit(frame, attributes=["tone", "place"], outcomes="valence", **(QUICK | {"order": 2}))
    with pytest.raises(ValueError, match="order is 1 in the first and 2 in the second"):
        aw.compare(result, other)


def test_what_people_decided_stays_with_a_run(result, tmp_path):
    folder = result.save(tmp_path / "run")
    save_review(review_of(result.result, 0, decision="confirmed", reviewer="Ana"), folder)
    opened = aw.load(folder)
    assert [one.reviewer for one in opened.reviews] == ["Ana"]
    copy = opened.save(tmp_path / "copy")
    assert load_reviews(copy) == opened.reviews
    assert "Ana" in opened.to_html(tmp_path / "page.html").read_text()


def test_discovery_finds_the_pictures_of_the_features_by_their_ids(planted, planted_probe, discovery, tmp_path):
    test = planted.where(split="test")
    config = aw.DiscoveryConfig(topics=4, most=5)
    expected = discover(test.values, planted_probe.predict(test), config=config)
    pd.testing.assert_frame_equal(discovery.slices, expected.table)
    in_order = aw.discover(np.asarray(test.values), planted_probe.predict(test), config=config, progress=False)
    pd.testing.assert_frame_equal(in_order.slices, expected.table)
    pictures = discovery.pictures(1)
    assert set(pictures["image_id"]) == set(test.rows["image_id"].iloc[expected.members[0]])
    assert pictures["score"].is_monotonic_decreasing
    assert discovery.headline in Page(discovery.to_html(tmp_path / "page.html").read_text()).text
    assert not any("--" in note for note in discovery.notes)
    with pytest.raises(ValueError, match="there is no slice 0: expected 1 to"):
        discovery.pictures(0)
    strangers = replace(test, rows=test.rows.assign(image_id=[f"other-{at}" for at in range(len(test))]))
    with pytest.raises(ValueError, match="no predicted picture is among the features"):
        aw.discover(strangers, planted_probe.predict(test))


def test_duplicates_are_those_of_the_house(planted, tmp_path):
    train, test = planted.where(split="train"), planted.where(split="test")
    test = replace(test, values=np.concatenate([train.values[:3], test.values[3:]]))
    found = aw.find_duplicates(train, test, threshold=0.99, names=("ours", "theirs"))
    expected = overlap(PictureSet(train.rows, train.values), PictureSet(test.rows, test.values), threshold=0.99)
    pd.testing.assert_frame_equal(found.pairs, expected.pairs)
    assert len(found.leaking()) == 3
    assert "3 of the 900 pictures of theirs" in found.headline
    assert found.headline in Page(found._repr_html_()).text
    assert found.headline in Page(found.to_html(tmp_path / "page.html").read_text()).text
    assert aw.find_duplicates(planted, threshold=0.99).result.within
    with pytest.raises(TypeError, match="a set of pictures is str: expected a FeatureSet or a data frame"):
        aw.find_duplicates("features")
    with pytest.raises(ValueError, match="expected a column 'path' without gaps"):
        aw.find_duplicates(train, hashes=True)


def test_a_probe_is_fitted_on_the_training_split_kept_and_audited(planted, tmp_path):
    probe = aw.fit(planted, epochs=2, device="cpu", progress=False)
    test = planted.where(split="test")
    assert probe.trained_on.isdisjoint(test.rows["image_id"])
    saved = aw.save_probe(probe, tmp_path / "probe")
    assert aw.load_probe(saved).fingerprint() == probe.fingerprint()
    with pytest.raises(FileExistsError):
        aw.save_probe(probe, saved)
    result = aw.audit(test, probe=probe, **QUICK)
    pd.testing.assert_frame_equal(result.findings, aw.audit(probe.predict(test), **QUICK).findings)
    assert "calibration" in result.tables
    assert result.result.accuracy is not None
    assert repr(probe).startswith("<Probe of planted")
    assert repr(test).startswith("<FeatureSet of 900 pictures")
    with pytest.raises(TypeError, match="features are no predictions: audit them with probe="):
        aw.audit(test)
    with pytest.raises(TypeError, match="features are ndarray: expected a FeatureSet"):
        aw.fit(np.zeros((3, 4)))


CALLED_OTHERWISE = {
    "named": ({"predicted": "guess", "label": "truth"}, {"label": "truth", "predicted": "guess"}),
    "ids": ({"image_id": "file"}, {"image_id": "file"}),
    "prefix": ({f"score_{name}": f"p_{name}" for name in ("anger", "joy")}, {"scores": "p_*"}),
    "suffix": ({f"score_{name}": f"{name}_prob" for name in ("anger", "joy")}, {"scores": "*_prob"}),
    "mapping": ({"score_anger": "p1", "score_joy": "p2"}, {"scores": {"anger": "p1", "joy": "p2"}}),
}


@pytest.mark.parametrize(("names", "options"), CALLED_OTHERWISE.values(), ids=CALLED_OTHERWISE)
def test_columns_may_be_called_as_they_are(names, options):
    table = predictions_table(60, labels=("anger", "joy"))
    expected = aw.Predictions.from_frame(table)
    found = aw.Predictions.from_frame(table.rename(columns=names), **options)
    np.testing.assert_array_equal(found.distances, expected.distances)
    pd.testing.assert_frame_equal(found.rows, expected.rows, check_like=True)
    assert found.taxonomy.labels == expected.taxonomy.labels
    assert found.measure == "score"


def test_a_table_of_predictions_is_read_back(frame):
    predictions = aw.Predictions.from_frame(frame)
    pd.testing.assert_frame_equal(aw.Predictions.from_frame(predictions.table()).rows, predictions.rows)
    assert repr(predictions).startswith(
        "<Predictions of 400 pictures by score, 6 labels (ekman6), labels; attributes: 'tone'"
    )


def test_pictures_without_an_id_column_are_called_by_the_index():
    table = predictions_table(40).drop(columns="image_id")
    counted = aw.Predictions.from_frame(table)
    assert counted.rows["image_id"].tolist() == [str(at) for at in range(40)]
    assert "called by their row number" in counted.notes[0]
    named = aw.Predictions.from_frame(table.set_axis([f"picture {at}" for at in range(40)], axis=0))
    assert named.rows["image_id"].iloc[3] == "picture 3"
    assert named.notes == ()
    with pytest.raises(ValueError, match="index repeats: name the ids with image_id="):
        aw.Predictions.from_frame(table.set_axis([0] * 40, axis=0))


def test_a_column_gives_way_to_the_one_that_was_named():
    table = predictions_table(40, scores=False)
    table = table.assign(votes=table["label"], label="joy")
    found = aw.Predictions.from_frame(table, label="votes")
    assert found.rows["label"].tolist() == table["votes"].tolist()
    assert "column 'label' gives way to the one that was named" in found.notes


def test_a_truth_that_is_called_otherwise_is_hinted_at():
    found = aw.Predictions.from_frame(predictions_table(40).rename(columns={"label": "y_true"}))
    assert found.truth is None
    assert "label='y_true' names a column that may hold it" in found.notes[0]


def test_labels_are_given_as_a_name_or_one_by_one():
    table = predictions_table(60)
    assert aw.Predictions.from_frame(table, taxonomy="ekman6").taxonomy == aw.Taxonomy.named("ekman6")
    labels = ["anger", "disgust", "fear", "joy", "sadness", "surprise", "awe"]
    assert aw.Predictions.from_frame(table.filter(regex="^(?!score_)"), taxonomy=labels).taxonomy.labels == tuple(labels)


TABLE = predictions_table(40)
LABELS = TABLE.filter(regex="^(?!score_)")
REFUSED = [
    (lambda: aw.Predictions.from_frame([1, 2]), TypeError, "expected a data frame with one row a picture, got list"),
    (lambda: aw.Predictions.from_frame(TABLE, label="lable"), ValueError, r"label='lable': .* did you mean label"),
    (lambda: aw.Predictions.from_frame(TABLE, scores="score_"), ValueError, "one star stands for the label"),
    (lambda: aw.Predictions.from_frame(TABLE, scores="q_*"), ValueError, r"scores='q_\*': no column fits"),
    (lambda: aw.Predictions.from_frame(TABLE, label="tone", predicted="tone"), ValueError, "named for two of"),
    (lambda: aw.Predictions.from_frame(TABLE, taxonomy="ekman"), ValueError, "unknown taxonomy 'ekman': did you mean"),
    (lambda: aw.Predictions.from_frame(LABELS.drop(columns="predicted")), ValueError, r"no predictions: .*\(scores=\)"),
    (
        lambda: aw.Predictions.from_frame(LABELS.rename(columns={"predicted": "y_pred"})),
        ValueError,
        "did you mean predicted='y_pred'",
    ),
    (lambda: aw.Predictions.from_frame(TABLE.head(0)), ValueError, "the data frame has no rows: expected one row a picture"),
    (lambda: aw.audit(pd.DataFrame()), ValueError, "the data frame has no rows"),
    (lambda: aw.audit(LABELS.assign(label="joy", predicted="joy")), ValueError, r"one label only \('joy'\).*taxonomy="),
    (
        lambda: aw.audit(LABELS.assign(predicted=["", *LABELS["predicted"][1:]])),
        ValueError,
        "1 row has no prediction, first 'picture-00000': leave",
    ),
    (lambda: aw.Predictions.from_frame(TABLE, scores=3), TypeError, "scores=3: expected a pattern .* or a mapping"),
    (lambda: aw.Predictions.from_frame(TABLE, votes=["vote_a"]), TypeError, "votes=.*: expected a pattern"),
    (lambda: aw.Predictions.from_frame(TABLE, scores={"joy": 3}), ValueError, "scores=3: there is no such column"),
    (lambda: aw.Predictions.from_frame(TABLE, predicted=5), ValueError, "predicted=5: there is no such column; legal"),
    (lambda: aw.Predictions.from_frame(TABLE, label=["label"]), TypeError, "expected the name of a column"),
    (lambda: aw.Predictions.from_frame(TABLE, taxonomy=3), TypeError, "taxonomy is 3: expected the name of a built-in"),
    (lambda: aw.Measurements.from_frame(TABLE, 3), TypeError, "outcomes is 3: expected names of columns"),
    (lambda: aw.Measurements.from_frame(TABLE, ()), ValueError, r"no outcome is named.*\(outcomes='valence'\)"),
    (lambda: aw.load(3), TypeError, "folder is 3: expected a path"),
    (lambda: aw.load_probe(None), TypeError, "folder is None: expected a path"),
    (lambda: aw.FeatureSet.load(3), TypeError, "folder is 3: expected a path"),
    (lambda: aw.audit(TABLE, attributes=["label"]), ValueError, "'label' is no attribute: it holds the true labels; attr"),
    (lambda: aw.audit(TABLE, attributes="predicted"), ValueError, "'predicted' is no attribute: .* predicted labels; attr"),
    (lambda: aw.audit(TABLE, attributes="image_id"), ValueError, "'image_id' is no attribute: .* ids of the pictures; attr"),
    (lambda: aw.audit(TABLE, attributes=()), ValueError, "no attribute is named to slice by; attributes: tone, place"),
    (
        lambda: aw.audit(TABLE.drop(columns=["tone", "place"])),
        ValueError,
        r"nothing to slice by: .*frame\.merge\(table, on='image_id'\)$",
    ),
    (lambda: aw.audit(TABLE, valence=3), TypeError, "valence is 3: expected a mapping of label to number"),
    (lambda: aw.audit(TABLE, valence={"joy": "high"}), TypeError, "valence of 'joy' is 'high': expected a number"),
    (lambda: aw.audit(TABLE, training=3), TypeError, "training is int: expected a FeatureSet or a data frame"),
    (lambda: aw.find_duplicates(TABLE, threshold="x"), TypeError, "threshold is 'x': expected a number"),
    (lambda: aw.find_duplicates(TABLE, names="ab"), TypeError, "names is 'ab': expected two texts"),
    (lambda: aw.discover("features", TABLE), TypeError, "features are str: expected a FeatureSet or an array of numbers"),
    (lambda: aw.audit(TABLE, numeric="label"), ValueError, "numeric= names 'label'"),
    (
        lambda: aw.discover(np.ones((200, 3)), predictions_table(200), space="projected"),
        ValueError,
        r"predictions of a probe \(probe\.predict\(features\)\)",
    ),
    (lambda: aw.audit("table.csv"), TypeError, "table is str: expected Predictions, a data frame, or features"),
    (lambda: aw.audit(TABLE, attribute="tone"), TypeError, r"audit\(\) has no keyword 'attribute': did you mean attributes"),
    (lambda: aw.audit(TABLE, order="2"), TypeError, "order is '2': expected a whole number"),
    (lambda: aw.audit(TABLE, order=7), ValueError, "order is 7: expected between 1 and 3"),
    (lambda: aw.audit(TABLE, attributes=3), TypeError, "attributes is 3: expected names of columns"),
    (lambda: aw.audit(TABLE, attributes=["ton"]), ValueError, "no attribute 'ton' in the data: did you mean tone"),
    (lambda: aw.audit(TABLE, config={"order": 1}), TypeError, "config is dict: expected AuditConfig"),
    (lambda: aw.audit(TABLE, probe=object()), TypeError, "probe= reads features: expected a FeatureSet, got DataFrame"),
    (lambda: aw.audit(TABLE, valence={"jo": 1.0}), ValueError, "label 'jo' is not in taxonomy"),
    (lambda: aw.audit(TABLE, outcomes="valense"), ValueError, "valense"),
    (lambda: aw.discover(np.zeros((40, 3)), [1]), TypeError, "table is list: expected Predictions or a data frame"),
    (lambda: aw.discover(np.zeros((4, 3)), TABLE), ValueError, r"features have shape \(4, 3\): expected \(40, width\)"),
]


@pytest.mark.parametrize(("call", "kind", "said"), REFUSED, ids=[said[:30] for _, _, said in REFUSED])
def test_what_is_wrong_is_said_in_one_line_of_python_words(call, kind, said):
    with pytest.raises(kind, match=said) as refusal:
        call()
    assert "\n" not in str(refusal.value)
    assert "--" not in str(refusal.value)


def test_a_column_that_is_called_by_a_number_may_be_named_by_it():
    table = LABELS.rename(columns={"predicted": 5, "tone": 7})
    found = aw.Predictions.from_frame(table, predicted=5)
    np.testing.assert_array_equal(found.predicted, aw.Predictions.from_frame(LABELS).predicted)
    assert aw.audit(found, attributes=[7], **QUICK).result.run.attributes == ("7",)


def test_what_cannot_be_written_is_said_in_python_words(result, fairer, planted, tmp_path):
    change = aw.compare(result, fairer)
    for one in (result, change, planted):
        folder = tmp_path / type(one).__name__
        one.save(folder)
        with pytest.raises(FileExistsError, match="exists: choose another folder, or pass overwrite=True"):
            one.save(folder)
        one.save(folder, overwrite=True)
        with pytest.raises(TypeError, match="folder is 3: expected a path"):
            one.save(3)
    with pytest.raises(TypeError, match="path is 3: expected a path"):
        result.to_html(3)
    with pytest.raises(ValueError, match="no plot 3: legal: forest"):
        result.plot(3)


def test_what_is_left_out_is_said_in_python_words(frame):
    found = aw.audit(frame.assign(truth=frame["label"], **{"the truth": frame["label"]}), **QUICK).excluded
    reasons = found.set_index("name")["reason"]
    assert reasons["truth"].endswith("attributes='truth' slices by it anyway")
    assert reasons["the truth"].endswith("attributes='the truth' slices by it anyway")


IN_PYTHON = {
    "pass --overwrite to replace it": "pass overwrite=True to replace it",
    "(--outcomes=valence)": "(outcomes='valence')",
    "--attributes='the tone' slices": "attributes='the tone' slices",
    "one of --scores-prefix, --votes-prefix.": "one of scores=, votes=.",
    "Join them with --attributes=TABLE.csv.": "Join them with frame.merge(table, on='image_id').",
    "name it with --encoder=open_clip:MODEL/TAG)": "name it with encoder='open_clip:MODEL/TAG')",
    "(workbench train --folds 5) or --probe": "(workbench train --folds 5) or probe.predict(features)",
    "a--b and x --2 stay": "a--b and x --2 stay",
}


@pytest.mark.parametrize(("words", "expected"), IN_PYTHON.items())
def test_options_become_keywords(words, expected):
    assert in_python(words) == expected


COMMANDS_ONLY = {
    "data/datasets",
    "probes/tinyemo",
    "data/answers",
    "data/instruct",
    "probes/asking",
    "probes/encoders",
    "probes/mmllm",
    "probes/evaluation/metrics.py",
}
"""What no function of the face calls."""


def sentences_with_options():
    """Every text of the analyses, the data and the probes that names an option, values left out; no docstrings."""
    root = Path(__file__).resolve().parents[1]
    for path in [*(one for name in ("analyses", "data", "probes") for one in (root / name).rglob("*.py"))]:
        if any(str(path.relative_to(root)).startswith(one) for one in COMMANDS_ONLY):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
        inner = {id(part) for text in texts for part in text.values}
        told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)} | inner
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                text = "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
                text = node.value
            else:
                continue
            if re.search(r"(?<![\w-])--[a-z]", text):
                yield f"{path.name}:{node.lineno}", text


def test_every_option_that_a_sentence_names_is_a_keyword_of_the_face():
    functions = [*FUNCTIONS.values(), aw.FeatureSpec]
    keywords = {name for function in functions for name in inspect.signature(function).parameters}
    sentences = dict(sentences_with_options())
    assert len(sentences) > 15
    for where, text in sentences.items():
        words = re.sub("workbench [a-z]+ --[^.;)]*", "", in_python(text))
        assert "--" not in words, where
        assert set(re.findall(r"\b([a-z_]+)=(?!=)", words)) <= keywords | {"on"}, where


def test_the_signature_and_the_help_list_every_option():
    for function, kind in ((aw.audit, aw.AuditConfig), (aw.discover, aw.DiscoveryConfig), (aw.fit, aw.FitConfig)):
        shown = inspect.signature(function).parameters
        for option in fields(kind):
            name = option.metadata.get("flag", option.name)
            assert shown[name].default == option.default
            assert f"    {name} ({option.type}): " in function.__doc__


def hostile(seed: int = 0) -> pd.DataFrame:
    table = predictions_table(
        300, labels=HOSTILE[:3], attributes={"<i>tone</i>": HOSTILE[2:], "place\x1b[31m": ("a", "b")}, bias=0.8, seed=seed
    )
    return table.assign(image_id=[f"<u>{number}</u>" for number in range(300)])


def test_nothing_in_the_data_can_become_markup_or_control_the_terminal(tmp_path):
    result = aw.audit(hostile(), **QUICK)
    other = aw.audit(hostile().assign(predicted=HOSTILE[0]).filter(regex="^(?!score_)"), **QUICK)
    twice = pd.DataFrame({"image_id": ["<u>1</u>", "<u>2</u>"], "content": "abc", "split": ["train", "test"]})
    assert len(result.sentences()) > 0
    for shown in (result, aw.compare(result, other), aw.find_duplicates(twice, names=("<b>a</b>", "b"))):
        page = Page(shown._repr_html_())
        assert {tag for tag, _ in page.elements} <= TAGS
        assert page.scripts == []
        assert "<" in page.text
        assert all(character.isprintable() or character == "\n" for character in repr(shown))


def test_a_discovery_escapes_too(planted, planted_probe):
    test = planted.where(split="test")
    rows = test.rows.assign(**{"<img src=x>": np.where(test.rows["figure_tone"] == "dark", HOSTILE[0], HOSTILE[1])})
    found = aw.discover(test, planted_probe.predict(replace(test, rows=rows)), topics=4, most=5, progress=False)
    assert {tag for tag, _ in Page(found._repr_html_()).elements} <= {
        "div",
        "b",
        "span",
        "ol",
        "ul",
        "li",
        "details",
        "summary",
    }


def public_functions():
    """(name, function) of every public function of the face, and of every public method of its classes."""
    for name in aw.__all__:
        one = getattr(aw, name)
        if not inspect.isclass(one):
            yield name, one
            continue
        for base in one.__mro__:
            if not base.__module__.startswith("affect_workbench"):
                continue
            for member, value in vars(base).items():
                function = getattr(value, "fget", None) or getattr(value, "func", None) or getattr(value, "__func__", value)
                if not member.startswith("_") and inspect.isfunction(function):
                    yield f"{name}.{member}", function


FUNCTIONS = dict(public_functions())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_says_what_it_takes_gives_and_refuses(name):
    function = FUNCTIONS[name]
    words = function.__doc__ or ""
    assert words.strip(), "no docstring"
    own = inspect.signature(inspect.unwrap(function))
    taken = [one.name for one in inspect.signature(function).parameters.values() if one.name not in ("self", "cls")]
    if "Args:" in words or len(taken) > 2:  # one or two may be told of in the first sentence
        assert [one for one in taken if not re.search(rf"^ *{one}( \(.*\))?:", words, flags=re.MULTILINE)] == []
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    raised = {
        node.exc.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name)
    }
    told = words.partition("Raises:")[2]
    assert {error for error in raised if f"{error}:" not in told} == set()
    arrays = "NDArray" in str(own) or any(one in str(own) for one in ("Floats", "Vectors", "Codes", "Mask"))
    assert not arrays or re.search(r"\(([nkdm]|n, [kdm])(, *)?\)", words), "no shape of an array"
    positional = [
        one for one in own.parameters.values() if one.kind.name.startswith("POSITIONAL") and one.name not in ("self", "cls")
    ]
    assert len(positional) <= 2


@pytest.mark.parametrize("name", [name for name in aw.__all__ if is_dataclass(getattr(aw, name))])
def test_every_field_of_a_public_class_is_explained(name):
    kind = getattr(aw, name)
    for one in fields(kind):
        explained = one.metadata.get("help") or re.search(rf"^ +{one.name}: \S", kind.__doc__, flags=re.MULTILINE)
        assert explained, one.name


def test_every_statistic_names_its_source():
    for function in (aw.audit, aw.compare, aw.discover, aw.fit, aw.find_duplicates):
        assert re.search(r"Sources?\b.*?https://", function.__doc__, flags=re.DOTALL), function.__name__


def test_options_are_called_as_on_the_command_line():
    cells = aw.audit(TABLE, attributes=["tone"], additional_analyses=False, resamples=99, progress=False)
    assert (cells.result.run.config.further, cells.result.run.config.draws) == (False, 99)
    assert "additional_analyses" in inspect.signature(aw.audit).parameters
    with pytest.raises(TypeError, match=r"audit\(\) has no keyword 'resample': did you mean resamples"):
        aw.audit(TABLE, resample=99)
