"""How much of a concept is an emotion word in disguise, and how large a skew does that part alone make up?

A direction that leans toward a label vector scores pictures high because they lie toward that emotion: the pictures that
"have" such a concept are then read as the emotion more often whatever they show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.concepts.random_directions import unit_chunks
from affect_workbench.analyses.inference.intervals import quantile
from affect_workbench.arrays import Floats
from affect_workbench.data.concepts.definitions import Concept

LABEL_CORRELATION = 0.2
"""|cosine| to an emotion label at which a concept invents a skew of 4.5 points although its AUC is .99 (measured)."""
LEAST_SPREAD = 0.02
"""Share of their length by which label vectors must differ in a direction for it to count: a text tower that does not know
emotion words gives them all one vector (measured: cosines of 0.9999), and what is left between these is noise."""
ENTANGLEMENT_COLUMNS = ("concept", "label", "cosine", "contrast", "entangled", "made_up", "null_95", "isotropic_95")
_MOST_PICTURES = 10_000
_SHUFFLES = 20


def entanglement(concepts: Sequence[Concept], labels: Sequence[str], *, anchors: npt.NDArray[Any]) -> pd.DataFrame:
    """One row a concept and label: `cosine` of direction and label vector, `contrast` with the mean label removed.

    Nearest-label decisions depend on differences of label vectors only, so `contrast` (the label against the other
    labels; 0 where all labels have practically one vector) is what can move them; `entangled` says that either reaches .2,
    where a skew of several points is invented.

    Args:
        concepts: directions `(d,)`.
        labels: the `k` emotion labels.
        anchors: `(k, d)` their vectors in the same space.

    Raises:
        ValueError: shapes disagree, or a label's vector is zero.
    """
    anchors = np.asarray(anchors, np.float64)
    if anchors.ndim != 2 or len(anchors) != len(labels):
        raise ValueError(f"label vectors have shape {anchors.shape}: expected one row for each of {len(labels)} labels")
    length = np.linalg.norm(anchors, axis=1, keepdims=True)
    if not np.isfinite(length).all() or (length == 0).any():
        raise ValueError("label vectors hold zero, NaN or infinite rows: make them again")
    unit = anchors / length
    centred = unit - unit.mean(axis=0)
    spread = np.linalg.norm(centred, axis=1)
    apart = np.where(spread > LEAST_SPREAD, 1 / np.maximum(spread, LEAST_SPREAD), 0.0)
    records = []
    for concept in concepts:
        if concept.width != anchors.shape[1]:
            raise ValueError(
                f"concept {concept.name!r} is {concept.width} wide, the label vectors are {anchors.shape[1]}: "
                "cosines need one space"
            )
        direction = concept.direction / np.linalg.norm(concept.direction)
        for label, cosine, contrast in zip(labels, unit @ direction, centred @ direction * apart, strict=True):
            records.append(
                {
                    "concept": concept.name,
                    "label": label,
                    "cosine": float(cosine),
                    "contrast": float(contrast),
                    "entangled": bool(max(abs(cosine), abs(contrast)) >= LABEL_CORRELATION),
                }
            )
    return pd.DataFrame(records, columns=["concept", "label", "cosine", "contrast", "entangled"])


def lead(concept: Concept, anchors: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """By how much the label that a concept leans to most leads each label, in cosines `(k,)`, and how far chance goes.

    The label with the largest |cosine| is compared with all others on its side (a direction may point away from words). The
    second value is the half-width of the 95 % interval of each lead: a direction drawn evenly over the sphere of `d`
    dimensions has a lead of mean 0 and standard deviation `|a - b| / sqrt(d)` of label a over b. Where a lead is not larger,
    the label is no nearer than it may be of a direction that means nothing. It is infinite where two labels have practically
    one vector (`LEAST_SPREAD`); both values are 0 for the label itself.

    Args:
        concept: direction `(d,)`.
        anchors: vectors of the `k` labels `(k, d)`.
    """
    anchors = np.asarray(anchors, np.float64)
    words = anchors / np.linalg.norm(anchors, axis=1, keepdims=True)
    cosines = words @ concept.direction / np.linalg.norm(concept.direction)
    first = int(np.abs(cosines).argmax())
    distance = np.linalg.norm(words[first] - words, axis=1)
    by_chance = quantile(0.95) * distance / np.sqrt(concept.width)
    by_chance = np.where(distance <= LEAST_SPREAD, np.inf, by_chance)
    by_chance[first] = 0.0
    side = 1.0 if cosines[first] >= 0 else -1.0
    return np.asarray(side * (cosines[first] - cosines), np.float64), by_chance


def without_labels(concept: Concept, anchors: npt.NDArray[Any]) -> Concept:
    """The concept with the span of the label vectors `(k, d)` projected off its direction: every cosine becomes 0.

    Raises:
        ValueError: shapes disagree, or nothing is left.
    """
    anchors = np.asarray(anchors, np.float64)
    if anchors.ndim != 2 or anchors.shape[1] != concept.width:
        raise ValueError(f"label vectors have shape {anchors.shape}: expected (labels, {concept.width})")
    span = _span(anchors)
    rest = concept.direction - span.T @ (span @ concept.direction)
    if np.linalg.norm(rest) < 1e-6 * np.linalg.norm(concept.direction):
        raise ValueError(f"concept {concept.name!r} lies in the span of the labels: nothing is left of it without them")
    return replace(concept, direction=rest)


def made_up_skews(
    values: npt.NDArray[Any],
    concepts: Sequence[Concept],
    *,
    anchors: npt.NDArray[Any],
    y_pred: npt.NDArray[np.int64],
    shares: Sequence[float],
    seed: int = 0,
) -> Floats:
    """The skew `(concepts, k)` that the overlap of each concept with the label vectors makes up by itself, as a share.

    A picture's score is the sum of what the span of the label vectors gives it and of the rest. The rest, which is what the
    concept is about, is permuted among the pictures; then the pictures are cut at the same share of yes. What is
    still read differently between yes and no is the overlap's doing (mean of 20 permutations).

    Args:
        values: features `(n, d)`.
        concepts: directions `(d,)`, as they are before anything is projected off.
        anchors: vectors of the k labels `(k, d)`.
        y_pred: predicted label of each picture `(n,)`.
        shares: share of pictures that each concept says yes to.
        seed: of the permutations, and of the 10,000 pictures that stand for more.
    """
    k = len(anchors)
    rng = np.random.default_rng(seed)
    unit, some = _sample(values, rng)
    one_hot = np.eye(k)[y_pred[some]]
    found = np.zeros((len(concepts), k))
    for at, (concept, share) in enumerate(zip(concepts, shares, strict=True)):
        span = _span(np.asarray(anchors, np.float64))
        inside = span.T @ (span @ concept.direction)
        overlap, rest = unit @ inside, unit @ (concept.direction - inside)
        permuted = np.stack([overlap + rng.permutation(rest) for _ in range(_SHUFFLES)], axis=1)
        found[at] = _skews(permuted, one_hot, share).mean(axis=1)
    return found


def null_skews(
    values: npt.NDArray[Any], y_pred: npt.NDArray[np.int64], *, k: int, share: float, directions: int = 200, seed: int = 0
) -> tuple[Floats, Floats]:
    """95th percentile of |skew| `(k,)` over random directions that say yes to the same share of the pictures.

    The first is of directions drawn from the covariance of the features (X_centred.T @ g / sqrt(n)), the second of
    directions drawn evenly over the sphere; see `analyses.concepts.random_directions`.
    """
    rng = np.random.default_rng(seed)
    unit, some = _sample(values, rng)
    one_hot = np.eye(k)[y_pred[some]]
    centred = unit - unit.mean(axis=0)
    drawn = centred.T @ rng.standard_normal((len(unit), directions))
    even = rng.standard_normal((unit.shape[1], directions))
    covariance, isotropic = (
        np.quantile(np.abs(_skews(unit @ kind, one_hot, share)), 0.95, axis=1) for kind in (drawn, even)
    )
    return np.asarray(covariance, np.float64), np.asarray(isotropic, np.float64)


def _sample(values: npt.NDArray[Any], rng: np.random.Generator) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Features of unit length of at most 10,000 pictures `(m, d)`, and which pictures these are."""
    n = len(values)
    some = np.arange(n) if n <= _MOST_PICTURES else np.sort(rng.choice(n, _MOST_PICTURES, replace=False))
    return np.concatenate([chunk for _, chunk in unit_chunks(values, rows=some)]), some


def _skews(scores: Floats, one_hot: Floats, share: float) -> Floats:
    """Skew of each label `(k, b)` between the pictures that score highest and the others; scores `(m, b)`."""
    yes = scores > np.quantile(scores, 1 - share, axis=0)
    count = yes.sum(axis=0)
    inside = one_hot.T @ yes.astype(np.float64)
    outside = one_hot.sum(axis=0)[:, None] - inside
    return np.asarray(inside / np.maximum(count, 1) - outside / np.maximum(len(scores) - count, 1), np.float64)


def _span(anchors: Floats) -> Floats:
    """Orthonormal rows that span the label vectors, without directions in which these hardly differ (`LEAST_SPREAD`)."""
    _, size, right = np.linalg.svd(anchors / np.linalg.norm(anchors, axis=1, keepdims=True), full_matrices=False)
    return np.asarray(right[size > LEAST_SPREAD * size[0]], np.float64)
