"""Is a slice read as an emotion more, or less, often than the other pictures, and is that more than chance?

For slice s with complement s' (never the whole data that contains the slice) and
emotion k: effect D = rate_s - rate_s' with a Newcombe interval, exact two-sided p, Benjamini-Hochberg q over all cells
that are tested, smallest detectable effect, and a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analyses import inference
from analyses.counting import SliceSums
from analyses.scores import Scores
from analyses.slices import SliceSpec
from data.taxonomy import Taxonomy

Floats = npt.NDArray[np.float64]

VERDICTS = ("skewed", "equivalent", "undetermined", "too small")
ORIGINS = ("model", "labels", "both", "unclear")
LOW_EVIDENCE_COUNT = 30
LOW_EVIDENCE_EXPECTED = 5.0


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
        q: Benjamini-Hochberg over all tested cells of the audit.
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
        adjusted_low: for a cell with q <= alpha, lower end of its interval at the level that allows for having been picked
            among all tested cells; None for others.
        adjusted_high: upper end.
        repeats: a slice of one condition fewer that is skewed the same way and whose other pictures are read alike.
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


FINDING_COLUMNS = tuple(field.name for field in fields(Finding))
_ESTIMATED = tuple(f"{name}{end}" for name in ("composition", "shift") for end in ("", "_low", "_high"))
_ESTIMATED += ("rate", "complement_rate", "effect", "low", "high")


def skew_table(
    sums: SliceSums, scores: Scores, taxonomy: Taxonomy, *,
    min_count: int = 10, alpha: float = 0.05, tolerance: float = 0.02,
) -> pd.DataFrame:  # fmt: skip
    """One row a (slice, emotion) cell, with the columns of `Finding`, ranked by verdict, effect and evidence.

    Verdicts, in this order:
        too small: the slice or its complement holds fewer than `min_count` pictures; nothing is tested or estimated.
        skewed: q <= alpha, and the whole adjusted interval lies outside [-tolerance, tolerance]. Of R picked among m
            tested cells the adjusted level is 1 - R x alpha / m, which keeps the false coverage rate of the picked ones
            at alpha (Benjamini and Yekutieli 2005, https://doi.org/10.1198/016214504000001907).
        equivalent: the whole 95 % interval lies inside it.
        too small: low evidence, and neither of the two above.
        undetermined: everything else.

    Args:
        sums: sums over slices of the columns of `scores`.
        scores: says where the columns stand.
        taxonomy: the `k` labels.
        min_count: fewest pictures on either side for a test.
        alpha: false discovery rate.
        tolerance: the largest difference that does not matter, as a share.
    """
    k = len(taxonomy)

    def pair(kind: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        return sums.inside[:, scores.at[kind]], sums.outside[:, scores.at[kind]]

    (n, m), (said, other_said) = pair("one"), pair("said")
    n, m = np.broadcast_to(n, said.shape), np.broadcast_to(m, said.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate, other = said / n, other_said / m
    low, high = inference.newcombe(said, n, other_said, m)
    tested = (n >= min_count) & (m >= min_count)
    p = np.where(tested, inference.fisher_exact(*(np.rint(a).astype(np.int64) for a in (said, n, other_said, m))), np.nan)
    q = inference.benjamini_hochberg(p)
    pooled = (said + other_said) / np.maximum(n + m, 1)
    low_evidence = (np.minimum(n, m) < LOW_EVIDENCE_COUNT) | (np.minimum(n, m) * pooled < LOW_EVIDENCE_EXPECTED)
    picked = q <= alpha
    level = 1 - alpha * max(picked.sum(), 1) / max(tested.sum(), 1)
    adjusted_low, adjusted_high = inference.newcombe(said, n, other_said, m, level=level)
    with np.errstate(invalid="ignore"):
        outside = (adjusted_low > tolerance) | (adjusted_high < -tolerance)
        inside = (low >= -tolerance) & (high <= tolerance)
        verdict = np.select(
            [~tested, picked & outside, inside, low_evidence],
            ["too small", "skewed", "equivalent", "too small"],
            "undetermined",
        )
    cells: dict[str, Any] = {
        "n": np.rint(n).astype(np.int64), "n_complement": np.rint(m).astype(np.int64), "rate": rate,
        "complement_rate": other, "effect": rate - other, "low": low, "high": high, "p": p, "q": q,
        "detectable": inference.smallest_detectable_effect(n, m, (said + other_said + 0.5) / (n + m + 1), alpha=alpha),
    }  # fmt: skip
    cells |= _split(pair, verdict, rate - other, tolerance) if "votes" in scores else {}
    for name in cells.keys() & {*_ESTIMATED}:
        # Of a handful of pictures no number is shown that could be mistaken for an estimate.
        cells[name] = np.where(tested, cells[name], np.nan)
    cells |= {
        "verdict": verdict,
        "low_evidence": low_evidence,
        "adjusted_low": np.where(picked, adjusted_low, np.nan),
        "adjusted_high": np.where(picked, adjusted_high, np.nan),
    }
    table = pd.DataFrame({name: values.ravel() for name, values in cells.items()})
    table.insert(0, "slice", np.repeat(np.array([spec.name for spec in sums.specs], dtype=object), k))
    table.insert(1, "where", np.repeat(np.array([spec.as_json() for spec in sums.specs], dtype=object), k))
    table.insert(2, "emotion", np.tile(np.array(taxonomy.labels, dtype=object), len(sums.specs)))
    table["repeats"] = _repeats(sums.specs, said, n, rate - other, verdict == "skewed", tolerance)
    return ranked(table.reindex(columns=list(FINDING_COLUMNS)))


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
    pair: Any, verdict: npt.NDArray[Any], effect: npt.NDArray[np.float64], tolerance: float
) -> dict[str, npt.NDArray[Any]]:
    """Composition (the truth differs) and model shift (predictions differ beyond it), each with its interval.

    The labels have a part in a skew when they surely differ by more than the tolerance, the model when it surely adds.
    """
    (n, m), (votes, other_votes) = pair("labelled"), pair("votes")
    n, m = np.broadcast_to(n, votes.shape), np.broadcast_to(m, votes.shape)
    (shift, other_shift), (shift2, other_shift2) = pair("shift"), pair("shift2")
    composition_low, composition_high = inference.newcombe(votes, n, other_votes, m)
    shift_low, shift_high = inference.paired_shift_interval(shift, shift2, n, other_shift, other_shift2, m)
    with np.errstate(divide="ignore", invalid="ignore"):
        composition, model = votes / n - other_votes / m, shift / n - other_shift / m
        sign = np.sign(effect)
        by_labels = np.where(sign > 0, composition_low > tolerance, composition_high < -tolerance)
        by_model = np.where(sign > 0, shift_low > 0, shift_high < 0)
    origin = np.select([by_model & by_labels, by_model, by_labels], ["both", "model", "labels"], "unclear").astype(object)
    origin[(verdict != "skewed") | (n == 0) | (m == 0)] = None
    return {
        "composition": composition, "composition_low": composition_low, "composition_high": composition_high,
        "shift": model, "shift_low": shift_low, "shift_high": shift_high, "origin": origin,
    }  # fmt: skip


def _repeats(
    specs: tuple[SliceSpec, ...], said: Floats, n: Floats, effect: Floats, skewed: npt.NDArray[np.bool_], tolerance: float
) -> npt.NDArray[Any]:
    """For skewed cells of intersections: the slice of one condition fewer whose skew they repeat, else None.

    They repeat it when the parent is skewed the same way and the rest of the parent is read alike: the interval of the
    difference between intersection and rest contains zero or lies inside the tolerance.
    """
    position = {spec: number for number, spec in enumerate(specs)}
    repeats = np.full(skewed.shape, None, dtype=object)
    for number in np.flatnonzero(skewed.any(axis=1)):
        conditions = specs[number].conditions
        for leave_out in range(len(conditions)) if len(conditions) > 1 else ():
            parent_spec = SliceSpec(conditions[:leave_out] + conditions[leave_out + 1 :])
            parent = position.get(parent_spec)
            if parent is None:
                continue
            rest = said[parent] - said[number], n[parent] - n[number]
            low, high = inference.newcombe(said[number], n[number], *rest)
            alike = ((low <= 0) & (high >= 0)) | ((low >= -tolerance) & (high <= tolerance))
            same = skewed[number] & skewed[parent] & (np.sign(effect[number]) == np.sign(effect[parent]))
            repeats[number, same & alike] = parent_spec.name
    return repeats.ravel()
