"""How are saved arrays and tables opened, so that a damaged one is told in one line and can neither run nor fill memory?

Libraries answer damage with whatever error it happens to meet in them; here it is always one `ValueError` that names the
file.
"""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Callable, Iterable, Set
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.data.storage.delimited import read_cells
from affect_workbench.data.storage.saved import Record

T = TypeVar("T")


def read_npy(path: Path, *, otherwise: str = "make it again", mapped: bool = False) -> npt.NDArray[Any]:
    """The array in an `.npy` file; pickled objects are refused.

    Args:
        path: the file.
        otherwise: what to do where it is damaged.
        mapped: leave the values on disk.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged: no header that can be read, or one that promises another size than the file has.
    """

    def opened() -> npt.NDArray[Any]:
        _require_size(path)
        found = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
        if not isinstance(found, np.ndarray):
            raise ValueError("it holds several arrays")
        return found

    return _guarded(path, opened, what="a readable .npy array", otherwise=otherwise)


def read_npz(path: Path, *, otherwise: str = "make it again") -> dict[str, npt.NDArray[Any]]:
    """The arrays in an `.npz` file by name; pickled objects are refused.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged, or larger than the file says.
    """

    def opened() -> dict[str, npt.NDArray[Any]]:
        if not zipfile.is_zipfile(path):
            raise ValueError("it is no zip file")
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                with archive.open(member) as file:
                    _require_promised(file, member.file_size)
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}

    return _guarded(path, opened, what="readable .npz arrays", otherwise=otherwise)


def read_parquet(
    path: Path, *, needed: Iterable[str] = (), textual: Iterable[str] = (), otherwise: str = "make it again"
) -> pd.DataFrame:
    """The table in a Parquet file, its text checked to be text.

    Args:
        path: the file.
        needed: columns that it must have; one that holds bytes must hold text in UTF-8.
        textual: columns of which the second is asked where they are there.
        otherwise: what to do where it is damaged.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged, text that is not UTF-8, or a column missing.
    """
    needed = tuple(needed)

    def opened() -> pd.DataFrame:
        return pd.DataFrame(_arrow(path, {*needed, *textual}).to_pandas())

    found = _guarded(path, opened, what="a readable Parquet table", otherwise=otherwise)
    require_columns(found, needed, path=path, otherwise=otherwise)
    return found


def read_arrow(path: Path, *, textual: Iterable[str] = (), otherwise: str = "make it again") -> Any:
    """The `pyarrow.Table` in a Parquet file, for readers that must see the types it was written with.

    Raises:
        FileNotFoundError: no such file.
        ValueError: see `read_parquet`.
    """
    return _guarded(path, lambda: _arrow(path, {*textual}), what="a readable Parquet table", otherwise=otherwise)


def _arrow(path: Path, textual: Set[str]) -> Any:
    import pyarrow
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        table = file.read()
    table.validate(full=True)  # offsets within bounds, text in UTF-8: what would crash, or fail only when it is shown
    for at, column in enumerate(table.schema):
        if column.name in textual and pyarrow.types.is_binary(column.type):
            table = table.set_column(at, column.name, table.column(at).cast(pyarrow.string()))
    return table


def read_saved_csv(path: Path, *, needed: Iterable[str] = (), otherwise: str = "make it again") -> pd.DataFrame:
    """A CSV file with every cell as the text that it is; an empty cell is an empty text (see `data.storage.delimited`).

    Args:
        path: the file.
        needed: columns that it must have.
        otherwise: what to do where it is damaged.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged, not UTF-8, a line that has not a cell for each name, or a column missing.
    """
    found = _guarded(path, lambda: read_cells(path).frame(), what="a readable CSV table", otherwise=otherwise)
    require_columns(found, needed, path=path, otherwise=otherwise)
    return found


def numbers(
    table: pd.DataFrame, column: str, *, path: Path, whole: bool = False, otherwise: str = "make it again"
) -> pd.Series:
    """A column as numbers, float64 or int64; an empty cell is NaN where they need not be whole.

    Raises:
        ValueError: a value is no number (the first one is named), or not whole.
    """
    values = pd.to_numeric(table[column].replace("", None), errors="coerce").astype(float)
    given = table[column].notna() & (table[column] != "")
    bad = ~np.isfinite(values) & (given | whole)
    if whole:
        bad |= (values % 1 != 0) | (values.abs() > 2**53)
    if bad.any():
        first = table[column][bad].iloc[0]
        expected = "a whole number" if whole else "a number"
        raise ValueError(f"{path} cannot be read: {column} holds {str(first)[:60]!r}, expected {expected}; {otherwise}")
    return values.astype(np.int64) if whole else values


def require_columns(table: pd.DataFrame, needed: Iterable[str], *, path: Path, otherwise: str = "make it again") -> None:
    """Refuses a table without some of its columns.

    Raises:
        ValueError: which are missing, and which there are.
    """
    missing = [name for name in needed if name not in table]
    if missing:
        has = ", ".join(str(name)[:40] for name in table.columns[:12])
        raise ValueError(
            f"{path} cannot be read: it lacks {', '.join(map(repr, missing))} among its columns (it has {has}); {otherwise}"
        )


def _guarded(path: Path, opened: Callable[[], T], *, what: str, otherwise: str) -> T:
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}: it does not exist")
    try:
        with warnings.catch_warnings():
            # A header that numpy can only guess at, and a row that is longer than its header, are damage.
            for kind in (UserWarning, pd.errors.ParserWarning):
                warnings.simplefilter("error", kind)
            return opened()
    except PermissionError:
        raise
    except Exception as error:  # struct, zlib, zipfile, tokenize, arrow, numpy and memory errors, by kind of damage
        reason = " ".join((str(error) or type(error).__name__).split())[:160]
        raise ValueError(f"{path} is not {what} ({reason}): {otherwise}") from error


def _require_size(path: Path) -> None:
    with path.open("rb") as file:
        _require_promised(file, path.stat().st_size)


def _require_promised(file: Any, size: int) -> None:
    """Refuses a header that promises more than there is, before memory is asked for."""
    version = np.lib.format.read_magic(file)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"it is of NumPy format {version}")
    shape, _, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("it holds pickled objects, which could run code")
    promised = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or promised > size:
        raise ValueError(f"its header promises {promised:,} bytes, the file has {size:,}")


def table_of(
    record: Record, key: str, *, text: Iterable[str] = (), numeric: Iterable[str] = (), whole: Iterable[str] = ()
) -> pd.DataFrame:
    """The list of rows under a key of a record as a table.

    Args:
        record: of a JSON file.
        key: where the rows stand.
        text: columns that every row must have, as text.
        numeric: columns that every row must have, as a number or null; float64, with NaN for null.
        whole: columns that every row must have, as whole numbers.

    Raises:
        ValueError: a row lacks one, or has another kind of value there.
    """
    rows, wanted = record.records(key), list(numeric)
    for row in rows:
        for name in text:
            row.text(name)
        for name in whole:
            row.whole(name)
        for name in wanted:
            if name not in row or row.known(name):
                row.number(name)
    return pd.DataFrame([row.values for row in rows]).astype(dict.fromkeys(wanted, float) if rows else {})
