"""Are associations, shifts, linear probes and erasure tests right where something is planted, and quiet where nothing is?"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from affect_workbench.analyses.inference.resampling import Sampling
from affect_workbench.analyses.slices.coding import CodedAttribute, coded_attribute
from affect_workbench.analyses.space.association import LabelWords, association_table
from affect_workbench.analyses.space.erasure.erasure_test import (
    NO_SKEW,
    NOT_SHOWN,
    RUNS_THROUGH,
    erasure_test,
    kept_neighbours,
)
from affect_workbench.analyses.space.erasure.folds import grouped_folds
from affect_workbench.analyses.space.erasure.leace import leace
from affect_workbench.analyses.space.erasure.linear_probe import linear_probe
from affect_workbench.analyses.space.geometry.shift import concept_shift_table
from affect_workbench.analyses.space.label_space import NearestAnchor, label_space
from affect_workbench.analyses.space.tables import space_tables
from affect_workbench.data.predictions import Predictions, predictions_from_table
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from sliced_pictures import sliced

EKMAN = Taxonomy.named("ekman6")
K = len(EKMAN)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def attribute(codes: np.ndarray, values: int = 2, name: str = "tone") -> CodedAttribute:
    """An attribute with any codes."""
    conditions = coded_attribute(pd.Series(range(values), name=name)).conditions
    return CodedAttribute(name, conditions, np.asarray(codes, np.int64))


def world(
    seed: int = 0, *, n: int = 1_200, d: int = 24, bias: float = 0.0, own: float = 0.6, groups: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pictures near one of six labels; half have an attribute with a direction of its own, and lie toward anger by `bias`.

    Returns:
        Unit vectors, unit label vectors, true labels, attribute codes, groups (each picture its own where `groups` is 0).
    """
    rng = np.random.default_rng(seed)
    anchors, y = np.eye(K, d), rng.integers(K, size=n)
    group = np.arange(n) if not groups else rng.integers(groups, size=n)
    codes = rng.integers(2, size=int(group.max()) + 1)[group]
    x = anchors[y] + 0.42 * rng.normal(size=(n, d)) + bias * codes[:, None] * (anchors[0] - anchors.mean(axis=0))
    x[:, min(10, d - 1)] += own * (codes - 0.5)
    if groups:
        x += 0.5 * rng.normal(size=(groups, d))[group]
    return unit(x), anchors, y, codes, group


# association


def test_three_levels_of_association_are_what_they_say_with_several_words_a_label() -> None:
    x, anchors, _, codes, _ = world(1, n=300, bias=0.3)
    rng = np.random.default_rng(0)
    owners = np.array([0, 0, 0, 1, 1, 2, 3, 4, 5])
    words = unit(anchors[owners] + 0.1 * rng.normal(size=(9, x.shape[1])))
    table = association_table(
        x, LabelWords(words, owners, EKMAN), attributes=[attribute(codes)], permutations=199
    ).set_index(["slice", "emotion"])
    cosines = x @ words.T
    association = cosines[:, owners == 0].mean(axis=1) - cosines[:, owners != 0].mean(axis=1)
    row, inside = table.loc["tone: 1", "anger"], codes == 1
    assert row["difference"] == pytest.approx(association[inside].mean() - association[~inside].mean())
    assert row["effect_size"] == pytest.approx(row["difference"] / association.std(ddof=1))
    assert row["words"] == 3
    by_word = cosines[inside].mean(axis=0)
    own = (by_word[owners == 0].mean() - by_word[owners != 0].mean()) / by_word.std(ddof=1)
    assert row["slice_association"] == pytest.approx(own)
    assert row["others_to_rest"] == pytest.approx(cosines[~inside][:, owners != 0].mean())
    level = row["slice_to_emotion"] - row["slice_to_rest"] - row["others_to_emotion"] + row["others_to_rest"]
    assert level == pytest.approx(row["difference"])
    labels = np.array([cosines[inside][:, owners == e].mean(axis=1) for e in range(K)]).T
    without = labels - np.eye(K)[0] * row["difference"]
    assert row["flips"] == pytest.approx((without.argmax(axis=1) != labels.argmax(axis=1)).mean())
    assert row["flips"] > 0
    assert row["low"] < row["difference"] < row["high"]
    assert (row["p"], row["exact"]) == (1 / 200, False)


@pytest.mark.parametrize("grouped", [False, True])
def test_few_pictures_or_groups_are_dealt_in_every_way(grouped: bool) -> None:
    rng = np.random.default_rng(3)
    x, anchors = unit(rng.normal(size=(24 if grouped else 9, 5))), np.eye(K, 5)
    anchors[5] = -1
    group = np.arange(24) // 3 if grouped else np.arange(9)
    codes = np.isin(group, [0, 2, 5]).astype(np.int64)
    found = association_table(
        x, LabelWords(anchors, np.arange(K), EKMAN), attributes=[attribute(codes)], groups=group if grouped else None
    ).set_index(["slice", "emotion"])
    cosines = x @ unit(anchors).T
    association = cosines[:, 1] - np.delete(cosines, 1, axis=1).mean(axis=1)

    def difference(chosen: tuple[int, ...]) -> float:
        inside = np.isin(group, chosen)
        return float(association[inside].mean() - association[~inside].mean())

    ways = [difference(chosen) for chosen in itertools.combinations(range(int(group.max()) + 1), 3)]
    row = found.loc["tone: 1", "disgust"]
    assert (row["permutations"], row["exact"]) == (len(ways), True)
    assert row["p"] == pytest.approx(np.mean(np.abs(ways) >= abs(difference((0, 2, 5))) - 1e-12))


def test_association_is_found_where_planted_and_false_alarms_are_as_few_as_promised() -> None:
    x, anchors, _, codes, _ = world(2, bias=0.4)
    found = association_table(
        x, LabelWords(anchors, np.arange(K), EKMAN), attributes=[attribute(codes)], permutations=499
    ).set_index(["slice", "emotion"])
    assert found.loc[("tone: 1", "anger"), "q"] < 0.02
    assert found.loc[("tone: 1", "anger"), "difference"] > 0
    alone, dealt, covered = [], [], []
    for seed in range(30):
        x, anchors, _, codes, group = world(seed, n=200, own=0.0, groups=24)
        for groups, kept in ((None, alone), (group, dealt)):
            table = association_table(
                x, LabelWords(anchors, np.arange(K), EKMAN), attributes=[attribute(codes)], groups=groups, permutations=99
            )
            kept.append(table.loc[0, "p"] <= 0.05)
        covered.append(table.loc[0, "low"] <= 0 <= table.loc[0, "high"])
    assert sum(alone) > 6
    assert binomtest(sum(dealt), 30, 0.05, alternative="greater").pvalue > 0.001
    assert binomtest(int(sum(covered)), 30, 0.95, alternative="less").pvalue > 0.0005


def test_attributes_that_other_pictures_have_are_dealt_apart_and_missing_ones_take_no_part() -> None:
    x, anchors, _, codes, _ = world(0, n=200)
    holes = np.where(np.arange(200) % 4 == 0, -1, codes)
    both = association_table(
        x,
        LabelWords(anchors, np.arange(K), EKMAN),
        attributes=[attribute(codes, name="a"), attribute(holes, name="b")],
        permutations=99,
    )
    alone = association_table(
        x[holes >= 0],
        LabelWords(anchors, np.arange(K), EKMAN),
        attributes=[attribute(codes[holes >= 0], name="b")],
        permutations=99,
    )
    assert list(both["slice"].unique()) == ["a: 0", "a: 1", "b: 0", "b: 1"]
    np.testing.assert_allclose(both.loc[12:, "difference"], alone["difference"])
    few = association_table(
        x, LabelWords(anchors, np.arange(K), EKMAN), attributes=[attribute(codes)], permutations=99, most=50
    )
    assert (few["n"] + few["others"]).unique().tolist() == [50]
    assert association_table(x, LabelWords(anchors, np.arange(K), EKMAN), attributes=[attribute(np.zeros(200))]).empty
    with pytest.raises(ValueError, match="expected each of 6 labels"):
        association_table(x, LabelWords(anchors[:2], np.arange(2), EKMAN), attributes=[attribute(codes)])


# what one standard deviation more would do


def test_the_shift_is_what_moving_every_picture_does() -> None:
    x, anchors, _, codes, _ = world(3, bias=0.4)
    table = concept_shift_table(label_space(x, anchors), attribute(codes), labels=EKMAN.labels).set_index(
        ["slice", "emotion"]
    )
    direction = unit((x[codes == 1].mean(axis=0) - x[codes == 0].mean(axis=0))[None])[0]
    moved = x + (x @ direction).std() * direction
    before, after = (at @ anchors.T for at in (x, moved))
    rise = (after - before).mean(axis=0)
    row = table.loc["tone: 1", "anger"]
    assert row["shift"] == pytest.approx(rise[0] - rise.mean())
    assert row["flips"] == pytest.approx((before.argmax(axis=1) != after.argmax(axis=1)).mean())
    assert row["toward"] == pytest.approx((after.argmax(axis=1) == 0).mean() - (before.argmax(axis=1) == 0).mean())
    assert row["shift"] > row["null_high"]
    assert row["p"] <= 0.05
    assert table.loc[("tone: 0", "anger"), "shift"] == pytest.approx(-row["shift"])
    with pytest.raises(ValueError, match="expected at least 39"):
        concept_shift_table(label_space(x, anchors), attribute(codes), labels=EKMAN.labels, shuffles=10)


def test_a_shift_of_nothing_is_called_that_single_and_in_groups() -> None:
    flagged = []
    for seed in range(40):
        x, anchors, _, codes, group = world(seed, n=300, own=0.0, groups=40)
        table = concept_shift_table(
            label_space(x, anchors), attribute(codes), labels=EKMAN.labels, groups=group, shuffles=59
        )
        flagged.append(table.loc[K:, "p"].iloc[0] <= 0.05)
    assert binomtest(sum(flagged), 40, 0.05, alternative="greater").pvalue > 0.001


# can it be read at all


def test_an_attribute_with_a_direction_is_read_and_one_without_is_not() -> None:
    x, _, _, codes, _ = world(4, own=0.8)
    found = linear_probe(x, attribute(codes))
    assert found["low"] > 0.6
    assert found["selectivity_low"] > 0.1
    assert found["chance"] == 0.5
    alarms = [
        linear_probe(*nothing)["selectivity_low"] > 0
        for nothing in ((world(s, n=200, own=0)[0], attribute(world(s + 99, n=200)[3])) for s in range(40))
    ]
    assert binomtest(sum(alarms), 40, 0.025, alternative="greater").pvalue > 0.001


def test_the_interval_of_what_a_line_reads_off_holds_what_it_promises() -> None:
    """Folds learn from each other: intervals of as many independent hits would hold the truth in some 85 %."""
    rng = np.random.default_rng(5)
    reads, misses = 0, 0
    for seed in range(100):
        found = linear_probe(rng.normal(size=(240, 24)), attribute((rng.random(240) < 0.3).astype(np.int64)), seed=seed)
        reads += found["low"] <= 0.5 <= found["high"]
        misses += not found["selectivity_low"] <= 0 <= found["selectivity_high"]
    assert binomtest(reads, 100, 0.95, alternative="less").pvalue > 0.01
    assert binomtest(misses, 100, 0.05, alternative="greater").pvalue > 0.01


def test_groups_stay_together_so_that_a_scene_is_no_attribute() -> None:
    apart, together = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        group = np.repeat(np.arange(30), 10)
        x = 2 * rng.normal(size=(30, 20))[group] + rng.normal(size=(300, 20))
        codes = attribute(rng.permutation(np.arange(30) % 2)[group])
        apart.append(linear_probe(x, codes)["low"] > 0.5)
        found = linear_probe(x, codes, groups=group)
        together.append(found["low"] <= 0.5 + 1e-9 or found["selectivity_low"] <= 0)
    assert sum(apart) >= 5
    assert sum(together) >= 4


def test_folds_are_even_and_keep_groups_whole() -> None:
    codes, group = np.repeat([0, 1], 60), np.arange(120) // 4
    fold = grouped_folds(codes, 5, groups=group)
    assert all(len(set(fold[group == one])) == 1 for one in range(30))
    assert (np.bincount(fold * 2 + codes) == 12).all()
    with pytest.raises(ValueError, match=r"3 groups: expected at least 5"):
        grouped_folds(codes, 5, groups=np.arange(120) // 40)


def test_a_probe_needs_two_values_with_enough_pictures() -> None:
    x, _, _, codes, _ = world(0, n=100)
    with pytest.raises(ValueError, match="fewer than two values with 20 pictures"):
        linear_probe(x, attribute(np.where(np.arange(100) < 15, codes, 0)))


# erasure as the causal test


def test_a_skew_through_the_attributes_direction_goes_with_it_and_the_claim_is_made() -> None:
    claimed = []
    for seed in range(4):
        x, anchors, y, codes, _ = world(seed, bias=0.35)
        space = label_space(x, anchors)
        found = erasure_test(
            space.x, attribute(codes), labels=EKMAN.labels, read=space.head, y=y, sampling=Sampling(200, seed)
        )
        row = found.cells.set_index(["slice", "emotion"]).loc["tone: 1", "anger"]
        assert row["before_low"] > 0
        assert row["method"] == "within labels"
        assert abs(row["after"]) < 0.5 * row["before"]
        assert row["reduction"] == pytest.approx(abs(row["before"]) - abs(row["after"]))
        claimed.append(row["verdict"] == RUNS_THROUGH)
        within = found.collateral.set_index("method").loc["within labels"]
        assert within["accuracy"] - within["accuracy_after"] < 0.03
        assert 0 < within["overlap"] < 1
        assert within["rank"] == 1
    assert sum(claimed) >= 3


def test_no_claim_where_the_skew_does_not_run_through_a_linear_direction() -> None:
    """Pictures of the attribute are spread wider along a label, not moved: a skew that no direction carries."""
    claims, skewed = 0, 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        n, anchors = 1_000, np.eye(K, 24)
        y, codes = rng.integers(K, size=n), rng.integers(2, size=n)
        x = anchors[y] + 0.35 * rng.normal(size=(n, 24))
        x[:, 0] += 1.2 * codes * rng.normal(size=n)
        space = label_space(x, anchors)
        row = erasure_test(space.x, attribute(codes), labels=EKMAN.labels, read=space.head, y=y, sampling=Sampling(79, seed))
        cell = row.cells.set_index(["slice", "emotion"]).loc["tone: 1", "anger"]
        skewed += cell["verdict"] != NO_SKEW
        claims += cell["verdict"] == RUNS_THROUGH
    assert skewed >= 15
    assert binomtest(claims, skewed, 0.025, alternative="greater").pvalue > 0.001


def test_nothing_to_explain_is_said_where_there_is_no_skew() -> None:
    verdicts = []
    for seed in range(6):
        x, anchors, y, codes, _ = world(seed, n=600)
        space = label_space(x, anchors)
        cells = erasure_test(
            space.x, attribute(codes), labels=EKMAN.labels, read=space.head, y=y, sampling=Sampling(39, seed)
        ).cells
        verdicts += cells.loc[cells["slice"] == "tone: 1", "verdict"].tolist()
    assert set(verdicts) <= {NO_SKEW, NOT_SHOWN, RUNS_THROUGH}
    assert binomtest(verdicts.count(NO_SKEW), len(verdicts), 0.95, alternative="less").pvalue > 0.001


def test_a_reader_of_erased_features_gives_what_the_closed_form_gives() -> None:
    x, anchors, y, codes, _ = world(5, n=300, d=8, bias=0.4)
    options = {"y": y, "sampling": Sampling(39, 1)}
    closed = erasure_test(x, attribute(codes), labels=EKMAN.labels, read=NearestAnchor(anchors), **options)
    called = erasure_test(
        x, attribute(codes), labels=EKMAN.labels, read=lambda erased: NearestAnchor(anchors)(erased), **options
    )
    pd.testing.assert_frame_equal(closed.cells, called.cells)
    pd.testing.assert_frame_equal(closed.collateral, called.collateral)
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))[0]
    features = x @ turned.T  # a space of its own, which the caller knows how to read
    there = erasure_test(
        features,
        attribute(codes),
        labels=EKMAN.labels,
        read=lambda erased: NearestAnchor(anchors)(erased @ turned),
        **options,
    )
    np.testing.assert_allclose(there.cells["after_plain"], closed.cells["after_plain"], atol=1e-9)


def test_without_labels_it_is_plain_erasure_on_the_other_half_with_groups_whole() -> None:
    x, anchors, _, codes, group = world(6, bias=0.4, groups=60)
    found = erasure_test(
        x, attribute(codes), labels=EKMAN.labels, read=NearestAnchor(anchors), groups=group, sampling=Sampling(39, 3)
    )
    assert found.collateral["method"].tolist() == ["plain"]
    assert found.collateral["accuracy"].isna().all()
    fold, said = grouped_folds(codes, 2, groups=group, seed=3), np.zeros(len(x), int)
    for half in (0, 1):
        erased = leace(x[fold != half], codes[fold != half]).apply(x[fold == half])
        said[fold == half] = NearestAnchor(anchors)(erased).argmin(axis=1)
    expected = (said[codes == 1] == 0).mean() - (said[codes == 0] == 0).mean()
    assert found.cells.set_index(["slice", "emotion"]).loc[("tone: 1", "anger"), "after"] == pytest.approx(expected)


def test_what_cannot_be_tested_is_refused() -> None:
    x, anchors, y, codes, _ = world(0, n=100)
    with pytest.raises(ValueError, match="fewer than two values with 20 pictures"):
        erasure_test(x, attribute(np.zeros(100)), labels=EKMAN.labels, read=NearestAnchor(anchors), y=y)
    with pytest.raises(ValueError, match="expected at least 39"):
        erasure_test(x, attribute(codes), labels=EKMAN.labels, read=NearestAnchor(anchors), y=y, sampling=Sampling(25))
    assert kept_neighbours(x, x) == 1
    assert np.isnan(kept_neighbours(x[:2], x[:2]))


# what an audit keeps of it


def predictions(seed: int = 0, **options: float) -> Predictions:
    x, anchors, y, codes, _ = world(seed, **options)
    rows = pd.DataFrame({"image_id": [f"p{at:05d}" for at in range(len(x))], "label": np.array(EKMAN.labels)[y]})
    rows["tone"] = np.array(["light", "dark"])[codes]
    return Predictions(1 - x @ anchors.T, rows, EKMAN, embeddings=x.astype(np.float32), anchors=anchors)


def test_the_tables_of_an_audit_say_how_many_pictures_they_saw_and_what_could_not_be_done() -> None:
    given = predictions(1, n=500, bias=0.4)
    rare = np.where(np.arange(500) < 4, 0, -1) + np.where(np.arange(500) == 7, 2, 0)
    coded = [coded_attribute(given.rows["tone"]), attribute(rare, name="rare")]
    tables = space_tables(
        sliced(given, coded), skewed=frozenset({"tone: dark"}), on_map=np.arange(0, 500, 5), most=200, seed=2
    )
    assert set(tables) == {
        "space_pull",
        "space_hubs",
        "space_margins",
        "space_mmd",
        "space_association",
        "space_shift",
        "space_encoding",
        "space_neighbours",
        "space_erasure",
        "space_collateral",
        "space_alignment",
        "space_plane",
        "space_plane_labels",
        "space_plane_badge",
        "space_about",
    }
    about = tables["space_about"].set_index("analysis")
    assert about.loc["space_pull", "pictures"] == 500
    assert set(tables["space_about"].query("attribute == 'rare'")["analysis"]) == {"space_encoding"}
    assert tables["space_about"].query("attribute == 'rare'")["note"].str.contains("fewer than two values").all()
    assert set(tables["space_erasure"]["slice"]) == {"tone: dark", "tone: light"}
    assert len(tables["space_plane"]) == 100
    assert tables["space_association"].loc[0, ["n", "others"]].sum() == 200


def test_the_sample_does_not_depend_on_the_order_of_the_pictures() -> None:
    given = predictions(1, n=300)
    order = np.random.default_rng(0).permutation(300)
    assert given.embeddings is not None
    other = Predictions(
        given.distances[order],
        given.rows.iloc[order].reset_index(drop=True),
        EKMAN,
        embeddings=given.embeddings[order],
        anchors=given.anchors,
    )
    one, two = (space_tables(sliced(each, [coded_attribute(each.rows["tone"])]), most=100) for each in (given, other))
    assert one["space_association"].loc[0, "n"] == two["space_association"].loc[0, "n"]
    np.testing.assert_allclose(one["space_association"]["difference"], two["space_association"]["difference"])
    np.testing.assert_allclose(one["space_pull"]["pull"], two["space_pull"]["pull"])


def test_only_what_needs_no_vectors_is_kept_without_them_and_nothing_of_bare_labels() -> None:
    given = predictions(0, n=200)
    scored = Predictions(given.distances, given.rows, EKMAN, "score")
    tone = [coded_attribute(given.rows["tone"])]
    assert set(space_tables(sliced(scored, tone))) == {"space_pull", "space_hubs", "space_margins", "space_about"}
    assert "space_mmd" not in space_tables(sliced(given, tone), most=0)
    named = predictions_from_table(given.rows.assign(predicted="joy"), taxonomy=EKMAN)
    assert space_tables(sliced(named, tone)) == {}


@pytest.mark.parametrize(
    "odd", ["one class", "one place", "a zero vector", "all alike but one", "one group", "nothing known"]
)
def test_odd_data_leave_what_cannot_be_said_out_and_break_nothing(odd: str) -> None:
    given = predictions(0, n=120)
    assert given.embeddings is not None
    assert given.anchors is not None
    vectors, rows = given.embeddings.copy(), given.rows.copy()
    if odd == "one class":
        vectors[:] = 0.2 * vectors + given.anchors[3]
    if odd == "one place":
        vectors[:] = given.anchors[3]
    if odd == "a zero vector":
        vectors[5] = 0
    if odd == "all alike but one":
        rows["tone"] = np.where(np.arange(120) == 0, "dark", "light")
    if odd == "one group":
        rows["group_id"] = "the same"
    if odd == "nothing known":
        rows["label"] = None
    odd_one = Predictions(1 - vectors @ given.anchors.T, rows, EKMAN, embeddings=vectors, anchors=given.anchors)
    tables = space_tables(
        sliced(odd_one, [coded_attribute(rows["tone"])]), skewed=frozenset({"tone: dark"}), on_map=np.arange(50)
    )
    assert {"space_pull", "space_hubs", "space_margins", "space_about"} <= set(tables)
    about = tables["space_about"]
    if odd in ("one place", "a zero vector", "all alike but one", "one group"):
        assert about["note"].ne("").any()
    else:
        assert about.loc[about["note"] != "", "analysis"].tolist() == []
