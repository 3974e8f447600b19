"""Is a slice read as an emotion more, or less, often than the other pictures, and is that more than chance?

For slice s with complement s' (never the whole data that contains the slice) and emotion k: effect D = rate_s - rate_s'
with a Newcombe interval, exact two-sided p, the q of a test of two levels (`analyses.inference.multiplicity`), smallest
detectable effect, and a verdict. Where pictures come in groups, counts are divided by their design effect first
(`analyses.inference.clusters`). With truth, the effect is taken apart into a label gap (Newcombe; of votes with the
variance that the shares have) and a model gap (paired by picture), and ascribed to one or both
(`analyses.skew.attribution`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.inference import intervals
from affect_workbench.analyses.inference.means.spread import Spread, of_votes, votes_of
from affect_workbench.analyses.inference.means.sums import Sums
from affect_workbench.analyses.inference.paired import change_p
from affect_workbench.analyses.inference.verdicts import (
    STANDARD,
    VERDICTS,
    Cells,
    Rules,
    counted,
    known_design_effect,
    verdicts,
)
from affect_workbench.analyses.skew.attribution import ORIGINS, Gap, attributions, in_direction
from affect_workbench.analyses.skew.in_pairs import InPairs
from affect_workbench.analyses.skew.intersections import beyond_parts
from affect_workbench.analyses.skew.prompts import BetweenPrompts
from affect_workbench.analyses.skew.shrinkage import partially_pooled_rates
from affect_workbench.analyses.slices.families import slice_families
from affect_workbench.analyses.slices.scores import Scores
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.sums import SliceSums
from affect_workbench.arrays import Floats, Mask


@dataclass(frozen=True)
class Finding:
    """What the data say about one (slice, emotion) cell. Rates and differences are shares, 0 to 1; None = not estimable.

    Attributes:
        slice: the slice in words.
        where: column -> value or range.
        emotion: the label.
        n: pictures in the slice.
        n_complement: pictures in the complement.
        rate: share of the slice read as the emotion.
        complement_rate: the same of the complement.
        effect: `rate - complement_rate`.
        low: lower end of the 95 % interval of the effect.
        high: upper end.
        p: exact two-sided p of this cell alone; None where it was not tested.
        q: smallest false discovery rate at which the slice is picked within its family and the emotion within the slice.
        detectable: smallest difference that one test finds with 80 % power.
        verdict: one of `VERDICTS`.
        low_evidence: fewer than 30 pictures, or fewer than 5 expected, on either side.
        label_gap: how much the true labels (or votes) differ already; None without truth.
        label_gap_low: lower end of its interval.
        label_gap_high: upper end.
        model_gap: how much the predictions differ beyond the labels, `effect - label_gap` where all pictures have a truth.
        model_gap_low: lower end of its interval.
        model_gap_high: upper end.
        attribution: for a skewed cell with truth, one of `ORIGINS`: whose doing the skew is (`analyses.skew.attribution`).
        model_gap_p: one-sided p of "the model adds nothing in the direction of the effect"; None where it was not tested.
        model_gap_q: for a skewed cell, its false discovery rate among all attributions; "the model adds this" where <=
            alpha.
        adjusted_low: for a cell with q <= alpha, lower end of its interval at the level that allows for its slice having
            been picked among those of its family; None for others.
        adjusted_high: upper end.
        explained_by: for a skewed cell, the cause from which it follows, by name, or "labels" (`analyses.skew.causes`). None
            for what stands on its own: a cause, and a skew that no cause explains. Where none were sought it is `parent`.
        way: how it follows, one of `analyses.skew.causes.explain.WAYS`; "cause" for a cause, None for what nothing explains.
        parent: for a skewed intersection, a slice of one condition fewer that is skewed the same way and explains it: the
            parent's other pictures are read alike, or what both parts do alone adds up to it
            (`analyses.skew.intersections`).
        excess: of an intersection, what it does beyond its parts, as a share; of several ways to take it apart the least.
        excess_low: lower end of its interval, at the level of `adjusted_low`.
        excess_high: upper end.
        pooled_rate: the rate drawn toward the wider slice's as far as the few pictures ask for (see
            `partially_pooled_rates`).
        design_effect: how many pictures tell as much as one independent one about the difference, because they come in
            groups: 1 without groups, below 1 where groups lie on both sides of it.
        label_tree_level: for a skewed cell, the coarsest level of the label tree at which it is real
            (`analyses.skew.label_tree`).
        rate_low: lower end of the Wilson interval of the rate.
        rate_high: upper end.
        ratio: `rate / complement_rate`; None where the complement is never read so.
        log_odds: natural logarithm of the ratio of odds, 0.5 added to each of the four counts (Haldane and Anscombe).
        pairs: of a slice that is compared in pairs (`analyses.inference.pairs.pairing`), the pairs with a picture in it and
            one beside it; `n` and `n_complement` are their pictures, rates and differences are means over pairs. None for
            others.
        pairs_mixed: those of them whose pictures differ in another attribute as well.
    """

    slice: str
    where: dict[str, Any]
    emotion: str
    n: int
    n_complement: int
    rate: float | None
    complement_rate: float | None
    effect: float | None
    low: float | None
    high: float | None
    p: float | None
    q: float | None
    detectable: float | None
    verdict: str
    low_evidence: bool
    label_gap: float | None = None
    label_gap_low: float | None = None
    label_gap_high: float | None = None
    model_gap: float | None = None
    model_gap_low: float | None = None
    model_gap_high: float | None = None
    attribution: str | None = None
    adjusted_low: float | None = None
    adjusted_high: float | None = None
    explained_by: str | None = None
    way: str | None = None
    parent: str | None = None
    excess: float | None = None
    excess_low: float | None = None
    excess_high: float | None = None
    pooled_rate: float | None = None
    design_effect: float | None = None
    label_tree_level: str | None = None
    rate_low: float | None = None
    rate_high: float | None = None
    ratio: float | None = None
    log_odds: float | None = None
    model_gap_p: float | None = None
    model_gap_q: float | None = None
    pairs: float | None = None
    pairs_mixed: float | None = None


__all__ = ["FINDING_COLUMNS", "ORIGINS", "Finding", "on_its_own", "ranked", "skew_table"]
FINDING_COLUMNS = tuple(field.name for field in fields(Finding))
_ESTIMATED = tuple(f"{name}{end}" for name in ("label_gap", "model_gap") for end in ("", "_low", "_high"))
_ESTIMATED += (
    "rate",
    "complement_rate",
    "effect",
    "low",
    "high",
    "rate_low",
    "rate_high",
    "ratio",
    "log_odds",
    "model_gap_p",
)


def skew_table(
    sums: SliceSums,
    data: SlicedPredictions,
    *,
    rules: Rules = STANDARD,
    spreads: Mapping[str, Spread] | None = None,
    pairs: InPairs | None = None,
    prompts: BetweenPrompts | None = None,
) -> pd.DataFrame:
    """One row a (slice, emotion) cell, with the columns of `Finding`, ranked by verdict, effect and evidence.

    For the verdicts see `analyses.inference.verdicts.verdict`.

    Args:
        sums: over slices of the pictures' scores.
        data: the pictures.
        rules: what decides a verdict.
        spreads: of `hits`, `votes` and `model_gap` where pictures come in groups
            (`analyses.inference.clusters.group_spreads`); empty or None for independent pictures.
        pairs: what pairs say, which counts in the slices that are compared in them; None without pairs.
        prompts: how skews vary with the prompt; None where nothing was asked in words.
    """
    scores, taxonomy = data.scores, data.predictions.taxonomy
    k = len(taxonomy)
    spreads, shape = spreads or {}, (len(sums.specs), k)
    spread = spreads.get("said")
    deff = known_design_effect(shape, None if spread is None else spread.design_effect)

    def pair(kind: str) -> tuple[Floats, Floats]:
        return sums.inside[:, scores.at[kind]], sums.outside[:, scores.at[kind]]

    (n, m), (hits, other_hits) = pair("one"), pair("said")
    families = slice_families(sums.specs, data.inferred)
    evidence = counted(
        hits,
        n,
        other_hits,
        m,
        rules,
        design_effect=None if spread is None else spread.design_effect,
        freedom=None if spread is None else spread.freedom,
    )
    evidence = evidence if pairs is None else pairs.predicted.over(evidence)
    judgement = verdicts(evidence if prompts is None else prompts.over(evidence), rules, families=families)
    effect, verdict = judgement.effect, judgement.verdict
    pictures, others = np.broadcast_to(n, deff.shape), np.broadcast_to(m, deff.shape)
    base_rate = (hits + other_hits + 0.5) / (n + m + 1)
    cells: dict[str, Any] = {
        "n": np.rint(pictures).astype(np.int64),
        "n_complement": np.rint(others).astype(np.int64),
        "rate": judgement.rate,
        "complement_rate": judgement.complement_rate,
        "effect": effect,
        "low": judgement.low,
        "high": judgement.high,
        "p": judgement.p,
        "q": judgement.q,
        "detectable": intervals.smallest_detectable_effect(n / deff, m / deff, base_rate, alpha=rules.alpha),
    }
    if "votes" in scores:
        cells |= _split(sums, scores, judgement, rules, families, spreads, _Beside(pairs, prompts))
    own, repeats = beyond_parts(
        sums,
        judgement,
        hits=hits,
        tolerance=rules.tolerance,
        # The design effect of another comparison: how groups lie on the sides of this one is not looked at.
        design_effect=np.maximum(deff, 1.0),
        freedom=None if spread is None else spread.freedom,
    )
    cells |= own | {"pooled_rate": partially_pooled_rates(sums, scores), "design_effect": deff}
    alone = known_design_effect(shape, None if spread is None else spread.mean_design_effect)
    degrees = np.inf if spread is None else spread.mean_freedom
    cells["rate_low"], cells["rate_high"] = intervals.wilson(hits / alone, n / alone, freedom=degrees)
    cells["ratio"], cells["log_odds"] = _ratios(hits, n, other_hits, m)
    if pairs is not None:
        cells = pairs.over(cells, alpha=rules.alpha)
    for name in cells.keys() & {*_ESTIMATED}:
        # Of a handful of pictures no number is shown that could be mistaken for an estimate.
        cells[name] = np.where(judgement.tested, cells[name], np.nan)
    cells |= {
        "verdict": verdict,
        "low_evidence": judgement.low_evidence,
        "adjusted_low": judgement.adjusted_low,
        "adjusted_high": judgement.adjusted_high,
    }
    table = pd.DataFrame({name: values.ravel() for name, values in cells.items()})
    table.insert(0, "slice", np.repeat(np.array([spec.name for spec in sums.specs], dtype=object), k))
    table.insert(1, "where", np.repeat(np.array([spec.as_json() for spec in sums.specs], dtype=object), k))
    table.insert(2, "emotion", np.tile(np.array(taxonomy.labels, dtype=object), len(sums.specs)))
    table["parent"] = table["explained_by"] = repeats.ravel()
    table["way"] = ["child" if parent else None for parent in table["parent"]]
    return ranked(table.reindex(columns=list(FINDING_COLUMNS)))


def on_its_own(findings: pd.DataFrame) -> Mask:
    """Which findings stand on their own `(n,)`: those that follow from no cause, and from no wider slice."""
    alone = findings["explained_by"].isna()
    if "way" in findings:
        alone |= (findings["way"] == "labels") & findings["parent"].isna()
    return np.asarray(alone, dtype=bool)


def _ratios(hits: Floats, n: Floats, other_hits: Floats, m: Floats) -> tuple[Floats, Floats]:
    """Ratio of the two rates, NaN where the complement's is zero, and the logarithm of the ratio of odds."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (hits / n) / (other_hits / m)
        odds = (hits + 0.5) / (n - hits + 0.5) / ((other_hits + 0.5) / (m - other_hits + 0.5))
    return np.where(np.isfinite(ratio), ratio, np.nan), np.log(odds)


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Verdicts in the order of `VERDICTS`; inside one, what the model made up by itself first, then wide slices, then size.

    A model that follows its labels amplifies what they say, often by more than any bias of its own: ranked by size alone,
    a skew that has no ground in the labels would drown among those that have one. Slices of one condition come before
    intersections, which are many and small. Size is what is safely reached, then the raw effect.
    """
    table = table.reset_index(drop=True)
    grounded = table["attribution"].isin(["both", "unclear", "labels"])
    distance = intervals.distance_from_zero(table["low"], table["high"])
    own = intervals.distance_from_zero(table["model_gap_low"], table["model_gap_high"])
    # Of a skew that the labels do not explain, only what the model surely adds counts: in a small slice that they "do not
    # explain" may mean that little is known of them.
    distance = np.where((table["attribution"] == "model").to_numpy(), np.minimum(distance, own), distance)
    order = pd.DataFrame(
        {
            "verdict": table["verdict"].map({name: rank for rank, name in enumerate(VERDICTS)}),
            "grounded": grounded,
            "conditions": table["where"].map(len),
            "distance": -distance,
            "effect": -table["effect"].abs().fillna(0.0),
            "slice": table["slice"],
            "emotion": table["emotion"],
        }
    )
    return table.iloc[order.sort_values(list(order.columns), kind="stable").index].reset_index(drop=True)


class _Beside(NamedTuple):
    """What else is known of the cells: what pairs say, and how they vary with the prompt."""

    pairs: InPairs | None
    prompts: BetweenPrompts | None


def _split(
    sums: SliceSums,
    scores: Scores,
    judgement: Cells,
    rules: Rules,
    families: npt.NDArray[np.int64],
    spreads: Mapping[str, Spread],
    beside: _Beside,
) -> dict[str, npt.NDArray[Any]]:
    """Label gap (the truth differs) and model gap (predictions differ beyond it), each with its interval, and the origin."""

    def sides(kind: str) -> tuple[Sums, Sums]:
        inside, outside = (
            Sums(side[:, scores.at[kind]], side[:, scores.at[f"{kind}2"]], side[:, scores.at["labelled"]])
            for side in (sums.inside, sums.outside)
        )
        return inside, outside

    (votes, other_votes), (gap, other_gap) = sides("votes"), sides("model_gap")
    of_labels, of_gap = spreads.get("votes"), spreads.get("model_gap")
    if of_labels is None and votes_of(votes, other_votes):
        of_labels = of_votes(votes, other_votes)
    deff, degrees = (1.0, np.inf) if of_labels is None else (of_labels.design_effect, of_labels.freedom)
    counts = (part / deff for part in (votes.total, votes.n, other_votes.total, other_votes.n))
    labels = Gap(votes.mean - other_votes.mean, *intervals.newcombe(*counts, freedom=degrees))
    deff, degrees = (1.0, np.inf) if of_gap is None else (of_gap.design_effect, of_gap.freedom)
    paired = gap.over(deff), other_gap.over(deff)
    model = Gap(gap.mean - other_gap.mean, *intervals.paired_shift_interval(*paired, freedom=degrees))
    two_sided = change_p(*paired, freedom=degrees)
    if beside.pairs is not None:
        labels, model, two_sided = beside.pairs.gaps(labels, model, two_sided)
    if beside.prompts is not None:
        model, two_sided = beside.prompts.gap(model, two_sided)
    p = in_direction(two_sided, model.value, judgement.effect)
    p = np.where(judgement.tested, p, np.nan)
    skewed = judgement.verdict == "skewed"
    origin, q = attributions(judgement.effect, skewed, labels=labels, model=model, p=p, families=families, rules=rules)
    return {
        "label_gap": labels.value,
        "label_gap_low": labels.low,
        "label_gap_high": labels.high,
        "model_gap": model.value,
        "model_gap_low": model.low,
        "model_gap_high": model.high,
        "attribution": origin,
        "model_gap_p": p,
        "model_gap_q": q,
    }
