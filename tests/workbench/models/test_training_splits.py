"""Which pictures train, choose the epoch and measure: by the splits there are, and never one picture for two of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.checkpoint import load_probe
from affect_workbench.workbench.models.training.settings import TrainSettings
from affect_workbench.workbench.models.training.splits import sampling_sentence, thin_labels, training_splits
from workbench_runs import refusal, succeeded

TWO = Taxonomy("two", ("joy", "fear"))


def features_of(splits: list[str | None], labels: list[str | None] | None = None, **more: object) -> FeatureSet:
    """Pictures of two classes, well apart, in the given splits."""
    n = len(splits)
    labels = labels or [TWO.labels[number % 2] for number in range(n)]
    rng = np.random.default_rng(0)
    signs = np.array([-1.0 if label == "fear" else 1.0 for label in labels])
    values = (rng.normal(size=(n, 8)) + 3 * signs[:, None]).astype(np.float32)
    rows = pd.DataFrame({"image_id": [f"p{number}" for number in range(n)], "label": labels, "split": splits, **more})
    return FeatureSet(FeatureSpec(8, "made up"), values, rows)


def settings_of(**more: object) -> TrainSettings:
    return TrainSettings(**({"features": "x", "out": "y"} | more))


def ids(features: FeatureSet, positions: np.ndarray | None) -> set[str]:
    return set() if positions is None else set(features.rows["image_id"].iloc[positions])


@pytest.mark.parametrize(
    ("train", "val", "test"), [("Train", "Val", "Test"), ("training", "valid", "testing"), ("Training", "dev", "PublicTest")]
)
def test_the_sides_are_found_by_any_name_of_theirs(train: str, val: str, test: str) -> None:
    features = features_of([train] * 8 + [val] * 4 + [test] * 4)
    for asked in ({}, {"split": train, "val_split": val}, {"split": "training", "val_split": "Validation"}):
        cut = training_splits(features, TWO, settings_of(**asked))
        assert ids(features, cut.train) == {f"p{number}" for number in range(8)}
        assert ids(features, cut.val) == {f"p{number}" for number in range(8, 12)}
        assert ids(features, cut.test) == {f"p{number}" for number in range(12, 16)}
        assert cut.measured_on == "split test"


@pytest.mark.parametrize("called", ["val", "validation", "dev"])
def test_the_validation_split_chooses_the_epoch_and_the_test_split_measures(called: str) -> None:
    features = features_of(["train"] * 8 + [called] * 4 + ["test"] * 4)
    cut = training_splits(features, TWO, settings_of())
    assert ids(features, cut.train) == {f"p{number}" for number in range(8)}
    assert ids(features, cut.val) == {f"p{number}" for number in range(8, 12)}
    assert ids(features, cut.test) == {f"p{number}" for number in range(12, 16)}
    assert cut.measured_on == "split test"
    assert training_splits(features, TWO, settings_of(val_split="none")).val is None
    assert ids(features, training_splits(features, TWO, settings_of(val_split="test")).val) == {
        f"p{n}" for n in range(12, 16)
    }


def test_without_a_test_split_a_share_of_the_training_pictures_measures() -> None:
    features = features_of(["train"] * 20 + ["val"] * 4)
    cut = training_splits(features, TWO, settings_of())
    assert len(cut.test) == 4
    assert ids(features, cut.train) | ids(features, cut.test) == {f"p{number}" for number in range(20)}
    assert not ids(features, cut.train) & ids(features, cut.test)
    whole = features_of([None] * 20)
    cut = training_splits(whole, TWO, settings_of())
    assert (len(cut.train), cut.val, len(cut.test)) == (16, None, 4)
    further = training_splits(whole, TWO, settings_of(), first=False)
    assert (len(further.train), further.val, further.test) == (20, None, None)
    folds = training_splits(features, TWO, settings_of(folds=3))
    assert (len(folds.train), folds.val, folds.test) == (20, None, None)


def test_pictures_without_a_label_are_on_no_side() -> None:
    labels = ["joy", "fear", "joy", "fear", None, "joy", "fear", None, "joy", "fear"]
    features = features_of(["train"] * 5 + ["val"] * 3 + ["test"] * 2, labels)
    cut = training_splits(features, TWO, settings_of())
    assert not {"p4", "p7"} & (ids(features, cut.train) | ids(features, cut.val) | ids(features, cut.test))


@pytest.mark.parametrize(
    ("splits", "unlabelled", "more", "message"),
    [
        (["train"] * 8 + ["val"] * 2 + ["test"], range(8, 10), {}, "validation split 'val' is empty .* --val-split none"),
        (["train"] * 8 + ["test"] * 2, range(8, 10), {}, "no picture of split test has a label"),
        (["train"] * 8 + ["test"] * 2, range(8), {}, "no picture of split train has a label"),
        (["train"] * 8 + ["test"] * 2, (), {"val_split": "dev"}, "no picture is in split 'dev'; splits: test, train"),
        (
            ["train"] * 8 + ["test"] * 2,
            (),
            {"val_split": "train"},
            "cannot be used both for training and to choose the epoch",
        ),
        (["train"] * 8, (), {"split": "test"}, "no picture is in split 'test'; splits: train"),
        ([None] * 8, (), {"split": "test"}, "these features have no split, so there is no split 'test'"),
        ([None] * 8, (), {"holdout": 1.0}, "--holdout"),
        ([None] * 8, (), {"holdout": -0.1}, "--holdout"),
    ],
)
def test_a_side_that_would_be_empty_is_refused_with_what_to_do(splits, unlabelled, more, message) -> None:
    labels = [None if number in set(unlabelled) else TWO.labels[number % 2] for number in range(len(splits))]
    with pytest.raises(ValueError, match=message):
        training_splits(features_of(splits, labels), TWO, settings_of(**more))


def test_a_label_of_a_single_picture_is_named() -> None:
    features = features_of([None] * 5, ["joy", "joy", "joy", "joy", "fear"])
    (told,) = thin_labels(features, TWO, training_splits(features, TWO, settings_of(holdout=0.25)))
    assert told == (
        "1 label with a single picture, which is learned from and cannot be measured on: fear; add pictures of them, or "
        "remove them"
    )
    (told,) = thin_labels(features, TWO, training_splits(features, TWO, settings_of(folds=2)))
    assert told.startswith("1 label with a single picture, so that in its fold the projector knows them by their word")
    assert not thin_labels(features_of([None] * 8), TWO, training_splits(features_of([None] * 8), TWO, settings_of()))


def test_labels_that_only_one_side_has_are_named() -> None:
    labels = ["joy"] * 6 + ["fear"] + ["joy"] * 2 + ["fear"] * 2
    features = features_of(["train"] * 7 + ["test"] * 4, labels)
    (told,) = thin_labels(features, TWO, training_splits(features, TWO, settings_of()))
    assert told.startswith("1 label learned from a single picture: fear")
    features = features_of(["train"] * 6 + ["test"] * 5, labels)
    (told,) = thin_labels(features, TWO, training_splits(features, TWO, settings_of()))
    assert told.startswith("1 label with no picture to learn from, so the projector knows them by their word alone")


def test_with_nothing_held_out_every_labelled_picture_is_learnt_from() -> None:
    features = features_of([None] * 8)
    cut = training_splits(features, TWO, settings_of(holdout=0.0))
    assert (cut.test, cut.measured_on, cut.trained_on.tolist()) == (None, "", list(range(8)))
    assert not thin_labels(features, TWO, cut)
    cut = training_splits(features_of(["train"] * 6 + ["val"] * 2), TWO, settings_of(holdout=0.0))
    assert (cut.val.tolist(), cut.trained_on.tolist()) == ([6, 7], list(range(8)))
    assert (
        training_splits(features_of(["train"] * 6 + ["test"] * 2), TWO, settings_of(holdout=0.0)).measured_on == "split test"
    )


def test_the_rule_that_draws_from_several_sets_is_told() -> None:
    assert "every picture once: the sets make up 75 %, 25 %" in sampling_sentence("as_is", [30, 10])
    assert "every set equally often: 50 %, 50 %" in sampling_sentence("sets", [30, 10])
    assert "40 pictures, drawn with replacement, every label" in sampling_sentence("classes", [30, 10])


def test_the_command_uses_the_validation_split_and_says_so(tmp_path: Path) -> None:
    features = features_of(["train"] * 60 + ["val"] * 30 + ["test"] * 30)
    features.save(tmp_path / "features")
    words = ("train", "--features", tmp_path / "features", "--epochs", 2)
    told = succeeded(*words, "-o", tmp_path / "probe").out
    assert "the epoch is chosen on 30 pictures of split val\n" in told
    config = load_probe(tmp_path / "probe").config
    assert (config["pictures"], config["validation_pictures"]) == (60, 30)
    held = succeeded(*words, "--val-split", "none", "-o", tmp_path / "held").out
    assert "the epoch is chosen on" not in held
    record = json.loads((tmp_path / "held/metrics.json").read_text(encoding="utf-8"))
    assert record["training"]["pictures"] + record["training"]["validation_pictures"] == 60
    line = refusal(*words, "--val-split", "none", "--validation-share", 0, "-o", tmp_path / "none")
    assert "no picture is left to choose the epoch by (validation_share)" in line


def test_a_measured_picture_that_chose_the_epoch_is_leakage(tmp_path: Path) -> None:
    content = [f"{number:016x}" for number in range(90)] + [f"{60:016x}"] + [f"{number:016x}" for number in range(91, 120)]
    features_of(["train"] * 60 + ["val"] * 30 + ["test"] * 30, content=content).save(tmp_path / "features")
    words = ("train", "--features", tmp_path / "features", "--epochs", 1, "-o", tmp_path / "probe")
    assert "1 picture to measure on was also used for training or to choose the epoch" in refusal(*words)
    assert "warning: 1 picture to measure on" in succeeded(*words, "--allow-overlap").out


def test_a_label_of_a_single_picture_is_warned_of_and_trained_on(tmp_path: Path) -> None:
    labels = [TWO.labels[number % 2] for number in range(39)] + ["awe"]
    features_of([None] * 40, labels).save(tmp_path / "features")
    told = succeeded("train", "--features", tmp_path / "features", "--epochs", 1, "-o", tmp_path / "probe").out
    assert "warning: 1 label with a single picture, which is learned from and cannot be measured on: awe" in told
    assert "; no picture of awe" in told
    assert load_probe(tmp_path / "probe").taxonomy.labels == ("awe", "fear", "joy")
