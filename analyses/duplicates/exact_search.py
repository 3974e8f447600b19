"""Which pairs of pictures are alike beyond chance, out of billions, exactly and in bounded memory?

Alike means a high cosine of features, or few differing bits between perceptual hashes. Both searches skip pairs only by
bounds that cannot be wrong, so what they return is what comparing every pair would return.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

Pairs = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
NearDuplicatePairs = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]
MOST_PAIRS = 2_000_000
LARGEST_RADIUS = 7
FEWEST_TO_CALIBRATE = 100
_PROJECTED = 48
SLACK = 1e-3
"""Added to squared distances, for the rounding of single precision."""
_PICKED = 0.03
"""Share of a block's pairs from which comparing all of it in full is quicker than picking pairs out one by one."""
_ROUNDING = 1e-5
_ROWS, _COLUMNS = 2_048, 8_192
_SAMPLE = 2_000
_BODY, _TOP = 0.75, 0.90
_SAME = 1 - 1e-4
_CANDIDATES = 4_000_000


def cosine_pairs(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32] | None, threshold: float) -> NearDuplicatePairs:
    """Every pair of unit rows with cosine of at least `threshold`: positions in `a`, in `b`, cosines; sorted.

    Two unit vectors with cosine c are sqrt(2 - 2c) apart, and any projection brings points closer, never apart. So pairs
    are first compared in the 48 directions in which the set varies most, sorted along the first: blocks that are too far
    apart there are skipped, and only pairs that are close in all 48 are compared in full; features that spread evenly over
    all directions are therefore compared nearly all with all. The answer is that of comparing all pairs. Memory: the
    projections and one block of 2,048 x 8,192 numbers.

    Args:
        a: `(n, d)` unit rows.
        b: `(m, d)` unit rows; None for the pairs `i < j` within `a`.
        threshold: smallest cosine.

    Raises:
        ValueError: more than 2,000,000 pairs are that alike.
    """
    other = a if b is None else b
    reach = squared_reach(threshold)
    directions, centre = main_directions(a, other)
    near_a, order_a = _projected(a, directions, centre)
    near_b, order_b = (near_a, order_a) if b is None else _projected(other, directions, centre)
    half_a, half_b = (0.5 * np.einsum("ij,ij->i", part, part) for part in (near_a, near_b))
    found: list[NearDuplicatePairs] = []
    block = np.empty(_ROWS * _COLUMNS, dtype=np.float32)
    total = 0
    for top in range(0, len(near_a), _ROWS):
        rows = slice(top, min(top + _ROWS, len(near_a)))
        low, high = near_a[rows.start, 0] - np.sqrt(reach), near_a[rows.stop - 1, 0] + np.sqrt(reach)
        first, last = np.searchsorted(near_b[:, 0], low), int(np.searchsorted(near_b[:, 0], high, side="right"))
        for left in range(int(max(first, top) if b is None else first), last, _COLUMNS):
            columns = slice(left, min(left + _COLUMNS, last))
            shape = (rows.stop - rows.start, columns.stop - columns.start)
            products = block[: shape[0] * shape[1]].reshape(shape)
            # |x - y|^2 <= reach  <=>  x.y - |x|^2 / 2 - |y|^2 / 2 >= -reach / 2
            np.matmul(near_a[rows], near_b[columns].T, out=products)
            products -= half_b[columns]
            products -= (half_a[rows] - 0.5 * reach)[:, None]
            flat = np.flatnonzero(products.ravel() >= 0.0)
            if len(flat) > _PICKED * products.size:
                np.matmul(a[order_a[rows]], other[order_b[columns]].T, out=products)
                flat = np.flatnonzero(products.ravel() >= threshold - _ROUNDING)
            for start in range(0, len(flat), _CANDIDATES // 64):
                part = flat[start : start + _CANDIDATES // 64]
                i, j = rows.start + part // shape[1], columns.start + part % shape[1]
                if b is None:
                    i, j = i[i < j], j[i < j]
                i, j = order_a[i], order_b[j]
                cosines = np.einsum("ij,ij->i", a[i], other[j])
                close = cosines >= threshold
                if close.any():
                    total += int(close.sum())
                    refuse_flood(total, f"cosine of at least {threshold:.4f}", "raise the threshold")
                    found.append((i[close], j[close], cosines[close]))
    return joined(found, within=b is None)


def squared_reach(threshold: float) -> float:
    """Squared distance within which unit vectors of that cosine lie, in the full space and in every projection."""
    return max(2.0 - 2.0 * threshold, 0.0) + SLACK


def joined(found: Sequence[NearDuplicatePairs], *, within: bool) -> NearDuplicatePairs:
    """Pairs that were found part by part as one, sorted; `within` one set the earlier picture of each is named first."""
    i, j = (np.concatenate([pairs[side] for pairs in found] or [np.empty(0, dtype=np.int64)]) for side in (0, 1))
    cosines = np.concatenate([pairs[2] for pairs in found] or [np.empty(0, dtype=np.float32)])
    if within:
        i, j = np.minimum(i, j), np.maximum(i, j)
    order = np.lexsort((j, i))
    return i[order], j[order], np.minimum(cosines[order], np.float32(1.0))


def hamming_pairs(
    a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64] | None, radius: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Every pair of 64-bit hashes that differ in at most `radius` bits: positions in `a`, in `b`, bits; sorted.

    Of four chunks of 16 bits, at least one differs in at most `radius // 4` bits: only hashes that share such a chunk are
    compared (multi-index hashing, https://arxiv.org/abs/1307.2982). Equal hashes are looked up once.

    Args:
        a: `(n,)`.
        b: `(m,)`; None for the pairs `i < j` within `a`.
        radius: 0 to 7.

    Raises:
        ValueError: radius outside 0 to 7, or more than 2,000,000 pairs are that alike.
    """
    if not 0 <= radius <= LARGEST_RADIUS:
        raise ValueError(f"the radius is {radius} bits: expected 0 to {LARGEST_RADIUS}")
    ours, group_a, sizes_a = np.unique(a, return_inverse=True, return_counts=True)
    theirs, group_b, sizes_b = (
        (ours, group_a, sizes_a) if b is None else np.unique(b, return_inverse=True, return_counts=True)
    )
    keys: list[npt.NDArray[np.int64]] = []
    masks = [0] + [1 << bit for bit in range(16)] * (radius >= 4)
    for shift in (0, 16, 32, 48):
        chunk_a, chunk_b = ((part >> np.uint64(shift)).astype(np.uint16) for part in (ours, theirs))
        by_chunk = np.argsort(chunk_b, kind="stable")
        bucket = chunk_b[by_chunk]
        for mask in masks:
            wanted = chunk_a ^ np.uint16(mask)
            first = np.searchsorted(bucket, wanted)
            many = np.searchsorted(bucket, wanted, side="right") - first
            for i, place in _expanded(first, many):
                j = by_chunk[place]
                close = np.bitwise_count(ours[i] ^ theirs[j]) <= radius
                keys.append(i[close] * np.int64(len(theirs)) + j[close])
    i, j = np.divmod(np.unique(np.concatenate([*keys, np.empty(0, dtype=np.int64)])), np.int64(max(len(theirs), 1)))
    refuse_flood(
        int((sizes_a[i] * sizes_b[j]).sum()) // (2 if b is None else 1),
        f"difference of at most {radius} bits",
        "lower the radius",
    )
    left, right = _members(i, j, group_a, group_b)
    if b is None:
        left, right = left[left < right], right[left < right]
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    return left, right, np.bitwise_count(a[left] ^ (a if b is None else b)[right]).astype(np.int64)


def calibrated_cosine(a: npt.NDArray[np.float32], *, comparisons: float, expected: float = 1.0) -> tuple[float, float]:
    """The cosine that about `expected` pairs of different pictures would reach by chance, and the median neighbour's.

    Near a point, the number of neighbours within distance r grows like a power of r, so -log(1 - cosine) to the nearest
    neighbour has an exponential tail. Its rate comes from the nearest neighbours between the 75th and the 90th percentile,
    those above counted only as "above" (censored maximum likelihood). So copies that are already in the set move it little
    while fewer than a tenth of the pictures have one; more of them raise the threshold, never lower it. The tail is then
    followed to where `expected` pairs are left.
    Source: B. Hill, https://doi.org/10.1214/aos/1176343247.

    Args:
        a: `(n, d)` unit rows; at most 2,000 of them, drawn with a fixed seed, look for their nearest neighbour in all.
        comparisons: how many pictures each of `n` would meet: m for `a` against m others, n / 2 for the pairs within `a`.
        expected: pairs by chance.

    Raises:
        ValueError: fewer than 100 pictures.
    """
    if len(a) < FEWEST_TO_CALIBRATE:
        raise ValueError(f"cannot calibrate on {len(a)} pictures: expected at least {FEWEST_TO_CALIBRATE}; give a threshold")
    drawn = np.random.default_rng(0).permutation(len(a))[:_SAMPLE]
    nearest = np.full(len(drawn), -1.0, dtype=np.float32)
    for start in range(0, len(a), _COLUMNS):
        cosines = a[drawn] @ a[start : start + _COLUMNS].T
        # The picture itself and its exact copies are not its neighbours.
        cosines[cosines >= _SAME] = -1.0
        np.maximum(nearest, cosines.max(axis=1), out=nearest)
    depth = -np.log(np.maximum(1.0 - nearest[nearest > -1.0].astype(np.float64), 1e-9))
    if len(depth) < FEWEST_TO_CALIBRATE // 2:
        return _SAME, _SAME
    body, top = np.quantile(depth, [_BODY, _TOP])
    middle = depth[(depth > body) & (depth <= top)]
    above = int((depth > top).sum())
    length = float((middle - body).sum()) + above * float(top - body)
    rate = len(middle) / max(length, 1e-9)
    reached = body + max(np.log(max(comparisons * float((depth > body).mean()) / expected, 1.0)) / rate, 0.0)
    return float(min(1.0 - np.exp(-reached), _SAME)), float(1.0 - np.exp(-np.median(depth)))


def calibrated_radius(values: npt.NDArray[np.uint64], *, pairs: float, expected: float = 0.5) -> int:
    """The largest number of bits, -1 to 7, within which fewer than `expected` of `pairs` different pictures fall by chance.

    Bits of one hash depend on each other; hashes of different pictures differ like that many coin tosses as would have the
    observed variance (Daugman's degrees of freedom, https://doi.org/10.1109/TCSVT.2003.818350), counted as fewer by a
    quarter for tails that are heavier than the binomial. At most 2,000 hashes are drawn with a fixed seed. -1: none.
    """
    drawn = np.unique(values[np.random.default_rng(0).permutation(len(values))[:_SAMPLE]])
    share, tosses = 0.5, 24.0
    if len(drawn) >= FEWEST_TO_CALIBRATE:
        upper = np.triu_indices(len(drawn), 1)
        apart = np.bitwise_count(drawn[upper[0]] ^ drawn[upper[1]]) / 64.0
        share = float(apart.mean())
        tosses = min(share * (1 - share) / max(float(apart.var()), 1e-9), 64.0) * 0.75
    within = -1
    for radius in range(LARGEST_RADIUS + 1):
        successes = radius / 64.0 * tosses
        if pairs * float(betainc(tosses - successes, successes + 1.0, 1.0 - share)) >= expected:
            break
        within = radius
    return within


def main_directions(
    a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The orthonormal directions `(d, 48)` in which a sample of both sets varies most, and its centre `(d,)`."""
    sample = np.concatenate([part[:: max(len(part) // _SAMPLE, 1)] for part in (a, b)])
    centre = sample.mean(axis=0)
    axes = np.linalg.eigh(np.cov((sample - centre).T, dtype=np.float64).reshape(a.shape[1], -1))[1]
    return axes[:, ::-1][:, :_PROJECTED].astype(np.float32), centre


def _projected(
    rows: npt.NDArray[np.float32], directions: npt.NDArray[np.float32], centre: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """The rows along the directions, sorted along the first; and their positions."""
    near = along(rows, directions, centre)
    order = np.argsort(near[:, 0], kind="stable")
    return np.ascontiguousarray(near[order]), order


def along(
    rows: npt.NDArray[np.float32], directions: npt.NDArray[np.float32], centre: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """The rows' places `(n, 48)` along the directions."""
    parts = [(rows[at : at + _COLUMNS] - centre) @ directions for at in range(0, len(rows), _COLUMNS)]
    return np.concatenate(parts) if parts else np.empty((0, directions.shape[1]), dtype=np.float32)


def _expanded(first: npt.NDArray[np.int64], many: npt.NDArray[np.int64]) -> Iterator[Pairs]:
    """Pairs of (i, each of the `many[i]` places from `first[i]`), in portions of bounded size."""
    ends = np.cumsum(many)
    start = 0
    while start < len(many):
        before = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, before + _CANDIDATES, side="right")), start + 1)
        counts = many[start:stop]
        i = np.repeat(np.arange(start, stop), counts)
        offsets = np.arange(len(i)) - np.repeat(np.cumsum(counts) - counts, counts)
        yield i, np.repeat(first[start:stop], counts) + offsets
        start = stop


def _members(
    i: npt.NDArray[np.int64], j: npt.NDArray[np.int64], group_a: npt.NDArray[np.int64], group_b: npt.NDArray[np.int64]
) -> Pairs:
    """Pairs of groups as pairs of their members."""
    order_a, order_b = np.argsort(group_a, kind="stable"), np.argsort(group_b, kind="stable")
    many_a, many_b = np.bincount(group_a), np.bincount(group_b)
    first_a, first_b = np.cumsum(many_a) - many_a, np.cumsum(many_b) - many_b
    sizes = many_a[i] * many_b[j]
    inside = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    i, j, wide = np.repeat(i, sizes), np.repeat(j, sizes), np.repeat(many_b[j], sizes)
    return order_a[first_a[i] + inside // wide], order_b[first_b[j] + inside % wide]


def refuse_flood(pairs: int, what: str, advice: str) -> None:
    """Refuses more pairs than anyone could look at.

    Raises:
        ValueError: what they are, and what to do.
    """
    if pairs > MOST_PAIRS:
        raise ValueError(
            f"more than {MOST_PAIRS:,} pairs have a {what}: {advice}, or remove the duplicates within each set first"
        )
