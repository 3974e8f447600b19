"""How well is it read, and what is the confidence worth? Measured, kept in the run, and said in report and app."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from streamlit.testing.v1 import AppTest

from affect_workbench.analyses.audit.accuracy import MODEL_COLUMNS, Confidence, MeasuredAccuracy, accuracy_from_json
from affect_workbench.analyses.inference.intervals import wilson
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.predictions import predictions_from_table
from affect_workbench.probes.checkpoint import load_probe
from affect_workbench.workbench.models.evaluation.accuracy import confidence_of, table_accuracy
from affect_workbench.workbench.report.figures.accuracy import accuracy_figure
from affect_workbench.workbench.report.html import report_html
from affect_workbench.workbench.report.sections.reliability import (
    accuracy_sentence,
    answer_sentence,
    coverage_note,
    gap_sentence,
    none_sentence,
    unsure_sentence,
)
from affect_workbench.workbench.runs.store import load_audit, save_audit
from answered_pictures import world
from pages import LIMIT, Page
from workbench_runs import CELLS, HOSTILE, SLIM, audited, predictions_table, succeeded

pytest_plugins = ["workbench_fixtures"]

APP = Path(__file__).resolve().parents[3] / "workbench" / "app.py"


def shares(n: int = 600, *, seed: int = 0) -> pd.DataFrame:
    """Predictions whose scores are probabilities; a tenth of the pictures have no label."""
    table = predictions_table(n, bias=0.3, seed=seed)
    return table.assign(label=table["label"].where(np.arange(n) % 10 > 0))


def read(table: pd.DataFrame, *, target_accuracy: float = 0.9) -> MeasuredAccuracy | None:
    return table_accuracy(predictions_from_table(table), target_accuracy=target_accuracy)


def sure(n: int = 2_000, *, seed: int = 0, asked: float = 0.9, seen: int | None = 0) -> Confidence:
    cosines, codes = world(n, seed=seed)
    likes = np.exp(cosines / 0.07)
    return confidence_of("m", likes / likes.sum(axis=1, keepdims=True), codes, seen=seen, target_accuracy=asked)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """An audit of a table with labels and probabilities, by the command."""
    root = tmp_path_factory.mktemp("reading")
    shares().to_csv(root / "model.csv", index=False)
    succeeded("audit", "--predictions", root / "model.csv", "-o", root / "run", *SLIM)
    return root / "run"


def text_of(folder: Path) -> str:
    return Page((folder / "report.html").read_text(encoding="utf-8")).text


# What is measured


def test_an_audit_of_a_probe_measures_what_its_training_did(demo, demo_result):
    record = json.loads((demo.probe / "metrics.json").read_text(encoding="utf-8"))
    models = demo_result.accuracy.models.set_index("model")
    assert list(models["kind"]) == ["probe", "baseline", "baseline", "baseline"]
    for name, wanted in (("metric projector", record), *record["baselines"].items()):
        for figure in ("accuracy", "low", "high"):
            assert models.loc[name, figure] == pytest.approx(wanted[figure]), (name, figure)
    assert demo_result.accuracy.seen == 0
    table = demo_result.accuracy.confidence.reliability
    assert ((table["confidence"] - table["accuracy"]).abs() * table["n"]).sum() / 2_500 == pytest.approx(record["ece"])


def test_a_table_with_labels_is_measured_and_pictures_without_one_are_left_out():
    table = shares()
    known = table[table["label"].notna()]
    reading = read(table)
    (row,) = reading.models.to_dict("records")
    hits = (known["predicted"] == known["label"]).sum()
    assert (row["kind"], row["n"]) == ("model", 540)
    assert (row["accuracy"], row["low"], row["high"]) == pytest.approx((hits / 540, *map(float, wilson(hits, 540))))
    top = known.filter(like="score_").max(axis=1)
    table = reading.confidence.reliability
    assert (table["confidence"] * table["n"]).sum() == pytest.approx(top.sum())


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_scores_that_are_no_probabilities_are_not_taken_for_confidence(factor):
    table = shares()
    table[table.filter(like="score_").columns] *= factor
    reading = read(table)
    assert reading.confidence is None
    assert reading.models["accuracy"].tolist() == read(shares()).models["accuracy"].tolist()
    rounded = shares().round(3)
    assert read(rounded).confidence is not None


def test_without_labels_there_is_nothing_to_measure():
    assert read(shares().drop(columns="label")) is None
    assert read(shares().assign(label=None)) is None


def test_beside_votes_a_label_column_may_be_about_anything():
    table = shares()
    votes = {f"vote_{label}": np.ones(len(table)) for label in sorted(set(table["predicted"]))}
    assert read(table.assign(**votes)).models["n"].tolist() == [540]
    voted = read(table.assign(**votes, label="a shop"))
    assert (voted.truth, voted.models["n"].tolist()) == ("votes", [600])


def test_the_mean_share_of_votes_is_called_vote_agreement():
    table = shares().drop(columns="label")
    labels = sorted(set(table["predicted"]))
    cast = np.random.default_rng(0).multinomial(10, np.full(len(labels), 1 / len(labels)), size=len(table))
    voted = read(table.assign(**{f"vote_{label}": cast[:, at] for at, label in enumerate(labels)}))
    assert (voted.truth, voted.measure, voted.confidence) == ("votes", "vote agreement", None)
    share = cast[np.arange(600), [labels.index(label) for label in table["predicted"]]] / 10
    student = stats.ttest_1samp(share, 0).confidence_interval()
    np.testing.assert_allclose(voted.models.loc[0, ["accuracy", "low", "high"]].tolist(), [share.mean(), *student])
    assert "accuracy" not in accuracy_sentence(voted)
    assert f"has {100 * share.mean():.1f} % [" in accuracy_sentence(voted)
    assert "(vote agreement)" in accuracy_sentence(voted)
    assert "votes" in unsure_sentence("score", truth="votes")
    assert accuracy_figure(voted.models, measure=voted.measure).layout.xaxis.title.text == "vote agreement, 95 % interval"
    again = accuracy_from_json(voted.as_json())
    assert again.truth == "votes"
    assert accuracy_from_json({name: value for name, value in voted.as_json().items() if name != "truth"}).truth == "labels"


def test_predictions_out_of_fold_are_known_to_be_unseen_and_a_table_is_not(planted, run, tmp_path):
    planted.where(split="train").save(tmp_path / "features")
    succeeded("train", "--features", tmp_path / "features", "-o", tmp_path / "probe", "--folds", 3, "--epochs", 1)
    succeeded("audit", "--predictions", tmp_path / "probe", "-o", tmp_path / "run", *SLIM)
    assert load_audit(tmp_path / "run").accuracy.seen == 0
    assert "Whether it was trained on any" not in text_of(tmp_path / "run")
    assert load_audit(run).accuracy.seen is None
    assert "Whether it was trained on any of them is not known" in text_of(run)


def test_in_sample_pictures_are_named_and_nothing_is_promised_on_them(demo, tmp_path):
    words = ("audit", "--features", demo.features, "--probe", demo.probe, "--split", "train")
    succeeded(*words, "-o", tmp_path / "run", *SLIM, "--target-accuracy", 0.3)
    reading, text = load_audit(tmp_path / "run").accuracy, text_of(tmp_path / "run")
    seen = int((~load_probe(demo.probe).unseen(FeatureSet.load(demo.features).where(split="train"))).sum())
    assert reading.seen == reading.confidence.seen == seen > 0
    assert reading.confidence.threshold is None
    assert reading.models["model"][0] == "metric projector (100 % in-sample)"
    assert (
        f"{seen:,} of these pictures are in-sample: used for training or to choose the epoch, so these figures are too high"
        in text
    )
    assert f"No accuracy can be guaranteed for new pictures: {seen:,} of these {seen:,} are in-sample" in text
    assert "its accuracy on new pictures" not in text


def test_a_probe_without_saved_baselines_is_measured_alone(demo, tmp_path):
    probe = tmp_path / "probe"
    shutil.copytree(demo.probe, probe)
    (probe / "baselines.safetensors").unlink()
    marker = json.loads((probe / "COMPLETE.json").read_text(encoding="utf-8"))
    del marker["files"]["baselines.safetensors"]
    (probe / "COMPLETE.json").write_text(json.dumps(marker), encoding="utf-8")
    succeeded("audit", "--features", demo.features, "--probe", probe, "--split", "test", "-o", tmp_path / "run", *SLIM)
    assert load_audit(tmp_path / "run").accuracy.models["kind"].tolist() == ["probe"]


def test_the_ringed_row_is_where_the_answered_begin():
    found = sure()
    cosines, _ = world(2_000)
    likes = np.exp(cosines / 0.07)
    confidence = (likes / likes.sum(axis=1, keepdims=True)).max(axis=1)
    assert found.answered["coverage"] == (confidence >= found.threshold).mean()
    assert 0 < found.answered["coverage"] < 1
    assert found.answered["low"] >= 0.9
    assert sure(asked=0.999).answered is None


# What is said


def test_what_can_be_answered_is_said_as_far_as_it_is_shown():
    found = sure()
    row = found.answered
    share, right = f"{100 * row['coverage']:.0f} %", f"{100 * row['accuracy']:.1f} %"
    sentence = answer_sentence(found)
    for part in (f"most confident {share}", f"≥ {100 * found.threshold:.1f} %", "at least 90 % (95 % confidence)", right):
        assert part in sentence
    every = answer_sentence(sure(asked=0.3))
    assert every.startswith("Answering every picture")
    assert "at least 30 %" in every
    assert "(95 % confidence, if it was trained on none of these)" in answer_sentence(sure(seen=None))
    few = answer_sentence(sure(60))
    assert few.startswith("At no threshold can 90 % be guaranteed with so few pictures: of the most confident ")
    assert few.endswith("pictures are too few for 95 % confidence.")
    assert "down to the most confident 5 %, fewer are right." in answer_sentence(sure(asked=0.9999))
    assert answer_sentence(sure(seen=7)).startswith("No accuracy can be guaranteed for new pictures: 7 of these 2,000 are")


def test_what_is_promised_holds_on_new_pictures():
    """The effect exists: without abstaining the accuracy asked for is missed; with it, it is reached."""
    new, truth = world(40_000, seed=99)
    likes = np.exp(new / 0.07)
    confidence, hit = (likes / likes.sum(axis=1, keepdims=True)).max(axis=1), new.argmax(axis=1) == truth
    assert hit.mean() < 0.9
    assert all(hit[confidence >= sure(seed=seed).threshold].mean() >= 0.9 for seed in range(20))


def test_the_ring_is_explained_where_there_is_one():
    assert "chosen among twenty on these very pictures" in coverage_note(sure())
    assert "chosen" not in coverage_note(sure(asked=0.999))


def test_the_gap_is_that_of_the_reliability_table():
    table = pd.DataFrame({"n": [30, 10], "confidence": [0.5, 0.9], "accuracy": [0.6, 0.7], "low": 0.0, "high": 1.0})
    sentence = gap_sentence(replace(sure(), reliability=table))
    for part in ("confidence is 60.0 %", "accuracy 62.5 %", "2 groups", "12.5 points"):
        assert part in sentence


def test_the_best_baseline_stands_beside_the_probe_even_when_it_is_better():
    rows = [("p", "probe", 50, 0.5, 0.4, 0.6), ("a", "baseline", 50, 0.3, 0.2, 0.4), ("b", "baseline", 50, 0.7, 0.6, 0.8)]
    reading = MeasuredAccuracy(pd.DataFrame(rows, columns=list(MODEL_COLUMNS)), 0, None)
    assert accuracy_sentence(reading) == (
        "Of 50 labelled pictures, the probe predicts 50.0 % [40.0, 60.0] as labelled; the best of the baselines fitted "
        "on its training pictures, b, reaches 70.0 % [60.0, 80.0]."
    )


def test_a_share_is_never_rounded_to_nothing_or_to_all():
    assert none_sentence(1, 1_000, 0.05).startswith("0.1 % of the pictures (1 of 1,000)")
    assert none_sentence(0, 1_000, 0.05).startswith("0 % of the pictures")
    assert none_sentence(999, 1_000, 0.05).startswith("99.9 % of the pictures")
    sentence = none_sentence(70, 1_000, 0.05)
    assert "than 95 % of its validation pictures" in sentence
    assert "about 5 % is expected" in sentence


# What is kept


def test_the_reading_survives_saving_to_the_last_digit(demo_result, tmp_path):
    save_audit(demo_result, tmp_path / "run")
    kept = load_audit(tmp_path / "run").accuracy
    pd.testing.assert_frame_equal(kept.models, demo_result.accuracy.models)
    for name in ("reliability", "coverage"):
        pd.testing.assert_frame_equal(
            getattr(kept.confidence, name), getattr(demo_result.accuracy.confidence, name), check_exact=True
        )
    assert kept.as_json() == demo_result.accuracy.as_json()


@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_what_was_just_measured_gives_the_report_of_what_was_kept(tmp_path, factor):
    table = shares()
    table[table.filter(like="score_").columns] *= factor
    result = replace(audited(table, **CELLS), accuracy=read(table, target_accuracy=0.5))
    save_audit(result, tmp_path / "run")
    assert report_html(load_audit(tmp_path / "run")) == report_html(result)


def test_the_report_command_makes_the_section_again_from_the_run_alone(run, tmp_path):
    again = tmp_path / "run"
    shutil.copytree(run, again)
    (again / "report.html").unlink()
    succeeded("report", again)
    assert (again / "report.html").read_bytes() == (run / "report.html").read_bytes()


def test_an_older_run_opens_and_lacks_the_section(run, tmp_path):
    older = tmp_path / "run"
    shutil.copytree(run, older)
    (older / "reading.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"has lost its file reading\.json"):
        load_audit(older)
    marker = json.loads((older / "COMPLETE.json").read_text(encoding="utf-8"))
    del marker["files"]["reading.json"]
    (older / "COMPLETE.json").write_text(json.dumps(marker), encoding="utf-8")
    assert load_audit(older).accuracy is None
    succeeded("report", older)
    assert "How accurate is it?" not in text_of(older)


@pytest.mark.parametrize("lost", ["models", "seen", "confidence"])
def test_a_record_that_lacks_something_is_refused_by_name(lost):
    record = MeasuredAccuracy(read(shares()).models, 0, sure()).as_json()
    with pytest.raises(ValueError, match=rf"not an accuracy record \('{lost}' is missing .*\): audit again"):
        accuracy_from_json({name: value for name, value in record.items() if name != lost})
    del record["confidence"]["level"]
    with pytest.raises(ValueError, match="'level' is missing"):
        accuracy_from_json(record)


# What is shown


def test_the_report_has_the_section_between_its_figures_and_its_limits(demo_result, demo):
    page = (demo.audit / "report.html").read_text(encoding="utf-8")
    places = [page.index(f'<section id="{name}">') for name in ("findings", "structure", "reading", "excluded", "limits")]
    assert places == sorted(places)
    assert '<a href="#reading">Accuracy</a>' in page
    text = Page(page).text
    reading = demo_result.accuracy
    for sentence in (accuracy_sentence(reading), gap_sentence(reading.confidence), answer_sentence(reading.confidence)):
        assert sentence in text
    for name in ("accuracy", "reliability", "coverage"):
        assert page.count(f'id="{name}"') == 1


def test_without_probabilities_the_section_says_why_it_is_short(tmp_path):
    for table, why in (
        (predictions_table(300, scores=False), "The predictions contain labels only"),
        (predictions_table(300).assign(score_joy=7.0), "The scores are not probabilities"),
    ):
        page = report_html(replace(audited(table, **CELLS), accuracy=read(table)))
        assert why in Page(page).text
        assert 'id="accuracy"' in page
        assert 'id="coverage"' not in page


def test_without_labels_there_is_neither_section_nor_link(tmp_path):
    shares().drop(columns="label").to_csv(tmp_path / "bare.csv", index=False)
    succeeded("audit", "--predictions", tmp_path / "bare.csv", "-o", tmp_path / "run", *SLIM)
    page = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert not (tmp_path / "run/reading.json").exists()
    assert "#reading" not in page


@pytest.fixture(scope="module")
def page_of():
    """The report of a model of some name."""
    result, found = audited(predictions_table(120), **CELLS), sure(300)

    @cache
    def page(called: str) -> str:
        rows = [(called, "probe", 300, 0.5, 0.4, 0.6), (called, "baseline", 300, 0.5, 0.4, 0.6)]
        models = pd.DataFrame(rows, columns=list(MODEL_COLUMNS))
        return report_html(replace(result, accuracy=MeasuredAccuracy(models, 0, replace(found, model=called))))

    return page


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_models_are_shown_and_never_run(page_of, name):
    hostile, harmless = page_of(name), page_of("m")
    assert [tag for tag, _ in Page(hostile).elements] == [tag for tag, _ in Page(harmless).elements]
    assert name in Page(hostile).text
    assert name not in hostile or "<" not in name


def test_the_section_keeps_the_largest_report_under_its_limit(nasty_big_result):
    big = replace(nasty_big_result, accuracy=MeasuredAccuracy(read(shares()).models, 0, sure(20_000)))
    assert len(report_html(big).encode()) < LIMIT


def test_the_app_shows_the_same(run, demo, demo_result, monkeypatch):
    def opened(folder):
        monkeypatch.setenv("WORKBENCH_RUN", str(folder))
        monkeypatch.setenv("WORKBENCH_RUNS", "nowhere")
        app = AppTest.from_file(str(APP), default_timeout=60).run().switch_page("views/pages/audit/run.py").run()
        assert not app.exception
        return app, "\n".join(str(element.value) for element in app.markdown).replace("\\", "")

    app, said = opened(demo.audit)
    assert accuracy_sentence(demo_result.accuracy) in said
    assert answer_sentence(demo_result.accuracy.confidence) in said
    assert len(app.get("plotly_chart")) == 3
    assert accuracy_sentence(load_audit(run).accuracy) in opened(run)[1]
