"""Is a slice read as an emotion more, or less, often than the other pictures, and is that more than chance?

For slice s with complement s' (never the whole data that contains the slice) and emotion k: effect D = rate_s - rate_s'
with a Newcombe interval, exact two-sided p, the q of a test of two levels (`analyses.hierarchical`), smallest detectable
effect, and a verdict. Where pictures come in groups, counts are divided by their design effect first (`analyses.clusters`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analyses import inference
from analyses.cells import VERDICTS, Cells, Rules, judged, slice_families, worth_of
from analyses.counting import SliceSums
from analyses.in_pairs import InPairs
from analyses.inference import Floats
from analyses.intersections import beyond_parts
from analyses.scores import Scores
from analyses.shrinkage import shrunk_rates
from data.taxonomy import Taxonomy

ORIGINS = ("model", "labels", "both", "unclear")


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
        composition: how much the true labels (or votes) differ already; None without truth.
        composition_low: lower end of its interval.
        composition_high: upper end.
        shift: how much the predictions differ beyond the labels, `effect - composition` where all pictures have a truth.
        shift_low: lower end of its interval.
        shift_high: upper end.
        origin: for a skewed cell with truth, one of `ORIGINS`: whose doing the skew is.
        adjusted_low: for a cell with q <= alpha, lower end of its interval at the level that allows for its slice having
            been picked among those of its family; None for others.
        adjusted_high: upper end.
        repeats: for a skewed intersection, a slice of one condition fewer that is skewed the same way and explains it: the
            parent's other pictures are read alike, or what both parts do alone adds up to it (`analyses.intersections`).
            None for a root: a skew that stands on its own.
        excess: of an intersection, what it does beyond its parts, as a share; of several ways to take it apart the least.
        excess_low: lower end of its interval, at the level of `adjusted_low`.
        excess_high: upper end.
        shrunk: the rate drawn toward the wider slice's as far as the few pictures ask for (see `shrunk_rates`).
        design: how many pictures tell as much as one independent one, because they come in groups; 1 without groups.
        coarsest: for a skewed cell, the coarsest level of the label tree at which it is real (`analyses.levels`).
        rate_low: lower end of the Wilson interval of the rate.
        rate_high: upper end.
        ratio: `rate / complement_rate`; None where the complement is never read so.
        log_odds: natural logarithm of the ratio of odds, 0.5 added to each of the four counts (Haldane and Anscombe).
        pairs: of a slice that is compared in pairs (`analyses.pairs`), the pairs with a picture in it and one beside it; `n`
            and `n_complement` are their pictures, rates and differences are means over pairs. None for others.
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
    composition: float | None = None
    composition_low: float | None = None
    composition_high: float | None = None
    shift: float | None = None
    shift_low: float | None = None
    shift_high: float | None = None
    origin: str | None = None
    adjusted_low: float | None = None
    adjusted_high: float | None = None
    repeats: str | None = None
    excess: float | None = None
    excess_low: float | None = None
    excess_high: float | None = None
    shrunk: float | None = None
    design: float | None = None
    coarsest: str | None = None
    rate_low: float | None = None
    rate_high: float | None = None
    ratio: float | None = None
    log_odds: float | None = None
    pairs: float | None = None
    pairs_mixed: float | None = None


FINDING_COLUMNS = tuple(field.name for field in fields(Finding))
_ESTIMATED = tuple(f"{name}{end}" for name in ("composition", "shift") for end in ("", "_low", "_high"))
_ESTIMATED += ("rate", "complement_rate", "effect", "low", "high", "rate_low", "rate_high", "ratio", "log_odds")


def skew_table(
    sums: SliceSums, scores: Scores, taxonomy: Taxonomy, *,
    min_count: int = 10, alpha: float = 0.05, tolerance: float = 0.02,
    designs: Mapping[str, Floats] | None = None, inferred: frozenset[str] = frozenset(), pairs: InPairs | None = None,
) -> pd.DataFrame:  # fmt: skip
    """One row a (slice, emotion) cell, with the columns of `Finding`, ranked by verdict, effect and evidence.

    For the verdicts see `analyses.cells.judged`.

    Args:
        sums: sums over slices of the columns of `scores`.
        scores: says where the columns stand.
        taxonomy: the `k` labels.
        min_count: fewest pictures on either side for a test.
        alpha: false discovery rate.
        tolerance: the largest difference that does not matter, as a share.
        designs: design effects `(s, k)` of `said`, `votes` and `shift` (`analyses.clusters.of_scores`), NaN where one is not
            known; empty or None for independent pictures.
        inferred: columns whose values were inferred; their slices are a family of their own.
        pairs: what pairs say, which counts in the slices that are compared in them; None without pairs.
    """
    k = len(taxonomy)
    designs, shape = designs or {}, (len(sums.specs), k)
    design = designs.get("said")
    worth = worth_of(shape, design)

    def pair(kind: str) -> tuple[Floats, Floats]:
        return sums.inside[:, scores.at[kind]], sums.outside[:, scores.at[kind]]

    (n, m), (said, other_said) = pair("one"), pair("said")
    rules = Rules(min_count, alpha, tolerance)
    families = slice_families(sums.specs, inferred)
    judgement = judged(
        said, n, other_said, m, rules, families=families, design=design, paired=None if pairs is None else pairs.said
    )
    effect, verdict = judgement.effect, judgement.verdict
    pictures, others = np.broadcast_to(n, worth.shape), np.broadcast_to(m, worth.shape)
    base_rate = (said + other_said + 0.5) / (n + m + 1)
    cells: dict[str, Any] = {
        "n": np.rint(pictures).astype(np.int64), "n_complement": np.rint(others).astype(np.int64),
        "rate": judgement.rate, "complement_rate": judgement.complement_rate, "effect": effect,
        "low": judgement.low, "high": judgement.high, "p": judgement.p, "q": judgement.q,
        "detectable": inference.smallest_detectable_effect(n / worth, m / worth, base_rate, alpha=alpha),
    }  # fmt: skip
    if "votes" in scores:
        of_labels, of_shift = (worth_of(shape, designs.get(kind)) for kind in ("votes", "shift"))
        cells |= _split(pair, judgement, tolerance, of_labels=of_labels, of_shift=of_shift, pairs=pairs)
    own, repeats = beyond_parts(
        sums,
        said,
        n[:, 0],
        effect=effect,
        skewed=verdict == "skewed",
        tolerance=tolerance,
        level=judgement.level,
        worth=worth,
    )
    cells |= own | {"shrunk": shrunk_rates(sums, scores), "design": worth}
    cells["rate_low"], cells["rate_high"] = inference.wilson(said / worth, n / worth)
    cells["ratio"], cells["log_odds"] = _ratios(said, n, other_said, m)
    if pairs is not None:
        cells = pairs.over(cells, alpha=alpha)
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
    table["repeats"] = repeats.ravel()
    return ranked(table.reindex(columns=list(FINDING_COLUMNS)))


def _ratios(said: Floats, n: Floats, other_said: Floats, m: Floats) -> tuple[Floats, Floats]:
    """Ratio of the two rates, NaN where the complement's is zero, and the logarithm of the ratio of odds."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (said / n) / (other_said / m)
        odds = (said + 0.5) / (n - said + 0.5) / ((other_said + 0.5) / (m - other_said + 0.5))
    return np.where(np.isfinite(ratio), ratio, np.nan), np.log(odds)


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Verdicts in the order of `VERDICTS`; inside one, what the model made up by itself first, then wide slices, then size.

    A model that follows its labels amplifies what they say, often by more than any bias of its own: ranked by size alone,
    a skew that has no ground in the labels would drown among those that have one. Slices of one condition come before
    intersections, which are many and small. Size is what is safely reached, then the raw effect.
    """
    table = table.reset_index(drop=True)
    grounded = table["origin"].isin(["both", "unclear", "labels"])
    distance = _safely(table["low"], table["high"])
    own = _safely(table["shift_low"], table["shift_high"])
    # Of a skew that the labels do not explain, only what the model surely adds counts: in a small slice that they "do not
    # explain" may mean that little is known of them.
    distance = np.where((table["origin"] == "model").to_numpy(), np.minimum(distance, own), distance)
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


def _safely(low: pd.Series, high: pd.Series) -> Floats:
    """Distance from zero of the nearer end of each interval; 0 where it contains zero or is not known."""
    return np.asarray(np.where(low > 0, low, np.where(high < 0, -high, 0.0)), dtype=np.float64)


def _split(
    pair: Any, judgement: Cells, tolerance: float, *, of_labels: Floats, of_shift: Floats, pairs: InPairs | None
) -> dict[str, npt.NDArray[Any]]:
    """Composition (the truth differs) and model shift (predictions differ beyond it), each with its interval.

    The labels have a part in a skew when they surely differ by more than the tolerance, the model when it surely adds.
    `of_labels` and `of_shift` say how many pictures tell as much as one, of the labels and of what is beyond them; `pairs`
    what pairs say of both.
    """
    (n, m), (votes, other_votes) = pair("labelled"), pair("votes")
    n, m = np.broadcast_to(n, votes.shape), np.broadcast_to(m, votes.shape)
    (shift, other_shift), (shift2, other_shift2) = pair("shift"), pair("shift2")
    composition_low, composition_high = inference.newcombe(*(part / of_labels for part in (votes, n, other_votes, m)))
    shift_low, shift_high = inference.paired_shift_interval(
        *(part / of_shift for part in (shift, shift2, n, other_shift, other_shift2, m))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        composition, model = votes / n - other_votes / m, shift / n - other_shift / m
    if pairs is not None and pairs.votes is not None:
        own = [pairs.split()[name] for name in ("composition_low", "composition_high", "shift_low", "shift_high")]
        of = composition_low, composition_high, shift_low, shift_high
        composition_low, composition_high, shift_low, shift_high = map(pairs.votes.instead, own, of)
    with np.errstate(invalid="ignore"):
        sign = np.sign(judgement.effect)
        by_labels = np.where(sign > 0, composition_low > tolerance, composition_high < -tolerance)
        by_model = np.where(sign > 0, shift_low > 0, shift_high < 0)
    origin = np.select([by_model & by_labels, by_model, by_labels], ["both", "model", "labels"], "unclear").astype(object)
    origin[(judgement.verdict != "skewed") | (n == 0) | (m == 0)] = None
    return {
        "composition": composition, "composition_low": composition_low, "composition_high": composition_high,
        "shift": model, "shift_low": shift_low, "shift_high": shift_high, "origin": origin,
    }  # fmt: skip
