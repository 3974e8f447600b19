"""The encoder that ships: as good as its card says, small, and made by a command that can be repeated and resumed."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from data.features import FeatureSet
from data.scenes import annotate, bayes_accuracy
from data.taxonomy import Taxonomy
from probes.builtin import CARD_FILE, WEIGHTS_FILE, train
from probes.builtin.measure import encoded, fresh_pictures, zero_shot_accuracy
from probes.config import FitConfig
from probes.train import fit
from probes.vision import vision_encoder

BARS = {"setting": 0.98, "light": 0.98, "subject": 0.95, "weather": 0.88, "held": 0.74, "figure_tone": 0.70}


@pytest.fixture(scope="module")
def fresh():
    encoder = vision_encoder("builtin:scenes", on="cpu")
    scenes, pixels = fresh_pictures(4_000, seed=11)
    return encoder, scenes, pixels, encoded(encoder, pixels)


def test_the_weights_are_small_and_in_half_precision():
    from safetensors.torch import load_file

    assert WEIGHTS_FILE.stat().st_size <= 10_000_000
    kinds = {tensor.dtype for tensor in load_file(WEIGHTS_FILE).values()}
    assert kinds <= {torch.float16, torch.int64}


NOT_YET = pytest.mark.xfail(strict=True, reason="the shipped weights do not see this well enough yet: see the model card")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=NOT_YET if name in ("subject", "held", "figure_tone") else ()) for name in BARS]
)
def test_it_knows_its_world_zero_shot(fresh, name):
    encoder, scenes, _, features = fresh
    assert zero_shot_accuracy(encoder, scenes, features)[name] >= BARS[name]


def test_the_card_says_what_fresh_pictures_show(fresh):
    encoder, scenes, _, features = fresh
    said = dict(re.findall(r"^\| (\w+) \| (0\.\d+|1\.0+) \|$", CARD_FILE.read_text(encoding="utf-8"), flags=re.MULTILINE))
    measured = zero_shot_accuracy(encoder, scenes, features)
    assert set(said) == set(measured.index)
    for name, value in measured.items():
        assert float(said[str(name)]) == pytest.approx(value, abs=0.04), name


@pytest.fixture(scope="module")
def readings(fresh):
    """Accuracy of a projector, of a linear model on raw pixels, and the ceiling, on the same 1,000 pictures."""
    encoder, scenes, pixels, features = fresh
    answers = annotate(scenes, rng=np.random.default_rng(5))
    rows = answers[["label"]].assign(image_id=[str(number) for number in range(len(scenes))])
    both = FeatureSet(encoder.spec, features, rows)
    train_at, test_at = np.arange(0, 3_000), np.arange(3_000, 4_000)
    probe = fit(FitConfig(), both.take(train_at), taxonomy=Taxonomy.named("ekman6"), progress=False)
    predictions = probe.predict(both.take(test_at))
    truth = probe.taxonomy.codes(rows["label"])
    accuracy = (predictions.predicted == truth[test_at]).mean()
    small = pixels[:, ::4, ::4].reshape(len(pixels), -1) / 255.0
    raw = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300)).fit(small[train_at], truth[train_at])
    return accuracy, raw.score(small[test_at], truth[test_at]), bayes_accuracy(scenes.iloc[test_at])


def test_the_projector_leaves_pixels_behind(readings):
    accuracy, pixels, _ = readings
    assert accuracy >= pixels + 0.15


@NOT_YET
def test_the_projector_comes_near_the_ceiling(readings):
    accuracy, _, ceiling = readings
    assert accuracy >= ceiling - 0.06


def test_training_can_be_interrupted_and_ends_with_the_same_weights(tmp_path, monkeypatch):
    from safetensors.torch import load_file

    monkeypatch.setattr(train, "BATCH", 8)
    monkeypatch.setattr(train, "EVERY", 2)
    whole = load_file(train.train(tmp_path / "whole", samples=32, refining=16, seed=3))

    class Killed(Exception):
        pass

    saved = torch.save

    def save_then_die(state, path):
        saved(state, path)
        if state["done"] == 4:
            train.os.replace(path, tmp_path / "cut" / "checkpoint.pt")
            raise Killed

    monkeypatch.setattr(torch, "save", save_then_die)
    with pytest.raises(Killed):
        train.train(tmp_path / "cut", samples=32, refining=16, seed=3)
    monkeypatch.setattr(torch, "save", saved)
    resumed = load_file(train.train(tmp_path / "cut", samples=32, refining=16, seed=3))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    with pytest.raises(ValueError, match="is of seed 3 and 6 steps, asked are 4"):
        train.train(tmp_path / "cut", samples=32, refining=16, seed=4)


def test_the_loss_is_lower_for_the_right_captions():
    image = torch.nn.functional.normalize(torch.randn(6, 5, generator=torch.Generator().manual_seed(0)), dim=1)
    scale = torch.tensor(2.0)
    assert train.contrastive(image, image, scale) < train.contrastive(image, image.roll(1, 0), scale)


def test_pictures_of_the_second_stage_share_what_would_tell_them_apart_too_easily():
    scenes = train.alike_scenes(320, rng=np.random.default_rng(0))
    groups = np.arange(320) // train.GROUP
    shared = ["setting", "light", "weather", "subject", "extras", "camera"]
    varying = scenes[shared].groupby(groups).nunique() > 1
    assert varying.sum(axis=1).max() <= 2
    persons = (scenes["subject"] == "person").groupby(groups).all()
    assert persons.sum() >= 4
    assert (scenes["figure_tone"].groupby(groups).nunique()[persons] == 3).all()


def test_the_learning_rate_rises_and_falls_once_a_stage():
    rates = [train.learning_rate(step, 1_000, 1_400) for step in range(1_400)]
    assert max(rates[:1_000]) == pytest.approx(train.LEARNING_RATES[0], rel=0.05)
    assert max(rates[1_000:]) == pytest.approx(train.LEARNING_RATES[1], rel=0.2)
    assert rates[999] < 0.01 * max(rates)
    assert rates[-1] < 0.01 * max(rates)


def test_a_batch_is_made_of_its_numbers_alone():
    first, again, other = (train.batch(0, step) for step in (5, 5, 6))
    np.testing.assert_array_equal(first[0], again[0])
    assert first[1] == again[1] != other[1]


def test_features_of_other_weights_are_of_another_encoder(fresh):
    spec = fresh[0].spec
    assert replace(spec, weights="000000000000").fingerprint() != spec.fingerprint()
