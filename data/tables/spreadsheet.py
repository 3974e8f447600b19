"""How is the first sheet of an Excel workbook read as a table of text? Needs the package openpyxl, an extra."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

SHEET_SUFFIXES = (".xlsx",)
MOST_IN_A_CELL = 32_767
"""Characters that a cell of Excel holds; what is longer was cut when it was saved."""


def require_reader(path: Path) -> None:
    """Refuses a workbook where nothing is installed that reads one.

    Raises:
        ValueError: what to install.
    """
    if find_spec("openpyxl") is None:
        raise ValueError(f"{path} is an Excel workbook: pip install 'affect-workbench[excel]' to read it, or save it as CSV")


def sheet_names(path: Path) -> list[str] | None:
    """The names of the columns; None where openpyxl is not installed."""
    return [name.strip() for name in next(_cells(path), [])] if find_spec("openpyxl") is not None else None


def sheet_records(path: Path) -> list[dict[str, str]]:
    """One record a row, column -> text, "" where a cell is empty; rows without any value are none.

    Raises:
        ValueError: not a workbook, or two columns have one name; or openpyxl is not installed.
    """
    require_reader(path)
    rows = list(_cells(path))
    names = [name.strip() for name in rows[0]] if rows else []
    if repeated := sorted({name for name in names if name and names.count(name) > 1}):
        raise ValueError(f"{path} has two columns called {repeated[0]!r}: rename one of them")
    return [{name: cell for name, cell in zip(names, row, strict=False) if name} for row in rows[1:] if any(row)]


def _cells(path: Path) -> Iterator[list[str]]:
    from openpyxl import load_workbook

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as an Excel workbook: {error}") from error
    try:
        for row in book.worksheets[0].iter_rows(values_only=True):
            yield ["" if value is None else str(value) for value in row]
    finally:
        book.close()
