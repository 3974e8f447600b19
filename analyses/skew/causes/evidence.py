"""How far is each (slice, emotion) from what the causes found so far would make of it?

Of every cell the count that was observed, the count that the fitted model expects, and the variance of their difference less
the part that refitting the baseline takes away (the efficient score of a bump there). The statistic is the signed root of
the binomial likelihood ratio at that variance: the normal score where counts are large, and with lighter tails than it where
they are few.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import special

from affect_workbench.analyses.skew.causes.membership import Membership
from affect_workbench.analyses.skew.causes.model import Fitted
from affect_workbench.analyses.slices.sums import CodedColumns
from affect_workbench.arrays import Codes, Floats, Mask, Positions

FEWEST = 5.0
"""Pictures that are predicted so, or expected to be, below which nothing is made of a cell."""


class Cause(NamedTuple):
    """A place where the model does something that nothing else explains: position of the slice, and of the emotion."""

    slice: int
    emotion: int


@dataclass(frozen=True)
class Residuals:
    """What is left in each of some cells, any shape.

    Attributes:
        score: standard deviations from what is expected, the sign that of the difference.
        z: the same with the tails of few counts: the smaller of the score and the signed root of the likelihood ratio.
        effect: how much more often the emotion is predicted than without a bump there, as a share; to first order.
        enough: whether the counts allow any statement.
    """

    score: Floats
    z: Floats
    effect: Floats
    enough: Mask

    @classmethod
    def of(cls, observed: Floats, expected: Floats, n: Floats, *, all_variance: Floats, variance: Floats) -> Residuals:
        """From counts of `n` pictures a cell, the variance that they have, and what is left of it after refitting."""
        rest, other = n - observed, np.maximum(n - expected, 0.0)
        expected = np.maximum(expected, 0.0)
        likelihood = special.rel_entr(observed, expected) + special.rel_entr(rest, other)
        with np.errstate(divide="ignore", invalid="ignore"):
            root = np.sqrt(2 * np.maximum(likelihood, 0.0) * expected * other / n / variance)
            score = np.abs(observed - expected) / np.sqrt(variance)
            effect = (observed - expected) / n * all_variance / variance
        enough = (np.maximum(observed, expected) >= FEWEST) & (np.maximum(rest, other) >= FEWEST)
        enough &= (variance > 1e-9 * n) & np.isfinite(root) & (expected > 0)
        sign = np.where(enough, np.sign(observed - expected), 0.0)
        score = np.where(enough, score, 0.0)
        return cls(sign * score, sign * np.fmin(root, score), np.where(enough, effect, 0.0), enough)


@dataclass(frozen=True)
class Expectation:
    """What a model makes of the (slice, emotion) cells `(s, k)`.

    Attributes:
        counts: of each emotion.
        variance: of these counts with the model as it is.
        left: what remains of it when the baseline is refitted.
    """

    counts: Floats
    variance: Floats
    left: Floats

    def residuals(self, observed: Floats) -> Residuals:
        """Beside what was observed `(s, 1 + k)`: pictures, and those of each emotion."""
        n = np.broadcast_to(observed[:, :1], self.counts.shape)
        return Residuals.of(observed[:, 1:], self.counts, n, all_variance=self.variance, variance=self.left)


@dataclass(frozen=True)
class Explained:
    """The model with some causes, fitted.

    Attributes:
        causes: the causes.
        bumps: the cause of each bump `(b,)`. Pictures of which it is not known whether they are in the slice have one of
            their own: they belong neither to the slice nor to the rest.
        patterns: which bumps hold in each pattern `(p, b)`.
        pattern: that of each picture `(n,)`.
        fitted: the model.
    """

    causes: tuple[Cause, ...]
    bumps: Positions
    patterns: Mask
    pattern: Codes
    fitted: Fitted

    @property
    def emotions(self) -> Positions:
        """Emotion of each bump `(b,)`."""
        return _emotions(self.causes, self.bumps)

    def without(self, causes: Mask) -> Floats:
        """P(predicted | truth, pattern) `(y, p, k)` as if some of the causes `(c,)` were not there."""
        return self.fitted.at(self.patterns, self.emotions, without=causes[self.bumps])

    def less(self, cause: int) -> Fitted:
        """Where a fit without one of the causes may start."""
        return self.fitted.less(self.bumps == cause)


def _emotions(causes: Sequence[Cause], bumps: Positions) -> Positions:
    return np.array([cause.emotion for cause in causes], dtype=np.int64)[bumps]


@dataclass(frozen=True)
class Observed(ABC):
    """Predictions of `n` pictures, and the slices that they are in; subclasses know the truth.

    Attributes:
        predicted: position of what was predicted `(n,)`.
        membership: the `s` slices.
        labels: `k`.
    """

    predicted: Codes
    membership: Membership
    labels: int
    _masks: dict[int, Mask] = field(default_factory=dict, repr=False, compare=False, init=False)
    _unknown: dict[int, Mask] = field(default_factory=dict, repr=False, compare=False, init=False)

    @property
    @abstractmethod
    def mostly(self) -> Codes:
        """The truth of each picture `(n,)`, with votes the most voted."""

    @abstractmethod
    def fit(self, patterns: Mask, pattern: Codes, emotions: Positions, start: Fitted | None) -> Fitted:
        """The model with causes that hold in `patterns (p, c)`, refitted."""

    @abstractmethod
    def columns(self, probabilities: Floats, pattern: Codes) -> CodedColumns:
        """P(predicted) of each picture `(n, k)` under P(predicted | truth, pattern) `(y, p, k)`."""

    @abstractmethod
    def expectation(self, explained: Explained) -> Expectation:
        """What the model makes of every (slice, emotion)."""

    @abstractmethod
    def expectation_in(self, inside: Mask, explained: Explained, emotion: int) -> Expectation:
        """The same of one set of pictures `(n,)` and one emotion."""

    @abstractmethod
    def free_of_truth(self, columns: Floats) -> Floats:
        """Columns `(n, r)` less what follows of them from the truth alone."""

    @abstractmethod
    def among(self, pictures: Positions) -> Observed:
        """The same of some of the pictures."""

    @abstractmethod
    def only(self, slices: Positions) -> Observed:
        """The same of some of the slices."""

    @cached_property
    def counts(self) -> Floats:
        """Pictures of each slice `(s, 1 + k)`: all, and predicted as each emotion."""
        table = np.hstack([np.ones((self.labels, 1)), np.eye(self.labels)])
        return self.membership.sums(CodedColumns(self.predicted, table, np.empty((len(self.predicted), 0))))

    def mask(self, position: int) -> Mask:
        """Which pictures are in a slice `(n,)`."""
        if position not in self._masks:
            self._masks[position] = self.membership.mask(position)
        return self._masks[position]

    def _not_known(self, position: int) -> Mask:
        if position not in self._unknown:
            self._unknown[position] = self.membership.unknown(position)
        return self._unknown[position]

    def explained(self, causes: Sequence[Cause], *, start: Fitted | None = None) -> Explained:
        """The model with these causes, refitted.

        Args:
            causes: which.
            start: an earlier fit, with the first of them.
        """
        chosen = tuple(causes)
        code = np.zeros(len(self.predicted), dtype=np.int64)
        owners: list[int] = []
        for at, cause in enumerate(chosen):
            unknown = self._not_known(cause.slice)
            for holds in (self.mask(cause.slice), *([unknown] if unknown.any() else [])):
                code |= holds.astype(np.int64) << len(owners)
                owners.append(at)
        kinds, pattern = np.unique(code, return_inverse=True)
        patterns = (kinds[:, None] >> np.arange(len(owners)) & 1).astype(bool)
        bumps = np.array(owners, dtype=np.int64)
        return Explained(chosen, bumps, patterns, pattern, self.fit(patterns, pattern, _emotions(chosen, bumps), start))

    def residuals(self, explained: Explained) -> Residuals:
        """What is left in every (slice, emotion) `(s, k)`."""
        return self.expectation(explained).residuals(self.counts)

    def left_of(self, cause: int, explained: Explained) -> Residuals:
        """What would be left of one of the causes if the others had to do without it."""
        one = explained.causes[cause]
        others = explained.causes[:cause] + explained.causes[cause + 1 :]
        less = self.explained(others, start=explained.less(cause))
        inside = self.mask(one.slice)
        observed = np.array([[inside.sum(), (self.predicted[inside] == one.emotion).sum()]], dtype=float)
        return self.expectation_in(inside, less, one.emotion).residuals(observed)

    def effects(self, models: Sequence[Floats], pattern: Codes) -> list[Floats]:
        """Rate in the slice minus rate beside it `(s, k)` under each P(predicted | truth, pattern) `(y, p, k)`."""
        columns = [self.columns(probabilities, pattern) for probabilities in models]
        first = columns[0]
        one: Floats = np.ones((len(first.of_code), 1))
        table = CodedColumns(
            first.codes, np.hstack([one, *(each.of_code for each in columns)]), np.hstack([each.rest for each in columns])
        )
        inside, outside = self.membership.both(table)
        with np.errstate(divide="ignore", invalid="ignore"):
            difference = inside[:, 1:] / inside[:, :1] - outside[:, 1:] / outside[:, :1]
        return np.split(np.nan_to_num(difference), len(models), axis=1)
