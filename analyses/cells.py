"""What do counts say of each (slice, emotion) cell? Rates, tests, intervals and the verdict, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analyses import inference
from analyses.hierarchical import select
from analyses.inference import Floats
from analyses.paired_cells import PairedCells
from analyses.slices import SliceSpec

VERDICTS = ("skewed", "equivalent", "undetermined", "too small")
LOW_EVIDENCE_COUNT = 30
LOW_EVIDENCE_EXPECTED = 5.0


@dataclass(frozen=True)
class Rules:
    """What decides a verdict.

    Attributes:
        min_count: fewest pictures on either side for a test.
        alpha: false discovery rate.
        tolerance: the largest difference that does not matter, as a share.
    """

    min_count: int = 10
    alpha: float = 0.05
    tolerance: float = 0.02


@dataclass(frozen=True)
class Cells:
    """All cells, each array `(s, k)`; names as in `analyses.skew.Finding`.

    Attributes:
        tested: whether both sides have enough pictures.
        level: confidence of the adjusted interval of each slice `(s,)`.
    """

    tested: npt.NDArray[np.bool_]
    rate: Floats
    complement_rate: Floats
    low: Floats
    high: Floats
    p: Floats
    q: Floats
    level: Floats
    adjusted_low: Floats
    adjusted_high: Floats
    low_evidence: npt.NDArray[np.bool_]
    verdict: npt.NDArray[Any]

    @property
    def effect(self) -> Floats:
        """Difference of the two rates."""
        return self.rate - self.complement_rate


def judged(
    said: Floats, n: Floats, other_said: Floats, other_n: Floats, rules: Rules, *,
    families: npt.NDArray[np.int64], design: Floats | None = None, paired: PairedCells | None = None,
) -> Cells:  # fmt: skip
    """Tests every cell and gives it a verdict, in this order.

        too small: the slice or its complement holds fewer than `min_count` pictures, or too few groups of them to know
            how alike they are; nothing is tested.
        skewed: q <= alpha, and the whole adjusted interval lies outside [-tolerance, tolerance]. Of R slices picked among
            m of the family, one of F families, the adjusted level is 1 - R x alpha / (F m), which keeps the false coverage
            rate of the picked ones at alpha (Benjamini and Yekutieli 2005, https://doi.org/10.1198/016214504000001907).
        equivalent: the whole 95 % interval lies inside it.
        too small: low evidence, and neither of the two above.
        undetermined: everything else.

    Args:
        said: pictures of each slice read as each emotion `(s, k)`.
        n: pictures of each slice `(s, 1)`.
        other_said: the same of its complement.
        other_n: pictures of its complement.
        rules: what decides.
        families: family of each slice `(s,)`, see `slice_families`.
        design: design effect of each cell, NaN where it is not known; None for independent pictures.
        paired: what pairs say of slices that are compared in them, in place of all this; None without pairs.
    """
    worth = worth_of(said.shape, design)
    tested = np.broadcast_to((n >= rules.min_count) & (other_n >= rules.min_count), worth.shape)
    tested = tested if design is None else tested & np.isfinite(design)
    said, other_said, n, m = said / worth, other_said / worth, n / worth, other_n / worth
    with np.errstate(divide="ignore", invalid="ignore"):
        rate, other = said / n, other_said / m
    low, high = inference.newcombe(said, n, other_said, m)
    p = np.where(tested, inference.fisher_exact(*(np.rint(a).astype(np.int64) for a in (said, n, other_said, m))), np.nan)
    if paired is not None:
        pairs, seen = paired.counts[2], paired.seen
        tested, p = paired.instead(paired.tested, tested).astype(bool), paired.instead(paired.p, p)
        rate, other = paired.instead(seen.inside, rate), paired.instead(seen.outside, other)
        n, m = paired.instead(pairs, n), paired.instead(pairs, m)
        said, other_said = paired.instead(seen.inside * pairs, said), paired.instead(seen.outside * pairs, other_said)
        low, high = (paired.instead(own, of) for own, of in zip(paired.interval(), (low, high), strict=True))
    selection = select(p, families, alpha=rules.alpha)
    pooled = (said + other_said) / np.maximum(n + m, 1)
    low_evidence = (np.minimum(n, m) < LOW_EVIDENCE_COUNT) | (np.minimum(n, m) * pooled < LOW_EVIDENCE_EXPECTED)
    picked = selection.q <= rules.alpha
    adjusted_low, adjusted_high = inference.newcombe(said, n, other_said, m, level=selection.level[:, None])
    if paired is not None:
        own_low, own_high = paired.interval(level=selection.level[:, None])
        adjusted_low, adjusted_high = paired.instead(own_low, adjusted_low), paired.instead(own_high, adjusted_high)
    with np.errstate(invalid="ignore"):
        outside = (adjusted_low > rules.tolerance) | (adjusted_high < -rules.tolerance)
        inside = (low >= -rules.tolerance) & (high <= rules.tolerance)
    verdict = np.select(
        [~tested, picked & outside, inside, low_evidence],
        ["too small", "skewed", "equivalent", "too small"],
        "undetermined",
    )
    return Cells(
        tested, rate, other, low, high, p, selection.q, selection.level,
        np.where(picked, adjusted_low, np.nan), np.where(picked, adjusted_high, np.nan), low_evidence, verdict,
    )  # fmt: skip


def worth_of(shape: tuple[int, ...], design: Floats | None) -> Floats:
    """How many pictures tell as much as one independent one: the design effect, 1 where there is none."""
    return np.ones(shape) if design is None else np.where(np.isfinite(design), design, 1.0)


def slice_families(specs: tuple[SliceSpec, ...], inferred: frozenset[str] = frozenset()) -> npt.NDArray[np.int64]:
    """Number of each slice's family `(s,)`: single declared attributes, intersections of them, what was inferred."""
    return np.array(
        [2 if any(one.column in inferred for one in spec.conditions) else int(spec.order > 1) for spec in specs],
        dtype=np.int64,
    )
