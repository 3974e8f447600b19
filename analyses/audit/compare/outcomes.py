"""By how much did the difference of a number between a slice and the others change, from one run to another of its pictures?

The number of the second run less that of the first, picture by picture, is itself an outcome: its difference between slice
and complement is the change, and p and interval come from the same models as any outcome's
(`analyses.inference.means.two_means`). Whether the difference grew or shrank is told from the change and from the mean of
both (`analyses.audit.compare.changes.growth_bounds`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.compare.changes import VERDICTS, classify_changes, growth_bounds
from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.outcome_tables import numbers_of
from affect_workbench.analyses.disparities.number_tests import DEFAULT_TOLERANCE
from affect_workbench.analyses.inference.clusters import FEWEST_GROUPS
from affect_workbench.analyses.inference.intervals import distance_from_zero
from affect_workbench.analyses.inference.means.two_means import MeanTests, mean_tests
from affect_workbench.analyses.inference.multiplicity import select
from affect_workbench.analyses.inference.verdicts import LOW_EVIDENCE_COUNT
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.families import families, slice_families
from affect_workbench.analyses.slices.sliced import Sliced
from affect_workbench.arrays import Floats, Mask

OUTCOME_CHANGE_COLUMNS = (
    "outcome",
    "slice",
    "where",
    "n",
    "n_complement",
    "skew_a",
    "skew_b",
    "change",
    "low",
    "high",
    "p",
    "method",
    "q",
    "verdict",
    "growth",
    "adjusted_low",
    "adjusted_high",
    "growth_low",
    "growth_high",
    "tolerance",
    "spread",
    "design_effect",
)


def outcome_changes(first: Sliced, second: pd.DataFrame, *, config: AuditConfig) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """One row a (slice, outcome) of `config.outcomes`, ranked, and sentences about outcomes that cannot be compared.

    Columns `OUTCOME_CHANGE_COLUMNS`, in units of the outcome; as in `analyses.audit.compare.compare.Comparison.changes`,
    with `spread`, the standard deviation of the outcome in the first run, and `tolerance`, 0.2 of it.

    Args:
        first: the pictures, with the outcomes of the first run in their rows.
        second: one row for each of them, in the same order, of the second.
        config: outcomes, rules and sampling.

    Raises:
        ValueError: an outcome is no column of both, or text.
    """
    parts, notes = [], []
    for name in config.outcomes:
        a, b = numbers_of(first.rows, name), numbers_of(second, name)
        known = np.isfinite(a) & np.isfinite(b)
        if int(known.sum()) < 2 or np.ptp(a[known]) == 0:
            notes.append(f"outcome {name!r} is known, and varies, for too few pictures of both runs: it is not compared")
        elif not (b - a)[known].any():
            notes.append(f"outcome {name!r} is the same number in both runs for every picture: it did not change")
        else:
            parts.append(_changes(a, b, known, first, config).assign(outcome=name))
    if not parts:
        return pd.DataFrame(columns=list(OUTCOME_CHANGE_COLUMNS)), tuple(notes)
    found = pd.concat(parts, ignore_index=True)
    order = pd.DataFrame(
        {
            "verdict": found["verdict"].map({name: rank for rank, name in enumerate(VERDICTS)}),
            "conditions": found["where"].map(len),
            "surely": -distance_from_zero(found["low"], found["high"]) / found["spread"],
            "change": -found["change"].abs().fillna(0.0) / found["spread"],
            "slice": found["slice"],
        }
    )
    ranked = found.iloc[order.sort_values(list(order.columns), kind="stable").index].reset_index(drop=True)
    return ranked[list(OUTCOME_CHANGE_COLUMNS)], tuple(notes)


def _changes(a: Floats, b: Floats, known: Mask, data: Sliced, config: AuditConfig) -> pd.DataFrame:
    spread, rules, draws = float(a[known].std(ddof=1)), config.rules, config.sampling.draws
    tolerance = DEFAULT_TOLERANCE * spread
    change, middle = (np.where(known, values - values[known].mean(), 0.0) for values in (b - a, (a + b) / 2))
    specs: list[SliceSpec] = []
    tests: tuple[list[MeanTests], list[MeanTests]] = ([], [])
    counts = []
    for family in families(data.attributes, rules.order):
        at, listed = family.listed(rules.min_count)
        specs += listed
        codes = np.where(known, family.codes, -1)
        number = np.bincount(codes[codes >= 0], minlength=family.size)
        counts.append(np.stack([number[at], number.sum() - number[at]]))
        for values, kept in zip((change, middle), tests, strict=True):
            rng = config.sampling.rng()
            found = mean_tests(codes, family.size, values, groups=data.groups, least=rules.min_count, draws=draws, rng=rng)
            kept.append(found.at(at))
    moved, between = (MeanTests.joined(kept) for kept in tests)
    n, m = np.concatenate(counts, axis=1)
    tested = np.isfinite(moved.p)
    selection = select(moved.p[:, None], slice_families(tuple(specs), data.inferred), alpha=rules.alpha)
    picked = selection.slice_q <= rules.alpha
    half, wide, wide_between = moved.half(), moved.half(selection.level), between.half(selection.level)
    adjusted = moved.effect - wide, moved.effect + wide
    growth = growth_bounds(adjusted, (between.effect - wide_between, between.effect + wide_between))
    few = (np.minimum(n, m) / moved.design_effect < LOW_EVIDENCE_COUNT) | (moved.groups < FEWEST_GROUPS)
    verdict = classify_changes(
        (moved.effect - half, moved.effect + half),
        adjusted,
        growth,
        picked=picked,
        tested=tested,
        few=few,
        tolerance=tolerance,
    )
    skew_a, skew_b = between.effect - moved.effect / 2, between.effect + moved.effect / 2

    def shown(values: Floats, where: Mask) -> Floats:
        return np.where(where, values, np.nan)

    return pd.DataFrame(
        {
            "slice": [spec.name for spec in specs],
            "where": [spec.as_json() for spec in specs],
            "n": n,
            "n_complement": m,
            "skew_a": shown(skew_a, tested),
            "skew_b": shown(skew_b, tested),
            "change": shown(moved.effect, tested),
            "low": shown(moved.effect - half, tested),
            "high": shown(moved.effect + half, tested),
            "p": moved.p,
            "method": moved.method,
            "q": selection.slice_q,
            "verdict": verdict,
            "growth": shown(np.abs(skew_b) - np.abs(skew_a), tested),
            "adjusted_low": shown(adjusted[0], picked),
            "adjusted_high": shown(adjusted[1], picked),
            "growth_low": shown(growth[0], picked),
            "growth_high": shown(growth[1], picked),
            "tolerance": tolerance,
            "spread": spread,
            "design_effect": moved.design_effect,
        }
    )
