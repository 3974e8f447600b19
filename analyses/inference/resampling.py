"""What would chance make of a number? Permuted attribute values, resampled pictures, whole groups together.

A permutation keeps the number of pictures (or groups) of each value and breaks every link to what is measured: the null.
Drawing with replacement says how much a number would change with other pictures like these: its interval.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from affect_workbench.analyses.inference.intervals import quantile
from affect_workbench.arrays import Codes, Floats

FEWEST_DRAWS = 19


@dataclass(frozen=True)
class Sampling:
    """How often something is drawn at random, and from which seed.

    Attributes:
        draws: permutations for chance, and as many bootstrap samples for an interval.
        seed: of both.

    Raises:
        ValueError: fewer than `FEWEST_DRAWS` draws.
    """

    draws: int = 999
    seed: int = 0

    def __post_init__(self) -> None:
        if self.draws < FEWEST_DRAWS:
            raise ValueError(
                f"{self.draws} random draws: expected at least {FEWEST_DRAWS}, below which nothing can reach p = 0.05"
            )

    def at_most(self, draws: int) -> Sampling:
        """The same with fewer draws, where there are more."""
        return replace(self, draws=min(self.draws, draws))

    def rng(self) -> np.random.Generator:
        """A source of chance that starts at the seed."""
        return np.random.default_rng(self.seed)


STANDARD_SAMPLING = Sampling()
"""Draws and seed where nobody has said otherwise."""


def permuted_codes(codes: Codes, groups: Codes | None, *, draws: int, rng: np.random.Generator) -> Iterator[Codes]:
    """`draws` rearrangements of the values `codes (n,)`, -1 (missing) staying where it is.

    With groups, a group whose pictures all share one value keeps them together and trades its value with other such groups
    (a picture-level rearrangement rejected 26.5 % of true nulls at an intraclass correlation of .3); inside the others the
    values trade places.

    Args:
        codes: value of each picture.
        groups: group of each picture, or None for independent ones.
        draws: how many.
        rng: source of chance.
    """
    known = np.flatnonzero(codes >= 0)
    if groups is None:
        for _ in range(draws):
            permuted = codes.copy()
            permuted[known] = rng.permutation(codes[known])
            yield permuted
        return
    number = np.unique(groups[known], return_inverse=True)[1]
    value = codes[known]
    least, most = np.full(number.max(initial=-1) + 1, np.iinfo(np.int64).max), np.full(number.max(initial=-1) + 1, -1)
    np.minimum.at(least, number, value)
    np.maximum.at(most, number, value)
    whole = least == most
    position = np.cumsum(whole) - 1
    at_whole, mixed = whole[number], np.flatnonzero(~whole[number])
    in_order = mixed[np.argsort(number[mixed], kind="stable")]
    for _ in range(draws):
        dealt_values = value.copy()
        dealt_values[at_whole] = rng.permutation(least[whole])[position[number[at_whole]]]
        shuffled = mixed[np.lexsort((rng.random(len(mixed)), number[mixed]))]
        dealt_values[in_order] = value[shuffled]
        permuted = codes.copy()
        permuted[known] = dealt_values
        yield permuted


def drawn_weights(n: int, groups: Codes | None, *, draws: int, rng: np.random.Generator) -> Iterator[Floats]:
    """How often each of `n` pictures is in each of `draws` bootstrap samples; a group is drawn as a whole."""
    number = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    count = int(number.max(initial=-1)) + 1
    for _ in range(draws):
        yield np.bincount(rng.integers(count, size=count), minlength=count)[number].astype(np.float64)


def expanded_tail(tail: float, n: float) -> float:
    """The share of draws to cut off where a percentile interval of `n` independent units shall miss `tail` on either side.

    A bootstrap's spread is too small by sqrt((n - 1) / n), and its quantiles are those of a normal distribution, not
    Student's. The expanded percentile interval of Hesterberg 2015,
    https://doi.org/10.1080/00031305.2015.1089789.
    """
    n = max(n, 2.0)
    return float(special.ndtr(special.stdtrit(n - 1, tail) * np.sqrt(n / (n - 1))))


def null_tables(
    codes: Codes, size: int, y_pred: Codes, k: int, groups: Codes | None, *, draws: int, rng: np.random.Generator
) -> Floats:
    """Counts `(draws, size, k)` of what is said by value, when the values are permuted.

    Without groups the tables are drawn directly, whatever the number of pictures.
    """
    known = codes >= 0
    if groups is None and known.any():
        rows, columns = np.bincount(codes[known], minlength=size), np.bincount(y_pred[known], minlength=k)
        return random_tables(rows, columns, draws=draws, rng=rng)
    tables = np.empty((draws, size, k))
    for draw, permuted in enumerate(permuted_codes(codes, groups, draws=draws, rng=rng)):
        tables[draw] = counts_of(permuted, size, y_pred, k)
    return tables


def random_tables(rows: Codes, columns: Codes, *, draws: int, rng: np.random.Generator) -> Floats:
    """Tables of counts `(draws, r, k)` with these sums of rows `(r,)` and of columns `(k,)`, as independence makes them.

    Cell by cell each count is hypergeometric, given those before it; all draws of a cell at once. (`scipy.stats` has the
    same, and takes as long to import as a small audit to compute.)
    """
    tables = np.zeros((draws, len(rows), len(columns)), dtype=np.int64)
    left = np.repeat(columns[None], draws, axis=0)
    for row, total in enumerate(rows[:-1]):
        wanted = np.full(draws, total)
        for column in range(len(columns) - 1):
            tables[:, row, column] = rng.hypergeometric(left[:, column], left[:, column + 1 :].sum(axis=1), wanted)
            wanted -= tables[:, row, column]
        tables[:, row, -1] = wanted
        left -= tables[:, row]
    tables[:, -1] = left
    return tables.astype(np.float64)


def drawn_tables(
    codes: Codes, size: int, y_pred: Codes, k: int, groups: Codes | None, *, draws: int, rng: np.random.Generator
) -> Floats:
    """Counts `(draws, size, k)` of what is said by value, in bootstrap samples of the pictures with a value."""
    known = codes >= 0
    if groups is None:
        table = counts_of(codes, size, y_pred, k).ravel()
        total = int(table.sum())
        return rng.multinomial(total, table / max(total, 1), size=draws).reshape(draws, size, k).astype(np.float64)
    tables = np.empty((draws, size, k))
    weights = drawn_weights(int(known.sum()), groups[known], draws=draws, rng=rng)
    cell = codes[known] * k + y_pred[known]
    for draw, weight in enumerate(weights):
        tables[draw] = np.bincount(cell, weights=weight, minlength=size * k).reshape(size, k)
    return tables


def counts_of(codes: Codes, size: int, y_pred: Codes, k: int) -> Floats:
    """Counts `(size, k)` of `y_pred` by value; pictures without a value are in none."""
    known = codes >= 0
    return np.bincount(codes[known] * k + y_pred[known], minlength=size * k).reshape(size, k).astype(np.float64)


def chance_p(seen: Floats, by_chance: Floats) -> Floats:
    """One-sided p of "as large or larger by chance", `(b + 1) / (B + 1)`; NaN where the number is not known.

    A draw whose number is not known (an empty cell) counts as larger. Source: Phipson and Smyth 2010,
    https://doi.org/10.2202/1544-6115.1585.

    Args:
        seen: numbers of any shape.
        by_chance: the same of `B` draws, first axis.
    """
    beyond = ~(by_chance < seen - 1e-12 * np.maximum(1.0, np.abs(seen)))
    return np.asarray(np.where(np.isfinite(seen), (beyond.sum(axis=0) + 1) / (len(by_chance) + 1), np.nan), dtype=np.float64)


def excess_interval(seen: Floats, by_chance: Floats, drawn: Floats, *, level: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """A number less its mean under chance, and the interval of that, from the spread of bootstrap samples.

    For numbers that cannot be negative (a largest gap, a divergence, a calibration error): they are above zero in any data,
    and so is all of their percentile interval.
    """
    excess = seen - by_chance.mean(axis=0)
    half = quantile(level) * drawn.std(axis=0, ddof=1)
    return excess, excess - half, excess + half
