"""How is an attribute taken out of a picture's tokens, position by position, and what would random directions do?

A picture is several tokens, and an attribute stands differently in each: one direction for all positions left a third of a
skew that erasing by position removed. So each position has its own LEACE (`analyses.space.erasure.leace`), within labels
where these are known; beside it, random directions of the same rank in the same whitened space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from affect_workbench.analyses.space.erasure.leace import Eraser, Moments, attribute_columns, moments
from affect_workbench.arrays import Codes, Floats

MOST_COMPONENTS = 256
"""Wider tokens are erased within so many of their leading principal components: covariances of wider ones cost too much."""
_MOST_FOR_COMPONENTS = 2_048
ALPHA = 0.05
"""A direction is erased where it goes with the attribute beyond chance at this level."""


@dataclass(frozen=True)
class TokenErasers:
    """Erasers of a picture's tokens.

    Attributes:
        erasers: one a position, or a single one for all.
        random: as many lists of erasers of the same ranks in random directions as were asked for.
        by_position: whether each position has its own; pictures with different numbers of tokens share one.
    """

    erasers: tuple[Eraser, ...]
    random: tuple[tuple[Eraser, ...], ...]
    by_position: bool

    @property
    def rank(self) -> float:
        """Directions that are erased at a position, on average."""
        return float(np.mean([one.rank for one in self.erasers]))


def token_erasers(
    tokens: Sequence[npt.NDArray[Any]], attribute: Codes, *, labels: Codes | None = None, random: int = 20, seed: int = 0
) -> TokenErasers:
    """Erasers of an attribute, fitted on the tokens of `n` pictures.

    Args:
        tokens: of each picture `(t, d)`. Where all have as many, each position is erased by itself.
        attribute: code of each picture `(n,)`, -1 where not known: it is left out.
        labels: true label of each picture `(n,)`, -1 where not known; with them only what goes with the attribute among
            pictures of one label is erased. None where no truth is known.
        random: how many times random directions are drawn.
        seed: of these, and of the pictures that the components are found from.

    Raises:
        ValueError: numbers that disagree, an attribute that does not vary, or what `leace` refuses.
    """
    if len(tokens) != len(attribute):
        raise ValueError(f"tokens of {len(tokens)} pictures, attribute of {len(attribute)}: expected the same pictures")
    rng = np.random.default_rng(seed)
    counts = {len(picture) for picture in tokens}
    by_position = len(counts) == 1
    if by_position:
        positions = [np.stack([picture[at] for picture in tokens]) for at in range(min(counts))]
        whose = np.arange(len(tokens))
    else:
        positions = [np.concatenate(list(tokens))]
        whose = np.repeat(np.arange(len(tokens)), [len(picture) for picture in tokens])
    basis = _components(positions, rng)
    fitted = [_fitted(values, attribute[whose], None if labels is None else labels[whose], basis) for values in positions]
    drawn = [found.random_directions(random, rank=directions.shape[1], rng=rng) for found, directions in fitted]
    return TokenErasers(
        tuple(_wide(found.eraser(directions), basis) for found, directions in fitted),
        tuple(
            tuple(_wide(found.eraser(at[number]), basis) for (found, _), at in zip(fitted, drawn, strict=True))
            for number in range(random)
        ),
        by_position,
    )


def _fitted(
    values: npt.NDArray[Any], attribute: Codes, labels: Codes | None, basis: Floats | None
) -> tuple[Moments, Floats]:
    """Moments of one position's tokens and the directions of the attribute in them."""
    x = values if basis is None else values @ basis
    usable = None if labels is None else labels >= 0
    known, columns = attribute_columns(x, attribute, usable=usable)
    found = moments(x, columns, rows=known, labels=None if labels is None else labels[known])
    return found, found.attribute_directions(alpha=ALPHA)


def _components(positions: Sequence[npt.NDArray[Any]], rng: np.random.Generator) -> Floats | None:
    """Orthonormal `(d, c)`: leading directions of the tokens of all positions; None where the tokens are narrow enough."""
    width = positions[0].shape[1]
    if width <= MOST_COMPONENTS:
        return None
    per = max(_MOST_FOR_COMPONENTS // len(positions), 1)
    rows = np.concatenate([part[rng.permutation(len(part))[:per]] for part in positions]).astype(np.float64)
    rows -= rows.mean(axis=0)
    return np.asarray(np.linalg.svd(rows, full_matrices=False)[2][:MOST_COMPONENTS].T)


def _wide(eraser: Eraser, basis: Floats | None) -> Eraser:
    """The eraser of the components as one of the whole tokens, which leaves what lies outside them."""
    if basis is None:
        return eraser
    return Eraser(basis @ eraser.mean, basis @ eraser.left, eraser.right @ basis.T)
