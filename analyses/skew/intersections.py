"""Does an intersection do something that its conditions do not do by themselves?

One biased attribute makes every intersection with it look biased. The excess is what is left of an intersection's rate
after what each condition does alone, read from the pictures beside it: with rates r11 in it, r10 and r01 where only one part
holds and r00 where neither does, the additive excess is r11 - (r10 + r01 - r00). Probabilities saturate: two causes that
simply add up in log-odds leave an additive excess that means nothing. So an excess only counts where neither scale explains
it, which is what cannot be removed by measuring differently (Loftus 1978, https://doi.org/10.3758/BF03197461).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from affect_workbench.analyses.inference.intervals import log_odds, newcombe, quantile, wilson
from affect_workbench.analyses.inference.verdicts import Cells
from affect_workbench.analyses.slices.sums import SliceSums, Splits
from affect_workbench.arrays import Floats, Mask


@dataclass(frozen=True)
class Excess:
    """What intersections do beyond their parts, for `t` splits and `k` emotions; NaN where a group of pictures is empty.

    Attributes:
        value: `(t, k)` additive excess, as a share.
        low: lower end of its interval.
        high: upper end.
        sure: whether neither the additive nor the log-odds scale explains it.
    """

    value: Floats
    low: Floats
    high: Floats
    sure: Mask


def excess(
    inside: Floats, n: Floats, splits: Splits, *, level: Floats, design_effect: Floats, freedom: float | Floats = np.inf
) -> Excess:
    """The excess of every split, its additive interval, and whether it is sure on both scales.

    The additive interval puts four Wilson intervals together (MOVER: Zou and Donner 2008,
    https://doi.org/10.1002/sim.3095); that of the log-odds is Wald's with half a picture added to each count.

    Args:
        inside: `(s, k)` pictures of each slice that are read as each emotion.
        n: pictures of each slice `(s,)`.
        splits: how intersections are taken apart; its sums are of a count and `k` emotions.
        level: confidence of each split's interval `(t,)`.
        design_effect: design effect of each split `(t, k)`, which divides its counts; 1 for independent pictures.
        freedom: degrees of freedom of the design effects `(t, 1)`; infinite where they are given.
    """
    counts = n[splits.child], *(splits.beside[:, group, 0] for group in range(3))
    hits = inside[splits.child], *(splits.beside[:, group, 1:] for group in range(3))
    sizes = [pictures[:, None] / design_effect for pictures in counts]
    events = [values / design_effect for values in hits]
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = [one / pictures for one, pictures in zip(events, sizes, strict=True)]
        ends = [
            wilson(one, pictures, level=level[:, None], freedom=freedom) for one, pictures in zip(events, sizes, strict=True)
        ]
        odds = [log_odds(one, pictures) for one, pictures in zip(events, sizes, strict=True)]
    down = [rate - low for rate, (low, _) in zip(rates, ends, strict=True)]
    up = [high - rate for rate, (_, high) in zip(rates, ends, strict=True)]
    value = rates[0] - rates[1] - rates[2] + rates[3]
    low = value - np.sqrt(down[0] ** 2 + up[1] ** 2 + up[2] ** 2 + down[3] ** 2)
    high = value + np.sqrt(up[0] ** 2 + down[1] ** 2 + down[2] ** 2 + up[3] ** 2)
    contrast = odds[0][0] - odds[1][0] - odds[2][0] + odds[3][0]
    half = quantile(level[:, None], freedom=freedom) * np.sqrt(sum(variance for _, variance in odds))
    sure = ((low > 0) & (contrast > half)) | ((high < 0) & (contrast < -half))
    return Excess(value, low, high, sure)


def beyond_parts(
    sums: SliceSums, cells: Cells, *, hits: Floats, tolerance: float, design_effect: Floats, freedom: Floats | None = None
) -> tuple[dict[str, Floats], npt.NDArray[Any]]:
    """Excess of every cell, and for skewed intersections the name of the slice that explains them, None for roots.

    A slice of one condition fewer explains an intersection that is skewed the same way when its other pictures are read
    alike (their difference has an interval with zero in it, or within the tolerance), or when the excess is not sure.

    Args:
        sums: the slices; their first column counts pictures.
        cells: what was found of them.
        hits: pictures of each slice that are read as each emotion `(s, k)`.
        tolerance: the largest difference that does not matter.
        design_effect: design effects `(s, k)`.
        freedom: their degrees of freedom `(s, 1)`; None where they are given.

    Returns:
        `excess`, `excess_low`, `excess_high`, each `(s, k)`, of the split with the least excess (NaN for single conditions);
        and the names `(s, k)`.
    """
    splits, inside, n, level = sums.splits, hits, sums.inside[:, 0], cells.level
    effect, skewed = cells.effect, cells.verdict == "skewed"
    own = {name: np.full(skewed.shape, np.nan) for name in ("excess", "excess_low", "excess_high")}
    repeats = np.full(skewed.shape, None, dtype=object)
    if not len(splits.child):
        return own, repeats
    degrees: Floats = np.full((len(n), 1), np.inf) if freedom is None else freedom
    found = excess(
        inside,
        n,
        splits,
        level=level[splits.child],
        design_effect=design_effect[splits.child],
        freedom=degrees[splits.child],
    )
    size = np.abs(found.value)
    least = np.full(skewed.shape, np.nan)
    np.fmin.at(least, splits.child, size)
    row, column = np.nonzero(size == least[splits.child])
    for name, values in (("excess", found.value), ("excess_low", found.low), ("excess_high", found.high)):
        own[name][splits.child[row], column] = values[row, column]
    names = np.array([spec.name for spec in sums.specs], dtype=object)
    fewer, pictures = inside / design_effect, n[:, None] / design_effect
    for parents in (splits.parent, splits.single):
        at = np.flatnonzero(parents >= 0)
        child, parent = splits.child[at], parents[at]
        rest = (
            (inside[parent] - inside[child]) / design_effect[child],
            (n[parent] - n[child])[:, None] / design_effect[child],
        )
        low, high = newcombe(fewer[child], pictures[child], *rest, freedom=degrees[child])
        alike = ((low <= 0) & (high >= 0)) | ((low >= -tolerance) & (high <= tolerance))
        beyond = found.sure[at] & (np.sign(found.value[at]) == np.sign(effect[child]))
        same = skewed[child] & skewed[parent] & (np.sign(effect[child]) == np.sign(effect[parent]))
        for row, column in zip(*np.nonzero(same & (alike | ~beyond)), strict=True):
            repeats[child[row], column] = repeats[child[row], column] or names[parent[row]]
    return own, repeats
