"""Are these two sets of predictions of the same pictures, with the same true labels and attributes? Else: why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.audit.compare.labels import SharedLabels, shared_labels, spread
from affect_workbench.arrays import Floats, Mask
from affect_workbench.data.plurals import plural
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.tables.columns import VOTE_PREFIX, attribute_columns
from affect_workbench.data.tables.read import named
from affect_workbench.data.taxonomies.taxonomy import Taxonomy


@dataclass(frozen=True)
class PairedRows:
    """Two readings of `n` pictures, in the order of the first.

    Attributes:
        rows: what is known of the pictures, in the first.
        other_rows: the same in the second.
        taxonomy: the `k` labels, those of both runs.
        predicted_a: whether the first reads a picture as each label `(n, k)`, 0 or 1.
        predicted_b: the same of the second.
        truth: shares of votes `(n, k)`, NaN where unknown; None where no picture has a truth.
        attributes: columns that both can be sliced by.
        notes: what was left aside.
    """

    rows: pd.DataFrame
    other_rows: pd.DataFrame
    taxonomy: Taxonomy
    predicted_a: Floats
    predicted_b: Floats
    truth: Floats | None
    attributes: list[str]
    notes: tuple[str, ...]


def paired_rows(
    first: Predictions, second: Predictions, *, names: Sequence[str] | None = None, inferred: frozenset[str] = frozenset()
) -> PairedRows:
    """The two side by side.

    Args:
        first: one reading.
        second: the other; its rows may be in another order.
        names: attributes that must be in both; all that are in both when not given.
        inferred: attributes that may differ, because each run inferred its own: then they are left aside.

    Raises:
        ValueError: other pictures, true labels or attribute values, or see `analyses.audit.compare.labels.shared_labels`.
    """
    second = second.as_in(first.taxonomy)
    labels = shared_labels(first.taxonomy, second.taxonomy)
    rows, other_rows, at = same_pictures(first.rows, second.rows)
    truth = _one_truth(first, second, at, labels)
    if first.truth is None and second.truth is not None:
        columns = [str(name) for name in other_rows if name == "label" or str(name).startswith(VOTE_PREFIX)]
        rows = rows.assign(**{name: other_rows[name] for name in columns})
    shared, notes = shared_attributes(rows, other_rows, names=names, inferred=inferred)
    eye = np.eye(len(labels.taxonomy))
    predicted_a, predicted_b = eye[labels.first[first.predicted]], eye[labels.second[second.predicted[at]]]
    return PairedRows(rows, other_rows, labels.taxonomy, predicted_a, predicted_b, truth, shared, (*labels.notes, *notes))


def same_pictures(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, npt.NDArray[np.int64]]:
    """Rows of the first, those of the second in their order, and where in the second they stand.

    Raises:
        ValueError: one of them has pictures that the other lacks.
    """
    ids, others = pd.Index(first["image_id"]), pd.Index(second["image_id"])
    at = others.get_indexer(ids)
    if (at < 0).any() or len(ids) != len(others):
        only_a, only_b = ids.difference(others), others.difference(ids)
        apart = [
            f"{len(only):,} only in the {which} (first {only[0]})"
            for only, which in ((only_a, "first"), (only_b, "second"))
            if len(only)
        ]
        raise ValueError(f"the runs are of different pictures: {' and '.join(apart)}: audit both on the same pictures")
    return first.reset_index(drop=True), second.iloc[at].reset_index(drop=True), at.astype(np.int64)


def shared_attributes(
    rows: pd.DataFrame,
    other_rows: pd.DataFrame,
    *,
    names: Sequence[str] | None = None,
    inferred: frozenset[str] = frozenset(),
) -> tuple[list[str], list[str]]:
    """Attributes that both have, alike for every picture, and sentences about those that are left aside.

    Raises:
        ValueError: values differ, or no attribute is in both.
    """
    ids = pd.Index(rows["image_id"])
    shared: list[str] = []
    notes: list[str] = []
    available, in_second = attribute_columns(rows), set(attribute_columns(other_rows))
    for name in available if names is None else names:
        if name not in available or name not in in_second:
            notes.append(f"attribute {name!r} is not in both runs and is ignored")
            continue
        differing = _differing(rows[name], other_rows[name])
        if not differing.any():
            shared.append(name)
        elif name in inferred:
            notes.append(f"attribute {name!r} was inferred differently in the second run and is ignored")
        else:
            raise ValueError(
                f"attribute {name!r} differs between the runs for {plural(int(differing.sum()), 'picture')}, "
                f"first {named(ids[differing])}: audit both with the same attributes"
            )
    if not shared:
        raise ValueError(f"no attribute is in both runs: {'; '.join(notes) or 'audit both with the same attributes'}")
    return shared, notes


def _one_truth(first: Predictions, second: Predictions, at: npt.NDArray[np.int64], labels: SharedLabels) -> Floats | None:
    k = len(labels.taxonomy)
    one = None if first.truth is None else spread(first.truth, labels.first, k)
    two = None if second.truth is None else spread(second.truth, labels.second, k)
    if one is None or two is None:
        found = one if two is None else two[at]
        return None if found is None else np.asarray(found, dtype=np.float64)
    differing = ~np.isclose(one, two[at], atol=1e-9, equal_nan=True).all(axis=1)
    if differing.any():
        which = named(first.rows["image_id"].to_numpy()[differing])
        raise ValueError(
            f"the labels differ between the runs for {plural(int(differing.sum()), 'picture')}, first {which}: "
            "audit both with the same labels"
        )
    return np.asarray(one, dtype=np.float64)


def _differing(one: pd.Series, two: pd.Series) -> Mask:
    left, right = one.astype(object), two.astype(object)
    same = (left == right) | (left.isna() & right.isna())
    return ~np.asarray(same.fillna(False), dtype=bool)
