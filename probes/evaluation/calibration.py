"""How far can a probe's confidence be believed, and when should it rather say nothing, or "none of these"?

Everything here takes what the probe said of *validation* pictures: thresholds and temperatures that are chosen on the
pictures they are then measured on look better than they are. `n` pictures, `k` labels; `codes (n,)` are label positions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from affect_workbench.arrays import Codes, Floats, Mask, Vectors
from affect_workbench.data.plurals import plural

BINS = 15
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 1e-3, 1e2
NONE_SHARE = 0.05
"""Of validation pictures that do have a label, the share that may be called none of these."""
CANDIDATES = 20
"""Thresholds among which `abstention_threshold` chooses: one after every twentieth of the pictures."""


def fit_temperature(cosines: Vectors, codes: Codes) -> float:
    """The temperature T under which softmax(cosine / T) gives the true labels the highest likelihood.

    The likelihood has one maximum: it is concave in 1 / T. It is looked for on log T between 0.001 and 100. Where it lies
    beyond, an end of that range comes back: the upper one for cosines that know nothing of the labels, the lower one (or
    whatever gives likelihood 1 already) where every picture is right. The order of the labels, and so the accuracy, stays.
    Source: Guo et al. 2017, https://arxiv.org/abs/1706.04599, with cosines as the logits.

    Args:
        cosines: `(n, k)` of validation pictures, larger is nearer.
        codes: `(n,)` their true labels.

    Raises:
        ValueError: no picture, a label outside 0 to k - 1, shapes that disagree, NaN or infinite values.
    """
    logits, truth = _checked(cosines, codes)
    true = logits[np.arange(len(truth)), truth]

    def loss(log_temperature: float) -> float:
        scaled = np.exp(-log_temperature)
        return float((logsumexp(logits * scaled, axis=1) - true * scaled).mean())

    bounds = (float(np.log(LOWEST_TEMPERATURE)), float(np.log(HIGHEST_TEMPERATURE)))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    # The bounded search never tries the ends themselves.
    return float(np.exp(min((found.x, *bounds), key=loss)))


def reliability(probabilities: Vectors, codes: Codes, *, bins: int = BINS) -> pd.DataFrame:
    """How often the probe is right when it is this sure: equal-mass bins of the top probability, least sure first.

    Returns:
        One row a bin (fewer than `bins` where there are fewer pictures): `n`, mean `confidence`, `accuracy` with its 95 %
        Wilson interval `low`, `high`, and the smallest and largest confidence in it, `from` and `to`.

    Raises:
        ValueError: fewer than one bin, or see `fit_temperature`.
    """
    if bins < 1:
        raise ValueError(f"bins is {bins}: expected at least 1")
    confidence, hit = _confidence_and_hits(probabilities, codes)
    order = np.argsort(confidence, kind="stable")
    confidence, hit = confidence[order], hit[order]
    # numpy.array_split's sizes: the first n mod bins parts are one longer.
    parts = min(bins, len(order))
    sizes = np.full(parts, len(order) // parts) + (np.arange(parts) < len(order) % parts)
    starts = np.cumsum(sizes) - sizes
    hits = np.add.reduceat(hit.astype(np.int64), starts)
    low, high = _wilson(hits, sizes)
    return pd.DataFrame(
        {
            "n": sizes,
            "confidence": np.add.reduceat(confidence, starts) / sizes,
            "accuracy": hits / sizes,
            "low": low,
            "high": high,
            "from": confidence[starts],
            "to": confidence[starts + sizes - 1],
        }
    )


def expected_calibration_error(probabilities: Vectors, codes: Codes, *, bins: int = BINS) -> float:
    """Mean gap between top probability and accuracy over equal-mass bins of the top probability, 0 to 1.

    Source: Nguyen and O'Connor 2015, https://arxiv.org/abs/1508.05154 (equal-mass bins).

    Raises:
        ValueError: see `reliability`.
    """
    table = reliability(probabilities, codes, bins=bins)
    return float(((table["confidence"] - table["accuracy"]).abs() * table["n"]).sum() / table["n"].sum())


def coverage_curve(probabilities: Vectors, codes: Codes) -> pd.DataFrame:
    """What accuracy is left when only the surest pictures are answered, from the fewest answered to all.

    Returns:
        One row for each confidence that occurs, highest first: `threshold` (answered is what is at least as sure; equally
        sure pictures are answered together), `n` answered, `coverage` (their share), `accuracy` among them with its 95 %
        Wilson interval `low`, `high`. The interval is that of one threshold fixed beforehand, not of the best one.

    Raises:
        ValueError: see `fit_temperature`.
    """
    confidence, hit = _confidence_and_hits(probabilities, codes)
    order = np.argsort(-confidence, kind="stable")
    confidence = confidence[order]
    last = np.flatnonzero(np.append(confidence[1:] != confidence[:-1], True))
    answered, hits = last + 1, np.cumsum(hit[order])[last]
    low, high = _wilson(hits, answered)
    return pd.DataFrame(
        {
            "threshold": confidence[last],
            "n": answered,
            "coverage": answered / len(order),
            "accuracy": hits / answered,
            "low": low,
            "high": high,
        }
    )


def risk_coverage_area(curve: pd.DataFrame) -> float:
    """Area under the error rate over coverage, 0 to 1, smaller is better; the overall error rate when sureness says nothing.

    Without ties it is the mean, over i = 1..n, of the error among the i surest pictures.
    Source: Geifman et al. 2019, https://arxiv.org/abs/1805.08206 (AURC).

    Args:
        curve: what `coverage_curve` returned.
    """
    steps = np.diff(curve["coverage"], prepend=0.0)
    return float((steps * (1 - curve["accuracy"])).sum())


def abstention_threshold(probabilities: Vectors, codes: Codes, *, accuracy: float, level: float = 0.95) -> float | None:
    """The smallest confidence threshold at which the answered pictures reach the accuracy that is asked for.

    Reached means: the Wilson lower bound of the accuracy among the answered is at least `accuracy`. Twenty thresholds are
    tried (after every twentieth of the pictures, surest first) and the one that answers most is kept; having been picked
    among twenty is allowed for by Bonferroni, so that the accuracy among *new* pictures above the threshold falls short in
    at most about 1 - level of all validation sets. The plain 95 % interval at each threshold would not hold that.

    Args:
        probabilities: `(n, k)` of validation pictures.
        codes: `(n,)` their true labels.
        accuracy: the accuracy asked for among the answered, above 0 and below 1.
        level: how sure one wants to be of it.

    Returns:
        The threshold (answer where the top probability is at least this), or None where it cannot be reached or cannot be
        shown with so few pictures.

    Raises:
        ValueError: an accuracy or level that is not between 0 and 1, or see `fit_temperature`.
    """
    for name, value in (("accuracy", accuracy), ("level", level)):
        if not 0 < value < 1:
            raise ValueError(f"{name} is {value}: expected above 0 and below 1, e.g. 0.9")
    curve = coverage_curve(probabilities, codes)
    wanted = np.linspace(0, 1, CANDIDATES + 1)[1:]
    tried = curve.iloc[np.unique(np.searchsorted(curve["coverage"], wanted - 1e-9))]
    hits = (tried["accuracy"] * tried["n"]).to_numpy()
    # The bound below is one-sided, statsmodels' interval two-sided: hence the 2.
    low, _ = _wilson(hits, tried["n"].to_numpy(), alpha=2 * (1 - level) / CANDIDATES)
    reached = np.flatnonzero(low >= accuracy)
    return float(tried["threshold"].iloc[reached[-1]]) if len(reached) else None


def none_threshold(scores: Vectors, *, share: float = NONE_SHARE) -> float:
    """The largest cosine (or probability) below which a picture is "none of these": it is like no label.

    It is chosen so that of new pictures that do have one of the labels at most `share` is turned away: the
    floor(share (n + 1))-th smallest of the largest scores, which holds for any distribution as long as validation pictures
    and new ones are alike. How many pictures *without* a label it turns away depends on them, and is not promised. Cosines
    tell how near a picture is to any label at all; probabilities only which label it is nearer to.
    Sources: Hendrycks and Gimpel 2017, https://arxiv.org/abs/1610.02136 (the largest score as the measure); Angelopoulos and
    Bates 2021, https://arxiv.org/abs/2107.07511 (the quantile).

    Args:
        scores: `(n, k)` of validation pictures that have one of the labels, larger is nearer.
        share: of those pictures, at most this share may be turned away.

    Returns:
        The threshold for `none_of_these`; minus infinity where so few pictures cannot promise so small a share.

    Raises:
        ValueError: no picture, NaN or infinite values, or a share that is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"share is {share}: expected above 0 and below 1, e.g. 0.05")
    largest = np.sort(_checked(scores)[0].max(axis=1))
    # The small addition keeps 0.05 * 20 from being counted as nothing.
    rank = int(np.floor(share * (len(largest) + 1) + 1e-9))
    return float(largest[rank - 1]) if rank else float("-inf")


def none_of_these(scores: Vectors, threshold: float) -> Mask:
    """Which pictures `(n,)` are like no label: their largest of `scores (n, k)` is below the threshold."""
    return np.asarray(scores).max(axis=1) < threshold


def _confidence_and_hits(probabilities: Vectors, codes: Codes) -> tuple[Floats, Mask]:
    scores, truth = _checked(probabilities, codes)
    return scores.max(axis=1), scores.argmax(axis=1) == truth


def _checked(scores: Vectors, codes: Codes | None = None) -> tuple[Floats, npt.NDArray[np.int64]]:
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2:
        raise ValueError(f"scores have shape {values.shape}: expected (pictures, labels)")
    if not len(values):
        raise ValueError("nothing to calibrate on: the validation split has no labelled picture; hold some pictures out")
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values).all(axis=1)).sum())
        raise ValueError(f"scores of {bad:,} of {plural(len(values), 'picture')} are NaN or infinite: leave those out")
    truth = np.zeros(len(values), np.int64) if codes is None else np.asarray(codes)
    if truth.shape != (len(values),):
        raise ValueError(f"labels have shape {truth.shape}: expected {(len(values),)}, one for each row of the scores")
    outside = (truth < 0) | (truth >= values.shape[1])
    if outside.any():
        raise ValueError(
            f"{plural(int(outside.sum()), 'picture has', 'pictures have')} a label outside 0 to {values.shape[1] - 1} "
            f"(first {truth[outside][0]}): leave pictures without a label out"
        )
    return values, truth.astype(np.int64)


def _wilson(hits: npt.NDArray[Any], n: npt.NDArray[Any], *, alpha: float = 0.05) -> tuple[Vectors, Vectors]:
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(hits, n, alpha=alpha, method="wilson")
    return np.asarray(low), np.asarray(high)
