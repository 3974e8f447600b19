"""What is known of a number over one side of a comparison, and what follows from that?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affect_workbench.arrays import Floats


@dataclass(frozen=True)
class Sums:
    """What is known of one side: sums, sums of squares and numbers of pictures, `(s, c)` each or broadcast to it."""

    total: Floats
    squares: Floats
    n: Floats

    @property
    def mean(self) -> Floats:
        """NaN where there is no picture."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.total / self.n, dtype=np.float64)

    @property
    def tosses(self) -> Floats:
        """Variance of the mean, were the numbers tosses of a coin."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.mean * (1 - self.mean) / self.n, dtype=np.float64)

    @property
    def variance(self) -> Floats:
        """Sample variance of the numbers; NaN for fewer than two pictures, whose spread nobody knows."""
        with np.errstate(divide="ignore", invalid="ignore"):
            squares = np.maximum(self.squares - self.total**2 / self.n, 0)
            return np.asarray(squares / np.where(self.n > 1, self.n - 1, np.nan), dtype=np.float64)

    @property
    def independent(self) -> Floats:
        """Variance of the mean of independent pictures, as measured; NaN below two."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.variance / self.n, dtype=np.float64)

    def over(self, design_effect: float | Floats) -> Sums:
        """The same of as many independent pictures as tell as much: divided by the design effect."""
        return Sums(self.total / design_effect, self.squares / design_effect, self.n / design_effect)
