"""How are pictures with a concept read, when the concept was inferred and a few hundred of them were labelled by people?

A score that overlaps with an emotion makes up a skew: pictures that lie toward the emotion score higher. Gold labels of a
probability sample undo that. For each emotion a logistic regression of gold on the score, on whether the picture is read as
the emotion, and on their product says how likely each picture has the concept. Summed over *all* pictures, and corrected on
either side (read as the emotion or not) by the weighted mean mistake on the labelled ones, that counts the pictures with the
concept on either side; both rates follow.

Why it can be believed: this is the model-assisted difference estimator (Sarndal, Swensson and Wretman 1992, chapter 6),
right on average even where the logistic form is wrong. A labelled picture's mistake is that of a regression that saw neither
it nor its group (cross-prediction, https://doi.org/10.1073/pnas.2322083121): on what it was fitted to, a regression is wrong
too little, and intervals made of that are too narrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from affect_workbench.analyses.concepts.logistic import cross_fitted
from affect_workbench.analyses.inference.resampling import expanded_tail
from affect_workbench.arrays import Codes, Floats, Mask
from affect_workbench.data.plurals import plural

ENOUGH_LABELS = 200
"""True labels from which on an inferred attribute may be called calibrated."""
LEAST_READ_AS = 10
"""Gold labels (and groups of them) among the pictures that are read as an emotion, below which nothing is said of it."""
LEAST_OF_EACH = 10
"""Gold yes, and gold no, below which nothing is said at all."""
COLUMNS = ("label", "labelled", "yes", "rate", "complement_rate", "effect", "low", "high", "reason")
LEVEL = 0.95
"""Of the intervals."""
_SCORE_BINS = 256
_CHUNK = 250
_NOBODY = 1e-9


@dataclass(frozen=True)
class GoldLabels:
    """True answers of some of `n` pictures.

    Attributes:
        values: `(n,)` 1 for yes, 0 for no, NaN where nobody labelled the picture.
        weights: `(n,)` 1 / probability of having been drawn for labelling, read where the answer is known; None for a
            simple random sample.
    """

    values: npt.ArrayLike
    weights: npt.ArrayLike | None = None


def calibrated_skew(
    score: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    gold: GoldLabels,
    *,
    k: int,
    groups: npt.ArrayLike | None = None,
    draws: int = 1_000,
    seed: int = 0,
) -> pd.DataFrame:
    """The skew of each emotion between pictures that truly have a concept and those that truly have not.

    The interval is the percentile interval of a Bayesian bootstrap (Rubin 1981) of whole groups. On either side the mistake
    of one imagined picture, which has the concept as often as the labelled ones do, stands for what labels cannot rule out.
    The interval is expanded for the number of labelled groups on the side that has fewer, counted as groups of equal weight
    that tell as much.

    Args:
        score: of each picture `(n,)`, larger = more of the concept; any monotone measure.
        y_pred: predicted label of each picture `(n,)`, 0 to k - 1.
        gold: who truly has the concept, of some pictures.
        k: number of emotions.
        groups: `(n,)` group of each picture; None for independent pictures.
        draws: of the bootstrap; 0 for no interval.
        seed: of the draws.

    Returns:
        One row an emotion: `label` (0 to k - 1), `labelled` (pictures with gold that are read as it), `yes` of them, `rate`
        (of pictures with the concept that are read as it), `complement_rate`, `effect` (the difference, a share), its
        interval `low`, `high`, and where nothing can be said NaN and the `reason`.

    Raises:
        ValueError: shapes disagree, scores that are not finite, fewer than 200 gold labels, fewer than 10 of either answer,
            gold other than 0, 1 and NaN, weights that are not positive, or labelled pictures of fewer than 10 groups.
    """
    scores, labels, truth = np.asarray(score, np.float64), np.asarray(y_pred, np.int64), np.asarray(gold.values, np.float64)
    known = np.flatnonzero(np.isfinite(truth)) if truth.ndim == 1 else np.zeros(0, np.int64)
    weight = np.ones(len(known)) if gold.weights is None else np.asarray(gold.weights, np.float64)[known]
    codes = None if groups is None else pd.factorize(np.asarray(groups, dtype=object))[0].astype(np.int64)
    _check(scores, labels, truth, k, known, weight, codes)
    weight = weight * weight.sum() / (weight**2).sum()  # sums to the number of equally weighted labels that tell as much
    standard = (scores - scores[known].mean()) / scores[known].std()
    answer = truth[known]
    share = float(weight @ answer / weight.sum())
    units = _Units(standard, labels, k, known, codes)
    boot = list(units.draws(draws, share, seed=seed))
    records = []
    for emotion in range(k):
        read_as = labels[known] == emotion
        record: dict[str, Any] = {"label": emotion, "labelled": int(read_as.sum()), "yes": int(answer[read_as].sum())}
        record["reason"] = _too_few(read_as, units.unit, grouped=codes is not None)
        records.append(record)
        if record["reason"]:
            continue
        inside = labels == emotion
        has, mistake = cross_fitted(standard, inside, known, answer, weight, units.unit, seed=seed)
        sides = [_Side.of(inside == side, has, known, mistake, units.bins) for side in (True, False)]
        rate, other = _rates(*(side.whole(weight) for side in sides))
        record |= {"rate": float(rate), "complement_rate": float(other), "effect": float(rate - other)}
        effects = [
            np.subtract(
                *_rates(
                    sides[0].drawn(counts[:, emotion], weight * own, imagined[:, 0]),
                    sides[1].drawn(counts.sum(axis=1) - counts[:, emotion], weight * own, imagined[:, 1]),
                )
            )
            for own, counts, imagined in boot
        ]
        if effects:
            enough = min(_effective(np.bincount(units.unit, weight * side.labelled)) for side in sides)
            tail = expanded_tail((1 - LEVEL) / 2, enough)
            record["low"], record["high"] = np.quantile(np.concatenate(effects), [tail, 1 - tail])
    return pd.DataFrame(records, columns=list(COLUMNS))


class _Units:
    """What is drawn in the bootstrap: labelled pictures one by one and the rest in bins of the score, or whole groups."""

    def __init__(self, standard: Floats, labels: Codes, k: int, known: Codes, codes: Codes | None) -> None:
        edges = np.unique(np.quantile(standard, np.arange(1, _SCORE_BINS) / _SCORE_BINS))
        self.bins: Codes = np.searchsorted(edges, standard, side="right")
        size = len(edges) + 1
        self.k = k
        cells = labels * size + self.bins
        if codes is None:  # an independent picture without a label is only counted
            self.unit = np.arange(len(known))
            rest = np.bincount(cells, minlength=k * size)
            self.rest = rest - np.bincount(cells[known], minlength=k * size)
            rows, columns = self.unit, cells[known]
        else:
            self.unit, self.rest = codes[known], np.zeros(k * size, np.int64)
            rows, columns = codes, cells
        ones = np.ones(len(rows))
        self.members = sparse.csr_array((ones, (rows, columns)), shape=(int(rows.max()) + 1, k * size))

    def draws(self, draws: int, share: float, *, seed: int) -> Iterator[tuple[Floats, Floats, Floats]]:
        """Chunks of draws: weights of labelled pictures `(b, m)`, of bins `(b, k, bins)`, imagined mistakes `(b, 2)`."""
        rng = np.random.default_rng([seed, 2])
        for start in range(0, draws, _CHUNK):
            some = min(_CHUNK, draws - start)
            drawn = rng.standard_exponential((some, self.members.shape[0]))
            counts = np.asarray((self.members.T @ drawn.T).T) + rng.standard_gamma(self.rest, (some, len(self.rest)))
            yes, no = rng.standard_gamma(np.array([share, 1 - share])[:, None, None], (2, some, 2))
            yield drawn[:, self.unit], counts.reshape(some, self.k, -1), yes * (1 - share) - no * share


@dataclass(frozen=True)
class _Side:
    """The pictures that are read as an emotion, or all others: how many of them have the concept?

    Attributes:
        size: pictures.
        expected: of them with the concept, by the regressions.
        share: by the regressions, of the pictures in each bin of the score `(bins,)`.
        labelled: which labelled pictures are on this side `(m,)`.
        mistake: of the regression on each of them: answer - probability.
    """

    size: int
    expected: float
    share: Floats
    labelled: Mask
    mistake: Floats

    @classmethod
    def of(cls, inside: Mask, has: Floats, known: Codes, mistake: Floats, bins: Codes) -> _Side:
        """The side of the pictures `inside`, whose probabilities are `has`."""
        size = int(bins.max()) + 1
        share = np.bincount(bins[inside], has[inside], size) / np.maximum(np.bincount(bins[inside], minlength=size), 1)
        return cls(int(inside.sum()), float(has[inside].sum()), share, inside[known], mistake[inside[known]])

    def whole(self, weight: Floats) -> tuple[Floats, Floats]:
        """Pictures, and those with the concept, where every labelled picture has its sampling weight `(m,)`."""
        own = weight[self.labelled]
        return np.array(self.size), _yes(self.size, self.expected, own.sum(), own @ self.mistake)

    def drawn(self, counts: Floats, weight: Floats, imagined: Floats) -> tuple[Floats, Floats]:
        """The same `(b,)` in draws of the bins `(b, bins)`, of the weights `(b, m)` and of an imagined mistake `(b,)`."""
        own = weight[:, self.labelled]
        pictures = counts.sum(axis=1)
        return pictures, _yes(pictures, counts @ self.share, own.sum(axis=1), own @ self.mistake + imagined)


def _yes(pictures: float | Floats, expected: float | Floats, weight: float | Floats, mistake: float | Floats) -> Floats:
    """Pictures with the concept: as the regressions expect, and the weighted mean mistake for every picture."""
    return np.asarray(np.clip(expected + pictures * mistake / weight, 0, pictures))


def _rates(inside: tuple[Floats, Floats], outside: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Share read as the emotion of the pictures with the concept, and of those without, from both sides' two counts."""
    (pictures, yes), (others, other_yes) = inside, outside
    no, other_no = pictures - yes, others - other_yes
    return yes / np.maximum(yes + other_yes, _NOBODY), no / np.maximum(no + other_no, _NOBODY)


def _too_few(read_as: Mask, unit: Codes, *, grouped: bool) -> str:
    """Why nothing can be said of an emotion; "" where something can."""
    for side, word in ((read_as, ""), (~read_as, "not ")):
        if side.sum() < LEAST_READ_AS:
            return (
                f"{plural(side.sum(), 'labelled picture is', 'labelled pictures are')} "
                f"{word}predicted as it: expected at least {LEAST_READ_AS}"
            )
        if grouped and len(np.unique(unit[side])) < LEAST_READ_AS:
            found = f"those {word}predicted as it come from {plural(len(np.unique(unit[side])), 'group')}"
            return f"of the labelled pictures {found}: expected at least {LEAST_READ_AS}"
    return ""


def _effective(weights: npt.NDArray[Any]) -> float:
    """How many units of equal weight tell as much as these."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def _check(scores: Floats, labels: Codes, truth: Floats, k: int, known: Codes, weight: Floats, codes: Codes | None) -> None:
    n = len(scores)
    if scores.ndim != 1 or labels.shape != scores.shape or truth.shape != scores.shape:
        raise ValueError(
            f"scores, predictions and concept labels have shapes {scores.shape}, {labels.shape} and "
            f"{truth.shape}: expected (n,) each"
        )
    if not np.isfinite(scores).all():
        raise ValueError(f"{int((~np.isfinite(scores)).sum())} of {n} scores are NaN or infinite: expected a number each")
    if n and (labels.min() < 0 or labels.max() >= k):
        raise ValueError(f"predictions run from {labels.min()} to {labels.max()}: expected 0 to {k - 1}")
    if not np.isin(truth[known], (0, 1)).all():
        raise ValueError("concept labels hold other numbers than 0 and 1: expected 1 for yes, 0 for no, NaN where unknown")
    if len(known) < ENOUGH_LABELS:
        raise ValueError(f"{len(known)} concept labels: expected at least {ENOUGH_LABELS}; until then it is an association")
    yes = int(truth[known].sum())
    if min(yes, len(known) - yes) < LEAST_OF_EACH:
        raise ValueError(
            f"concept labels are {yes} yes and {len(known) - yes} no: expected at least {LEAST_OF_EACH} of each"
        )
    if not (np.isfinite(weight) & (weight > 0)).all():
        raise ValueError("weights of labelled pictures hold zero, negative or missing values: expected 1 / probability")
    if np.ptp(scores[known]) <= 0:
        raise ValueError("all labelled pictures have the same score: it does not separate the concept")
    if codes is not None and len(np.unique(codes[known])) < 10:
        raise ValueError(
            f"the labelled pictures come from {plural(len(np.unique(codes[known])), 'group')}"
            ": expected at least 10 for an interval"
        )
