"""What do the tests of one number say of every slice, before it is decided which slices differ?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from affect_workbench.analyses.inference.means.two_means import MeanTests, mean_tests
from affect_workbench.analyses.inference.pairs.means import PairedMeans, paired_means
from affect_workbench.analyses.inference.pairs.pairing import Pairing
from affect_workbench.analyses.inference.resampling import STANDARD_SAMPLING, Sampling
from affect_workbench.analyses.inference.verdicts import STANDARD, Rules
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.families import families
from affect_workbench.analyses.slices.sliced import Sliced
from affect_workbench.analyses.slices.sums import group_sums
from affect_workbench.arrays import Codes, Floats
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.magnitude import require_moderate

DEFAULT_TOLERANCE = 0.2
"""Tolerance in standard deviations of the outcome: Cohen's "small", https://doi.org/10.4324/9780203771587."""


@dataclass(frozen=True)
class NumberTests:
    """A number tested in `s` slices, in its own units, centred on its mean over all pictures.

    Attributes:
        specs: the slices.
        found: their tests, counts and means.
        inside: pictures with a number, their sum and sum of squares, in each slice `(s, 3)`.
        left_out: pictures without a number, on either side `(s,)`.
        centre: what was subtracted from the number `(s,)`.
        spread: its standard deviation `(s,)`.
        tolerance: the largest difference that does not matter `(s,)`.
    """

    specs: tuple[SliceSpec, ...]
    found: PairedMeans
    inside: Floats
    left_out: npt.NDArray[np.int64]
    centre: Floats
    spread: Floats
    tolerance: Floats

    def chosen(self, other: NumberTests, rows: Codes) -> NumberTests:
        """The same slices, those at `rows` as `other` found them: the number was another one for them.

        Args:
            other: tests of the same slices.
            rows: positions `(r,)`.
        """
        source = np.arange(len(self.specs))
        source[rows] += len(self.specs)

        def of_both(name: str, one: object, another: object) -> Any:
            return np.concatenate([getattr(one, name), getattr(another, name)])[source]

        numbers = {name: of_both(name, self.found, other.found) for name in ("n", "m", "mean", "other", "pairs", "mixed")}
        tests = MeanTests.joined([self.found.tests, other.found.tests]).at(source)
        arrays = {name: of_both(name, self, other) for name in ("inside", "left_out", "centre", "spread", "tolerance")}
        return NumberTests(self.specs, PairedMeans(tests=tests, **numbers), **arrays)


def number_tests(
    outcome: Floats,
    data: Sliced,
    *,
    rules: Rules = STANDARD,
    sampling: Sampling = STANDARD_SAMPLING,
    tolerance: float | None = None,
    name: str = "outcome",
) -> NumberTests:
    """The tests behind `analyses.disparities.numbers.numeric_table`, whose arguments and errors these are."""
    values = checked_outcome(outcome, data, tolerance=tolerance, name=name)
    known = np.isfinite(values)
    spread = float(values[known].std(ddof=1))
    tolerance = DEFAULT_TOLERANCE * spread if tolerance is None else tolerance
    rng, least = sampling.rng(), rules.min_count
    centre = float(values[known].mean())
    values = np.where(known, values - centre, 0.0)
    columns = np.stack([known.astype(float), values, values**2], axis=1)
    specs: list[SliceSpec] = []
    parts: list[tuple[Floats, Floats, npt.NDArray[np.int64]]] = []
    tests: list[MeanTests] = []
    for family in families(data.attributes, rules.order):
        at, listed = family.listed(least)
        specs += listed
        codes = np.where(known, family.codes, -1)
        sums = group_sums(codes, family.size, columns)
        lost = np.full(len(at), int(((family.codes >= 0) & ~known).sum()))
        parts.append((sums[at], (sums.sum(axis=0) - sums)[at], lost))
        by_family = mean_tests(codes, family.size, values, groups=data.groups, least=least, draws=sampling.draws, rng=rng)
        tests.append(by_family.at(at))
    inside, outside, left_out = (np.concatenate(part) for part in zip(*parts, strict=True))
    judgement = MeanTests.joined(tests)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, other = (side[:, 1] / side[:, 0] for side in (inside, outside))
    none = np.full(len(specs), np.nan)
    found = PairedMeans(judgement, inside[:, 0], outside[:, 0], mean, other, none, none)
    pairing = Pairing.of(specs, data, min_count=least, known=known)
    if pairing is not None:
        found = paired_means(found, pairing, values, spread=spread)
    return NumberTests(
        tuple(specs), found, inside, left_out, *(np.full(len(specs), one) for one in (centre, spread, tolerance))
    )


def checked_outcome(outcome: Floats, data: Sliced, *, tolerance: float | None, name: str) -> Floats:
    """The numbers `(n,)`, NaN where not known.

    Raises:
        ValueError: see `numeric_table`.
    """
    values = np.asarray(outcome, dtype=np.float64)
    if not data.attributes:
        raise ValueError(f"nothing to slice {name} by: give at least one attribute")
    if values.shape != data.attributes[0].codes.shape:
        expected = data.attributes[0].codes.shape
        raise ValueError(f"{name} has shape {values.shape}: expected one number per picture, {expected}")
    if np.isinf(values).any():
        raise ValueError(
            f"{name} is infinite for {plural(int(np.isinf(values).sum()), 'picture')}: leave them empty or correct them"
        )
    require_moderate(values, what=name)
    known = values[np.isfinite(values)]
    if len(known) < 2 or known.min() == known.max():
        what = f"the same ({known[0]:g})" if len(known) else "not known"
        whom = f"all {plural(len(values), 'picture')}"
        if 0 < len(known) < len(values):
            whom = f"all {len(known):,} of {plural(len(values), 'picture')} that have one"
        raise ValueError(f"{name} is {what} for {whom}: there is nothing to compare")
    if tolerance is not None and not (np.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"tolerance is {tolerance}: expected a number of units of {name}, zero or more")
    return values
