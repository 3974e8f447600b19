"""Cosines and labels whose temperature is known."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

Pair = tuple[np.ndarray, np.ndarray]


def drawn(probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One label a row, drawn with these probabilities."""
    return (
        (rng.random((len(probabilities), 1)) > probabilities.cumsum(axis=1)).sum(axis=1).clip(max=probabilities.shape[1] - 1)
    )


def world(n: int, *, temperature: float = 0.07, k: int = 5, seed: int = 0) -> Pair:
    """Cosines, and labels that are drawn from softmax(cosine / temperature): the temperature is known."""
    rng = np.random.default_rng(seed)
    cosines = rng.uniform(-0.3, 0.5, (n, k))
    return cosines, drawn(softmax(cosines / temperature, axis=1), rng)
