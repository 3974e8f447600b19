"""How is a CSV file read so that every column is what its header says, and nothing but an empty cell is missing?

One reader for every CSV that a user gives. A line with more or fewer cells than the header is refused, not shifted or
filled up. All cells come as text; what they mean is said by `data.tables.column_types`.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affect_workbench.data.storage.text_files import text_of

if TYPE_CHECKING:
    import pandas as pd

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
"""What may separate the cells -> what it is called."""
UNNAMED = "Unnamed: 0"
"""The name of a first column without one (row numbers as pandas and R write them)."""
_LOOKED_AT = 200
"""Lines that are looked at to find the separator."""
_BEGINNING = 1 << 22
"""Bytes that the header and the lines that are looked at lie in."""
_AT_ONCE = 2_000
"""Lines that are turned into columns at a time: few enough to stay in the processor's cache."""


@dataclass(frozen=True)
class Cells:
    """A file's cells as text, without outer blanks, null where empty.

    Attributes:
        columns: name -> cells, a text `pyarrow.ChunkedArray` a column, in the file's order.
        separator: what separates the cells.
        unusual: what separates them, in words, where the file's name says otherwise; else empty.
    """

    columns: dict[str, Any]
    separator: str
    unusual: str = ""

    def frame(self) -> pd.DataFrame:
        """All cells as text, `""` where empty."""
        import pandas as pd

        return pd.DataFrame({name: cells.fill_null("").to_pandas() for name, cells in self.columns.items()})


def read_cells(path: Path) -> Cells:
    """The cells of a CSV file in any separator of `SEPARATORS`, with quotes as in RFC 4180, and blanks after separators.

    A column without a name is allowed in first place (see `UNNAMED`), and anywhere where all its cells are empty: that is
    what a separator at the end of every line makes, and it is left out.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not text, no header, a name that is missing or there twice, or a line that does not have a cell for
            each name; the message names the line, not the file.
    """
    names, separator, records = _opened(path, text_of(path))
    columns = _columns(records, names, separator)
    unusual = "" if separator == _usual(path) else SEPARATORS.get(separator, repr(separator))
    return Cells(_named(columns, names), separator, unusual)


def header_of(path: Path) -> list[str]:
    """The names of the columns, from the beginning of the file; `UNNAMED` for each that has none.

    Raises:
        FileNotFoundError: no such file.
        ValueError: see `read_cells`; nothing but the header is looked at.
    """
    names, _, _ = _opened(path, text_of(path, most=_BEGINNING))
    return [name or UNNAMED for name in names]


def _opened(path: Path, text: str) -> tuple[list[str], str, Iterator[tuple[int, list[str]]]]:
    """The names in the header, what separates them, and the records that follow."""
    if not text.strip():
        raise ValueError("No columns to read: the file is empty")
    told = re.match(r"sep=(.)\r?\n", text)  # how a spreadsheet is told the separator
    separator = told[1] if told else _separator(text, _usual(path))
    records = _records(text[told.end() :] if told else text, separator, 2 if told else 1)
    line, header = next(records, (1, []))
    names = [cell.strip() for cell in header]
    if not any(names):
        raise ValueError(f"line {line}, where the names of the columns belong, is empty: write the header there")
    return names, separator, records


def _usual(path: Path) -> str:
    return "\t" if Path(path).suffix.lower() == ".tsv" else ","


def _separator(text: str, usual: str) -> str:
    """The separator that gives the header at least two names and the first lines as many cells each; else the usual one."""
    best, rank = usual, (-1.0, False, 0)
    for candidate in SEPARATORS:
        found: list[int] = []
        try:
            for record in itertools.islice(_reader(text, candidate), _LOOKED_AT):
                if record:
                    found.append(len(record))
        except csv.Error:
            pass  # the reader proper says where
        if found and found[0] >= 2:
            agreeing = sum(count == found[0] for count in found[1:]) / max(len(found) - 1, 1)
            if (agreeing, candidate == usual, found[0]) > rank:
                best, rank = candidate, (agreeing, candidate == usual, found[0])
    return best


def _reader(text: str, separator: str) -> Any:
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)


def _records(text: str, separator: str, first: int) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of the line that it starts in; `first` is the number of the text's first line."""
    reader = _reader(text, separator)
    while True:
        line = reader.line_num + first
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            why = str(error)
            if "end of data" in why:
                why = "a quote is opened and never closed"
            elif "expected after" in why:
                why = "text follows a closing quote: a quote inside a quoted cell is written twice"
            raise ValueError(f"line {line}: {why}") from error
        yield line, record


def _columns(records: Iterator[tuple[int, list[str]]], names: list[str], separator: str) -> list[Any]:
    import pyarrow as pa

    parts: list[list[Any]] = [[] for _ in names]

    def checked() -> Iterator[list[str]]:
        for line, record in records:
            if len(record) == len(names):
                yield record
            elif record and not (len(record) == 1 and not record[0].strip()):
                said = ", ".join(name or "one without a name" for name in names[:6]) + ", ..." * (len(names) > 6)
                raise ValueError(
                    f"line {line} has {len(record)} cells, but the header names {len(names)} ({said}; separated by "
                    f"{SEPARATORS.get(separator, repr(separator))}): give every line one cell a name, and quote a cell that "
                    "holds the separator"
                )

    lines = checked()
    while chunk := list(itertools.islice(lines, _AT_ONCE)):
        for part, cells in zip(parts, zip(*chunk, strict=True), strict=True):
            part.append(pa.array(cells, type=pa.string()))
    return [trimmed(pa.chunked_array(part, type=pa.string())) for part in parts]


def trimmed(cells: Any) -> Any:
    """Text cells without outer blanks, null where nothing is left."""
    import pyarrow as pa
    import pyarrow.compute as pc

    bare = pc.utf8_trim_whitespace(cells)
    return pc.if_else(pc.equal(bare, ""), pa.scalar(None, pa.string()), bare)


def _named(columns: list[Any], names: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for place, (name, cells) in enumerate(zip(names, columns, strict=True), start=1):
        if not name and cells.null_count == len(cells) and len(cells):
            continue
        if not name and place > 1:
            raise ValueError(f"column {place} has no name in the header, but cells: name it there, or remove it")
        if (name or UNNAMED) in found:
            raise ValueError(f"two columns are named {name!r} in the header: rename or remove one")
        found[name or UNNAMED] = cells
    return found
