"""Which numbers are too large to be averaged, squared and compared, finite though they are?"""

from __future__ import annotations

import numpy as np

from affect_workbench.arrays import Vectors
from affect_workbench.data.plurals import plural

LARGEST = 1e60
"""Beyond this the variance of a variance is more than a float can hold (1.8e308); no measurement is as large."""


def require_moderate(values: Vectors, *, what: str) -> None:
    """Refuses numbers beyond `LARGEST`, before a sum of theirs becomes infinite and with it every interval.

    Args:
        values: of any shape; NaN and infinite ones are the caller's to judge.
        what: what they are, for the message: `attribute 'valence'`.

    Raises:
        ValueError: how many there are, and the first.
    """
    if values.dtype.itemsize < 8:
        return  # a float32 ends at 3.4e38
    beyond = np.isfinite(values) & (np.abs(values) > LARGEST)
    if beyond.any():
        raise ValueError(
            f"{what} holds {plural(int(beyond.sum()), 'number')} "
            f"beyond ±{LARGEST:g}, first {values[beyond][0]:g}: statistics of "
            "such numbers overflow; write it in another unit, or leave those cells empty"
        )
