"""Two models on the same pictures: a planted change is found with its direction, and none is found where there is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affect_workbench.analyses.audit.compare.changes import CHANGE_COLUMNS, VERDICTS, classify_changes, growth_bounds
from affect_workbench.analyses.audit.compare.compare import compare
from affect_workbench.analyses.audit.compare.labels import shared_labels
from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.data.predictions import predictions_from_table
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.audit.comparison.sentences import accuracy_sentence
from workbench_runs import EKMAN, predictions_table

SLIM = AuditConfig(order=1)
LABELS = np.array(EKMAN, dtype=object)
FOUND = ("worse", "better", "changed")


def pair(n=1_500, *, first=0.0, second=0.4, seed=1, **options):
    """The same pictures read with two strengths of bias: dark tones as anger."""
    return tuple(predictions_table(n, bias=bias, seed=seed, scores=False, **options) for bias in (first, second))


def compared(first, second, config=SLIM, **options):
    return compare(predictions_from_table(first), predictions_from_table(second), config=config, **options)


def cell(result, slice_name, emotion):
    changes = result.changes
    return changes[(changes["slice"] == slice_name) & (changes["emotion"] == emotion)].iloc[0]


def counts(result):
    return {verdict: result.count(verdict) for verdict in VERDICTS}


def test_a_planted_bias_is_worse_and_its_removal_better():
    first, second = pair()
    there, back = compared(first, second), compared(second, first)
    worse, better = (cell(result, "tone: dark", "anger") for result in (there, back))
    assert (worse["verdict"], better["verdict"]) == ("worse", "better")
    assert worse["growth"] > 0.3
    assert worse["growth_low"] > 0.25
    assert better["growth"] == pytest.approx(-worse["growth"])
    assert (better["growth_low"], better["growth_high"]) == pytest.approx((-worse["growth_high"], -worse["growth_low"]))
    assert counts(there)["worse"] == counts(back)["better"] > 0
    assert counts(there)["better"] == counts(back)["worse"] == 0


def test_runs_that_spell_the_labels_otherwise_are_of_the_same_labels():
    first, second = pair(300)
    spelt = {"anger": "angry", "joy": "Happy", "sadness": "SAD"}
    other = compared(first, second.replace({"label": spelt, "predicted": spelt}))
    pd.testing.assert_frame_equal(other.changes, compared(first, second).changes)


def test_every_number_is_that_of_a_loop():
    first, second = pair(600, first=0.2, second=0.35)
    result = compared(first, second, AuditConfig(order=2))
    rows = first.merge(second, on="image_id", suffixes=("", "_b"))
    for row in result.changes.itertuples():
        inside = np.all([rows[name] == value for name, value in row.where.items()], axis=0)
        rates = {}
        for which, column in (("a", "predicted"), ("b", "predicted_b")):
            said, votes = rows[column] == row.emotion, rows["label"] == row.emotion
            rates[which] = said[inside].mean() - said[~inside].mean()
            rates[f"beyond_{which}"] = rates[which] - (votes[inside].mean() - votes[~inside].mean())
        was, now = rows["predicted"][inside] == row.emotion, rows["predicted_b"][inside] == row.emotion
        expected = (
            inside.sum(),
            rates["a"],
            rates["b"],
            rates["b"] - rates["a"],
            rates["beyond_a"],
            rates["beyond_b"],
            abs(rates["beyond_b"]) - abs(rates["beyond_a"]),
            (now & ~was).sum(),
            (was & ~now).sum(),
        )
        got = (row.n, row.skew_a, row.skew_b, row.change, row.beyond_a, row.beyond_b, row.growth, row.into, row.out_of)
        assert got == pytest.approx(expected), (row.slice, row.emotion)
    for row in result.slices.itertuples():
        inside = np.all([rows[name] == value for name, value in row.where.items()], axis=0)
        right, right_b = (rows[name][inside] == rows["label"][inside] for name in ("predicted", "predicted_b"))
        expected = (right.mean(), right_b.mean(), (right_b & ~right).sum(), (right & ~right_b).sum())
        assert (row.accuracy_a, row.accuracy_b, row.gained, row.lost) == pytest.approx(expected)
    assert tuple(result.changes.columns) == CHANGE_COLUMNS
    changed = rows[rows["predicted"] != rows["predicted_b"]]
    assert list(result.flips["image_id"]) == list(changed["image_id"])
    assert result.overall["flipped"] == len(changed)


def test_a_model_and_itself_are_equivalent():
    first, _ = pair()
    result = compared(first, first)
    assert counts(result)["equivalent"] == len(result.changes)
    assert (result.overall["change"], result.overall["p"], len(result.flips)) == (0, 1, 0)


def noisy(rng, n, *, joy=0.0, groups=None):
    """Two independent readings of one truth, the second of which says joy more often, in every slice alike."""
    truth = rng.integers(6, size=n)
    rows = pd.DataFrame({"image_id": [f"p{number}" for number in range(n)], "label": LABELS[truth]})
    for name, share in (("tone", 0.5), ("place", 0.2), ("rare", 0.05)):
        rows[name] = np.where(rng.random(n) < share, "yes", "no").astype(object)
    tables = []
    for more in (0.0, joy):
        said = np.where(rng.random(n) < 0.3, rng.integers(6, size=n), truth)
        tables.append(rows.assign(predicted=LABELS[np.where(rng.random(n) < more, 3, said)]))
    return tables


def test_independent_noise_is_quiet():
    alarms = 0
    for seed in range(60):
        result = compared(*noisy(np.random.default_rng(seed), 600), AuditConfig(order=2))
        alarms += any(result.count(verdict) for verdict in FOUND)
    assert alarms <= 5  # of 60; 3 are expected at most, 8 would be far beyond


def test_saying_an_emotion_more_often_everywhere_changes_no_skew():
    result = compared(*noisy(np.random.default_rng(0), 4_000, joy=0.15))
    everywhere = result.changes[result.changes["emotion"] == "joy"]
    assert (everywhere["mcnemar_p"] < 0.01).all()
    assert not any(result.count(verdict) for verdict in FOUND)


def directed(first_share, second_share, label_share, n=4_000):
    """Dark pictures are predicted as anger, and labelled anger, in these shares more than light ones."""
    rng = np.random.default_rng(0)
    dark, draw, noise = rng.random(n) < 0.5, rng.random(n), rng.random((2, n)) < 0.01

    def column(share, flip=False):
        rate = 0.4 + np.where(dark, 1, -1) * share / 2
        return LABELS[np.where((draw < rate) != flip, 0, 3)]

    rows = pd.DataFrame({"image_id": [f"p{i}" for i in range(n)], "tone": np.where(dark, "dark", "light").astype(object)})
    rows["label"] = column(label_share)
    return [
        rows.assign(predicted=column(share, flip)) for share, flip in zip((first_share, second_share), noise, strict=True)
    ]


@pytest.mark.parametrize(
    ("first", "second", "labels", "verdict"),
    [
        (0.0, 0.3, 0.0, "worse"),
        (0.3, 0.0, 0.0, "better"),
        (0.0, 0.3, 0.3, "better"),  # the larger skew follows the labels
        (0.3, 0.0, 0.3, "worse"),  # the smaller one contradicts them
        (0.15, -0.15, 0.0, "changed"),  # from one side to the other
        (0.3, 0.3, 0.0, "equivalent"),
    ],
)
def test_worse_and_better_are_about_the_skew_beyond_the_labels(first, second, labels, verdict):
    result = compared(*directed(first, second, labels, n=8_000))
    assert cell(result, "tone: dark", "anger")["verdict"] == verdict


def test_without_labels_a_larger_skew_is_worse():
    tables = [table.drop(columns="label") for table in directed(0.0, 0.3, 0.3)]
    result = compared(*tables)
    assert cell(result, "tone: dark", "anger")["verdict"] == "worse"
    assert (result.overall["accuracy_a"], result.overall["labelled"]) == (None, 0)
    assert result.slices["p"].isna().all()


def test_labels_that_one_run_lacks_are_taken_from_the_other():
    first, second = pair()
    alone = compared(first.drop(columns="label"), second)
    pd.testing.assert_frame_equal(alone.changes, compared(first, second).changes)
    assert "label" in alone.rows


def test_pictures_without_a_label_count_for_the_change_but_not_for_accuracy():
    first, second = pair()
    gone = np.arange(len(first)) % 3 == 0
    whole, part = (
        compared(first, second),
        compared(*(table.assign(label=table["label"].mask(gone)) for table in (first, second))),
    )
    one, other = (cell(result, "tone: dark", "anger") for result in (whole, part))
    assert one[["n", "change", "low", "high", "into"]].equals(other[["n", "change", "low", "high", "into"]])
    assert one["beyond_b"] != other["beyond_b"]
    assert part.overall["labelled"] == (~gone).sum()


def test_votes_count_by_their_share():
    first, second = pair(400)
    shares = {f"vote_{label}": np.where(first["label"] == label, 0.75, 0.05) for label in EKMAN}
    result = compared(*(table.drop(columns="label").assign(**shares) for table in (first, second)))
    hits = np.where(second["predicted"] == second["label"], 0.75, 0.05)
    assert result.overall["accuracy_b"] == pytest.approx(hits.mean())
    assert result.overall["change"] == pytest.approx(hits.mean() - 0.75)
    assert any("share of votes" in note for note in result.notes)
    student = stats.ttest_1samp(hits, 0).confidence_interval()
    np.testing.assert_allclose([result.overall["accuracy_b_low"], result.overall["accuracy_b_high"]], student)
    assert accuracy_sentence(result.overall).startswith("Vote agreement changed from 75.0 % to ")
    assert "sign test p" in accuracy_sentence(result.overall)
    assert accuracy_sentence(compared(first, second).overall).startswith("Accuracy changed from 100.0 % to ")
    assert not any("share of votes" in note for note in compared(first, second).notes)


def test_rows_may_come_in_another_order():
    first, second = pair(500)
    shuffled = second.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(compared(first, shuffled).changes, compared(first, second).changes)


def test_few_pictures_are_said_to_be_few():
    first, second = pair(1_000)
    rare = np.where(np.arange(1_000) < 8, "eight", "others").astype(object)
    result = compared(*(table.assign(kind=rare) for table in (first, second)))
    eight = result.changes[result.changes["slice"] == "kind: eight"]
    assert set(eight["verdict"]) == {"too small"}
    assert eight[["p", "q", "change", "low", "mcnemar_p"]].isna().all(axis=None)
    some = compared(
        *(table.assign(kind=np.where(np.arange(1_000) < 20, "some", "others")) for table in pair(1_000, second=0.0))
    )
    assert set(some.changes[some.changes["slice"] == "kind: some"]["verdict"]) == {"too small"}


def test_copies_of_a_picture_in_one_group_tell_no_more_than_the_picture():
    first, second = pair(150, second=0.15)
    copied = [
        pd.concat([table.assign(image_id=table["image_id"] + f"-{copy}", group_id=table["image_id"]) for copy in range(20)])
        for table in (first, second)
    ]
    alone, grouped = compared(first, second), compared(*copied)
    ungrouped = compared(*(table.drop(columns="group_id") for table in copied))
    one, many, naive = (cell(result, "tone: dark", "anger") for result in (alone, grouped, ungrouped))
    assert many["design_effect"] == pytest.approx(20, rel=0.05)
    assert many["p"] == pytest.approx(one["p"], rel=0.5)
    assert many["mcnemar_p"] == one["mcnemar_p"]
    assert naive["p"] < one["p"] / 1e6
    assert grouped.overall["p"] == alone.overall["p"]
    assert grouped.overall["high"] == pytest.approx(alone.overall["high"], abs=0.01)
    assert any("150 groups" in note for note in grouped.notes)


def test_an_intersection_that_changes_as_its_wider_slice_does_repeats_it():
    result = compared(*pair(3_000), AuditConfig(order=2))
    inside = cell(result, "tone: dark and place: home", "anger")
    assert (inside["verdict"], inside["explained_by"]) == ("worse", "tone: dark")
    assert pd.isna(cell(result, "tone: dark", "anger")["explained_by"])
    found = result.changes[result.changes["verdict"] == "worse"]
    assert found["explained_by"].notna().to_list() == sorted(found["explained_by"].notna())


def test_growth_lies_between_its_bounds_and_reaches_them():
    rng = np.random.default_rng(0)
    for _ in range(50):
        change, middle = np.sort(rng.uniform(-1, 1, 2)), np.sort(rng.uniform(-1, 1, 2))
        low, high = growth_bounds(tuple(change), tuple(middle))
        changes, middles = np.meshgrid(np.linspace(*change, 41), np.linspace(*middle, 41))
        growth = np.abs(middles + changes / 2) - np.abs(middles - changes / 2)
        assert (growth.min(), growth.max()) == pytest.approx((low, high))


def test_the_order_of_verdicts():
    yes, no = np.array([True]), np.array([False])

    def one(change, adjusted, growth, *, picked=yes, tested=yes, few=no):
        ends = [tuple(np.array([end]) for end in pair) for pair in (change, adjusted, growth)]
        return classify_changes(*ends, picked=picked, tested=tested, few=few, tolerance=0.02)[0]

    assert one((0.05, 0.1), (0.04, 0.12), (0.03, 0.1)) == "worse"
    assert one((0.05, 0.1), (0.04, 0.12), (0.01, 0.1)) == "changed"
    assert one((0.05, 0.1), (0.04, 0.12), (-0.1, -0.03)) == "better"
    assert one((0.05, 0.1), (0.01, 0.12), (0.03, 0.1)) == "undetermined"
    assert one((0.05, 0.1), (0.04, 0.12), (0.03, 0.1), picked=no) == "undetermined"
    assert one((0.05, 0.1), (0.04, 0.12), (0.03, 0.1), tested=no) == "too small"
    assert one((-0.01, 0.01), (-0.02, 0.02), (-0.01, 0.01), few=yes) == "equivalent"
    assert one((-0.1, 0.1), (-0.2, 0.2), (-0.1, 0.1), few=yes) == "too small"


def renamed(table, **values):
    return table.assign(**values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.iloc[5:], r"different pictures: 5 only in the first \(first picture-00000\)"),
        (lambda t: t.replace({"image_id": {"picture-00003": "new"}}), r"1 only in the first .* and 1 only in the second"),
        (lambda t: t.assign(label=t["label"].replace("joy", "fear")), r"the labels differ between the runs for \d+"),
        (lambda t: t.assign(tone=t["tone"].replace("dark", "dim")), r"attribute 'tone' differs .* for \d+ pictures, first"),
    ],
)
def test_what_is_not_the_same_is_refused(change, message):
    first, second = pair(300)
    with pytest.raises(ValueError, match=message):
        compared(first, change(second))


def test_other_labels_are_refused():
    first, second = (table.drop(columns="label") for table in pair(300))
    calm = second.assign(predicted=np.where(np.arange(300) % 2, "calm", "tense"))
    mikels = second.assign(predicted=second["predicted"].replace({"joy": "awe", "surprise": "amusement"}))
    for other, taxonomy in ((calm, None), (mikels, Taxonomy.named("mikels8"))):
        with pytest.raises(ValueError, match="only runs with the same labels can be compared"):
            compare(predictions_from_table(first), predictions_from_table(other, taxonomy=taxonomy))


@pytest.mark.parametrize(("fewer", "more"), [("fer7", "affectnet8"), ("ekman6", "fer7"), ("ekman6", "affectnet8")])
def test_label_sets_of_which_one_holds_the_other_are_compared(fewer, more):
    small, large = Taxonomy.named(fewer).spelt(["happy"]), Taxonomy.named(more)
    for first, second in ((small, large), (large, small)):
        shared = shared_labels(first, second)
        assert shared.taxonomy is large
        assert list(shared.first if first is large else shared.second) == list(range(len(large)))
        assert shared.notes[0].startswith("the runs do not have the same labels: ")
    with pytest.raises(ValueError, match="only runs with the same labels can be compared"):
        shared_labels(small, Taxonomy.named("parrott6"))


def without(table, label, instead, *, truth=True):
    """The table of a run in which a label never occurs."""
    columns = ["predicted", *(["label"] if truth else [])]
    return table.assign(**{name: table[name].replace(label, instead) for name in columns})


@pytest.mark.parametrize("votes", [False, True])
def test_runs_of_one_model_are_compared_over_the_labels_of_both(votes):
    """Surprise was never seen in the second table, so its labels are five: the numbers are those of the declared six."""
    first, second = pair(600)
    second = without(second, "surprise", "joy", truth=False)
    if votes:
        shares = {
            f"vote_{label}": (first["label"] == label) * 0.6 + (first["label"].eq("fear") * 0.4) for label in EKMAN[:5]
        }
        first, second = (table.drop(columns="label").assign(**shares) for table in (first, second))
        known = first.loc[first[list(shares)].sum(axis=1) > 0, "image_id"]
        first, second = (table[table["image_id"].isin(known)] for table in (first, second))
        first = first.assign(vote_surprise=0.0)
    else:
        first, second = (table.drop(columns="label") for table in (first, second))
    whole = Taxonomy.named("ekman6")
    six = compare(
        predictions_from_table(first, taxonomy=whole),
        predictions_from_table(second.assign(vote_surprise=0.0) if votes else second, taxonomy=whole),
        config=SLIM,
    )
    found = compared(first, second)
    assert len(predictions_from_table(second).taxonomy) == 5
    assert found.taxonomy.labels == whole.labels
    pd.testing.assert_frame_equal(found.changes, six.changes)
    pd.testing.assert_frame_equal(found.slices, six.slices)
    assert found.notes[0].startswith(
        "the runs do not have the same labels: 'surprise' only in the first; all 6 are compared"
    )
    back = compared(second, first)
    assert back.taxonomy.labels == whole.labels
    assert cell(back, "tone: dark", "surprise")["change"] == pytest.approx(-cell(six, "tone: dark", "surprise")["change"])


def test_labels_that_are_spelt_otherwise_are_no_labels_of_their_own():
    """The second run writes Joy for happy and lacks surprise: the labels are the first run's, and so are the numbers."""
    first, second = (table.drop(columns="label").replace({"predicted": {"joy": "happy"}}) for table in pair(600))
    second = without(second, "surprise", "happy", truth=False)
    plain, spelt = compared(first, second), compared(first, second.replace({"predicted": {"happy": "Joy", "fear": "FEAR"}}))
    assert spelt.taxonomy.labels == plain.taxonomy.labels
    assert spelt.notes == plain.notes
    pd.testing.assert_frame_equal(spelt.changes, plain.changes)


def test_each_run_may_have_a_label_of_its_own_and_another_order():
    names = {"anger": "annoyed", "joy": "content", "fear": "uneasy"}
    first, second = (
        table[table["label"].isin(list(names)) & table["predicted"].isin(list(names))].replace(names) for table in pair(900)
    )
    both = sorted({*first["image_id"]} & {*second["image_id"]})
    first, second = (table[table["image_id"].isin(both)].reset_index(drop=True) for table in (first, second))
    first.loc[0, "predicted"], second.loc[1, "predicted"] = "bored", "alert"
    result = compared(first, second)
    assert result.taxonomy.labels == ("annoyed", "bored", "content", "uneasy", "alert")
    assert "'bored' only in the first and 'alert' only in the second" in result.notes[0]
    assert set(result.flips.loc[result.flips["image_id"].isin(both[:2]), ["predicted_a"]].stack()) >= {"bored"}
    assert result.overall["accuracy_b"] == pytest.approx((second["predicted"] == second["label"]).mean())


def test_attributes_of_one_run_only_and_those_inferred_otherwise_are_left_aside():
    first, second = pair(300)
    first = first.assign(mood=np.where(np.arange(300) % 2, "yes", "no"), extra="x")
    second = second.assign(mood=np.where(np.arange(300) % 3, "yes", "no"))
    result = compared(
        first, second, AuditConfig(order=1, attributes=("tone", "mood", "extra")), inferred=frozenset({"mood"})
    )
    assert set(result.changes["slice"]) == {"tone: dark", "tone: light"}
    assert "attribute 'extra' is not in both runs and is ignored" in result.notes
    assert "attribute 'mood' was inferred differently in the second run and is ignored" in result.notes
    with pytest.raises(ValueError, match="no attribute is in both runs: attribute 'extra' is not in both"):
        compared(first, second, AuditConfig(attributes=("extra",)))


def test_an_unknown_verdict_is_refused():
    with pytest.raises(ValueError, match="no verdict 'awful'; verdicts: worse, better"):
        compared(*pair(200)).count("awful")
