"""Are the planted embeddings what their docstring says: exact effects, nothing hidden in a null, the same again by seed?"""

from __future__ import annotations

import numpy as np
import pytest

from affect_workbench.data.synthetic.embeddings import SCENARIOS, SHARES, Population, adjusted_difference, planted_embeddings


def parts(planted):
    return planted.taxonomy.codes(planted.rows["label"]), planted.predictions.predicted


@pytest.mark.parametrize("mechanism", ["outcome", "vectors"])
@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name != "null"])
def test_share_effect_and_accuracy_are_as_asked(scenario, mechanism):
    planted = planted_embeddings(scenario, n=12_000, seed=3, effect=0.5, mechanism=mechanism)
    y, said = parts(planted)
    emotion = planted.taxonomy.labels.index(planted.emotion)
    assert planted.truth.mean() == pytest.approx(SHARES[scenario], abs=0.004)
    assert adjusted_difference(said == emotion, planted.truth, y) == pytest.approx(0.5, abs=0.01)
    assert planted.effect == pytest.approx(0.5, abs=0.01)
    assert (said == y)[~planted.truth].mean() == pytest.approx(0.7, abs=0.02)
    assert planted.emotion in planted.description


def test_adjusted_difference_equals_the_written_out_loop():
    rng = np.random.default_rng(0)
    y, inside, said = rng.integers(4, size=500), rng.random(500) < 0.2, rng.random(500) < 0.3
    terms = [
        said[at] - np.mean([said[other] for other in range(500) if not inside[other] and y[other] == y[at]])
        for at in np.flatnonzero(inside)
    ]
    assert adjusted_difference(said, inside, y) == pytest.approx(np.mean(terms))


@pytest.mark.parametrize("mechanism", ["outcome", "vectors"])
def test_in_the_null_nothing_outside_the_label_span_goes_with_the_errors(mechanism):
    planted = planted_embeddings("null", n=8_000, seed=5, mechanism=mechanism)
    y, said = parts(planted)
    assert not planted.truth.any()
    assert planted.emotion == ""
    assert planted.effect == 0
    wrong = (said != y).astype(float)
    for name in ("attribute_3", "attribute_4", "attribute_5", "attribute_6"):
        high = (planted.rows[name] == "high").to_numpy()
        assert abs(wrong[high].mean() - wrong[~high].mean()) < 4 * np.sqrt(0.21 / 2_000)


def test_the_same_seed_gives_the_same_and_another_seed_another():
    first, again, other = (planted_embeddings("direction", n=500, seed=seed, effect=0.4) for seed in (1, 1, 2))
    assert np.array_equal(first.features, again.features)
    assert first.rows.equals(again.rows)
    assert np.array_equal(first.distances, again.distances)
    assert not np.array_equal(first.features, other.features)
    assert first.feature_set.fingerprint() == again.feature_set.fingerprint()


def test_clusters_share_label_and_often_the_reading():
    planted = planted_embeddings("null", n=6_000, seed=4, population=Population(cluster_size=6))
    y, said = parts(planted)
    assert planted.rows.groupby("group_id")["label"].nunique().max() == 1
    wrong = (said != y).astype(float).reshape(-1, 6) - (said != y).mean()
    together = (wrong.sum(axis=1) ** 2).mean() - (wrong**2).sum(axis=1).mean()
    assert together / 30 / wrong.var() > 0.05


def test_real_label_vectors_take_the_place_of_the_circumplex():
    vectors = np.random.default_rng(0).standard_normal((8, 384))
    real = Population(label_vectors=vectors)
    planted = planted_embeddings("direction", n=3_000, seed=1, mechanism="vectors", effect=0.4, population=real)
    y, said = parts(planted)
    assert (said == y)[~planted.truth].mean() == pytest.approx(0.7, abs=0.03)
    with pytest.raises(ValueError, match=r"label_vectors have shape \(3, 384\): expected \(8, width\)"):
        planted_embeddings("direction", n=500, population=Population(label_vectors=vectors[:3]))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"scenario": "blob"}, "no scenario 'blob'; scenarios: null, direction"),
        ({"scenario": "null", "mechanism": "magic"}, "no mechanism 'magic': expected outcome or vectors"),
        ({"scenario": "direction", "share": 0.7}, "share is 0.7: expected between 0 and 0.5"),
        ({"scenario": "direction", "effect": 1.2}, "effect is 1.2: expected between 0 and 1"),
        ({"scenario": "direction", "effect": 0.99}, "effect is 0.99: at most 0.[0-9]+ can be planted"),
        ({"scenario": "null", "n": 20}, "n is 20 in clusters of 1: expected at least 100 pictures"),
        (
            {"scenario": "null", "population": Population(width=30)},
            "width is 30: expected more than 50, room for labels and topics",
        ),
    ],
)
def test_bad_input_is_refused(words, message):
    with pytest.raises(ValueError, match=message):
        planted_embeddings(**({"n": 1_000} | words))


@pytest.mark.parametrize("accuracy", [0.1, 0.125, 1.0])
def test_no_population_is_predicted_by_chance_or_without_error(accuracy):
    with pytest.raises(ValueError, match=rf"accuracy is {accuracy:g}: expected between 0.125 \(chance\) and 1"):
        Population(accuracy=accuracy)
