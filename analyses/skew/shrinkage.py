"""What is a rate likely to be when few pictures show it? Drawn toward that of the wider slice, as far as data ask for it."""

from __future__ import annotations

import numpy as np

from affect_workbench.analyses.slices.scores import Scores
from affect_workbench.analyses.slices.sums import SliceSums
from affect_workbench.arrays import Floats


def partially_pooled_rates(sums: SliceSums, scores: Scores) -> Floats:
    """Rates `(s, k)` drawn toward those of all pictures, or for an intersection toward those of its parts.

    A Dirichlet-multinomial with the wider slice's rates as its mean: `(hits + c prior) / (n + c)`. How many pictures `c` the
    prior is worth is estimated from how much more slices of one kind differ than chance would make them (method of moments:
    Kleinman 1973, https://doi.org/10.1080/01621459.1973.10481332). An intersection's prior is the mean of its parts' shrunk
    rates.
    """
    hits, n = sums.inside[:, scores.at["said"]], sums.inside[:, scores.at["one"]]
    total = hits + sums.outside[:, scores.at["said"]]
    with np.errstate(divide="ignore", invalid="ignore"):
        prior = total / total.sum(axis=1, keepdims=True)
    order = np.array([spec.order for spec in sums.specs])
    shrunk = np.full(hits.shape, np.nan)
    for size in np.unique(order):
        at = order == size
        if size > 1:
            belongs = order[sums.splits.child] == size
            child = sums.splits.child[belongs]
            parents = np.stack([sums.splits.parent[belongs], sums.splits.single[belongs]], axis=1)
            parts = np.where((parents >= 0)[:, :, None], shrunk[parents], np.nan)
            mean = np.nanmean(parts, axis=1)
            gathered, times = np.zeros(hits.shape), np.zeros(len(hits))
            np.add.at(gathered, child, mean)
            np.add.at(times, child, 1)
            prior[at] = gathered[at] / times[at, None]
        strength = _concentration(hits[at], n[at], prior[at])
        shrunk[at] = (hits[at] + strength * prior[at]) / (n[at] + strength)
    return shrunk


def _concentration(hits: Floats, n: Floats, prior: Floats) -> float:
    """Pictures that the prior is worth: few where slices differ much from it, very many where no more than by chance."""
    known = (n[:, 0] > 1) & np.isfinite(prior).all(axis=1)
    hits, n, prior = hits[known], n[known], prior[known]
    if not len(hits):
        return float(hits.shape[1])
    spread = prior * (1 - prior)
    seen = ((hits / n - prior) ** 2).sum(axis=1)
    # E[(rate - prior)^2] = spread (1 + (n - 1) rho) / n; rho = 1 / (c + 1).
    by_chance = spread.sum(axis=1) / n[:, 0]
    more = (spread.sum(axis=1) * (n[:, 0] - 1) / n[:, 0]).sum()
    rho = max((seen - by_chance).sum() / more, 1e-9) if more > 0 else 1e-9
    return float(np.clip(1 / rho - 1, hits.shape[1], 1e9))
