"""Of which pictures is something asked, and by what are they sliced? All that analyses of one set of pictures share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.slices.pairs import group_codes, pair_codes
from affect_workbench.analyses.slices.scores import Scores, scores
from affect_workbench.analyses.slices.strata import true_codes
from affect_workbench.arrays import Codes, Mask
from affect_workbench.data.predictions import Predictions


class Sliced(ABC):
    """Pictures with coded attributes.

    Attributes:
        attributes: what the `n` pictures are sliced by.
        inferred: columns whose values were inferred, not declared; their slices are a family of tests of their own.
    """

    attributes: tuple[CodedAttribute, ...]
    inferred: frozenset[str]

    @property
    @abstractmethod
    def rows(self) -> pd.DataFrame:
        """One row a picture, with `group_id` or `pair_id` where pictures come in groups or pairs."""

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def groups(self) -> Codes | None:
        """Group of each picture `(n,)` (`analyses.slices.pairs.group_codes`); None for independent pictures."""
        return group_codes(self.rows)

    @cached_property
    def pairs(self) -> Codes | None:
        """Pair of each picture `(n,)`, -1 for none (`analyses.slices.pairs.pair_codes`); None without pairs."""
        return pair_codes(self.rows)


@dataclass(frozen=True)
class SlicedRows(Sliced):
    """Rows without predictions: numbers of pictures, or what two models say of the same ones.

    Attributes:
        table: the rows.
        attributes: coded from them.
        inferred: see `Sliced`.
    """

    table: pd.DataFrame
    attributes: tuple[CodedAttribute, ...]
    inferred: frozenset[str] = frozenset()

    @property
    def rows(self) -> pd.DataFrame:
        """The table."""
        return self.table


@dataclass(frozen=True)
class SlicedPredictions(Sliced):
    """Predictions, what they are sliced by, and what follows from both.

    Attributes:
        predictions: of the `n` pictures.
        attributes: coded from their rows.
        inferred: see `Sliced`.
    """

    predictions: Predictions
    attributes: tuple[CodedAttribute, ...]
    inferred: frozenset[str] = frozenset()

    @property
    def rows(self) -> pd.DataFrame:
        """Those of the predictions."""
        return self.predictions.rows

    @cached_property
    def true_codes(self) -> Codes | None:
        """Position of the true label of each picture `(n,)`, -1 where unknown; None where no picture has a truth."""
        return None if self.predictions.truth is None else true_codes(self.predictions)

    @cached_property
    def scores(self) -> Scores:
        """What is counted for every picture."""
        return scores(self.predictions)

    def without(self, columns: frozenset[str]) -> SlicedPredictions:
        """The same pictures, not sliced by these columns."""
        return replace(self, attributes=tuple(one for one in self.attributes if one.column not in columns))

    def sample(self, most: int, *, seed: int, whole_pairs: bool = False) -> SlicedPredictions:
        """At most `most` of the pictures, drawn at random and left in their order.

        Args:
            most: pictures.
            seed: of the draw.
            whole_pairs: keep the pictures of a pair together, and look for groups among those that were drawn. Otherwise
                the same pictures are drawn in whatever order they stand, and what hangs together among all pictures does so
                among those.
        """
        n, rng = len(self), np.random.default_rng(seed)
        if n <= most:
            return self
        if whole_pairs:
            return self.at(_pairs_drawn(self.pairs, n, most, rng))
        mask = np.zeros(n, dtype=bool)
        by_id = np.argsort(self.rows["image_id"].to_numpy(dtype=str), kind="stable")
        mask[by_id[rng.choice(n, most, replace=False)]] = True
        part = self.at(mask)
        vars(part)["groups"] = None if self.groups is None else self.groups[mask]
        return part

    def at(self, mask: Mask) -> SlicedPredictions:
        """The pictures where `mask (n,)` is true; what hangs together among them is looked for anew."""
        attributes = tuple(replace(one, codes=one.codes[mask]) for one in self.attributes)
        return replace(self, predictions=self.predictions.take(mask), attributes=attributes)


def _pairs_drawn(pairs: Codes | None, n: int, most: int, rng: np.random.Generator) -> Mask:
    """Which of `n` pictures are in a sample of at most `most` (fewer than `n`) that tears no pair."""
    if pairs is None:
        mask = np.zeros(n, dtype=bool)
        mask[rng.choice(n, most, replace=False)] = True
        return mask
    own = np.where(pairs >= 0, pairs, pairs.max() + 1 + np.arange(n))
    order = rng.random(int(own.max()) + 1)[own]
    first_too_many: float = np.partition(order, most)[most]
    return np.asarray(order < first_too_many)
