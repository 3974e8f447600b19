"""Over all emotions at once, how differently is a slice read, beyond what chance does to so few pictures?

Jensen-Shannon divergence (base 2: 0 alike, 1 nothing in common) less its mean under permutation, and Cramer's V with its
bias corrected. Both are above zero in any data as they come.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from affect_workbench.analyses.inference.multiplicity import benjamini_hochberg
from affect_workbench.analyses.inference.resampling import (
    STANDARD_SAMPLING,
    Sampling,
    chance_p,
    counts_of,
    drawn_tables,
    excess_interval,
    null_tables,
)
from affect_workbench.analyses.inference.verdicts import STANDARD, Rules
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.families import families
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.arrays import Floats


def distribution_table(
    data: SlicedPredictions, *, rules: Rules = STANDARD, sampling: Sampling = STANDARD_SAMPLING
) -> pd.DataFrame:
    """One row a slice of one condition, and one an attribute (`slice` is then None).

    Columns: `attribute`, `slice`, `n`, `n_complement`; `divergence` of the slice's emotions from the complement's (of an
    attribute: of all its values, weighted by pictures), `by_chance`, `excess` with its bootstrap interval `low`, `high`,
    one-sided `p`, `q` (Benjamini-Hochberg, slices and attributes apart); `cramers_v` with its bias corrected. NaN below
    `min_count` pictures on either side. Whole groups are permuted and drawn together.

    Sources: Lin 1991, https://doi.org/10.1109/18.61115; Bergsma 2013, https://doi.org/10.1016/j.jkss.2012.10.002.
    """
    predictions, groups = data.predictions, data.groups
    draws, rng, k = sampling.draws, sampling.rng(), len(predictions.taxonomy)
    parts = []
    for family in families(data.attributes, 1):
        attribute, size = family.attributes[0], family.size
        seen = counts_of(family.codes, size, predictions.predicted, k)
        null = null_tables(family.codes, size, predictions.predicted, k, groups, draws=draws, rng=rng)
        drawn = drawn_tables(family.codes, size, predictions.predicted, k, groups, draws=draws, rng=rng)
        n = seen.sum(axis=1)
        value, chance, samples = (
            np.concatenate([of_slices(counts), divergence(counts)[..., None]], axis=-1) for counts in (seen, null, drawn)
        )
        # In a draw that leaves a slice empty nothing differs.
        excess, low, high = excess_interval(value, np.nan_to_num(chance), np.nan_to_num(samples))
        two = np.stack([seen, seen.sum(axis=0) - seen], axis=1)
        specs = [SliceSpec((condition,)).name for condition in attribute.conditions]
        part = pd.DataFrame(
            {
                "attribute": attribute.column,
                "slice": pd.Series([*specs, None], dtype=object),
                "n": np.rint([*n, n.sum()]).astype(np.int64),
                "n_complement": np.rint([*(n.sum() - n), 0]).astype(np.int64),
                "divergence": value,
                "by_chance": np.nan_to_num(chance).mean(axis=0),
                "excess": excess,
                "low": low,
                "high": high,
                "p": chance_p(value, chance),
                "cramers_v": [*(cramers_v(table) for table in two), cramers_v(seen)],
            }
        )
        few = part["slice"].notna() & (part[["n", "n_complement"]].min(axis=1) < rules.min_count)
        part.loc[few, ["divergence", "by_chance", "excess", "low", "high", "p", "cramers_v"]] = np.nan
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    table["q"] = table.groupby(table["slice"].isna())["p"].transform(lambda p: benjamini_hochberg(p.to_numpy()))
    return table


def divergence(counts: Floats) -> Floats:
    """Jensen-Shannon divergence `(...)` in bits of the rows of `counts (..., v, k)`, weighted by their sizes.

    With base 2 and two rows of equal size between 0 and 1; it is the mutual information of row and column.
    """
    total = counts.sum(axis=(-2, -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        sizes = counts.sum(axis=-1)
        within = (np.nan_to_num(_entropy(counts)) * sizes).sum(axis=-1) / total
    return np.asarray(np.maximum(_entropy(counts.sum(axis=-2)) - within, 0.0), dtype=np.float64)


def of_slices(counts: Floats) -> Floats:
    """Jensen-Shannon divergence `(..., v)` of every row of `counts (..., v, k)` from all others, both weighted alike."""
    with np.errstate(divide="ignore", invalid="ignore"):
        own = counts / counts.sum(axis=-1, keepdims=True)
        rest = counts.sum(axis=-2, keepdims=True) - counts
        others = rest / rest.sum(axis=-1, keepdims=True)
    return np.asarray(np.maximum(_entropy(own + others) - (_entropy(own) + _entropy(others)) / 2, 0.0), dtype=np.float64)


def cramers_v(counts: Floats) -> float:
    """Cramer's V of a table `(v, k)` with its bias corrected; empty rows and columns do not count; NaN if one is left."""
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    rows, columns, n = *counts.shape, counts.sum()
    if min(rows, columns) < 2 or n < 2:
        return float("nan")
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / n
    square = ((counts - expected) ** 2 / expected).sum() / n
    corrected = max(0.0, square - (rows - 1) * (columns - 1) / (n - 1))
    least = min(size - (size - 1) ** 2 / (n - 1) for size in (rows, columns)) - 1
    return float(np.sqrt(corrected / least)) if least > 0 else float("nan")


def _entropy(counts: Floats) -> Floats:
    """Entropy in bits of the last axis, normalised; NaN where it is empty."""
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = counts / counts.sum(axis=-1, keepdims=True)
        return np.asarray(-np.where(shares > 0, shares * np.log2(shares), shares).sum(axis=-1), dtype=np.float64)
