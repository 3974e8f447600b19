"""How is the model fitted where the truth is a share of votes?

A picture's prediction is that of a hidden truth drawn from its shares, so that its expectation is linear in them:
P(predicted = e | picture) = sum over y of share[y] x P(e | y, pattern). As with labels, what is expected by truth and
emotion, and by cause, is what was observed, each picture counting by its shares. These sums need the pictures only through
their sums of products in each pattern of causes, so that no iteration of Newton's method reads the pictures again. With
labels the equations are those of maximum likelihood; with one pattern they are linear regression's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affect_workbench.analyses.skew.causes.model import Fitted, probabilities_of
from affect_workbench.arrays import Codes, Floats, Mask, Positions

_BASELINE_PRIOR = 0.5
_BUMP_PRIOR = 0.5
"""Precisions of normal priors, which keep what is never predicted of a truth, or of nothing else, from running away."""
_STEPS = 40
_FARTHEST = 3.0
_CONVERGED = 1e-6
_NEAR = 0.01
"""Pictures by which an expected count may miss the observed one."""


@dataclass(frozen=True)
class VoteSums:
    """What the fit needs of the pictures, for `p` patterns of causes, `y` truths and `k` emotions.

    Attributes:
        products: sums of share x share `(p, y, y)`.
        predicted: sums of share x predicted `(p, y, k)`.
    """

    products: Floats
    predicted: Floats

    @classmethod
    def of(cls, shares: Floats, predicted: Codes, pattern: Codes, *, patterns: int, labels: int) -> VoteSums:
        """Of pictures with shares `(n, y)`, predictions and patterns `(n,)`."""
        truths = shares.shape[1]
        products = np.empty((patterns, truths, truths))
        counts = np.empty((patterns, truths, labels))
        order = np.argsort(pattern, kind="stable")
        ends = np.searchsorted(pattern[order], np.arange(patterns + 1))
        for at in range(patterns):
            mine = order[ends[at] : ends[at + 1]]
            own = shares[mine]
            products[at] = own.T @ own
            counts[at] = [np.bincount(predicted[mine], one, minlength=labels) for one in own.T]
        return cls(products, counts)


def fit_votes(sums: VoteSums, patterns: Mask, emotions: Positions, *, start: Fitted | None = None) -> Fitted:
    """The model whose expected sums are the observed ones: by truth and emotion, and by truth for each cause.

    Args:
        sums: of the pictures.
        patterns: which causes hold in each pattern `(p, c)`.
        emotions: emotion of each cause `(c,)`.
        start: an earlier fit with the first of these causes.
    """
    truths, k = sums.predicted.shape[1:]
    causes = len(emotions)
    usual = np.log(sums.predicted.sum(axis=(0, 1)) + 1.0)
    prior = np.concatenate([np.tile(usual - usual.mean(), (truths, 1)), np.zeros((truths, causes))], axis=1)
    precision = np.concatenate([np.full((truths, k), _BASELINE_PRIOR), np.full((truths, causes), _BUMP_PRIOR)], axis=1)
    values = prior.copy()
    if start is not None:
        values[:, :k] = start.baseline
        values[:, k : k + start.theta.shape[1]] = start.theta[:, :causes]
    chosen = np.concatenate([np.arange(k), emotions])
    holds = np.concatenate([np.ones((len(patterns), k), dtype=bool), patterns], axis=1)

    def apart(tried: Floats) -> tuple[Floats, Floats]:
        found = probabilities_of(tried[:, :k], tried[:, k:], patterns, emotions).transpose(1, 0, 2)  # (p, y, k)
        each = (sums.predicted - sums.products @ found)[:, :, chosen] * holds[:, None, :]
        return each.sum(axis=0) - precision * (tried - prior), found

    left, found = apart(values)
    enough = _CONVERGED * (1 + float(sums.predicted.sum())) + _NEAR
    for _ in range(_STEPS):
        slope = _slope(sums.products, found[:, :, chosen] * holds[:, None, :], holds, chosen)
        step = np.linalg.solve(slope + np.diag(precision.ravel()), left.ravel()).reshape(values.shape)
        step *= min(1.0, _FARTHEST / max(float(np.abs(step).max()), 1e-12))
        size = float((left**2).sum())
        for length in (1.0, 0.5, 0.25, 0.1, 0.02):
            tried, new = apart(values + length * step)
            if float((tried**2).sum()) < size:
                break
        else:
            break
        values, left, found = values + length * step, tried, new
        if np.abs(left).max() < enough:
            break
    return Fitted(values[:, :k], values[:, k:], found.transpose(1, 0, 2))


def _slope(products: Floats, found: Floats, holds: Mask, chosen: Positions) -> Floats:
    """How the expected sums `(y a,)` change with the parameters `(y a,)`.

    dP[e] / dB[a] = P[e] (1[e = a] - P[a]), and a bump is a step of its emotion's B where it holds.

    Args:
        products: of the shares `(p, y, y)`.
        found: P of the emotion of each parameter, 0 where it does not hold `(p, y, a)`.
        holds: where each parameter holds `(p, a)`.
        chosen: emotion of each parameter `(a,)`.
    """
    patterns, truths, size = found.shape
    slope = np.empty((truths, size, truths, size))
    same = chosen[:, None] == chosen
    where = holds.astype(float)
    for truth in range(truths):
        own = found[:, truth]
        weighted = (products[:, :, truth, None] * own[:, None, :]).reshape(patterns, truths * size).T
        slope[:, :, truth] = (weighted @ where).reshape(truths, size, size) * same
        slope[:, :, truth] -= (weighted @ own).reshape(truths, size, size)
    return slope.reshape(truths * size, truths * size)
