"""Does a number still differ in a slice once pictures are compared with pictures alike in something else?

`analyses.disparities.adjusted` for an outcome that is a number: the weighed difference of means within strata beside the
plain one, whether the plain one turns round or goes away, and whether the strata agree at all. A mean over strata that
disagree (+.32 among persons, -.38 among scenes) is near zero and equivalent to nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from affect_workbench.analyses.disparities.adjusted import ADJUSTED, SIMPSON_KINDS, agreement_columns
from affect_workbench.analyses.disparities.number_tests import DEFAULT_TOLERANCE, checked_outcome
from affect_workbench.analyses.inference.clusters import FEWEST_GROUPS
from affect_workbench.analyses.inference.means.stratified import Within, within_strata
from affect_workbench.analyses.inference.means.two_means import LEAST_FREEDOM, MeanTests, mean_tests
from affect_workbench.analyses.inference.multiplicity import select
from affect_workbench.analyses.inference.resampling import STANDARD_SAMPLING, Sampling
from affect_workbench.analyses.inference.verdicts import LOW_EVIDENCE_COUNT, STANDARD, Rules, verdict
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.families import families, slice_families
from affect_workbench.analyses.slices.sliced import Sliced
from affect_workbench.analyses.slices.strata import Strata, named_strata, require_other_attributes
from affect_workbench.arrays import Codes, Floats, Mask

ADJUSTED_OUTCOME_COLUMNS = ("slice", "where", *ADJUSTED, "method", "tolerance", "spread")


def adjusted_numeric_table(
    outcome: Floats,
    data: Sliced,
    *,
    adjusted_for: Strata,
    rules: Rules = STANDARD,
    sampling: Sampling = STANDARD_SAMPLING,
    tolerance: float | None = None,
    name: str = "outcome",
) -> pd.DataFrame:
    """One row a slice, in units of the outcome; NaN = not known.

    Columns are those of `analyses.disparities.adjusted.adjusted_table`, without what counts of pictures alone have, and
    `method`, `tolerance`, `spread` as in `analyses.disparities.numbers.numeric_table`. The plain `effect` is that of the
    same pictures without strata, by the model that `analyses.inference.means.two_means` has for them; `within` has Student's
    interval with the variance and degrees of freedom of `analyses.inference.means.stratified`; `homogeneity_p` is an
    interaction contrast over the strata whose difference has four degrees of freedom.

    Args:
        outcome: `(n,)`, NaN where not known.
        data: the same pictures.
        adjusted_for: the strata.
        rules: what decides a verdict, but for the tolerance; pictures are counted in strata that hold both sides.
        sampling: as in `analyses.disparities.numbers.numeric_table`, of the plain difference.
        tolerance: the largest difference that does not matter; 0.2 standard deviations of the outcome when not given.
        name: of the outcome, for messages.

    Raises:
        ValueError: see `analyses.disparities.numbers.numeric_table`; or every slice is made of what is held fixed.
    """
    values = checked_outcome(outcome, data, tolerance=tolerance, name=name)
    require_other_attributes(data.attributes, adjusted_for)
    known = np.isfinite(values)
    spread = float(values[known].std(ddof=1))
    rules = replace(rules, tolerance=DEFAULT_TOLERANCE * spread if tolerance is None else tolerance)
    groups, least = data.groups, rules.min_count
    values = np.where(known, values - values[known].mean(), 0.0)
    strata, h, rng = np.where(known, adjusted_for.codes, -1), len(adjusted_for.names), sampling.rng()
    specs: list[SliceSpec] = []
    plain: list[MeanTests] = []
    within: list[Within] = []
    left_out: list[npt.NDArray[np.int64]] = []
    for family in families(data.attributes, rules.order):
        at, listed = family.listed(least)
        specs += listed
        codes = np.where(strata >= 0, family.codes, -1)
        found = mean_tests(codes, family.size, values, groups=groups, least=least, draws=sampling.draws, rng=rng)
        plain.append(found.at(at))
        within.append(within_strata(codes, family.size, strata, h, values[:, None], groups=groups, wanted=at))
        left_out.append(np.full(len(at), int(((family.codes >= 0) & (strata < 0)).sum())))
    refused = np.array([any(one.column in adjusted_for.columns for one in spec.conditions) for spec in specs])
    family_of = slice_families(tuple(specs), data.inferred)
    cells = _cells(MeanTests.joined(plain), Within.joined(within), refused, adjusted_for, family_of, rules)
    table = pd.DataFrame(cells).assign(
        slice=[spec.name for spec in specs],
        adjusted_for=", ".join(adjusted_for.columns),
        left_out=np.concatenate(left_out),
        spread=spread,
    )
    table["where"] = pd.Series([spec.as_json() for spec in specs], dtype=object)
    table["method"] = np.where(table["p"].isna(), "none", "welch" if groups is None else "cluster-robust")
    return table.reindex(columns=list(ADJUSTED_OUTCOME_COLUMNS))


def _cells(
    plain: MeanTests, within: Within, refused: Mask, adjusted_for: Strata, family: Codes, rules: Rules
) -> dict[str, npt.NDArray[Any]]:
    n, m, use = within.n, within.m, within.use
    n_used, m_used = (np.where(use, side, 0.0).sum(axis=1) for side in (n, m))
    difference, error = within.effect[:, 0], np.sqrt(within.variance[:, 0])
    alpha, min_count = rules.alpha, rules.min_count
    enough = (n_used >= min_count) & (m_used >= min_count)
    with np.errstate(invalid="ignore"):
        free = within.effect_freedom >= LEAST_FREEDOM
    known = enough & free & np.isfinite(error) & ~refused
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.where(np.abs(difference) < 1e-12, 0.0, np.abs(difference) / error)
        p = np.where(known, 2 * special.stdtr(within.effect_freedom, -size), np.nan)
    selection = select(p[:, None], family, alpha=alpha)
    picked = selection.slice_q <= alpha
    sure = picked | (select(plain.p[:, None], family, alpha=alpha).slice_q <= alpha)
    half, safer, whole = within.half()[:, 0], within.half(selection.level)[:, 0], plain.half()
    agree = agreement_columns(
        within.difference[..., 0], within.tested, np.where(known, within.homogeneity[:, 0], np.nan), adjusted_for.names
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        low_evidence = (np.minimum(n_used, m_used) < LOW_EVIDENCE_COUNT) | (within.groups < FEWEST_GROUPS)
        decided = verdict(
            (difference - half, difference + half),
            (difference - safer, difference + safer),
            tolerance=rules.tolerance,
            tested=known,
            selected=picked,
            low_evidence=low_evidence,
            inconsistent=agree["homogeneity_q"] <= alpha,
        )
        moved = (np.abs(plain.effect - difference) > 0.5 * np.abs(plain.effect)) & sure
        moved &= np.abs(plain.effect - difference) > half
        apart = (plain.effect * difference < 0) & (np.abs(plain.effect) > whole) & (np.abs(difference) > half)
        nearer = np.abs(difference) < np.abs(plain.effect)
    kind = np.select([apart, moved & nearer, moved], SIMPSON_KINDS, "").astype(object)
    simpson = (kind != "") & known
    kind[~simpson] = None
    unused = ~use & (n + m > 0)
    reason = np.select(
        [refused, ~use.any(axis=1), ~enough, ~known],
        [
            "the slice's own attribute is adjusted for",
            "no stratum has two pictures (or groups, where there are some) on either side",
            f"fewer than {min_count} pictures on a side in strata that have both",
            "too few groups of pictures",
        ],
        "",
    ).astype(object)
    reason[reason == ""] = None

    def shown(values: Floats, where: Mask = known) -> Floats:
        return np.where(where, values, np.nan)

    power = float(-special.ndtri(alpha / 2) + special.ndtri(0.8))
    tested = np.isfinite(plain.p)
    counted = {
        "n": n.sum(axis=1),
        "n_complement": m.sum(axis=1),
        "strata_used": use.sum(axis=1),
        "strata_unused": unused.sum(axis=1),
        "n_used": n_used,
        "n_complement_used": m_used,
    }
    return (
        {name: np.rint(values).astype(np.int64) for name, values in counted.items()}
        | {
            "unused": np.array([named_strata(np.flatnonzero(row), adjusted_for.names) for row in unused], dtype=object),
            "effect": shown(plain.effect, tested),
            "low": shown(plain.effect - whole, tested),
            "high": shown(plain.effect + whole, tested),
            "within": shown(difference),
            "within_se": shown(error),
            "within_low": shown(difference - half),
            "within_high": shown(difference + half),
            "p": p,
            "q": selection.slice_q,
            "picked_low": shown(difference - safer, picked),
            "picked_high": shown(difference + safer, picked),
            "tolerance": np.full(len(p), rules.tolerance),
            "detectable": np.where(known, power * error, np.inf),
            "verdict": decided,
            "low_evidence": low_evidence,
            "simpson": simpson,
            "simpson_kind": kind,
            "reason": reason,
        }
        | agree
    )
