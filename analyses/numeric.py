"""Does a number (valence, a text's score, the polarity of what is said) differ between a slice and the other pictures?

The difference of two means with a Welch interval, a permutation test of the Welch statistic, a tolerance in units of the
number, and the four verdicts of `analyses.cells`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, islice
from math import log
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special, stats

from analyses.cells import LOW_EVIDENCE_COUNT, slice_families
from analyses.clusters import group_codes
from analyses.counting import group_sums
from analyses.families import families
from analyses.hierarchical import select
from analyses.inference import Floats
from analyses.paired import group_totals
from analyses.resampling import dealt_codes, null_tables
from analyses.slices import CodedAttribute, SliceSpec
from data.magnitude import require_moderate
from data.predictions import Predictions
from data.taxonomy import closest

Codes = npt.NDArray[np.int64]
MOST_ARRANGEMENTS = 200_000
"""Up to this many ways to choose the slice's pictures (or groups), all are tried: the p is exact."""
MOST_PERMUTED = 50_000
"""With more pictures, slices that leave `LARGE` pictures on both sides are judged by Welch's t alone."""
LARGE = 500
FEW_VALUES = 64
"""An outcome with at most this many values is permuted as a table of counts, at a cost that does not grow with the data."""
_BLOCK = 500
DEFAULT_TOLERANCE = 0.2
"""Tolerance in standard deviations of the outcome: Cohen's "small", https://doi.org/10.4324/9780203771587."""
METHODS = ("exact", "permutation", "welch", "none")


def numeric_table(
    outcome: Floats, attributes: Sequence[CodedAttribute], *, groups: Codes | None = None, tolerance: float | None = None,
    min_count: int = 10, alpha: float = 0.05, order: int = 1, draws: int = 9_999, seed: int = 0,
    inferred: frozenset[str] = frozenset(), name: str = "outcome",
) -> pd.DataFrame:  # fmt: skip
    """One row a slice, in units of the outcome; NaN = not known.

    Columns: `slice`, `where`, `n`, `n_complement` (pictures with an outcome), `left_out` (without one, on either side);
    `mean`, `complement_mean`, `effect`, 95 % Welch interval `low`, `high`; `p`, by which `method` (one of `METHODS`), `q`
    (Benjamini-Hochberg within the family of slices), and for q <= alpha the interval `adjusted_low`, `adjusted_high` at the
    level that allows for the picking; `tolerance`, `detectable` (80 % power), `verdict`, `low_evidence`, `design`.

    With groups, whole groups are permuted together (`analyses.resampling.dealt_codes`), counts are divided by the design
    effect for the interval, and below ten groups on a side a slice is too small. The permuted number is Welch's t, not the
    difference: that stays right where the two sides spread differently (Janssen 1997,
    https://doi.org/10.1016/S0167-7152(97)00043-6).

    Args:
        outcome: `(n,)`, NaN where not known.
        attributes: what to slice by, coded from the same pictures.
        groups: group of each picture `(n,)`, as `analyses.clusters.group_codes` gives it.
        tolerance: the largest difference that does not matter; 0.2 standard deviations of the outcome when not given.
        min_count: fewest pictures on either side for a test.
        alpha: false discovery rate.
        order: most conditions in a slice.
        draws: random permutations where there are too many to try all.
        seed: their seed.
        inferred: columns whose values were inferred; their slices are a family of their own.
        name: of the outcome, for messages.

    Raises:
        ValueError: lengths disagree; the outcome is infinite, unknown everywhere or the same everywhere; a bad tolerance.
    """
    values = _checked(outcome, attributes, tolerance, draws, name)
    known = np.isfinite(values)
    spread = float(values[known].std(ddof=1))
    tolerance = DEFAULT_TOLERANCE * spread if tolerance is None else tolerance
    centre = float(values[known].mean())
    values = np.where(known, values - centre, 0.0)
    columns = np.stack([known.astype(float), values, values**2], axis=1)
    rng = np.random.default_rng(seed)
    specs: list[SliceSpec] = []
    parts: list[tuple[Floats, Floats, Floats, npt.NDArray[Any], npt.NDArray[Any]]] = []
    for family in families(attributes, order):
        at = np.array([code for code, _ in family.specs()], dtype=np.int64)
        specs += [spec for _, spec in family.specs()]
        sums = group_sums(family.codes, family.size, columns)
        codes = np.where(known, family.codes, -1)
        enough = np.minimum(sums[:, 0], sums[:, 0].sum() - sums[:, 0]) >= min_count
        p, method = _tested(codes, family.size, columns, groups, enough, draws, rng)
        lost = np.full(len(at), int(((family.codes >= 0) & ~known).sum()))
        parts.append((sums[at], (sums.sum(axis=0) - sums)[at], lost, p[at], method[at]))
    inside, outside, left_out, p, method = (np.concatenate(part) for part in zip(*parts, strict=True))
    design = np.ones(len(specs))
    if groups is not None:
        counted = columns[:, :1]
        design = group_totals(specs, attributes, groups, values[:, None] * counted, counted, order=order).design[:, 0]
    n, m = inside[:, 0], outside[:, 0]
    tested = (n >= min_count) & (m >= min_count) & np.isfinite(design)
    worth = np.where(np.isfinite(design), design, 1.0)
    p = np.where(tested, p, np.nan)
    selection = select(p[:, None], slice_families(tuple(specs), inferred), alpha=alpha)
    q = selection.slice_q
    effect, error, freedom = _welch(inside.T / worth, outside.T / worth)
    half, adjusted = (error * stats.t.ppf((1 + level) / 2, freedom) for level in (0.95, selection.level))
    picked = q <= alpha
    low_evidence = np.minimum(n, m) / worth < LOW_EVIDENCE_COUNT
    with np.errstate(divide="ignore", invalid="ignore"):
        verdict = np.select(
            [~tested, picked & (np.abs(effect) - adjusted > tolerance), np.abs(effect) + half <= tolerance, low_evidence],
            ["too small", "skewed", "equivalent", "too small"],
            "undetermined",
        )
        detectable = spread * np.sqrt(worth / n + worth / m) * (stats.norm.isf(alpha / 2) + stats.norm.ppf(0.8))
        means = [np.where(tested, side[:, 1] / side[:, 0] + centre, np.nan) for side in (inside, outside)]
    shown = np.where(tested, effect, np.nan)
    return pd.DataFrame(
        {
            "slice": [spec.name for spec in specs], "where": [spec.as_json() for spec in specs],
            "n": np.rint(n).astype(np.int64), "n_complement": np.rint(m).astype(np.int64), "left_out": left_out,
            "mean": means[0], "complement_mean": means[1], "effect": shown, "low": shown - half, "high": shown + half,
            "p": p, "method": np.where(tested, method, "none"), "q": q,
            "adjusted_low": np.where(picked, effect - adjusted, np.nan),
            "adjusted_high": np.where(picked, effect + adjusted, np.nan), "tolerance": tolerance,
            "detectable": np.where(np.isfinite(detectable), detectable, np.inf), "verdict": verdict,
            "low_evidence": low_evidence, "design": worth,
        }
    )  # fmt: skip


def severity_table(
    predictions: Predictions, attributes: Sequence[CodedAttribute], *, valence: Mapping[str, float] | None = None,
    beyond_labels: bool = False, tolerance: float | None = None, min_count: int = 10, alpha: float = 0.05, order: int = 1,
    draws: int = 9_999, seed: int = 0, inferred: frozenset[str] = frozenset(),
) -> tuple[pd.DataFrame, tuple[str, ...]]:  # fmt: skip
    """How far a slice's readings lie from the complement's in valence: joy read as contentment is mild, as anger is not.

    Args:
        predictions: of the `n` pictures.
        attributes: what to slice by, coded from the same pictures.
        valence: label -> number, from a user's own lexicon; the taxonomy's polarity (-1, 0, +1) when not given.
        beyond_labels: take what is said less what the labels or votes say, the model's own part, of pictures with a truth.
        tolerance: as in `numeric_table`, in units of valence.
        min_count: as in `numeric_table`.
        alpha: as in `numeric_table`.
        order: as in `numeric_table`.
        draws: as in `numeric_table`.
        seed: as in `numeric_table`.
        inferred: as in `numeric_table`.

    Returns:
        `numeric_table` of the valence, and the labels without one, whose pictures are left out.

    Raises:
        ValueError: no label has a valence, an unknown label is given one, or `beyond_labels` without labels.
    """
    labels = predictions.taxonomy.labels
    known = dict(predictions.taxonomy.polarity if valence is None else valence)
    for label in known:
        if label not in labels:
            raise ValueError(f"a valence is given for {label!r}, which is no label of the data: {closest(label, labels)}")
    number = np.array([known.get(label, np.nan) for label in labels], dtype=np.float64)
    if not np.isfinite(number).any():
        raise ValueError(f"none of {', '.join(labels)} has a known polarity: give a valence for each label")
    outcome = number[predictions.predicted]
    if beyond_labels:
        truth = predictions.truth
        if truth is None:
            raise ValueError("no picture has a true label or votes to go beyond: give a column 'label', or votes")
        # A picture with votes for a label without valence has none itself.
        unclear = (np.nan_to_num(truth) * ~np.isfinite(number)).sum(axis=1) > 0
        outcome = np.where(unclear, np.nan, outcome - truth @ np.nan_to_num(number))
    table = numeric_table(
        outcome, attributes, groups=group_codes(predictions.rows), tolerance=tolerance, min_count=min_count, alpha=alpha,
        order=order, draws=draws, seed=seed, inferred=inferred,
        name="valence beyond the labels" if beyond_labels else "valence of what is said",
    )  # fmt: skip
    return table, tuple(label for label, value in zip(labels, number, strict=True) if not np.isfinite(value))


def _checked(
    outcome: Floats, attributes: Sequence[CodedAttribute], tolerance: float | None, draws: int, name: str
) -> Floats:
    values = np.asarray(outcome, dtype=np.float64)
    if not attributes:
        raise ValueError(f"nothing to slice {name} by: give at least one attribute")
    if values.shape != attributes[0].codes.shape:
        raise ValueError(f"{name} has shape {values.shape}: expected one number a picture, {attributes[0].codes.shape}")
    if np.isinf(values).any():
        raise ValueError(
            f"{name} is infinite for {int(np.isinf(values).sum())} picture(s): leave them empty or correct them"
        )
    require_moderate(values, what=name)
    known = values[np.isfinite(values)]
    if len(known) < 2 or known.min() == known.max():
        what = f"the same ({known[0]:g})" if len(known) else "not known"
        raise ValueError(f"{name} is {what} for all of {len(values)} picture(s): there is nothing to compare")
    if tolerance is not None and not (np.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"tolerance is {tolerance}: expected a number of units of {name}, zero or more")
    if draws < 19:
        raise ValueError(f"{draws} random permutations: expected at least 19, below which nothing can reach p = 0.05")
    return values


def _welch(inside: Floats, outside: Floats) -> tuple[Floats, Floats, Floats]:
    """Difference of means, its standard error, and degrees of freedom, from rows n, sum, sum of squares `(3, ...)`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        (mean, own), (other_mean, other) = (
            (total / n, np.maximum(squares - total**2 / n, 0) / (n - 1) / n) for n, total, squares in (inside, outside)
        )
        variance = own + other
        freedom = variance**2 / (own**2 / (inside[0] - 1) + other**2 / (outside[0] - 1))
        # Neither side varies: as good as the pictures there are.
        freedom = np.where(np.isfinite(freedom), freedom, np.maximum(inside[0] + outside[0] - 2, 1))
        return mean - other_mean, np.sqrt(variance), freedom


def _tested(
    codes: Codes, size: int, columns: Floats, groups: Codes | None, enough: npt.NDArray[np.bool_], draws: int,
    rng: np.random.Generator,
) -> tuple[Floats, npt.NDArray[Any]]:  # fmt: skip
    """Two-sided p of every value `(size,)` against the rest, and how it was found."""
    known = codes >= 0
    codes, columns, groups = codes[known], columns[known], None if groups is None else groups[known]
    sums = group_sums(codes, size, columns)
    total = sums.sum(axis=0)
    seen = _size_of(sums, total)
    method = np.full(size, "permutation", dtype=object)
    method[~enough] = "none"
    p = np.full(size, np.nan)
    many = len(codes) > MOST_PERMUTED and (groups is not None or len(np.unique(columns[:, 1])) > FEW_VALUES)
    large = enough & many & (np.minimum(sums[:, 0], total[0] - sums[:, 0]) >= LARGE)
    if groups is None and large.any():
        effect, error, freedom = _welch(sums.T, (total - sums).T)
        p[large], method[large] = (2 * stats.t.sf(np.abs(effect / error), freedom))[large], "welch"
    units, unit_codes = _units(codes, columns, groups)
    if units is not None:
        for value in np.flatnonzero(enough & (method == "permutation")):
            chosen = int((unit_codes == value).sum())
            ways = special.gammaln(len(units) + 1) - special.gammaln([chosen + 1, len(units) - chosen + 1]).sum()
            if ways <= log(MOST_ARRANGEMENTS):
                p[value], method[value] = _exact(units, chosen, total, seen[value]), "exact"
    left = method == "permutation"
    if left.any():
        beyond = np.zeros(size)
        for again in _permuted(codes, size, columns, groups, draws, rng):
            beyond += (~(_size_of(again, total) < seen * (1 - 1e-9))).reshape(-1, size).sum(axis=0)
        p[left] = (beyond[left] + 1) / (draws + 1)
    return p, method


def _permuted(
    codes: Codes, size: int, columns: Floats, groups: Codes | None, draws: int, rng: np.random.Generator
) -> Iterator[Floats]:
    """Sums `(..., size, 3)` of `draws` permutations in all; of independent pictures with few different values as tables."""
    values, number = np.unique(columns[:, 1], return_inverse=True)
    if groups is None and len(values) <= FEW_VALUES:
        of_value = np.stack([np.ones(len(values)), values, values**2], axis=1)
        for start in range(0, draws, _BLOCK):
            tables = null_tables(codes, size, number, len(values), None, draws=min(_BLOCK, draws - start), rng=rng)
            yield tables @ of_value
        return
    for dealt in dealt_codes(codes, groups, draws=draws, rng=rng):
        sides = [np.bincount(dealt, weights=column, minlength=size) for column in columns.T]
        yield np.stack(sides, axis=1).astype(np.float64)


def _size_of(sums: Floats, total: Floats) -> Floats:
    """Size of Welch's t of rows n, sum, sum of squares `(..., 3)` against the rest."""
    effect, error, _ = _welch(np.moveaxis(sums, -1, 0), np.moveaxis(total - sums, -1, 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.abs(effect) < 1e-12, 0.0, np.abs(effect) / error)


def _units(codes: Codes, columns: Floats, groups: Codes | None) -> tuple[Floats | None, Codes]:
    """What is permuted as one: sums `(u, 3)` and value `(u,)`; None where a group holds several values."""
    if groups is None:
        return columns, codes
    number = np.unique(groups, return_inverse=True)[1]
    count = int(number.max(initial=-1)) + 1
    value = np.zeros(count, dtype=np.int64)
    value[number] = codes
    return (group_sums(number, count, columns), value) if (value[number] == codes).all() else (None, codes)


def _exact(units: Floats, chosen: int, total: Floats, seen: float) -> float:
    """Share of all ways to choose the slice's units whose statistic is as large as the one seen."""
    ways = combinations(range(len(units)), chosen)
    beyond = count = 0
    while block := list(islice(ways, 20_000)):
        sums = units[np.array(block, dtype=np.int64).reshape(len(block), chosen)].sum(axis=1)
        beyond += int((~(_size_of(sums, total) < seen * (1 - 1e-9))).sum())
        count += len(block)
    return beyond / count
