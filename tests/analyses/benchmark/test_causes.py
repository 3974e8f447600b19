"""Are the three biases planted as they are predicted to be, and are the lists of other tools what these would print?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.benchmark.causes import (
    WAYS,
    _pruned,
    _top_slices,
    causes_experiment,
    entries,
    lists_of,
    no_cause_experiment,
    three_causes,
)
from affect_workbench.analyses.benchmark.decision_rules import counted
from affect_workbench.analyses.slices.conditions import SliceSpec


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(0)
    world, targets = three_causes(rng)
    return world.draw(6_000, rng), targets


def place(spec):
    return {name: int(value[1:]) for name, value in spec.as_json().items()}


def test_both_ways_say_the_emotion_as_often_and_differ_in_how():
    (replaced, targets), (multiplied, others) = (three_causes(np.random.default_rng(1), way=way) for way in WAYS)
    assert targets == others
    for spec, emotion in targets:
        inside = replaced.where(place(spec))
        assert multiplied.rates(inside)[emotion] == pytest.approx(replaced.rates(inside)[emotion], abs=0.01)
    spec, emotion = targets[0]
    inside = replaced.where(place(spec))
    first, second = (world.kernel[inside][0, emotion, emotion] for world in (replaced, multiplied))
    assert abs(first - second) > 0.005


def test_the_three_are_where_they_are_said_to_be():
    world, targets = three_causes(np.random.default_rng(2))
    names = world.attributes
    assert [tuple(spec.as_json()) for spec, _ in targets] == [(names[4],), (names[0],), (names[1], names[5])]
    assert len({emotion for _, emotion in targets}) == 3
    follows = world.codes[:, 3] == world.codes[:, 4] % 4
    assert world.weight[follows].sum() == pytest.approx(0.7)
    shown = [world.weight[world.codes[:, 2] == value] @ world.shown[world.codes[:, 2] == value] for value in range(3)]
    assert np.ptp([one / one.sum() for one in shown], axis=0).max() > 0.1


def test_a_pruned_list_leaves_out_what_a_parent_says(drawn):
    predictions, _ = drawn
    listed = set(_pruned(counted(predictions)))
    assert len(listed) > 10
    rate = np.bincount(predictions.predicted, minlength=8) / len(predictions)

    def divergence(spec):
        inside = np.asarray(spec.mask(predictions.rows), dtype=bool)
        return np.bincount(predictions.predicted[inside], minlength=8) / inside.sum() - rate

    for spec in counted(predictions).sums.specs[::9]:
        for emotion in range(8):
            own = divergence(spec)[emotion]
            parents = [tuple(one for one in spec.conditions if one != left_out) for left_out in spec.conditions]
            apart = [abs(own - (divergence(SliceSpec(parent))[emotion] if parent else 0.0)) for parent in parents]
            assert (spec, emotion) not in listed or min(apart) > 0.02


def test_the_best_slices_are_those_with_the_highest_score(drawn):
    predictions, _ = drawn
    table = counted(predictions)
    y = predictions.taxonomy.codes(predictions.rows["label"])
    wrong, n = predictions.predicted != y, len(y)
    scored = []
    for spec in table.sums.specs:
        inside = np.asarray(spec.mask(predictions.rows), dtype=bool)
        scored.append(0.95 * (wrong[inside].mean() / wrong.mean() - 1) - 0.05 * (n / inside.sum() - 1))
    top = np.argsort(-np.array(scored), kind="stable")[:10]
    assert _top_slices(table) == [(table.sums.specs[at], None) for at in top if scored[at] > 0]


def test_lists_are_asked_for_the_targets(drawn):
    predictions, targets = drawn
    found = lists_of(predictions, targets)
    assert set(found) == {"DivExplorer", "SliceLine", "skewed cells"}
    assert found["SliceLine"]["entries"] <= 10 < found["DivExplorer"]["entries"]
    assert all(one["first"] <= one["all"] for one in found.values())
    some = entries(
        pd.DataFrame({"where": [{"attribute_1": "v0"}], "emotion": [predictions.taxonomy.labels[5]]}), predictions
    )
    assert some == [(SliceSpec.from_json({"attribute_1": "v0"}), 5)]


def test_the_experiments_tell_what_they_counted():
    labels = causes_experiment("few", pictures=1_500, all_three=0.85, extra=None, blocks=(1, 1))
    record = {
        "way": [*WAYS, WAYS[0]],
        "named": [1, 1, 0],
        "causes": [3, 5, 2],
        "others": [0, 2, 0],
        "flagged": [60, 130, 70],
        "lists": [{tool: {"entries": 9, "first": 0, "all": 1} for tool in ("DivExplorer", "SliceLine", "skewed cells")}] * 3,
    }
    rows = {row.name.split(": ")[1]: row for row in labels.rows([record], True)}
    assert rows["all three named"].measured == pytest.approx(2 / 3)
    assert rows["all three named"].others["DivExplorer"] == 1.0
    assert "replaced 1 of 2, odds multiplied 1 of 1" in rows["all three named"].note
    assert rows["other causes a data set"].measured == pytest.approx(2 / 3)
    assert rows["at most 4 causes"].measured == pytest.approx(2 / 3)
    assert rows["entries of the list"].others["SliceLine"] == 9
    assert rows["these three first"].measured == pytest.approx(1 / 3)
    voted = labels.rows([record | {"lists": [{}] * 3}], True)
    assert len(voted) == 3
    null = no_cause_experiment(blocks=(1, 1)).rows([{"causes": [0, 2, 0]}], True)
    assert [row.measured for row in null] == [pytest.approx(1 / 3)]
