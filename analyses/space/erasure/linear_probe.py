"""Can the attribute be read off the features by a straight line, and is that more than such a line can make of anything?"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from affect_workbench.analyses.inference.intervals import quantile
from affect_workbench.analyses.inference.resampling import permuted_codes
from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.slices.sums import group_sums
from affect_workbench.analyses.space.erasure.folds import grouped_folds
from affect_workbench.arrays import Codes, Floats

FOLDS = 5
_SHARED = 1 + FOLDS / (FOLDS - 1)
"""How much more an accuracy varies over folds than over as many independent pictures: 1 + folds x judged / fitted."""
FEWEST = 20
"""Pictures of a value from which a line is fitted to it."""
COLUMNS = (
    "attribute",
    "n",
    "values",
    "accuracy",
    "low",
    "high",
    "chance",
    "control_accuracy",
    "selectivity",
    "selectivity_low",
    "selectivity_high",
)


def linear_probe(
    x: npt.NDArray[Any], attribute: CodedAttribute, *, groups: Codes | None = None, seed: int = 0
) -> dict[str, Any]:
    """How well a logistic regression tells the values of an attribute apart, on pictures that it has not seen.

    Five folds, groups together. Accuracy is balanced: the mean over the values of the share recognised, so that `chance` is
    one over the number of `values`. The control is the same regression on values permuted at random (groups together):
    what it recognises is memory, not structure. `selectivity` is the accuracy beyond that (Hewitt and Liang 2019,
    https://arxiv.org/abs/1909.03368). Intervals are 95 %, with whole groups as units, and as wide as folds that learn from
    each other ask for (Nadeau and Bengio 2003, https://doi.org/10.1023/A:1024068626366): taken for independent, the
    pictures' hits gave intervals that held the truth in 84 to 92 %; these hold it in 97 % or more. "Encoded" is not
    "used": see `analyses.space.erasure.erasure_test`.

    Args:
        x: features `(n, d)`.
        attribute: a value with fewer than `FEWEST` pictures is left out.
        groups: group of each picture, None for independent ones.
        seed: of folds and control.

    Returns:
        A record with the keys `COLUMNS`.

    Raises:
        ValueError: fewer than two values with `FEWEST` pictures, or fewer groups than folds.
    """
    count = np.bincount(attribute.codes[attribute.codes >= 0], minlength=len(attribute.conditions))
    known = np.flatnonzero((attribute.codes >= 0) & (count >= FEWEST)[attribute.codes])
    values, codes = np.unique(attribute.codes[known], return_inverse=True)
    if len(values) < 2:
        raise ValueError(
            f"attribute {attribute.column!r} has fewer than two values with {FEWEST} pictures: nothing to decode"
        )
    features, codes = np.asarray(x[known], np.float64), codes.astype(np.int64)
    own = None if groups is None else groups[known]
    fold = grouped_folds(codes, FOLDS, groups=own, seed=seed)
    (permuted,) = permuted_codes(codes, own, draws=1, rng=np.random.default_rng(seed))
    hits, control = (
        _hits(features, codes, fold),
        _hits(features, permuted, grouped_folds(permuted, FOLDS, groups=own, seed=seed)),
    )
    weight, permuted_weight = _balance(codes), _balance(permuted)
    accuracy, error = _mean(hits, weight, codes, own)
    selectivity = accuracy - float(control @ permuted_weight)
    both = np.sqrt(error**2 + _mean(control, permuted_weight, permuted, own)[1] ** 2)
    z = float(quantile(0.95))
    return dict(
        zip(
            COLUMNS,
            (
                attribute.column,
                len(codes),
                len(values),
                accuracy,
                max(accuracy - z * error, 0.0),
                min(accuracy + z * error, 1.0),
                1 / len(values),
                accuracy - selectivity,
                selectivity,
                selectivity - z * both,
                selectivity + z * both,
            ),
            strict=True,
        )
    )


def _hits(x: Floats, codes: Codes, fold: Codes) -> Floats:
    """Whether each picture's value is recognised by the regression of the other folds `(n,)`."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    hits = np.zeros(len(codes))
    for number in range(FOLDS):
        fitted, judged = fold != number, fold == number
        mean, spread = x[fitted].mean(axis=0), x[fitted].std(axis=0)
        scale = 1 / np.where(spread > 1e-12, spread, 1.0)
        # The penalty makes the fit unique; a fit that is not quite at its end reads pictures as well.
        model = LogisticRegression(C=1 / np.sqrt(x.shape[1]), max_iter=60, class_weight="balanced")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit((x[fitted] - mean) * scale, codes[fitted])
        hits[judged] = model.predict((x[judged] - mean) * scale) == codes[judged]
    return hits


def _balance(codes: Codes) -> Floats:
    """Weights `(n,)` that sum to one and give every value the same."""
    count = np.bincount(codes)
    return np.asarray(1 / (len(count) * count[codes]), np.float64)


def _mean(hits: Floats, weight: Floats, codes: Codes, groups: Codes | None) -> tuple[float, float]:
    """Weighted mean and its standard error over folds, from what every group (or picture) adds."""
    rate = np.bincount(codes, weights=hits) / np.bincount(codes)
    added = weight * (hits - rate[codes])
    if groups is not None:
        number = np.unique(groups, return_inverse=True)[1].astype(np.int64)
        added = group_sums(number, int(number.max()) + 1, added[:, None])[:, 0]
    units = max(len(added) - 1, 1)
    return float(hits @ weight), float(np.sqrt(_SHARED * (added**2).sum() * (units + 1) / units))
