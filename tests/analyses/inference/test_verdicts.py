"""Is there one verdict for every difference, in the order that the rule names?"""

from __future__ import annotations

import numpy as np
import pytest

import affect_workbench.analyses.inference.verdicts
from affect_workbench.analyses.inference.exact import fisher_exact
from affect_workbench.analyses.inference.homogeneity import DIFFERS
from affect_workbench.analyses.inference.intervals import distance_from_zero
from affect_workbench.analyses.inference.resampling import Sampling
from affect_workbench.analyses.inference.verdicts import Rules, counted, verdict


@pytest.mark.parametrize(
    ("interval", "adjusted", "options", "expected"),
    [
        ((0.03, 0.09), (0.03, 0.09), {"tested": False}, "too small"),
        ((0.03, 0.09), (0.025, 0.1), {}, "skewed"),
        ((-0.09, -0.03), (-0.1, -0.025), {}, "skewed"),
        ((0.03, 0.09), (0.02, 0.1), {}, "undetermined"),  # not beyond the tolerance at the level that pays for the picking
        ((0.03, 0.09), (0.025, 0.1), {"selected": False}, "undetermined"),
        ((0.03, 0.09), (0.025, 0.1), {"selected": False, "low_evidence": True}, "too small"),
        ((0.03, 0.09), (0.025, 0.1), {"low_evidence": True}, "skewed"),
        ((-0.02, 0.02), (-0.03, 0.03), {"low_evidence": True}, "equivalent"),
        ((0.03, 0.09), (0.025, 0.1), {"inconsistent": True}, DIFFERS),
        ((0.03, 0.09), (0.025, 0.1), {"inconsistent": True, "tested": False}, "too small"),
        ((np.nan, np.nan), (np.nan, np.nan), {}, "undetermined"),
    ],
)
def test_the_first_that_holds(interval, adjusted, options, expected):
    options = {"tested": True} | options
    ends = (tuple(np.array([end]) for end in pair) for pair in (interval, adjusted))
    given = {name: np.array([value]) for name, value in options.items()}
    assert verdict(*ends, tolerance=0.02, **given).tolist() == [expected]


def test_the_nearer_end_of_an_interval():
    low, high = np.array([0.1, -0.3, -0.1, np.nan, 0.0]), np.array([0.2, -0.2, 0.2, np.nan, 0.2])
    assert distance_from_zero(low, high).tolist() == [0.1, 0.2, 0.0, 0.0, 0.0]


def test_a_design_effect_below_one_raises_counts_up_to_a_most(monkeypatch):
    monkeypatch.setattr(affect_workbench.analyses.inference.verdicts, "_MOST_COUNTED", 100)
    hits, n, other_hits, m = (np.array([[float(count)]]) for count in (9, 20, 3, 30))

    def p_with(design_effect: float) -> float:
        return counted(hits, n, other_hits, m, Rules(), design_effect=np.array([[design_effect]])).p.item()

    as_many = [p_with(one) for one in (1.0, 0.5, 0.25)]
    assert as_many[0] == pytest.approx(fisher_exact(*(side[0].astype(int) for side in (hits, n, other_hits, m)))[0])
    assert as_many[1] < as_many[0]
    assert as_many[2] == as_many[1]  # 50 pictures count as 100 at most
    many = [side * 10 for side in (hits, n, other_hits, m)]
    whole = fisher_exact(*(side[0].astype(int) for side in many))[0]
    for one in (1.0, 0.5):  # more than the most are counted as they are
        assert counted(*many, Rules(), design_effect=np.array([[one]])).p.item() == pytest.approx(whole)


def test_too_few_draws_are_refused_and_many_are_cut():
    with pytest.raises(ValueError, match="18 random draws: expected at least 19"):
        Sampling(18)
    assert Sampling(500, 3).at_most(199) == Sampling(199, 3)
    assert Sampling(50, 3).at_most(199) == Sampling(50, 3)
    assert Rules(order=3).without_intersections == Rules()
