"""What is counted for every picture? One row of numbers a picture; everything later is a sum of them over slices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affect_workbench.analyses.slices.sums import CodedColumns
from affect_workbench.arrays import Floats, Vectors
from affect_workbench.data.predictions import Predictions


@dataclass(frozen=True)
class Scores:
    """Per-picture scores, and where each kind of score stands among their columns.

    Attributes:
        columns: of the `n` pictures. Sums of rows are all that later steps need, so parts of the data add up exactly.
        at: kind -> its columns. With k labels: `one` (1), `y_pred` (k, predicted as), and where there is a truth
            `labelled` (1), `votes` (k), `votes2` (k), `model_gap` (k, predicted minus votes), `model_gap2` (k), `hit`
            (1, share of votes for the predicted label), `hit2` (1); and where distances mean something `distance` (k),
            `distance2` (k), `margin` (1, second nearest minus nearest), `margin2` (1).
    """

    columns: CodedColumns
    at: dict[str, slice]

    def __contains__(self, kind: str) -> bool:
        return kind in self.at

    def of(self, kind: str) -> Floats:
        """One kind of score, one row a picture."""
        return self.columns.column(self.at[kind])


def scores(predictions: Predictions) -> Scores:
    """The per-picture scores of `predictions`; pictures without a truth count as zero in every truth column.

    What follows from the predicted and the true label is kept as one code a picture (`CodedColumns`); votes are not.
    """
    k = len(predictions.taxonomy)
    y_pred, truth = predictions.predicted, predictions.truth
    labels: Floats = np.eye(k)
    parts: dict[str, Floats] = {"one": np.ones((k, 1)), "said": labels}
    rest: dict[str, Floats] = {}
    codes = y_pred
    if truth is not None and predictions.has_votes:
        rest |= _against_truth(labels[y_pred], np.asarray(truth, np.float64))
    elif truth is not None:
        known = np.isfinite(truth[:, 0])
        codes = y_pred * (k + 1) + np.where(known, truth.argmax(axis=1), k)
        pairs = np.repeat(labels, k + 1, axis=0), np.tile(np.vstack([labels, np.full(k, np.nan)]), (k, 1))
        parts = {"one": np.ones((len(pairs[0]), 1)), "said": pairs[0]} | _against_truth(*pairs)
    if predictions.measure != "label":
        distance = predictions.distances.astype(float)
        margin = margins(distance)[:, None]
        rest |= {"distance": distance, "distance2": distance**2, "margin": margin, "margin2": margin**2}
    ends = np.cumsum([0, *(part.shape[1] for part in (*parts.values(), *rest.values()))])
    at = {kind: slice(int(low), int(high)) for kind, low, high in zip([*parts, *rest], ends, ends[1:], strict=False)}
    apart = np.empty((len(y_pred), sum(part.shape[1] for part in rest.values())))
    if rest:
        np.concatenate(
            list(rest.values()), axis=1, out=apart
        )  # a picture's numbers side by side, in whatever order they came
    return Scores(CodedColumns(np.asarray(codes, np.int64), np.hstack(list(parts.values())), apart), at)


def _against_truth(one_hot: Floats, truth: Floats) -> dict[str, Floats]:
    """The kinds of score that need a truth, from one-hot `one_hot (n, k)` and shares `truth (n, k)`, NaN where unknown."""
    labelled = np.isfinite(truth).all(axis=1, keepdims=True)
    votes = np.where(labelled, truth, 0.0)
    gap = np.where(labelled, one_hot - votes, 0.0)
    hit = (one_hot * votes).sum(axis=1, keepdims=True)
    return {
        "labelled": labelled.astype(float),
        "votes": votes,
        "votes2": votes**2,
        "model_gap": gap,
        "model_gap2": gap**2,
        "hit": hit,
        "hit2": hit**2,
    }


def margins(distances: Vectors) -> Floats:
    """Second smallest minus smallest distance `(n,)`: how clearly the nearest label is nearest."""
    nearest = np.partition(distances, 1, axis=1)[:, :2]
    return (nearest[:, 1] - nearest[:, 0]).astype(float)
