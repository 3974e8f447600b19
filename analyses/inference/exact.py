"""How likely are counts at least this far apart by chance? Fisher's exact test on arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from affect_workbench.arrays import Floats

_TERMS = 16
"""Terms of a tail that are added before it is asked which tails have come to an end."""


def fisher_exact(
    hits: npt.NDArray[np.int64], n: npt.NDArray[np.int64], other_hits: npt.NDArray[np.int64], other_n: npt.NDArray[np.int64]
) -> Floats:
    """Two-sided exact p of every 2 x 2 table, conditional on its margins: all tables no likelier than the one seen.

    The same value as `scipy.stats.fisher_exact`, for arrays: one tail from the hypergeometric distribution, the far
    tail's edge by bisection on the log-probabilities, which are unimodal.

    Source: Fisher 1935; the two-sided rule is that of R's `fisher.test`.
    """
    hits, n, other_hits, other_n = np.broadcast_arrays(*(np.asarray(a, np.int64) for a in (hits, n, other_hits, other_n)))
    population, drawn, successes = n + other_n, n, hits + other_hits
    log_factorial = special.gammaln(np.arange(int(population.max(initial=0)) + 2, dtype=float) + 1)

    def log_chance(x: npt.NDArray[np.int64]) -> Floats:
        """Log P(X = x) up to a constant of the table."""
        log_inverse: Floats = (
            log_factorial[x]
            + log_factorial[successes - x]
            + log_factorial[drawn - x]
            + log_factorial[population - drawn - successes + x]
        )

        return -log_inverse

    lowest, highest = np.maximum(0, drawn + successes - population), np.minimum(drawn, successes)
    mode = np.clip((drawn + 1) * (successes + 1) // (population + 2), lowest, highest)
    # Equal probabilities differ by rounding of the log-factorials, which grows with the population.
    limit = log_chance(hits) + np.maximum(1e-7, 1e-14 * log_factorial[population])
    below = hits < mode
    # The largest x of the far tail when hits lie above the mode, the smallest when below: bisect mode..edge.
    near, far = mode.copy(), np.where(below, highest, lowest)
    for _ in range(int(np.ceil(np.log2(max(int((highest - lowest).max(initial=0)), 1)))) + 2):
        middle = (near + far) // 2
        middle = np.where(below & (middle == near) & (far > near), far, middle)
        inside = log_chance(middle) <= limit
        far, near = np.where(inside, middle, far), np.where(inside, near, middle)
    reached = log_chance(far) <= limit
    constant = (
        log_factorial[successes]
        + log_factorial[population - successes]
        + log_factorial[drawn]
        + log_factorial[population - drawn]
        - log_factorial[population]
    )
    table = population, drawn, successes
    outward = np.where(below, -1, 1)
    near_tail = np.exp(constant + log_chance(hits)) * _tail(hits, outward, *table)
    far_tail = np.where(reached, np.exp(constant + log_chance(far)) * _tail(far, -outward, *table), 0.0)
    p = np.where(log_chance(mode) <= limit, 1.0, near_tail + far_tail)
    return np.clip(np.where((n == 0) | (other_n == 0), np.nan, p), 0.0, 1.0)


def _tail(
    start: npt.NDArray[np.int64],
    step: npt.NDArray[np.int64],
    population: npt.NDArray[np.int64],
    drawn: npt.NDArray[np.int64],
    successes: npt.NDArray[np.int64],
) -> Floats:
    """Hypergeometric probability from `start` outward, in units of that of `start` itself.

    Terms follow from each other by their ratio and shrink away from the mode; they are added up until none matters.
    Downward steps are upward ones of the failures drawn.
    """
    up = step > 0
    total = np.ones(start.shape)
    flat = total.ravel()
    left = np.where(up, successes - start, population - successes - drawn + start).ravel().astype(float)
    right = np.where(up, drawn - start, start).ravel().astype(float)
    below = np.where(up, start, drawn - start).ravel() + 1.0
    other = np.where(up, population - successes - drawn + start, successes - start).ravel() + 1.0
    term, active = np.ones(flat.size), np.arange(flat.size)
    added = np.ones(flat.size)
    while active.size:
        for _ in range(_TERMS):
            # Zero from the end of the support on, where a factor is zero; what is beyond it stays zero.
            term *= left * right
            term /= below * other
            added += term
            left -= 1
            right -= 1
            below += 1
            other += 1
        flat[active] = added
        going = term > 1e-17 * added
        active, term, added = active[going], term[going], added[going]
        left, right, below, other = left[going], right[going], below[going], other[going]
    return total
