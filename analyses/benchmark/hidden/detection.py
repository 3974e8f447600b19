"""How well was a planted slice found?

Only the held-out half counts. Every slice of the result ranks its pictures by membership score; of the first ten slices, in
the order of the result, the one whose ranking is best counts (the evaluation of Eyuboglu et al. 2022, Domino,
arXiv 2203.14960). A slice's complement never counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affect_workbench.analyses.discovery.discover import DiscoveryResult
from affect_workbench.arrays import Mask, Vectors

TOP = 10


@dataclass(frozen=True)
class Recovery:
    """How well the planted slice was found.

    Attributes:
        average_precision: best over the first ten slices; 0 where there is none.
        precision_at_10: share of planted pictures among the ten with the highest score, best over the first ten slices.
        found: whether the slice with the best average precision is verified.
    """

    average_precision: float
    precision_at_10: float
    found: bool


def recovery(result: DiscoveryResult, truth: Mask) -> Recovery:
    """The recovery of the planted slice `truth (n,)`, over the pictures that confirm.

    Raises:
        ValueError: the shape is another, or no picture that confirms is planted.
    """
    if truth.shape != (len(result.explore),):
        raise ValueError(f"truth has shape {truth.shape}: expected ({len(result.explore)},), one value per picture")
    confirm = result.confirm
    planted = truth[confirm]
    if not planted.any():
        raise ValueError("no picture of the held-out half is planted: recovery is about a planted slice")
    scores = result.scores[:TOP, confirm]
    if not len(scores):
        return Recovery(0.0, 0.0, False)
    precision = [average_precision(row, planted) for row in scores]
    at_10 = [float(planted[np.argsort(-row, kind="stable")[:10]].mean()) for row in scores]
    best = int(np.argmax(precision))
    return Recovery(precision[best], max(at_10), bool(result.table["verdict"].iloc[best] == "verified"))


def average_precision(score: Vectors, truth: Mask) -> float:
    """Mean, over the pictures in `truth (n,)`, of the precision at their score; equal scores are taken together.

    The sum of precision times gain in recall over thresholds, as `sklearn.metrics.average_precision_score`.
    """
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(truth[order])
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    precision, gained = hits[last] / (last + 1), np.diff(hits[last], prepend=0)
    return float((precision * gained).sum() / max(int(hits[-1]), 1))
