"""Tables of predictions whose every true difference is known: how often is which emotion said in which slice, exactly?

A world says for every combination of attribute values (a *cell*) how many pictures it holds, which emotions they truly show,
and what a model says of each emotion. Everything that can be planted is a change of one of the three, so the true rate of
every slice is a sum over cells, and a null is a null exactly. Pictures are drawn from it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.arrays import Codes, Floats, Mask
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.tables.columns import VOTE_PREFIX
from affect_workbench.data.taxonomies.taxonomy import Taxonomy, closest

SIZES = (2, 2, 3, 4, 5, 7)
"""Values of each attribute: with 8 emotions and pairs 234 slices and 1,872 (slice, emotion) pairs."""
CONCENTRATION = 2.0
"""Of the confusion kernel: a wrong label is drawn with weight exp(this x cosine of the angle on the circumplex)."""


@dataclass(frozen=True)
class TableWorld:
    """What is true of all pictures, for `c` cells, `a` attributes and `k` emotions.

    Attributes:
        taxonomy: the `k` labels.
        codes: value of each attribute in each cell `(c, a)`; attribute `i` is called `attribute_{i + 1}`, its value `v0` and
            so on.
        weight: share of the pictures in each cell `(c,)`, summing to 1.
        shown: share of each true emotion in each cell `(c, k)`.
        kernel: P(said | cell, true emotion) `(c, k, k)`.
    """

    taxonomy: Taxonomy
    codes: Codes
    weight: Floats
    shown: Floats
    kernel: Floats

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes."""
        return tuple(f"attribute_{at + 1}" for at in range(self.codes.shape[1]))

    @property
    def predicted_rates(self) -> Floats:
        """Share of each cell's pictures that each emotion is said of `(c, k)`."""
        return np.asarray(np.einsum("ct,cts->cs", self.shown, self.kernel))

    def where(self, place: Mapping[str, int]) -> Mask:
        """Which cells `(c,)` have these values: attribute -> number of the value.

        Raises:
            ValueError: no such attribute.
        """
        inside = np.ones(len(self.codes), dtype=bool)
        for name, value in place.items():
            if name not in self.attributes:
                raise ValueError(f"no attribute {name!r} in this world: {closest(name, self.attributes)}")
            inside &= self.codes[:, self.attributes.index(name)] == value
        return inside

    def rates(self, inside: Mask) -> Floats:
        """True share of each emotion said `(k,)` in a set of cells."""
        weight = self.weight[inside]
        return np.asarray(weight @ self.predicted_rates[inside] / weight.sum())

    def read(self, place: Mapping[str, int], emotion: int, strength: float) -> TableWorld:
        """With a share `strength` of what is said in the place replaced by one emotion, whatever is shown: model gap."""
        inside = self.where(place)
        kernel = self.kernel.copy()
        kernel[inside] = (1 - strength) * kernel[inside] + strength * np.eye(len(self.taxonomy))[emotion]
        return replace(self, kernel=kernel)

    def exaggerated(self, place: Mapping[str, int], emotion: int, odds: float) -> TableWorld:
        """With the odds of one emotion in the place multiplied, whatever is shown: model gap."""
        inside = self.where(place)
        kernel = self.kernel.copy()
        kernel[inside, :, emotion] *= odds
        kernel[inside] /= kernel[inside].sum(axis=2, keepdims=True)
        return replace(self, kernel=kernel)

    def labelled(self, place: Mapping[str, int], emotion: int, strength: float) -> TableWorld:
        """With a share `strength` of the place's pictures truly showing the emotion: label gap."""
        inside = self.where(place)
        shown = self.shown.copy()
        shown[inside] = (1 - strength) * shown[inside] + strength * np.eye(len(self.taxonomy))[emotion]
        return replace(self, shown=shown)

    def tied(self, one: str, other: str, agreement: float) -> TableWorld:
        """With attribute `other` following `one`: its value is that of `one` (modulo its size) in this share of pictures."""
        first, second = (self.codes[:, self.attributes.index(name)] for name in (one, other))
        size = int(second.max()) + 1
        same = second == first % size
        of_one = np.bincount(first, self.weight)
        among = np.bincount(first, self.weight * same)
        share = self.weight / np.where(same, among[first], of_one[first] - among[first])
        return replace(self, weight=of_one[first] * share * np.where(same, agreement, 1 - agreement))

    def draw(self, n: int, rng: np.random.Generator, *, mean_group: int = 1, intraclass: float = 0.0) -> Predictions:
        """Predictions of `n` pictures with labels and attributes.

        Args:
            n: pictures.
            rng: makes everything repeatable.
            mean_group: pictures a group on average (half to one and a half times as many, evenly); a group lies in one cell.
            intraclass: correlation of "read as an emotion" within the groups of a cell.
        """
        k = len(self.taxonomy)
        sizes = rng.integers(max(mean_group // 2, 1), mean_group + mean_group // 2 + 1, size=n) if mean_group > 1 else None
        group = np.arange(n) if sizes is None else np.repeat(np.arange(n), sizes)[:n]
        groups = int(group[-1]) + 1
        cell = _drawn(rng, np.broadcast_to(self.weight.cumsum(), (1, len(self.weight))), np.zeros(groups, np.int64))[group]
        spread = self.predicted_rates.cumsum(axis=1)
        together = rng.random(n) < np.sqrt(intraclass)
        y_pred = np.where(together, _drawn(rng, spread, cell[np.unique(group, return_index=True)[1]])[group], -1)
        alone = y_pred < 0
        y_pred[alone] = _drawn(rng, spread, cell[alone])
        # The true emotion given what is said: Bayes' rule, so that both have the world's joint distribution.
        joint = self.shown[:, :, None] * self.kernel
        posterior = joint.transpose(0, 2, 1).reshape(-1, k).cumsum(axis=1)
        y = _drawn(rng, posterior / np.maximum(posterior[:, -1:], 1e-300), cell * k + y_pred)
        rows = pd.DataFrame({"image_id": np.arange(n).astype(str), "label": np.array(self.taxonomy.labels, dtype=object)[y]})
        rows = rows.assign(**self._values(cell))
        if sizes is not None:
            rows["group_id"] = group
        return Predictions(1.0 - np.eye(k)[y_pred], rows, self.taxonomy, "label", "planted table")

    def draw_voted(self, n: int, rng: np.random.Generator, *, people: int, concentration: float) -> Predictions:
        """Predictions of `n` pictures with votes and attributes.

        What a picture is for all people is a Dirichlet draw around what its cell shows; a few of them vote, and the model
        reads what all would say.

        Args:
            n: pictures.
            rng: makes everything repeatable.
            people: votes on each picture.
            concentration: of the Dirichlet distribution; two votes on one picture correlate by 1 / (1 + this).
        """
        k = len(self.taxonomy)
        cell = rng.choice(len(self.weight), n, p=self.weight / self.weight.sum())
        felt = rng.gamma(concentration * self.shown[cell])
        felt /= felt.sum(axis=1, keepdims=True)
        votes = rng.multinomial(people, felt)
        said = np.einsum("nt,nts->ns", felt, self.kernel[cell])
        y_pred = np.minimum((rng.random(n)[:, None] > said.cumsum(axis=1)).sum(axis=1), k - 1)
        rows = pd.DataFrame({"image_id": np.arange(n).astype(str)})
        rows[[VOTE_PREFIX + label for label in self.taxonomy.labels]] = votes
        rows = rows.assign(**self._values(cell))
        return Predictions(1.0 - np.eye(k)[y_pred], rows, self.taxonomy, "label", "planted table")

    def _values(self, cell: Codes) -> dict[str, npt.NDArray[np.object_]]:
        """Attribute -> its value for pictures of these cells `(n,)`."""
        found = {}
        for at, name in enumerate(self.attributes):
            values = np.array([f"v{value}" for value in range(int(self.codes[:, at].max()) + 1)], dtype=object)
            found[name] = values[self.codes[cell, at]]
        return found


def table_world(
    rng: np.random.Generator, *, taxonomy: str = "mikels8", sizes: Sequence[int] = SIZES, accuracy: float = 0.7
) -> TableWorld:
    """A world without any bias: attributes are independent of each other, of what is shown and of what is said.

    The values of an attribute are uneven (weights 1 / rank, in random order), and so are emotions (1 / root of the rank).

    Args:
        rng: of the orders.
        taxonomy: name of the label set; labels stand on a circle in its order, and near ones are confused most.
        sizes: values of each attribute.
        accuracy: of every emotion.

    Raises:
        ValueError: an attribute of fewer than two values, or an accuracy that is not between chance and 1.
    """
    labels = Taxonomy.named(taxonomy)
    k = len(labels)
    if min(sizes, default=0) < 2:
        raise ValueError(f"attributes have {', '.join(map(str, sizes)) or 'no'} values: expected at least two each")
    if not 1 / k < accuracy < 1:
        raise ValueError(f"accuracy is {accuracy:g}: expected between {1 / k:.3g} (chance) and 1")
    codes = np.array(list(itertools.product(*(range(size) for size in sizes))), dtype=np.int64)
    weight = np.ones(len(codes))
    for at, size in enumerate(sizes):
        share = 1 / (1 + rng.permutation(size))
        weight *= (share / share.sum())[codes[:, at]]
    shown = 1 / np.sqrt(1 + rng.permutation(k))
    angle = 2 * np.pi * np.arange(k) / k
    wrong = np.exp(CONCENTRATION * np.cos(angle[:, None] - angle))
    np.fill_diagonal(wrong, 0)
    kernel = (1 - accuracy) * wrong / wrong.sum(axis=1, keepdims=True) + accuracy * np.eye(k)
    return TableWorld(
        labels, codes, weight, np.tile(shown / shown.sum(), (len(codes), 1)), np.tile(kernel, (len(codes), 1, 1))
    )


def _drawn(rng: np.random.Generator, spread: Floats, which: Codes) -> Codes:
    """One draw a row of `which (n,)` from the distributions whose cumulative sums are the rows of `spread`."""
    if len(spread) == 1:
        draw = np.searchsorted(spread[0], rng.random(len(which)), side="right")
    else:
        draw = (rng.random(len(which))[:, None] > spread[which]).sum(axis=1)
    return np.asarray(np.minimum(draw, spread.shape[1] - 1), np.int64)
