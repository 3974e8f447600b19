"""Who is shown when one asks for an emotion? The make-up of the nearest pictures against that of all pictures.

Skew, MaxSkew and NDKL of the pictures that lie nearest to an emotion's label. MaxSkew and NDKL are above zero for any
ranking, so each stands beside its mean under chance.
Sources: Geyik et al. 2019, arXiv 1905.01989; Berg et al. 2022, arXiv 2203.11933 (for images and words).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import special

from affect_workbench.analyses.inference.intervals import wilson
from affect_workbench.analyses.inference.multiplicity import benjamini_hochberg
from affect_workbench.analyses.inference.resampling import (
    STANDARD_SAMPLING,
    Sampling,
    chance_p,
    drawn_weights,
    excess_interval,
    permuted_codes,
)
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.arrays import Codes, Floats

_AT_ONCE = 32
"""Draws whose rankings are looked at together."""


def retrieval_tables(
    data: SlicedPredictions, *, top: int | None = None, sampling: Sampling = STANDARD_SAMPLING
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The slices among the nearest pictures of each emotion, and one figure an attribute.

    The first has one row a (slice, emotion): `slice`, `emotion`, `top` (pictures looked at), `n` of them in the slice,
    `share` among them with Wilson `share_low`, `share_high`, `expected` (share among all pictures with a value), and
    `skew = ln(share / expected)` with `low`, `high` from those of the share; minus infinity where none is among them. Where
    pictures come in groups, counts are divided by the design effect of the share first (as in
    `analyses.inference.clusters`).

    The second has two rows an (attribute, emotion), `measure` being `max skew` or `ndkl`: `value`, `by_chance` (its mean
    when values are permuted, groups together), `excess` with its interval `low`, `high` from bootstrap samples,
    one-sided `p`, and `q` (Benjamini-Hochberg, within the measure).

    Args:
        data: pictures with distances; those without a value are passed over.
        top: how many of the nearest pictures; a tenth of them, at least 10 and at most 1,000, when not given.
        sampling: random draws for chance, and as many for the interval.

    Raises:
        ValueError: only labels are known, or `top` is no number of pictures.
    """
    predictions = data.predictions
    if predictions.measure == "label":
        raise ValueError("retrieval needs a score for every label, and the data contain the predicted label only")
    if top is not None and not 1 <= top <= len(predictions):
        raise ValueError(f"top is {top}: expected between 1 and the {len(predictions)} pictures")
    rng, draws, groups = sampling.rng(), sampling.draws, data.groups
    labels = list(predictions.taxonomy.labels)
    slices, whole = [], []
    for attribute in data.attributes:
        known = np.flatnonzero(attribute.codes >= 0)
        codes, size = attribute.codes[known], len(attribute.conditions)
        ranked = np.argsort(predictions.distances[known], axis=0, kind="stable").T  # (k, n)
        most = min(top if top is not None else int(np.clip(len(known) // 10, 10, 1_000)), len(known))
        expected = np.bincount(codes, minlength=size) / len(codes)
        hits = np.stack([np.bincount(codes[order[:most]], minlength=size) for order in ranked], axis=1)  # (values, k)
        own = None if groups is None else groups[known]
        first = ranked[:, :most]
        deff = np.ones(hits.shape) if own is None else _design_effects(codes[first], own[first], size)
        low, high = wilson(hits / deff, most / deff)
        with np.errstate(divide="ignore"):
            skew = [np.log(share / expected[:, None]) for share in (hits / most, low, high)]
        slices.append(
            pd.DataFrame(
                {
                    "slice": np.repeat([one.name for one in attribute.conditions], len(labels)),
                    "emotion": labels * size,
                    "top": most,
                    "n": hits.ravel(),
                    "share": (hits / most).ravel(),
                    "share_low": low.ravel(),
                    "share_high": high.ravel(),
                    "expected": np.repeat(expected, len(labels)),
                    "skew": skew[0].ravel(),
                    "low": skew[1].ravel(),
                    "high": skew[2].ravel(),
                }
            )
        )
        seen = _figures(codes[first], expected)
        permuted = permuted_codes(codes, own, draws=draws, rng=rng)
        chance = _figures_of((one[first], expected) for one in permuted)
        drawn = _figures_of(
            _drawn_again(codes, ranked, weight.astype(np.int64), most, size)
            for weight in drawn_weights(len(codes), own, draws=draws, rng=rng)
        )
        excess, excess_low, excess_high = excess_interval(seen, chance, drawn)
        p = chance_p(seen, chance)
        for row, measure in enumerate(("max skew", "ndkl")):
            whole.append(
                pd.DataFrame(
                    {
                        "attribute": attribute.column,
                        "emotion": labels,
                        "measure": measure,
                        "top": most,
                        "value": seen[row],
                        "by_chance": chance.mean(axis=0)[row],
                        "excess": excess[row],
                        "low": excess_low[row],
                        "high": excess_high[row],
                        "p": p[row],
                    }
                )
            )
    table = pd.concat(whole, ignore_index=True)
    table["q"] = table.groupby("measure", sort=False)["p"].transform(lambda p: benjamini_hochberg(p.to_numpy()))
    return pd.concat(slices, ignore_index=True), table


def _design_effects(first: Codes, groups: Codes, size: int) -> Floats:
    """How many pictures tell as much as one of each value's share of `first (k, most)`, with groups as units `(size, k)`."""
    k, most = first.shape
    deff = np.ones((size, k))
    for at in range(k):
        number = np.unique(groups[at], return_inverse=True)[1]
        count = int(number.max()) + 1
        of_value = np.bincount(number * size + first[at], minlength=count * size).reshape(count, size)
        share = of_value.sum(axis=0) / most
        spread = ((of_value - of_value.sum(axis=1, keepdims=True) * share) ** 2).sum(axis=0) * count / max(count - 1, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            deff[:, at] = np.nanmax([spread / (most * share * (1 - share)), np.ones(size)], axis=0)
    return deff


def ndkl(codes: Codes, expected: Floats) -> Floats:
    """Normalised discounted Kullback-Leibler divergence (nats) of rankings `(..., n)` of values from their expected shares.

    Expected shares are those of all rankings `(size,)`, or `(..., size)` of those in all but the last two axes. Mean over
    ranks i, weighted by 1 / log2(i + 1), of KL(shares among the first i, expected).
    """
    n = codes.shape[-1]
    rank = np.arange(1, n + 1)
    seen = _times_seen(codes)
    # Of the first r pictures, c with a value: the sum over values of c log c grows by this at each rank.
    with np.errstate(divide="ignore"):
        log_expected = np.log(expected)
        own = (
            log_expected[codes] if log_expected.ndim == 1 else np.take_along_axis(log_expected[..., None, :], codes, axis=-1)
        )
        growth = np.diff(special.xlogy(np.arange(n + 1), np.arange(n + 1)))[seen - 1] - own
    divergence = np.cumsum(growth, axis=-1) / rank - np.log(rank)
    weight = 1 / np.log2(rank + 1)
    return np.asarray((weight * divergence).sum(axis=-1) / weight.sum(), dtype=np.float64)


def _times_seen(codes: Codes) -> Codes:
    """How often each value of a ranking `(..., n)` was there up to its own place, itself included."""
    order = np.argsort(codes.astype(np.int16), axis=-1, kind="stable")
    ordered = np.take_along_axis(codes, order, axis=-1)
    place = np.broadcast_to(np.arange(codes.shape[-1]), codes.shape)
    first = np.ones(codes.shape, dtype=bool)
    first[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    start = np.maximum.accumulate(np.where(first, place, 0), axis=-1)
    seen = np.empty(codes.shape, dtype=np.int64)
    np.put_along_axis(seen, order, place - start + 1, axis=-1)
    return seen


def _figures(first: Codes, expected: Floats) -> Floats:
    """Largest skew and NDKL `(..., 2, k)` of the values `first (..., k, most)` of the pictures nearest to each emotion."""
    size, lists = expected.shape[-1], first.shape[:-1]
    row = np.arange(math.prod(lists)).reshape(*lists, 1)
    hits = np.bincount((row * size + first).ravel(), minlength=row.size * size).reshape(*lists, size) / first.shape[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.stack([np.nanmax(np.log(hits / expected[..., None, :]), axis=-1), ndkl(first, expected)], axis=-2)


def _figures_of(draws: Iterable[tuple[Codes, Floats]]) -> Floats:
    """The figures `(draws, 2, k)` of many draws of values and their shares, several at once where they are equally long."""
    found = []
    for _, alike in itertools.groupby(draws, key=lambda draw: draw[0].shape):
        while block := list(itertools.islice(alike, _AT_ONCE)):
            first, expected = zip(*block, strict=True)
            found.append(_figures(np.stack(first), np.stack(expected)))
    return np.concatenate(found)


def _drawn_again(codes: Codes, ranked: Codes, weight: Codes, most: int, size: int) -> tuple[Codes, Floats]:
    """Values `(k, most)` of the nearest pictures in one bootstrap sample, and the share of each value in it.

    The order of pictures stays, each stands in it as often as it was drawn; 1.5 times as many ranks as are needed on average
    are looked at first.
    """
    expected = np.bincount(codes, weights=weight, minlength=size)
    first = []
    for order in ranked:
        ranks = min(len(order), most + most // 2)
        while (again := np.repeat(order[:ranks], weight[order[:ranks]])).size < most and ranks < len(order):
            ranks = min(2 * ranks, len(order))
        first.append(codes[again[:most]])
    shortest = min(map(len, first))
    return np.stack([one[:shortest] for one in first]), expected / expected.sum()
