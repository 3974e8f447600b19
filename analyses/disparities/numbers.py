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

from affect_workbench.analyses.inference.clusters import FEWEST_GROUPS
from affect_workbench.analyses.inference.means.cluster_robust import student
from affect_workbench.analyses.inference.means.two_means import MeanTests, mean_tests, welch
from affect_workbench.analyses.inference.multiplicity import select
from affect_workbench.analyses.inference.pairs.means import PairedMeans, paired_means
from affect_workbench.analyses.inference.pairs.pairing import Pairing
from affect_workbench.analyses.inference.resampling import STANDARD_SAMPLING, Sampling
from affect_workbench.analyses.inference.verdicts import LOW_EVIDENCE_COUNT, STANDARD, Rules, verdict
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.families import families, slice_families
from affect_workbench.analyses.slices.sliced import Sliced, SlicedPredictions
from affect_workbench.analyses.slices.sums import group_sums
from affect_workbench.arrays import Floats
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.magnitude import require_moderate
from affect_workbench.data.taxonomies.label_overlap import by_label
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

DEFAULT_TOLERANCE = 0.2
"""Tolerance in standard deviations of the outcome: Cohen's "small", https://doi.org/10.4324/9780203771587."""


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
    values = checked_outcome(outcome, data, tolerance=tolerance, name=name)
    known = np.isfinite(values)
    spread = float(values[known].std(ddof=1))
    tolerance = DEFAULT_TOLERANCE * spread if tolerance is None else tolerance
    rng, least = sampling.rng(), rules.min_count
    centre = float(values[known].mean())
    values = np.where(known, values - centre, 0.0)
    columns = np.stack([known.astype(float), values, values**2], axis=1)
    specs: list[SliceSpec] = []
    parts: list[tuple[Floats, Floats, npt.NDArray[np.int64]]] = []
    tests: list[MeanTests] = []
    for family in families(data.attributes, rules.order):
        at, listed = family.listed(least)
        specs += listed
        codes = np.where(known, family.codes, -1)
        sums = group_sums(codes, family.size, columns)
        lost = np.full(len(at), int(((family.codes >= 0) & ~known).sum()))
        parts.append((sums[at], (sums.sum(axis=0) - sums)[at], lost))
        by_family = mean_tests(codes, family.size, values, groups=data.groups, least=least, draws=sampling.draws, rng=rng)
        tests.append(by_family.at(at))
    inside, outside, left_out = (np.concatenate(part) for part in zip(*parts, strict=True))
    judgement = MeanTests.joined(tests)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, other = (side[:, 1] / side[:, 0] for side in (inside, outside))
    none = np.full(len(specs), np.nan)
    found = PairedMeans(judgement, inside[:, 0], outside[:, 0], mean, other, none, none)
    pairing = Pairing.of(specs, data, min_count=least, known=known)
    if pairing is not None:
        found = paired_means(found, pairing, values, spread=spread)
    judgement, n, m = found.tests, found.n, found.m
    tested, effect, deff = np.isfinite(judgement.p), judgement.effect, judgement.design_effect
    selection = select(judgement.p[:, None], slice_families(tuple(specs), data.inferred), alpha=rules.alpha)
    q = selection.slice_q
    half, adjusted = judgement.half(), judgement.half(selection.level)
    picked = q <= rules.alpha
    low_evidence = (np.minimum(n, m) / deff < LOW_EVIDENCE_COUNT) | (judgement.groups < FEWEST_GROUPS)
    decided = verdict(
        (effect - half, effect + half),
        (effect - adjusted, effect + adjusted),
        tolerance=tolerance,
        tested=tested,
        selected=picked,
        low_evidence=low_evidence,
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        power = float(-special.ndtri(rules.alpha / 2) + special.ndtri(0.8))
        detectable = spread * np.sqrt(deff / n + deff / m) * power
        means = [np.where(tested, one + centre, np.nan) for one in (found.mean, found.other)]
    shown = np.where(tested, effect, np.nan)
    repeats = _repeats(specs, inside, np.maximum(deff, 1.0), np.where(decided == "skewed", np.sign(effect), 0.0))
    return pd.DataFrame(
        {
            "slice": [spec.name for spec in specs],
            "where": [spec.as_json() for spec in specs],
            "n": np.rint(n).astype(np.int64),
            "n_complement": np.rint(m).astype(np.int64),
            "left_out": left_out,
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
            "tolerance": tolerance,
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
    if beyond_labels:
        truth = predictions.truth
        if truth is None:
            raise ValueError("no picture has a true label or votes to compare with: give a column 'label', or votes")
        # A picture with votes for a label without valence has none itself.
        unclear = (np.nan_to_num(truth) * ~np.isfinite(number)).sum(axis=1) > 0
        outcome = np.where(unclear, np.nan, outcome - truth @ np.nan_to_num(number))
    name = "valence beyond the labels" if beyond_labels else "valence of the predictions"
    return numeric_table(outcome, data, rules=rules, sampling=sampling, tolerance=tolerance, name=name)


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


def checked_outcome(outcome: Floats, data: Sliced, *, tolerance: float | None, name: str) -> Floats:
    """The numbers `(n,)`, NaN where not known.

    Raises:
        ValueError: see `numeric_table`.
    """
    values = np.asarray(outcome, dtype=np.float64)
    if not data.attributes:
        raise ValueError(f"nothing to slice {name} by: give at least one attribute")
    if values.shape != data.attributes[0].codes.shape:
        expected = data.attributes[0].codes.shape
        raise ValueError(f"{name} has shape {values.shape}: expected one number per picture, {expected}")
    if np.isinf(values).any():
        raise ValueError(
            f"{name} is infinite for {plural(int(np.isinf(values).sum()), 'picture')}: leave them empty or correct them"
        )
    require_moderate(values, what=name)
    known = values[np.isfinite(values)]
    if len(known) < 2 or known.min() == known.max():
        what = f"the same ({known[0]:g})" if len(known) else "not known"
        raise ValueError(f"{name} is {what} for all {plural(len(values), 'picture')}: there is nothing to compare")
    if tolerance is not None and not (np.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"tolerance is {tolerance}: expected a number of units of {name}, zero or more")
    return values
