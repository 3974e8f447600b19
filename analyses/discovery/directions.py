"""Along which directions of the features does a model's error rise? Ridge regression of the residual, then a gate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from affect_workbench.analyses.discovery.candidates import Candidate, Explore, best_cut, cut_at
from affect_workbench.analyses.discovery.gates import Gate, fitted_corner, fitted_gate
from affect_workbench.arrays import Floats, Mask

RIDGES = (0.1, 0.3, 1.0, 3.0)
"""Penalties as multiples of the mean variance; the one with the smallest leave-one-out error is taken, for all emotions."""
ROUNDS = 2
REFINED = 3
"""Directions of a round that are refined: the most striking ones."""
CORNERS_FROM = 5.0
"""A corner is only looked for where the half-space is this striking (z-score): a second unit fits noise gladly."""
RIDGE_FOLDS = 5
FOLDS = 2


@dataclass(frozen=True)
class DirectionProposer:
    """Ridge directions of the residual, both tails, over deflated rounds; the best ones become gates and corners."""

    rounds: int = ROUNDS

    def propose(self, explore: Explore, rng: np.random.Generator) -> list[Candidate]:
        """The most striking tails of each round."""
        found: list[Candidate] = []
        used: list[list[int]] = []
        folds = rng.integers(RIDGE_FOLDS, size=len(explore.z))
        for _ in range(self.rounds):
            weights = deflated_ridge(explore, used)
            unseen = np.empty_like(explore.residual)
            for fold in range(RIDGE_FOLDS):
                inside = folds == fold
                unseen[inside] = explore.z[inside] @ deflated_ridge(explore.taken(~inside), used)
            tails = [
                (cut, tail, output)
                for output in range(weights.shape[1])
                for tail in (1, -1)
                if (cut := best_cut(tail * unseen[:, output], explore)).share > 0
            ]
            tails = sorted(tails, key=lambda entry: -abs(entry[0].z))[:REFINED]
            for cut, tail, output in tails:
                sign = 1 if cut.z > 0 else -1
                plain = Gate((tail * weights[:, output])[None], np.zeros(1))
                at = cut_at(plain, cut.share, explore)
                found.append(Candidate(plain, at, cut.emotion, sign, abs(cut.z), "a direction"))
                start = partial(_start, explore, tuple(map(tuple, used)), tail, output)
                found += refined(explore, start, cut.emotion, sign, rng, proposer="a direction, refined")
            if not tails:
                break
            used.append(sorted({output for _, _, output in tails}))
        return found


def deflated_ridge(explore: Explore, used: Sequence[Sequence[int]] = ()) -> Floats:
    """Ridge weights `(m, k)` of the residual after the directions of some emotions were projected off, round by round.

    What is projected off depends on the predictions: a score is only honest for pictures that had no part in any round.

    Args:
        explore: the pictures to fit on.
        used: for each round before, the emotions whose directions are projected off.
    """
    z = explore.z - explore.z.mean(axis=0)
    for outputs in used:
        axes = np.linalg.qr(ridge(z, explore.residual)[:, list(outputs)])[0]
        z = z - (z @ axes) @ axes.T
    return ridge(z, explore.residual)


def ridge(z: Floats, residual: Floats) -> Floats:
    """Ridge weights `(m, k)` of `residual (n, k)` on centred `z (n, m)`.

    The penalty is the one of `RIDGES` with the smallest leave-one-out error over all emotions: with leverage h, a picture's
    residual from the fit without it is (r - f) / (1 - h) (Allen 1974, PRESS).
    """
    variance, axes = np.linalg.eigh(z.T @ z)
    turned = z @ axes
    cross = turned.T @ residual
    errors, fits = [], []
    for multiple in RIDGES:
        inverse = 1 / (np.maximum(variance, 0) + multiple * max(float(variance.mean()), 1e-12))
        fits.append(axes @ (inverse[:, None] * cross))
        leverage = ((turned**2) @ inverse)[:, None]
        errors.append(float((((residual - turned @ (inverse[:, None] * cross)) / (1 - leverage)) ** 2).sum()))
    return np.asarray(fits[int(np.argmin(errors))])


def _start(explore: Explore, used: tuple[tuple[int, ...], ...], tail: int, output: int, rows: Mask) -> Floats:
    """One tail of one emotion's direction, fitted on the rows."""
    return np.asarray(tail * deflated_ridge(explore.taken(rows), used)[:, output])


def refined(
    explore: Explore,
    start: Callable[[Mask], Floats],
    emotion: int,
    sign: int,
    rng: np.random.Generator,
    *,
    proposer: str,
    true_class: int | None = None,
) -> list[Candidate]:
    """The gate from a start, and its corner where it is striking; judged on folds that they were not fitted to.

    Args:
        explore: the half.
        start: gives the direction to start from, fitted on the rows `(n,)` of a mask.
        emotion: what is said too often or too seldom.
        sign: 1 for too often.
        rng: draws the folds.
        proposer: for the record.
        true_class: the class that the slice lies in.
    """
    n, predicted = len(explore.z), explore.y_pred == emotion
    folds = rng.integers(FOLDS, size=n)
    gates = [_gate(explore, start, predicted, folds != fold, sign, true_class) for fold in range(FOLDS)]
    single = _judged(
        explore,
        gates,
        folds,
        emotion,
        sign,
        proposer,
        lambda: _gate(explore, start, predicted, np.ones(n, dtype=bool), sign, true_class),
    )
    if single is None or single.strength < CORNERS_FROM or true_class is not None or not isinstance(single.rule, Gate):
        return [] if single is None else [single]
    whole = single.rule
    corners = [
        fitted_corner(
            explore.z[folds != fold], explore.y[folds != fold], predicted[folds != fold], gates[fold], more=sign > 0
        )
        for fold in range(FOLDS)
    ]
    corner = _judged(
        explore,
        corners,
        folds,
        emotion,
        sign,
        proposer.replace("direction", "corner of two directions"),
        lambda: fitted_corner(explore.z, explore.y, predicted, whole, more=sign > 0),
    )
    return [single] if corner is None else [single, corner]


def _gate(
    explore: Explore, start: Callable[[Mask], Floats], predicted: Mask, rows: Mask, sign: int, true_class: int | None
) -> Gate:
    return fitted_gate(explore.z[rows], explore.y[rows], predicted[rows], start(rows), true_class=true_class, more=sign > 0)


def _judged(
    explore: Explore,
    gates: list[Gate],
    folds: np.ndarray[tuple[int], np.dtype[np.int64]],
    emotion: int,
    sign: int,
    proposer: str,
    whole: Callable[[], Gate],
) -> Candidate | None:
    """The gate fitted on everything, cut and rated by the ranks that the gates of the other folds give; None where wrong."""
    unseen = np.empty(len(folds))
    for fold, gate in enumerate(gates):
        inside = folds == fold
        score = gate.score(explore.z[inside], explore.y[inside])
        # Scores of different fits are compared by rank.
        unseen[inside] = (np.argsort(np.argsort(score)) + 0.5) / max(int(inside.sum()), 1)
    true_class = gates[0].true_class
    if true_class is not None:
        unseen = np.where(explore.y == true_class, unseen, -1e12)
    cut = best_cut(unseen, explore, emotion=emotion)
    if cut.z * sign <= 0:
        return None
    rule = whole()
    at = cut_at(rule, cut.share, explore)
    return Candidate(rule, at, emotion, sign, abs(cut.z), proposer, true_class)
