"""By how much did each skew change, is that more than chance, and did it grow or shrink? One row a (slice, emotion).

For slice s and emotion k let a be the skew of the first model and b that of the second, both beyond what the labels say
already (beyond nothing where there are no labels). The change b - a is a difference of mean paired differences, and
|b| - |a| is the smaller of |b - a| and |b + a|, positive where the two have the same sign: so a skew has surely grown when
change and sum both surely lie on the same side of zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.inference.intervals import paired_shift_interval, quantile
from affect_workbench.analyses.inference.means.sums import Sums
from affect_workbench.analyses.inference.multiplicity import select
from affect_workbench.analyses.inference.paired import GroupTotals, change_p, mcnemar
from affect_workbench.analyses.inference.verdicts import LOW_EVIDENCE_COUNT, Rules, verdict
from affect_workbench.analyses.slices.sums import SliceSums
from affect_workbench.arrays import Floats, Mask
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

VERDICTS = ("worse", "better", "changed", "equivalent", "undetermined", "too small")
CHANGE_COLUMNS = (
    "slice",
    "where",
    "emotion",
    "n",
    "n_complement",
    "skew_a",
    "skew_b",
    "change",
    "low",
    "high",
    "p",
    "q",
    "verdict",
    "beyond_a",
    "beyond_b",
    "growth",
    "adjusted_low",
    "adjusted_high",
    "growth_low",
    "growth_high",
    "into",
    "out_of",
    "mcnemar_p",
    "detectable",
    "explained_by",
    "design_effect",
)


def change_table(
    sums: SliceSums,
    at: Mapping[str, slice],
    *,
    taxonomy: Taxonomy,
    rules: Rules,
    families: npt.NDArray[np.int64],
    units: GroupTotals | None,
) -> pd.DataFrame:
    """One row a (slice, emotion) cell: columns `CHANGE_COLUMNS`, explained at `analyses.audit.compare.compare.Comparison`.

    Args:
        sums: sums over slices of what `analyses.audit.compare.compare` counts for every picture; the first columns, which
            are also summed beside each intersection, are ones, what the first model says, what the second says, and squared
            differences.
        at: which columns are which.
        taxonomy: the `k` labels.
        rules: what decides a verdict.
        families: family of each slice `(s,)`.
        units: the sums of whole groups; None for independent pictures.
    """
    k, s = len(taxonomy), len(sums.specs)

    def pair(kind: str) -> tuple[Floats, Floats]:
        return sums.inside[:, at[kind]], sums.outside[:, at[kind]]

    def design_effect(place: int) -> Floats:
        return np.ones((s, k)) if units is None else units.design_effect[:, place * k : (place + 1) * k]

    def freedom(place: int) -> Floats:
        return np.full((s, k), np.inf) if units is None else units.freedom[:, place * k : (place + 1) * k]

    def sides(kind: str, count: str, place: int) -> tuple[Sums, Sums]:
        """Sums of both sides, divided by the design effect."""
        deff = np.where(np.isfinite(design_effect(place)), design_effect(place), 1.0)
        inside, outside = zip(totals(kind), pair(f"{kind}2"), pair(count), strict=True)
        return Sums(*inside).over(deff), Sums(*outside).over(deff)

    def totals(kind: str) -> tuple[Floats, Floats]:
        if kind != "difference":
            return pair(kind)
        (a, other_a), (b, other_b) = pair("a"), pair("b")
        return b - a, other_b - other_a

    all_pictures, known, middles = (
        sides("difference", "one", 0),
        sides("on_known", "counted", 1),
        sides("middle", "counted", 2),
    )
    (n, m), (a, other_a), (b, other_b) = pair("one"), pair("a"), pair("b")
    enough = (n >= rules.min_count) & (m >= rules.min_count)
    tested = np.broadcast_to(enough, (s, k)) & np.isfinite(design_effect(0))
    few = np.minimum(n, m) / np.maximum(np.nan_to_num(design_effect(0), nan=1.0), 1.0) < LOW_EVIDENCE_COUNT
    p = np.where(tested, change_p(*all_pictures, freedom=freedom(0)), np.nan)
    selection = select(p, families, alpha=rules.alpha)
    picked = selection.q <= rules.alpha
    level: Any = np.broadcast_to(selection.level[:, None], (s, k))
    low, high = paired_shift_interval(*all_pictures, freedom=freedom(0))
    adjusted = paired_shift_interval(*all_pictures, level=level, freedom=freedom(0))
    growth = growth_bounds(
        paired_shift_interval(*known, level=level, freedom=freedom(1)),
        paired_shift_interval(*middles, level=level, freedom=freedom(2)),
    )
    sure = np.isfinite(design_effect(1)) & np.isfinite(design_effect(2))
    growth = np.where(sure, growth[0], np.nan), np.where(sure, growth[1], np.nan)
    decided = classify_changes(
        (low, high), adjusted, growth, picked=picked, tested=tested, few=few, tolerance=rules.tolerance
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        skew_a, skew_b = a / n - other_a / m, b / n - other_b / m
        change_known, middle = known[0].mean - known[1].mean, middles[0].mean - middles[1].mean
    beyond_a, beyond_b = middle - change_known / 2, middle + change_known / 2
    difference, squares = totals("difference")[0], pair("difference2")[0]
    into, out_of = (
        (units.up[:, :k], units.down[:, :k]) if units else ((squares + difference) / 2, (squares - difference) / 2)
    )
    estimates = {
        "skew_a": skew_a,
        "skew_b": skew_b,
        "change": skew_b - skew_a,
        "low": low,
        "high": high,
        "beyond_a": beyond_a,
        "beyond_b": beyond_b,
        "growth": np.abs(beyond_b) - np.abs(beyond_a),
        "mcnemar_p": mcnemar(into, out_of),
        # 80 % power of a two-sided test of size .05: its quantiles over those of the interval, times half its width.
        "detectable": (quantile(0.95) + quantile(0.6)) / quantile(0.95) * (high - low) / 2,
    }
    adjusted_ends = {
        "adjusted_low": adjusted[0],
        "adjusted_high": adjusted[1],
        "growth_low": growth[0],
        "growth_high": growth[1],
    }
    cells: dict[str, Any] = {
        "n": np.broadcast_to(np.rint(n), (s, k)).astype(np.int64),
        "n_complement": np.broadcast_to(np.rint(m), (s, k)).astype(np.int64),
        "p": p,
        "q": selection.q,
        "verdict": decided,
        "into": np.rint(into).astype(np.int64),
        "out_of": np.rint(out_of).astype(np.int64),
        "design_effect": np.where(np.isfinite(design_effect(0)), design_effect(0), 1.0),
        "explained_by": _repeats(sums, k, skew_b - skew_a, design_effect(0), decided),
    }
    # Of a handful of pictures no number is shown that could be mistaken for an estimate.
    cells |= {name: np.where(tested, values, np.nan) for name, values in estimates.items()}
    cells |= {name: np.where(picked, values, np.nan) for name, values in adjusted_ends.items()}
    table = pd.DataFrame({name: values.ravel() for name, values in cells.items()})
    table["slice"] = np.repeat(np.array([spec.name for spec in sums.specs], dtype=object), k)
    table["where"] = np.repeat(np.array([spec.as_json() for spec in sums.specs], dtype=object), k)
    table["emotion"] = np.tile(np.array(taxonomy.labels, dtype=object), s)
    return table[list(CHANGE_COLUMNS)]


def classify_changes(
    change: tuple[Floats, Floats],
    adjusted: tuple[Floats, Floats],
    growth: tuple[Floats, Floats],
    *,
    picked: Mask,
    tested: Mask,
    few: Mask,
    tolerance: float,
) -> npt.NDArray[Any]:
    """The verdict of every cell, in this order.

        too small: fewer than `min_count` pictures on either side, or too few groups; nothing is tested.
        worse, better: q <= alpha, the adjusted interval of the change lies wholly outside the tolerance, and the skew
            beyond the labels surely grew (shrank) by more than the tolerance.
        changed: the same without the last: it did change, but neither surely for the worse nor for the better (from too
            much to too little, say).
        equivalent: the 95 % interval of the change lies wholly inside the tolerance.
        too small: fewer than 30 pictures on either side, and none of the above.
        undetermined: everything else.

    Args:
        change: ends of the 95 % interval `(s, k)` each.
        adjusted: ends at the level that allows for the slice having been picked.
        growth: the same of the growth.
        picked: q <= alpha.
        tested: whether there was enough to test.
        few: low evidence.
        tolerance: the largest change that does not matter.
    """
    decided = verdict(change, adjusted, tolerance=tolerance, tested=tested, selected=picked, low_evidence=few)
    with np.errstate(invalid="ignore"):
        moved = np.select([growth[0] > tolerance, growth[1] < -tolerance], ["worse", "better"], "changed")
    return np.where(decided == "skewed", moved, decided)


def growth_bounds(change: tuple[Floats, Floats], middle: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Ends of |b| - |a| from those of b - a and of (a + b) / 2: the function is monotone in each, so corners suffice.

    "It grew by more than x" holds only where both say so, which keeps the level of each (Berger 1982, intersection-union).
    """
    corners = [(np.abs(2 * one + two) - np.abs(2 * one - two)) / 2 for one in middle for two in change]
    return np.minimum.reduce(corners), np.maximum.reduce(corners)


def _repeats(sums: SliceSums, k: int, change: Floats, design_effect: Floats, verdict: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """For an intersection: a slice of one condition fewer that changed the same way, and whose other pictures did so too.

    That is: with the same verdict and sign, and with a 95 % interval of the difference between the intersection and the
    rest of that slice that holds zero.
    """
    splits = sums.splits
    inside, rest = sums.inside[splits.child], splits.beside[:, 0]
    # The design effect of another comparison, in which groups may lie on both sides as they do not in this one.
    deff = np.maximum(np.nan_to_num(design_effect, nan=1.0), 1.0)[splits.child]

    def side(part: Floats) -> Sums:
        one, a, b, squares = np.split(part[:, : 1 + 3 * k], [1, 1 + k, 1 + 2 * k], axis=1)
        return Sums(b - a, squares, one).over(deff)

    low, high = paired_shift_interval(side(inside), side(rest))
    child, parent = splits.child, splits.parent
    same = (verdict[child] == verdict[parent]) & (change[child] * change[parent] > 0) & np.isin(verdict[child], VERDICTS[:3])
    alike = same & (low <= 0) & (high >= 0) & (parent >= 0)[:, None]
    repeats = np.full(change.shape, None, dtype=object)
    for at, emotion in np.argwhere(alike)[::-1]:
        repeats[child[at], emotion] = sums.specs[parent[at]].name
    return repeats
