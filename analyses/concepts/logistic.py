"""How likely has a picture a concept, by its score and by whether it is read as an emotion? Logistic regressions, crosswise.

A labelled picture is judged by a regression that saw neither it nor its group: what it is mistaken there is what it is
mistaken elsewhere.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from affect_workbench.arrays import Codes, Floats, Mask

SLOPE_PENALTY = 0.01
"""Ridge penalty of the standardised score's slopes: keeps them finite where the score makes no mistake."""
FOLDS = 10
"""Regressions an emotion, each fitted without a tenth of the groups."""
_STEPS = 60


def cross_fitted(
    standard: Floats, inside: Mask, known: Codes, answer: Floats, weight: Floats, group: Codes, *, seed: int = 0
) -> tuple[Floats, Floats]:
    """What regressions of the answers on the score say of every picture, and how wrong they are where they were not fitted.

    Args:
        standard: standardised score of each picture `(n,)`.
        inside: which pictures are read as the emotion `(n,)`; both sides have a regression of their own.
        known: rows of the `m` labelled pictures.
        answer: 1 for yes, 0 for no `(m,)`.
        weight: sampling weight of each labelled picture `(m,)`.
        group: of each labelled picture `(m,)`; a group is in one fold.
        seed: deals groups to folds.

    Returns:
        The probability that each picture has the concept `(n,)`, the mean of all folds' regressions; and of each labelled
        one the answer minus the probability by the regression that did not see its fold `(m,)`.
    """
    compact = np.unique(group, return_inverse=True)[1]
    fold = np.random.default_rng([seed, 1]).permutation(compact.max() + 1)[compact] % FOLDS
    features, answers = _with_imagined(standard[known], inside[known], answer)
    fitted_on = np.where(fold != np.arange(FOLDS)[:, None], weight, 0)
    share = fitted_on @ answer / fitted_on.sum(axis=1)
    imagined = np.stack([1 - share, share, 1 - share, share], axis=1)
    beta = logistic(features, answers, np.hstack([fitted_on, imagined]))
    every = _design(standard, inside)
    unseen = expit((features[: len(known)] * beta[fold]).sum(axis=1))
    return np.asarray(sum(expit(every @ one) for one in beta) / FOLDS), answer - unseen


def logistic(features: Floats, answer: Floats, weights: Floats) -> Floats:
    """Coefficients `(b, 4)` of b logistic regressions that differ in their weights `(b, m)` only, by Newton's method."""
    b, width = len(weights), features.shape[1]
    penalty = np.array([0.0, SLOPE_PENALTY, 0.0, SLOPE_PENALTY])
    products = (features[:, :, None] * features[:, None, :]).reshape(len(features), -1)
    beta = np.zeros((b, width))
    for _ in range(_STEPS):
        p = expit(beta @ features.T)
        gradient = (weights * (answer - p)) @ features - penalty * beta
        curvature = ((weights * p * (1 - p)) @ products).reshape(b, width, width) + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
        # Far from the solution Newton's step can overshoot; a bounded one cannot run away, and the problem is concave.
        step *= np.minimum(1, 2 / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-12))
        beta = beta + step
        if np.abs(step).max() < 1e-8:
            break
    return np.asarray(beta, np.float64)


def _design(standard: Floats, side: Mask) -> Floats:
    """Columns of the regression `(m, 4)`: one, score, read as the emotion, and their product."""
    return np.stack([np.ones_like(standard), standard, side, standard * side], axis=1)


def _with_imagined(standard: Floats, read_as: Mask, answer: Floats) -> tuple[Floats, Floats]:
    """Design `(m + 4, 4)` and answers `(m + 4,)`: on either side one picture of its mean score that says no, one yes.

    They keep a regression finite where all answers of a side are alike; what they shift is part of its mistakes.
    """
    middles = [standard[read_as == side].mean() for side in (False, False, True, True)]
    imagined = _design(np.array(middles), np.array([False, False, True, True]))
    return np.vstack([_design(standard, read_as), imagined]), np.append(answer, [0.0, 1, 0, 1])
