"""How clearly is each slice read, does one label swallow the others, and how far do pictures lie from the words?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from affect_workbench.analyses.inference.intervals import quantile, wilson
from affect_workbench.analyses.slices.scores import margins
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.sums import group_sums
from affect_workbench.arrays import Codes, Mask, Vectors
from affect_workbench.data.predictions import Predictions


def margin_table(data: SlicedPredictions) -> pd.DataFrame:
    """One row a slice: its median label margin against that of the other pictures, and its gap to the words.

    The label margin is the nearest label's lead over the second, in cosines (or scores). Columns: `slice`, `n`; `median`
    with its 95 % interval `low`, `high`, and `complement_median`; `difference` with `difference_low`, `difference_high`;
    `gap`, the distance between the centroid of the slice's unit vectors and that of the label vectors (the modality gap;
    Liang et al. 2022, https://arxiv.org/abs/2203.02053), and `complement_gap`; both NaN without embeddings. The first row
    is all pictures.

    Args:
        data: with distances that mean something.
    """
    predictions, groups = data.predictions, data.groups
    margin = margins(predictions.distances)
    gaps = _Gaps(predictions)
    everything = np.ones(len(margin), bool)
    middle, low, high = median_interval(margin, groups)
    rows: list[tuple[object, ...]] = [
        ("all pictures", len(margin), middle, low, high, *[np.nan] * 4, gaps.of(everything), np.nan)
    ]
    for attribute in data.attributes:
        known = attribute.codes >= 0
        for code, condition in enumerate(attribute.conditions):
            inside, outside = attribute.codes == code, known & (attribute.codes != code)
            own, other = (median_interval(margin[side], _of(groups, side)) for side in (inside, outside))
            difference = own[0] - other[0]
            # Two intervals make one of the difference (Donner and Zou 2012, https://doi.org/10.1177/0962280210387519).
            down, up = np.hypot(own[0] - own[1], other[2] - other[0]), np.hypot(own[2] - own[0], other[0] - other[1])
            rows.append(
                (
                    condition.name,
                    int(inside.sum()),
                    *own,
                    other[0],
                    difference,
                    difference - down,
                    difference + up,
                    gaps.of(inside),
                    gaps.of(outside),
                )
            )
    return pd.DataFrame(
        rows,
        columns=[
            "slice",
            "n",
            "median",
            "low",
            "high",
            "complement_median",
            "difference",
            "difference_low",
            "difference_high",
            "gap",
            "complement_gap",
        ],
    )


def median_interval(values: Vectors, groups: Codes | None = None, *, level: float = 0.95) -> tuple[float, float, float]:
    """Median and its interval: the values whose ranks are as far from the middle as the share below it is uncertain.

    Source: Woodruff 1952, https://doi.org/10.1080/01621459.1952.10483443; with groups that share's standard error has whole
    groups as its units. NaN without values.
    """
    if not len(values):
        return np.nan, np.nan, np.nan
    middle = float(np.median(values))
    if groups is None:
        error = 0.5 / np.sqrt(len(values))
    else:
        number = np.unique(groups, return_inverse=True)[1].astype(np.int64)
        count = int(number.max()) + 1
        added = group_sums(number, count, ((values > middle).astype(np.float64) - 0.5)[:, None])[:, 0]
        error = max(float(np.sqrt((added**2).sum() * count / max(count - 1, 1))) / len(values), 0.5 / np.sqrt(len(values)))
    half = float(quantile(level)) * error
    low, high = np.quantile(values, np.clip([0.5 - half, 0.5 + half], 0, 1), method="inverted_cdf")
    return middle, float(min(low, middle)), float(max(high, middle))


def hubness_table(predictions: Predictions, *, y: Codes | None = None) -> pd.DataFrame:
    """One row a label: the share of pictures that are nearest to it, against how many ought to be.

    Columns: `emotion`, `n`, `hits`, `share` with its Wilson interval `low`, `high`; `prior`, the label's share of the truth
    (votes are shares) over the same pictures, or 1 / k where nobody knows the truth (`prior_is` says which); `ratio`. A hub
    is a label with a ratio far above 1: it is near to pictures of every kind.
    """
    k = len(predictions.taxonomy)
    truth = predictions.truth
    known = np.ones(len(predictions), bool) if truth is None else np.isfinite(truth).all(axis=1)
    hits = np.bincount(predictions.predicted[known], minlength=k).astype(float)
    n = float(known.sum())
    prior = np.full(k, 1 / k) if truth is None else truth[known].mean(axis=0)
    low, high = wilson(hits, np.full(k, n))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(prior > 0, hits / n / prior, np.nan)
    return pd.DataFrame(
        {
            "emotion": list(predictions.taxonomy.labels),
            "n": int(n),
            "hits": hits.astype(np.int64),
            "share": hits / n,
            "low": low,
            "high": high,
            "prior": prior,
            "ratio": ratio,
            "prior_is": "even" if truth is None else "votes" if predictions.has_votes else "labels",
        }
    )


class _Gaps:
    """Distance between the centroid of some pictures' unit vectors and that of the labels."""

    def __init__(self, predictions: Predictions) -> None:
        self.vectors: Vectors | None = None
        if predictions.embeddings is not None and predictions.anchors is not None:
            lengths = np.linalg.norm(predictions.embeddings, axis=1, keepdims=True)
            self.vectors = predictions.embeddings / np.maximum(lengths, 1e-12)
            anchors = predictions.anchors.astype(np.float64)
            self.centre = (anchors / np.linalg.norm(anchors, axis=1, keepdims=True)).mean(axis=0)

    def of(self, inside: Mask) -> float:
        if self.vectors is None or not inside.any():
            return float("nan")
        return float(np.linalg.norm(self.vectors[inside].mean(axis=0, dtype=np.float64) - self.centre))


def _of(groups: Codes | None, side: Mask) -> Codes | None:
    return None if groups is None else groups[side]
