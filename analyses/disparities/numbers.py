"""Does a number (valence, a text's score, the polarity of what is said) differ between a slice and the other pictures?

The difference of two means, p and interval from one model of how the pictures came about
(`analyses.inference.means.two_means`), a tolerance in units of the number, and the four verdicts of
`analyses.inference.verdicts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from affect_workbench.analyses.disparities.number_tests import NumberTests, number_tests
from affect_workbench.analyses.inference.clusters import FEWEST_GROUPS
from affect_workbench.analyses.inference.means.cluster_robust import student
from affect_workbench.analyses.inference.means.two_means import welch
from affect_workbench.analyses.inference.multiplicity import select
from affect_workbench.analyses.inference.resampling import STANDARD_SAMPLING, Sampling
from affect_workbench.analyses.inference.verdicts import LOW_EVIDENCE_COUNT, STANDARD, Rules, verdict
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.families import slice_families
from affect_workbench.analyses.slices.sliced import Sliced, SlicedPredictions
from affect_workbench.arrays import Floats, Vectors
from affect_workbench.data.plurals import plural
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.taxonomies.label_overlap import by_label
from affect_workbench.data.taxonomies.taxonomy import Taxonomy


def numeric_table(
    outcome: Floats,
    data: Sliced,
    *,
    rules: Rules = STANDARD,
    sampling: Sampling = STANDARD_SAMPLING,
    tolerance: float | None = None,
    name: str = "outcome",
) -> pd.DataFrame:
    """One row a slice, in units of the outcome; NaN = not known.

    Columns: `slice`, `where`, `n`, `n_complement` (pictures with an outcome), `left_out` (without one, on either side);
    `mean`, `complement_mean`, `effect`, 95 % interval `low`, `high`; `p`, by which `method` p and interval were found (one
    of `analyses.inference.means.two_means.METHODS`), `q` (Benjamini-Hochberg within the family of slices), and for q <=
    alpha the interval `adjusted_low`, `adjusted_high` at the level that allows for the picking; `tolerance`, `spread`
    (standard deviation of the outcome), `detectable` (80 % power), `verdict`, `low_evidence`, `design`, and for a skewed
    intersection `repeats`: a slice of one condition fewer that is skewed the same way and whose other pictures do not
    surely differ from it.

    Slices of what differs within pairs are compared in them (`analyses.inference.pairs.pairing`): `n`, `n_complement` and
    the means are then of their pictures; `pairs` and `pairs_mixed` are as in `analyses.skew.findings.Finding`.

    With groups, a slice whose difference has fewer than four degrees of freedom is too small, and one with fewer than ten
    groups on a side has low evidence.

    Args:
        outcome: `(n,)`, NaN where not known.
        data: the same pictures.
        rules: what decides a verdict, but for the tolerance.
        sampling: random permutations where there are too many to try all.
        tolerance: the largest difference that does not matter; 0.2 standard deviations of the outcome when not given.
        name: of the outcome, for messages.

    Raises:
        ValueError: lengths disagree; the outcome is infinite, unknown everywhere or the same everywhere; a bad tolerance.
    """
    tested = number_tests(outcome, data, rules=rules, sampling=sampling, tolerance=tolerance, name=name)
    return decided_tables([tested], rules=rules, inferred=data.inferred)[0]


def decided_tables(
    tests: Sequence[NumberTests], *, rules: Rules = STANDARD, inferred: frozenset[str] = frozenset()
) -> list[pd.DataFrame]:
    """The table of `numeric_table` for each of several numbers of the same slices, which share one false discovery rate.

    First each slice has one test of all its numbers; only in slices that pass are they tested one by one
    (`analyses.inference.multiplicity`).

    Args:
        tests: one a number, of the same slices in the same order.
        rules: what decides a verdict, but for the tolerance.
        inferred: attributes that were inferred, see `analyses.slices.sliced.Sliced`.
    """
    p = np.stack([one.found.tests.p for one in tests], axis=1)
    selection = select(p, slice_families(tests[0].specs, inferred), alpha=rules.alpha)
    q = selection.q if len(tests) > 1 else selection.slice_q[:, None]
    return [_decided(one, q[:, at], selection.level, rules) for at, one in enumerate(tests)]


def _decided(tests: NumberTests, q: Floats, level: Floats, rules: Rules) -> pd.DataFrame:
    specs, found, inside, spread = tests.specs, tests.found, tests.inside, tests.spread
    judgement, n, m = found.tests, found.n, found.m
    tested, effect, deff = np.isfinite(judgement.p), judgement.effect, judgement.design_effect
    half, adjusted = judgement.half(), judgement.half(level)
    picked = q <= rules.alpha
    low_evidence = (np.minimum(n, m) / deff < LOW_EVIDENCE_COUNT) | (judgement.groups < FEWEST_GROUPS)
    decided = verdict(
        (effect - half, effect + half),
        (effect - adjusted, effect + adjusted),
        tolerance=tests.tolerance,
        tested=tested,
        selected=picked,
        low_evidence=low_evidence,
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        power = float(-special.ndtri(rules.alpha / 2) + special.ndtri(0.8))
        detectable = spread * np.sqrt(deff / n + deff / m) * power
        means = [np.where(tested, one + tests.centre, np.nan) for one in (found.mean, found.other)]
    shown = np.where(tested, effect, np.nan)
    repeats = _repeats(specs, inside, np.maximum(deff, 1.0), np.where(decided == "skewed", np.sign(effect), 0.0))
    return pd.DataFrame(
        {
            "slice": [spec.name for spec in specs],
            "where": [spec.as_json() for spec in specs],
            "n": np.rint(n).astype(np.int64),
            "n_complement": np.rint(m).astype(np.int64),
            "left_out": tests.left_out,
            "mean": means[0],
            "complement_mean": means[1],
            "effect": shown,
            "low": shown - half,
            "high": shown + half,
            "p": judgement.p,
            "method": judgement.method,
            "q": q,
            "adjusted_low": np.where(picked, effect - adjusted, np.nan),
            "adjusted_high": np.where(picked, effect + adjusted, np.nan),
            "tolerance": tests.tolerance,
            "spread": spread,
            "detectable": np.where(np.isfinite(detectable), detectable, np.inf),
            "verdict": decided,
            "low_evidence": low_evidence,
            "design_effect": deff,
            "explained_by": repeats,
            "pairs": found.pairs,
            "pairs_mixed": found.mixed,
        }
    )


def _repeats(specs: Sequence[SliceSpec], inside: Floats, deff: Floats, side: Floats) -> npt.NDArray[np.object_]:
    """For an intersection on the same side of zero as a slice of one condition fewer: that one, if its rest is alike."""
    position = {spec: number for number, spec in enumerate(specs)}
    found = np.full(len(specs), None, dtype=object)
    for child, spec in enumerate(specs):
        if spec.order < 2 or not side[child]:
            continue
        wider = (SliceSpec(spec.conditions[:out] + spec.conditions[out + 1 :]) for out in range(spec.order))
        for parent in (position[one] for one in wider if one in position):
            if side[parent] == side[child]:
                effect, error, freedom = welch(inside[child] / deff[child], (inside[parent] - inside[child]) / deff[child])
                if not abs(effect) > student(0.95, freedom) * error:
                    found[child] = specs[parent].name
                    break
    return found


def severity_table(
    data: SlicedPredictions,
    *,
    valence: Mapping[str, float] | None = None,
    beyond_labels: bool = False,
    rules: Rules = STANDARD,
    sampling: Sampling = STANDARD_SAMPLING,
    tolerance: float | None = None,
) -> pd.DataFrame:
    """How far a slice's readings lie from the complement's in valence: joy read as contentment is mild, as anger is not.

    `numeric_table` of the valence; pictures read as a label without one are left out.

    Args:
        data: the `n` pictures.
        valence: see `label_valence`.
        beyond_labels: take what is said less what the labels or votes say, the model's own part, of pictures with a truth.
        rules: as in `numeric_table`.
        sampling: as in `numeric_table`.
        tolerance: as in `numeric_table`, in units of valence.

    Raises:
        ValueError: as `label_valence`, or `beyond_labels` without labels.
    """
    predictions = data.predictions
    number = label_valence(predictions.taxonomy, valence)
    outcome = number[predictions.predicted]
    truth = predictions.truth if beyond_labels else None
    if beyond_labels:
        if truth is None:
            raise ValueError("no picture has a true label or votes to compare with: give a column 'label', or votes")
        # A picture with votes for a label without valence has none itself.
        unclear = (np.nan_to_num(truth) * ~np.isfinite(number)).sum(axis=1) > 0
        outcome = np.where(unclear, np.nan, outcome - truth @ np.nan_to_num(number))
    name = "valence beyond the labels" if beyond_labels else "valence of the predictions"
    known = outcome[np.isfinite(outcome)]
    wanting = without_valence(predictions, number, truth=truth)
    if wanting and (len(known) < 2 or known.min() == known.max()):
        same = f"the same ({known[0]:g}) for these" if len(known) else "nothing to compare"
        raise ValueError(
            f"{name} is known for {len(known):,} of {plural(len(outcome), 'picture')} and is {same}: no polarity is known "
            f"for {wanting}; give --valence"
        )
    return numeric_table(outcome, data, rules=rules, sampling=sampling, tolerance=tolerance, name=name)


def without_valence(predictions: Predictions, number: Floats, *, truth: Vectors | None = None) -> str:
    """The labels that are predicted and have no valence, each with its number of pictures; empty where all have one.

    Args:
        predictions: of the `n` pictures.
        number: valence of each label `(k,)`, NaN without one.
        truth: shares of votes `(n, k)`: then pictures with such a true label count too.
    """
    concerned = np.eye(len(number), dtype=bool)[predictions.predicted]
    if truth is not None:
        concerned = concerned | (np.nan_to_num(truth) > 0)
    named = zip(predictions.taxonomy.labels, concerned.sum(axis=0), number, strict=True)
    return ", ".join(f"{label!r} ({count:,})" for label, count, value in named if count and not np.isfinite(value))


def label_valence(taxonomy: Taxonomy, valence: Mapping[str, float] | None = None) -> Floats:
    """Valence of each label `(k,)`, NaN for a label without one.

    Args:
        taxonomy: the labels.
        valence: label, in any spelling, -> number, from a user's own lexicon; the taxonomy's polarity (-1, 0, +1) when not
            given.

    Raises:
        ValueError: no label has a valence, an unknown label is given one, or a label two.
    """
    known = dict(taxonomy.polarity if valence is None else by_label(valence, taxonomy, what="valence"))
    number = np.array([known.get(label, np.nan) for label in taxonomy.labels], dtype=np.float64)
    if not np.isfinite(number).any():
        raise ValueError(f"none of {', '.join(taxonomy.labels)} has a known polarity: give a valence for each label")
    return number
