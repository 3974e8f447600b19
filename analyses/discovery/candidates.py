"""What is a proposed slice, and where along its score does it begin?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from affect_workbench.arrays import Codes, Floats, Mask

SHARES = (0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.045, 0.07, 0.1, 0.15, 0.2)
"""Shares of the pictures that a slice may take from the top of its score: larger ones are no discovery."""
FEWEST = 15
"""Pictures of the explore half that a proposed slice has at least."""
LOWEST = -1e12
"""Score of a picture of another class, where a slice lies in one true class."""


@dataclass(frozen=True)
class Explore:
    """What proposers may look at: the explore half only.

    Attributes:
        z: `(n, m)` coordinates in the slice space.
        y: true label `(n,)`.
        y_pred: predicted label `(n,)`.
        residual: `(n, k)`, one-hot of `y_pred` minus its mean over the pictures of the same true label.
    """

    z: Floats
    y: Codes
    y_pred: Codes
    residual: Floats

    @classmethod
    def of(cls, z: Floats, y: Codes, y_pred: Codes, k: int) -> Explore:
        """With the residual computed for `k` labels."""
        onehot = np.eye(k)[y_pred]
        counts = np.bincount(y, minlength=k)
        rates = (np.eye(k)[y].T @ onehot) / np.maximum(counts, 1)[:, None]
        return cls(z, y, y_pred, onehot - rates[y])

    def taken(self, rows: Mask) -> Explore:
        """The pictures of a mask `(n,)`; their residuals stay those against the whole half."""
        return Explore(self.z[rows], self.y[rows], self.y_pred[rows], self.residual[rows])


class Rule(Protocol):
    """How much a picture belongs to a slice, from its coordinates and true label alone, never from its prediction."""

    def score(self, z: Floats, y: Codes) -> Floats:
        """Membership score `(n,)`; larger = more."""
        ...


@dataclass(frozen=True)
class Candidate:
    """A slice proposed on the explore half: the pictures whose score is at least `cut`.

    Attributes:
        rule: gives the score.
        cut: where the slice begins.
        emotion: position of the label that is said more or less often there.
        sign: 1 for more, -1 for less.
        strength: stratified z-score on explore, of scores that the picture's own prediction had no part in.
        proposer: the proposer in words.
        true_class: the class that the slice lies in, None for any.
    """

    rule: Rule
    cut: float
    emotion: int
    sign: int
    strength: float
    proposer: str
    true_class: int | None = None

    def members(self, z: Floats, y: Codes) -> Mask:
        """Which pictures `(n,)` are in the slice."""
        return self.rule.score(z, y) >= self.cut


@dataclass(frozen=True)
class Cut:
    """The best place to cut a score: share of pictures above it, emotion, z-score with its sign."""

    share: float
    emotion: int
    z: float


def best_cut(score: Floats, explore: Explore, *, emotion: int | None = None) -> Cut:
    """The share of the top of `score (n,)` in which some emotion is most surely said too often or too seldom.

    z is the Mantel-Haenszel score statistic over strata of the true label (Mantel and Haenszel 1959).

    Args:
        score: of the explore half; it must not have been fitted to the predictions of the very pictures.
        explore: the half.
        emotion: look at this one only.
    """
    n, k = explore.residual.shape
    known = int((score > LOWEST).sum())
    sizes = np.unique([round(share * n) for share in SHARES if FEWEST <= round(share * n) <= known * 0.8])
    if not len(sizes):
        return Cut(0.0, emotion or 0, 0.0)
    order = np.argsort(-score, kind="stable")[: sizes[-1]]
    excess = np.cumsum(explore.residual[order], axis=0)[sizes - 1]
    inside = np.cumsum(np.eye(k)[explore.y[order]], axis=0)[sizes - 1]
    z = excess / np.sqrt(np.maximum(null_variance(inside, explore), 1e-9))
    if emotion is not None:
        z = np.where(np.arange(k) == emotion, z, 0.0)
    at, best = np.unravel_index(int(np.abs(z).argmax()), z.shape)
    return Cut(float(sizes[at] / n), int(best), float(z[at, best]))


def null_variance(inside: Floats, explore: Explore) -> Floats:
    """Variance `(s, k)` of the excess of each emotion in slices with `inside (s, k)` pictures of each true label."""
    k = inside.shape[1]
    total = np.bincount(explore.y, minlength=k).astype(float)
    rates = (np.eye(k)[explore.y].T @ np.eye(k)[explore.y_pred]) / np.maximum(total, 1)[:, None]
    drawn = inside * (total - inside) / np.maximum(total - 1, 1)
    return np.asarray(drawn @ (rates * (1 - rates)))


def cut_at(rule: Rule, share: float, explore: Explore) -> float:
    """Where the rule must be cut so that it holds this share of the explore half."""
    return float(np.quantile(rule.score(explore.z, explore.y), 1 - share))
