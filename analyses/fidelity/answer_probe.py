"""What does a model answer, as far as its features for a picture tell? A probe fitted on its answers to other pictures.

A probe fitted on true labels says what is readable in the features; only one fitted on the model's own answers speaks for
the model. Both are the same fit, and the fit on labels permuted at random is the control of either.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from affect_workbench.analyses.space.erasure.folds import grouped_folds
from affect_workbench.arrays import Codes, Floats
from affect_workbench.data.plurals import plural

FOLDS = 5
MOST_COMPONENTS = 256
"""Principal components that wider features are reduced to."""
_MOST_FOR_COMPONENTS = 1_024
"""Fitted pictures, drawn at random, from which the components are found."""
_ITERATIONS = 100


@dataclass(frozen=True)
class OutOfFold:
    """What a probe says of `n` pictures, each by a fit that has not seen it or its group.

    Attributes:
        probabilities: `(n, k)`, rows sum to 1; 0 for a label that no picture of the fit had.
        fold: `(n,)` which fit each picture was left out of.
    """

    probabilities: Floats
    fold: Codes

    @property
    def codes(self) -> Codes:
        """Position of the most probable label `(n,)`."""
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)


@dataclass(frozen=True)
class FoldFeatures:
    """Features of all `n` pictures as the fit of one fold takes them.

    Attributes:
        fitted: `(n,)` which pictures it is fitted on.
        values: `(n, c)` standardised by those, and reduced to their principal components where there are more than
            `MOST_COMPONENTS` columns.
    """

    fitted: npt.NDArray[np.bool_]
    values: Floats


def answer_probe(
    x: npt.NDArray[Any], answers: Codes, *, classes: int, groups: Codes | None = None, seed: int = 0
) -> OutOfFold:
    """A multinomial logistic regression from features to answers, cross-fitted.

    Five folds (fewer where there are fewer pictures or groups), groups together, labels spread evenly. Features are
    standardised; more than 256 of them are reduced to 256 principal components of (at most 1,024 of) the fitted pictures,
    which turns and cuts the space but keeps its scale. The L2 strength is fixed, 1 / C = root of the number of columns, as
    in `analyses.space.erasure.linear_probe`: nothing is tuned on the pictures that are judged. Fitted on the answers of a
    model it is the answer probe; on true labels it says what is readable; on permuted ones it is the control.

    Args:
        x: features `(n, d)`.
        answers: `(n,)` position of the label, -1 where none is known: such a picture is never fitted on, and still judged.
        classes: how many labels there are, `k`; some may have few answers, or none.
        groups: group of each picture, None for independent ones.
        seed: of folds and components.

    Raises:
        ValueError: shapes disagree, features are not finite, fewer than two answers, pictures or groups.
    """
    if len(x) != len(answers):
        raise ValueError(f"{len(answers)} answers for features of {len(x)} pictures: expected one each")
    fold = answer_folds(answers, groups=groups, seed=seed)
    parts = fold_features(x, fold, seed=seed)
    return OutOfFold(fitted_probabilities(parts, answers, classes=classes), fold)


def answer_folds(answers: Codes, *, groups: Codes | None, seed: int) -> Codes:
    """Fold of each picture `(n,)`, see `answer_probe`.

    Raises:
        ValueError: fewer than two answers, pictures or groups.
    """
    known = answers >= 0
    units = known.sum() if groups is None else len(np.unique(groups[known]))
    if units < 2:
        what = plural(int(units), "independent picture or group", "independent pictures or groups")
        raise ValueError(f"answers to {what}: a probe needs at least two")
    return grouped_folds(answers + 1, int(min(FOLDS, units)), groups=groups, seed=seed)


def fold_features(x: npt.NDArray[Any], fold: Codes, *, seed: int) -> Iterator[FoldFeatures]:
    """What the fit of each fold takes, one fold at a time.

    Raises:
        ValueError: features are not finite.
    """
    features = np.asarray(x, np.float32)
    if features.ndim != 2 or not np.isfinite(features).all():
        raise ValueError(f"features have shape {features.shape}: expected (pictures, columns), every number finite")
    for number in range(int(fold.max()) + 1):
        fitted = fold != number
        mean, spread = (getattr(features[fitted], name)(axis=0, dtype=np.float64) for name in ("mean", "std"))
        scale = 1 / np.where(spread > 1e-6 * np.abs(mean) + 1e-30, spread, np.inf)
        values = (features - mean.astype(np.float32)) * scale.astype(np.float32)
        if values.shape[1] > MOST_COMPONENTS:
            values = values @ _components(values[fitted], np.random.default_rng([seed, number]))
        yield FoldFeatures(fitted, np.asarray(values, np.float64))


def fitted_probabilities(parts: Iterator[FoldFeatures] | list[FoldFeatures], codes: Codes, *, classes: int) -> Floats:
    """Probabilities `(n, classes)` of the labels, each picture's by the fit of the folds that it is not in.

    Args:
        parts: of `fold_features`.
        codes: `(n,)` what is fitted on, -1 for nothing.
        classes: how many labels there are.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    found = np.zeros((len(codes), classes))
    for part in parts:
        used, judged = part.fitted & (codes >= 0), ~part.fitted
        seen = np.unique(codes[used])
        if len(seen) < 2:
            found[np.ix_(judged, seen)] = 1.0
            found[judged] += 1 / classes if not len(seen) else 0.0
            continue
        # The penalty makes the fit unique; a fit that is not quite at its end judges pictures as well.
        model = LogisticRegression(C=1 / np.sqrt(part.values.shape[1]), max_iter=_ITERATIONS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(part.values[used], codes[used])
        found[np.ix_(judged, seen)] = model.predict_proba(part.values[judged])
    return found


def _components(x: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Orthonormal `(d, c)`: the leading principal components of standardised rows, from a sample of them."""
    rows = x if len(x) <= _MOST_FOR_COMPONENTS else x[rng.choice(len(x), _MOST_FOR_COMPONENTS, replace=False)]
    narrow = rows.shape[1] <= rows.shape[0]
    strength, vectors = np.linalg.eigh(np.asarray(rows.T @ rows if narrow else rows @ rows.T, np.float64))
    leading = np.argsort(strength)[::-1][:MOST_COMPONENTS]
    leading = leading[strength[leading] > 1e-6 * max(strength.max(), 1e-30)]
    directions = vectors[:, leading] if narrow else rows.T @ vectors[:, leading] / np.sqrt(strength[leading])
    return np.asarray(directions, np.float32)
