"""How often is each cause found again in half of the data?

The other causes are held as they were fitted; in each half-sample, would this one again be the next cause of all cells that
came near it?
"""

from __future__ import annotations

import numpy as np

from affect_workbench.analyses.skew.causes.evidence import Explained, Observed
from affect_workbench.analyses.skew.causes.search import Search
from affect_workbench.arrays import Codes, Floats, Positions

HALVES = 50
MOST_SLICES = 60
"""Slices that compete in a half: those that came nearest to being a cause in the whole search."""


def times_found(
    observed: Observed,
    rules: Search,
    explained: Explained,
    rivals: Positions,
    *,
    groups: Codes | None,
    seed: int,
    halves: int = HALVES,
) -> Positions:
    """In how many half-samples each of the causes is found again `(c,)`; groups of pictures stay together.

    Args:
        observed: the pictures, or a sample of them.
        rules: of the search.
        explained: the causes, as they were found in all pictures.
        rivals: the slices that compete, those of the causes among them.
        groups: group of each picture `(n,)`; None for independent ones.
        seed: of the halves.
        halves: how many.
    """
    own = np.arange(len(observed.predicted)) if groups is None else np.unique(groups, return_inverse=True)[1]
    chosen = _halved(own, halves, seed)
    among = observed.only(rivals)
    place = {int(old): new for new, old in enumerate(rivals)}
    places = [(place[cause.slice], cause.emotion) for cause in explained.causes]
    scoped = rules.only(rivals)
    orders = np.array([spec.order for spec in among.membership.specs])
    inside = among.free_of_truth(np.column_stack([among.mask(at) for at in range(len(rivals))]))
    predicted = np.eye(observed.labels)[observed.predicted]
    found = np.zeros(len(explained.causes), dtype=np.int64)
    for at, cause in enumerate(places):
        others = observed.explained(explained.causes[:at] + explained.causes[at + 1 :])
        expectation = among.expectation(others)
        left = expectation.residuals(among.counts)
        rates = observed.columns(others.fitted.probabilities, others.pattern).column(slice(0, observed.labels))
        apart = (inside[:, :, None] * (predicted - rates)[:, None, :]).reshape(len(predicted), -1)
        totals = (chosen @ apart).reshape(halves, len(rivals), observed.labels)
        with np.errstate(divide="ignore", invalid="ignore"):
            score = np.nan_to_num(totals / np.sqrt(expectation.left / 2))
            few = np.where(left.score == 0, 1.0, left.z / left.score)  # what few counts take off the score
        possible = scoped.strength(left) > 0
        for other in places[:at] + places[at + 1 :]:
            possible[other] = False
        clear = possible & (scoped.certain(score * few) > rules.threshold)
        preferred = np.where(clear, scoped.preference(score, orders), -np.inf)
        mine = preferred[:, cause[0], cause[1]]
        found[at] = int((np.isfinite(mine) & (mine >= preferred.reshape(halves, -1).max(axis=1))).sum())
    return found


def _halved(own: Codes, halves: int, seed: int) -> Floats:
    """Which pictures are in each half-sample `(halves, n)`, 1 or 0."""
    rng = np.random.default_rng(seed)
    units = int(own.max()) + 1
    chosen = np.zeros((halves, units))
    for at in range(halves):
        chosen[at, rng.permutation(units)[: units // 2]] = 1.0
    return chosen[:, own]
