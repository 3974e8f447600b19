"""What is counted for every picture? One row of numbers a picture; everything later is a sum of them over slices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.predictions import Predictions

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """Per-picture scores as one array, and where each kind of score stands in it.

    Attributes:
        columns: `(n, c)` float64. Sums of rows are all that later steps need, so parts of the data add up exactly.
        at: kind -> its columns. With k labels: `one` (1), `said` (k, predicted as), and where there is a truth
            `labelled` (1), `votes` (k), `votes2` (k), `shift` (k, said minus votes), `shift2` (k), `hit` (1, share of
            votes for the predicted label); and where distances mean something `distance` (k), `distance2` (k),
            `margin` (1, second nearest minus nearest), `margin2` (1).
    """

    columns: Floats
    at: dict[str, slice]

    def __contains__(self, kind: str) -> bool:
        return kind in self.at


def scores(predictions: Predictions) -> Scores:
    """The per-picture scores of `predictions`; pictures without a truth count as zero in every truth column."""
    n, k = predictions.distances.shape
    parts: dict[str, Floats] = {"one": np.ones((n, 1)), "said": np.zeros((n, k))}
    parts["said"][np.arange(n), predictions.predicted] = 1
    truth = predictions.truth
    if truth is not None:
        labelled = np.isfinite(truth).all(axis=1, keepdims=True)
        votes = np.where(labelled, truth, 0.0)
        shift = np.where(labelled, parts["said"] - votes, 0.0)
        parts |= {
            "labelled": labelled.astype(float), "votes": votes, "votes2": votes**2,
            "shift": shift, "shift2": shift**2, "hit": (parts["said"] * votes).sum(axis=1, keepdims=True),
        }  # fmt: skip
    if predictions.measure != "label":
        distance = predictions.distances.astype(float)
        margin = margins(distance)[:, None]
        parts |= {"distance": distance, "distance2": distance**2, "margin": margin, "margin2": margin**2}
    ends = np.cumsum([0, *(part.shape[1] for part in parts.values())])
    at = {kind: slice(int(low), int(high)) for kind, low, high in zip(parts, ends, ends[1:], strict=False)}
    return Scores(np.hstack(list(parts.values())), at)


def margins(distances: npt.NDArray[np.floating]) -> Floats:
    """Second smallest minus smallest distance `(n,)`: how clearly the nearest label is nearest."""
    nearest = np.partition(distances, 1, axis=1)[:, :2]
    return (nearest[:, 1] - nearest[:, 0]).astype(float)
