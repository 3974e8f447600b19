"""Which numbers do other fairness tools and some rules ask for, and which of them would chance alone give?

Demographic parity, equalised odds and four-fifths ratios, as Fairlearn and local rules define them: a largest gap between
the values of an attribute. A largest gap is above zero in any data, unbiased ones included, and grows with the number of
values; so each comes with its mean under chance, the excess over that with an interval, and a p. None is a verdict:
`four-fifths` fails in 46 to 73 % of attribute and emotion pairs of unbiased data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from affect_workbench.analyses.inference.multiplicity import benjamini_hochberg
from affect_workbench.analyses.inference.resampling import (
    STANDARD_SAMPLING,
    Sampling,
    chance_p,
    drawn_tables,
    excess_interval,
    null_tables,
    random_tables,
)
from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.arrays import Codes, Floats
from affect_workbench.data.taxonomies.taxonomy import closest

Measure = tuple[Callable[[Floats], Floats], int]
"""What is measured of counts, and +1 where larger is more unequal, -1 where smaller is."""
_MOST_AT_ONCE = 2_000_000
COMPARABILITY_COLUMNS = (
    "attribute",
    "emotion",
    "measure",
    "values",
    "smallest",
    "value",
    "by_chance",
    "excess",
    "low",
    "high",
    "p",
    "q",
    "highest",
    "lowest",
)


def comparability_table(
    data: SlicedPredictions, *, favourable: str | None = None, sampling: Sampling = STANDARD_SAMPLING
) -> pd.DataFrame:
    """One row an (attribute, emotion, measure).

    Columns: `attribute`, `emotion`, `measure`; `values` of the attribute and pictures in the `smallest` of them; `value`,
    the number; `by_chance`, its mean when the values of the attribute are permuted at random (whole groups together; for
    equalised odds within each true label where there are no groups); `excess = value - by_chance` with its 95 % interval
    `low`, `high` from bootstrap samples of pictures or groups; one-sided `p` of at least this much by chance, and `q`
    (Benjamini-Hochberg, within the measure); the values with the `highest` and `lowest` share, None for equalised odds.

    Measures: `demographic parity difference`, largest less smallest share read as the emotion; `demographic parity ratio`,
    smallest over largest; with a truth `equalised odds difference`, the larger of the two such differences of true and
    false positive rates, and `equalised odds ratio`, the smaller of the ratios; `impact ratio`, of the favourable emotion
    only, the smallest share over the largest, which a rule of thumb of US agencies wants to be at least four fifths (29 CFR
    1607.4). For ratios smaller is more unequal: their excess is below zero, and p counts those as small. Pictures without a
    value or without a truth are not counted. An empty value has no rate and is left aside.

    Args:
        data: the `n` pictures.
        favourable: the emotion that is good for whom it is said of; without one there is no impact ratio.
        sampling: random draws for chance, and as many for the interval.

    Raises:
        ValueError: an unknown favourable label.
    """
    taxonomy, rng = data.predictions.taxonomy, sampling.rng()
    if favourable is not None and not taxonomy.knows(favourable):
        raise ValueError(f"favourable label {favourable!r} is not in the data: {closest(favourable, taxonomy.labels)}")
    tables = []
    for attribute in data.attributes:
        names = np.array([one.name for one in attribute.conditions], dtype=object)
        kinds: dict[str, Measure] = {
            "demographic parity difference": (parity_difference, 1),
            "demographic parity ratio": (parity_ratio, -1),
        }
        seen, drawn = _drawn(data, attribute, kinds, truth=None, draws=sampling.draws, rng=rng)
        rates = _rates(seen[:, 0])
        if data.true_codes is not None:
            odds: dict[str, Measure] = {
                "equalised odds difference": (odds_difference, 1),
                "equalised odds ratio": (odds_ratio, -1),
            }
            seen, more = _drawn(data, attribute, odds, truth=data.true_codes, draws=sampling.draws, rng=rng)
            kinds, drawn = kinds | odds, drawn | more
        if favourable is not None:
            kinds["impact ratio"] = kinds["demographic parity ratio"]
            drawn["impact ratio"] = drawn["demographic parity ratio"]
        for measure, (_, sign) in kinds.items():
            value, chance, samples, sizes = drawn[measure]
            chance_mean = np.nan_to_num(chance, nan=0.0 if sign > 0 else 1.0)
            excess, low, high = excess_interval(value, chance_mean, np.nan_to_num(samples))
            part = pd.DataFrame(
                {
                    "attribute": attribute.column,
                    "emotion": list(taxonomy.labels),
                    "measure": measure,
                    "values": int((sizes > 0).sum()),
                    "smallest": int(sizes.min()),
                    "value": value,
                    "by_chance": chance_mean.mean(axis=0),
                    "excess": excess,
                    "low": low,
                    "high": high,
                    "p": chance_p(sign * value, sign * chance),
                    "highest": None if "odds" in measure else names[np.nan_to_num(rates, nan=-1).argmax(axis=0)],
                    "lowest": None if "odds" in measure else names[np.nan_to_num(rates, nan=2).argmin(axis=0)],
                }
            )
            if measure == "impact ratio":
                part = part[part["emotion"] == taxonomy.resolve(str(favourable))]
            tables.append(part)
    table = pd.concat(tables, ignore_index=True)
    table["q"] = table.groupby("measure", sort=False)["p"].transform(lambda p: benjamini_hochberg(p.to_numpy()))
    return table.reindex(columns=list(COMPARABILITY_COLUMNS))


def parity_difference(counts: Floats) -> Floats:
    """Largest less smallest share said `(..., k)`, of counts `(..., values, k true, k y_pred)`; NaN with one value."""
    rates = _rates(counts.sum(axis=-2))
    return _reduced(rates, lambda low, high: high - low)


def parity_ratio(counts: Floats) -> Floats:
    """Smallest over largest share said `(..., k)`; NaN where nobody is read as the emotion."""
    return _reduced(_rates(counts.sum(axis=-2)), _over)


def odds_difference(counts: Floats) -> Floats:
    """The larger of the largest gaps of true and of false positive rates `(..., k)`, each emotion against all others."""
    gaps = [_reduced(rates, lambda low, high: high - low) for rates in positive_rates(counts)]
    return np.fmax(*gaps)


def odds_ratio(counts: Floats) -> Floats:
    """The smaller of the ratios of smallest to largest true and false positive rate `(..., k)`."""
    return np.fmin(*(_reduced(rates, _over) for rates in positive_rates(counts)))


def positive_rates(counts: Floats) -> tuple[Floats, Floats]:
    """True and false positive rates `(..., values, k)`; NaN where no picture can show them."""
    hit = np.diagonal(counts, axis1=-2, axis2=-1)
    shown, hits = counts.sum(axis=-1), counts.sum(axis=-2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return hit / shown, (hits - hit) / (shown.sum(axis=-1, keepdims=True) - shown)


def _rates(hits: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(hits / hits.sum(axis=-1, keepdims=True), dtype=np.float64)


def _reduced(rates: Floats, reduce: Callable[[Floats, Floats], Floats]) -> Floats:
    """Of the rates `(..., values, k)` that are known; NaN where fewer than two are."""
    known = np.isfinite(rates)
    low = np.where(known, rates, np.inf).min(axis=-2)
    high = np.where(known, rates, -np.inf).max(axis=-2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(known.sum(axis=-2) > 1, reduce(low, high), np.nan)


def _over(low: Floats, high: Floats) -> Floats:
    return np.where(high > 0, low / high, np.nan)


def _drawn(
    data: SlicedPredictions,
    attribute: CodedAttribute,
    measures: Mapping[str, Measure],
    *,
    truth: Codes | None,
    draws: int,
    rng: np.random.Generator,
) -> tuple[Floats, dict[str, tuple[Floats, Floats, Floats, Floats]]]:
    """Counts `(values, t, k)` seen, t = 1 or k, and what each measure makes of them and of their draws.

    For each measure: its value `(k,)`, the same under chance `(draws, k)` and in bootstrap samples, and the pictures of each
    value. Draws are made and measured in blocks, so that memory stays small.
    """
    y_pred, k, groups = data.predictions.predicted, len(data.predictions.taxonomy), data.groups
    t = 1 if truth is None else k
    size = len(attribute.conditions)
    codes = attribute.codes if truth is None else np.where(truth >= 0, attribute.codes, -1)
    joint = y_pred if truth is None else np.maximum(truth, 0) * k + y_pred
    known = codes >= 0
    seen = np.bincount(codes[known] * t * k + joint[known], minlength=size * t * k).reshape(size, t, k).astype(np.float64)
    block = max(1, min(draws, _MOST_AT_ONCE // seen.size))
    found: dict[str, tuple[list[Floats], list[Floats]]] = {name: ([], []) for name in measures}
    for start in range(0, draws, block):
        count = min(block, draws - start)
        drawn = drawn_tables(codes, size, joint, t * k, groups, draws=count, rng=rng).reshape(count, size, t, k)
        if groups is not None or truth is None:
            null = null_tables(codes, size, joint, t * k, groups, draws=count, rng=rng).reshape(count, size, t, k)
        else:
            null = np.zeros((count, size, k, k))
            for label in np.unique(truth[known]):
                rows, columns = seen[:, label].sum(axis=1), seen[:, label].sum(axis=0)
                margins = rows.astype(np.int64), columns.astype(np.int64)
                null[:, :, label] = random_tables(*margins, draws=count, rng=rng)
        for name, (number, _) in measures.items():
            for kept, tables in zip(found[name], (null, drawn), strict=True):
                kept.append(number(tables))
    sizes = seen.sum(axis=(1, 2))
    return seen, {
        name: (number(seen), *(np.concatenate(part) for part in found[name]), sizes)
        for name, (number, _) in measures.items()
    }
