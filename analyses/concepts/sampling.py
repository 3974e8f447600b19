"""Which pictures should people label, so that a few hundred answers say how wrong an inferred attribute is?

Pictures are drawn at random within strata of score and prediction. Rare cells are drawn more densely than frequent ones,
with probabilities that are known and kept, so that rates over all pictures can be computed from the answers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.arrays import Floats
from affect_workbench.data.plurals import plural

MOST_BINS = 5
"""Score bins, where there are labels enough for them."""
LEAST_IN_STRATUM = 2
"""Pictures of a stratum that are asked for at least: all of it where it has fewer, one each where labels are few."""


def stratified_sample(
    score: Floats, y_pred: npt.NDArray[np.int64], *, size: int, bins: int = MOST_BINS, seed: int = 0
) -> pd.DataFrame:
    """Pictures to label, in the order to label them: `position` (row), `stratum`, `probability` of having been drawn.

    Strata are quantile bins of the score times the predicted label; a stratum of N pictures gets labels in proportion to
    sqrt(N), between all-alike and proportional (Bankier 1988, https://doi.org/10.1080/00031305.1988.10475556). The order is
    random over all strata, so whoever stops early has labelled a random part of the sample: weights stay proportional
    to 1 / probability.

    Args:
        score: of each picture `(n,)`.
        y_pred: predicted label of each picture `(n,)`.
        size: pictures to draw; all of them where there are fewer.
        bins: most bins of the score; fewer where the strata would get less than four labels each on average.
        seed: makes the draw repeatable.

    Raises:
        ValueError: shapes disagree, scores that are not finite, or fewer pictures than predicted labels.
    """
    score, y_pred = np.asarray(score, np.float64), np.asarray(y_pred, np.int64)
    if score.ndim != 1 or score.shape != y_pred.shape or not len(score):
        raise ValueError(
            f"scores of shape {score.shape} meet predictions of shape {y_pred.shape}: expected one of each per picture"
        )
    if not np.isfinite(score).all():
        raise ValueError(
            f"{plural(int((~np.isfinite(score)).sum()), 'score is', 'scores are')} "
            "NaN or infinite: expected a number for every picture"
        )
    labels = len(np.unique(y_pred))
    if size < labels:
        raise ValueError(
            f"{plural(size, 'picture was', 'pictures were')} "
            f"asked for: expected at least {labels}, one of each predicted label"
        )
    bins = max(1, min(bins, size // (4 * labels)))
    edges = np.unique(np.quantile(score, np.arange(1, bins) / bins))
    cells = y_pred * (len(edges) + 1) + np.searchsorted(edges, score, side="right")
    stratum, counts = np.unique(cells, return_inverse=True, return_counts=True)[1:]
    take = _allocation(counts.astype(np.float64), min(size, len(score)))
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(score))
    rank = pd.Series(stratum[order]).groupby(stratum[order]).cumcount().to_numpy()
    drawn = order[rank < take[stratum[order]]]
    probability = take / counts
    return pd.DataFrame({"position": drawn, "stratum": stratum[drawn], "probability": probability[stratum[drawn]]})


def _allocation(counts: Floats, size: int) -> npt.NDArray[np.int64]:
    """Labels of each stratum: in proportion to the root of its size, at least two, at most all of it."""
    least = np.minimum(counts, LEAST_IN_STRATUM if size >= LEAST_IN_STRATUM * len(counts) else 1)
    low, high = 0.0, float(np.sqrt(counts).max()) + 1

    def wanted(factor: float) -> Floats:
        return np.clip(factor * np.sqrt(counts), least, counts)

    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if wanted(middle).sum() < size else (low, middle)
    target = wanted(high)
    whole = np.floor(target + 1e-9)
    left = int(size - whole.sum())
    if left > 0:
        room = np.argsort(-(target - whole) * (whole < counts), kind="stable")[:left]
        whole[room] += 1
    return np.asarray(np.minimum(whole, counts), np.int64)
