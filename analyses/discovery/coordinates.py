"""Which numbers of a picture may a slice be a function of?

A model errs more often between joy and surprise: pictures near that border form a "slice" that is read otherwise than
its labels say, in every data set, biased or not. So what the features tell linearly of the true label is taken out first
(the span of the label evidence), and with it whatever varies along with that evidence inside a class. Predictions are
never used here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affect_workbench.arrays import Codes, Floats, Vectors

SHRINKAGE = 0.01
"""Share of the mean variance that is added along every axis before the covariance within classes is inverted."""
PICTURES_PER_AXIS = 10
"""With fewer pictures an axis than this, only the widest axes are used: evidence fitted on more would not hold elsewhere."""
_CHUNK = 65_536


@dataclass(frozen=True)
class SliceSpace:
    """Features -> the coordinates that slices are made of.

    Attributes:
        mean: `(d,)`.
        axes: `(d, m)`; a picture's coordinates are `(x - mean) @ axes`.
    """

    mean: Floats
    axes: Floats

    def coordinates(self, features: Vectors) -> Floats:
        """Coordinates `(n, m)` of features `(n, d)`."""
        parts = [
            (np.asarray(features[start : start + _CHUNK], np.float64) - self.mean) @ self.axes
            for start in range(0, len(features), _CHUNK)
        ]
        return np.concatenate(parts)


def slice_space(features: Vectors, y: Codes, *, components: int = 64) -> SliceSpace:
    """The space fitted on features `(n, d)` with true labels `(n,)`.

    With discriminant directions W (covariance within classes, inverted, times the class means; Fisher 1936) and evidence
    g = x W, the part of x that is regressed on g within the classes is subtracted: what is left has the same mean in every
    class and is uncorrelated with the evidence. Then principal components, each divided by
    sqrt(variance + mean variance): wide components do not drown narrow ones, and narrow ones are not blown up.

    Args:
        features: of the explore half.
        y: their labels.
        components: most coordinates `m`.
    """
    x = np.asarray(features, np.float64)
    mean = x.mean(axis=0)
    x = x - mean
    kept_axes = _principal(x, max(components, len(x) // PICTURES_PER_AXIS))
    x = x @ kept_axes
    present, codes = np.unique(y, return_inverse=True)
    means = np.stack([x[codes == at].mean(axis=0) for at in range(len(present))])
    within = x - means[codes]
    covariance = within.T @ within / len(x)
    ridge = SHRINKAGE * np.trace(covariance) / len(covariance) + 1e-12
    directions = np.linalg.solve(covariance + ridge * np.eye(len(covariance)), means.T)
    left, size, _ = np.linalg.svd(directions, full_matrices=False)
    evidence = left[:, size > 1e-8 * max(float(size[0]), 1e-12)]
    taken_out = np.eye(x.shape[1])
    if evidence.shape[1]:
        slope = np.linalg.lstsq(within @ evidence, within, rcond=None)[0]
        taken_out = taken_out - evidence @ slope
    variance, axes = np.linalg.eigh(taken_out.T @ (x.T @ x / len(x)) @ taken_out)
    kept = np.argsort(variance)[::-1][: min(components, len(x) - 1)]
    kept = kept[variance[kept] > 1e-9 * max(float(variance.max()), 1e-12)]
    scale = np.sqrt(variance[kept] + variance[kept].mean())
    return SliceSpace(mean, kept_axes @ taken_out @ axes[:, kept] / scale)


def _principal(x: Floats, most: int) -> Floats:
    """The widest axes `(d, most)` of centred `x`; all of them, as they are, where there are no more."""
    if most >= x.shape[1]:
        return np.eye(x.shape[1])
    return np.asarray(np.linalg.eigh(x.T @ x)[1][:, -most:])
