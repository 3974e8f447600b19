"""Is a slice still read differently once pictures are compared with pictures alike in something else?

The difference of rates within strata (true label, scene, any column, or several jointly) beside the plain one, and whether
the plain one turns round or mostly goes away: Simpson's paradox, and confounding short of it. An average over strata can
also hide that they disagree: whether they do is tested, and where they do, that is the verdict
(`analyses.inference.homogeneity`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from affect_workbench.analyses.inference.clusters import FEWEST_GROUPS
from affect_workbench.analyses.inference.exact import fisher_exact
from affect_workbench.analyses.inference.homogeneity import breslow_day_p, enough_expected, equal_rates_p, extremes
from affect_workbench.analyses.inference.intervals import newcombe
from affect_workbench.analyses.inference.mantel_haenszel import (
    adjusted_difference,
    informative,
    mantel_haenszel_p,
    null_error,
)
from affect_workbench.analyses.inference.means.stratified import Places, within_strata
from affect_workbench.analyses.inference.multiplicity import benjamini_hochberg, select
from affect_workbench.analyses.inference.verdicts import LOW_EVIDENCE_COUNT, LOW_EVIDENCE_EXPECTED, STANDARD, Rules, verdict
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.families import Family, families, slice_families
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.strata import Strata, named_strata, require_other_attributes, series_of, stratum_counts
from affect_workbench.analyses.slices.sums import group_sums
from affect_workbench.arrays import Floats, Mask

ADJUSTED = (
    *("adjusted_for", "n", "n_complement", "left_out", "strata_used", "strata_unused", "unused", "n_used"),
    *("n_complement_used", "effect", "low", "high", "within", "within_se", "within_low", "within_high", "p", "q"),
    *("picked_low", "picked_high", "detectable", "verdict", "low_evidence", "simpson", "simpson_kind", "reason"),
    *("homogeneity_p", "homogeneity_q", "homogeneity_strata", "smallest", "smallest_in", "largest", "largest_in"),
)
"""What is told of a difference that is adjusted, of rates and of numbers alike."""
ADJUSTED_COLUMNS = ("slice", "where", "emotion", *ADJUSTED, "strata_flat", "exact")
SIMPSON_KINDS = ("reversed", "explained", "uncovered")


def adjusted_table(data: SlicedPredictions, adjusted_for: Strata, *, rules: Rules = STANDARD) -> pd.DataFrame:
    """One row a (slice, emotion), in the order of the attributes. Rates and differences are shares; NaN = not known.

    Columns: `slice`, `where`, `emotion`, `adjusted_for`; `n`, `n_complement` (pictures with a stratum), `left_out` (pictures
    of slice and complement without one); `strata_used`, `strata_unused` (only one side has pictures: they weigh nothing),
    `unused` (the first of these by name), `strata_flat` (used, but all of their pictures are read alike: they weigh in the
    difference and say nothing to the test), `n_used`, `n_complement_used`; plain `effect` with Newcombe `low`, `high`;
    `within` (Mantel-Haenszel), `within_se` (Greenland and Robins), 95 % interval `within_low`, `within_high`; `p`, whether
    it is `exact`, `q` of two levels of tests, and for q <= alpha the interval `picked_low`, `picked_high` at the level that
    allows for the picking; `detectable`; `verdict` and `low_evidence` as in `analyses.inference.verdicts.verdict`, of
    `within`; `simpson`, `simpson_kind`; and `reason`, why nothing was tested, in words.

    `homogeneity_p` is that of "the same difference in every stratum", over `homogeneity_strata` strata that are expected to
    hold five pictures of every kind (NaN with fewer than two: a reversal would stay hidden there), the larger of two: that
    the odds ratios are the same (Breslow-Day, with Tarone's correction) and that the differences are, since one of the two
    differs with the base rate alone; with groups the latter from the cluster-robust variance. `homogeneity_q` is corrected
    over all rows. `smallest`, `largest` are the differences of the strata named by `smallest_in`, `largest_in`. Where
    q <= alpha the verdict is `analyses.inference.homogeneity.DIFFERS` and none of the others.

    `simpson_kind` is `reversed` where the two differences have opposite signs and both intervals lie off zero; `explained`
    where it is another one by more than half the effect and nearer to zero, `uncovered` where farther away. The last two
    also need the plain or the adjusted difference to be more than chance (q <= alpha), since of a difference near zero half
    is always lost or gained, and the plain one to lie outside the interval of the adjusted one.

    Args:
        data: the `n` pictures.
        adjusted_for: what they are alike in (`analyses.slices.strata.strata`).
        rules: what decides a verdict.

    Raises:
        ValueError: every slice is made of what is held fixed.
    """
    require_other_attributes(data.attributes, adjusted_for)
    predictions, groups = data.predictions, data.groups
    k, y_pred = len(predictions.taxonomy), predictions.predicted
    specs: list[SliceSpec] = []
    parts: dict[str, list[Floats]] = {
        name: [] for name in ("counts", "others", "left_out", "plain", "design_effect", "robust")
    }
    for family in families(data.attributes, rules.order):
        at, listed = family.listed(rules.min_count)
        specs += listed
        counts = stratum_counts(family.codes, family.size, adjusted_for, y_pred, k)
        parts["counts"].append(counts[at].transpose(0, 2, 1))
        parts["others"].append((counts.sum(axis=0) - counts)[at].transpose(0, 2, 1))
        lost = int(((family.codes >= 0) & (adjusted_for.codes < 0)).sum())
        parts["left_out"].append(np.full((len(at), 1), lost, dtype=float))
        if groups is not None:
            parts["plain"].append(_designs(family, at, np.where(adjusted_for.codes >= 0, 0, -1), 1, groups, y_pred, k))
            parts["design_effect"].append(
                _designs(family, at, adjusted_for.codes, len(adjusted_for.names), groups, y_pred, k)
            )
            robust = within_strata(
                family.codes,
                family.size,
                adjusted_for.codes,
                len(adjusted_for.names),
                np.eye(k)[y_pred],
                groups=groups,
                wanted=at,
            )
            parts["robust"].append(robust.homogeneity)
    stacked = {name: np.concatenate(blocks) for name, blocks in parts.items() if blocks}
    refused = np.array([any(one.column in adjusted_for.columns for one in spec.conditions) for spec in specs])
    cells = _cells(stacked, refused, adjusted_for, rules, slice_families(tuple(specs), data.inferred))
    table = pd.DataFrame({name: np.asarray(values).ravel() for name, values in cells.items()})
    table["slice"] = series_of([spec.name for spec in specs], k)
    table["where"] = pd.Series([spec.as_json() for spec in specs for _ in range(k)], dtype=object)
    table["emotion"] = list(predictions.taxonomy.labels) * len(specs)
    table["adjusted_for"] = ", ".join(adjusted_for.columns)
    return table.reindex(columns=list(ADJUSTED_COLUMNS))


def _cells(
    stacked: dict[str, Floats], refused: Mask, adjusted_for: Strata, rules: Rules, family: npt.NDArray[np.int64]
) -> dict[str, npt.NDArray[Any]]:
    """Every column that is an array of cells `(s, k)`."""
    a, c = stacked["counts"], stacked["others"]  # (s, k, h)
    shape = a.shape[:2]
    n, m = (np.broadcast_to(side.sum(axis=1, keepdims=True), a.shape) for side in (a, c))
    both = (n > 0) & (m > 0)
    n_used, m_used = (np.where(both, side, 0).sum(axis=2) for side in (n, m))
    learns = informative(a, n, c, m)
    design_effect, plain = stacked.get("design_effect", np.ones(shape)), stacked.get("plain", np.ones(shape))
    enough = (n_used >= rules.min_count) & (m_used >= rules.min_count) & np.isfinite(design_effect)
    tested = enough & learns.any(axis=2) & ~refused[:, None]
    deff, plain = (np.where(np.isfinite(effect), effect, 1.0) for effect in (design_effect, plain))
    p, exact = mantel_haenszel_p(a, n, c, m, design_effect=design_effect if "design_effect" in stacked else None)
    p = np.where(tested, p, np.nan)
    selection = select(p, family, alpha=rules.alpha)
    within = adjusted_difference(a, n, c, m, design_effect=deff)
    picked = selection.q <= rules.alpha
    safer = adjusted_difference(a, n, c, m, level=selection.level[:, None], design_effect=deff)

    whole = [side.sum(axis=2) / plain for side in (a, n, c, m)]
    crude_p = np.where(tested, fisher_exact(*(np.rint(side).astype(np.int64) for side in whole)), np.nan)
    sure = picked | (select(crude_p, family, alpha=rules.alpha).q <= rules.alpha)
    low, high = newcombe(*whole)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = whole[0] / whole[1] - whole[2] / whole[3]
        rate = np.where(both, a + c, 0).sum(axis=2) / (n_used + m_used)
        fewer = np.minimum(n_used, m_used) / deff
        low_evidence = (fewer < LOW_EVIDENCE_COUNT) | ~(fewer * rate >= LOW_EVIDENCE_EXPECTED)
        moved = np.abs(effect - within.difference) > 0.5 * np.abs(effect)
        moved &= sure & ((effect < within.low) | (effect > within.high))
        apart = (effect * within.difference < 0) & ((low > 0) | (high < 0)) & ((within.low > 0) | (within.high < 0))
        nearer = np.abs(within.difference) < np.abs(effect)
    kind = np.select([apart, moved & nearer, moved], SIMPSON_KINDS, "").astype(object)
    simpson = (kind != "") & tested
    kind[~simpson] = None
    known = enough & ~refused[:, None]
    agree = _agreement(stacked, deff, known, adjusted_for)
    decided = verdict(
        (within.low, within.high),
        (safer.low, safer.high),
        tolerance=rules.tolerance,
        tested=known,
        selected=picked,
        low_evidence=low_evidence,
        inconsistent=agree["homogeneity_q"] <= rules.alpha,
    )
    unused = ~both[:, 0] & ((n > 0) | (m > 0))[:, 0]
    reason = np.select(
        [
            np.broadcast_to(refused[:, None], shape),
            ~both.any(axis=2),
            ~learns.any(axis=2),
            (n_used < rules.min_count) | (m_used < rules.min_count),
            ~np.isfinite(design_effect),
        ],
        [
            "the slice's own attribute is adjusted for",
            "no stratum has pictures on both sides",
            "in every stratum all pictures have the same prediction",
            f"fewer than {rules.min_count} pictures on a side in strata that have both",
            f"fewer than {FEWEST_GROUPS} groups of pictures on a side",
        ],
        "",
    ).astype(object)
    reason[reason == ""] = None
    detectable = float(special.ndtri(0.8) - special.ndtri(rules.alpha / 2)) * null_error(a, n, c, m) * np.sqrt(deff)

    def shown(values: npt.NDArray[Any], where: Mask) -> Floats:
        return np.where(where, values, np.nan)

    def wide(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.broadcast_to(values.reshape(len(values), -1), shape)

    counted = {
        "n": n.sum(axis=2),
        "n_complement": m.sum(axis=2),
        "left_out": wide(stacked["left_out"]),
        "strata_used": wide(both[:, 0].sum(axis=1)),
        "strata_unused": wide(unused.sum(axis=1)),
        "strata_flat": (both & ~learns).sum(axis=2),
        "n_used": n_used,
        "n_complement_used": m_used,
    }
    return (
        {name: np.rint(values).astype(np.int64) for name, values in counted.items()}
        | {
            "unused": wide(
                np.array([named_strata(np.flatnonzero(row), adjusted_for.names) for row in unused], dtype=object)
            ),
            "effect": shown(effect, enough),
            "low": shown(low, enough),
            "high": shown(high, enough),
            "within": shown(within.difference, known),
            "within_se": shown(within.standard_error, known),
            "within_low": shown(within.low, known),
            "within_high": shown(within.high, known),
            "p": p,
            "exact": exact & tested,
            "q": selection.q,
            "picked_low": shown(safer.low, picked),
            "picked_high": shown(safer.high, picked),
            "detectable": np.where(refused[:, None], np.inf, detectable),
            "verdict": decided,
            "low_evidence": low_evidence,
            "simpson": simpson,
            "simpson_kind": kind,
            "reason": reason,
        }
        | agree
    )


def _agreement(stacked: dict[str, Floats], deff: Floats, known: Mask, adjusted_for: Strata) -> dict[str, npt.NDArray[Any]]:
    """Whether the strata agree on each difference, and the two that agree least."""
    a, c = stacked["counts"], stacked["others"]
    n, m = a.sum(axis=1, keepdims=True), c.sum(axis=1, keepdims=True)
    use = enough_expected(*(side / deff[..., None] for side in (a, n, c, m))) & known[..., None]
    odds = breslow_day_p(*(side / deff[..., None] for side in (a, n, c, m)), use=use)
    points = stacked["robust"] if "robust" in stacked else equal_rates_p(a, n, c, m, use=use)
    p = np.where(known, np.maximum(odds, points), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = a / n - c / m
    return agreement_columns(difference, use, p, adjusted_for.names)


def agreement_columns(difference: Floats, use: Mask, p: Floats, names: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """The columns of a table of adjusted differences that say whether strata agree; arrays of the shape of `p`.

    Args:
        difference: in each stratum, one axis more than `p`.
        use: strata that the test is about.
        p: of "the same difference in every stratum".
        names: of the strata.
    """
    told = np.isfinite(p)
    found: dict[str, npt.NDArray[Any]] = {
        "homogeneity_p": p,
        "homogeneity_q": benjamini_hochberg(p),
        "homogeneity_strata": use.sum(axis=-1),
    }
    called = np.array([*names, None], dtype=object)
    for name, at in zip(("smallest", "largest"), extremes(difference, use), strict=True):
        value = np.take_along_axis(difference, np.maximum(at, 0)[..., None], axis=-1)[..., 0]
        found |= {name: np.where(told, value, np.nan), f"{name}_in": called[np.where(told, at, -1)]}
    return found


def _designs(
    family: Family,
    wanted: npt.NDArray[np.int64],
    strata: npt.NDArray[np.int64],
    h: int,
    groups: npt.NDArray[np.int64],
    y_pred: npt.NDArray[np.int64],
    k: int,
) -> Floats:
    """Design effect `(s, k)` of the difference within strata, below 1 where groups lie on both sides.

    NaN below `FEWEST_GROUPS` groups on a side.

    The variance with whole groups as units over that with pictures as units, both from what each adds to the difference:
    its residual from the rate of its side and stratum, weighted (as in `analyses.inference.clusters`, which has one
    stratum).
    """
    known = (family.codes >= 0) & (strata >= 0)
    places = Places.of(family.codes[known], family.size, strata[known], h, np.eye(k)[y_pred[known]], groups[known])
    designs = np.full((len(wanted), k), np.nan)
    for row, value in enumerate(wanted):
        sides = places.slice_and_rest(value)
        totals = [group_sums(places.stratum, h, side) for side in sides]
        n, m = totals[0][:, :1], totals[1][:, :1]
        added, plain = np.zeros((len(places.group), k)), np.zeros(k)
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = np.nan_to_num(n * m / (n + m))
            for side, total, sign in zip(sides, totals, (1.0, -1.0), strict=True):
                rate, pull = np.nan_to_num(total[:, 1:] / total[:, :1]), np.nan_to_num(weight / total[:, :1])
                added += sign * pull[places.stratum] * (side[:, 1:] - rate[places.stratum] * side[:, :1])
                plain += (pull**2 * total[:, :1] * rate * (1 - rate)).sum(axis=0)
        robust = (group_sums(places.group, places.count, added) ** 2).sum(axis=0) * places.count / max(places.count - 1, 1)
        fewer = min(len(np.unique(places.group[side[:, 0] > 0.5])) for side in sides)
        if fewer >= FEWEST_GROUPS:
            with np.errstate(divide="ignore", invalid="ignore"):
                effect = np.fmax(robust / plain, robust.sum() / plain.sum())
            designs[row] = np.where(np.isfinite(effect) & (effect > 0), effect, 1.0)
    return designs
