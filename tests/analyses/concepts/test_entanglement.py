"""A prompt that is an emotion word in disguise: how large a skew that makes up, and that projecting it off takes it away."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.concepts.attributes import ConceptContext, concept_attributes
from affect_workbench.analyses.concepts.entanglement import entanglement, lead, made_up_skews, null_skews, without_labels
from affect_workbench.data.concepts.definitions import Concept
from affect_workbench.data.synthetic.concepts import SHARE, correlated_concept
from affect_workbench.workbench.concepts.sentences import in_words, nearest_sentence


def skew(planted, score):
    yes = score > np.quantile(score, 1 - SHARE)
    said = planted.y_pred == planted.label
    return said[yes].mean() - said[~yes].mean()


def scored(planted, concept):
    unit = planted.features / np.linalg.norm(planted.features, axis=1, keepdims=True)
    return unit @ concept.direction


def test_what_the_overlap_makes_up_is_what_the_prompt_makes_up():
    """The concept is independent of the predictions, so all of the prompt's skew is the overlap's."""
    for cosine in (0.4, -0.4):
        planted = correlated_concept(cosine, n=8_000, seed=11)
        naive = skew(planted, planted.score)
        made_up = made_up_skews(
            planted.features, [planted.concept], anchors=planted.world.anchors, y_pred=planted.y_pred, shares=[SHARE]
        )[0, planted.label]
        assert np.sign(made_up) == np.sign(cosine)
        assert abs(naive) > 0.08
        assert made_up == pytest.approx(naive, abs=0.025)


def test_a_prompt_without_overlap_makes_up_nothing():
    planted = correlated_concept(0.0, n=8_000, seed=12)
    made_up = made_up_skews(
        planted.features, [planted.concept], anchors=planted.world.anchors, y_pred=planted.y_pred, shares=[SHARE]
    )
    assert np.abs(made_up).max() < 0.012


def test_projecting_takes_the_skew_away_and_leaves_the_concept():
    planted = correlated_concept(0.4, n=8_000, seed=13)
    free = without_labels(planted.concept, planted.world.anchors)
    assert abs(skew(planted, planted.score)) > 0.08
    assert abs(skew(planted, scored(planted, free))) < 0.03
    right = (scored(planted, free) > np.quantile(scored(planted, free), 1 - SHARE)) == planted.gold
    assert right.mean() > 0.9


def test_random_directions_by_a_loop():
    planted = correlated_concept(0.2, n=1_000, seed=14)
    covariance, isotropic = null_skews(planted.features, planted.y_pred, k=8, share=SHARE, directions=400, seed=0)
    unit = planted.features / np.linalg.norm(planted.features, axis=1, keepdims=True)
    rng = np.random.default_rng(1)
    slow = {"covariance": [], "isotropic": []}
    for _ in range(400):
        for kind, direction in (
            ("covariance", (unit - unit.mean(axis=0)).T @ rng.standard_normal(len(unit))),
            ("isotropic", rng.standard_normal(unit.shape[1])),
        ):
            score = unit @ direction
            yes = score > np.quantile(score, 1 - SHARE)
            rates = [np.bincount(planted.y_pred[side], minlength=8) / side.sum() for side in (yes, ~yes)]
            slow[kind].append(np.abs(rates[0] - rates[1]))
    np.testing.assert_allclose(covariance, np.quantile(slow["covariance"], 0.95, axis=0), atol=0.03)
    np.testing.assert_allclose(isotropic, np.quantile(slow["isotropic"], 0.95, axis=0), atol=0.03)


def test_label_vectors_that_are_practically_one_entangle_nothing():
    """A text tower that does not know emotion words gives them one vector; what lies between these is noise."""
    rng = np.random.default_rng(0)
    common = rng.standard_normal(40)
    anchors = common + 1e-3 * rng.standard_normal((6, 40))
    concept = Concept("c", anchors[0] - anchors[1] + 0.02 * rng.standard_normal(40))
    table = entanglement([concept], list("abcdef"), anchors=anchors)
    assert (table["contrast"] == 0).all()
    assert not table["entangled"].any()
    assert without_labels(concept, anchors).direction @ concept.direction > 0.9 * concept.direction @ concept.direction


@pytest.mark.parametrize(
    ("project", "cosine", "projected"), [("auto", 0.4, True), ("auto", 0.1, False), ("yes", 0.1, True), ("no", 0.4, False)]
)
def test_what_is_projected_off(project, cosine, projected):
    planted = correlated_concept(cosine, n=1_500, seed=15)
    labels = planted.world.taxonomy.labels
    anchors = dict(zip(labels, planted.world.anchors, strict=True))
    prompt = Concept("planted", planted.concept.direction, kind="prompt", prompts=("a", "b"))
    vector = Concept("vector", planted.concept.direction)
    _, (report, given) = concept_attributes(
        planted.world.rows,
        planted.features,
        concepts=[prompt, vector],
        context=ConceptContext(anchors=anchors, project=project, y_pred=planted.y_pred, labels=labels),
    )
    assert (report.kept is not None) == projected
    assert given.kept is None  # a direction that somebody gave stays as it is
    now = entanglement([report.concept], labels, anchors=planted.world.anchors)
    assert now["entangled"].any() == (not projected and cosine > 0.2)
    words = " ".join(in_words(report))
    assert f"{cosine:+.2f})" in words  # of the prompt as it was given
    assert ("is most correlated with the emotion word" in words) == (cosine > 0.2)  # .10 against .04 is no lead
    assert ("was projected off; scores with and without it correlate at r = 0." in words) == projected
    assert ("project it off (--concept-project yes)" in words) == (not projected and cosine > 0.2)
    assert "induces a spurious skew of" in words


def test_projecting_is_yes_no_or_auto():
    planted = correlated_concept(0.2, n=500, seed=1)
    with pytest.raises(ValueError, match="projecting off the labels is 'maybe': expected auto, yes, no"):
        concept_attributes(
            planted.world.rows, planted.features, concepts=[planted.concept], context=ConceptContext(project="maybe")
        )


def test_the_lead_of_a_label_is_measured_against_that_of_a_direction_that_means_nothing():
    """Drawn evenly over the sphere, a direction leads with its first of two given labels beyond the limit in 5 %."""
    rng = np.random.default_rng(3)
    anchors = rng.standard_normal((2, 64))
    beyond = 0
    for _ in range(2_000):
        ahead, limit = lead(Concept("c", rng.standard_normal(64)), anchors)
        first = int(np.flatnonzero(limit == 0)[0])
        assert ahead[first] == 0
        words = anchors / np.linalg.norm(anchors, axis=1, keepdims=True)
        beyond += int(abs(ahead[1 - first]) > limit[1 - first])
        assert limit[1 - first] == pytest.approx(1.96 * np.linalg.norm(words[0] - words[1]) / 8, rel=1e-3)
    assert 60 <= beyond <= 140


def test_labels_with_practically_one_vector_are_equally_near_whatever_the_direction():
    base = np.random.default_rng(0).standard_normal(32)
    anchors = base + 1e-4 * np.random.default_rng(1).standard_normal((6, 32))
    concept = Concept("c", -base, kind="prompt", prompts=("a", "b"))
    ahead, limit = lead(concept, anchors)
    assert (np.sort(limit)[1:] == np.inf).all()
    table = entanglement([concept], list("abcdef"), anchors=anchors).assign(ahead=ahead, ahead_95=limit)
    assert nearest_sentence(table) == "6 of 6 emotion words are about equally correlated with its direction (cosine −1.00)."


@pytest.mark.parametrize(
    ("cosines", "said"),
    [
        (
            (-0.42, -0.41, -0.41, -0.42, -0.41, -0.42),
            "6 of 6 emotion words are about equally correlated with its direction (cosines −0.42 to −0.41).",
        ),
        ((0.5, 0.1, 0.0), "Its direction is most correlated with the emotion word 'a' (cosine +0.50)."),
        ((0.1, -0.5, 0.0), "Its direction is most negatively correlated with the emotion word 'b' (cosine −0.50)."),
        (
            (0.5, 0.48, 0.0),
            "2 of 3 emotion words are about equally correlated with its direction (cosines +0.48 to +0.50): a, b.",
        ),
    ],
)
def test_a_word_is_called_the_nearest_only_where_it_surely_is(cosines, said):
    first = int(np.abs(cosines).argmax())
    ahead = np.sign(cosines[first]) * (cosines[first] - np.array(cosines))
    table = pd.DataFrame({"label": list("abcdef")[: len(cosines)], "cosine": cosines, "ahead": ahead, "ahead_95": 0.05})
    assert nearest_sentence(table) == said
    assert "about equally correlated" in nearest_sentence(
        table[["label", "cosine"]]
    )  # a table without intervals claims nothing
