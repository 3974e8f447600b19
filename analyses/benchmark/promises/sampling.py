"""How may the pictures of two sides have been sampled, and what do they truly differ by?

Independent pictures; groups (people, scenes) nested in the sides, crossed with them (everyone on both), with slopes of their
own, mixed, uneven or few; pairs. Labels, or ten votes a picture. Whatever the design, each picture's label has the shares of
its side, and each prediction follows the picture's label or a base rate, so that the true differences are known exactly:
only how alike pictures of one group are is different.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from affect_workbench.arrays import Codes, Floats, Mask
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.tables.columns import CORE_COLUMNS
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

EKMAN = Taxonomy.named("ekman6")
PAIR = "pair_id"
"""Core column of the pairs."""
COMMON, RARE = 0, 4
"""Emotions that are looked at: 35 % and 4 % of the pictures."""
SHARES = np.array([0.35, 0.25, 0.16, 0.14, 0.04, 0.06])
SHIFTED = np.array([0.25, 0.31, 0.16, 0.14, 0.08, 0.06])
"""Shares of labels on the other side, where there is a difference."""
FAITHFUL = 0.6
"""Share of the predictions that follow the picture; the others follow a base rate."""
VOTES = 10
_ALIKE = 0.5
"""Chance that a picture of a group has the group's label, and that a vote is the picture's."""


@dataclass(frozen=True)
class SamplingScheme:
    """How pictures are sampled.

    Attributes:
        name: in words.
        groups: how many; 0 for independent pictures.
        each: pictures of a group; where sizes are uneven their median.
        crossed: share of the pictures whose side is not their group's.
        slopes: whether a group has a label of its own on either side.
        uneven: whether groups differ in size by a factor of ten and more.
        heads: share of the groups (or independent pictures) on the first side.
        balanced: whether crossed pictures take turns between the sides.
        paired: whether groups are pairs, named as such in `pair_id` where the audit knows that column.
        outer: groups of whole pairs, whose pictures share labels as those of a pair do otherwise; 0 for independent pairs.
    """

    name: str
    groups: int = 0
    each: int = 1
    crossed: float = 0.0
    slopes: bool = False
    uneven: bool = False
    heads: float = 0.4
    balanced: bool = False
    paired: bool = False
    outer: int = 0


DESIGNS = (
    SamplingScheme("independent", each=800),
    SamplingScheme("nested, 100 groups", 100, 10),
    SamplingScheme("nested, 40 groups", 40, 20, heads=0.5),
    SamplingScheme("nested, uneven groups", 100, 8, uneven=True, heads=0.5),
    SamplingScheme("nested, 12 groups against 28", 40, 20, heads=0.3),
    SamplingScheme("crossed, 20 people", 20, 40, crossed=1.0, balanced=True),
    SamplingScheme("crossed, 20 people, own slopes", 20, 40, crossed=1.0, balanced=True, slopes=True),
    SamplingScheme("crossed, unbalanced", 60, 12, crossed=1.0, heads=0.3),
    SamplingScheme("mixed, half crossed", 80, 10, crossed=0.5),
    SamplingScheme("pairs as groups", 400, 2, crossed=1.0, balanced=True),
    SamplingScheme("pairs", 400, 2, crossed=1.0, balanced=True, paired=True),
    SamplingScheme("pairs in 40 groups, own slopes", 400, 2, crossed=1.0, balanced=True, paired=True, outer=40, slopes=True),
)


@dataclass(frozen=True)
class Sampled:
    """One data set and what it truly holds.

    Attributes:
        predictions: with `coin` (heads, tails), `number` (a numeric outcome without any difference) and, in groups,
            `group_id`.
        second: what a second model says, no better and no worse.
        predicted_gap: true difference of the predictions of heads from tails `(k,)`.
        labelled: of the labels.
        rate: true rates of the predictions of heads `(k,)`.
    """

    predictions: Predictions
    second: Predictions
    predicted_gap: Floats
    labelled: Floats
    rate: Floats


def sampled(scheme: SamplingScheme, rng: np.random.Generator, *, votes: bool = False, differ: bool = False) -> Sampled:
    """A data set of `scheme`; with `differ` the sides' labels differ, and so do the predictions, a little less."""
    group, heads, side_of_group = _sides(scheme, rng)
    n = len(heads)
    shares = np.stack([SHARES, SHIFTED if differ else SHARES])
    side = (~heads).astype(np.int64)
    alike = rng.random(n) < _ALIKE if scheme.groups else np.zeros(n, dtype=bool)
    label = _drawn(shares[side], np.where(alike, rng.random(side_of_group.max() + 1)[side_of_group], rng.random(n)))
    y_pred = _predicted(label, alike, side_of_group, rng)
    rows = pd.DataFrame(
        {
            "image_id": np.arange(n).astype(str),
            "coin": np.where(heads, "heads", "tails"),
            "number": rng.normal(size=n) + rng.normal(size=int(group.max()) + 1)[group],
        }
    )
    if scheme.groups:
        rows[PAIR if scheme.paired and PAIR in CORE_COLUMNS else "group_id"] = group
    if scheme.outer:
        rows["group_id"] = group % scheme.outer
    if votes:
        cast = np.where(
            rng.random((n, VOTES)) < _ALIKE, label[:, None], _drawn(shares[side][:, None], rng.random((n, VOTES)))
        )
        counts = np.stack([(cast == at).sum(axis=1) for at in range(len(SHARES))], axis=1)
        rows = rows.assign(**{f"vote_{name}": counts[:, at] for at, name in enumerate(EKMAN.labels)})
    else:
        rows["label"] = np.array(EKMAN.labels, dtype=object)[label]
    first, second = (
        Predictions(1.0 - np.eye(len(SHARES))[one], rows, EKMAN, "label")
        for one in (y_pred, _predicted(label, alike, side_of_group, rng))
    )
    difference = shares[0] - shares[1]
    rate = FAITHFUL * shares[0] + (1 - FAITHFUL) * SHARES
    return Sampled(first, second, FAITHFUL * difference, difference, rate)


def expected_hit(*, votes: bool) -> float:
    """Mean share of votes (or labels) for what is said, of any design without a difference."""
    chance = float((SHARES**2).sum())
    hit = FAITHFUL + (1 - FAITHFUL) * chance
    return _ALIKE * hit + (1 - _ALIKE) * chance if votes else hit


def _sides(scheme: SamplingScheme, rng: np.random.Generator) -> tuple[Codes, Mask, Codes]:
    """Group of each picture, whether it is on the side of heads, and what it shares its label with."""
    if not scheme.groups:
        n = scheme.each
        return np.arange(n), rng.random(n) < scheme.heads, np.arange(n)
    sizes = np.full(scheme.groups, scheme.each)
    if scheme.uneven:
        sizes = np.maximum(np.rint(scheme.each * np.exp(rng.normal(size=scheme.groups))), 1).astype(np.int64)
    group = np.repeat(np.arange(scheme.groups), sizes)
    # As many groups of heads as the design says: few of them by chance is another design.
    of_group = rng.permutation(np.arange(scheme.groups) < round(scheme.heads * scheme.groups))
    own = rng.random(len(group)) < scheme.heads
    if scheme.balanced:
        own = np.arange(len(group)) % 2 == 0
    heads = np.where(rng.random(len(group)) < scheme.crossed, own, of_group[group])
    shared = group % scheme.outer if scheme.outer else group
    return group, heads, shared * 2 + heads if scheme.slopes else shared


def _drawn(shares: Floats, uniform: Floats) -> Codes:
    """Labels `(...)` with the given shares `(..., k)`; pictures with one uniform number have as alike labels as may be."""
    return np.asarray((uniform[..., None] > shares.cumsum(axis=-1)[..., :-1]).sum(axis=-1), dtype=np.int64)


def _predicted(label: Codes, alike: Mask, shared: Codes, rng: np.random.Generator) -> Codes:
    """Predictions: the label, or a base rate that pictures of a group share too."""
    base = np.where(alike, rng.random(shared.max() + 1)[shared], rng.random(len(label)))
    return np.where(rng.random(len(label)) < FAITHFUL, label, _drawn(SHARES, base))
