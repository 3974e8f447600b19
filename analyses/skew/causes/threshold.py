"""How clear must a cause be, so that at most one data set of twenty without any has one?

Predictions are permuted among pictures of one truth (with votes, of one most voted label), which keeps the baseline and
every slice as they are and takes away whatever ties the one to the other. The largest statistic of each permuted
set tells how many independent tests the cells are worth; from that follows the threshold. All sets together say it more
surely than the highest of them would.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import special

from affect_workbench.analyses.skew.causes.evidence import Observed
from affect_workbench.analyses.skew.causes.observed import Labelled
from affect_workbench.analyses.skew.causes.search import Search
from affect_workbench.arrays import Mask

PERMUTATIONS = 60
"""Permuted sets: the number of tests that the cells are worth is then known to some 13 %, the threshold to .03."""
FALSE_ALARMS = 0.05
"""Share of data sets without any cause that may be given one."""


def threshold(observed: Observed, tested: Mask, *, seed: int = 0, permutations: int = PERMUTATIONS) -> float:
    """Standard deviations that a cause must exceed, as a normal score.

    Permuted pictures are independent, whatever groups they came in: how these hang together is no part of it.

    Args:
        observed: the pictures.
        tested: which cells could be a cause `(s, k)`.
        seed: of the permutations.
        permutations: how many.
    """
    rng = np.random.default_rng(seed)
    free = Search(tested, 0.0, np.inf, np.ones(tested.shape), np.full(tested.shape, np.inf))
    alike = observed.mostly
    labelled = Labelled(observed.predicted, observed.membership, observed.labels, alike)
    # Permuted among pictures of one truth, neither what is expected of a slice nor its variance changes.
    expectation = labelled.expectation(labelled.explained(()))
    order = np.argsort(alike, kind="stable")
    permuted = observed.predicted[order]
    of_one_truth = np.split(permuted, np.flatnonzero(np.diff(alike[order])) + 1)  # views
    highest = np.zeros(permutations)
    for at in range(permutations):
        for one in of_one_truth:
            rng.shuffle(one)
        predicted = np.empty_like(permuted)
        predicted[order] = permuted
        left = expectation.residuals(replace(labelled, predicted=predicted).counts)
        highest[at] = free.strength(left).max(initial=0.0)
    # The smallest p of m independent tests: -log(1 - p) is exponential with mean 1 / m.
    smallest = 2 * special.ndtr(-highest)
    tests = 1 / float(np.mean(-np.log1p(-np.minimum(smallest, 1 - 1e-12))))
    return float(-special.ndtri((1 - (1 - FALSE_ALARMS) ** (1 / max(tests, 1.0))) / 2))
