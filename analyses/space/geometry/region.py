"""Which pictures lie in a region that somebody drew on a map?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from affect_workbench.arrays import Mask, Vectors


@dataclass(frozen=True)
class Region:
    """One or several polygons in the coordinates of a map.

    Attributes:
        polygons: the corners `(x, y)` of each, in order; the last is joined to the first.

    Raises:
        ValueError: no polygon, one of fewer than three corners, or a corner that is not finite.
    """

    polygons: tuple[tuple[tuple[float, float], ...], ...]

    def __post_init__(self) -> None:
        if not self.polygons or min(map(len, self.polygons)) < 3:
            raise ValueError(f"a region needs polygons of at least three corners, got {list(map(len, self.polygons))}")
        if not all(np.isfinite(polygon).all() for polygon in self.polygons):
            raise ValueError("a corner of the region is not finite")

    @classmethod
    def of(cls, outlines: Sequence[tuple[Sequence[float], Sequence[float]]]) -> Region:
        """From outlines (x of all corners, y of all corners)."""
        return cls(tuple(tuple((float(x), float(y)) for x, y in zip(*outline, strict=True)) for outline in outlines))

    def holds(self, places: Vectors) -> Mask:
        """Which of `places (n, 2)` lie in any of the polygons `(n,)`; NaN lies in none.

        A place is inside where a ray from it crosses the outline an odd number of times. Each edge looks only at places as
        high as itself, found in the order of their heights.
        """
        x, y = np.asarray(places, np.float64).T
        order = np.argsort(y, kind="stable")  # NaN last
        across, up = x[order], y[order]
        inside = np.zeros(len(x), dtype=bool)
        for polygon in self.polygons:
            odd = np.zeros(len(x), dtype=bool)
            corners = np.array(polygon)
            for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
                start, stop = np.searchsorted(up, sorted((y0, y1)), side="left")
                if start < stop:
                    beside = x0 + (up[start:stop] - y0) * (x1 - x0) / (y1 - y0)
                    odd[start:stop] ^= across[start:stop] < beside
            inside |= odd
        found = np.empty(len(x), dtype=bool)
        found[order] = inside
        return found
