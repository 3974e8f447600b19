"""The drawn world: what it shows, what it causes, and that both are known exactly."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency

from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.synthetic.scenes import (
    ATTRIBUTES,
    SIZE,
    AnnotatorBias,
    annotate,
    bayes_accuracy,
    captions,
    draw,
    emotion_probabilities,
    prompts,
    sample_scenes,
)
from affect_workbench.data.synthetic.scenes.captions import WORDS
from affect_workbench.data.synthetic.scenes.dataset import balanced_scenes, training_answers, write_scenes
from affect_workbench.data.synthetic.scenes.emotions import EMOTIONS, WEIGHTS


@pytest.fixture(scope="module")
def scenes() -> pd.DataFrame:
    return sample_scenes(20_000, rng=np.random.default_rng(3))


def test_shares_are_those_that_are_written_down(scenes):
    for name, levels in ATTRIBUTES.items():
        shown = scenes[name].dropna()
        for value, share in levels:
            assert (shown == value).mean() == pytest.approx(share, abs=4 * np.sqrt(share / len(shown))), (name, value)


def test_attributes_are_independent_of_each_other(scenes):
    people = scenes[scenes["subject"] == "person"]
    for first, second in (("setting", "light"), ("weather", "extras"), ("figure_tone", "held"), ("camera", "light")):
        counts = pd.crosstab(people[first], people[second]).to_numpy(float)
        expected = np.outer(counts.sum(1), counts.sum(0)) / counts.sum()
        assert np.abs(counts - expected).max() < 5 * np.sqrt(expected.max())


def test_only_persons_have_a_tone_and_hold_something(scenes):
    person = scenes["subject"] == "person"
    assert scenes.loc[person, ["figure_tone", "held"]].notna().all(axis=None)
    assert scenes.loc[~person, ["figure_tone", "held"]].isna().all(axis=None)


def test_fixed_values_are_in_every_picture():
    drawn = sample_scenes(50, rng=np.random.default_rng(0), fixed={"held": "knife", "light": "night"})
    assert set(drawn["held"]) == {"knife"}
    assert set(drawn["light"]) == {"night"}
    assert set(drawn["subject"]) == {"person"}


@pytest.mark.parametrize(
    ("fixed", "message"),
    [
        ({"lihgt": "night"}, "no attribute 'lihgt'"),
        ({"light": "nigth"}, "no value 'nigth'"),
        ({"held": "knife", "subject": "dog"}, "held need subject 'person'"),
    ],
)
def test_what_the_world_does_not_have_is_refused_by_name(fixed, message):
    with pytest.raises(ValueError, match=message):
        sample_scenes(3, rng=np.random.default_rng(0), fixed=fixed)


def test_the_same_seed_draws_the_same_picture_and_another_one_another():
    scene = {
        "setting": "city",
        "light": "sunny",
        "weather": "rain",
        "subject": "person",
        "figure_tone": "dark",
        "held": "gift",
        "extras": "fire",
        "camera": "sharp",
    }
    pictures = [np.asarray(draw(scene, seed=seed)) for seed in (1, 1, 2)]
    assert pictures[0].shape == (SIZE, SIZE, 3)
    assert (pictures[0] == pictures[1]).all()
    assert (pictures[0] != pictures[2]).any()


def test_every_value_of_every_attribute_can_be_seen():
    base = {
        "setting": "beach",
        "light": "sunny",
        "weather": "clear",
        "subject": "person",
        "figure_tone": "light",
        "held": "nothing",
        "extras": "none",
        "camera": "sharp",
    }
    for setting in ("beach", "room"):
        for name, levels in ATTRIBUTES.items():
            values = [{**base, "setting": setting, name: value} for value, _ in levels]
            mean = [np.mean([np.asarray(draw(one, seed=seed), float) for seed in range(12)], axis=0) for one in values]
            for at, first in enumerate(mean):
                assert all(np.abs(first - other).max() > 12 for other in mean[at + 1 :]), (setting, name)


def test_the_rule_of_emotions_is_the_softmax_of_the_written_weights():
    rows = sample_scenes(1, rng=np.random.default_rng(0), fixed={"subject": "dog", "setting": "beach", "light": "sunny"})
    rows = rows.assign(weather="clear", extras="none")
    from affect_workbench.data.synthetic.scenes.emotions import BASE, SHARPNESS

    added = {emotion: BASE[emotion] for emotion in EMOTIONS}
    for name, value in (("setting", "beach"), ("light", "sunny"), ("subject", "dog")):
        for emotion, weight in WEIGHTS[name][value].items():
            added[emotion] += weight
    weights = np.exp(SHARPNESS * np.array([added[emotion] for emotion in EMOTIONS]))
    np.testing.assert_allclose(emotion_probabilities(rows)[0], weights / weights.sum(), rtol=1e-12)


def test_tone_and_camera_have_no_effect_on_any_emotion(scenes):
    for name in ("figure_tone", "camera"):
        changed = scenes.assign(**{name: scenes[name].where(scenes[name].isna(), ATTRIBUTES[name][0][0])})
        np.testing.assert_array_equal(emotion_probabilities(changed), emotion_probabilities(scenes))


def test_no_emotion_is_rare_and_the_ceiling_is_the_mean_of_the_best_guess(scenes):
    shares = emotion_probabilities(scenes)
    assert shares.mean(axis=0).min() > 0.12
    assert bayes_accuracy(scenes) == pytest.approx(shares.max(axis=1).mean())
    answers = annotate(scenes, rng=np.random.default_rng(1))
    guess = np.array(EMOTIONS, dtype=object)[shares.argmax(axis=1)]
    assert (answers["label"].to_numpy() == guess).mean() == pytest.approx(bayes_accuracy(scenes), abs=0.015)


def test_votes_are_shares_of_the_annotators_and_follow_the_rule(scenes):
    answers = annotate(scenes, rng=np.random.default_rng(2), annotators=10)
    votes = answers.filter(like="vote_").to_numpy()
    np.testing.assert_allclose(votes.sum(axis=1), 1)
    assert ((votes * 10).round(6) % 1 == 0).all()
    np.testing.assert_allclose(votes.mean(axis=0), emotion_probabilities(scenes).mean(axis=0), atol=0.006)


def test_a_planted_bias_changes_only_the_answers_it_names(scenes):
    bias = AnnotatorBias("figure_tone", "dark", "anger", 0.3)
    fair, biased = emotion_probabilities(scenes), emotion_probabilities(scenes, bias=bias)
    inside = (scenes["figure_tone"] == "dark").to_numpy()
    np.testing.assert_array_equal(fair[~inside], biased[~inside])
    at = EMOTIONS.index("anger")
    np.testing.assert_allclose(biased[inside, at], 0.7 * fair[inside, at] + 0.3)
    np.testing.assert_allclose(biased.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("figure_tone", "drak", "anger", 0.3), "no value 'drak'"),
        (("tone", "dark", "anger", 0.3), "no attribute 'tone'"),
        (("figure_tone", "dark", "angre", 0.3), "cannot plant 'angre'"),
        (("figure_tone", "dark", "anger", 1.3), "not between 0 and 1"),
    ],
)
def test_a_bias_that_cannot_be_planted_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        AnnotatorBias(*arguments)


def test_at_least_one_annotator_is_needed(scenes):
    with pytest.raises(ValueError, match="at least one"):
        annotate(scenes.head(2), rng=np.random.default_rng(0), annotators=0)


def test_captions_say_what_is_shown_and_never_an_emotion(scenes):
    some = scenes.head(2_000)
    said = captions(some, rng=np.random.default_rng(0))
    night = (some["light"] == "night").to_numpy()
    named = np.array([any(way in text for way in WORDS["light"]["night"]) for text in said])
    assert not named[~night].any()
    assert 0.65 < named[night].mean() < 0.85
    emotional = {*EMOTIONS, "angry", "happy", "sad", "afraid", "joyful", "surprising", "disgusting", "scary"}
    assert not any(emotional & set(text.split()) for text in said)
    assert any("nobody" in text for text in said)


def test_words_for_skin_are_not_words_for_light():
    def words(attribute):
        return {word for ways in WORDS[attribute].values() for way in ways for word in way.split()}

    assert not (words("figure_tone") - {"with", "a", "of"}) & words("light")


def test_prompts_ask_for_every_value():
    assert {name: set(prompts(name)) for name in ATTRIBUTES} == {
        name: {value for value, _ in levels} for name, levels in ATTRIBUTES.items()
    }


@pytest.mark.parametrize(("attribute", "shown"), [("figure_tone", 750), ("camera", 1_000)])
def test_the_test_set_has_every_tone_and_every_camera_equally_often(attribute, shown):
    counts = balanced_scenes(1_000, rng=np.random.default_rng(0))[attribute].value_counts()
    assert counts.sum() == shown
    assert counts.max() - counts.min() <= 2  # one for the pictures of persons, one for the others


def test_tones_and_cameras_of_the_test_set_show_the_same_contents():
    """What the pictures themselves give reason for differs far less between cameras than it does by chance."""

    def spread(scenes, attribute):
        means = pd.DataFrame(emotion_probabilities(scenes)).groupby(scenes[attribute].to_numpy()).mean()
        return float(means.std().mean())

    for attribute in ("camera", "figure_tone"):
        dealt = [spread(balanced_scenes(600, rng=np.random.default_rng(seed)), attribute) for seed in range(8)]
        by_chance = [spread(sample_scenes(600, rng=np.random.default_rng(seed)), attribute) for seed in range(8)]
        assert np.mean(dealt) < 0.5 * np.mean(by_chance)


def test_tone_and_camera_of_the_test_set_are_independent_of_each_other():
    scenes = balanced_scenes(3_000, rng=np.random.default_rng(1))
    table = pd.crosstab(scenes["figure_tone"], scenes["camera"])
    assert chi2_contingency(table).pvalue > 0.001


def test_a_written_world_is_a_manifest_and_the_same_seed_gives_the_same_files(tmp_path):
    bias = AnnotatorBias()
    first = write_scenes(tmp_path / "a", train=30, test=20, seed=4, bias=bias, progress=False)
    second = write_scenes(tmp_path / "b", train=30, test=20, seed=4, bias=bias, progress=False)
    pd.testing.assert_frame_equal(first.rows, second.rows)
    assert all(path.is_file() for path in first.paths())
    pd.testing.assert_frame_equal(Manifest.load(tmp_path / "a" / "manifest").rows, first.rows)
    assert first.rows["split"].value_counts().to_dict() == {"train": 30, "test": 20}


def test_the_twin_differs_in_training_labels_only(tmp_path):
    biased = write_scenes(
        tmp_path / "a", train=200, test=40, seed=4, bias=AnnotatorBias("figure_tone", "dark", "anger", 1.0), progress=False
    ).rows
    fair = write_scenes(tmp_path / "b", train=200, test=40, seed=4, progress=False).rows
    pd.testing.assert_frame_equal(biased[["image_id", *ATTRIBUTES]], fair[["image_id", *ATTRIBUTES]])
    changed = biased["label"] != fair["label"]
    assert changed.any()
    assert set(biased.loc[changed, "split"]) == {"train"}
    assert set(biased.loc[changed, "figure_tone"]) == {"dark"}
    train = fair[fair["split"] == "train"]
    assert list(training_answers(train, seed=4, bias=None)["label"]) == list(train["label"])


def test_a_world_without_pictures_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one of each"):
        write_scenes(tmp_path / "a", train=0, test=5, seed=0)
