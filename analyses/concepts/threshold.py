"""From which score on does a picture have a concept, and how often is that wrong?"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.inference.intervals import wilson
from affect_workbench.arrays import Floats, Mask
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.read import named

LEAST_LABELS = 5
"""Fewest true "yes" and fewest true "no" that place a cut, and the number of folds: each fold holds one of both."""
ASHMAN = 2.0
"""Separation of two Gaussians from which on they are two groups (Ashman, Bird and Zepf 1994, doi 10.1086/117248)."""
BIC_GAIN = 10.0
"""Very strong evidence for the second component (Kass and Raftery 1995)."""
SMALLEST_GROUP = 0.02
DIP_P = 0.005
_MIXTURE_POINTS = 5_000


@dataclass(frozen=True)
class Cut:
    """Where "yes" begins: pictures that score above `value` have the concept.

    Attributes:
        value: the score.
        how: in words, how it was found.
        positives_share: share of all pictures above it.
        method: `labels`, `mixture` or `median`.
    """

    value: float
    how: str
    positives_share: float
    method: str


@dataclass(frozen=True)
class AttributeQuality:
    """How well inferred values agree with true ones; all intervals 95 %.

    Attributes:
        n: pictures with both.
        accuracy: share that agrees; `accuracy_low` and `accuracy_high` are its Wilson interval.
        balanced_accuracy: mean recall of the values; its interval combines the recalls' Wilson intervals (MOVER,
            Zou and Donner 2008, https://doi.org/10.1002/sim.3095).
        recalls: one row a true value: `value`, `n`, `recall`, `low`, `high`. Recall of "yes" is the sensitivity, recall
            of "no" the specificity.
    """

    n: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    balanced_accuracy: float
    balanced_low: float
    balanced_high: float
    recalls: pd.DataFrame

    def in_words(self) -> str:
        """One sentence."""
        parts = ", ".join(
            f"{_of_hundred(recall, 0)} of the {n:,} true {str(value)!r} [{_of_hundred(low, 0)}, {_of_hundred(high, 0)}]"
            for value, n, recall, low, high in self.recalls[["value", "n", "recall", "low", "high"]].itertuples(index=False)
        )
        shares = (self.accuracy, self.accuracy_low, self.accuracy_high)
        right, low, high = (_of_hundred(share) for share in shares)
        balanced = (self.balanced_accuracy, self.balanced_low, self.balanced_high)
        middle, least, most = (_of_hundred(share) for share in balanced)
        return (
            f"Against {self.n:,} true labels {right} are right [{low}, {high}], balanced accuracy {middle} "
            f"[{least}, {most}]: found are {parts}."
        )


def _of_hundred(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def yes_or_no(values: Sequence[Any] | npt.NDArray[Any] | pd.Series, *, where: str = "true labels") -> Floats:
    """1 for yes/true/1, 0 for no/false/0 (any case), NaN where missing or empty; `(n,)`.

    Raises:
        ValueError: any other value, the first ones named.
    """
    series = pd.Series(list(values), dtype=object)
    text = series.where(series.notna(), "").map(lambda value: str(value).strip().lower())
    meaning = {"yes": 1.0, "true": 1.0, "1": 1.0, "1.0": 1.0, "no": 0.0, "false": 0.0, "0": 0.0, "0.0": 0.0, "": np.nan}
    unknown = text[~text.isin(list(meaning))].unique()
    if len(unknown):
        raise ValueError(
            f"{where} hold {named(unknown)}: expected yes or no, empty where unknown (name the value that means yes: "
            "column=value)"
        )
    return np.array([meaning[value] for value in text], np.float64)


def calibrated_cut(
    scores: Floats, labels: Sequence[Any] | npt.NDArray[Any] | None = None, *, weights: Floats | None = None, seed: int = 0
) -> Cut:
    """The score from which on a picture has the concept.

    With true labels of some pictures: the cut of the largest balanced accuracy. Without: the score 0 would be the
    natural cut of a contrast pair, but all CLIP pictures lie off the text vectors in one direction (the modality gap,
    https://arxiv.org/abs/2203.02053), which shifts every score by a constant nobody knows. So: where the scores form two
    groups, the point between their means at which both are equally likely; else the median. "Two groups" means that a
    mixture of two Gaussians beats one by more than 10 in BIC, lies apart by Ashman's D > 2, holds at least 2 % of the
    pictures in the smaller one, and leaves a dip that can be counted: of equally wide windows (a quarter of the distance
    of the means), the one at the cut holds fewer pictures than the one at either mean (binomial, p < .005 each). Evenly
    spread or merely skewed scores pass the first three, not the last.

    Args:
        scores: `(n,)`, larger = more of the concept.
        labels: `(n,)` yes/no, missing where unknown; None without any.
        weights: `(n,)` how many pictures each labelled one stands for; None where all stand for as many.
        seed: of the mixture's start.

    Raises:
        ValueError: shapes disagree, NaN scores, all scores equal, too few labels of either value, unknown labels.
    """
    scores = np.asarray(scores, np.float64)
    if scores.ndim != 1 or not np.isfinite(scores).all() or len(scores) < 2:
        raise ValueError(f"scores of shape {scores.shape} cannot be cut: expected two or more finite numbers, (pictures,)")
    if scores.max() - scores.min() <= 1e-9 * max(1.0, float(np.abs(scores).max())):
        raise ValueError(f"all {len(scores):,} scores are {scores[0]:.4g}, so no threshold can be set: use another concept")
    if labels is not None:
        truth = _labels(labels, len(scores))
        known = np.isfinite(truth)
        value = _best_cut(scores[known], truth[known] == 1, _weights(weights, known))
        how = f"the threshold of the largest balanced accuracy on {int(known.sum()):,} pictures with true labels"
        return Cut(value, how, float((scores > value).mean()), "labels")
    valley = _valley(scores, seed=seed)
    if valley is not None:
        return Cut(
            valley, "the dip between two groups of scores (no true labels)", float((scores > valley).mean()), "mixture"
        )
    value = float(np.median(scores))
    how = "the median, because the scores form no two groups; about half of the pictures say yes by construction"
    return Cut(value, how, float((scores > value).mean()), "median")


def cross_fitted_quality(
    scores: Floats,
    labels: Sequence[Any] | npt.NDArray[Any],
    *,
    groups: npt.NDArray[Any] | None = None,
    weights: Floats | None = None,
    seed: int = 0,
) -> AttributeQuality:
    """How wrong a calibrated cut is on pictures that did not place it: five folds, pictures of a group together.

    With weights `(n,)` shares are those of all pictures that the labelled ones stand for, and intervals those of as many
    equally weighted labels as tell as much (Kish's effective sample size).

    Raises:
        ValueError: see `calibrated_cut`.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    scores = np.asarray(scores, np.float64)
    truth = _labels(labels, len(scores))
    known = np.flatnonzero(np.isfinite(truth))
    known_scores, said, weight = scores[known], truth[known] == 1, _weights(weights, known)
    inferred = np.zeros(len(known), bool)
    if groups is None:
        folds = StratifiedKFold(LEAST_LABELS, shuffle=True, random_state=seed).split(known_scores, said)
    else:
        own = np.asarray(groups)[known].astype(str)
        if len(np.unique(own)) < LEAST_LABELS:
            raise ValueError(
                f"the true labels come from {plural(len(np.unique(own)), 'group')}: expected at least {LEAST_LABELS}, so "
                "that the threshold can be tested on groups that were not used to set it; label pictures of more "
                "groups"
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a value in few groups: folds are then less even
            folds = list(StratifiedGroupKFold(LEAST_LABELS, shuffle=True, random_state=seed).split(known_scores, said, own))
    for train, test in folds:
        inferred[test] = known_scores[test] > _best_cut(known_scores[train], said[train], weight[train])
    return attribute_error(np.where(inferred, "yes", "no"), np.where(said, "yes", "no"), weights=weight)


def attribute_error(
    inferred: Sequence[Any] | npt.NDArray[Any] | pd.Series,
    truth: Sequence[Any] | npt.NDArray[Any] | pd.Series,
    *,
    weights: Floats | None = None,
) -> AttributeQuality:
    """How well inferred values agree with true ones, over the pictures that have both; any number of values.

    For weights see `cross_fitted_quality`; `n` counts pictures with and without them.

    Raises:
        ValueError: lengths disagree, or no picture has both.
    """
    said, true = pd.Series(list(inferred), dtype=object), pd.Series(list(truth), dtype=object)
    if len(said) != len(true):
        raise ValueError(f"{len(said)} inferred values meet {len(true)} true ones: expected one of each per picture")
    both = said.notna() & true.notna()
    if not both.any():
        raise ValueError("no picture has both an inferred and a true value: nothing can be compared")
    said, true = said[both].astype(str), true[both].astype(str)
    right, weight = (said == true).to_numpy(), _weights(weights, np.flatnonzero(both))
    table = pd.DataFrame({"value": true.to_numpy(), "right": right * weight, "weight": weight, "square": weight**2})
    sums = table.groupby("value")[["right", "weight", "square"]].sum()
    n = table.groupby("value").size().to_numpy(np.int64)
    recall = (sums["right"] / sums["weight"]).to_numpy(np.float64)
    worth = (sums["weight"] ** 2 / sums["square"]).to_numpy(np.float64)
    low, high = wilson(recall * worth, worth)
    recalls = pd.DataFrame({"value": sums.index, "n": n, "recall": recall, "low": low, "high": high})
    accuracy, all_worth = float((right * weight).sum() / weight.sum()), weight.sum() ** 2 / (weight**2).sum()
    all_low, all_high = wilson(np.array([accuracy * all_worth]), np.array([all_worth]))
    balanced = float(recall.mean())
    return AttributeQuality(
        int(n.sum()),
        accuracy,
        float(all_low[0]),
        float(all_high[0]),
        balanced,
        balanced - float(np.sqrt(((recall - low) ** 2).sum()) / len(n)),
        balanced + float(np.sqrt(((high - recall) ** 2).sum()) / len(n)),
        recalls,
    )


def _labels(labels: Sequence[Any] | npt.NDArray[Any], n: int) -> Floats:
    truth = yes_or_no(labels)
    if len(truth) != n:
        raise ValueError(f"{len(truth)} true labels meet {n} scores: expected one per picture, empty where unknown")
    yes, no = int((truth == 1).sum()), int((truth == 0).sum())
    if min(yes, no) < LEAST_LABELS:
        raise ValueError(
            f"true labels are {yes} yes and {no} no: expected at least {LEAST_LABELS} of each; label more pictures, or none"
        )
    return truth


def _weights(weights: Floats | None, known: npt.NDArray[Any]) -> Floats:
    """Weights of the labelled pictures, given as a mask `(n,)` or as positions; ones where all stand for as many."""
    if weights is not None:
        return np.asarray(np.asarray(weights)[known], np.float64)
    return np.ones(int(known.sum()) if known.dtype == bool else len(known))


def _best_cut(scores: Floats, said: Mask, weights: Floats) -> float:
    """The midpoint between neighbouring scores with the largest balanced accuracy; the middle one of equals."""
    order = np.argsort(scores, kind="stable")
    ordered, yes, no = scores[order], weights[order] * said[order], weights[order] * ~said[order]
    # Above position i (exclusive) is "yes": recall of yes is what is left, recall of no what has passed.
    recall_yes = 1 - np.cumsum(yes) / max(yes.sum(), 1e-12)
    recall_no = np.cumsum(no) / max(no.sum(), 1e-12)
    balanced = np.where(np.diff(ordered, append=ordered[-1]) > 0, recall_yes + recall_no, -np.inf)
    if not np.isfinite(balanced).any():
        return float(ordered[-1])
    best = np.flatnonzero(balanced >= balanced.max() - 1e-12)
    place = int(best[(len(best) - 1) // 2])
    return float((ordered[place] + ordered[place + 1]) / 2)


def _valley(scores: Floats, *, seed: int) -> float | None:
    """The point between two groups of scores at which both are equally likely, None where there are no two groups."""
    from scipy import stats
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    if len(scores) < 20:
        return None
    points = (
        scores
        if len(scores) <= _MIXTURE_POINTS
        else np.quantile(scores, (np.arange(_MIXTURE_POINTS) + 0.5) / _MIXTURE_POINTS)
    )
    standard = ((points - points.mean()) / points.std())[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a mixture that does not settle fails the criteria below
        one, two = (GaussianMixture(k, n_init=k, max_iter=300, random_state=seed).fit(standard) for k in (1, 2))
    means, spreads = two.means_[:, 0], np.sqrt(two.covariances_[:, 0, 0])
    apart = np.sqrt(2) * abs(means[0] - means[1]) / np.sqrt((spreads**2).sum())
    if one.bic(standard) - two.bic(standard) <= BIC_GAIN or apart <= ASHMAN or two.weights_.min() < SMALLEST_GROUP:
        return None
    grid = np.linspace(means.min(), means.max(), 2_001)
    upper = two.predict_proba(grid[:, None])[:, int(means.argmax())]
    value = float(grid[int(np.argmax(upper >= 0.5))])
    half_window = abs(means[0] - means[1]) / 8
    inside, *peaks = (int((np.abs(standard - place) <= half_window).sum()) for place in (value, *means))
    if any(stats.binomtest(inside, max(inside + peak, 1), 0.5, alternative="less").pvalue >= DIP_P for peak in peaks):
        return None
    return float(value * points.std() + points.mean())
