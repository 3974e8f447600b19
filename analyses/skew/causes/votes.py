"""What do the people as a whole feel about a picture on which only a few have voted?

Ten votes are a noisy measure of the share that all people would give. A model that sees the picture follows that share, and
where shares go along with an attribute the attribute then tells something of the share that the votes do not: compared with
the votes as they are, the model seems to exaggerate what the labels say (errors in variables). What counts instead is the
expected share given both: of `m` votes around a Dirichlet distribution whose mean is that of pictures with these
attributes, (m x votes + a x mean) / (m + a), the concentration `a` by the method of moments
(Mosimann 1962, https://doi.org/10.1093/biomet/49.1-2.65). Predictions are linear in the shares, so this is their exact
regression, not a correction of it. Where it is not known how many people voted, votes are taken as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from affect_workbench.analyses.skew.causes.voted_model import VoteSums, fit_votes
from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.arrays import Codes, Floats

_MOST_VOTES = 200
_EXACT = 1e-3
POWERS = (1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 16.0)
"""Of the shares, among which the likeliest is taken."""


def votes_of_each(votes: Floats) -> Floats | None:
    """How many people voted on each picture `(n,)`; None where that cannot be told.

    Counts say it themselves. Of shares it is the smallest number of which all are multiples.

    Args:
        votes: counts or shares `(n, k)`.
    """
    totals = votes.sum(axis=1)
    if (np.abs(votes - np.rint(votes)) < _EXACT).all():
        return totals if totals.max() > 1 else None
    if (np.abs(totals - 1) > 1e-2).any():
        return None
    shares = np.unique(votes.round(6))
    if len(shares) > 4 * _MOST_VOTES:
        return None
    for number in range(2, _MOST_VOTES + 1):
        if (np.abs(shares * number - np.rint(shares * number)) < number * _EXACT / 10).all():
            return np.full(len(votes), float(number))
    return None


def expected_shares(shares: Floats, voters: Floats, attributes: Sequence[CodedAttribute]) -> Floats:
    """The share `(n, k)` that all people would give, given the votes and what such pictures are given on average.

    Args:
        shares: of the votes `(n, k)`.
        voters: how many voted on each picture `(n,)`.
        attributes: what the pictures are sliced by; their mean shares are a sum of one term an attribute.
    """
    usual = _usual(shares, attributes)
    tosses = (usual * (1 - usual)).sum(axis=1)
    apart = ((shares - usual) ** 2).sum(axis=1)
    # Variance of a share of m votes: tosses x (1 + (m - 1) r) / m, r the correlation of two votes on one picture.
    correlation = (apart - tosses / voters).sum() / np.maximum((tosses * (voters - 1) / voters).sum(), 1e-12)
    correlation = float(np.clip(correlation, 1e-6, 1.0))
    weight = (1 / correlation - 1) / (voters + 1 / correlation - 1)
    return np.asarray(shares + weight[:, None] * (usual - shares))


def _usual(shares: Floats, attributes: Sequence[CodedAttribute]) -> Floats:
    """Mean shares of pictures with the same attributes `(n, k)`, by least squares on one term for each value."""
    n, k = shares.shape
    starts = np.cumsum([1, *(len(one.conditions) + 1 for one in attributes)])  # a missing value is one of its own
    places = [np.zeros(n, dtype=np.int64)]
    for one, start in zip(attributes, starts, strict=False):
        places.append(start + np.where(one.codes >= 0, one.codes, len(one.conditions)))
    size = int(starts[-1])
    # The cross products of indicator columns are counts of pairs of values.
    cross = np.zeros((size, size))
    total = np.zeros((size, k))
    for first in places:
        for emotion in range(k):
            total[:, emotion] += np.bincount(first, shares[:, emotion], minlength=size)
        for second in places:
            cross += np.bincount(first * size + second, minlength=size * size).reshape(size, size)
    terms = np.linalg.solve(cross + np.eye(size), total)
    usual = np.maximum(sum(terms[at] for at in places), 1e-6)
    return np.asarray(usual / usual.sum(axis=1, keepdims=True))


def followed_shares(shares: Floats, predicted: Codes) -> tuple[Floats, float]:
    """The shares as the model follows them `(n, k)`, and the power that says how much it makes of a majority.

    A model that answers with the most likely emotion says what most people say, and the more often the more people say it:
    beside shares as they are every slice with a majority would look exaggerated. Each share is raised to a power (1:
    predicted as often as people say it; without end: what most people say is always predicted), the one of a few under
    which the predictions are likeliest.

    Args:
        shares: of the votes `(n, k)`.
        predicted: what was predicted `(n,)`.
    """
    k = int(max(shares.shape[1], predicted.max() + 1))
    nothing = np.zeros(len(predicted), dtype=np.int64)
    best = (-np.inf, shares, 1.0)
    for power in POWERS:
        raised = (shares / np.maximum(shares.max(axis=1, keepdims=True), 1e-12)) ** power
        raised /= np.maximum(raised.sum(axis=1, keepdims=True), 1e-12)
        sums = VoteSums.of(raised, predicted, nothing, patterns=1, labels=k)
        fitted = fit_votes(sums, np.zeros((1, 0), dtype=bool), np.empty(0, dtype=np.int64))
        rates = np.einsum("ny,yn->n", raised, fitted.probabilities[:, 0, predicted])
        value = float(np.log(np.maximum(rates, 1e-6)).sum())
        if value > best[0]:
            best = value, raised, power
    return best[1], best[2]
