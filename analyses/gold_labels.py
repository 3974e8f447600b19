"""How are pictures with a concept read, when the concept was inferred and a few hundred of them were labelled by people?

A score that overlaps with an emotion makes up a skew: pictures that lie toward the emotion score higher. Gold labels of a
probability sample undo that. For each emotion a logistic regression of gold on the score, on whether the picture is read as
the emotion, and on their product says how likely each picture has the concept; both rates are then sums over *all* pictures,
weighted by that probability.

Why it can be believed: the regression is fitted with the sampling weights and its intercepts on either side (read as the
emotion or not) are not penalised, so its mistakes on the sample add up to nothing on either side. The sums are therefore
model-assisted difference estimators (Sarndal, Swensson and Wretman 1992, chapter 6; the same idea is prediction-powered
inference, https://doi.org/10.1126/science.adi6000): right in large samples even where the logistic form is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from scipy.special import expit

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
ENOUGH_LABELS = 200
"""True labels from which on an inferred attribute may be called calibrated."""
LEAST_READ_AS = 10
"""Gold labels among the pictures that are read as an emotion, below which nothing is said of it."""
LEAST_OF_EACH = 10
"""Gold yes, and gold no, below which nothing is said at all."""
SLOPE_PENALTY = 0.01
"""Ridge penalty of the standardised score's slopes: keeps them finite where the score makes no mistake."""
COLUMNS = ("label", "labelled", "yes", "rate", "complement_rate", "effect", "low", "high", "reason")
_SCORE_BINS = 256
_CHUNK = 250
_STEPS = 60


def calibrated_skew(
    score: npt.ArrayLike, said: npt.ArrayLike, gold: npt.ArrayLike, k: int, *,
    weights: npt.ArrayLike | None = None, groups: npt.ArrayLike | None = None, level: float = 0.95, draws: int = 1_000,
    seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """The skew of each emotion between pictures that truly have a concept and those that truly have not.

    The interval is the percentile interval of a Bayesian bootstrap (Rubin 1981) of whole groups, in which the regression is
    fitted anew; on either side one imagined picture with the overall share of yes stands for what labels cannot rule out.

    Args:
        score: of each picture `(n,)`, larger = more of the concept; any monotone measure.
        said: predicted label of each picture `(n,)`, 0 to k - 1.
        gold: `(n,)` 1 for yes, 0 for no, NaN where nobody labelled the picture.
        k: number of emotions.
        weights: `(n,)` 1 / probability of having been drawn for labelling, read where gold is known; None for a simple
            random sample.
        groups: `(n,)` group of each picture; None for independent pictures.
        level: of the interval.
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
    scores, labels, truth = np.asarray(score, np.float64), np.asarray(said, np.int64), np.asarray(gold, np.float64)
    known = np.flatnonzero(np.isfinite(truth)) if truth.ndim == 1 else np.zeros(0, np.int64)
    weight = np.ones(len(known)) if weights is None else np.asarray(weights, np.float64)[known]
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
        count = int(read_as.sum())
        record: dict[str, Any] = {"label": emotion, "labelled": count, "yes": int(answer[read_as].sum()), "reason": ""}
        records.append(record)
        if min(count, len(known) - count) < LEAST_READ_AS:
            side, less = ("", count) if count < LEAST_READ_AS else ("not ", len(known) - count)
            record["reason"] = f"{less} labelled picture(s) are {side}read as it: expected at least {LEAST_READ_AS}"
            continue
        design, answers = _with_imagined(standard[known], read_as, answer)
        fitted = _logistic(design, answers, np.append(weight, np.tile([1 - share, share], 2))[None])
        inside = labels == emotion
        rates = _rates(
            fitted, standard[inside], np.ones((1, inside.sum())), standard[~inside], np.ones((1, (~inside).sum()))
        )
        record |= {"rate": float(rates[0][0]), "complement_rate": float(rates[1][0])}
        record["effect"] = record["rate"] - record["complement_rate"]
        effects = [
            np.subtract(*_rates(
                _logistic(design, answers, np.hstack([weight * own, imagined]), start=fitted),
                units.centres, counts[:, emotion], units.centres, counts.sum(axis=1) - counts[:, emotion],
            ))
            for own, counts, imagined in boot
        ]  # fmt: skip
        if effects:
            record["low"], record["high"] = np.quantile(np.concatenate(effects), [(1 - level) / 2, (1 + level) / 2])
    return pd.DataFrame(records, columns=list(COLUMNS))


class _Units:
    """What is drawn in the bootstrap: labelled pictures one by one and the rest in bins of the score, or whole groups."""

    def __init__(self, standard: Floats, labels: Codes, k: int, known: Codes, codes: Codes | None) -> None:
        edges = np.unique(np.quantile(standard, np.arange(1, _SCORE_BINS) / _SCORE_BINS))
        bins = np.searchsorted(edges, standard, side="right")
        size = len(edges) + 1
        filled = np.maximum(np.bincount(bins, minlength=size), 1)
        self.centres: Floats = np.bincount(bins, standard, minlength=size) / filled
        self.k = k
        cells = labels * size + bins
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
        """Chunks of draws: weights of labelled pictures `(b, m)`, of bins `(b, k, bins)`, of imagined pictures `(b, 4)`."""
        rng = np.random.default_rng(seed)
        for start in range(0, draws, _CHUNK):
            some = min(_CHUNK, draws - start)
            drawn = rng.standard_exponential((some, self.members.shape[0]))
            counts = np.asarray((self.members.T @ drawn.T).T) + rng.standard_gamma(self.rest, (some, len(self.rest)))
            imagined = rng.standard_gamma(np.tile([1 - share, share], 2), (some, 4))
            yield drawn[:, self.unit], counts.reshape(some, self.k, -1), imagined


def _design(standard: Floats, side: float | Floats) -> Floats:
    """Columns of the regression `(m, 4)`: one, score, read as the emotion, and their product."""
    side = np.broadcast_to(side, standard.shape)
    return np.stack([np.ones_like(standard), standard, side, standard * side], axis=1)


def _with_imagined(standard: Floats, read_as: npt.NDArray[np.bool_], answer: Floats) -> tuple[Floats, Floats]:
    """Design `(m + 4, 4)` and answers `(m + 4,)`: on either side one picture of its mean score that says no, one yes."""
    middles = [standard[read_as == side].mean() for side in (False, False, True, True)]
    imagined = _design(np.array(middles), np.array([0.0, 0, 1, 1]))
    return np.vstack([_design(standard, read_as.astype(np.float64)), imagined]), np.append(answer, [0.0, 1, 0, 1])


def _logistic(design: Floats, answer: Floats, weights: Floats, *, start: Floats | None = None) -> Floats:
    """Coefficients `(b, 4)` of b logistic regressions that differ in their weights `(b, m)` only, by Newton's method."""
    b, width = len(weights), design.shape[1]
    penalty = np.array([0.0, SLOPE_PENALTY, 0.0, SLOPE_PENALTY])
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    beta = np.zeros((b, width)) if start is None else np.repeat(start, b, axis=0)
    for _ in range(_STEPS):
        p = expit(beta @ design.T)
        gradient = (weights * (answer - p)) @ design - penalty * beta
        curvature = ((weights * p * (1 - p)) @ products).reshape(b, width, width) + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
        # Far from the solution Newton's step can overshoot; a bounded one cannot run away, and the problem is concave.
        step *= np.minimum(1, 2 / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-12))
        beta = beta + step
        if np.abs(step).max() < 1e-8:
            break
    return np.asarray(beta, np.float64)


def _rates(beta: Floats, inside: Floats, many: Floats, outside: Floats, others: Floats) -> tuple[Floats, Floats]:
    """Share read as the emotion of pictures with the concept and of those without `(b,)`.

    Args:
        beta: coefficients `(b, 4)`.
        inside: scores of what is read as the emotion `(u,)`.
        many: how many pictures each of them stands for `(b, u)`.
        outside: scores of the rest `(v,)`.
        others: how many each of those stands for `(b, v)`.
    """
    yes = (many * expit(beta @ _design(inside, 1.0).T)).sum(axis=1)
    other_yes = (others * expit(beta @ _design(outside, 0.0).T)).sum(axis=1)
    no, other_no = many.sum(axis=1) - yes, others.sum(axis=1) - other_yes
    return yes / (yes + other_yes), no / (no + other_no)


def _check(scores: Floats, labels: Codes, truth: Floats, k: int, known: Codes, weight: Floats, codes: Codes | None) -> None:
    n = len(scores)
    if scores.ndim != 1 or labels.shape != scores.shape or truth.shape != scores.shape:
        raise ValueError(
            f"scores, predictions and gold labels have shapes {scores.shape}, {labels.shape} and {truth.shape}: "
            "expected (n,) each"
        )
    if not np.isfinite(scores).all():
        raise ValueError(f"{int((~np.isfinite(scores)).sum())} of {n} scores are NaN or infinite: expected a number each")
    if n and (labels.min() < 0 or labels.max() >= k):
        raise ValueError(f"predictions run from {labels.min()} to {labels.max()}: expected 0 to {k - 1}")
    if not np.isin(truth[known], (0, 1)).all():
        raise ValueError("gold labels hold other numbers than 0 and 1: expected 1 for yes, 0 for no, NaN where unknown")
    if len(known) < ENOUGH_LABELS:
        raise ValueError(f"{len(known)} gold labels: expected at least {ENOUGH_LABELS}; until then it is an association")
    yes = int(truth[known].sum())
    if min(yes, len(known) - yes) < LEAST_OF_EACH:
        raise ValueError(f"gold labels are {yes} yes and {len(known) - yes} no: expected at least {LEAST_OF_EACH} of each")
    if not (np.isfinite(weight) & (weight > 0)).all():
        raise ValueError("weights of labelled pictures hold zero, negative or missing values: expected 1 / probability")
    if np.ptp(scores[known]) <= 0:
        raise ValueError("all labelled pictures have the same score: it says nothing about the concept")
    if codes is not None and len(np.unique(codes[known])) < 10:
        raise ValueError(
            f"the labelled pictures come from {len(np.unique(codes[known]))} group(s): expected at least 10 for an interval"
        )
