"""What is in a column: numbers, yes and no, or text? The same answer for CSV, JSON and Parquet of one table.

Only an empty cell is missing: `NA`, `None`, `null` and `nan` are values. A column holds numbers where every cell that is not
empty is one (a code such as `007` is none), truth values where every one is `true` or `false`, else text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from affect_workbench.arrays import Floats
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.delimited import trimmed

_WHOLE = r"^[+-]?(?:0|[1-9][0-9]{0,17})$"
_NUMBER = r"^[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
_INFINITE = r"(?i)^[+-]?inf(?:inity)?$"
_DECIMAL_COMMA = r"^[+-]?(?:0|[1-9][0-9]*)(?:,[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
_THOUSANDS = r"^[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+$"
_LONG_WHOLE = r"^[+-]?[1-9][0-9]{18,}$"
_NO_VALUES = ("na", "n/a", "#n/a", "<na>", "nan", "none", "null", "nil", "-", "--", "?", ".", "missing", "unknown")
"""What people and programs write, in lower case, where they mean that a number is not known."""


def series_of(column: Any, *, text: bool = False, decimal_comma: bool = False) -> pd.Series:
    """An Arrow column `(n,)` as a series: int64 or float64, bool (object where some are missing), or text.

    Text loses outer blanks, and is missing where nothing is left; but for ids, paths and the like it is composed (NFC).
    Categories, dates and decimals become what a CSV would hold. Lists, structures and bytes stay the objects that they are.

    Args:
        column: a `pyarrow.ChunkedArray` or `Array` of any type.
        text: make it text whatever it looks like (ids, labels): `7` and `7.0` are `"7"`, `007` stays `"007"`.
        decimal_comma: read `0,9` as a number where every cell is written so.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return series_of(column.cast(kind.value_type), text=text, decimal_comma=decimal_comma)
    if pa.types.is_null(kind) or pa.types.is_large_string(kind) or _is_view(kind):
        column, kind = column.cast(pa.string()), pa.string()
    if pa.types.is_string(kind):
        cells = trimmed(column)
        return _pandas(cells) if text else _typed(cells, decimal_comma=decimal_comma)
    if not text and column.null_count == len(column) and not pa.types.is_nested(kind):
        return _nothing(column)
    if pa.types.is_boolean(kind):
        return _text(column.cast(pa.string()), "true", "false") if text else _truth(column)
    if pa.types.is_integer(kind):
        return _pandas(column.cast(pa.string())) if text else _numbers(column)
    if pa.types.is_floating(kind):
        numbers = _doubles(column)
        return _whole_as_text(numbers) if text else numbers
    if pa.types.is_decimal(kind):
        return series_of(column.cast(pa.float64()), text=text)
    if pa.types.is_temporal(kind):
        values = column.to_pandas()
        said = [None if missing else day for day, missing in zip(values.astype(str), values.isna(), strict=True)]
        return _pandas(pa.array(said, pa.string()))
    return _pandas(column)


def series_of_objects(values: Sequence[object], *, text: bool = False) -> pd.Series:
    """What JSON holds in one key `(n,)`, as `series_of` gives it; values of several kinds become text, lists with commas."""
    known = [value for value in values if value is not None]
    kinds = {type(value) for value in known}
    if kinds == {bool}:
        return series_of(pa.array(values, pa.bool_()), text=text)
    if kinds and kinds <= {int, float}:
        whole = kinds == {int} and all(abs(value) < 2**63 for value in known if isinstance(value, int))
        if whole or float in kinds:
            return series_of(pa.array(values, pa.int64() if whole else pa.float64()), text=text)
    return series_of(pa.array([None if value is None else _spelt(value) for value in values], pa.string()), text=text)


def names_of(column: pd.Series) -> pd.Series:
    """Text `(n,)` of a column of labels, splits or groups, composed (NFC), and `3.0`, as gaps make it, as `3`."""
    known = column.dropna()
    if not len(known) or not known.str.fullmatch(r"-?[0-9]+\.0").all():
        return column if known.empty else column.str.normalize("NFC")
    return column.str.removesuffix(".0")


def _spelt(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else str(value)


def column_notes(rows: pd.DataFrame) -> list[str]:
    """A sentence for each text column whose other values are numbers: what keeps it from being one, how often.

    Args:
        rows: columns as `series_of` makes them.
    """
    notes = []
    for name in rows.columns:
        column = rows[name]
        if not pd.api.types.is_string_dtype(column):
            continue
        counts = column.value_counts()
        if not all(isinstance(value, str) for value in counts.index):
            continue
        stands = {value: int(n) for value, n in counts.items() if str(value).casefold() in _NO_VALUES}
        others = pa.array([value for value in counts.index if value not in stands], pa.string())
        if len(others) < 2:
            continue
        if stands and _all(others, _NUMBER):
            said = ", ".join(f"{value!r} ({plural(n, 'time')})" for value, n in stands.items())
            notes.append(
                f"column {name!r} holds numbers, and {said}: only an empty cell is missing, so it is a value like any other "
                "and the column is taken as text; empty those cells to have numbers"
            )
        elif _all(others, _DECIMAL_COMMA) and not _all(others, _NUMBER):
            notes.append(
                f"column {name!r} holds numbers with a comma, first {others[0].as_py()!r}, which may be decimals or "
                "thousands: it is taken as text; write numbers with a decimal point"
            )
    return notes


def numbers_of(column: pd.Series, *, where: str, ids: Sequence[object] | pd.Series | None = None) -> Floats:
    """A column that must hold numbers, NaN where it is empty.

    Raises:
        ValueError: a value that is no number (which, of which picture, how many).
    """
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(np.float64, na_value=np.nan)
    found = pd.to_numeric(column.where(column.notna(), None).astype(object), errors="coerce").to_numpy(np.float64)
    text = column.map(lambda value: isinstance(value, str)).to_numpy(dtype=bool)
    named = np.zeros(len(column), dtype=bool)
    named[text] = column[text].str.strip().str.casefold().isin(_NO_VALUES).to_numpy(dtype=bool)
    bad = column.notna().to_numpy() & (np.isnan(found) | named)
    if bad.any():
        first = int(bad.argmax())
        of = f" (picture {str(list(ids)[first])!r})" if ids is not None else f" (row {first + 1})"
        raise ValueError(
            f"{where} holds {str(column.iloc[first])!r}{of}, and {plural(int(bad.sum()), 'cell that is', 'cells that are')} "
            "no number in all: write numbers with a decimal point, and leave a cell empty where there is none"
        )
    return found


def _typed(cells: Any, *, decimal_comma: bool) -> pd.Series:
    known = cells.drop_null()
    if not len(known):
        return _nothing(cells)
    first = known[0].as_py()
    if first.casefold() in ("true", "false"):
        lower = pc.utf8_lower(known)
        if pc.all(pc.is_in(lower, pa.array(["true", "false"]))).as_py():
            return _truth(pc.equal(pc.utf8_lower(cells), "true"))
    if _all(known, _WHOLE):
        return _numbers(pc.replace_substring_regex(cells, r"^\+", "").cast(pa.int64()))
    if decimal_comma and _all(known, _DECIMAL_COMMA) and not _all(_with_comma(known), _THOUSANDS):
        cells = pc.replace_substring(cells, ",", ".")
        known = cells.drop_null()
    numbers = pc.match_substring_regex(known, _NUMBER)
    plain = pc.or_(numbers, pc.match_substring_regex(known, _INFINITE))
    too_long = pc.any(pc.match_substring_regex(known, _LONG_WHOLE)).as_py()
    if pc.all(plain).as_py() and pc.any(numbers).as_py() and not too_long:
        return _numbers(pc.replace_substring_regex(cells, r"^\+", "").cast(pa.float64()))
    return _pandas(pc.utf8_normalize(cells, form="NFC"))


def _with_comma(cells: Any) -> Any:
    return cells.filter(pc.match_substring(cells, ","))


def _all(cells: Any, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(cells, pattern)).as_py())


def _numbers(column: Any) -> pd.Series:
    """int64 where whole and complete, else float64 with NaN."""
    if pa.types.is_integer(column.type) and column.null_count == 0 and not pa.types.is_uint64(column.type):
        return pd.Series(column.to_numpy().astype(np.int64))
    return pd.Series(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float64))


def _doubles(column: Any) -> pd.Series:
    """float64; of narrower floats the number that is written like them (0.1, not 0.10000000149)."""
    values = column.cast(pa.float64()) if pa.types.is_float64(column.type) else None
    if values is None:
        narrow = column.to_numpy(zero_copy_only=False)
        return pd.Series(np.asarray(narrow).astype("U32").astype(np.float64))
    return _numbers(values)


def _truth(column: Any) -> pd.Series:
    if column.null_count == 0:
        return pd.Series(column.to_numpy(zero_copy_only=False).astype(bool))
    return pd.Series(column.to_pylist(), dtype=object)


def _text(cells: Any, true: str, false: str) -> pd.Series:
    """Truth values as Python and pandas write them."""
    said = pc.if_else(pc.equal(cells, true), "True", pc.if_else(pc.equal(cells, false), "False", cells))
    return _pandas(said)


def _whole_as_text(numbers: pd.Series) -> pd.Series:
    said = [
        None if np.isnan(value) else str(int(value)) if float(value).is_integer() else repr(value)
        for value in numbers.tolist()
    ]
    return _pandas(pa.array(said, pa.string()))


def _nothing(column: Any) -> pd.Series:
    """A column without a single value."""
    return pd.Series(np.full(len(column), np.nan))


def _pandas(column: Any) -> pd.Series:
    found: pd.Series = column.to_pandas()
    return found


def _is_view(kind: Any) -> bool:
    return bool(pa.types.is_string_view(kind)) if hasattr(pa.types, "is_string_view") else False
