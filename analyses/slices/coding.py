"""How is a column of attribute values turned into integer codes, one for each value?"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.slices.attribute_kinds import is_numeric, is_quantity, listed, require_finite, require_kinds
from affect_workbench.analyses.slices.conditions import Condition, in_words
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.columns import CORE_COLUMNS, MEANINGS, VOTE_PREFIX
from affect_workbench.data.tables.magnitude import require_moderate

MOST_VALUES = 100
"""A text column with more different values is only sliced when it is asked for by name."""


MOST_NAMED_VALUES = 1_000
"""With more than this a text column is not sliced even then."""


@dataclass(frozen=True)
class CodedAttribute:
    """An attribute as integers: row `i` fulfils `conditions[codes[i]]`, or none where the code is -1 (missing).

    Attributes:
        column: its name.
        conditions: one a value or bin.
        codes: `(n,)` int64.
    """

    column: str
    conditions: tuple[Condition, ...]
    codes: npt.NDArray[np.int64]

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return int((self.codes < 0).sum())


def coded_attribute(
    column: pd.Series, *, bins: int = 4, distinct: int | None = None, quantity: bool | None = None
) -> CodedAttribute:
    """The column as codes: value by value, or by quantile where it is a quantity (see `analyses.slices.attribute_kinds`).

    Args:
        column: one value a picture.
        bins: quantile bins of a numeric column.
        distinct: how many different values it has, where that is known already.
        quantity: whether it is cut at quantiles, where somebody has said so.

    Raises:
        ValueError: fewer than two different values, or infinite ones.
    """
    name = str(column.name)
    distinct = int(column.nunique(dropna=True)) if distinct is None else distinct
    if distinct < 2:
        only = f"one value ({in_words(column.dropna().iloc[0])!r})" if distinct else "no value at all"
        raise ValueError(
            f"attribute {name!r} has {only} in {plural(len(column), 'picture')}: a slice needs at least two to compare"
        )
    if is_quantity(column, distinct=distinct) if quantity is None else quantity and is_numeric(column):
        return _binned(column.astype(float), bins=bins)
    codes, values = pd.factorize(column, sort=True, use_na_sentinel=True)
    endless = [at for at, value in enumerate(values) if isinstance(value, float) and np.isinf(value)]
    require_finite(name, int(np.isin(codes, endless).sum()) if endless else 0)
    order = listed(list(values))
    place = np.append(np.argsort(order), -1)  # of each old code, and of "missing"
    conditions = tuple(Condition(name, _plain(values[at])) for at in order)
    return CodedAttribute(name, conditions, place[codes].astype(np.int64))


def coded_attributes(
    rows: pd.DataFrame,
    names: Sequence[str] | None,
    *,
    available: Sequence[str],
    bins: int = 4,
    numeric: Collection[str] = (),
    categorical: Collection[str] = (),
    aside: Sequence[tuple[str, str]] = (),
) -> tuple[list[CodedAttribute], list[tuple[str, str]]]:
    """The attributes to slice by, and (name, reason) of those that cannot be sliced.

    Args:
        rows: one row a picture.
        names: which attributes; None for every available one except text with more than `MOST_VALUES` values.
        available: the attribute columns of `rows`.
        bins: quantile bins of numeric attributes.
        numeric: attributes to cut at quantiles.
        categorical: attributes to take value by value.
        aside: (name, reason) of available attributes that are sliced only when they are asked for by name.

    Raises:
        ValueError: an unknown name, something that cannot be cut (see `attribute_kinds.require_kinds`), two slices with the
            same name in words, or nothing left to slice by (why, for each).
    """
    _require_attributes(rows, names, available)
    require_kinds(rows, numeric, categorical=categorical)
    coded: list[CodedAttribute] = []
    unusable: list[tuple[str, str]] = list(aside) if names is None else []
    left = dict(unusable)
    for name in [name for name in available if name not in left] if names is None else dict.fromkeys(names):
        try:
            distinct = rows[name].nunique()
        except TypeError:
            unusable.append((name, "it holds values that are neither text nor numbers (lists, say)"))
            continue
        by_value = name in categorical or not pd.api.types.is_numeric_dtype(rows[name])
        if names is not None and distinct > MOST_NAMED_VALUES and by_value:
            unusable.append(
                (
                    name,
                    (
                        f"{distinct:,} different values, more than {MOST_NAMED_VALUES:,}: merge them into fewer "
                        "groups (an artist into a school, a date into a year; numbers are cut at quantiles when the "
                        "column holds only numbers)"
                    ),
                )
            )
            continue
        if names is None and distinct > MOST_VALUES and by_value:
            unusable.append((name, f"{distinct} different values, more than {MOST_VALUES}: name it to slice by it anyway"))
            continue
        try:
            quantity = True if name in numeric else False if name in categorical else None
            coded.append(coded_attribute(rows[name], bins=bins, distinct=int(distinct), quantity=quantity))
        except ValueError as error:
            unusable.append((name, str(error).replace(f"attribute {name!r} ", "it ", 1)))
    _require_different_names(coded)
    if not coded:
        left_out = (f"attribute {name!r}: {reason}".replace(": it ", " ", 1) for name, reason in unusable)
        reasons = "; ".join(left_out) or "the data have no attribute column"
        raise ValueError(f"nothing to slice by: {reasons}. Join attributes with --attributes=TABLE.csv")
    return coded, unusable


def _require_attributes(rows: pd.DataFrame, names: Sequence[str] | None, available: Sequence[str]) -> None:
    from difflib import get_close_matches

    listed = f"attributes: {', '.join(available) or 'none'}"
    if names is not None and not names:
        raise ValueError(f"no attribute is named to slice by; {listed}")
    for name in [name for name in names or () if name not in available]:
        if name in rows or name in CORE_COLUMNS:
            usual = "votes" if name.startswith(VOTE_PREFIX) else "an outcome that is compared"
            raise ValueError(f"{name!r} is no attribute: it holds {MEANINGS.get(name, usual)}; {listed}")
        near = get_close_matches(name, available, n=1)
        raise ValueError(f"no attribute {name!r} in the data: {f'did you mean {near[0]}?' if near else listed}")


def _require_different_names(coded: Sequence[CodedAttribute]) -> None:
    """Slices are known by their names in words, which must therefore differ."""
    owner: dict[str, str] = {}
    for attribute in coded:
        for condition in attribute.conditions:
            other = owner.setdefault(condition.name, attribute.column)
            if other != attribute.column:
                raise ValueError(
                    f"attributes {other!r} and {attribute.column!r} have the same name in words: rename one of them"
                )
        if len({condition.name for condition in attribute.conditions}) < len(attribute.conditions):
            raise ValueError(f"attribute {attribute.column!r} has different values with the same name in words: rename one")


def _binned(column: pd.Series, *, bins: int) -> CodedAttribute:
    name, numbers = str(column.name), column.to_numpy(float)
    require_finite(name, int(np.isinf(numbers).sum()))
    require_moderate(numbers, what=f"attribute {name!r}")
    known = numbers[np.isfinite(numbers)]
    # Cut points are rounded first and applied as rounded, so that the slice's name is exactly its rule; kept between the
    # smallest and the second largest value, they always leave pictures on both sides.
    decimals = 2 - int(np.floor(np.log10(known.max() - known.min())))
    rounded = np.round(np.quantile(known, np.arange(1, bins) / bins), decimals)
    cuts = np.unique(np.clip(rounded, known.min(), known[known < known.max()].max()))
    ends = [None, *map(float, cuts), None]
    conditions = tuple(Condition(name, above=low, up_to=high) for low, high in itertools.pairwise(ends))
    codes = np.where(np.isfinite(numbers), np.searchsorted(cuts, numbers, side="left"), -1)
    return CodedAttribute(name, conditions, codes.astype(np.int64))


def _plain(value: object) -> Any:
    """A numpy scalar as the Python value that JSON can hold; anything else that JSON cannot hold as text."""
    plain = value.item() if isinstance(value, np.generic) else value
    return plain if isinstance(plain, (str, int, float, bool)) else str(plain)
