"""Is a concept's association with an outcome more than any direction of this data would show?

Pictures vary along few directions, and an outcome such as valence loads on those: on Emotion6 the 95th percentile of |r|
over random directions is .64. A correlation of .6 is then no finding about the concept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from affect_workbench.analyses.inference.multiplicity import benjamini_hochberg
from affect_workbench.analyses.inference.resampling import STANDARD_SAMPLING, Sampling
from affect_workbench.arrays import Floats
from affect_workbench.data.concepts.definitions import Concept
from affect_workbench.data.plurals import plural

CHUNK = 8_192
BEATS, NO_BETTER = "beats the null", "no better than a random direction"
COLUMNS = (
    "concept",
    "kind",
    "n",
    "label",
    "r",
    "low",
    "high",
    "null_95",
    "isotropic_95",
    "p_null",
    "p_chance",
    "p",
    "q",
    "verdict",
    "sentence",
)
FEWEST_WITH_OUTCOME = 10
"""Pictures with an outcome from which an association with it can be measured."""
_REPLICATES = 1_000


@dataclass(frozen=True)
class AssociationNull:
    """How strongly random directions go with an outcome on these pictures.

    Attributes:
        labels: the outcome's columns that vary; `("",)` for a numeric or yes/no one.
        covariance: `(b,)` strengths of directions drawn from the covariance of the features: the null to beat.
        isotropic: `(b,)` strengths of directions drawn evenly over the sphere, for comparison.
        n: pictures with an outcome.
    """

    labels: tuple[str, ...]
    covariance: Floats
    isotropic: Floats
    n: int

    @property
    def limit(self) -> float:
        """95th percentile of the covariance null."""
        return float(np.quantile(self.covariance, 0.95))

    @property
    def isotropic_limit(self) -> float:
        """95th percentile of the isotropic null."""
        return float(np.quantile(self.isotropic, 0.95))

    def p(self, strength: float) -> float:
        """(b + 1) / (B + 1), b the random directions at least as strong; needs no assumption, is never 0."""
        return float((1 + (self.covariance >= strength).sum()) / (1 + len(self.covariance)))


def unit_chunks(values: npt.NDArray[Any], *, rows: npt.NDArray[np.int64] | None = None) -> Iterator[tuple[int, Floats]]:
    """Features `(n, d)` as float64 rows of unit length, a chunk at a time: `(start, chunk)` pairs.

    Raises:
        ValueError: not `(n, d)`, or a picture whose features are zero or not finite.
    """
    if values.ndim != 2:
        raise ValueError(f"features have shape {values.shape}: expected (pictures, width)")
    n = len(values) if rows is None else len(rows)
    for start in range(0, n, CHUNK):
        part = slice(start, start + CHUNK)
        chunk = np.asarray(values[part] if rows is None else values[rows[part]], np.float64)
        length = np.linalg.norm(chunk, axis=1, keepdims=True)
        bad = ~(np.isfinite(length) & (length > 0))[:, 0]
        if bad.any():
            raise ValueError(
                f"features of picture {start + int(bad.argmax())} are zero, NaN or infinite: a direction cannot score them; "
                "encode them again or leave them out"
            )
        yield start, chunk / length


def score_matrix(values: npt.NDArray[Any], concepts: Sequence[Concept]) -> Floats:
    """Scores `(n, concepts)` of pictures with features `(n, d)`, which are scaled to unit length first.

    Raises:
        ValueError: no concept, or one of another width than the features.
    """
    if not concepts:
        raise ValueError("no concepts were given: expected at least one")
    for concept in concepts:
        if values.ndim == 2 and concept.width != values.shape[1]:
            raise ValueError(
                f"concept {concept.name!r} is {concept.width} wide, the features are {values.shape[1]}: "
                "make it with the encoder that made the features"
            )
    weights = np.stack([concept.direction for concept in concepts], axis=1)
    offsets = np.array([concept.offset for concept in concepts])
    scores = np.empty((len(values), len(concepts)))
    for start, chunk in unit_chunks(values):
        scores[start : start + len(chunk)] = chunk @ weights + offsets
    return scores


def association_null(
    values: npt.NDArray[Any],
    outcome: Sequence[Any] | npt.NDArray[Any] | pd.Series,
    *,
    directions: int = 1_000,
    seed: int = 0,
) -> AssociationNull:
    """How strongly random directions go with the outcome: |Pearson r|, point-biserial for yes/no and for labels.

    Directions are drawn N(0, Sigma) (the same as `X_centred.T @ g / sqrt(n)`), and evenly over the sphere. With text
    labels the strength is the largest |r| over the labels, for random directions and concepts alike. Only the `(d, d)`
    covariance is kept, so the number of pictures does not matter. Groups of pictures need no correction here: concept
    and random directions meet the very same pictures.

    Args:
        values: features `(n, d)`, scaled to unit length first.
        outcome: `(n,)` numbers, booleans, or text labels; pictures with a missing one are left out.
        directions: random directions of each kind.
        seed: of the draws.

    Raises:
        ValueError: fewer than 10 pictures with an outcome, an outcome or features that do not vary, too few directions.
    """
    if directions < 19:
        raise ValueError(f"{directions} random directions were asked for: expected at least 19, for a p of .05")
    rows, labels, targets = outcome_columns(outcome, n=len(values))
    width = values.shape[1] if values.ndim == 2 else 0
    mean, second, cross = np.zeros(width), np.zeros((width, width)), np.zeros((width, targets.shape[1]))
    for start, chunk in unit_chunks(values, rows=rows):
        mean += chunk.sum(axis=0) / len(rows)
        second += chunk.T @ chunk / len(rows)
        cross += chunk.T @ targets[start : start + len(chunk)] / len(rows)
    second -= np.outer(mean, mean)
    if np.trace(second) < 1e-12:
        raise ValueError("all pictures have the same features: nothing can correlate with the outcome")
    generator = np.random.default_rng(seed)
    eigenvalues, axes = np.linalg.eigh(second)
    half = axes * np.sqrt(np.clip(eigenvalues, 0, None))
    drawn = half @ generator.standard_normal((width, directions))
    even = generator.standard_normal((width, directions))
    return AssociationNull(labels, _strengths(drawn, second, cross), _strengths(even, second, cross), len(rows))


def outcome_columns(
    outcome: Sequence[Any] | npt.NDArray[Any] | pd.Series, *, n: int
) -> tuple[npt.NDArray[np.int64], tuple[str, ...], Floats]:
    """Pictures with an outcome, the names of its columns, and the columns `(pictures, k)` with mean 0 and variance 1.

    A numeric or boolean outcome has one column named `""`; text has one a label.

    Raises:
        ValueError: lengths disagree, infinite values, fewer than 10 pictures, or no variation.
    """
    series = pd.Series(np.asarray(outcome)) if not isinstance(outcome, pd.Series) else outcome.reset_index(drop=True)
    if len(series) != n:
        raise ValueError(f"{len(series)} outcomes meet {n} pictures: expected one per picture")
    rows = np.flatnonzero(series.notna().to_numpy())
    if len(rows) < FEWEST_WITH_OUTCOME:
        raise ValueError(
            f"{plural(len(rows), 'picture has', 'pictures have')} "
            f"an outcome: expected at least {FEWEST_WITH_OUTCOME} to measure an association"
        )
    known = series.iloc[rows]
    as_numbers = pd.api.types.is_numeric_dtype(known) or known.map(lambda value: isinstance(value, bool | np.bool_)).all()
    names: tuple[str, ...]
    if as_numbers:
        names, columns = ("",), known.to_numpy(np.float64)[:, None]
    else:
        table = pd.get_dummies(known.astype(str), dtype=float)
        names, columns = tuple(map(str, table.columns)), table.to_numpy()
    if not np.isfinite(columns).all():
        raise ValueError("the outcome holds infinite values: expected finite numbers, empty where unknown")
    columns = columns - columns.mean(axis=0)
    spread = columns.std(axis=0)
    if not (spread > 1e-12).any():
        raise ValueError("the outcome is the same for every picture: nothing can correlate with it")
    return rows, names, columns / spread


def concept_table(
    values: npt.NDArray[Any],
    concepts: Sequence[Concept],
    *,
    outcome: Sequence[Any] | npt.NDArray[Any] | pd.Series,
    outcome_name: str = "the outcome",
    sampling: Sampling = STANDARD_SAMPLING,
    groups: npt.NDArray[Any] | None = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """One row a concept: does its score go with the outcome more than random directions do?

    `p` is the larger of two: `p_null` against random directions, and `p_chance` against no correlation at all (Fisher's
    z; times the number of labels, since the strongest is shown). Both must fall, because a direction of little variance
    can beat the random ones by chance where few axes carry all of the variance. `q` is Benjamini-Hochberg over concepts;
    the verdict is "beats the null" where q <= alpha. The interval (95 % over all
    labels together) is Fisher's; with groups its width comes from 1,000 resamplings of whole groups on Fisher's scale.

    Raises:
        ValueError: see `association_null` and `score_matrix`; a concept that scores every picture alike; fewer than 5
            groups.
    """
    null = association_null(values, outcome, directions=sampling.draws, seed=sampling.seed)
    rows, labels, targets = outcome_columns(outcome, n=len(values))
    scores = score_matrix(values, concepts)[rows]
    spread = scores.std(axis=0)
    for concept, own in zip(concepts, spread, strict=True):
        if not own > 1e-9 * float(np.linalg.norm(concept.direction)):
            raise ValueError(
                f"concept {concept.name!r} gives every picture the same score: it does not distinguish these pictures"
            )
    scores = (scores - scores.mean(axis=0)) / spread
    level = 1 - 0.05 / len(labels)
    quantile = float(special.ndtri((1 + level) / 2))
    records: list[dict[str, Any]] = []
    for position, concept in enumerate(concepts):
        correlations = np.clip(scores[:, position] @ targets / len(rows), -1, 1)
        strongest = int(np.abs(correlations).argmax())
        r = float(correlations[strongest])
        if groups is None:
            error = 1 / np.sqrt(len(rows) - 3)
        else:
            error = _group_error(scores[:, position], targets[:, strongest], np.asarray(groups)[rows], seed=sampling.seed)
        z = float(np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12)))
        p_null = null.p(abs(r))
        p_chance = min(1.0, len(labels) * 2 * float(special.ndtr(-abs(z) / error)))
        records.append(
            {
                "concept": concept.name,
                "kind": concept.kind,
                "n": len(rows),
                "label": labels[strongest],
                "r": r,
                "low": float(np.tanh(z - quantile * error)),
                "high": float(np.tanh(z + quantile * error)),
                "null_95": null.limit,
                "isotropic_95": null.isotropic_limit,
                "p_null": p_null,
                "p_chance": p_chance,
                "p": max(p_null, p_chance),
            }
        )
    table = pd.DataFrame(records)
    table["q"] = benjamini_hochberg(table["p"].to_numpy(np.float64))
    table["verdict"] = np.where(table["q"] <= alpha, BEATS, NO_BETTER)
    table["sentence"] = [_sentence(row, outcome_name) for row in table.itertuples()]
    return table[list(COLUMNS)]


def _sentence(row: Any, outcome_name: str) -> str:
    what = f"{outcome_name} = {row.label}" if row.label else outcome_name
    said = (
        f"{row.concept!r} correlates with {what} at r = {row.r:+.2f} [{row.low:+.2f}, {row.high:+.2f}] on "
        f"{row.n:,} pictures; 95 % of random directions of these pictures stay below |r| = {row.null_95:.2f}"
    )
    ending = "it is stronger than random directions" if row.verdict == BEATS else "it is no better than a random direction"
    return f"{said}: {ending} (p = {row.p:.2g}, q = {row.q:.2g})."


def _strengths(directions: Floats, covariance: Floats, cross: Floats) -> Floats:
    """Largest |r| over the outcome's columns of every direction `(d, b)`; targets have mean 0 and variance 1."""
    variance = np.einsum("db,db->b", directions, covariance @ directions)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.abs(directions.T @ cross) / np.sqrt(np.clip(variance, 0, None))[:, None]
    return np.asarray(np.nan_to_num(r).clip(0, 1).max(axis=1), np.float64)


def _group_error(scores: Floats, target: Floats, groups: npt.NDArray[Any], *, seed: int) -> float:
    """Standard error of Fisher's z when whole groups are drawn anew; from sums a group, so n does not matter."""
    codes, names = pd.factorize(groups.astype(str))
    if len(names) < 5:
        raise ValueError(
            f"the pictures come from {plural(len(names), 'group')}: expected at least 5 for an interval; "
            "leave groups out if pictures are independent"
        )
    parts = np.stack([np.ones_like(scores), scores, target, scores**2, target**2, scores * target], axis=1)
    sums = np.stack([np.bincount(codes, part, minlength=len(names)) for part in parts.T], axis=1)
    counts = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=_REPLICATES)
    n, s, t, ss, tt, st = (counts @ sums).T
    with np.errstate(divide="ignore", invalid="ignore"):
        r = (st / n - s * t / n**2) / np.sqrt((ss / n - (s / n) ** 2) * (tt / n - (t / n) ** 2))
    z = np.arctanh(np.clip(r[np.isfinite(r)], -1 + 1e-9, 1 - 1e-9))
    return max(float(z.std(ddof=1)), 1e-9) if len(z) > 1 else float("inf")
