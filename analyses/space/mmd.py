"""Do the pictures of a slice lie otherwise than the others at all, in any way, and still so among pictures of one label?

The unbiased squared maximum mean discrepancy (Gretton et al. 2012, https://jmlr.org/papers/v13/gretton12a.html) with a
Gaussian kernel, on random features (Rahimi and Recht 2007), so that a million pictures are one pass. It is zero on average
where nothing differs, whatever the sizes of the slices; the Frechet distance is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.inference.resampling import chance_p, permuted_codes
from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.slices.sums import group_sums
from affect_workbench.arrays import Codes, Floats
from affect_workbench.data.plurals import plural

FEATURES = 512
CHUNK = 16_384
PERMUTATIONS = 199
MOST_FOR_P = 5_000
COLUMNS = ("slice", "n", "mmd", "p", "mmd_within", "p_within", "n_tested", "bandwidth")


@dataclass(frozen=True)
class KernelFeatures:
    """Random features of a Gaussian kernel: products of two pictures' features approximate exp(-|x - y|^2 / (2 b^2)).

    Attributes:
        frequencies: `(d, features / 2)`.
        bandwidth: b, the median distance of two pictures.
    """

    frequencies: npt.NDArray[np.float32]
    bandwidth: float

    def __call__(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """`(n, features)` of unit length: cosines and sines, so that the kernel of a picture with itself is exact."""
        angle = np.asarray(x, np.float32) @ self.frequencies
        width = angle.shape[1]
        out = np.empty((len(angle), 2 * width), np.float32)
        np.cos(angle, out=out[:, :width])
        np.sin(angle, out=out[:, width:])
        out *= np.float32(1 / np.sqrt(width))
        return out


def kernel_features(x: npt.NDArray[Any], *, features: int = FEATURES, seed: int = 0) -> KernelFeatures:
    """Features for pictures like `x (n, d)`; the bandwidth is the median distance over pairs of a sample of 1,000.

    Raises:
        ValueError: fewer than two pictures, or all in one place.
    """
    rng = np.random.default_rng(seed)
    if len(x) < 2:
        raise ValueError(f"{plural(len(x), 'picture has', 'pictures have')} no distance: expected at least two")
    at = np.sort(rng.choice(len(x), min(len(x), 1_000), replace=False))
    points = np.asarray(x[at], np.float64)
    squares = (points**2).sum(axis=1)
    apart = squares[:, None] + squares - 2 * points @ points.T
    pairs = apart[np.triu_indices(len(points), 1)]
    bandwidth = float(np.sqrt(max(np.median(pairs), 0)))
    if bandwidth < 1e-9 * max(float(np.sqrt(squares.mean())), 1e-30):
        bandwidth = float(np.sqrt(max(pairs.mean(), 0)))  # more than half of the pictures are copies of one
    if bandwidth <= 1e-12:
        raise ValueError("all pictures lie in one place: there is no distance to measure by")
    drawn = rng.standard_normal((x.shape[1], features // 2)) / bandwidth
    return KernelFeatures(drawn.astype(np.float32), bandwidth)


def mmd_table(
    x: npt.NDArray[Any],
    attributes: Sequence[CodedAttribute],
    *,
    y: Codes | None = None,
    groups: Codes | None = None,
    permutations: int = PERMUTATIONS,
    most_for_p: int = MOST_FOR_P,
    seed: int = 0,
) -> pd.DataFrame:
    """One row a slice: unbiased MMD^2 between its pictures and the others, raw and within labels.

    Columns: `slice`, `n`, `mmd` (over all pictures; may be below zero), `p` (one-sided, (b + 1) / (B + 1), of permutations
    of the attribute on `n_tested` pictures, at most `most_for_p`, whole groups together), `mmd_within` and `p_within`:
    within labels, averaged with the weights n m / (n + m), where permutations stay within labels (and a group's pictures of
    one label stay together); `bandwidth`. Within labels NaN without `y`.

    Args:
        x: `(n, d)`, may be memory-mapped; read once, in chunks.
        attributes: what to slice by.
        y: true label of each picture `(n,)`, -1 where not known.
        groups: group of each picture, None for independent ones.
        permutations: B.
        most_for_p: pictures that are permuted.
        seed: of features, sample and permutations.
    """
    features = kernel_features(x, seed=seed)
    labels = np.zeros(len(x), np.int64) if y is None else y
    h = int(labels.max(initial=0)) + 1
    joint = [_joint(one.codes, labels, h) for one in attributes]
    raw = [np.zeros((len(one.conditions), 1 + FEATURES)) for one in attributes]
    within = [np.zeros((len(one.conditions) * h, 1 + FEATURES)) for one in attributes]
    for start in range(0, len(x), CHUNK):
        part = slice(start, start + CHUNK)
        values = np.hstack([np.ones((len(x[part]), 1)), features(x[part])])
        for at, one in enumerate(attributes):
            raw[at] += group_sums(one.codes[part], len(one.conditions), values)
            if y is not None:
                within[at] += group_sums(joint[at][part], len(within[at]), values)
    rng = np.random.default_rng([seed, 1])
    sample = np.sort(rng.choice(len(x), min(len(x), most_for_p), replace=False))
    drawn = features(x[sample])
    own = None if groups is None else groups[sample]
    tables = []
    for at, one in enumerate(attributes):
        size = len(one.conditions)
        codes = one.codes[sample]
        p = _p(drawn, codes, size, permuted_codes(codes, own, draws=permutations, rng=rng))
        inner, p_within = np.full(size, np.nan), np.full(size, np.nan)
        if y is not None:
            inner = _averaged(within[at].reshape(size, h, -1))
            held = labels[sample]
            known = held >= 0
            p_within = _p_within(
                drawn[known], codes[known], size, held[known], None if own is None else own[known], permutations, rng
            )
        tables.append(
            pd.DataFrame(
                {
                    "slice": [condition.name for condition in one.conditions],
                    "n": np.rint(raw[at][:, 0]).astype(np.int64),
                    "mmd": _mmd(raw[at], raw[at].sum(axis=0) - raw[at]),
                    "p": p,
                    "mmd_within": inner,
                    "p_within": p_within,
                    "n_tested": int((codes >= 0).sum()),
                    "bandwidth": features.bandwidth,
                }
            )
        )
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))
    return table[list(COLUMNS)]


def _joint(codes: Codes, labels: Codes, h: int) -> Codes:
    return np.asarray(np.where((codes >= 0) & (labels >= 0), codes * h + labels, -1), np.int64)


def _mmd(inside: Floats, outside: Floats) -> Floats:
    """Unbiased MMD^2 `(...)` from counts and sums of unit features `(..., 1 + features)`; NaN below two on a side."""
    n, m = inside[..., 0], outside[..., 0]
    own, other = inside[..., 1:], outside[..., 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        # A picture's kernel with itself is 1 and is not a pair.
        value = ((own**2).sum(axis=-1) - n) / (n * (n - 1)) + ((other**2).sum(axis=-1) - m) / (m * (m - 1))
        value -= 2 * (own * other).sum(axis=-1) / (n * m)
    return np.asarray(np.where((n >= 2) & (m >= 2), value, np.nan), np.float64)


def _averaged(inside: Floats) -> Floats:
    """MMD^2 `(v,)` averaged over labels, from sums `(v, h, 1 + features)`."""
    outside = inside.sum(axis=0) - inside
    value, n, m = _mmd(inside, outside), inside[..., 0], outside[..., 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(np.isfinite(value), n * m / (n + m), 0.0)
        return np.asarray((weight * np.nan_to_num(value)).sum(axis=1) / weight.sum(axis=1))


def _p(drawn: npt.NDArray[np.float32], codes: Codes, size: int, permutations: Iterable[Codes]) -> Floats:
    """One-sided p `(v,)` of the MMD^2 of each value, against permuted codes."""

    def of(one: Codes) -> Floats:
        sums = _sums(one, size, drawn)
        return _mmd(sums, sums.sum(axis=0) - sums)

    return chance_p(of(codes), np.array([of(one) for one in permutations]))


def _p_within(
    drawn: npt.NDArray[np.float32],
    codes: Codes,
    size: int,
    labels: Codes,
    groups: Codes | None,
    permutations: int,
    rng: np.random.Generator,
) -> Floats:
    """The same for the MMD^2 averaged over labels, against permutations within labels."""
    seen, found = [], []
    for label in np.unique(labels):
        at = np.flatnonzero(labels == label)
        part, own = drawn[at], None if groups is None else groups[at]
        seen.append(_sums(codes[at], size, part))
        ways = permuted_codes(codes[at], own, draws=permutations, rng=rng)
        found.append(np.array([_sums(permuted, size, part) for permuted in ways], np.float32))
    if not seen:
        return np.full(size, np.nan)
    return chance_p(
        _averaged(np.stack(seen, axis=1)), np.array([_averaged(np.stack(one, axis=1)) for one in zip(*found, strict=True)])
    )


def _sums(codes: Codes, size: int, values: npt.NDArray[np.float32]) -> Floats:
    """Counts and sums `(size, 1 + features)` by code; a product of small matrices, so that permutations are fast."""
    inside = codes == np.arange(size)[:, None]
    return np.hstack([inside.sum(axis=1, keepdims=True), inside.astype(np.float32) @ values]).astype(np.float64)
