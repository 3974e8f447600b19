"""How are rows of large, memory-mapped arrays read without keeping all of them in memory?"""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import numpy.typing as npt

_UNIT_ROWS = 8_192


_MAPPED_AT_ONCE = 1 << 28
"""Bytes of a file on disk that are looked through at once."""


def unit_rows(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Features `(n, d)` at unit length, as a new float32 array; rows of zeros stay zeros."""
    unit = np.array(values, dtype=np.float32)
    for start in range(0, len(unit), _UNIT_ROWS):
        part = unit[start : start + _UNIT_ROWS]
        lengths = np.linalg.norm(part, axis=1, keepdims=True)
        np.divide(part, lengths, where=lengths > 0, out=part)
    return unit


def take_rows(values: npt.NDArray[Any], positions: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """`values[positions]` as a new array; of a mapped file in the file's order, a part at a time that is then let go.

    Positions all over a file would otherwise make the whole of it this process's memory.
    """
    if _mapping(values) is None:
        return np.asarray(values[positions])
    out = np.empty((len(positions), *values.shape[1:]), values.dtype)
    for part in np.array_split(np.argsort(positions, kind="stable"), max(1, values.nbytes // _MAPPED_AT_ONCE)):
        out[part] = values[positions[part]]
        give_back(values)
    return out


def give_back(values: npt.NDArray[Any]) -> None:
    """Lets go of the pages of a memory-mapped file that were read, which count as the process's own memory until then.

    Does nothing to the values, and nothing at all for arrays in memory. The system keeps the pages for the next reader as
    long as it has room. Source: `MADV_DONTNEED` of https://man7.org/linux/man-pages/man2/madvise.2.html; of a mapping that
    may be written to, changes could be lost, so only read-only ones are let go.
    """
    mapping = _mapping(values)
    if mapping is not None and not values.flags.writeable and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)


def _mapping(values: npt.NDArray[Any]) -> mmap.mmap | None:
    holder: Any = values
    while isinstance(holder, np.ndarray) and holder.base is not None:
        holder = holder.base
    return holder if isinstance(holder, mmap.mmap) else None
