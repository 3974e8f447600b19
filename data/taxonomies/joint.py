"""Which labels of several taxonomies may be told apart, and which are the same feeling under two names?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from affect_workbench.arrays import Mask
from affect_workbench.data.taxonomies.taxonomy import Taxonomy


@dataclass(frozen=True)
class JointTaxonomy:
    """The labels of several taxonomies side by side, `K` in all: those of the first, then those of the second, and so on.

    Attributes:
        taxonomies: each once.

    Raises:
        ValueError: none given, one given twice, or two that no map and no common word connects.
    """

    taxonomies: tuple[Taxonomy, ...]

    def __post_init__(self) -> None:
        if not self.taxonomies:
            raise ValueError("no taxonomy to train on: at least one is needed")
        names = [taxonomy.name for taxonomy in self.taxonomies]
        if len(set(names)) < len(names):
            raise ValueError(f"taxonomies are given twice: {', '.join(names)}; name each once")
        for at, first in enumerate(self.taxonomies):
            for second in self.taxonomies[:at]:
                if not (_known(first, second).any() or _known(second, first).any()):
                    raise ValueError(
                        f"taxonomies {second.name!r} and {first.name!r} have no map and no word in common, so it is unknown "
                        "which of their labels exclude each other: give one a map to the other, or train on one"
                    )

    def __len__(self) -> int:
        return sum(map(len, self.taxonomies))

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """(name of the taxonomy, label) of every position."""
        return tuple((taxonomy.name, label) for taxonomy in self.taxonomies for label in taxonomy.labels)

    def offset(self, taxonomy: Taxonomy) -> int:
        """Position of the taxonomy's first label.

        Raises:
            ValueError: it is not one of these.
        """
        start = 0
        for own in self.taxonomies:
            if own.name == taxonomy.name and own.labels == taxonomy.labels:
                return start
            start += len(own)
        raise ValueError(
            f"taxonomy {taxonomy.name!r} is not among {', '.join(own.name for own in self.taxonomies)}: train on it too"
        )

    @cached_property
    def blocks(self) -> npt.NDArray[np.int64]:
        """`(K,)`, the number of the taxonomy of every position."""
        return np.repeat(np.arange(len(self.taxonomies)), [len(taxonomy) for taxonomy in self.taxonomies])

    @cached_property
    def equivalent_labels(self) -> Mask:
        """`(K, K)`, symmetric: labels of two taxonomies that are the same feeling, by the map of either."""
        return self._across(equivalent_labels, np.zeros((len(self), len(self)), dtype=bool))

    @cached_property
    def not_negative(self) -> Mask:
        """`(K, K)`, symmetric: pairs of labels that must never be pushed apart.

        Two labels of one taxonomy exclude each other. Across taxonomies they do only where a map says of one what it is in
        the other, and this is something else: rage and anger, horror and fear, cheerfulness and joy may be one feeling, and
        where neither has a known counterpart (awe beside love) nobody knows.
        """
        return self._across(may_be_one, np.eye(len(self), dtype=bool))

    def _across(self, of_pair: Callable[[Taxonomy, Taxonomy], Mask], mask: Mask) -> Mask:
        """`mask` with its parts between two different taxonomies filled in, read-only."""
        for first in self.taxonomies:
            for second in self.taxonomies:
                if first is not second:
                    rows, columns = self.offset(first), self.offset(second)
                    mask[rows : rows + len(first), columns : columns + len(second)] = of_pair(first, second)
        mask.setflags(write=False)
        return mask

    def require_own_words(self) -> None:
        """Refuses a word that may stand (itself, or as a synonym) for two labels that exclude each other.

        Raises:
            ValueError: the word and both labels.
        """
        owners: dict[str, list[tuple[int, str]]] = {}
        everyone = [(each, label) for each in self.taxonomies for label in each.labels]
        for position, (taxonomy, label) in enumerate(everyone):
            for word in dict.fromkeys((label, *taxonomy.synonyms.get(label, ()))):
                for other, told in owners.setdefault(word.casefold(), []):
                    if not self.not_negative[position, other]:
                        raise ValueError(
                            f"{word!r} may stand for {told} and for {taxonomy.name}'s {label!r}, which exclude each other: "
                            "take the synonym out of one of them, or train without synonyms"
                        )
                owners[word.casefold()].append((position, f"{taxonomy.name}'s {label!r}"))


def equivalent_labels(first: Taxonomy, second: Taxonomy) -> Mask:
    """`(k, l)`: where a label of `first` and one of `second` are the same feeling, by the map of either."""
    return _goes_to(first, second) | _goes_to(second, first).T


def may_be_one(first: Taxonomy, second: Taxonomy) -> Mask:
    """`(k, l)`: the twins, and the pairs of which neither map knows anything."""
    known = _known(first, second)[:, None] | _known(second, first)[None, :]
    return equivalent_labels(first, second) | ~known


def _goes_to(first: Taxonomy, second: Taxonomy) -> Mask:
    there = first.to(second)
    return np.array([[there[label] == other for other in second.labels] for label in first.labels])


def _known(first: Taxonomy, second: Taxonomy) -> Mask:
    """`(k,)`: which labels of `first` have a counterpart in `second`."""
    return np.array([target is not None for target in first.to(second).values()])


def joint(taxonomies: Sequence[Taxonomy]) -> JointTaxonomy:
    """The distinct ones of `taxonomies`, in the order of their first appearance."""
    distinct: dict[tuple[str, tuple[str, ...]], Taxonomy] = {}
    for taxonomy in taxonomies:
        distinct.setdefault((taxonomy.name, taxonomy.labels), taxonomy)
    return JointTaxonomy(tuple(distinct.values()))
