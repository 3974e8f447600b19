"""Which pictures are alike among too many to compare them all? An index (faiss) says where to look.

The index sorts pictures into cells of neighbours and compares each picture with those of the nearest cells only. Copies lie
close together, so almost none is missed; how many are is measured on copies that are made up for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from affect_workbench.analyses.duplicates import exact_search as near

FROM = 4e10
"""Comparisons from which on an index is worth it: 200,000 pictures with each other."""
_PROBED = 16
_TRAINED_ON = 64
_BLOCK = 16_384
_MADE_UP = 500


@dataclass(frozen=True)
class Indexed:
    """Pairs that an index led to.

    Attributes:
        pairs: as `near.cosine_pairs` gives them, each with a cosine of at least the threshold.
        made_up: copies that were made up, each as far from its picture as a pair may be.
        found: how many of these the index leads to.
    """

    pairs: near.NearDuplicatePairs
    made_up: int
    found: int


def available() -> bool:
    """Whether faiss is installed (the extra `scale`)."""
    import importlib.util

    return importlib.util.find_spec("faiss") is not None


def indexed_pairs(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32] | None, threshold: float) -> Indexed:
    """Nearly every pair with a cosine of at least `threshold`, and how nearly.

    An inverted file over the 48 directions in which the set varies most (source: https://arxiv.org/abs/1702.08734), with
    4 sqrt(m) cells of which 16 are looked into; what is found there is compared in full.

    Args:
        a: `(n, d)` unit rows.
        b: `(m, d)` unit rows; None for the pairs `i < j` within `a`.
        threshold: smallest cosine.

    Raises:
        ValueError: more than 2,000,000 pairs are that alike.
    """
    import faiss

    other = a if b is None else b
    reach = near.squared_reach(threshold)
    directions, centre = near.main_directions(a, other)
    places = near.along(other, directions, centre)
    cells = max(int(4 * np.sqrt(len(other))), 1)
    index: Any = faiss.index_factory(directions.shape[1], f"IVF{cells},Flat")
    index.nprobe = min(_PROBED, cells)
    drawn = np.random.default_rng(0).permutation(len(other))[: _TRAINED_ON * cells]
    index.train(places[np.sort(drawn)])
    index.add(places)
    found: list[near.NearDuplicatePairs] = []
    total = 0
    for start in range(0, len(a), _BLOCK):
        queries = places[start : start + _BLOCK] if b is None else near.along(a[start : start + _BLOCK], directions, centre)
        limits, _, j = index.range_search(queries, reach)
        i = start + np.repeat(np.arange(len(queries)), np.diff(limits.astype(np.int64)).astype(np.int64))
        some = _alike(a, other, i, j.astype(np.int64), threshold, within=b is None)
        total += len(some[0])
        near.refuse_flood(total, f"cosine of at least {threshold:.4f}", "raise the threshold")
        found.append(some)
    return Indexed(near.joined(found, within=b is None), *_found_again(index, other, (directions, centre), threshold, reach))


def _alike(
    a: npt.NDArray[np.float32],
    b: npt.NDArray[np.float32],
    i: npt.NDArray[np.int64],
    j: npt.NDArray[np.int64],
    threshold: float,
    *,
    within: bool,
) -> near.NearDuplicatePairs:
    """The candidates that are alike in full; within one set each pair once, the earlier picture first."""
    if within:
        i, j = i[i < j], j[i < j]
    cosines = np.concatenate(
        [np.einsum("ij,ij->i", a[i[at : at + _BLOCK]], b[j[at : at + _BLOCK]]) for at in range(0, len(i), _BLOCK)]
        or [np.empty(0, dtype=np.float32)]
    )
    close = cosines >= threshold
    return i[close], j[close], cosines[close]


def _found_again(
    index: Any,
    b: npt.NDArray[np.float32],
    projection: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]],
    threshold: float,
    reach: float,
) -> tuple[int, int]:
    """How many copies were made up, each just at the threshold, and to how many the index leads.

    A copy is a picture moved toward another one, at random, until its cosine with itself is the threshold: real copies are
    nearer and easier to find.
    """
    generator = np.random.default_rng(1)
    drawn = np.sort(generator.permutation(len(b))[:_MADE_UP])
    toward = b[generator.permutation(len(b))[: len(drawn)]]
    own = b[drawn]
    aside = toward - np.einsum("ij,ij->i", own, toward)[:, None] * own
    length = np.linalg.norm(aside, axis=1)
    made = threshold * own + np.sqrt(max(1 - threshold**2, 0.0)) * aside / np.maximum(length, 1e-6)[:, None]
    limits, _, places = index.range_search(near.along(made.astype(np.float32), *projection), reach)
    ends = limits.astype(np.int64)
    found = [picture in places[ends[at] : ends[at + 1]] for at, picture in enumerate(drawn)]
    usable = (length > 1e-6) & (np.linalg.norm(own, axis=1) > 0)
    return int(usable.sum()), int(np.sum(np.array(found) & usable))
