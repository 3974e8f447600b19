"""How do the tokens of a picture become one vector?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

POOLS = ("mean", "max", "last", "attention")
"""Over a picture's real tokens: their mean, the largest value of each dimension, the last token, or the mean weighted by the
attention that the prompt's last token pays to them."""


class NoCommonSplit(ValueError):
    """The tokens of a batch cannot be told apart by picture: it has to be run one picture at a time."""


def pooled(pictures: Sequence[Tensor], pool: str, weights: Sequence[Tensor] | None = None) -> Tensor:
    """One vector a picture, in single precision.

    Args:
        pictures: tokens of each of `b` pictures `(t_i, d)`, at least one each.
        pool: one of `POOLS`.
        weights: of each picture's tokens `(t_i,)`, not negative, where `pool` is `attention`; scaled to a sum of 1 here.

    Returns:
        `(b, d)`.

    Raises:
        ValueError: an unknown pool, no weights for `attention`, or weights that are all 0.
    """
    if pool == "attention":
        if weights is None:
            raise ValueError("pooling by attention needs a weight for every token, got none")
        rows = [_weighted(tokens, one) for tokens, one in zip(pictures, weights, strict=True)]
    elif pool == "mean":
        rows = [tokens.mean(dim=0, dtype=torch.float32) for tokens in pictures]
    elif pool == "max":
        rows = [tokens.amax(dim=0) for tokens in pictures]
    elif pool == "last":
        rows = [tokens[-1] for tokens in pictures]
    else:
        raise ValueError(f"no pool is called {pool!r}: expected {', '.join(POOLS)}")
    return torch.stack(rows).float()


def _weighted(tokens: Tensor, weights: Tensor) -> Tensor:
    weights = weights.to(tokens.device, torch.float32)
    total = weights.sum()
    if not total > 0:
        raise ValueError(
            "the prompt's last token pays the picture no attention in this layer (a sliding window ends before it): "
            "pool by mean, or name another layer"
        )
    return (weights / total) @ tokens.float()


def split_rows(values: Sequence[Tensor], counts: Sequence[int], *, by_count: bool = True) -> list[Tensor]:
    """Tokens of a whole batch, picture after picture, cut into those of each.

    Args:
        values: what a model computed for `b` pictures, in one tensor or several, each `(..., d)`.
        counts: tokens of each picture in the prompt `(b,)`.
        by_count: whether the rows may be cut in proportion to `counts`, where nothing else tells the pictures apart.

    Returns:
        `b` tensors `(t_i, d)`: with one picture all tokens; else a tensor a picture where there are as many, or where the
        first of at least three dimensions counts pictures; else a share of the rows that follows `counts`.

    Raises:
        NoCommonSplit: none of these fits.
    """
    rows = [one.reshape(-1, one.shape[-1]) for one in values]
    if len(counts) == 1:
        return [torch.cat(rows)]
    if len(values) == len(counts):
        return rows
    first = values[0]
    if len(values) == 1 and first.ndim > 2 and len(first) == len(counts):
        return [one.reshape(-1, one.shape[-1]) for one in first]
    together = torch.cat(rows)
    share, rest = divmod(len(together), sum(counts))
    tile = first.shape[-2] if first.ndim > 2 and len(first) > 1 else 1
    if not by_count or rest or any(share * count % tile for count in counts):
        raise NoCommonSplit(f"{len(together)} rows cannot be told apart by picture: run one picture at a time")
    return list(together.split([share * count for count in counts]))
