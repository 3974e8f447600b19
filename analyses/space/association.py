"""Do the pictures of a slice lie nearer to the words of an emotion than the other pictures do?

The embedding association test (WEAT; Caliskan et al. 2017, https://doi.org/10.1126/science.aal4230; for pictures: iEAT,
Steed and Caliskan 2021) across pictures and words, at the three levels of ML-EAT (https://arxiv.org/abs/2408.01966): the
difference between slice and others (level 1), each of the two on its own (level 2), and every cell of pictures and words
(level 3). An association is no bias: it is where vectors lie, and what it does to the labels is said beside it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.inference.multiplicity import benjamini_hochberg
from affect_workbench.analyses.inference.resampling import drawn_weights, permuted_codes
from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.slices.sums import group_sums
from affect_workbench.analyses.space.label_space import unit_rows
from affect_workbench.arrays import Codes, Floats, Mask
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

EXACT_UP_TO = 200_000
"""Permutations of the pictures: up to these all are tried, above that a sample."""
PERMUTATIONS = 9_999
DRAWS = 400
MOST_PICTURES = 2_000
"""Pictures a test of one attribute takes: of more, a sample is drawn."""
COLUMNS = (
    "slice",
    "emotion",
    "n",
    "others",
    "words",
    "difference",
    "low",
    "high",
    "effect_size",
    "slice_association",
    "others_association",
    "slice_to_emotion",
    "slice_to_rest",
    "others_to_emotion",
    "others_to_rest",
    "flips",
    "p",
    "permutations",
    "exact",
    "q",
)


@dataclass(frozen=True)
class LabelWords:
    """Words of emotions.

    Attributes:
        vectors: `(s, m)` at least one a label: the label vectors, or all their synonyms.
        owners: label position of each word `(s,)`.
        taxonomy: the `k` labels.
    """

    vectors: npt.NDArray[Any]
    owners: Codes
    taxonomy: Taxonomy


def association_table(
    vectors: npt.NDArray[Any],
    words: LabelWords,
    *,
    attributes: Sequence[CodedAttribute],
    groups: Codes | None = None,
    permutations: int = PERMUTATIONS,
    most: int = MOST_PICTURES,
    seed: int = 0,
) -> pd.DataFrame:
    """One row a (slice, emotion): how much nearer the slice's pictures are to the emotion's words than others are.

    A picture's association is its mean cosine with the emotion's words less that with all other emotions' words. Columns:

    - `slice`, `emotion`, `n`, `others`: pictures that were tested (a sample above `most`); `words` of the emotion;
    - level 1: `difference` of the mean association, slice less others, in cosines, with a 95 % interval `low`, `high` over
      other pictures (groups drawn whole) and other words; `effect_size`, in standard deviations of all those pictures;
    - level 2: `slice_association`, `others_association`: each on its own, in standard deviations over the words;
    - level 3: mean cosines `slice_to_emotion`, `slice_to_rest`, `others_to_emotion`, `others_to_rest`;
    - `flips`: the share of the slice's pictures that would be read otherwise if the difference were taken out of their
      cosine with this emotion: what the association is worth;
    - `p`, two-sided, over `permutations` permutations of the pictures (whole groups): all of them where they are at
      most `EXACT_UP_TO` (`exact`), else (b + 1) / (B + 1); `q`, Benjamini-Hochberg over the table, which is one family.

    Args:
        vectors: pictures `(n, m)`.
        words: of the labels.
        attributes: the family of slices.
        groups: group of each picture, None for independent ones.
        permutations: B.
        most: pictures that are tested at most, of one attribute.
        seed: of samples, permutations and draws.

    Raises:
        ValueError: a label without a word, or vectors that are zero or of different widths.
    """
    owners, taxonomy = words.owners, words.taxonomy
    if set(owners.tolist()) != set(range(len(taxonomy))):
        raise ValueError(
            f"the words stand for labels {sorted(set(owners.tolist()))}: expected each of {len(taxonomy)} labels"
        )
    units, mine = unit_rows(words.vectors, "words"), owners == np.arange(len(taxonomy))[:, None]
    alike: dict[bytes, list[int]] = {}  # attributes that the same pictures have share sample and permutations
    for place, one in enumerate(attributes):
        alike.setdefault((one.codes >= 0).tobytes(), []).append(place)
    tables: dict[int, pd.DataFrame] = {}
    for number, places in enumerate(alike.values()):
        rng = np.random.default_rng([seed, number])
        at = sampled(attributes[places[0]].codes, most, rng)
        if not len(at):
            continue
        pictures = _Pictures(unit_rows(vectors[at], "pictures") @ units.T, mine, None if groups is None else groups[at])
        chosen = [
            CodedAttribute(one.column, one.conditions, one.codes[at]) for one in (attributes[place] for place in places)
        ]
        chances = _chances(pictures, chosen, permutations, rng)
        for place, one, chance in zip(places, chosen, chances, strict=True):
            tables[place] = _rows(pictures, one, taxonomy, chance, rng)
    found = [tables[place] for place in sorted(tables) if len(tables[place])]
    table = pd.concat(found or [pd.DataFrame(columns=list(COLUMNS))], ignore_index=True)
    return table.assign(q=benjamini_hochberg(table["p"].to_numpy(np.float64)))[list(COLUMNS)]


class _Pictures:
    """Pictures with their `cosines (n, s)` to the words, their `association (n, k)` with the labels, and `groups (n,)`."""

    def __init__(self, cosines: Floats, mine: Mask, groups: Codes | None) -> None:
        self.cosines, self.mine, self.groups = cosines, mine, groups
        own = mine / mine.sum(axis=1, keepdims=True) - ~mine / (~mine).sum(axis=1, keepdims=True)
        self.association: Floats = cosines @ own.T


def _rows(
    pictures: _Pictures,
    attribute: CodedAttribute,
    taxonomy: Taxonomy,
    chance: tuple[Floats, int, bool],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """The rows of one attribute, without q."""
    p, tried, exact = chance
    cosines, mine = pictures.cosines, pictures.mine
    inside = _inside(attribute)
    count = inside.sum(axis=1)
    seen = _difference(inside, pictures.association)
    spread = pictures.association.std(axis=0, ddof=1) if len(cosines) > 1 else np.zeros(len(mine))
    low, high = np.nanquantile(_drawn(pictures, inside, rng), [0.025, 0.975], axis=0)
    labels = np.array([cosines[:, words_of].mean(axis=1) for words_of in mine]).T
    nearest = labels.argmax(axis=1)
    rows = []
    for value, condition in enumerate(attribute.conditions):
        if not 0 < count[value] < len(cosines):
            continue
        own_words, other_words = (cosines[side].mean(axis=0) for side in (inside[value], ~inside[value]))
        for e, label in enumerate(taxonomy.labels):
            without = labels[inside[value]].copy()
            without[:, e] -= seen[value, e]
            rows.append(
                (
                    condition.name,
                    label,
                    int(count[value]),
                    len(cosines) - int(count[value]),
                    int(mine[e].sum()),
                    seen[value, e],
                    low[value, e],
                    high[value, e],
                    seen[value, e] / spread[e] if spread[e] > 0 else np.nan,
                    _over_words(own_words, mine[e]),
                    _over_words(other_words, mine[e]),
                    own_words[mine[e]].mean(),
                    own_words[~mine[e]].mean(),
                    other_words[mine[e]].mean(),
                    other_words[~mine[e]].mean(),
                    float((without.argmax(axis=1) != nearest[inside[value]]).mean()),
                    p[value, e],
                    tried,
                    exact,
                )
            )
    return pd.DataFrame(rows, columns=list(COLUMNS[:-1]))


def sampled(codes: Codes, most: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Positions of at most `most` pictures with a value, ascending."""
    known = np.flatnonzero(codes >= 0)
    return known if len(known) <= most else np.sort(rng.choice(known, most, replace=False))


def _inside(attribute: CodedAttribute) -> Mask:
    """Which pictures have each value `(v, n)`."""
    return np.asarray(attribute.codes == np.arange(len(attribute.conditions))[:, None])


def _difference(inside: Mask, association: Floats) -> Floats:
    """Mean inside less mean outside `(v, k)` for masks `(v, n)`."""
    total, sums = association.sum(axis=0), inside.astype(float) @ association
    n = inside.sum(axis=1, keepdims=True).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums / n - (total - sums) / (inside.shape[1] - n))


def _chances(
    pictures: _Pictures, attributes: Sequence[CodedAttribute], permutations: int, rng: np.random.Generator
) -> list[tuple[Floats, int, bool]]:
    """For each attribute the two-sided p `(v, k)`, how many permutations were tried, and whether these are all."""
    found: list[tuple[Floats, int, bool] | None] = []
    for one in attributes:
        seen = _difference(_inside(one), pictures.association)
        every = _every_difference(one.codes, pictures.association, pictures.groups)
        if every is not None:
            # Of two values the second differs from the first by the opposite: one list serves both.
            found.append(((np.abs(every)[:, None] >= np.abs(seen) - 1e-12).mean(axis=0), len(every), True))
        elif pictures.groups is not None:
            beyond = np.zeros(seen.shape)
            for permuted in permuted_codes(one.codes, pictures.groups, draws=permutations, rng=rng):
                moved = _difference(permuted == np.arange(len(seen))[:, None], pictures.association)
                beyond += ~(np.abs(moved) < np.abs(seen) - 1e-12)
            found.append(((beyond + 1) / (permutations + 1), permutations, False))
        else:
            found.append(None)
    left = [one for one, done in zip(attributes, found, strict=True) if done is None]
    if left:
        inside = np.vstack([_inside(one) for one in left])
        together = _dealt_together(inside, pictures.association, permutations, rng)
        parts = iter(np.split(together, np.cumsum([len(one.conditions) for one in left])[:-1]))
        found = [(next(parts), permutations, False) if done is None else done for done in found]
    return [done for done in found if done is not None]


def _dealt_together(inside: Mask, association: Floats, permutations: int, rng: np.random.Generator) -> Floats:
    """Two-sided p `(v, k)` where single pictures are permuted; each permutation serves every value of every attribute.

    For many permutations at once, the pictures move and the values stay.
    """
    n, k = association.shape
    seen, count = np.abs(_difference(inside, association)), inside.sum(axis=1)
    member = inside.astype(np.float32).T
    narrow = np.ascontiguousarray((association - association.mean(axis=0)).T, dtype=np.float32)  # sums of all are zero
    near = seen - 1e-6 * association.std(axis=0)  # single precision: what is as far as can be told counts as far
    beyond = np.zeros(seen.shape)
    step = max(1, 2_000_000 // (n * k))
    for start in range(0, permutations, step):
        batch = min(step, permutations - start)
        order = rng.permuted(np.tile(np.arange(n, dtype=np.int32), (batch, 1)), axis=1)
        sums = (narrow[:, order].reshape(k * batch, n) @ member).reshape(k, batch, len(inside))
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = np.abs(sums) * (1 / count + 1 / (n - count))
        beyond += (~(moved.transpose(1, 2, 0) < near)).sum(axis=0)
    return np.asarray((beyond + 1) / (permutations + 1))


def _every_difference(codes: Codes, association: Floats, groups: Codes | None) -> Floats | None:
    """Differences `(ways, k)` for every way to deal two values out over pictures, or over groups that have one value each.

    None where values are more than two, groups are mixed, or ways more than `EXACT_UP_TO`.
    """
    values = np.unique(codes)
    number = np.arange(len(codes)) if groups is None else np.unique(groups, return_inverse=True)[1].astype(np.int64)
    units = int(number.max()) + 1
    of = np.bincount(number, minlength=units).astype(float)
    first = np.bincount(number, weights=codes == values[0], minlength=units)
    if len(values) != 2 or not ((first == 0) | (first == of)).all():
        return None
    chosen = int((first > 0).sum())
    if math.comb(units, chosen) > EXACT_UP_TO:
        return None
    ways = np.array(list(itertools.combinations(range(units), chosen)))
    sums = group_sums(number, units, association)
    inside, n = sums[ways].sum(axis=1), of[ways].sum(axis=1)[:, None]
    return np.asarray(inside / n - (association.sum(axis=0) - inside) / (len(codes) - n))


def _drawn(pictures: _Pictures, inside: Mask, rng: np.random.Generator) -> Floats:
    """Differences `(draws, v, k)` with pictures (groups) and words drawn anew; NaN where a side was not drawn."""
    cosines, mine = pictures.cosines, pictures.mine
    found = np.empty((DRAWS, len(inside), len(mine)))
    for draw, weight in enumerate(drawn_weights(len(cosines), pictures.groups, draws=DRAWS, rng=rng)):
        inner = inside * weight
        total, sums = weight @ cosines, inner @ cosines
        n, whole = inner.sum(axis=1, keepdims=True), weight.sum()
        n, others = np.where(n > 0, n, np.nan), np.where(whole > n, whole - n, np.nan)  # a side that was not drawn
        by_word = sums / n - (total - sums) / others
        own = np.array([np.bincount(rng.choice(np.flatnonzero(row), row.sum()), minlength=len(row)) for row in mine])
        rest = own.sum(axis=0) - own
        found[draw] = by_word @ (own / own.sum(axis=1, keepdims=True) - rest / rest.sum(axis=1, keepdims=True)).T
    found[:, ~inside.any(axis=1) | inside.all(axis=1)] = 0.0
    return found


def _over_words(mean_cosines: Floats, mine: Mask) -> float:
    """Single-category association: difference of the mean cosines, in standard deviations over all words."""
    spread = float(mean_cosines.std(ddof=1))
    return float(mean_cosines[mine].mean() - mean_cosines[~mine].mean()) / spread if spread > 0 else float("nan")
