"""Are accuracy, recall and calibration what scikit-learn and plain loops say, for probe and baselines alike?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, recall_score
from statsmodels.stats.proportion import proportion_confint

from affect_workbench.data.features import FeatureSet
from affect_workbench.data.tables.splits import stratified_folds
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.config import FitConfig
from affect_workbench.probes.evaluation import evaluate as evaluate_module
from affect_workbench.probes.evaluation.calibration import expected_calibration_error
from affect_workbench.probes.evaluation.evaluate import (
    LinearBaseline,
    _at_most,
    evaluate,
    evaluation,
    fit_baselines,
    load_baselines,
    out_of_fold,
    save_baselines,
)
from affect_workbench.probes.projector import Probe
from affect_workbench.probes.training.fit import fit

EKMAN = Taxonomy.named("ekman6")


def unit(values: np.ndarray) -> np.ndarray:
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def relabelled(features: FeatureSet, labels: object) -> FeatureSet:
    return replace(features, rows=features.rows.assign(label=labels))


def test_the_figures_are_scikit_learns_and_leave_out_the_unlabelled(planted: FeatureSet, planted_probe: Probe) -> None:
    test = planted.where(split="test")
    labels = test.rows["label"].where(np.arange(900) % 5 > 0, None)
    result = evaluate(planted_probe, relabelled(test, labels), fit_baselines(planted.where(split="train"), EKMAN))
    known = labels.notna().to_numpy()
    truth = EKMAN.codes(labels[known])
    said = planted_probe.predict(test).predicted[known]
    assert (result.unlabelled, list(result.table["model"])) == (
        180,
        ["metric projector", "logistic regression", "class mean", "majority"],
    )
    row = result.table.iloc[0]
    assert row["n"] == 720
    assert row["accuracy"] == pytest.approx(accuracy_score(truth, said))
    assert (row["low"], row["high"]) == pytest.approx(proportion_confint((truth == said).sum(), 720, method="wilson"))
    assert row["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, said))
    recall = [row[f"recall_{label}"] for label in EKMAN.labels]
    np.testing.assert_allclose(recall, recall_score(truth, said, average=None))
    np.testing.assert_array_equal(result.confusion, confusion_matrix(truth, said))
    assert list(result.confusion.index) == list(result.confusion.columns) == list(EKMAN.labels)
    assert (result.table["accuracy"][:3] > 0.4).all()
    commonest = planted.where(split="train").rows["label"].value_counts().idxmax()
    last = result.table.iloc[3]
    assert last["accuracy"] == pytest.approx((labels[known] == commonest).mean())
    assert last["balanced_accuracy"] == pytest.approx(1 / 6)


def test_the_record_is_strict_json_with_the_probe_on_top(planted: FeatureSet, planted_probe: Probe) -> None:
    test = planted.where(split="test")
    angry = test.take((test.rows["label"] != "joy").to_numpy())
    record = evaluate(planted_probe, angry, fit_baselines(planted.where(split="train"), EKMAN)).as_json()
    json.dumps(record, allow_nan=False)
    assert record["recall"]["joy"] is None
    assert set(record["baselines"]) == {"logistic regression", "class mean", "majority"}
    assert record["low"] < record["accuracy"] < record["high"]
    assert np.sum(record["confusion"]["data"]) == record["n"] == len(angry)


def calibration_loop(probabilities: np.ndarray, codes: np.ndarray, bins: int) -> float:
    pictures = sorted((max(row), row.argmax() == code) for row, code in zip(probabilities, codes, strict=True))
    size, rest = divmod(len(pictures), bins)
    total, start = 0.0, 0
    for number in range(bins):
        part = pictures[start : start + size + (number < rest)]
        start += len(part)
        total += abs(sum(top for top, _ in part) - sum(hit for _, hit in part))
    return total / len(pictures)


@pytest.mark.parametrize(("n", "bins"), [(1, 1), (20, 3), (301, 15)])
def test_calibration_error_is_its_written_out_loop(n: int, bins: int) -> None:
    rng = np.random.default_rng(n)
    probabilities, codes = rng.dirichlet(np.ones(4), n), rng.integers(4, size=n)
    expected = calibration_loop(probabilities, codes, bins)
    assert expected_calibration_error(probabilities, codes, bins=bins) == pytest.approx(expected)


def test_calibration_error_is_small_when_calibrated_and_large_when_overconfident() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(3), 20_000)
    codes = (rng.random((20_000, 1)) > probabilities.cumsum(axis=1)).sum(axis=1)
    sharper = probabilities**4 / (probabilities**4).sum(axis=1, keepdims=True)
    assert expected_calibration_error(probabilities, codes) < 0.02
    assert expected_calibration_error(sharper, codes) > 0.15
    assert expected_calibration_error(np.eye(3)[codes], codes) == 0


@pytest.mark.parametrize("labels", [EKMAN.labels, ("anger", "joy")], ids=["six classes", "two classes"])
def test_the_logistic_baseline_is_scikit_learns(planted: FeatureSet, labels: tuple[str, ...]) -> None:
    kept = planted.take(planted.rows["label"].isin(labels).to_numpy())
    train, test = kept.where(split="train"), kept.where(split="test")
    logistic, nearest, majority = fit_baselines(train, EKMAN)
    model = LogisticRegression(C=10, max_iter=2_000, tol=1e-6)
    model = model.fit(unit(train.values).astype(float), EKMAN.codes(train.rows["label"]))
    probabilities = logistic.probabilities(test)
    np.testing.assert_allclose(probabilities[:, model.classes_], model.predict_proba(unit(test.values)), atol=1e-4)
    means = np.stack([unit(train.values[train.rows["label"] == label]).mean(axis=0) for label in sorted(labels)])
    expected = np.array(sorted(labels), dtype=object)[(unit(test.values) @ unit(means).T).argmax(axis=1)]
    np.testing.assert_array_equal(np.array(EKMAN.labels, dtype=object)[nearest.probabilities(test).argmax(axis=1)], expected)
    absent = [at for at, label in enumerate(EKMAN.labels) if label not in labels]
    assert (probabilities[:, absent] == 0).all()
    assert (nearest.probabilities(test)[:, absent] == 0).all()
    shares = [(train.rows["label"] == label).mean() for label in EKMAN.labels]
    np.testing.assert_allclose(majority.probabilities(test), np.tile(shares, (len(test), 1)), atol=1e-6)


def test_baselines_of_chosen_pictures_are_those_of_a_copy_and_of_many_pictures_a_sample(planted, monkeypatch) -> None:
    chosen = np.flatnonzero(planted.rows["split"] == "train")
    pointed, copied = fit_baselines(planted, EKMAN, within=chosen), fit_baselines(planted.take(chosen), EKMAN)
    for one, other in zip(pointed, copied, strict=True):
        np.testing.assert_array_equal(one.weights, other.weights)
    monkeypatch.setattr(evaluate_module, "LOGISTIC_AT_MOST", 100)
    sampled, means, _ = fit_baselines(planted, EKMAN, within=chosen)
    assert sampled.name == "logistic regression (100 pictures)"
    np.testing.assert_array_equal(means.weights, copied[1].weights)
    rows = _at_most(chosen, np.repeat([0, 1, 2], [596, 3, 1]), 10)
    assert len(set(rows)) == 10
    assert {598, 599} & set(np.searchsorted(chosen, rows)) == {599}  # the only picture of its class is always there


def test_baselines_survive_saving(planted: FeatureSet, tmp_path: Path) -> None:
    before = fit_baselines(planted.where(split="train"), EKMAN)
    save_baselines(before, tmp_path / "b.safetensors")
    after = load_baselines(tmp_path / "b.safetensors")
    assert [baseline.name for baseline in after] == [baseline.name for baseline in before]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one.probabilities(planted), other.probabilities(planted))
    with pytest.raises(FileNotFoundError, match=r"no baselines at .*: train the probe again"):
        load_baselines(tmp_path / "none.safetensors")


def test_a_baseline_reads_vectors_of_no_length(planted: FeatureSet) -> None:
    nothing = replace(planted, values=np.zeros_like(planted.values))
    baseline = LinearBaseline("x", np.ones((6, 64), np.float32), np.zeros(6, np.float32))
    np.testing.assert_allclose(baseline.probabilities(nothing), 1 / 6)


def test_what_cannot_be_evaluated_is_refused(planted: FeatureSet, planted_probe: Probe) -> None:
    for rows in (planted.rows.assign(label=None), planted.rows.drop(columns="label")):
        with pytest.raises(ValueError, match="cannot evaluate: no picture has a label"):
            evaluate(planted_probe, replace(planted, rows=rows))
    with pytest.raises(ValueError, match=r"cannot fit baselines on 1 class"):
        fit_baselines(planted.take((planted.rows["label"] == "joy").to_numpy()), EKMAN)


def test_out_of_fold_predictions_are_those_of_the_probe_that_did_not_see_the_picture(
    planted: FeatureSet, planted_probe: Probe
) -> None:
    fold = stratified_folds(EKMAN.codes(planted.rows["label"]), 2, seed=0)
    parts = [(np.flatnonzero(fold == number), planted_probe.predict(planted.take(fold == number))) for number in (0, 1)]
    together = out_of_fold(parts, planted)
    np.testing.assert_allclose(together.distances, planted_probe.predict(planted).distances, atol=1e-6)
    assert together.source == "+".join([f"probe {planted_probe.fingerprint()}"] * 2)


def test_folds_that_leave_pictures_out_are_refused(planted: FeatureSet, planted_probe: Probe) -> None:
    half = np.arange(len(planted)) < 700
    part = (np.flatnonzero(half), planted_probe.predict(planted.take(half)))
    for parts, message in (([part], "800 .* in no fold and 0 in several"), ([part, part], "800 .* in no fold and 700 in")):
        with pytest.raises(ValueError, match=message):
            out_of_fold(parts, planted)


def test_real_emotion6_accuracy_out_of_fold_is_at_least_that_of_logistic_regression(emotion6, ekman_anchors) -> None:
    """Five seeds of five folds on real CLIP features: mean accuracy 0.75 or more, and within 0.01 of the baseline."""
    codes = EKMAN.codes(emotion6.rows["label"])
    accuracy: dict[str, list[float]] = {"metric projector": [], "logistic regression": []}
    for seed in range(5):
        fold = stratified_folds(codes, 5, seed=seed)
        readings = {name: np.empty((len(codes), 6)) for name in accuracy}
        for number in range(5):
            train, test = emotion6.take(fold != number), emotion6.take(fold == number)
            probe = fit(FitConfig(seed=seed, device="cpu"), train, anchors=ekman_anchors, progress=False)
            readings["metric projector"][fold == number] = probe.probabilities(probe.predict(test))
            readings["logistic regression"][fold == number] = fit_baselines(train, EKMAN)[0].probabilities(test)
        table: pd.DataFrame = evaluation(readings, emotion6, EKMAN).table.set_index("model")
        for name, values in accuracy.items():
            values.append(table.loc[name, "accuracy"])
    projector, logistic = (np.mean(values) for values in accuracy.values())
    assert projector >= 0.75
    assert projector >= logistic - 0.01
