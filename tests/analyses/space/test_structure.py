"""Are pulls, margins, neighbours, kernel distances, alignments and maps what their definitions written out give?"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import cdist, pdist
from scipy.stats import binomtest
from sklearn.manifold import trustworthiness

from affect_workbench.analyses.slices.coding import CodedAttribute, coded_attribute
from affect_workbench.analyses.slices.strata import true_codes
from affect_workbench.analyses.space.contrasts import contrasts
from affect_workbench.analyses.space.geometry.alignment import alignment_table
from affect_workbench.analyses.space.geometry.plane import label_plane, map_trust
from affect_workbench.analyses.space.geometry.projection import projection
from affect_workbench.analyses.space.label_space import NearestAnchor, label_space
from affect_workbench.analyses.space.margins import hubness_table, margin_table, median_interval
from affect_workbench.analyses.space.mmd import kernel_features, mmd_table
from affect_workbench.analyses.space.neighbours import nearest_neighbours, purity_table
from affect_workbench.analyses.space.pull import pull_table
from affect_workbench.analyses.space.rewording import prompt_variant_table
from affect_workbench.data.predictions import Predictions, predictions_from_table
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from sliced_pictures import sliced

EKMAN = Taxonomy.named("ekman6")
K = len(EKMAN)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def world(
    seed: int = 0, *, n: int = 400, d: int = 10, shift: float = 0.0, tie: float = 0.0, missing: float = 0.1
) -> Predictions:
    """Unit vectors near their label; `tone: dark` is moved toward anger by `shift`, and goes along with anger by `tie`."""
    rng = np.random.default_rng(seed)
    anchors, y = unit(rng.normal(size=(K, d))), rng.integers(K, size=n)
    dark = rng.random(n) < np.where(y == 0, 0.5 + tie, 0.5 - tie / 5)
    vectors = unit(anchors[y] + 0.8 * unit(rng.normal(size=(n, d))) + shift * dark[:, None] * anchors[0])
    tone = np.where(rng.random(n) < missing, None, np.where(dark, "dark", "light"))
    rows = pd.DataFrame({"image_id": np.arange(n).astype(str), "tone": tone, "label": np.array(EKMAN.labels)[y]})
    return Predictions(1 - vectors @ anchors.T, rows, EKMAN, embeddings=vectors, anchors=anchors)


def tone(predictions: Predictions) -> CodedAttribute:
    return coded_attribute(predictions.rows["tone"])


def attribute(codes: np.ndarray, values: int = 2) -> CodedAttribute:
    """An attribute with any codes."""
    return CodedAttribute("tone", coded_attribute(pd.Series(range(values), name="tone")).conditions, codes.astype(np.int64))


def vectors_of(predictions: Predictions) -> tuple[np.ndarray, np.ndarray]:
    assert predictions.embeddings is not None
    assert predictions.anchors is not None
    return predictions.embeddings, predictions.anchors


def test_a_contrast_within_strata_is_the_weighted_mean_of_the_strata() -> None:
    rng = np.random.default_rng(0)
    codes, strata, numbers = rng.integers(-1, 3, 300), rng.integers(-1, 4, 300), rng.normal(size=(300, 2))
    strata[(codes == 2) & (strata == 1)] = 0  # a stratum without pictures inside has no weight
    found = contrasts(codes, 3, numbers, strata=strata)
    for value in range(3):
        total, weights, variance, n = np.zeros(2), 0.0, np.zeros(2), 0
        for h in range(4):
            inside, outside = ((codes >= 0) & (strata == h) & side for side in (codes == value, codes != value))
            if inside.any() and outside.any():
                w = 1 / (1 / inside.sum() + 1 / outside.sum())
                total += w * (numbers[inside].mean(axis=0) - numbers[outside].mean(axis=0))
                variance += w**2 * sum(numbers[side].var(axis=0, ddof=1) / side.sum() for side in (inside, outside))
                weights, n = weights + w, n + inside.sum()
        np.testing.assert_allclose(found.effect[value], total / weights)
        np.testing.assert_allclose(found.error[value], np.sqrt(variance) / weights)
        assert found.n[value] == n


def test_the_error_with_groups_is_that_of_groups_and_of_single_pictures_where_each_is_one() -> None:
    rng = np.random.default_rng(1)
    effects, errors, plain = [], [], []
    for _ in range(300):
        group = np.repeat(np.arange(40), 10)
        codes = rng.integers(2, size=40)[group]
        numbers = (rng.normal(size=40)[group] + rng.normal(size=400))[:, None]
        found = contrasts(codes, 2, numbers, groups=group)
        effects.append(found.effect[1, 0])
        errors.append(found.error[1, 0])
        plain.append(contrasts(codes, 2, numbers).error[1, 0])
    assert np.mean(errors) == pytest.approx(np.std(effects), rel=0.15)
    assert np.mean(plain) < 0.6 * np.std(effects)
    alone = contrasts(codes, 2, numbers, groups=np.arange(400)).error[1, 0]
    assert alone == pytest.approx(plain[-1], rel=0.01)
    few = contrasts(codes, 2, numbers, groups=np.arange(400) // 50)
    assert np.isnan(few.error).all()


def test_the_pull_is_the_centroid_difference_along_the_label_and_within_labels_the_mix_is_no_pull() -> None:
    predictions = world(3, shift=0.3, tie=0.4)
    table = pull_table(sliced(predictions, [tone(predictions)])).set_index(["slice", "emotion"])
    vectors, anchors = vectors_of(predictions)
    dark, light = ((predictions.rows["tone"] == value).to_numpy() for value in ("dark", "light"))
    for label, anchor in zip(EKMAN.labels, anchors, strict=True):
        toward = anchor - anchors.mean(axis=0)
        expected = (vectors[dark].mean(axis=0) - vectors[light].mean(axis=0)) @ toward
        row = table.loc["tone: dark", label]
        assert row["pull"] == pytest.approx(expected, abs=1e-12)
        welch = stats.ttest_ind(vectors[dark] @ toward, vectors[light] @ toward, equal_var=False).confidence_interval()
        np.testing.assert_allclose([row["low"], row["high"]], welch, rtol=0.02, atol=1e-4)
    anger = table.loc["tone: dark", "anger"]
    assert 0 < anger["within_low"] < anger["pull_within"] < anger["pull"]
    flagged = []
    for seed in range(60):
        only_mix = world(seed, tie=0.4)
        row = pull_table(sliced(only_mix, [tone(only_mix)])).set_index(["slice", "emotion"]).loc["tone: dark", "anger"]
        assert row["low"] > 0  # there raw: dark pictures are angry ones
        flagged.append(not row["within_low"] < 0 < row["within_high"])
    assert binomtest(sum(flagged), 60, 0.05, alternative="greater").pvalue > 0.001


def test_no_pull_without_truth_within_labels_and_none_at_all_where_there_is_no_distance() -> None:
    predictions = world().with_rows(world().rows.drop(columns="label"))
    table = pull_table(sliced(predictions, [tone(predictions)]))
    assert table[["pull_within", "within_low", "q_within"]].isna().all(axis=None)
    assert table["pull"].notna().all()
    named = predictions_from_table(predictions.rows.assign(predicted="joy"), taxonomy=EKMAN)
    with pytest.raises(ValueError, match="contain labels only"):
        pull_table(sliced(named, [tone(named)]))


def test_the_median_interval_covers_the_median_alone_and_in_groups() -> None:
    rng, alone, grouped, naive = np.random.default_rng(5), 0, 0, 0
    for _ in range(300):
        low, high = median_interval(rng.exponential(size=60))[1:]
        alone += low <= np.log(2) <= high
        group = np.repeat(np.arange(60), 8)
        values = rng.normal(size=60)[group] + 0.5 * rng.normal(size=480)
        low, high = median_interval(values, group)[1:]
        grouped += low <= 0 <= high
        low, high = median_interval(values)[1:]
        naive += low <= 0 <= high
    assert binomtest(int(alone), 300, 0.95, alternative="less").pvalue > 0.001
    assert binomtest(int(grouped), 300, 0.95, alternative="less").pvalue > 0.001
    assert naive < 250
    assert np.isnan(median_interval(np.array([]))).all()


def test_margins_and_gaps_of_slices_are_those_of_their_pictures() -> None:
    predictions = world(2, shift=0.5)
    table = margin_table(sliced(predictions, [tone(predictions)])).set_index("slice")
    vectors, anchors = vectors_of(predictions)
    nearest = np.sort(predictions.distances, axis=1)
    margin = nearest[:, 1] - nearest[:, 0]
    dark, light = ((predictions.rows["tone"] == value).to_numpy() for value in ("dark", "light"))
    row = table.loc["tone: dark"]
    assert row["median"] == pytest.approx(np.median(margin[dark]))
    assert row["complement_median"] == pytest.approx(np.median(margin[light]))
    assert row["difference_low"] < row["difference"] < row["difference_high"]
    assert row["gap"] == pytest.approx(np.linalg.norm(vectors[dark].mean(axis=0) - anchors.mean(axis=0)))
    assert table.loc["all pictures", "n"] == 400


def test_a_hub_is_nearest_to_more_pictures_than_it_should_be() -> None:
    predictions = world(4)
    fair = hubness_table(predictions).set_index("emotion")
    assert fair["share"].sum() == pytest.approx(1)
    assert fair.loc["joy", "prior"] == pytest.approx((predictions.rows["label"] == "joy").mean())
    hub = Predictions(predictions.distances - 0.8 * (np.arange(K) == 2), predictions.rows, EKMAN)
    found = hubness_table(hub).set_index("emotion")
    assert found["ratio"].idxmax() == "fear"
    assert found.loc["fear", "low"] > found.loc["fear", "prior"]
    assert (hubness_table(world().with_rows(world().rows.drop(columns="label")))["prior"] == 1 / K).all()


@pytest.mark.parametrize("without", [(), ("faiss",)])
def test_neighbours_are_the_nearest_others_with_and_without_faiss(without, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in without:
        monkeypatch.setitem(sys.modules, name, None)
    x = np.random.default_rng(0).normal(size=(60, 5))
    apart = cdist(x, x)
    np.fill_diagonal(apart, np.inf)
    found = nearest_neighbours(x, neighbours=7)
    assert (np.sort(found, axis=1) == np.sort(np.argsort(apart, axis=1)[:, :7], axis=1)).all()
    twins = nearest_neighbours(np.repeat(x[:3], 20, axis=0), neighbours=15)
    assert (twins != np.arange(60)[:, None]).all()
    with pytest.raises(ValueError, match="7 picture"):
        nearest_neighbours(x[:7], neighbours=7)


def test_purity_is_the_share_of_like_neighbours_less_chance_and_groups_are_no_purity() -> None:
    predictions = world(1, shift=1.5)
    vectors, _ = vectors_of(predictions)
    coded = tone(predictions)
    near = nearest_neighbours(vectors)
    table = purity_table(near, coded).set_index("slice")
    for code, condition in enumerate(coded.conditions):
        shares = [(beside == code).sum() / (beside >= 0).sum() for beside in coded.codes[near[coded.codes == code]]]
        assert table.loc[condition.name, "purity"] == pytest.approx(np.mean(shares))
        share = (coded.codes == code).sum() / (coded.codes >= 0).sum()
        assert table.loc[condition.name, "expected"] == pytest.approx(share, abs=0.02)
    assert table.loc["tone: dark", "p"] == pytest.approx(1 / 200)
    alone, together = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        group = np.repeat(np.arange(30), 6)
        x = rng.normal(size=(30, 4))[group] + 0.2 * rng.normal(size=(180, 4))
        fake = attribute(rng.integers(2, size=30)[group])
        beside = nearest_neighbours(x)
        alone.append(purity_table(beside, fake, permutations=79)["p"].min() <= 0.025)
        together.append(purity_table(beside, fake, groups=group, permutations=79)["p"].min() <= 0.025)
    assert sum(alone) > 20
    assert binomtest(sum(together), 40, 0.05, alternative="greater").pvalue > 0.001


def test_mmd_is_the_unbiased_kernel_estimate_raw_and_within_labels() -> None:
    predictions = world(6, n=300, shift=0.6, missing=0.0)
    vectors, _ = vectors_of(predictions)
    coded, y = tone(predictions), true_codes(predictions)
    features = kernel_features(vectors, features=512)
    assert features.bandwidth == pytest.approx(np.median(pdist(vectors)), rel=1e-9)
    exact = np.exp(-cdist(vectors, vectors, "sqeuclidean") / (2 * features.bandwidth**2))
    approximate = features(vectors) @ features(vectors).T
    assert np.abs(approximate - exact).max() < 0.35
    assert np.abs(approximate - exact).mean() < 0.06
    gram = approximate.astype(float)

    def mmd(inside: np.ndarray, outside: np.ndarray) -> float:
        def off_diagonal(at: np.ndarray) -> float:
            part = gram[np.ix_(at, at)]
            return (part.sum() - np.trace(part)) / (len(at) * (len(at) - 1))

        return off_diagonal(inside) + off_diagonal(outside) - 2 * gram[np.ix_(inside, outside)].mean()

    table = mmd_table(vectors, [coded], y=y).set_index("slice")
    dark, light = (np.flatnonzero(coded.codes == code) for code in (0, 1))
    assert table.loc["tone: dark", "mmd"] == pytest.approx(mmd(dark, light), abs=1e-6)
    parts = [(np.intersect1d(dark, at), np.intersect1d(light, at)) for at in (np.flatnonzero(y == h) for h in range(K))]
    weights = [1 / (1 / len(a) + 1 / len(b)) for a, b in parts]
    within = sum(w * mmd(a, b) for w, (a, b) in zip(weights, parts, strict=True)) / sum(weights)
    assert table.loc["tone: dark", "mmd_within"] == pytest.approx(within, abs=1e-6)
    assert table.loc["tone: dark", ["p", "p_within"]].tolist() == [1 / 200, 1 / 200]


def test_mmd_is_zero_on_average_where_nothing_differs_whatever_the_sizes() -> None:
    rng, values, p = np.random.default_rng(0), [], []
    for seed in range(60):
        x = rng.normal(size=(200, 6))
        codes = np.zeros(200, np.int64)
        codes[:20] = 1
        row = mmd_table(x, [attribute(codes)], y=rng.integers(3, size=200), permutations=39, seed=seed).iloc[1]
        values.append(row[["mmd", "mmd_within"]].astype(float).to_numpy())
        p.append(row[["p", "p_within"]].astype(float).to_numpy())
    values, p = np.array(values), np.array(p)
    assert (np.abs(values.mean(axis=0)) < 3.5 * values.std(axis=0) / np.sqrt(60)).all()
    for column in p.T:
        assert binomtest(int((column <= 0.05).sum()), 60, 0.05, alternative="greater").pvalue > 0.001


def test_mmd_within_labels_does_not_see_the_mix_of_labels_and_groups_are_dealt_whole() -> None:
    raw, within, single, whole = [], [], [], []
    for seed in range(30):
        predictions = world(seed, n=200, tie=0.4, missing=0.0)
        row = mmd_table(vectors_of(predictions)[0], [tone(predictions)], y=true_codes(predictions), permutations=39).iloc[0]
        raw.append(row["p"] <= 0.05)
        within.append(row["p_within"] <= 0.05)
        rng, group = np.random.default_rng(seed), np.repeat(np.arange(25), 8)
        x, fake = (
            rng.normal(size=(25, 4))[group] + 0.3 * rng.normal(size=(200, 4)),
            attribute(rng.integers(2, size=25)[group]),
        )
        single.append(mmd_table(x, [fake], permutations=39)["p"].min() <= 0.05)
        whole.append(mmd_table(x, [fake], groups=group, permutations=39)["p"].min() <= 0.05)
    assert min(sum(raw), sum(single)) > 20
    for null in (within, whole):
        assert binomtest(sum(null), 30, 0.05, alternative="greater").pvalue > 0.001
    with pytest.raises(ValueError, match="lie in one place"):
        kernel_features(np.ones((5, 2)))


def test_words_and_pictures_that_lie_alike_are_aligned_and_random_words_are_not() -> None:
    predictions = world(7, n=600)
    vectors, anchors = vectors_of(predictions)
    y = true_codes(predictions)
    table = alignment_table(label_space(vectors, anchors), y, attributes=[tone(predictions)]).set_index("slice")
    row = table.loc["all pictures"]
    assert (row["labels"], row["permutations"], row["exact"]) == (6, 720, True)
    assert row["r"] > 0.8

    def around(points: np.ndarray) -> np.ndarray:
        off = unit(points - points.mean(axis=0))
        return (off @ off.T)[np.triu_indices(K, 1)]

    centroids = np.array([vectors[y == label].mean(axis=0) for label in range(K)])
    assert row["r"] == pytest.approx(np.corrcoef(around(anchors), around(centroids))[0, 1])
    others = [np.random.default_rng(seed).normal(size=anchors.shape) for seed in range(40)]
    p = [alignment_table(label_space(vectors, other), y).loc[0, "p"] for other in others]
    assert binomtest(int((np.array(p) <= 0.05).sum()), 40, 0.05, alternative="greater").pvalue > 0.001
    assert np.isnan(alignment_table(label_space(vectors, anchors), np.where(y < 3, y, -1)).loc[0, "r"])


def test_wording_counts_the_pictures_whose_label_flips() -> None:
    predictions = world(8)
    vectors, anchors = vectors_of(predictions)
    other = anchors + 0.4 * np.random.default_rng(1).normal(size=anchors.shape)
    table = prompt_variant_table(sliced(predictions, [tone(predictions)]), {"a {} scene": 3 * other, "{}": anchors})
    by = table.set_index(["wording", "slice"])
    said = (vectors @ unit(other).T).argmax(axis=1)
    dark = (predictions.rows["tone"] == "dark").to_numpy()
    assert by.loc[("a {} scene", "all pictures"), "flips"] == pytest.approx((said != predictions.predicted).mean())
    assert by.loc[("a {} scene", "tone: dark"), "flips"] == pytest.approx((said != predictions.predicted)[dark].mean())
    assert (by.loc["{}", "flips"] == 0).all()
    assert by.loc[("a {} scene", "all pictures"), "flips"] > 0
    with pytest.raises(ValueError, match=r"'x' have shape \(2, 10\): expected \(6, 10\)"):
        prompt_variant_table(sliced(predictions, []), {"x": anchors[:2]})
    with pytest.raises(ValueError, match="no embeddings"):
        prompt_variant_table(sliced(Predictions(predictions.distances, predictions.rows, EKMAN), []), {})


@pytest.mark.parametrize("width", [5, 40])
def test_fewer_coordinates_leave_the_nearest_label_where_it_is(width: int) -> None:
    rng = np.random.default_rng(width)
    vectors, anchors = rng.normal(size=(50, width)), rng.normal(size=(4, width))
    space = label_space(vectors, anchors, most=12)
    assert space.x.shape[1] == min(width, 12)
    np.testing.assert_allclose(space.x @ space.anchors.T, unit(vectors) @ unit(anchors).T, atol=1e-12)
    held = ((space.x - space.x.mean(axis=0)) ** 2).sum() / ((unit(vectors) - unit(vectors).mean(axis=0)) ** 2).sum()
    assert space.share == pytest.approx(held)
    assert (NearestAnchor(space.anchors)(space.x).argmin(axis=1) == (unit(vectors) @ unit(anchors).T).argmax(axis=1)).all()
    with pytest.raises(ValueError, match="1 of the labels are zero"):
        label_space(vectors, anchors * (np.arange(4) > 0)[:, None])
    with pytest.raises(ValueError, match="expected the same width"):
        label_space(vectors, anchors[:, 1:])


@pytest.mark.parametrize("k", [2, 3, 6])
def test_the_plane_of_the_labels_is_linear_and_holds_their_true_places(k: int) -> None:
    rng = np.random.default_rng(k)
    anchors, vectors = unit(rng.normal(size=(k, 8))), unit(rng.normal(size=(30, 8)))
    plane = label_plane(vectors, anchors)
    assert plane.xy.shape == (30, 2)
    assert plane.label_share == pytest.approx(1) if k <= 3 else plane.label_share < 1
    both = label_plane(np.vstack([vectors, anchors]), anchors)
    np.testing.assert_allclose(both.xy[30:], both.anchors_xy, atol=1e-9)
    if k == 3:  # in a plane that holds all labels, distances between them are true
        for a, b in itertools.combinations(range(3), 2):
            assert np.linalg.norm(plane.anchors_xy[a] - plane.anchors_xy[b]) == pytest.approx(
                np.linalg.norm(anchors[a] - anchors[b])
            )


def test_trust_in_a_map_is_that_of_its_neighbourhoods_and_falls_for_a_shuffled_one() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(80, 6))
    flat = points[:, :2]
    trust = map_trust(points, flat)
    assert trust.trustworthiness == pytest.approx(trustworthiness(points, flat, n_neighbors=12))
    assert trust.continuity == pytest.approx(trustworthiness(flat, points, n_neighbors=12))
    near = [np.argsort(np.where(np.eye(80, dtype=bool), np.inf, cdist(at, at)), axis=1)[:, :15] for at in (points, flat)]
    assert trust.overlap == pytest.approx(np.mean([len(set(a) & set(b)) / 15 for a, b in zip(*near, strict=True)]))
    assert map_trust(points, points).overlap == 1
    shuffled = map_trust(points, rng.permutation(flat))
    assert shuffled.overlap < trust.overlap
    assert np.isnan(map_trust(points[:4], flat[:4]).continuity)


def test_the_map_says_how_much_it_depends_on_its_seed_when_asked() -> None:
    rng = np.random.default_rng(0)
    clusters, ids = rng.normal(size=(60, 5)) + 9 * np.eye(5)[np.arange(60) % 3], np.arange(60).astype(str).astype(object)
    assert np.isnan(projection(clusters, ids).disagreement)
    drawn = projection(clusters, ids, seeds=True)
    assert 0 <= drawn.disagreement <= 1
    assert 0 < drawn.overlap <= 1
    assert np.isnan(projection(clusters[:6], ids[:6], seeds=True).disagreement)


def test_groups_of_one_picture_are_independent_pictures() -> None:
    rng = np.random.default_rng(8)
    codes, strata, numbers = rng.integers(3, size=400), rng.integers(4, size=400), rng.normal(size=(400, 2))
    alone = contrasts(codes, 3, numbers, strata=strata)
    grouped = contrasts(codes, 3, numbers, strata=strata, groups=np.arange(400))
    np.testing.assert_allclose(grouped.effect, alone.effect)
    np.testing.assert_allclose(grouped.error, alone.error)


def test_within_labels_that_groups_share_the_interval_holds_what_it_promises() -> None:
    """Some four groups of a slice a label: their spread around the label's mean is a good deal too small."""
    held, repeats = 0, 400
    group = np.repeat(np.arange(120), 5)
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        strata, inside = rng.integers(10, size=120)[group], rng.permutation(np.arange(120) % 3 == 0)[group]
        numbers = rng.normal(size=600) + rng.normal(size=120)[group] + strata
        found = contrasts(inside.astype(np.int64), 2, numbers[:, None], strata=strata, groups=group)
        low, high = found.interval()
        held += bool(low[1, 0] <= 0 <= high[1, 0])
    assert binomtest(held, repeats, 0.95, alternative="less").pvalue > 0.005, held
