"""Concept attributes: the null against a naive one, planted and random directions, cuts, quality, and the real facts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affect_workbench.analyses.concepts.attributes import ConceptContext, concept_attributes, concept_scores, inferred_column
from affect_workbench.analyses.concepts.entanglement import entanglement, without_labels
from affect_workbench.analyses.concepts.random_directions import (
    BEATS,
    COLUMNS,
    NO_BETTER,
    association_null,
    concept_table,
    outcome_columns,
    score_matrix,
)
from affect_workbench.analyses.concepts.threshold import attribute_error, calibrated_cut, cross_fitted_quality, yes_or_no
from affect_workbench.analyses.inference.resampling import Sampling
from affect_workbench.data.concepts.definitions import Concept, read_directions
from affect_workbench.workbench.concepts.sentences import CALIBRATION_WARNING, in_words

WIDTH = 24


def pictures(seed: int, n: int = 400, *, width: int = WIDTH, decay: float = 0.8):
    """Features with a falling spectrum around a common mean, as CLIP's have, and the covariance's square root."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.standard_normal((width, width)))[0]
    values = (rng.standard_normal((n, width)) * decay ** np.arange(width)) @ axes.T + 3 * axes[0]
    return values.astype(np.float32), axes


def unit(values):
    values = np.asarray(values, np.float64)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def naive_strengths(values, outcome, rng, directions):
    """Line by line: z = X_centred.T g / sqrt(n), then the correlation coefficient of the picture scores."""
    features = unit(values)
    centred = features - features.mean(axis=0)
    found = []
    for _ in range(directions):
        direction = centred.T @ rng.standard_normal(len(features)) / np.sqrt(len(features))
        found.append(abs(np.corrcoef(features @ direction, outcome)[0, 1]))
    return np.array(found)


@pytest.mark.parametrize(("n", "width"), [(60, 7), (37, 50), (300, 24)])
def test_null_has_the_naive_distribution(n, width):
    values, axes = pictures(3, n, width=width)
    outcome = unit(values) @ axes[:, 1] + 0.02 * np.random.default_rng(1).standard_normal(n)
    null = association_null(values, outcome, directions=4_000, seed=5)
    naive = naive_strengths(values, outcome, np.random.default_rng(9), 4_000)
    assert stats.ks_2samp(null.covariance, naive).pvalue > 0.001
    assert null.limit == pytest.approx(np.quantile(naive, 0.95), abs=0.03)
    even = [
        abs(np.corrcoef(unit(values) @ g, outcome)[0, 1]) for g in np.random.default_rng(8).standard_normal((4_000, width))
    ]
    assert stats.ks_2samp(null.isotropic, even).pvalue > 0.001


def test_null_chunks_add_up(monkeypatch):
    values, _ = pictures(4, 101)
    outcome = np.random.default_rng(0).standard_normal(101)
    whole = association_null(values, outcome, seed=2)
    monkeypatch.setattr("affect_workbench.analyses.concepts.random_directions.CHUNK", 7)
    np.testing.assert_allclose(association_null(values, outcome, seed=2).covariance, whole.covariance, atol=1e-9)
    concept = Concept("c", np.arange(1.0, WIDTH + 1))
    np.testing.assert_allclose(concept_scores(values, concept), unit(values) @ concept.direction, atol=1e-9)


def test_strength_of_labels_is_the_largest_point_biserial():
    values, _ = pictures(5, 120)
    labels = np.random.default_rng(3).choice(["joy", "fear", "anger"], 120)
    concept = Concept("c", np.random.default_rng(4).standard_normal(WIDTH))
    row = concept_table(values, [concept], outcome=labels, sampling=Sampling(99)).iloc[0]
    scores = unit(values) @ concept.direction
    naive = {name: stats.pointbiserialr(labels == name, scores).statistic for name in set(labels)}
    strongest = max(naive, key=lambda name: abs(naive[name]))
    assert row["label"] == strongest
    assert row["r"] == pytest.approx(naive[strongest], abs=1e-9)


def test_interval_without_groups_is_fishers():
    values, _ = pictures(6, 80)
    outcome = np.random.default_rng(0).standard_normal(80)
    concept = Concept("c", np.ones(WIDTH))
    row = concept_table(values, [concept], outcome=outcome, sampling=Sampling(99)).iloc[0]
    known = stats.pearsonr(unit(values) @ concept.direction, outcome).confidence_interval()
    assert (row["low"], row["high"]) == pytest.approx((known.low, known.high), abs=1e-9)


def test_group_interval_is_wider_where_pictures_repeat():
    values, _ = pictures(7, 60)
    outcome = np.random.default_rng(1).standard_normal(60)
    repeated, groups = np.repeat(values, 10, axis=0), np.repeat(np.arange(60), 10)
    concept = [Concept("c", np.ones(WIDTH))]
    single = concept_table(values, concept, outcome=outcome, sampling=Sampling(99)).iloc[0]
    naive = concept_table(repeated, concept, outcome=np.repeat(outcome, 10), sampling=Sampling(99)).iloc[0]
    grouped = concept_table(repeated, concept, outcome=np.repeat(outcome, 10), groups=groups, sampling=Sampling(99)).iloc[0]
    width = single["high"] - single["low"]
    assert naive["high"] - naive["low"] < 0.4 * width
    assert grouped["high"] - grouped["low"] == pytest.approx(width, rel=0.3)
    assert grouped["p_chance"] > naive["p_chance"] or single["p_chance"] > 0.9


def test_planted_direction_beats_the_null_and_random_ones_do_not():
    for seed in range(5):
        values, axes = pictures(seed, 600)
        outcome = unit(values) @ axes[:, 5]
        outcome = outcome + 0.5 * outcome.std() * np.random.default_rng(seed).standard_normal(600)
        others = [
            Concept(f"random {i}", np.random.default_rng(100 + 10 * seed + i).standard_normal(WIDTH)) for i in range(3)
        ]
        table = concept_table(
            values, [Concept("planted", axes[:, 5]), *others], outcome=outcome, sampling=Sampling(1_000, seed)
        ).set_index("concept")
        assert list(table.reset_index().columns) == list(COLUMNS)
        assert table.loc["planted", "verdict"] == BEATS
        assert "it is stronger than random directions" in table.loc["planted", "sentence"]
        assert table.loc["planted", "null_95"] < table.loc["planted", "r"]
        assert (table.loc[[other.name for other in others], "verdict"] == NO_BETTER).all()


def rejections(make, *, datasets: int, concepts: int):
    """How many of the concepts that mean nothing are called by p <= .05 when each is looked at alone."""
    found = 0
    for seed in range(datasets):
        values, outcome, directions = make(seed, concepts)
        table = concept_table(
            values, [Concept(str(i), d) for i, d in enumerate(directions)], outcome=outcome, sampling=Sampling(400, seed)
        )
        found += int((table["p"] <= 0.05).sum())
    return found, datasets * concepts


def drawn_like_the_null(seed, count):
    values, axes = pictures(seed, 300)
    features = unit(values)
    outcome = features @ axes[:, 3] + 0.02 * np.random.default_rng(seed).standard_normal(300)
    noise = np.random.default_rng(1_000 + seed).standard_normal((count, 300))
    return values, outcome, noise @ (features - features.mean(axis=0))


def narrow_axis_and_noise(seed, count):
    """One axis carries nearly all variance; outcome is noise; concepts lie on the narrow axes."""
    values, axes = pictures(seed, 300, decay=0.2)
    outcome = np.random.default_rng(seed).standard_normal(300)
    return values, outcome, axes[:, 1 : 1 + count].T


def test_null_rejects_about_five_percent_of_concepts_that_mean_nothing():
    found, looked_at = rejections(drawn_like_the_null, datasets=8, concepts=50)
    assert stats.binomtest(found, looked_at, 0.05, alternative="greater").pvalue > 0.01
    assert found > 0  # the test can reject at all


def test_chance_is_held_where_few_axes_carry_the_variance():
    found, looked_at = rejections(narrow_axis_and_noise, datasets=60, concepts=4)
    assert stats.binomtest(found, looked_at, 0.05, alternative="greater").pvalue > 0.01


def test_facts_of_emotion6(shared_data, emotion6):
    folder = shared_data / "clip_vit_l14_directions"
    if not folder.is_dir():
        pytest.skip("the CLIP directions are not in ../shared/data")
    ratings = pd.read_csv(shared_data / "emotion6" / "ratings_train.csv", dtype={"id": str}).set_index("id")["valence"]
    valence = ratings.reindex(emotion6.rows["image_id"])
    assert valence.notna().all()
    concepts = [
        *read_directions(folder / "q16_prompt_pair.npy", width=768),
        *read_directions(folder / "aesthetic_heads.npz", width=768),
    ]
    table = concept_table(emotion6.values, concepts, outcome=valence, outcome_name="valence").set_index("concept")
    assert len(table) == 5
    assert table.loc["q16_prompt_pair", "r"] == pytest.approx(0.84, abs=0.01)  # row 0 is the positive prompt
    assert table["null_95"].iloc[0] == pytest.approx(0.65, abs=0.03)
    assert table["isotropic_95"].iloc[0] < table["null_95"].iloc[0]
    assert table.loc["q16_prompt_pair", "verdict"] == BEATS
    heads = table.drop(index="q16_prompt_pair")
    assert (heads["verdict"] == NO_BETTER).all()
    assert (heads["p_chance"] < 1e-10).all()  # what a test without the null would have called findings


def test_cut_between_two_groups_and_median():
    rng = np.random.default_rng(0)
    two = np.r_[rng.normal(0, 1, 700), rng.normal(6, 1, 300)] + 100  # an offset as the modality gap makes it
    cut = calibrated_cut(two)
    assert cut.method == "mixture"
    assert cut.value == pytest.approx(103, abs=0.4)
    assert cut.positives_share == pytest.approx(0.3, abs=0.01)
    for one in (rng.normal(0, 1, 1_000), rng.uniform(0, 1, 1_000), rng.exponential(1, 1_000), rng.normal(0, 1, 12)):
        cut = calibrated_cut(one)
        assert cut.method == "median"
        assert cut.positives_share == pytest.approx(0.5, abs=0.01)
        assert "by construction" in cut.how
    assert calibrated_cut(np.r_[rng.normal(0, 1, 9_000), rng.normal(7, 1, 1_000)]).method == "mixture"


def naive_best(scores, labels):
    points = np.unique(scores)
    return max(
        np.mean([np.mean(scores[labels] > cut), np.mean(scores[~labels] <= cut)]) for cut in (points[:-1] + points[1:]) / 2
    )


@pytest.mark.parametrize("seed", range(5))
def test_cut_with_labels_has_the_best_balanced_accuracy(seed):
    rng = np.random.default_rng(seed)
    labels = rng.random(80) < 0.2
    scores = np.round(rng.standard_normal(80) + labels, 1)  # ties
    known = [("yes" if said else "no") for said in labels] + [None] * 20
    everything = np.r_[scores, rng.standard_normal(20)]
    cut = calibrated_cut(everything, known)
    reached = np.mean([np.mean(scores[labels] > cut.value), np.mean(scores[~labels] <= cut.value)])
    assert reached == pytest.approx(naive_best(scores, labels))
    assert cut.method == "labels"
    assert "80 pictures" in cut.how
    assert cut.positives_share == pytest.approx(np.mean(everything > cut.value))


def test_cross_fitted_error_is_honest_about_noise():
    """In sample the best cut of 30 noise scores looks better than a coin; out of sample it is one."""
    inside, outside = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        scores, labels = rng.standard_normal(30), np.arange(30) < 12
        inside.append(naive_best(scores, labels))
        outside.append(cross_fitted_quality(scores, labels, seed=seed).balanced_accuracy)
    assert np.mean(inside) > 0.6
    assert abs(np.mean(outside) - 0.5) < 0.06


def test_cross_fitting_keeps_groups_together():
    """Ten copies of every picture: folds that split copies see their own test pictures."""
    rng = np.random.default_rng(2)
    scores, labels = np.repeat(rng.standard_normal(20), 10), np.repeat(np.arange(20) < 10, 10)
    grouped = cross_fitted_quality(scores, labels, groups=np.repeat(np.arange(20), 10))
    assert grouped.n == 200
    assert grouped.balanced_accuracy < cross_fitted_quality(scores, labels).balanced_accuracy


def test_attribute_error_by_hand():
    quality = attribute_error(["yes", "yes", "no", "no", None, "yes"], ["yes", "no", "no", "no", "yes", None])
    assert (quality.n, quality.accuracy) == (4, 0.75)
    recalls = quality.recalls.set_index("value")
    assert recalls.loc["yes", "recall"] == 1  # sensitivity
    assert recalls.loc["no", "recall"] == pytest.approx(2 / 3)  # specificity
    assert quality.balanced_accuracy == pytest.approx(5 / 6)
    assert quality.balanced_low < quality.balanced_accuracy < quality.balanced_high
    assert "75.0 % are right" in quality.in_words()
    assert "'yes'" in quality.in_words()
    assert list(attribute_error(list("abca"), list("abcb")).recalls["value"]) == ["a", "b", "c"]


def night(n: int = 600, *, spread: float = 0.1):
    """Pictures of which a third lie far along the first axis, with true values for the first half."""
    rng = np.random.default_rng(0)
    dark = np.arange(n) % 3 == 0
    values = rng.standard_normal((n, WIDTH)) * spread
    values[:, 0] += np.where(dark, 1.0, -1.0)
    values[:, 1] += 2
    rows = pd.DataFrame(
        {
            "image_id": [str(i) for i in range(n)],
            "label": np.where(dark, "fear", "joy"),
            "time": np.where(np.arange(n) < n // 2, np.where(dark, "night", "day"), None),
            "valence": rng.standard_normal(n) - dark,
        }
    )
    concept = Concept.contrast(
        "photo taken at night", np.eye(WIDTH)[0], np.eye(WIDTH)[2], prompts=("night", "day"), kind="prompt"
    )
    return rows, values.astype(np.float32), concept, dark


def test_concept_attributes_with_and_without_truth():
    rows, values, concept, dark = night()
    anchors = {"fear": np.eye(WIDTH)[0], "joy": np.eye(WIDTH)[3]}
    given, (report,) = concept_attributes(
        rows,
        values,
        concepts=[concept],
        directions=99,
        draws=50,
        context=ConceptContext(
            truth={concept.name: "time=night"},
            outcome="valence",
            anchors=anchors,
            y_pred=np.where(dark, 0, 1),
            labels=("fear", "joy"),
        ),
    )
    assert report.column == inferred_column(concept) == "photo taken at night (inferred)"
    assert (given[report.column] == np.where(dark, "yes", "no")).all()
    assert report.column not in rows  # the caller's table stays as it was
    assert (report.quality.n, report.calibrated) == (300, True)
    assert report.overlap.set_index("label")["cosine"]["fear"] == pytest.approx(1 / np.sqrt(2))
    assert report.calibration.set_index("emotion")["effect"]["fear"] > 0.9
    np.testing.assert_allclose(report.scores, concept_scores(values, concept))
    said = " ".join(in_words(report))
    assert "“night” against “day”" in said
    assert "cosine +0.71" in said
    assert "project it off" in said
    assert CALIBRATION_WARNING not in said
    blind, (report,) = concept_attributes(rows, values, concepts=[concept])
    assert (report.cut.method, report.quality, report.association, report.overlap) == ("mixture", None, None, None)
    assert (blind[report.column] == np.where(dark, "yes", "no")).all()
    assert in_words(report)[-1] == CALIBRATION_WARNING
    assert "No true labels" in " ".join(in_words(report))


def test_words_warn_of_a_coin_and_of_few_labels():
    rows, values, concept, _ = night()
    rows = rows.assign(coin=np.where(np.arange(600) < 60, np.random.default_rng(5).choice(["yes", "no"], 600), None))
    _, (report,) = concept_attributes(
        rows.assign(group_id=[str(i // 2) for i in range(600)]),
        values,
        concepts=[concept],
        directions=99,
        context=ConceptContext(truth={concept.name: "coin"}, outcome="label"),
    )
    said = in_words(report)
    assert any("no better than guessing" in sentence for sentence in said)
    assert said[-1] == CALIBRATION_WARNING
    assert report.association["label"] in ("fear", "joy")
    vector = Concept("q16", concept.direction)
    assert "a given direction" in in_words(concept_attributes(rows, values, concepts=[vector])[1][0])[0]


def test_entanglement_and_projection_off_the_labels():
    rng = np.random.default_rng(1)
    anchors = rng.standard_normal((3, WIDTH)) + 2
    concept = Concept("c", rng.standard_normal(WIDTH) + anchors[0])
    table = entanglement([concept], ["a", "b", "c"], anchors=anchors)
    direction = concept.direction / np.linalg.norm(concept.direction)
    np.testing.assert_allclose(table["cosine"], unit(anchors) @ direction)
    assert table["entangled"].any()
    free = entanglement([without_labels(concept, anchors)], ["a", "b", "c"], anchors=anchors)
    np.testing.assert_allclose(free[["cosine", "contrast"]], 0, atol=1e-12)
    assert not free["entangled"].any()


def test_yes_or_no_reads_what_people_write():
    said = yes_or_no(["Yes", True, 1, "1", 1.0, "no", False, 0, np.nan, None, ""])
    np.testing.assert_array_equal(said, [1, 1, 1, 1, 1, 0, 0, 0, np.nan, np.nan, np.nan])


def test_outcome_columns_leave_missing_pictures_out():
    rows, labels, columns = outcome_columns([True, False, None] * 10, n=30)
    assert (len(rows), labels, columns.shape) == (20, ("",), (20, 1))
    rows, labels, columns = outcome_columns(pd.Series([1.0, 2.0, np.nan] * 10), n=30)
    assert (len(rows), labels) == (20, ("",))
    np.testing.assert_allclose((columns.mean(), columns.std()), (0, 1), atol=1e-12)


NUMBERS = np.arange(40.0)
TALL = np.ones((12, 3)) + np.eye(12, 3)
ONE = Concept("one", np.ones(3))
ROWS = pd.DataFrame({"image_id": list("abcdefghijkl"), "time": ["night", "day"] * 6})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: yes_or_no(["dusk"]), "true labels hold 'dusk': expected yes or no"),
        (lambda: calibrated_cut(NUMBERS.reshape(8, 5)), r"scores of shape \(8, 5\) cannot be cut"),
        (lambda: calibrated_cut(np.array([1, np.nan])), "cannot be cut: expected two or more finite numbers"),
        (lambda: calibrated_cut(np.full(9, 2.0)), "all 9 scores are 2, so no threshold can be set"),
        (lambda: calibrated_cut(NUMBERS, ["yes"] * 3), "3 true labels meet 40 scores"),
        (lambda: calibrated_cut(NUMBERS, ["yes"] * 3 + ["no"] * 37), "3 yes and 37 no: expected at least 5"),
        (
            lambda: cross_fitted_quality(NUMBERS, ["yes", "no"] * 20, groups=np.arange(40) % 2),
            r"come from 2 groups: expected at least 5, so that",
        ),
        (lambda: attribute_error(["a"], ["a", "b"]), "1 inferred values meet 2 true ones"),
        (lambda: attribute_error([None], ["a"]), "no picture has both"),
        (lambda: score_matrix(TALL, []), "no concepts were given"),
        (lambda: concept_scores(TALL, Concept("wide", np.ones(4))), "'wide' is 4 wide, the features are 3"),
        (lambda: concept_scores(NUMBERS, ONE), r"features have shape \(40,\)"),
        (lambda: concept_scores(np.zeros((2, 3)), ONE), "features of picture 0 are zero, NaN or infinite"),
        (lambda: association_null(TALL, NUMBERS[:12], directions=5), "5 random directions were asked for"),
        (lambda: association_null(np.ones((12, 3)), NUMBERS[:12]), "all pictures have the same features"),
        (lambda: association_null(TALL, NUMBERS), "40 outcomes meet 12 pictures"),
        (lambda: association_null(TALL[:9], NUMBERS[:9]), r"9 pictures have an outcome: expected at least 10"),
        (lambda: association_null(TALL, [np.inf] * 12), "the outcome holds infinite values"),
        (lambda: association_null(TALL, [1.0] * 12), "the same for every picture"),
        (
            lambda: concept_table(
                TALL[:, [0, 1, 2, 2]] * [1, 1, 0, 0] + [0, 0, 0, 0], [Concept("x", [0, 0, 1, 0])], outcome=NUMBERS[:12]
            ),
            "'x' gives every picture the same score",
        ),
        (
            lambda: concept_table(TALL, [ONE], outcome=NUMBERS[:12], groups=np.arange(12) % 4),
            r"from 4 groups: expected at least 5",
        ),
        (lambda: concept_attributes(ROWS, TALL[:3], concepts=[ONE]), "3 feature rows meet 12 pictures"),
        (lambda: concept_attributes(ROWS, TALL, concepts=[ONE, ONE]), r"1 concept occurs more than once, first 'one'"),
        (
            lambda: concept_attributes(ROWS.assign(**{"one (inferred)": "yes"}), TALL, concepts=[ONE]),
            r"already in the data: one \(inferred\)",
        ),
        (
            lambda: concept_attributes(ROWS, TALL, concepts=[ONE], context=ConceptContext(truth={"two": "time"})),
            "named for two: no such concept; concepts: one",
        ),
        (
            lambda: concept_attributes(ROWS, TALL, concepts=[ONE], context=ConceptContext(outcome="mood")),
            "no column 'mood' to compare concepts on",
        ),
        (
            lambda: concept_attributes(ROWS, TALL, concepts=[ONE], context=ConceptContext(truth={"one": "hour=3"})),
            "no column 'hour' with true values",
        ),
        (
            lambda: concept_attributes(ROWS, TALL, concepts=[ONE], context=ConceptContext(truth={"one": "hour"})),
            "no column 'hour' with true values",
        ),
        (
            lambda: concept_attributes(ROWS, TALL, concepts=[ONE], context=ConceptContext(truth={"one": "time=dusk"})),
            "'time' never says 'dusk'; it says 'night'",
        ),
        (
            lambda: concept_attributes(ROWS, TALL, concepts=[ONE], context=ConceptContext(truth={"one": "time"})),
            "column 'time' hold 'night', 'day'",
        ),
        (lambda: entanglement([ONE], ["a"], anchors=np.ones((2, 3))), r"shape \(2, 3\): expected one row for each of 1"),
        (lambda: entanglement([ONE], ["a"], anchors=np.zeros((1, 3))), "label vectors hold zero"),
        (lambda: entanglement([ONE], ["a"], anchors=np.ones((1, 4))), "is 3 wide, the label vectors are 4"),
        (lambda: without_labels(ONE, np.ones((1, 4))), r"shape \(1, 4\): expected \(labels, 3\)"),
        (lambda: without_labels(ONE, np.ones((1, 3))), "lies in the span of the labels"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
