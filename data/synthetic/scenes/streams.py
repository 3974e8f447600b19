"""Where do the random numbers of a drawn picture come from? From a stream for each part, so that no part moves another."""

from __future__ import annotations

import zlib

import numpy as np


class Streams(dict[str, np.random.Generator]):
    """Part -> its own generator, made from the picture's seed and the part's name when first asked for.

    What a part draws depends on neither the other parts nor their order.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed

    def __missing__(self, part: str) -> np.random.Generator:
        sequence = np.random.SeedSequence(self._seed, spawn_key=(zlib.crc32(part.encode()),))
        self[part] = np.random.default_rng(sequence)
        return self[part]
