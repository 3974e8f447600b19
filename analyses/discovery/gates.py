"""Which half-space, or corner of two, do the pictures lie in that are read otherwise? A mixture, fitted by likelihood.

A picture of true label y is said to be the emotion with chance K_y outside the slice and q inside it, and is inside with
chance pi(z) = prod_u sigmoid(w_u . z + a_u): P(said | z, y) = K_y + (q - K_y) pi(z). This is a mixture of two experts with a
gate (Jacobs et al. 1991, https://doi.org/10.1162/neco.1991.3.1.79). A linear regression of the residual uses all pictures
alike; the gate uses those at the edge of the slice, and knows a tail of a few per cent far better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize, special

from affect_workbench.analyses.discovery.candidates import LOWEST
from affect_workbench.arrays import Codes, Floats, Mask

PENALTY = 5.0
"""Precision of the normal prior on every weight."""
START_LENGTH = 2.0
"""Standard deviation of the gate's argument at the start."""
START_OFFSET = -5.0
MOST_STEPS = 80


@dataclass(frozen=True)
class Gate:
    """Log pi(z) as a membership score.

    Attributes:
        weights: `(u, m)`, one or two units.
        offsets: `(u,)`.
        true_class: pictures of other classes are not in the slice; None for all classes.
    """

    weights: Floats
    offsets: Floats
    true_class: int | None = None

    def score(self, z: Floats, y: Codes) -> Floats:
        """Log pi `(n,)`; `LOWEST` for pictures of another class."""
        score = special.log_expit(z @ self.weights.T + self.offsets).sum(axis=1)
        return np.asarray(score if self.true_class is None else np.where(y == self.true_class, score, LOWEST))


def fitted_gate(
    z: Floats, y: Codes, predicted: Mask, start: Floats, *, true_class: int | None = None, more: bool = True
) -> Gate:
    """The gate of one unit that makes `predicted (n,)` likeliest, from a direction `start (m,)`.

    Args:
        z: `(n, m)`.
        y: true labels.
        predicted: whether the emotion is said.
        start: where the slice lies, roughly.
        true_class: look in this class only.
        more: whether the emotion is said more often in the slice, else less often.
    """
    if true_class is not None:
        z, y, predicted = z[y == true_class], y[y == true_class], predicted[y == true_class]
    spread = float((z @ start).std())
    weights = (START_LENGTH / spread * start)[None] if spread > 0 else start[None]
    offsets = np.array([START_OFFSET - float((z @ weights[0]).mean())])
    return _likeliest(z, y, predicted, weights, offsets, true_class, more)


def fitted_corner(z: Floats, y: Codes, predicted: Mask, gate: Gate, *, more: bool = True) -> Gate:
    """The gate of two units (the corner of two half-spaces) that is likeliest, from a fitted one of one unit.

    A conjunction of two attributes looks to one unit like their sum; inside it, pictures that are read otherwise differ
    less along the difference of the two than the others do. That axis, of least variance against the others, splits the
    unit in two.
    """
    argument = z @ gate.weights[0]
    top = argument > np.quantile(argument, 0.9)
    odd, even = z[top & (predicted == more)], z[top & (predicted != more)]
    if min(len(odd), len(even)) < z.shape[1]:
        return gate
    _, axes = linalg.eigh(np.cov(odd.T) + 0.01 * np.eye(z.shape[1]), np.cov(even.T) + 0.05 * np.eye(z.shape[1]))
    axis = axes[:, 0] * argument.std() / max(float((z @ axes[:, 0]).std()), 1e-12)
    weights = np.stack([gate.weights[0] + axis, gate.weights[0] - axis])
    return _likeliest(z, y, predicted, weights, np.repeat(gate.offsets / 2, 2), gate.true_class, more)


def _likeliest(
    z: Floats, y: Codes, predicted: Mask, weights: Floats, offsets: Floats, true_class: int | None, more: bool
) -> Gate:
    units, m = weights.shape
    present, codes = np.unique(y, return_inverse=True)
    base = np.clip(np.bincount(codes, weights=predicted) / np.bincount(codes), 0.01, 0.99)
    start = np.concatenate([weights.ravel(), offsets, [special.logit(0.9 if more else 0.02)], special.logit(base)])

    def loss(at: Floats) -> tuple[float, Floats]:
        """Penalised negative log-likelihood and its gradient."""
        w, a = at[: units * m].reshape(units, m), at[units * m : units * m + units]
        inside, outside = special.expit(at[units * m + units]), special.expit(at[units * m + units + 1 :])
        parts = special.expit(z @ w.T + a)
        pi = parts.prod(axis=1)
        chance = np.clip(outside[codes] + (inside - outside[codes]) * pi, 1e-9, 1 - 1e-9)
        value = -np.log(np.where(predicted, chance, 1 - chance)).sum() + PENALTY / 2 * (w**2).sum()
        slope = -np.where(predicted, 1 / chance, -1 / (1 - chance))
        by_unit = (slope * (inside - outside[codes]) * pi)[:, None] * (1 - parts)
        gradient = np.concatenate(
            [
                (by_unit.T @ z + PENALTY * w).ravel(),
                by_unit.sum(axis=0),
                [(slope * pi).sum() * inside * (1 - inside)],
                np.bincount(codes, weights=slope * (1 - pi), minlength=len(present)) * outside * (1 - outside),
            ]
        )
        return float(value), gradient

    best: Floats = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": MOST_STEPS * units}).x
    return Gate(best[: units * m].reshape(units, m), best[units * m : units * m + units], true_class)
