"""Does the causal check find what an erasure removed, and nothing where it removed nothing?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.fidelity.causal import CAUSAL_COLUMNS, Erasure, answered_codes, causal_table
from affect_workbench.analyses.fidelity.pictures import AnsweredPictures
from affect_workbench.analyses.inference.resampling import Sampling
from affect_workbench.analyses.slices.coding import coded_attribute
from answered_pictures import LABELS

N, K = 3_000, len(LABELS)
FEW = Sampling(199)


def attribute(name: str, values: np.ndarray):
    return coded_attribute(pd.Series(values, name=name))


def biased(rng: np.random.Generator, truth: np.ndarray, dark: np.ndarray, share: float) -> np.ndarray:
    """Answers: the truth in four of five pictures, and anger in this share of the dark ones."""
    answers = np.where(rng.random(len(truth)) < 0.8, truth, rng.integers(K, size=len(truth)))
    return np.where(dark & (rng.random(len(truth)) < share), 0, answers)


@pytest.fixture(scope="module")
def checked():
    """An erasure that takes three quarters of a skew of about .33; random ones take nothing."""
    rng = np.random.default_rng(0)
    truth, dark = rng.integers(K, size=N), rng.random(N) < 0.5
    place = np.array(["home", "street"], dtype=object)[rng.integers(2, size=N)]
    attributes = (attribute("place", place), attribute("tone", np.where(dark, "dark", "light")))
    pictures = AnsweredPictures(LABELS, biased(rng, truth, dark, 0.4), attributes, truth)
    after = biased(rng, truth, dark, 0.1)
    random = np.stack([biased(rng, truth, dark, 0.4) for _ in range(20)])
    erasure = Erasure("tone", after, random, (["a cat sat"] * N, ["a cat"] * N))
    return pictures, erasure, causal_table(pictures, erasure, sampling=FEW)


def cell(table: pd.DataFrame, name: str, emotion: str) -> pd.Series:
    return table.set_index(["slice", "emotion"]).loc[(name, emotion)]


def test_the_share_that_is_removed_is_found_with_its_interval(checked):
    row = cell(checked[2], "tone: dark", "anger")
    assert row["before"] == pytest.approx(0.4 * 5 / 6, abs=0.05)
    assert row["removed"] == pytest.approx(1 - row["after"] / row["before"])
    assert row["removed_low"] < 0.75 < row["removed_high"]
    assert 0.5 < row["removed_low"] < row["removed"] < row["removed_high"] < 1
    assert row["before_low"] < row["before"] < row["before_high"]


def test_random_erasures_remove_nothing_and_none_does_as_much(checked):
    row = cell(checked[2], "tone: dark", "anger")
    assert abs(row["random_removed"]) < 0.1
    assert row["random_least"] <= row["random_removed"] <= row["random_most"] < row["removed"]
    assert row["random"] == 20
    assert row["p"] == pytest.approx(1 / 21)


def test_the_erased_attribute_comes_first_and_the_others_say_what_else_changed(checked):
    table = checked[2]
    assert list(table.columns) == list(CAUSAL_COLUMNS)
    assert list(dict.fromkeys(table["attribute"])) == ["tone", "place"]
    assert table["erased"].tolist() == [True] * 12 + [False] * 12
    assert set(table["erasure"]) == {"tone"}
    other = cell(table, "place: home", "anger")
    assert abs(other["before"]) < 0.04
    assert abs(other["after"]) < 0.04


def test_where_there_is_no_skew_no_share_of_it_is_given(checked):
    table = checked[2]
    unsure = (table["before_low"] <= 0) & (table["before_high"] >= 0)
    assert unsure.any()
    removed = ["removed", "removed_low", "removed_high", "random_removed", "p"]
    assert table.loc[unsure, removed].isna().all(axis=None)
    assert table.loc[~unsure, removed].notna().all(axis=None)


def test_accuracy_is_compared_picture_by_picture(checked):
    pictures, erasure, table = checked
    row = table.iloc[0]
    assert row["accuracy"] == pytest.approx((pictures.answers == pictures.truth).mean())
    assert row["accuracy_after"] == pytest.approx((erasure.after == pictures.truth).mean())
    assert row["accuracy_after"] > row["accuracy"]
    assert row["accuracy_p"] < 0.001
    assert row["answers_changed"] == pytest.approx((pictures.answers != erasure.after).mean())
    assert row["random_accuracy"] == pytest.approx(row["accuracy"], abs=0.02)
    assert (row["texts_same"], row["texts_overlap"]) == (0, pytest.approx(2 / 3))


def test_an_erasure_that_changes_nothing_removes_nothing(checked):
    pictures, erasure, _ = checked
    table = causal_table(pictures, Erasure("tone", pictures.answers, erasure.random), sampling=FEW)
    row = cell(table, "tone: dark", "anger")
    assert (row["removed"], row["removed_low"], row["removed_high"]) == (0, 0, 0)
    assert row["accuracy_p"] == 1
    assert row["p"] > 0.05
    assert np.isnan(row["texts_same"])


def test_copies_in_groups_do_not_make_it_surer(checked):
    pictures, erasure, _ = checked
    part = np.arange(600)

    def copied(times: int, *, grouped: bool) -> pd.Series:
        at = np.tile(part, times)
        attributes = tuple(replace(one, codes=one.codes[at]) for one in pictures.attributes)
        some = AnsweredPictures(LABELS, pictures.answers[at], attributes, pictures.truth[at], at if grouped else None)
        table = causal_table(some, Erasure("tone", erasure.after[at], erasure.random[:, at]), sampling=FEW)
        return cell(table, "tone: dark", "anger")

    one, four, alone = copied(1, grouped=False), copied(4, grouped=True), copied(4, grouped=False)
    widths = [row["removed_high"] - row["removed_low"] for row in (one, four, alone)]
    assert widths[1] == pytest.approx(widths[0], rel=0.2)
    assert widths[2] < 0.7 * widths[0]
    assert four["accuracy_p"] == pytest.approx(one["accuracy_p"])


def test_the_interval_of_the_share_removed_holds_the_true_share():
    """Two thirds of the skew go (.3 to .1). Of 40 samples about 38 hold that; at least 34 must."""
    held = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        truth, dark = rng.integers(K, size=800), rng.random(800) < 0.5
        pictures = AnsweredPictures(LABELS, biased(rng, truth, dark, 0.3), (attribute("tone", dark),), truth)
        random = np.tile(pictures.answers, (20, 1))
        table = causal_table(pictures, Erasure("tone", biased(rng, truth, dark, 0.1), random), sampling=FEW)
        row = table[table["emotion"] == "anger"].iloc[0]
        held += row["removed_low"] <= 2 / 3 <= row["removed_high"]
    assert held >= 34


def test_probabilities_are_read_as_the_most_probable_label(checked):
    pictures, erasure, table = checked
    as_probabilities = Erasure("tone", np.eye(K)[erasure.after], np.eye(K)[erasure.random])
    found = causal_table(pictures, as_probabilities, sampling=FEW)
    same = [name for name in CAUSAL_COLUMNS if not name.startswith("texts")]
    pd.testing.assert_frame_equal(found[same], table[same])
    assert answered_codes(np.array([[0.2, 0.8], [0.6, 0.4]])).tolist() == [1, 0]


def test_pictures_that_were_not_answered_both_times_are_left_out(checked):
    pictures, erasure, _ = checked
    after = np.where(np.arange(N) % 2 == 0, erasure.after, -1)
    table = causal_table(pictures, Erasure("tone", after, erasure.random), sampling=FEW)
    assert cell(table, "tone: dark", "anger")["n"] == (pictures.attributes[1].codes[::2] == 0).sum()


def test_where_nothing_was_skewed_there_is_no_share_to_remove(checked):
    pictures, erasure, _ = checked
    never = replace(pictures, answers=np.where(pictures.answers == 1, 0, pictures.answers))
    table = causal_table(never, erasure, sampling=FEW)
    assert table[(table["emotion"] == LABELS[1])][["removed", "p"]].isna().all(axis=None)


def test_a_few_pictures_give_no_share_removed(checked):
    pictures, erasure, _ = checked
    for few, given in ((9, False), (10, True)):
        rare = np.arange(N) < few
        mark = attribute("mark", np.where(rare, "rare", "usual"))
        answered = replace(pictures, answers=np.where(rare, 0, pictures.answers), attributes=(mark,))
        even = Erasure("mark", pictures.answers, erasure.random)
        row = cell(causal_table(answered, even, sampling=FEW), "mark: rare", "anger")
        assert (row["n"], row["before_low"] > 0) == (few, True)
        assert row[["removed", "removed_low", "random_removed", "p"]].notna().all() == given


def test_texts_may_be_of_some_of_the_pictures(checked):
    pictures, erasure, _ = checked
    table = causal_table(pictures, replace(erasure, texts=(["a cat", "a dog"], ["a cat", "a cow"])), sampling=FEW)
    assert table["texts_same"].iloc[0] == 0.5


def test_what_says_nothing_is_refused(checked):
    pictures, erasure, _ = checked
    with pytest.raises(ValueError, match="texts are of"):
        replace(erasure, texts=(["a cat"], []))
    with pytest.raises(ValueError, match="19 random erasures"):
        Erasure("tone", erasure.after, erasure.random[:19])
    with pytest.raises(ValueError, match="same pictures"):
        Erasure("tone", erasure.after[:-1], erasure.random)
    with pytest.raises(ValueError, match="no attribute 'smile' among place, tone"):
        causal_table(pictures, Erasure("smile", erasure.after, erasure.random))
    with pytest.raises(ValueError, match="outside"):
        causal_table(pictures, Erasure("tone", erasure.after + 1, erasure.random))
    with pytest.raises(ValueError, match="stand beside"):
        causal_table(pictures, Erasure("tone", erasure.after[:9], erasure.random[:, :9]))
