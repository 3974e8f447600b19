"""How is a file of JSON objects, one a line, read as a table?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.text_files import text_of
from affect_workbench.data.tables.column_types import column_notes, names_of, series_of_objects
from affect_workbench.data.tables.headers import ID_COLUMNS
from affect_workbench.data.tables.read import TEXT_COLUMNS, Table

_MOST_NUMBERED = 10


def json_lines(path: Path, *, text: Sequence[str] = ()) -> Table:
    r"""The objects as rows, their keys as columns; a key that an object lacks is missing there.

    Lines end at `\n` and nowhere else: U+2028 and the like may stand unescaped in a JSON string
    (https://www.rfc-editor.org/rfc/rfc8259#section-7, https://jsonlines.org).

    Args:
        path: the file.
        text: columns to read as text, besides `TEXT_COLUMNS`.

    Raises:
        ValueError: a line is no JSON object, or names a key twice (line and reason).
    """
    records: list[dict[str, object]] = []
    try:
        for number, line in enumerate(text_of(path).split("\n"), start=1):
            if line.strip(" \t\r"):
                records.append(json_object(line, number))
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} cannot be read as a table: {error}") from error
    as_text = {*TEXT_COLUMNS, *text}
    names = dict.fromkeys(name for record in records for name in record)
    rows = pd.DataFrame(
        {name: series_of_objects([record.get(name) for record in records], text=name in as_text) for name in names},
        index=range(len(records)),
    )
    for name in as_text.difference((*ID_COLUMNS, "path", *text)) & set(rows.columns):
        rows[name] = names_of(rows[name])
    return Table(rows, tuple(f"{path.name}: {note}" for note in column_notes(rows)))


def json_records(path: Path) -> tuple[list[Mapping[str, object]], tuple[str, ...]]:
    """The objects of a file, one a line, and a sentence that counts and names the lines that hold none.

    Raises:
        ValueError: no line holds one, or the file is no text.
    """
    try:
        lines = text_of(path).split("\n")
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    records: list[Mapping[str, object]] = []
    broken: list[int] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip(" \t\r"):
            continue
        try:
            records.append(json_object(line, number))
        except ValueError:
            broken.append(number)
    if not records:
        raise ValueError(f"{path} has no line that holds a JSON object: expected one a text, with its picture's id")
    return records, _broken(broken)


def _broken(lines: Sequence[int]) -> tuple[str, ...]:
    if not lines:
        return ()
    shown = ", ".join(map(str, lines[:_MOST_NUMBERED]))
    more = f" and {len(lines) - _MOST_NUMBERED:,} more" if len(lines) > _MOST_NUMBERED else ""
    broken = plural(len(lines), "line is no JSON object", "lines are no JSON objects")
    return (f"{broken}, left out: {'line' if len(lines) == 1 else 'lines'} {shown}{more}",)


def json_object(line: str, number: int) -> dict[str, object]:
    """The object in a line.

    Raises:
        ValueError: it is no JSON object, or names a key twice; the message gives the line's number.
    """
    try:
        found = json.loads(line, object_pairs_hook=_once_each)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else getattr(error, "msg", str(error))
        raise ValueError(f"line {number} is not JSON: {reason}") from error
    except KeyError as error:
        raise ValueError(f"line {number} has the key {error} twice: remove one") from error
    if not isinstance(found, dict):
        raise ValueError(f"line {number} is not a JSON object with a key 'path'")
    return found


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record: dict[str, object] = {}
    for name, value in pairs:
        if name in record:
            raise KeyError(name)
        record[name] = value
    return record
