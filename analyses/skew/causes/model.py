"""What would be predicted if only these causes were at work? A label-conditional multinomial model with a bump for each.

P(predicted = e | truth y) is proportional to exp(B[y, e] + the sum of theta[y, c] over the causes c = (slice, e) that hold
for the picture). B is refitted together with the causes: for every truth, the expected count of each emotion and of each
cause is the observed one, and the model is the distribution of largest entropy with these counts (Mampaey and Vreeken
2012, Summarizing data succinctly with the most informative itemsets). With a baseline that is fixed beforehand the mirror
of every two-valued attribute comes in as well. What a cause takes from the other emotions, and what it does to everything
that goes along with its slice, follows from it. A bump has a size for each truth, so that it fits whether a model
multiplies the odds of an emotion or says it of a share of the pictures whatever they show. Pictures differ only in their
truth and in which causes hold for them: everything is fitted on the table of (truth, pattern of causes, emotion).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from affect_workbench.arrays import Floats, Mask, Positions

_PRIOR = 1 / 25.0
"""Precision of the normal prior on theta, which keeps it finite where a cause leaves nothing of an emotion."""
_UNSEEN = -30.0
_STEPS = 50
_CONVERGED = 1e-7


@dataclass(frozen=True)
class Fitted:
    """The model on `y` truths, `p` patterns of `c` causes and `k` emotions.

    Attributes:
        baseline: B `(y, k)`.
        theta: log-odds that each cause adds `(y, c)`.
        probabilities: P(predicted | truth, pattern) `(y, p, k)`.
    """

    baseline: Floats
    theta: Floats
    probabilities: Floats

    def less(self, bumps: Mask) -> Fitted:
        """Where a fit without some of the bumps `(c,)` may start; its probabilities are not those of that fit."""
        return replace(self, theta=self.theta[:, ~bumps])

    def at(self, patterns: Mask, emotions: Positions, *, without: Mask | None = None) -> Floats:
        """P(predicted | truth, pattern) `(y, p, k)` for any patterns of its bumps, or as if some `(c,)` were not there."""
        theta = self.theta if without is None else np.where(without, 0.0, self.theta)
        return probabilities_of(self.baseline, theta, patterns, emotions)


def probabilities_of(baseline: Floats, theta: Floats, patterns: Mask, emotions: Positions) -> Floats:
    """P(predicted | truth, pattern) `(y, p, k)` for baseline `(y, k)`, bumps `(y, c)` and patterns `(p, c)`."""
    return _probabilities(baseline, theta, _effects(patterns, emotions, baseline.shape[1]))


def fit(counts: Floats, patterns: Mask, emotions: Positions, *, start: Fitted | None = None) -> Fitted:
    """The model of largest penalised likelihood, by Newton's method, all truths side by side.

    Args:
        counts: pictures by truth, pattern and what was predicted `(y, p, k)`; fractions are allowed.
        patterns: which causes hold in each pattern `(p, c)`.
        emotions: emotion of each cause `(c,)`.
        start: an earlier fit, with the first of these causes.
    """
    truths, _, k = counts.shape
    causes = len(emotions)
    effects = _effects(patterns, emotions, k)
    totals, seen = counts.sum(axis=2), counts.sum(axis=1)
    active = seen > 0
    baseline = np.log(np.maximum(seen, 1e-300)) if start is None else start.baseline
    among = np.maximum(active.sum(axis=1, keepdims=True), 1)
    baseline = np.where(active, baseline - np.where(active, baseline, 0).sum(axis=1, keepdims=True) / among, _UNSEEN)
    theta = np.zeros((truths, causes))
    if start is not None:
        theta[:, : start.theta.shape[1]] = start.theta[:, :causes]
    value, probabilities = _likelihood(counts, baseline, theta, effects)
    scale = max(float(counts.sum()), 1.0)
    for _ in range(_STEPS):
        residual = counts - totals[:, :, None] * probabilities
        of_baseline = residual.sum(axis=1)
        of_theta = (residual[:, :, emotions] * patterns).sum(axis=1) - _PRIOR * theta
        slope = np.concatenate([of_baseline, of_theta], axis=1)
        if np.abs(slope).max(initial=0.0) < _CONVERGED * scale:
            break
        step = np.linalg.solve(_information(totals, probabilities, patterns, emotions), slope[:, :, None])[:, :, 0]
        length = np.ones((truths, 1))
        for _ in range(20):
            tried = np.where(active, baseline + length * step[:, :k], _UNSEEN), theta + length * step[:, k:]
            better, found = _likelihood(counts, *tried, effects)
            worse = better < value - 1e-9 * np.abs(value) - 1e-12
            if not worse.any():
                break
            length[worse] /= 2
        else:
            break
        baseline, theta = tried
        value, probabilities = better, found
    return Fitted(baseline, theta, probabilities)


def _effects(patterns: Mask, emotions: Positions, k: int) -> Floats:
    """`(p, c, k)`: one where cause c holds in the pattern, at its emotion."""
    return np.asarray(patterns[:, :, None] * np.eye(k)[emotions][None])


def _probabilities(baseline: Floats, theta: Floats, effects: Floats) -> Floats:
    logits = baseline[:, None, :] + np.tensordot(theta, effects, (1, 1))
    logits -= logits.max(axis=2, keepdims=True)
    odds = np.exp(logits)
    return np.asarray(odds / odds.sum(axis=2, keepdims=True))


def _likelihood(counts: Floats, baseline: Floats, theta: Floats, effects: Floats) -> tuple[Floats, Floats]:
    probabilities = _probabilities(baseline, theta, effects)
    value = (counts * np.log(np.maximum(probabilities, 1e-300))).sum(axis=(1, 2)) - _PRIOR / 2 * (theta**2).sum(axis=1)
    return value, probabilities


def _information(totals: Floats, probabilities: Floats, patterns: Mask, emotions: Positions) -> Floats:
    """Of baseline and bumps of each truth `(y, k + c, k + c)`, with the prior's."""
    truths, k, causes = len(totals), probabilities.shape[2], len(emotions)
    weighted = totals[:, :, None] * probabilities
    across = weighted.transpose(0, 2, 1)
    fired = probabilities[:, :, emotions] * patterns  # P(the cause's emotion) where it holds, (y, p, c)
    often = totals[:, :, None] * fired
    found = np.empty((truths, k + causes, k + causes))
    # One of a truth's k numbers is free: the ridge takes the others, and what was never seen, along.
    found[:, :k, :k] = -(across @ probabilities)
    found[:, np.arange(k), np.arange(k)] += weighted.sum(axis=1) + 1e-6 * totals.sum(axis=1, keepdims=True) + 1e-9
    both = -(across @ fired)
    both[:, emotions, np.arange(causes)] += often.sum(axis=1)
    found[:, :k, k:], found[:, k:, :k] = both, both.transpose(0, 2, 1)
    # Two causes add up only at the same emotion.
    same = emotions[:, None] == emotions
    found[:, k:, k:] = (often.transpose(0, 2, 1) @ patterns) * same - often.transpose(0, 2, 1) @ fired
    found[:, k:, k:] += _PRIOR * np.eye(causes)
    return found
