"""Within pictures alike in something else (true label, scene, any column): which strata, and what is said in each?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.slices.coding import CodedAttribute, coded_attribute
from affect_workbench.arrays import Floats
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.tables.columns import attribute_columns
from affect_workbench.data.taxonomies.taxonomy import closest

TRUTH = "label"
"""The name under which the true label (the most voted one, with votes) is adjusted for."""
_NAMED = 5


@dataclass(frozen=True)
class Strata:
    """Pictures by what is held fixed.

    Attributes:
        columns: what is held fixed.
        codes: stratum of each picture `(n,)`, -1 where any of the columns is not known.
        names: the strata in words.
    """

    columns: tuple[str, ...]
    codes: npt.NDArray[np.int64]
    names: tuple[str, ...]

    @property
    def left_out(self) -> int:
        """Pictures in no stratum."""
        return int((self.codes < 0).sum())


def true_codes(predictions: Predictions) -> npt.NDArray[np.int64]:
    """Position of the true label `(n,)`, -1 where unknown; with votes the most voted, a tie going to the first.

    Raises:
        ValueError: no picture has a truth.
    """
    truth = predictions.truth
    if truth is None:
        raise ValueError("no picture has a true label or votes: give a column 'label', or one vote column per label")
    votes = np.nan_to_num(truth, nan=-1.0)
    return np.where(votes[:, 0] >= 0, votes.argmax(axis=1), -1).astype(np.int64)


def strata(
    predictions: Predictions,
    adjust_for: Sequence[str],
    *,
    bins: int = 4,
    numeric: Collection[str] = (),
    categorical: Collection[str] = (),
) -> Strata:
    """Every combination of values of the columns that some picture has.

    Args:
        predictions: with the columns in their rows; `label` stands for the truth, votes included.
        adjust_for: what to hold fixed; several columns are taken jointly.
        bins: quantile bins of a numeric column.
        numeric: columns to cut at quantiles.
        categorical: columns to take value by value.

    Raises:
        ValueError: no column, an unknown one, one that does not vary or has no value, or no picture that has them all.
    """
    truth = None
    if TRUTH in adjust_for:
        truth = true_codes(predictions), tuple(f"truth: {label}" for label in predictions.taxonomy.labels)
    return strata_of(predictions.rows, adjust_for, bins=bins, truth=truth, numeric=numeric, categorical=categorical)


def strata_of(
    rows: pd.DataFrame,
    adjust_for: Sequence[str],
    *,
    bins: int = 4,
    truth: tuple[npt.NDArray[np.int64], tuple[str, ...]] | None = None,
    numeric: Collection[str] = (),
    categorical: Collection[str] = (),
) -> Strata:
    """The same of rows without predictions; `truth`, codes and names, stands for `label`, which else is a column as any.

    Raises:
        ValueError: see `strata`.
    """
    if not adjust_for:
        raise ValueError("nothing to adjust for: name at least one column, or 'label' for the truth")
    parts: list[tuple[npt.NDArray[np.int64], tuple[str, ...]]] = []
    columns = tuple(dict.fromkeys(adjust_for))
    for column in columns:
        if column == TRUTH and truth is not None:
            parts.append(truth)
            continue
        if column not in rows or column == "image_id":
            legal = [TRUTH, *attribute_columns(rows)]
            raise ValueError(f"cannot adjust for {column!r}, which is no column of the data: {closest(column, legal)}")
        quantity = True if column in numeric else False if column in categorical else None
        try:
            coded = coded_attribute(rows[column], bins=bins, quantity=quantity)
        except ValueError as error:
            raise ValueError(f"cannot adjust for {column!r}: {error}") from error
        parts.append((coded.codes, tuple(one.name for one in coded.conditions)))
    joint, known = np.zeros(len(rows), dtype=np.int64), np.ones(len(rows), dtype=bool)
    for codes, names in parts:
        joint = joint * len(names) + codes
        known &= codes >= 0
    if not known.any():
        raise ValueError(f"no picture has a value in all of {', '.join(columns)}: nothing is left to compare")
    seen, dense = np.unique(joint[known], return_inverse=True)
    codes = np.full(len(rows), -1, dtype=np.int64)
    codes[known] = dense
    places = np.unravel_index(seen, tuple(len(names) for _, names in parts))
    words = zip(*(np.array(names, dtype=object)[at] for (_, names), at in zip(parts, places, strict=True)), strict=True)
    return Strata(columns, codes, tuple(" and ".join(map(str, one)) for one in words))


def require_other_attributes(attributes: Sequence[CodedAttribute], adjusted_for: Strata) -> None:
    """Refuses to adjust every slice for its own attribute.

    Raises:
        ValueError: all attributes are held fixed, or there is none.
    """
    own = [one.column for one in attributes if one.column in adjusted_for.columns]
    if not attributes or len(own) == len(attributes):
        raise ValueError(
            f"cannot adjust slices of {', '.join(own) or 'nothing'} for {', '.join(adjusted_for.columns)}: within one value "
            "of an attribute there is no other value to compare with; slice by another attribute or adjust for another"
        )


def named_strata(positions: npt.NDArray[np.int64], names: Sequence[str]) -> str:
    """The first few strata by name, and how many more there are."""
    more = f" and {len(positions) - _NAMED} more" if len(positions) > _NAMED else ""
    return "; ".join(names[at] for at in positions[:_NAMED]) + more


def stratum_counts(
    codes: npt.NDArray[np.int64], size: int, adjusted_for: Strata, y_pred: npt.NDArray[np.int64], k: int
) -> Floats:
    """Pictures `(size, h, k)` by slice value, stratum and predicted label: one pass, pictures without either left out."""
    known = (codes >= 0) & (adjusted_for.codes >= 0)
    h = len(adjusted_for.names)
    cell = (codes[known] * h + adjusted_for.codes[known]) * k + y_pred[known]
    return np.bincount(cell, minlength=size * h * k).reshape(size, h, k).astype(np.float64)


def series_of(names: Sequence[str], k: int) -> pd.Series:
    """Each name `k` times in a row, as a column of a table of (slice, emotion) cells."""
    return pd.Series(np.repeat(np.array(list(names), dtype=object), k), dtype=object)
