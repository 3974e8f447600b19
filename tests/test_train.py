"""Is training repeatable, does it keep the best epoch, and does it say what it left out?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from data.features import FeatureSet, FeatureSpec
from data.taxonomy import Taxonomy
from probes.anchors import LabelAnchors
from probes.config import LOSS_NAMES, FitConfig
from probes.train import _batches, fit

TWO = Taxonomy("two", ("a", "b", "c"))
ANCHORS = LabelAnchors(TWO.labels, np.eye(3, 8, dtype=np.float32), "test")
QUICK = FitConfig(epochs=3, batch=32, device="cpu")


def blobs(n: int = 120, *, noise: float = 0.7, seed: int = 0, start: int = 0) -> FeatureSet:
    """Three classes around three axes of six."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % 3
    values = np.eye(6)[codes] + noise * rng.standard_normal((n, 6))
    rows = pd.DataFrame({"image_id": [f"p{start + at}" for at in range(n)], "label": np.array(TWO.labels)[codes]})
    return FeatureSet(FeatureSpec(6, "test"), values.astype(np.float32), rows)


def trained(config: FitConfig = QUICK, train: FeatureSet | None = None, val: FeatureSet | None = None):
    return fit(config, blobs() if train is None else train, val, anchors=ANCHORS, taxonomy=TWO, progress=False)


def accuracy(probe, features: FeatureSet) -> float:
    return float((probe.predict(features).predicted == TWO.codes(features.rows["label"])).mean())


def weights(probe) -> list[torch.Tensor]:
    return list(probe.projector.state_dict().values())


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    one, again, other = trained(), trained(), trained(replace(QUICK, seed=1))
    assert all(torch.equal(a, b) for a, b in zip(weights(one), weights(again), strict=True))
    assert one.fingerprint() == again.fingerprint() != other.fingerprint()


def test_the_global_state_of_chance_does_not_matter() -> None:
    one = trained()
    torch.manual_seed(99)
    assert trained().fingerprint() == one.fingerprint()


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_every_loss_learns_to_read_new_pictures(loss: str) -> None:
    probe = trained(replace(QUICK, loss=loss, epochs=20, patience=20, learning_rate=0.02))
    assert accuracy(probe, blobs(300, seed=1, start=1_000)) > 0.6
    assert probe.config["loss"] == loss


def test_features_can_be_taken_as_they_are() -> None:
    probe = trained(replace(QUICK, normalise=False, epochs=20, patience=20, learning_rate=0.02))
    assert accuracy(probe, blobs(300, seed=1, start=1_000)) > 0.6
    assert not probe.normalise


@pytest.mark.parametrize("seed", range(3))
def test_the_weights_are_those_of_the_best_epoch(seed: int) -> None:
    val = blobs(60, seed=5, start=1_000)
    probe = trained(FitConfig(epochs=12, batch=8, learning_rate=0.3, patience=12, seed=seed, device="cpu"), val=val)
    history = probe.config["history"]
    best = max(range(len(history)), key=lambda at: (history[at]["validation_accuracy"], -history[at]["validation_loss"]))
    assert probe.config["best_epoch"] == best + 1
    assert len({epoch["validation_accuracy"] for epoch in history}) > 1
    assert accuracy(probe, val) == pytest.approx(history[best]["validation_accuracy"])


def test_training_stops_after_patience_epochs_without_a_better_accuracy() -> None:
    probe = trained(replace(QUICK, epochs=60, patience=3))
    accuracies = [epoch["validation_accuracy"] for epoch in probe.config["history"]]
    assert len(accuracies) < 60
    assert len(accuracies) == int(np.argmax(accuracies)) + 1 + 3


def test_more_patience_than_epochs_never_stops_early() -> None:
    assert len(trained(replace(QUICK, epochs=7, patience=8)).config["history"]) == 7


def test_validation_pictures_are_held_out_and_counted_but_not_called_unseen() -> None:
    probe, features = trained(), blobs()
    assert (probe.config["pictures"], probe.config["validation_pictures"]) == (105, 15)
    assert not probe.unseen(features).any()
    val = blobs(30, seed=5, start=1_000)
    chosen = trained(val=val)
    assert (chosen.config["pictures"], chosen.config["validation_pictures"]) == (120, 30)
    assert not chosen.unseen(val).any()
    assert chosen.predict(val).notes[0].startswith("30 of 30 predictions are in-sample")


def test_pictures_without_a_label_are_left_out_and_counted() -> None:
    features = blobs()
    labels = features.rows["label"].where(np.arange(120) % 4 > 0, None)
    probe = trained(train=replace(features, rows=features.rows.assign(label=labels)))
    assert (probe.config["unlabelled"], probe.config["pictures"] + probe.config["validation_pictures"]) == (30, 90)
    np.testing.assert_array_equal(probe.unseen(features), labels.isna())


def test_the_labels_are_found_where_no_taxonomy_is_given() -> None:
    probe = fit(QUICK, blobs(), anchors=ANCHORS, progress=False)
    assert probe.taxonomy.labels == TWO.labels


def test_the_config_is_kept_for_the_record() -> None:
    record = trained(replace(QUICK, weight_decay=0.02)).config
    assert record["weight_decay"] == 0.02
    assert set(record) >= {"seed", "loss", "template", "history", "best_epoch", "training_seconds"}


@pytest.mark.parametrize("n", [6, 7, 9])
def test_a_handful_of_pictures_can_be_trained_on(n: int) -> None:
    probe = trained(FitConfig(epochs=1, validation_share=0.4, device="cpu"), train=blobs(n))
    assert np.isfinite(probe.embed(blobs(n))).all()


@pytest.mark.parametrize(
    ("n", "size", "expected"), [(9, 4, [4, 5]), (8, 4, [4, 4]), (10, 4, [4, 4, 2]), (3, 4, [3]), (1, 4, [1])]
)
def test_no_batch_of_many_holds_one_picture(n: int, size: int, expected: list[int]) -> None:
    batches = _batches(n, size, rng=torch.Generator().manual_seed(0))
    assert [len(batch) for batch in batches] == expected
    assert sorted(torch.cat(batches).tolist()) == [*range(n)]


def test_features_that_cannot_be_trained_on_are_refused() -> None:
    features = blobs()
    with pytest.raises(ValueError, match="cannot train: the features have no 'label' column"):
        trained(train=replace(features, rows=features.rows[["image_id"]]))
    with pytest.raises(ValueError, match=r"cannot train on 1 class\(es\): at least two are needed"):
        trained(train=features.take(np.arange(120) % 3 == 0))
    with pytest.raises(ValueError, match=r"validation features are of other, 6 wide, training ones of test, 6 wide"):
        trained(val=replace(features, spec=FeatureSpec(6, "other")))
    with pytest.raises(ValueError, match=r"1 label\(s\) are not in taxonomy 'two', first 'd'"):
        trained(train=replace(features, rows=features.rows.assign(label=["d", *features.rows["label"][1:]])))


@pytest.mark.parametrize("labels", ["absent", "empty"])
def test_validation_pictures_without_labels_are_refused(labels: str) -> None:
    val = blobs(30, seed=5, start=1_000)
    rows = val.rows[["image_id"]] if labels == "absent" else val.rows.assign(label=None)
    with pytest.raises(ValueError, match="the validation features have no label, so no epoch can be chosen by them"):
        trained(val=replace(val, rows=rows))


def test_anchors_of_other_labels_are_refused_before_training() -> None:
    few = LabelAnchors(("a", "b"), np.eye(2, 8, dtype=np.float32), "test")
    with pytest.raises(ValueError, match=r"anchors are for \('a', 'b'\), the taxonomy has \('a', 'b', 'c'\)"):
        fit(QUICK, blobs(), anchors=few, taxonomy=TWO, progress=False)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("loss", "triplet", "unknown loss 'triplet': expected one of info_nce, cosine_embedding, nt_xent, sup_con"),
        ("temperature", 0, "temperature is 0: expected between 1e-06 and"),
        ("epochs", 0, "epochs is 0: expected between 1 and"),
        ("batch", 1, "batch is 1: expected between 2 and"),
        ("learning_rate", float("nan"), "learning_rate is nan"),
        ("weight_decay", -1, "weight_decay is -1"),
        ("dropout", 1, "dropout is 1: expected between 0 and 0.999"),
        ("patience", 0, "patience is 0"),
    ],
)
def test_impossible_settings_are_refused(name: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FitConfig(**{name: value})
