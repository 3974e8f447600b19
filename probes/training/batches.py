"""In which order do pictures go into training, and how do their features get there without filling memory?

An order depends on the seed and the number of the epoch alone, so a run that was killed goes on with the very same batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from affect_workbench.arrays import Positions
from affect_workbench.data.storage.arrays import take_rows

SAMPLING = ("as_is", "classes", "sets")
IN_MEMORY = 1 << 29
"""Bytes of float32 features up to which all are held in memory; beyond, they are read as they are needed."""
CHUNK = 1 << 16
"""Pictures that are read at once from features that stay on disk, 200 MB at width 768; each reading goes over the whole
file."""


@dataclass(frozen=True)
class Pictures:
    """Features `(n, d)` of one or several sets, one after the other, and where each goes.

    Attributes:
        parts: arrays `(n_i, d)`, memory-mapped or not; never copied as a whole.
        rows: for each part, the positions in it that are used `(m_i,)`.
        normalise: scale each picture to length sqrt(d).
    """

    parts: tuple[npt.NDArray[Any], ...]
    rows: tuple[Positions, ...]
    normalise: bool

    def __len__(self) -> int:
        return sum(map(len, self.rows))

    @property
    def width(self) -> int:
        """Width `d` of the features."""
        return int(self.parts[0].shape[1])

    def take(self, at: Positions) -> Tensor:
        """Float32 features `(len(at), d)` of the pictures at these positions."""
        starts = np.cumsum([0, *map(len, self.rows)])
        which = np.searchsorted(starts, at, side="right") - 1
        out = np.empty((len(at), self.width), dtype=np.float32)
        for number, (values, rows) in enumerate(zip(self.parts, self.rows, strict=True)):
            inside = np.flatnonzero(which == number)
            out[inside] = take_rows(values, rows[at[inside] - starts[number]])
        tensor = torch.from_numpy(out)
        if self.normalise:
            tensor *= self.width**0.5 / tensor.norm(dim=1, keepdim=True).clamp_min_(1e-12)
        return tensor

    def mean_direction(self) -> npt.NDArray[np.float32]:
        """Mean of the features scaled to unit length `(d,)`; its length says how much they have in common."""
        total = torch.zeros(self.width, dtype=torch.float64)
        for start in range(0, len(self), CHUNK):
            part = self.take(np.arange(start, min(start + CHUNK, len(self))))
            total += functional.normalize(part, dim=1).sum(dim=0)
        return (total / len(self)).float().numpy()

    def chunks(self, order: Positions, size: int, on: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
        """Positions and features `(m, d)` on the device, in the given order; the next chunk is read while one is used.

        Every chunk but the last is a whole number of batches of `size`.
        """
        pieces = cut(torch.from_numpy(order), max(CHUNK // size, 1) * size)
        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(self.take, pieces[0].numpy())
            for number, piece in enumerate(pieces):
                values = ahead.result()
                if number + 1 < len(pieces):
                    ahead = reader.submit(self.take, pieces[number + 1].numpy())
                yield piece.to(on), values.to(on)


def batches(
    pictures: Pictures, in_memory: Tensor | None, order: Positions, size: int, on: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """(positions `(b,)`, features `(b, d)`) of one pass in the given order.

    Args:
        pictures: where features come from.
        in_memory: all of them on the device, when they fit; None to read them in chunks.
        order: positions, each as often as it is to be seen.
        size: pictures a batch.
        on: the device.
    """
    if in_memory is not None:
        for part in cut(torch.from_numpy(order).to(on), size):
            yield part, in_memory[part]
        return
    for at, values in pictures.chunks(order, size, on):
        yield from zip(cut(at, size), cut(values, size), strict=True)


def cut(order: Tensor, size: int) -> list[Tensor]:
    """Rows cut into batches; a last batch of one joins its neighbour (BatchNorm needs two)."""
    parts = list(order.split(size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def epoch_order(codes: Positions, sets: Positions, sampling: str, *, seed: int, epoch: int) -> Positions:
    """Positions `(n,)` in the order of one epoch, drawn from seed and epoch alone.

    `as_is`: every picture once. `classes`: every class of every set equally often; `sets`: every set equally often; both
    with replacement, as many as there are pictures.

    Args:
        codes: joint label position of every picture.
        sets: number of the set of every picture.
        sampling: one of `SAMPLING`.
        seed: of the training.
        epoch: number of the epoch.
    """
    rng = np.random.default_rng([seed, epoch])
    if sampling == "as_is":
        return rng.permutation(len(codes))
    group = sets if sampling == "sets" else codes
    _, group, sizes = np.unique(group, return_inverse=True, return_counts=True)
    edges = np.concatenate([[0], np.cumsum(sizes)])
    members = np.argsort(group, kind="stable")
    drawn = rng.integers(len(sizes), size=len(codes))
    return members[edges[drawn] + (rng.random(len(codes)) * sizes[drawn]).astype(np.int64)]


def load_into_memory(pictures: Pictures, on: torch.device) -> Tensor | None:
    """All features `(n, d)` on the device, or None where they take more than `IN_MEMORY`."""
    if len(pictures) * pictures.width * 4 > IN_MEMORY:
        return None
    return pictures.take(np.arange(len(pictures))).to(on)
