"""May a probe stand in for the model whose answers it was fitted on: does it say the same, and is it skewed the same way?

The certificate compares what a probe says of each picture (`Predictions.predicted`) with what the model itself answered
(`Predictions.answered`): how often they agree, over all pictures and in every slice, and whether the skew of the one is the
skew of the other in every (slice, emotion) cell. Intervals, tests and verdicts are those of the audit; in groups as there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.disparities.accuracy import accuracy_table
from affect_workbench.analyses.fidelity.pictures import weighted_skews
from affect_workbench.analyses.inference.clusters import FEWEST_GROUPS, group_spreads, of_scores
from affect_workbench.analyses.inference.intervals import paired_shift_interval, quantile
from affect_workbench.analyses.inference.means.shares import agreement_interval, mean_of_shares
from affect_workbench.analyses.inference.means.spread import Spread
from affect_workbench.analyses.inference.means.sums import Sums
from affect_workbench.analyses.inference.paired import change_p
from affect_workbench.analyses.inference.resampling import STANDARD_SAMPLING, Sampling, drawn_weights
from affect_workbench.analyses.inference.verdicts import LOW_EVIDENCE_COUNT, STANDARD, Evidence, Rules, verdicts
from affect_workbench.analyses.slices.families import families, slice_families
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.sums import SliceSums, slice_sums
from affect_workbench.arrays import Codes, Floats, Mask
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.tables.columns import VOTE_PREFIX

FIDELITY, FIDELITY_CELLS = "fidelity", "fidelity_cells"
"""Names of the tables in `AuditResult.tables`."""
SPEAKS_FROM = 0.75
"""Agreement from which a probe may speak for its model."""
MOST_DRAWS = 300
"""Bootstrap samples behind the interval of the correlation."""
TOO_FEW = "too few pictures"
"""Why nothing is said of a slice that was not compared with enough evidence."""
_AT_ONCE = 2_000_000
"""Numbers of pictures times samples that are held at a time."""


@dataclass(frozen=True)
class Certificate:
    """What the tables of `certificate_tables` come to.

    Attributes:
        n: pictures with an answer of the model.
        agreement: share of them where the probe says what the model answered, with its 95 % interval `low`, `high`.
        low: see `agreement`.
        high: see `agreement`.
        kappa: agreement beyond what their shares of labels would give by chance (Cohen's); NaN where that is all.
        correlation: Pearson's, of probe's and model's skew over all tested cells, with its 95 % interval.
        correlation_low: see `correlation`.
        correlation_high: see `correlation`.
        cells: tested (slice, emotion) cells.
        slices: how many slices there are.
        silent: slices where the probe may not stand in, and why: slice -> reason.
    """

    n: int
    agreement: float
    low: float
    high: float
    kappa: float
    correlation: float
    correlation_low: float
    correlation_high: float
    cells: int
    slices: int
    silent: Mapping[str, str]

    @property
    def speaks(self) -> bool:
        """Whether the probe may speak for the model at all: agreement of at least `SPEAKS_FROM`."""
        return self.agreement >= SPEAKS_FROM

    @property
    def headline(self) -> str:
        """What stands before the headline of the audit: nothing where the probe speaks for the model."""
        if self.speaks:
            return ""
        return (
            f"The probe does not speak for the model: it says what the model answered for {100 * self.agreement:.1f} % of "
            f"the pictures, and at least {100 * SPEAKS_FROM:g} % are needed. "
        )

    @classmethod
    def of(cls, tables: Mapping[str, pd.DataFrame]) -> Certificate | None:
        """From the tables of an audit; None where these predictions stand for themselves."""
        table = tables.get(FIDELITY)
        if table is None or table.empty:
            return None
        whole, slices = table.iloc[0], table.iloc[1:]
        silent = slices[~slices["stands_in"].astype(bool)]
        return cls(
            n=int(whole["n"]),
            agreement=float(whole["agreement"]),
            low=float(whole["agreement_low"]),
            high=float(whole["agreement_high"]),
            kappa=float(whole["kappa"]),
            correlation=float(whole["correlation"]),
            correlation_low=float(whole["correlation_low"]),
            correlation_high=float(whole["correlation_high"]),
            cells=int(whole["cells"]),
            slices=len(slices),
            silent=dict(zip(silent["slice"], silent["reason"], strict=True)),
        )


def certificate_tables(
    data: SlicedPredictions, *, rules: Rules = STANDARD, sampling: Sampling = STANDARD_SAMPLING
) -> dict[str, pd.DataFrame]:
    """The tables `fidelity` and `fidelity_cells`; none where no picture has an answer of the model.

    `fidelity`: first all pictures, then a row a slice, of pictures with an answer. Columns: `slice`, `where`, `order`, `n`,
    `n_complement`; `agreement` with its 95 % interval `agreement_low`, `agreement_high`; `kappa`, agreement beyond chance
    (Cohen's); `complement_agreement`; `effect`, the difference of the two, with `low`, `high`, `p`, `q`, `adjusted_low`,
    `adjusted_high`, `verdict`, `low_evidence`, `design_effect` as in `analyses.disparities.accuracy.accuracy_table`;
    `correlation`, `correlation_low`, `correlation_high`, `cells` of all pictures (see `skew_correlation`);
    `stands_in` and `reason` (see `may_stand_in`).

    `fidelity_cells`: a row a (slice, emotion). Columns: `slice`, `where`, `emotion`, `n`, `n_complement`; `probe_skew` and
    `answers_skew`, how much more often than for the other pictures it is said and answered; `effect`, the first less the
    second, paired by picture, with `low`, `high`, `p`, `q`, `adjusted_low`, `adjusted_high`, `low_evidence`; `verdict`:
    "skewed" where probe and model differ in their skew beyond chance and tolerance, "equivalent" where they surely do not.
    Both are raw differences of rates, also where the audit compares within pairs.

    Args:
        data: predictions with `answered`.
        rules: what decides a verdict.
        sampling: bootstrap samples (at most `MOST_DRAWS`) and seed.

    Raises:
        ValueError: the predictions do not say what the model answered.
    """
    answered = data.predictions.answered
    if answered is None:
        raise ValueError("the predictions do not say what the model itself answered: a column 'answered' is needed")
    if (answered < 0).all():
        return {}
    against = _against_answers(data, answered)
    hits = (against.predictions.predicted == answered[answered >= 0]).astype(np.float64)
    whole = _whole(hits, against)
    if not data.attributes:
        return {FIDELITY: pd.DataFrame([whole | {"stands_in": whole["agreement"] >= SPEAKS_FROM, "reason": ""}])}
    scores, k = against.scores, len(against.predictions.taxonomy)
    sums = slice_sums(against.attributes, scores.columns, order=rules.order, min_count=rules.min_count)
    compared = of_scores(scores)
    spreads = group_spreads(sums, against, compared={kind: compared[kind] for kind in ("hit", "model_gap")})
    cells = _cells(sums, against, rules, spreads.get("model_gap"))
    slices = _slices(sums, against, rules, spreads.get("hit"))
    tested = cells["p"].notna().to_numpy().reshape(-1, k)
    found = skew_correlation(against, sums, tested=tested, sampling=sampling.at_most(MOST_DRAWS))
    names = ("correlation", "correlation_low", "correlation_high")
    whole |= dict(zip(names, found, strict=True)) | {"cells": int(tested.sum())}
    table = pd.concat([pd.DataFrame([whole]), slices], ignore_index=True)
    return {FIDELITY: table.assign(**may_stand_in(table, cells)), FIDELITY_CELLS: cells}


def may_stand_in(table: pd.DataFrame, cells: pd.DataFrame) -> dict[str, list[Any]]:
    """Where the probe may stand in for the model, `stands_in`, and why not, `reason`, for every row of `fidelity`.

    Over all pictures it may where agreement is at least .75 (`SPEAKS_FROM`). In a slice it may where all of this holds:

    1. it may over all pictures;
    2. there is enough evidence: the slice was tested, and has at least 30 pictures on either side (fewer count where they
       come in groups);
    3. agreement in the slice is at least .75;
    4. no emotion's skew by the probe differs from the model's beyond chance and tolerance (`fidelity_cells`).

    That a slice agrees less than the other pictures (`verdict` "skewed") is reported and does not by itself rule it out: a
    probe that agrees in 93 % there and in 98 % elsewhere is still right about the skew, unless 4 says otherwise.
    """
    differing: dict[str, str] = {}
    apart = cells[cells["verdict"] == "skewed"].sort_values("effect", key=lambda effect: -effect.abs(), kind="stable")
    cell: Any
    for cell in apart.itertuples():
        own, answered = (f"{100 * skew:+.1f}".replace("-", "−") for skew in (cell.probe_skew, cell.answers_skew))
        both = f"{own} points, that of the model’s answers {answered}"
        differing.setdefault(cell.slice, f"the probe’s skew of {cell.emotion} is {both}")
    speaks = bool(table["agreement"].iloc[0] >= SPEAKS_FROM)
    needed = f"{100 * SPEAKS_FROM:g} %"
    below = f"agreement below {needed}"
    reasons = ["" if speaks else below]
    row: Any
    for row in table.iloc[1:].itertuples():
        if not speaks:
            reason = f"{below} over all pictures"
        elif row.verdict == "too small" or row.low_evidence:
            reason = TOO_FEW
        else:
            low = [] if row.agreement >= SPEAKS_FROM else [f"agreement {100 * row.agreement:.1f} %, below {needed}"]
            reason = "; ".join([*low, *filter(None, [differing.get(row.slice)])])
        reasons.append(reason)
    return {"stands_in": [not reason for reason in reasons], "reason": reasons}


def skew_correlation(
    data: SlicedPredictions, sums: SliceSums, *, tested: Mask, sampling: Sampling
) -> tuple[float, float, float]:
    """Pearson's correlation of two skews over tested cells, what is predicted and what is true, with a 95 % interval.

    Cells share pictures, so that the interval cannot come from their number: whole pictures (groups, where there are some)
    are drawn with replacement and all cells computed again. Its ends are those of Fisher's z plus and minus the normal
    quantile times the spread of z over the draws. NaN with fewer than three cells, without any variation, and for the ends
    also with fewer than `FEWEST_GROUPS` groups.

    Args:
        data: predictions with one true label each.
        sums: their slices.
        tested: which cells count `(s, k)`.
        sampling: bootstrap samples and seed.
    """
    n, groups = len(data), data.groups
    own = _correlations(data, sums, tested, np.ones((n, 1)))[0]
    if not np.isfinite(own) or (groups is not None and len(np.unique(groups)) < FEWEST_GROUPS):
        return own, float("nan"), float("nan")
    weights = drawn_weights(n, groups, draws=sampling.draws, rng=sampling.rng())
    drawn: list[Floats] = []
    turn = max(_AT_ONCE // n, 1)
    for start in range(0, sampling.draws, turn):
        part = np.stack([next(weights) for _ in range(min(turn, sampling.draws - start))], axis=1)
        drawn.append(_correlations(data, sums, tested, part))
    z = np.arctanh(np.clip(np.concatenate(drawn), -1 + 1e-12, 1 - 1e-12))
    half = float(quantile(0.95)) * float(np.nanstd(z, ddof=1))
    middle = float(np.arctanh(np.clip(own, -1 + 1e-12, 1 - 1e-12)))
    return own, float(np.tanh(middle - half)), float(np.tanh(middle + half))


def _correlations(data: SlicedPredictions, sums: SliceSums, tested: Mask, weights: Floats) -> Floats:
    """Of every draw `(b,)`, from how often each picture is in it `(n, b)`."""
    k, b = tested.shape[1], weights.shape[1]
    position = {spec: number for number, spec in enumerate(sums.specs)}
    said, true = data.predictions.predicted, data.true_codes
    assert true is not None  # what is true here is what the model answered
    moments = np.zeros((6, b))
    for family in families(data.attributes, sums.order):
        wanted = {code: position[spec] for code, spec in family.specs() if spec in position}
        at = [code for code, place in wanted.items() if tested[place].any()]
        if not at:
            continue
        chosen = tested[[wanted[code] for code in at]]
        one, other = (weighted_skews(family.codes, family.size, codes, weights, k)[at][chosen] for codes in (said, true))
        known = np.isfinite(one)
        one, other = np.where(known, one, 0.0), np.where(known, other, 0.0)
        parts = (known, one, other, one * one, other * other, one * other)
        moments += np.stack([part.sum(axis=0) for part in parts])
    count, one, other, one2, other2, product = moments
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = (one2 - one**2 / count) * (other2 - other**2 / count)
        correlation = (product - one * other / count) / np.sqrt(spread)
    return np.asarray(np.where((count >= 3) & (spread > 1e-20), np.clip(correlation, -1, 1), np.nan))


def _against_answers(data: SlicedPredictions, answered: Codes) -> SlicedPredictions:
    """The pictures with an answer, which is their true label here."""
    known, predictions = answered >= 0, data.predictions
    taxonomy, rows = predictions.taxonomy, predictions.rows[known]
    labels = np.asarray(taxonomy.labels, dtype=object)
    votes = [name for name in rows if str(name).startswith(VOTE_PREFIX)]
    rows = rows.drop(columns=votes).assign(label=labels[answered[known]])
    judged = Predictions(1.0 - np.eye(len(taxonomy))[predictions.predicted[known]], rows, taxonomy, "label")
    attributes = tuple(replace(one, codes=one.codes[known]) for one in data.attributes)
    return SlicedPredictions(judged, attributes, data.inferred)


def _whole(hits: Floats, data: SlicedPredictions) -> dict[str, Any]:
    """The row of all pictures, without what is said of the correlation."""
    agreement, low, high = mean_of_shares(hits, data.groups)
    k, true = len(data.predictions.taxonomy), data.true_codes
    assert true is not None
    shares = (np.bincount(codes, minlength=k) / len(hits) for codes in (data.predictions.predicted, true))
    return {
        "slice": "all pictures",
        "where": {},
        "order": 0,
        "n": len(hits),
        "n_complement": 0,
        "agreement": agreement,
        "agreement_low": low,
        "agreement_high": high,
        "kappa": float(_kappa(np.asarray(agreement), *shares)),
        "verdict": "",
        "low_evidence": len(hits) < LOW_EVIDENCE_COUNT,
        "correlation": np.nan,
        "correlation_low": np.nan,
        "correlation_high": np.nan,
        "cells": 0,
    }


def _slices(sums: SliceSums, data: SlicedPredictions, rules: Rules, spread: Spread | None) -> pd.DataFrame:
    """The rows of slices: the table of accuracies, where what is true is what the model answered."""
    scores = data.scores
    table = accuracy_table(sums, data, rules=rules, spread=spread)
    table = table.rename(columns={"accuracy": "agreement", "complement_accuracy": "complement_agreement"})
    sides = (
        Sums(*(side[:, scores.at[kind]] for kind in ("hit", "hit2", "labelled"))) for side in (sums.inside, sums.outside)
    )
    low, high = (np.where(table["effect"].notna(), end[:, 0], np.nan) for end in agreement_interval(*sides, spread=spread))
    n = sums.inside[:, scores.at["one"]]
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = (sums.inside[:, scores.at[kind]] / n for kind in ("said", "votes"))
        kappa = _kappa(table["agreement"].to_numpy(float), *shares)
    at = list(table).index("agreement") + 1
    for name, values in (("kappa", kappa), ("agreement_high", high), ("agreement_low", low)):
        table.insert(at, name, values)
    return table


def _cells(sums: SliceSums, data: SlicedPredictions, rules: Rules, spread: Spread | None) -> pd.DataFrame:
    """The table of cells, see `certificate_tables`."""
    scores, taxonomy, k = data.scores, data.predictions.taxonomy, len(data.predictions.taxonomy)

    def side(part: Floats) -> Sums:
        return Sums(*(part[:, scores.at[kind]] for kind in ("model_gap", "model_gap2", "labelled"))).over(known)

    design_effect = np.ones((len(sums.specs), k)) if spread is None else spread.design_effect
    known = np.where(np.isfinite(design_effect), design_effect, 1.0)
    freedom = np.inf if spread is None else spread.freedom
    inside, outside = side(sums.inside), side(sums.outside)
    n, m = (part[:, scores.at["one"]] for part in (sums.inside, sums.outside))
    with np.errstate(divide="ignore", invalid="ignore"):
        own, answered = (
            sums.inside[:, scores.at[kind]] / n - sums.outside[:, scores.at[kind]] / m for kind in ("said", "votes")
        )
    tested = (np.minimum(n, m) >= rules.min_count) & np.isfinite(design_effect)
    few = np.minimum(n, m) / np.maximum(known, 1.0) < LOW_EVIDENCE_COUNT

    def interval(level: float | Floats) -> tuple[Floats, Floats]:
        return paired_shift_interval(inside, outside, level=level, freedom=freedom)

    p = np.where(tested, change_p(inside, outside, freedom=freedom), np.nan)
    found = verdicts(Evidence(own, answered, p, interval, few), rules, families=slice_families(sums.specs, data.inferred))
    numbers: dict[str, npt.NDArray[Any]] = {
        "n": np.broadcast_to(np.rint(n), p.shape).astype(np.int64),
        "n_complement": np.broadcast_to(np.rint(m), p.shape).astype(np.int64),
        **{
            name: np.where(tested, values, np.nan)
            for name, values in (
                ("probe_skew", found.rate),
                ("answers_skew", found.complement_rate),
                ("effect", found.effect),
                ("low", found.low),
                ("high", found.high),
            )
        },
        "p": found.p,
        "q": found.q,
        "adjusted_low": found.adjusted_low,
        "adjusted_high": found.adjusted_high,
        "verdict": found.verdict,
        "low_evidence": found.low_evidence,
    }
    return pd.DataFrame(
        {
            "slice": np.repeat(np.array([spec.name for spec in sums.specs], dtype=object), k),
            "where": np.repeat(np.array([spec.as_json() for spec in sums.specs], dtype=object), k),
            "emotion": np.tile(np.array(taxonomy.labels, dtype=object), len(sums.specs)),
            **{name: values.ravel() for name, values in numbers.items()},
        }
    )


def _kappa(agreement: Floats, said: Floats, answered: Floats) -> Floats:
    """Cohen's kappa (1960, https://doi.org/10.1177/001316446002000104) from agreement and shares of labels, last axis."""
    chance = (said * answered).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(chance < 1 - 1e-12, (agreement - chance) / (1 - chance), np.nan))
