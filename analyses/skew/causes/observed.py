"""What is known of the truth of each picture: one label, or the shares of votes?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from affect_workbench.analyses.skew.causes.evidence import Expectation, Explained, Observed
from affect_workbench.analyses.skew.causes.model import Fitted, fit
from affect_workbench.analyses.skew.causes.voted_model import VoteSums, fit_votes
from affect_workbench.analyses.slices.sums import CodedColumns, group_sums
from affect_workbench.arrays import Codes, Floats, Mask, Positions


@dataclass(frozen=True)
class Labelled(Observed):
    """Pictures with one label each, or without any.

    Attributes:
        truth: position of the label `(n,)`, 0 to y - 1; what is not known is a truth of its own.
    """

    truth: Codes

    @property
    def mostly(self) -> Codes:
        """The truth."""
        return self.truth

    @cached_property
    def _truths(self) -> int:
        return int(self.truth.max()) + 1

    def fit(self, patterns: Mask, pattern: Codes, emotions: Positions, start: Fitted | None) -> Fitted:
        """By maximum likelihood, on the counts of (truth, pattern, emotion)."""
        cells = (self.truth * len(patterns) + pattern) * self.labels + self.predicted
        size = self._truths * len(patterns) * self.labels
        counts = np.bincount(cells, minlength=size).astype(float).reshape(self._truths, len(patterns), self.labels)
        return fit(counts, patterns, emotions, start=start)

    def columns(self, probabilities: Floats, pattern: Codes) -> CodedColumns:
        """By code of (truth, pattern)."""
        code = self.truth * probabilities.shape[1] + pattern
        return CodedColumns(code, probabilities.reshape(-1, self.labels), np.empty((len(code), 0)))

    def expectation(self, explained: Explained) -> Expectation:
        """With the variance that the baseline of each truth takes away."""
        columns = self.columns(explained.fitted.probabilities, explained.pattern)
        rates, (each, apart) = columns.of_code, self._variances(columns, explained)
        sums = self.membership.sums(CodedColumns(columns.codes, np.hstack([rates, apart]), columns.rest))
        expected, shared = sums[:, : self.labels], sums[:, self.labels :].reshape(-1, self.labels, self._truths)
        weight = np.bincount(columns.codes, minlength=len(each))
        whole = (weight @ apart).reshape(self.labels, self._truths)
        return Expectation(expected, shared.sum(axis=2), _left(shared, whole))

    def expectation_in(self, inside: Mask, explained: Explained, emotion: int) -> Expectation:
        """Counted by code of (truth, pattern)."""
        columns = self.columns(explained.fitted.probabilities, explained.pattern)
        rates, (_, apart) = columns.of_code[:, emotion], self._variances(columns, explained)
        apart = apart.reshape(-1, self.labels, self._truths)[:, emotion]
        mine = np.bincount(columns.codes[inside], minlength=len(rates))
        shared, whole = mine @ apart, np.bincount(columns.codes, minlength=len(rates)) @ apart
        found = _left(shared[None, None], whole[None])
        return Expectation(np.array([[mine @ rates]]), np.array([[shared.sum()]]), found)

    def free_of_truth(self, columns: Floats) -> Floats:
        """Less the mean of the pictures with the same label."""
        means = group_sums(self.truth, self._truths, np.hstack([np.ones((len(columns), 1)), columns]))
        return np.asarray(columns - (means[:, 1:] / np.maximum(means[:, :1], 1.0))[self.truth])

    def among(self, pictures: Positions) -> Labelled:
        """The same of some of the pictures."""
        return Labelled(self.predicted[pictures], self.membership.among(pictures), self.labels, self.truth[pictures])

    def only(self, slices: Positions) -> Labelled:
        """The same of some of the slices."""
        return replace(self, membership=self.membership.only(slices))

    def _variances(self, columns: CodedColumns, explained: Explained) -> tuple[Floats, Floats]:
        """Of each code: of one picture `(codes, k)`, and the same in the column of its truth `(codes, k y)`."""
        each = columns.of_code * (1 - columns.of_code)
        truth = np.repeat(np.eye(self._truths), len(explained.patterns), axis=0)
        return each, (each[:, :, None] * truth[:, None, :]).reshape(len(each), -1)


def _left(shared: Floats, whole: Floats) -> Floats:
    """Variance `(s, k)` that is left of shares `(s, k, y)` of all variance `(k, y)` once every truth is refitted."""
    with np.errstate(divide="ignore", invalid="ignore"):
        taken = np.where(whole > 0, shared**2 / whole, 0.0)
    return np.asarray(np.maximum((shared - taken).sum(axis=2), 0.0))


@dataclass(frozen=True)
class Voted(Observed):
    """Pictures with votes.

    Attributes:
        shares: of each truth `(n, y)`; what is not known is a truth of its own.
    """

    shares: Floats

    @property
    def mostly(self) -> Codes:
        """The label with most votes."""
        return np.asarray(self.shares.argmax(axis=1), dtype=np.int64)

    def fit(self, patterns: Mask, pattern: Codes, emotions: Positions, start: Fitted | None) -> Fitted:
        """By least squares, on sums of products in each pattern."""
        sums = VoteSums.of(self.shares, self.predicted, pattern, patterns=len(patterns), labels=self.labels)
        return fit_votes(sums, patterns, emotions, start=start)

    def columns(self, probabilities: Floats, pattern: Codes) -> CodedColumns:
        """Picture by picture."""
        return CodedColumns.plain(self._rates(probabilities, pattern))

    def expectation(self, explained: Explained) -> Expectation:
        """With the variance that refitting takes away, as large a share of it as where no cause is in."""
        rates = self._rates(explained.fitted.probabilities, explained.pattern)
        sums = self.membership.sums(CodedColumns.plain(np.hstack([rates, rates * (1 - rates)])))
        expected, variance = np.split(sums, 2, axis=1)
        # What the baseline's prior leaves of its equations is no residual of a slice.
        predicted = np.stack([np.bincount(self.predicted, one, minlength=self.labels) for one in self.shares.T])
        expected = expected + self._weights @ (predicted - self.shares.T @ rates)
        return Expectation(expected, variance, variance * self._kept)

    def expectation_in(self, inside: Mask, explained: Explained, emotion: int) -> Expectation:
        """Picture by picture."""
        rates = self._rates(explained.fitted.probabilities, explained.pattern)[:, emotion]
        each = rates * (1 - rates)
        share = self._projection[inside].sum(axis=0) @ self.shares.T
        variance = each[inside].sum()
        left = ((inside - share) ** 2 * each).sum()
        expected = rates[inside].sum() + (share * ((self.predicted == emotion) - rates)).sum()
        return Expectation(np.array([[expected]]), np.array([[variance]]), np.array([[left]]))

    def free_of_truth(self, columns: Floats) -> Floats:
        """Less their regression on the shares."""
        return np.asarray(columns - self.shares @ (self._projection.T @ columns))

    def among(self, pictures: Positions) -> Voted:
        """The same of some of the pictures."""
        return Voted(self.predicted[pictures], self.membership.among(pictures), self.labels, self.shares[pictures])

    def only(self, slices: Positions) -> Voted:
        """The same of some of the slices."""
        return replace(self, membership=self.membership.only(slices))

    def _rates(self, probabilities: Floats, pattern: Codes) -> Floats:
        rates = np.empty((len(self.predicted), self.labels))
        for at in range(probabilities.shape[1]):
            mine = np.flatnonzero(pattern == at)
            rates[mine] = self.shares[mine] @ probabilities[:, at]
        return rates

    @cached_property
    def _projection(self) -> Floats:
        """Shares `(n, y)` over their sums of products: by them residuals are made free of the baseline."""
        whole = self.shares.T @ self.shares
        ridge = 1e-9 * (1 + np.trace(whole)) * np.eye(len(whole))
        return np.asarray(np.linalg.solve(whole + ridge, self.shares.T).T)

    @cached_property
    def _weights(self) -> Floats:
        """How far each slice `(s, y)` follows from the shares."""
        return self.membership.sums(CodedColumns.plain(self._projection))

    @cached_property
    def _kept(self) -> Floats:
        """Share of its variance that each cell keeps when the baseline is refitted `(s, k)`."""
        start = self.explained(())
        rates = self._rates(start.fitted.probabilities, start.pattern)
        each, k, y = rates * (1 - rates), self.labels, self.shares.shape[1]
        apart = (each[:, :, None] * self.shares[:, None, :]).reshape(len(each), -1)
        sums = self.membership.sums(CodedColumns.plain(np.hstack([apart, each])))
        of_both, variance = np.split(sums, [k * y], axis=1)
        weights = self._weights
        middle = np.einsum("ne,ny,nz->eyz", each, self.shares, self.shares, optimize=True)
        crossed = np.einsum("sy,sey->se", weights, of_both.reshape(-1, k, y))
        squared = np.einsum("sy,eyz,sz->se", weights, middle, weights, optimize=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            kept = (variance - 2 * crossed + squared) / variance
        return np.asarray(np.nan_to_num(np.clip(kept, 0.0, 1.0)))
