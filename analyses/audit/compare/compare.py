"""Which skews did a second model (or version) make worse, make better, or leave as they are, on the same pictures?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.audit.compare.accuracy import flip_table, overall_accuracy, slice_accuracy
from affect_workbench.analyses.audit.compare.changes import CHANGE_COLUMNS, VERDICTS, change_table
from affect_workbench.analyses.audit.compare.outcomes import OUTCOME_CHANGE_COLUMNS, outcome_changes
from affect_workbench.analyses.audit.compare.pairing import paired_rows, same_pictures, shared_attributes
from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.notes import group_notes
from affect_workbench.analyses.inference.intervals import distance_from_zero
from affect_workbench.analyses.inference.paired import GroupTotals, group_totals
from affect_workbench.analyses.skew.causes.changes import CHANGE_COLUMNS as CAUSE_CHANGE_COLUMNS
from affect_workbench.analyses.slices.coding import coded_attributes
from affect_workbench.analyses.slices.families import slice_families
from affect_workbench.analyses.slices.pairs import pair_codes
from affect_workbench.analyses.slices.sliced import Sliced, SlicedRows
from affect_workbench.analyses.slices.sums import SliceSums, slice_sums
from affect_workbench.arrays import Floats
from affect_workbench.data.datasets.measurements import Measurements
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.tables.columns import attribute_columns
from affect_workbench.data.taxonomies.taxonomy import NO_LABELS, Taxonomy


@dataclass(frozen=True)
class Comparison:
    """What changed between two models on the same pictures. Rates, skews and changes are shares.

    Attributes:
        taxonomy: the labels of both.
        changes: one row a (slice, emotion), ranked: `skew_a`, `skew_b` (as in an audit), their difference `change` with its
            95 % interval `low`, `high`, `p`, two-level `q` and `verdict` (see `analyses.audit.compare.changes.judged`);
            `beyond_a`, `beyond_b` the skews beyond the labels and `growth`, how much farther from zero the second is; for
            cells with q <= alpha `adjusted_low`, `adjusted_high` of the change and `growth_low`, `growth_high`, at the
            level that allows for the slice having been picked; pictures that came `into` the emotion and went `out_of` it
            with the exact `mcnemar_p` of the slice alone (with `group_id`: groups whose sum went up or down); `detectable`,
            the smallest change found with 80 % power; `repeats`, for an intersection, the wider slice that changed as much;
            `design`, how many pictures tell as much as one independent one.
        slices: one row a slice: pictures `flipped`; of those with labels `accuracy_a`, `accuracy_b`, `change` with its
            interval, pictures (or groups) `gained` and `lost`, exact McNemar `p` and its `q` within the family.
        flips: one row a picture that is read otherwise: `image_id`, `predicted_a`, `predicted_b`, `hit_a`, `hit_b`; hits
            are shares of the votes.
        overall: `pictures`, `labelled`, `flipped`, `accuracy_a`, `accuracy_b` with intervals, `change`, `p`.
        rows: what is known of the pictures.
        config: what decided: tolerance, alpha, min_count, order, bins.
        notes: sentences that a reader must see.
        outcomes: one row a (slice, outcome) that both were asked for, see `analyses.audit.compare.outcomes.outcome_changes`.
        causes: one row a cause of either audit, see `analyses.skew.causes.changes`; empty where none were sought.
    """

    taxonomy: Taxonomy
    changes: pd.DataFrame
    slices: pd.DataFrame
    flips: pd.DataFrame
    overall: Mapping[str, Any]
    rows: pd.DataFrame
    config: AuditConfig
    notes: tuple[str, ...]
    outcomes: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(OUTCOME_CHANGE_COLUMNS)))
    causes: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(CAUSE_CHANGE_COLUMNS)))

    @property
    def has_predictions(self) -> bool:
        """Whether predictions of emotions are compared; else numbers alone are."""
        return len(self.taxonomy) > 0

    def count(self, verdict: str) -> int:
        """How many (slice, emotion) cells have this verdict; without predictions, how many (slice, outcome) pairs.

        Raises:
            ValueError: no such verdict.
        """
        if verdict not in VERDICTS:
            raise ValueError(f"no verdict {verdict!r}; verdicts: {', '.join(VERDICTS)}")
        return int(((self.changes if self.has_predictions else self.outcomes)["verdict"] == verdict).sum())


def compare(
    first: Predictions, second: Predictions, *, config: AuditConfig | None = None, inferred: frozenset[str] = frozenset()
) -> Comparison:
    """Compares two readings of the same pictures, slice by slice.

    Args:
        first: what the change starts from.
        second: where it leads.
        config: attributes, outcomes, order, min_count, alpha, tolerance and bins as in an audit.
        inferred: attributes whose values were inferred; their slices are corrected for many tests apart.

    Raises:
        ValueError: other pictures, labels, taxonomies or attribute values, or nothing to slice by.
    """
    config = config or AuditConfig()
    names = config.attributes
    if config.outcomes and names is None:
        names = tuple(name for name in attribute_columns(first.rows) if name not in config.outcomes)
    pair = paired_rows(first, second, names=names, inferred=inferred)
    coded, unusable = coded_attributes(
        pair.rows,
        pair.attributes if config.attributes else None,
        available=pair.attributes,
        bins=config.bins,
        numeric=[name for name in config.numeric if name in pair.rows],
        categorical=[name for name in config.categorical if name in pair.rows],
    )
    parts = _columns(pair.predicted_a, pair.predicted_b, pair.truth)
    ends = np.cumsum([0, *(part.shape[1] for part in parts.values())])
    at = {name: slice(int(low), int(high)) for name, low, high in zip(parts, ends, ends[1:], strict=False)}
    columns, beside = np.hstack(list(parts.values())), at["difference2"].stop
    sums = slice_sums(coded, columns, order=config.order, min_count=config.min_count, beside=beside)
    data = SlicedRows(pair.rows, tuple(coded), inferred)
    groups, rules = data.groups, config.rules
    units = None if groups is None else _units(sums, data, parts)
    families = slice_families(sums.specs, inferred)
    changes = change_table(sums, at, taxonomy=pair.taxonomy, rules=rules, families=families, units=units)
    outcomes, about_outcomes = outcome_changes(data, pair.other_rows, config=config)
    grouped = () if groups is None else (_units_in_words(pair.rows, groups),)
    shares = pair.truth is not None and bool(((pair.truth > 0) & (pair.truth < 1)).any())
    agreement = "the truth is votes: vote agreement, the mean share of votes for the predicted label, stands for accuracy"
    voted = (agreement,) if shares else ()
    unsliced = tuple(f"{name} is not sliced: {reason}" for name, reason in unusable)
    return Comparison(
        taxonomy=pair.taxonomy,
        changes=ranked(changes),
        slices=slice_accuracy(sums, at, rules=rules, families=families, units=units),
        flips=flip_table(pair.rows, parts, taxonomy=pair.taxonomy),
        overall=overall_accuracy(parts, groups),
        rows=pair.rows,
        config=config,
        notes=(*pair.notes, *grouped, *voted, *unsliced, *about_outcomes),
        outcomes=outcomes,
    )


def compare_measurements(
    first: Measurements, second: Measurements, *, config: AuditConfig | None = None, inferred: frozenset[str] = frozenset()
) -> Comparison:
    """Compares the numbers of two runs without predictions, on the same pictures.

    Args:
        first: what the change starts from.
        second: where it leads.
        config: attributes, outcomes, order, min_count, alpha and bins as in an audit.
        inferred: attributes whose values were inferred; their slices are corrected for many tests apart.

    Raises:
        ValueError: other pictures or attribute values, no outcome in both, or nothing to slice by.
    """
    config = config or AuditConfig(outcomes=tuple(name for name in first.outcomes if name in second.outcomes))
    if not config.outcomes:
        raise ValueError(
            f"no outcome is in both runs: the first compares {', '.join(first.outcomes)}, the second "
            f"{', '.join(second.outcomes)}; audit both with the same --outcomes"
        )
    rows, other_rows, _ = same_pictures(first.rows, second.rows)
    names = attribute_columns(rows) if config.attributes is None else config.attributes
    names = [name for name in names if name not in (*first.outcomes, *second.outcomes)]
    shared, notes = shared_attributes(rows, other_rows, names=names, inferred=inferred)
    coded, unusable = coded_attributes(rows, shared if config.attributes else None, available=shared, bins=config.bins)
    outcomes, about = outcome_changes(SlicedRows(rows, tuple(coded), inferred), other_rows, config=config)
    if not len(outcomes):
        raise ValueError(f"nothing can be compared: {'; '.join(about)}")
    unsliced = (f"{name} is not sliced: {reason}" for name, reason in unusable)
    return Comparison(
        taxonomy=NO_LABELS,
        changes=pd.DataFrame(columns=list(CHANGE_COLUMNS)),
        slices=pd.DataFrame(columns=["slice", "where", "p"]),
        flips=pd.DataFrame(columns=["image_id", "predicted_a", "predicted_b", "hit_a", "hit_b"]),
        overall={"pictures": len(rows), "labelled": 0, "flipped": 0},
        rows=rows,
        config=config,
        notes=(*notes, *group_notes(rows, numbers=True), *unsliced, *about),
        outcomes=outcomes,
    )


def ranked(changes: pd.DataFrame) -> pd.DataFrame:
    """Verdicts in the order of `VERDICTS`; inside one roots before repeats, wide slices before intersections, then size."""
    order = pd.DataFrame(
        {
            "verdict": changes["verdict"].map({name: rank for rank, name in enumerate(VERDICTS)}),
            "explained_by": changes["explained_by"].notna(),
            "conditions": changes["where"].map(len),
            "surely": -distance_from_zero(changes["low"], changes["high"]),
            "change": -changes["change"].abs().fillna(0.0),
            "slice": changes["slice"],
            "emotion": changes["emotion"],
        }
    )
    return changes.iloc[order.sort_values(list(order.columns), kind="stable").index].reset_index(drop=True)


def _units_in_words(rows: pd.DataFrame, groups: npt.NDArray[np.int64]) -> str:
    if pair_codes(rows) is None:
        return f"pictures come in {groups.max() + 1:,} groups (group_id), which are the units here"
    return (
        f"pictures come in pairs (pair_id): the {groups.max() + 1:,} parts of the data that are connected through "
        "pairs are the units here; slices are compared with all other pictures, where an audit of either model "
        "compares within pairs"
    )


def _columns(predicted_a: Floats, predicted_b: Floats, truth: Floats | None) -> dict[str, Floats]:
    """What is summed over slices; `one` comes first. Without any truth all pictures count, beyond nothing."""
    n = len(predicted_a)
    known = np.ones((n, 1), dtype=bool) if truth is None else np.isfinite(truth).all(axis=1, keepdims=True)
    votes = np.zeros_like(predicted_a) if truth is None else np.where(known, truth, 0.0)
    difference = predicted_b - predicted_a
    on_known = np.where(known, difference, 0.0)
    middle = np.where(known, (predicted_a + predicted_b) / 2 - votes, 0.0)
    hits = np.hstack([(said * votes).sum(axis=1, keepdims=True) for said in (predicted_a, predicted_b)])
    gain = hits[:, 1:] - hits[:, :1]
    return {
        "one": np.ones((n, 1)),
        "a": predicted_a,
        "b": predicted_b,
        "difference2": difference**2,
        "counted": known.astype(float),
        "on_known": on_known,
        "on_known2": on_known**2,
        "middle": middle,
        "middle2": middle**2,
        "labelled": known.astype(float) * (truth is not None),
        "hits": hits,
        "gain2": gain**2,
        "gained": (gain > 0).astype(float),
        "lost": (gain < 0).astype(float),
        "flipped": difference.any(axis=1, keepdims=True).astype(float),
    }


def _units(sums: SliceSums, data: Sliced, parts: Mapping[str, Floats]) -> GroupTotals:
    """Whole groups: the `k` differences, the `k` on pictures with truth, the `k` middles, and the hits."""
    k = parts["a"].shape[1]
    hits = parts["hits"]
    values = np.hstack([parts["b"] - parts["a"], parts["on_known"], parts["middle"], hits[:, 1:] - hits[:, :1]])
    counted = np.hstack([np.repeat(parts["one"], k, axis=1), np.repeat(parts["counted"], 2 * k + 1, axis=1)])
    return group_totals(sums.specs, data, values=values, counted=counted)
