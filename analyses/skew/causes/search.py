"""Which is the smallest set of causes that leaves nothing to explain?

Greedily, one after the other; what a new one makes superfluous is dropped again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from affect_workbench.analyses.skew.causes.evidence import Cause, Explained, Observed, Residuals
from affect_workbench.arrays import Floats, Mask, Positions

MOST = 30
"""Causes after which the search ends."""
_CONDITION = 0.5
"""Standard deviations that each further condition must be worth."""
_MIRROR = 0.05
"""Share by which a deficit must be clearer than an excess to be preferred: of two values the one is the other's mirror."""


@dataclass(frozen=True)
class Search:
    """What decides about a cause.

    Attributes:
        allowed: cells that may be a cause `(s, k)`.
        tolerance: smallest effect.
        threshold: standard deviations that chance reaches in one data set of twenty.
        scale: by what the standard deviations of independent pictures are multiplied because these are not `(s, k)`.
        freedom: degrees of freedom with which that is known `(s, k)`, infinite for independent pictures.
        direction: sign that the difference of a cell must have `(s, k)`, 0 for either; None for either everywhere.
    """

    allowed: Mask
    tolerance: float
    threshold: float
    scale: Floats
    freedom: Floats
    direction: Floats | None = None

    def only(self, slices: Positions) -> Search:
        """The same for some of the slices."""
        direction = None if self.direction is None else self.direction[slices]
        return Search(
            self.allowed[slices], self.tolerance, self.threshold, self.scale[slices], self.freedom[slices], direction
        )

    def strength(self, left: Residuals) -> Floats:
        """|z| of every cell that could be a cause, 0 elsewhere."""
        z = self.certain(left.z)
        possible = self.allowed & left.enough & (np.abs(left.effect) > self.tolerance)
        if self.direction is not None:
            possible &= self.direction * left.z >= 0
        return np.where(possible, z, 0.0)

    def certain(self, z: Floats, at: Cause | None = None) -> Floats:
        """|z| of cells, or of one cell, as a normal score that allows for how pictures hang together."""
        scale, freedom = (self.scale, self.freedom) if at is None else (self.scale[at], self.freedom[at])
        scaled = np.abs(z) * scale
        if np.isinf(freedom).all():
            return scaled
        return np.where(np.isinf(freedom), scaled, -special.ndtri(special.stdtr(freedom, -np.minimum(scaled, 30.0))))

    def preference(self, score: Floats, orders: Positions) -> Floats:
        """By how much each cell is preferred as the next cause, from standard deviations `(..., s, k)` and orders `(s,)`."""
        worth = np.abs(score) * self.scale - _CONDITION * (orders[:, None] - 1)
        return np.asarray(worth * np.where(score > 0, 1.0, 1.0 - _MIRROR))


@dataclass(frozen=True)
class Found:
    """What a search ends with.

    Attributes:
        explained: the causes, in the order in which they were found, and the model with them.
        nearest: how near each slice came to being a cause, in standard deviations `(s,)`.
    """

    explained: Explained
    nearest: Floats


def search(observed: Observed, rules: Search, *, most: int = MOST) -> Found:
    """The causes: the clearest, then without what has become superfluous, until none exceeds the threshold."""
    orders = np.array([spec.order for spec in observed.membership.specs])
    explained = observed.explained(())
    seen: set[frozenset[Cause]] = set()
    nearest = np.zeros(len(orders))
    while len(explained.causes) < most:
        left = observed.residuals(explained)
        strength = rules.strength(left)
        nearest = np.maximum(nearest, strength.max(axis=1, initial=0.0))
        for cause in explained.causes:
            strength[cause] = 0.0
        best = _clearest(strength, left, orders, rules)
        if best is None:
            explained = _without_superfluous(observed, explained, rules, explained.causes)
            break
        explained = observed.explained((*explained.causes, best), start=explained.fitted)
        # What a new cause can make superfluous is what it competes with: the same emotion, or the same slice.
        rivals = [one for one in explained.causes[:-1] if one.emotion == best.emotion or one.slice == best.slice]
        explained = _without_superfluous(observed, explained, rules, rivals)
        state = frozenset(explained.causes)
        if state in seen:
            break
        seen.add(state)
    return Found(explained, nearest)


def _clearest(strength: Floats, left: Residuals, orders: Positions, rules: Search) -> Cause | None:
    """The cell that is to be the next cause; None where none is clear enough."""
    if not strength.size or strength.max() <= rules.threshold:
        return None
    worth = np.where(strength > rules.threshold, rules.preference(left.score, orders), -np.inf)
    return Cause(*(int(at) for at in np.unravel_index(int(worth.argmax()), worth.shape)))


def _without_superfluous(observed: Observed, explained: Explained, rules: Search, suspects: Sequence[Cause]) -> Explained:
    """Without those of the suspects that the others explain, the least missed first."""
    suspects = list(suspects)
    while len(explained.causes) > 1 and suspects:
        left = [evidence_of(observed, explained, rules, explained.causes.index(one)) for one in suspects]
        weakest = int(np.argmin(left))
        if left[weakest] > rules.threshold:
            break
        at = explained.causes.index(suspects.pop(weakest))
        kept = explained.causes[:at] + explained.causes[at + 1 :]
        explained = observed.explained(kept, start=explained.less(at))
    return explained


def evidence_of(observed: Observed, explained: Explained, rules: Search, at: int) -> float:
    """Standard deviations by which one of the causes would be missed if the others had to do without it."""
    left = observed.left_of(at, explained)
    return float(rules.certain(left.z.ravel()[0], explained.causes[at]))
