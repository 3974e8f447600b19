"""How many threads does numerical work want? One, unless its arrays are large."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

LEAST_THREADED = 2e7
"""Values of an array from which its products are worth more than one thread."""


@contextmanager
def threads_for(values: float) -> Iterator[None]:
    """One thread for linear algebra on many small arrays, where several mostly wait for each other; all for a large one.

    Measured on two cores, 2,000 pictures: the space of an audit took 8 s with one thread, 9 s with two, and beside two other
    busy processes 8 s with one and 22 s with two. For torch see `probes.runtime.one_thread`.

    Args:
        values: how many the largest array holds; from `LEAST_THREADED` on nothing is changed.
    """
    with threadpool_limits(1 if values < LEAST_THREADED else None):
        yield
