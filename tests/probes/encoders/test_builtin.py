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

from affect_workbench.data.features import FeatureSet
from affect_workbench.data.synthetic.scenes import annotate, bayes_accuracy, emotion_probabilities
from affect_workbench.data.synthetic.scenes.captions import WORDS
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.config import FitConfig
from affect_workbench.probes.encoders.builtin import CARD_FILE, WEIGHTS_FILE, train
from affect_workbench.probes.encoders.builtin.batches import TOPICS, batch
from affect_workbench.probes.encoders.builtin.measure import encoded, fresh_pictures, zero_shot_accuracy
from affect_workbench.probes.encoders.vision import vision_encoder
from affect_workbench.probes.training.fit import fit

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


@pytest.fixture(scope="module")
def measured(fresh):
    encoder, scenes, _, features = fresh
    return zero_shot_accuracy(encoder, scenes, features)


@pytest.mark.parametrize("name", BARS)
def test_it_knows_its_world_zero_shot(measured, name):
    assert measured[name] >= BARS[name]


def test_the_card_says_what_fresh_pictures_show(measured):
    said = dict(re.findall(r"^\| (\w+) \| (0\.\d+|1\.0+) \|$", CARD_FILE.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert set(said) == set(measured.index)
    for name, value in measured.items():
        assert float(said[str(name)]) == pytest.approx(value, abs=0.04), name


@pytest.fixture(scope="module")
def readings(fresh):
    """Accuracy of a projector, of a linear model on raw pixels, and the ceiling, on the same 4,000 pictures.

    Both learn from 12,000 others, the projector from the votes. Accuracy is the expected one, as the ceiling is: the
    probability, by the rule of the world, that an annotator says what was read.
    """
    encoder, scenes, pixels, features = fresh
    taxonomy = Taxonomy.named("ekman6")
    train_scenes, train_pixels = fresh_pictures(12_000, seed=12)
    sides = []
    for seed, (contents, values) in enumerate(((train_scenes, encoded(encoder, train_pixels)), (scenes, features))):
        answers = annotate(contents, rng=np.random.default_rng([5, seed]))
        rows = answers.assign(image_id=[f"{seed}-{number}" for number in range(len(contents))])
        sides.append(FeatureSet(encoder.spec, values, rows))
    train_on, test_on = sides
    probe = fit(FitConfig(soft="votes"), train_on, taxonomy=taxonomy, progress=False)
    chances = emotion_probabilities(scenes)

    def expected(read: np.ndarray) -> float:
        return float(np.take_along_axis(chances, read[:, None], axis=1).mean())

    train_small, test_small = (part[:, ::4, ::4].reshape(len(part), -1) / 255.0 for part in (train_pixels, pixels))
    raw = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
    raw.fit(train_small, taxonomy.codes(train_on.rows["label"]))
    return expected(probe.predict(test_on).predicted), expected(raw.predict(test_small)), bayes_accuracy(scenes)


def test_the_projector_leaves_pixels_behind(readings):
    accuracy, pixels, _ = readings
    assert accuracy >= pixels + 0.15


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


def test_captions_of_a_batch_on_one_topic_name_nothing_else():
    seen = set()
    for step in range(20):
        pictures, said = batch(0, step, train.BATCH, topical=True)
        topics = [name for name in TOPICS if set(said) <= {way for ways in WORDS[name].values() for way in ways}]
        assert len(topics) == 1
        assert len(pictures) == len(said) == train.BATCH
        seen.update(topics)
    assert seen == set(TOPICS)


def test_the_second_stage_keeps_some_batches_with_full_captions():
    kept = [not train.on_topic(step, 100) for step in range(100, 140)]
    assert sum(kept) == 10
    assert not any(train.on_topic(step, 100) for step in range(100))


def test_the_learning_rate_rises_and_falls_once_a_stage():
    rates = [train.learning_rate(step, 1_000, 1_400) for step in range(1_400)]
    assert max(rates[:1_000]) == pytest.approx(train.LEARNING_RATES[0], rel=0.05)
    assert max(rates[1_000:]) == pytest.approx(train.LEARNING_RATES[1], rel=0.2)
    assert rates[999] < 0.01 * max(rates)
    assert rates[-1] < 0.01 * max(rates)


def test_a_batch_is_made_of_its_numbers_alone():
    first, again, other = (batch(0, step, train.BATCH) for step in (5, 5, 6))
    np.testing.assert_array_equal(first[0], again[0])
    assert first[1] == again[1] != other[1]


def test_features_of_other_weights_are_of_another_encoder(fresh):
    spec = fresh[0].spec
    assert replace(spec, weights="000000000000").fingerprint() != spec.fingerprint()
