"""What do pairs say of each (slice, emotion) cell? p, intervals and all else that independent pictures have, as arrays.

Independent pairs of one picture and one picture: McNemar's exact test and Tango's score interval. Otherwise (several pairs
in one group, several pictures on a side) the discordant pairs and their number are divided by a design effect, the CR2
variance over that of independent pairs; the interval is Tango's of these with Student's quantile, and p is the larger of
Student's and the exact one: the former knows how few groups there are, the latter how few pairs are discordant.
Source: Rao and Scott 1992, https://doi.org/10.2307/2532311, for counts divided by a design effect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from affect_workbench.analyses.inference import intervals
from affect_workbench.analyses.inference.paired import mcnemar
from affect_workbench.analyses.inference.pairs.contrast import PairContrast
from affect_workbench.analyses.inference.pairs.rates import tango
from affect_workbench.analyses.inference.verdicts import LOW_EVIDENCE_COUNT, LOW_EVIDENCE_EXPECTED, Evidence
from affect_workbench.arrays import Floats, Mask

_LEAST = 1e-6
"""Design effect of pairs that all differ by the same."""


@dataclass(frozen=True)
class PairedCells:
    """Of `s` slices and `k` emotions, what pairs say; only slices that are `used` are meant.

    Attributes:
        used: `(s,)` whether the slice is compared in pairs.
        seen: differences within pairs of what is said, between 0 and 1 a picture.
    """

    used: Mask
    seen: PairContrast

    @property
    def tested(self) -> Mask:
        """`(s, k)`: there are at least two independent units."""
        return np.broadcast_to(self.used[:, None] & np.isfinite(self.seen.freedom), self.seen.total.shape)

    @property
    def exact(self) -> Mask:
        """`(s, k)`: independent pairs of two pictures that count or do not."""
        one = self.seen
        alone = (one.groups == one.pairs) & (one.n == one.pairs) & (one.m == one.pairs)
        return np.asarray(alone & (one.size == one.squares))

    @property
    def pair_design_effect(self) -> Floats:
        """`(s, k)` variance over that of independent pairs of two pictures."""
        return variance_inflation(self.seen, self._plain)

    @property
    def _plain(self) -> Floats:
        one = self.seen
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.maximum(one.size - one.total**2 / one.pairs, 0) / (one.pairs * (one.pairs - 1))

    @property
    def counts(self) -> tuple[Floats, Floats, Floats]:
        """Discordant pairs in either direction and all pairs `(s, k)`, as many as independent ones that tell as much."""
        one, deff = self.seen, self.pair_design_effect
        return ((one.size + one.total) / 2 / deff, (one.size - one.total) / 2 / deff, one.pairs / deff)

    @property
    def p(self) -> Floats:
        """Two-sided p of "no difference" `(s, k)`; NaN where it was not tested."""
        up, down, _ = self.counts
        exact = mcnemar(np.rint(np.nan_to_num(up)), np.rint(np.nan_to_num(down)))
        with np.errstate(divide="ignore", invalid="ignore"):
            deviations = np.abs(self.seen.effect) / np.sqrt(self.pair_design_effect * self._plain)
        deviations = np.where(self.seen.total == 0, 0.0, deviations)
        robust = 2 * special.stdtr(self.seen.freedom, -deviations)
        return np.where(self.tested, np.where(self.exact, exact, np.maximum(exact, robust)), np.nan)

    def interval(self, *, level: float | Floats = 0.95) -> tuple[Floats, Floats]:
        """Of the difference `(s, k)`; NaN where it was not tested. `level` is one number, or one a slice `(s, 1)`."""
        up, down, n = self.counts
        low, high = tango(up, down, n, level=level, freedom=np.where(self.exact, np.inf, self.seen.freedom))
        return np.where(self.tested, low, np.nan), np.where(self.tested, high, np.nan)

    def rate_interval(self) -> tuple[Floats, Floats]:
        """Wilson interval of the rate in the slice `(s, k)`, of as many pairs as are worth independent ones."""
        one = self.seen
        with np.errstate(divide="ignore", invalid="ignore"):
            deff = variance_inflation(one, one.inside * (1 - one.inside) / (one.pairs - 1), variance=one.inside_variance)
            return intervals.wilson(one.inside * one.pairs / deff, one.pairs / deff)

    def detectable(self, *, alpha: float) -> Floats:
        """The difference that one test of size alpha finds with 80 % power `(s, k)`, with as many discordant pairs.

        Source: Connor 1987, https://doi.org/10.2307/2531961, with the variance of no difference.
        """
        up, down, n = self.counts
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.sqrt((up + down + 0.5) / (n + 1) / n)
        quantiles = float(special.ndtri(1 - alpha / 2) + special.ndtri(0.8))
        return np.where(np.isfinite(spread), np.minimum(quantiles * spread, 1.0), np.inf)

    @property
    def design_effect(self) -> Floats:
        """`(s, k)` variance over that of as many pictures in no pairs; 1 where neither is known."""
        one = self.seen
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = one.inside * (1 - one.inside) / one.n + one.outside * (1 - one.outside) / one.m
            ratio = one.variance / apart
        return np.where(np.isfinite(ratio), ratio, 1.0)

    def over(self, evidence: Evidence) -> Evidence:
        """The evidence, in slices that are compared in pairs replaced by what these say."""
        seen, here = self.seen, self.used[:, None]
        pairs = np.broadcast_to(seen.pairs, seen.total.shape) / np.maximum(self.pair_design_effect, 1.0)
        few = (pairs < LOW_EVIDENCE_COUNT) | (pairs * (seen.inside + seen.outside) / 2 < LOW_EVIDENCE_EXPECTED)

        def interval(level: float | Floats) -> tuple[Floats, Floats]:
            (low, high), (other_low, other_high) = self.interval(level=level), evidence.interval(level)
            return np.where(here, low, other_low), np.where(here, high, other_high)

        return Evidence(
            np.where(here, seen.inside, evidence.rate),
            np.where(here, seen.outside, evidence.complement_rate),
            np.where(here, self.p, evidence.p),
            interval,
            np.where(here, few, evidence.few),
        )


def variance_inflation(seen: PairContrast, plain: Floats, *, variance: Floats | None = None) -> Floats:
    """Variances over plain ones `(s, k)`, 1 where neither is known.

    One discordant pair is added that varies as the slice does over all kinds of numbers: what two pairs in one group say
    against each other would otherwise be called certain.
    """
    robust = seen.variance if variance is None else variance
    with np.errstate(divide="ignore", invalid="ignore"):
        own, all_kinds = robust / plain, robust.sum(axis=1, keepdims=True) / plain.sum(axis=1, keepdims=True)
        all_kinds = np.where(np.isfinite(all_kinds), all_kinds, 1.0)
        deff = np.where(np.isfinite(own), (own * seen.size + all_kinds) / (seen.size + 1), all_kinds)
    return np.asarray(np.maximum(deff, _LEAST), dtype=np.float64)


@dataclass(frozen=True)
class PairedShift:
    """A mean difference within pairs of numbers in [-1, 1], with a variance that is never zero; NaN where not known.

    Two pairs with half a discordance in either direction are added, as for independent pictures
    (`analyses.inference.intervals.paired_shift_interval`).

    Attributes:
        seen: the differences.
    """

    seen: PairContrast

    def _mean_and_error(self) -> tuple[Floats, Floats]:
        one = self.seen
        with np.errstate(divide="ignore", invalid="ignore"):
            plain = np.maximum(one.squares - one.total**2 / one.pairs, 0) / (one.pairs * (one.pairs - 1))
            more = one.pairs + 2
            mean = one.total / more
            return mean, np.sqrt(((one.squares + 1) / more - mean**2) / more * variance_inflation(one, plain))

    def interval(self, *, level: float | Floats = 0.95) -> tuple[Floats, Floats]:
        """Student interval `(s, c)`."""
        mean, error = self._mean_and_error()
        return intervals.student_interval(mean, error**2, self.seen.freedom, level=level)

    @property
    def p(self) -> Floats:
        """Two-sided p of "no difference" `(s, c)`, from the distribution of the interval."""
        mean, error = self._mean_and_error()
        known = np.isfinite(self.seen.freedom) & np.isfinite(error)
        return np.where(known, intervals.two_sided(mean / error, freedom=self.seen.freedom), np.nan)
