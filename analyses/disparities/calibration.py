"""Are the probabilities of an emotion as good in a slice as elsewhere: right on average, and right at every height?

Calibration in the large: mean probability less the share that truly shows the emotion. Class-wise calibration error: the
same in 15 bins of probability, weighted by pictures. The second is above zero in any data and the more so the smaller the
slice, so it is held against slices of the same size drawn at random.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.inference.intervals import paired_shift_interval, quantile
from affect_workbench.analyses.inference.means.sums import Sums
from affect_workbench.analyses.inference.multiplicity import benjamini_hochberg, select
from affect_workbench.analyses.inference.paired import change_p, group_totals, mean_change_interval
from affect_workbench.analyses.inference.resampling import (
    STANDARD_SAMPLING,
    Sampling,
    chance_p,
    drawn_weights,
    excess_interval,
    permuted_codes,
)
from affect_workbench.analyses.inference.verdicts import LOW_EVIDENCE_COUNT, STANDARD, Rules, verdict
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.families import families, slice_families
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.strata import series_of
from affect_workbench.analyses.slices.sums import group_sums
from affect_workbench.arrays import Floats, Mask
from affect_workbench.data.plurals import plural
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.tables.read import named

SUMS_TO_ONE = 0.01
"""How far the probabilities of a picture may add up from 1: rounding in a table, not logits."""
BINS = 15


def probabilities(predictions: Predictions, *, temperature: float | None = None) -> Floats:
    """Probability of each label `(n, k)`, rows summing to 1: the scores themselves, or softmax(cosine / temperature).

    Raises:
        ValueError: only labels are known; cosines without a temperature; scores that are no probabilities (logits, say).
    """
    if predictions.measure == "label":
        raise ValueError("calibration needs a probability for every label, and the data contain the predicted label only")
    if predictions.measure == "cosine":
        if temperature is None or not temperature > 0:
            raise ValueError(f"cosines become probabilities by softmax(cosine / temperature): temperature is {temperature}")
        scaled = -predictions.distances.astype(np.float64) / temperature
        scaled -= scaled.max(axis=1, keepdims=True)
        shares = np.exp(scaled)
    else:
        shares = 1.0 - predictions.distances.astype(np.float64)
        ids = predictions.rows["image_id"]
        for bad, what in (
            ((shares < -1e-9).any(axis=1), "negative scores"),
            (np.abs(shares.sum(axis=1) - 1) > SUMS_TO_ONE, "scores that do not add up to 1"),
        ):
            if bad.any():
                raise ValueError(
                    f"{plural(int(bad.sum()), 'picture has', 'pictures have')} "
                    f"{what}, first {named(ids.iloc[np.flatnonzero(bad)])}: "
                    "calibration needs probabilities; if these are logits, give their softmax"
                )
    shares = np.maximum(shares, 0.0)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), dtype=np.float64)


def calibration_table(
    data: SlicedPredictions,
    *,
    temperature: float | None = None,
    rules: Rules = STANDARD,
    sampling: Sampling = STANDARD_SAMPLING,
) -> pd.DataFrame:
    """One row a (slice of one condition, emotion).

    Columns: `slice`, `where`, `emotion`; `n`, `n_complement`, pictures with a truth; `probability`, `share` (means of the
    probability and of the truth); `in_the_large`, their difference, with its interval `in_the_large_low`,
    `in_the_large_high`; `effect`, how much that is more than in the complement, with `low`, `high`, `p`, `q` (two levels);
    `error`, the class-wise calibration error, `error_by_chance`, its mean in slices of this size drawn at random (whole
    groups together), `error_excess` with its bootstrap interval `error_low`, `error_high`, one-sided `error_p`, `error_q`;
    `verdict`, `low_evidence`: of `effect`, as in `analyses.inference.verdicts.verdict`.

    The truth is the share of votes where there are votes. Bins hold equally many of all pictures with a truth and are the
    same for every slice. Sources: Nixon et al. 2019, arXiv 1904.01685 (class-wise, equal mass); Kumar et al. 2019, arXiv
    1909.10155 (its bias).

    Raises:
        ValueError: as `probabilities`; no truth.
    """
    predictions, groups, rng = data.predictions, data.groups, sampling.rng()
    truth, k = predictions.truth, len(predictions.taxonomy)
    if truth is None:
        raise ValueError("no picture has a true label or votes: give a column 'label', or one vote column per label")
    shares = probabilities(predictions, temperature=temperature)
    labelled: Mask = np.asarray(np.isfinite(truth).all(axis=1), dtype=bool)
    gap = np.where(labelled[:, None], shares - np.nan_to_num(truth), 0.0)
    columns = np.hstack([labelled[:, None].astype(float), shares * labelled[:, None], gap, gap**2])
    bins = _bins(shares, labelled)
    specs: list[SliceSpec] = []
    inside, outside, errors = [], [], []
    for family in families(data.attributes, 1):
        specs += [spec for _, spec in family.specs()]
        at = np.array([code for code, _ in family.specs()], dtype=np.int64)
        codes = np.where(labelled, family.codes, -1)
        sums = group_sums(codes, family.size, columns)
        inside.append(sums[at])
        outside.append((sums.sum(axis=0) - sums)[at])
        errors.append(_errors(codes, family.size, gap, bins, groups, sampling.draws, rng)[:, at])
    own, rest = np.concatenate(inside), np.concatenate(outside)
    n, m = (np.broadcast_to(side[:, :1], (len(specs), k)) for side in (own, rest))
    design_effect = alone = np.ones(n.shape)
    freedom = alone_freedom = np.full(n.shape, np.inf)
    if groups is not None:
        counted = np.repeat(labelled[:, None].astype(float), k, axis=1)
        units = group_totals(specs, data, values=gap, counted=counted)
        design_effect, freedom, alone, alone_freedom = (
            units.design_effect,
            units.freedom,
            units.own_design_effect,
            units.own_freedom,
        )
    known = (n >= rules.min_count) & (m >= rules.min_count) & np.isfinite(design_effect)
    deff = np.where(known, design_effect, 1.0)

    here, there = (Sums(side[:, 1 + k : 1 + 2 * k], side[:, 1 + 2 * k :], size) for side, size in ((own, n), (rest, m)))
    large_low, large_high = mean_change_interval(here.over(alone), freedom=alone_freedom)
    mine, theirs = here.over(deff), there.over(deff)
    low, high = paired_shift_interval(mine, theirs, freedom=freedom)
    p = np.where(known, change_p(mine, theirs, freedom=freedom), np.nan)
    selection = select(p, slice_families(tuple(specs), data.inferred), alpha=rules.alpha)
    picked = selection.q <= rules.alpha
    # The interval is symmetric: at another level only its width differs.
    wider = quantile(selection.level[:, None], freedom=freedom) / quantile(0.95, freedom=freedom)
    middle, half = (low + high) / 2, (high - low) / 2 * wider
    error, chance, excess, error_low, error_high, error_p = np.concatenate(errors, axis=1)
    error_p = np.where(known, error_p, np.nan)
    low_evidence = np.minimum(n, m) / np.maximum(deff, 1.0) < LOW_EVIDENCE_COUNT
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = own[:, 1 : 1 + k] / n
        large = mine.total / mine.n
        effect = large - theirs.total / theirs.n
    adjusted = middle - half, middle + half
    decided = verdict(
        (low, high), adjusted, tolerance=rules.tolerance, tested=known, selected=picked, low_evidence=low_evidence
    )
    numbers = {
        "probability": mean,
        "share": mean - large,
        "in_the_large": large,
        "in_the_large_low": large_low,
        "in_the_large_high": large_high,
        "effect": effect,
        "low": low,
        "high": high,
        "p": p,
        "q": selection.q,
        "error": error,
        "error_by_chance": chance,
        "error_excess": excess,
        "error_low": error_low,
        "error_high": error_high,
        "error_p": error_p,
        "error_q": benjamini_hochberg(error_p),
    }
    table = pd.DataFrame({name: np.where(known, values, np.nan).ravel() for name, values in numbers.items()})
    for position, (name, size) in enumerate((("n", n), ("n_complement", m))):
        table.insert(position, name, np.rint(size).astype(np.int64).ravel())
    table.insert(0, "slice", series_of([spec.name for spec in specs], k))
    table.insert(1, "where", pd.Series([spec.as_json() for spec in specs for _ in range(k)], dtype=object))
    table.insert(2, "emotion", list(predictions.taxonomy.labels) * len(specs))
    return table.assign(verdict=decided.ravel(), low_evidence=low_evidence.ravel())


def _bins(shares: Floats, labelled: Mask) -> npt.NDArray[np.int64]:
    """Bin `(n, k)` of each probability: 15 of equal mass among pictures with a truth; ties share one."""
    edges = np.quantile(shares[labelled], np.arange(1, BINS) / BINS, axis=0)
    return np.stack(
        [np.searchsorted(edges[:, label], shares[:, label], side="right") for label in range(shares.shape[1])], axis=1
    ).astype(np.int64)


def _errors(
    codes: npt.NDArray[np.int64],
    size: int,
    gap: Floats,
    bins: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64] | None,
    draws: int,
    rng: np.random.Generator,
) -> Floats:
    """Error, mean by chance, excess with its interval, and p of every value and label: `(6, values, k)`."""
    known = codes >= 0
    codes, gap, bins = codes[known], gap[known], bins[known]
    groups = None if groups is None else groups[known]
    k = gap.shape[1]
    cells = bins + BINS * np.arange(k)  # (n, k): bin of label
    flat_gap = gap.ravel()

    def errors(values: npt.NDArray[np.int64], weight: Floats | None = None) -> Floats:
        at = (values[:, None] * (BINS * k) + cells).ravel()
        spread = flat_gap if weight is None else (gap * weight[:, None]).ravel()
        sums = np.bincount(at, weights=spread, minlength=size * BINS * k).reshape(size, k, BINS)
        n = np.bincount(values, weights=weight, minlength=size)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.abs(sums).sum(axis=2) / n[:, None], dtype=np.float64)

    seen = errors(codes)
    chance = np.stack([errors(permuted) for permuted in permuted_codes(codes, groups, draws=draws, rng=rng)])
    drawn = np.stack([errors(codes, weight) for weight in drawn_weights(len(codes), groups, draws=draws, rng=rng)])
    excess, low, high = excess_interval(seen, chance, np.nan_to_num(drawn))
    return np.stack([seen, chance.mean(axis=0), excess, low, high, chance_p(seen, chance)])
