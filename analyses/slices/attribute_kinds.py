"""Is a numeric attribute a quantity, cut at quantiles, or a code, taken value by value, and how are values ordered?"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from affect_workbench.data.plurals import plural

if TYPE_CHECKING:
    from affect_workbench.analyses.slices.coding import CodedAttribute

FEW_VALUES = 8
"""A numeric column with at most this many different values is sliced value by value, not cut."""
FEW_CODES = 20
"""So is a column of whole numbers with at most this many, each there `OFTEN` times on average: a country, a cluster."""
OFTEN = 5
MOST_LISTED = 100
"""Whole numbers with more different values than this are surely no codes, and nothing is said of them."""


def is_quantity(column: pd.Series, *, distinct: int) -> bool:
    """Whether a column is cut at quantiles where nobody says what it is.

    Args:
        column: one value a picture.
        distinct: how many different values it has.
    """
    if not is_numeric(column) or distinct <= FEW_VALUES:
        return False
    return not (_whole(column) and distinct <= FEW_CODES and int(column.notna().sum()) >= OFTEN * distinct)


def is_numeric(column: pd.Series) -> bool:
    """Whether it holds numbers; yes and no are none."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def require_kinds(rows: pd.DataFrame, numeric: Collection[str], *, categorical: Collection[str]) -> None:
    """Refuses what cannot be said of the columns.

    Raises:
        ValueError: a column that is not there, is said to be both, or is said to be numeric and holds text.
    """
    from affect_workbench.data.taxonomies.taxonomy import closest

    for option, names in (("--numeric", numeric), ("--categorical", categorical)):
        for name in names:
            if name not in rows:
                raise ValueError(f"{option} names {name!r}, which is no column of the data: {closest(name, map(str, rows))}")
    for name in numeric:
        if name in categorical:
            raise ValueError(f"{name!r} is named by --numeric and by --categorical: it is cut at quantiles or it is not")
        if not is_numeric(rows[name]):
            numbers = pd.to_numeric(rows[name].astype(object), errors="coerce")
            words = rows[name][numbers.isna() & rows[name].notna()]
            held = f"{str(words.iloc[0])!r} in {plural(len(words), 'picture')}" if len(words) else "yes and no"
            raise ValueError(f"--numeric names {name!r}, which holds {held}: only numbers can be cut at quantiles")


def require_finite(name: str, infinite: int) -> None:
    """Refuses an attribute with infinite values, which no saved slice can hold.

    Raises:
        ValueError: there are any (how many).
    """
    if infinite:
        raise ValueError(
            f"attribute {name!r} holds {plural(infinite, 'infinite value')}: it cannot be sliced; leave those cells empty"
        )


def kind_notes(
    rows: pd.DataFrame, coded: Sequence[CodedAttribute], *, numeric: Collection[str], categorical: Collection[str]
) -> list[str]:
    """On whole numbers that somebody might take otherwise, where nobody said what they are, and on values spelt two ways."""
    codes: list[str] = []
    quantities: list[str] = []
    for attribute in coded:
        name = attribute.column
        if name in numeric or name in categorical or not is_numeric(rows[name]) or not _whole(rows[name]):
            continue
        distinct = int(rows[name].nunique())
        if FEW_VALUES < distinct <= MOST_LISTED:
            cut = attribute.conditions[0].value is None
            (quantities if cut else codes).append(f"{name} ({distinct} values)")
    parts = [f"{', '.join(codes)}: taken value by value, as codes"] if codes else []
    parts += [f"{', '.join(quantities)}: cut at quantiles"] if quantities else []
    notes = [f"whole numbers: {'; '.join(parts)} (--numeric and --categorical say otherwise)"] if parts else []
    return notes + [note for attribute in coded for note in _spelling_notes(rows[attribute.column])]


def _spelling_notes(column: pd.Series) -> list[str]:
    """A sentence where values of a text column differ in capitals or blanks only."""
    if is_numeric(column) or pd.api.types.is_bool_dtype(column):
        return []
    spellings: dict[str, list[str]] = {}
    for value in column.dropna().unique():
        if isinstance(value, str):
            spellings.setdefault(" ".join(value.casefold().split()), []).append(value)
    alike = [" and ".join(map(repr, sorted(values))) for values in spellings.values() if len(values) > 1]
    if not alike:
        return []
    more = f" and {len(alike) - 3:,} more" if len(alike) > 3 else ""
    return [
        f"values of {column.name!r} differ in capitals or blanks only: {'; '.join(alike[:3])}{more}: each is a slice of its "
        "own; spell them alike in the table to have one"
    ]


def kinds_of(where: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns that were cut at quantiles, and those taken value by value, in the slices of a finished audit."""
    cut = {column: isinstance(value, Mapping) for conditions in where for column, value in conditions.items()}
    return tuple(name for name in cut if cut[name]), tuple(name for name in cut if not cut[name])


def listed(values: Sequence[Any]) -> list[int]:
    """The positions of the values in the order to list them: numbers in text by their size, so that c2 comes before c10."""
    if not all(isinstance(value, str) for value in values):
        return list(range(len(values)))
    return sorted(range(len(values)), key=lambda at: _natural(values[at]))


def _natural(text: str) -> tuple[list[str | int], str]:
    parts: list[str | int] = [int(part) if at % 2 else part for at, part in enumerate(re.split(r"([0-9]+)", text))]
    return parts, text


def _whole(column: pd.Series) -> bool:
    if pd.api.types.is_integer_dtype(column):
        return True
    numbers = column.dropna().to_numpy(np.float64)
    return bool(np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all())
