"""How is anyone's CSV or Parquet table read without losing ids, and how are its rows found again?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.delimited import UNNAMED, read_cells
from affect_workbench.data.storage.saved_arrays import read_arrow
from affect_workbench.data.tables.column_types import column_notes, names_of, series_of
from affect_workbench.data.tables.headers import ID_COLUMNS, arrow_names, require_id_column, require_table
from affect_workbench.data.tables.picture_columns import without_pictures

_LABELS = ("label", "predicted")
TEXT_COLUMNS = (*ID_COLUMNS, "path", "content", "label", "predicted", "split", "group_id", "pair_id")
"""Columns that name something and are text whatever they look like: label 3 is `3`, also where some are missing."""


@dataclass(frozen=True)
class Table:
    """A table as somebody saved it.

    Attributes:
        rows: its columns, numbered rows; types as `data.tables.column_types.series_of` gives them.
        notes: sentences about columns that are not what they look like.
    """

    rows: pd.DataFrame
    notes: tuple[str, ...] = ()


def read_table(path: Path, *, id_column: str | None = None) -> pd.DataFrame:
    """The rows of `table_of`."""
    return table_of(path, id_column=id_column).rows


def table_of(path: Path, *, id_column: str | None = None) -> Table:
    """The table at `path` with a text column `image_id`.

    The id is `id_column` where given, else `image_id` or `id`, else the first text column with a different value in
    every row. Ids are read as text, so `007` stays `007`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a readable table, empty, no id column, missing or duplicate ids (the first ones named).
    """
    path = Path(path)
    require_table(path)
    read = columns_of(path, text=(id_column,) if id_column else ())
    table = read.rows
    if table.empty:
        raise ValueError(f"{path} has no rows: expected one row per picture")
    name = _id_column(read, path, id_column)
    if name != "image_id" and "image_id" in table:
        table = table.drop(columns="image_id")
    table = table.rename(columns={name: "image_id"})
    return Table(with_ids(table, where=str(path)), read.notes)


def columns_of(path: Path, *, text: Sequence[str] = ()) -> Table:
    """Every column of a CSV, TSV or Parquet file; `TEXT_COLUMNS`, and those in `text`, as text.

    Raises:
        ValueError: the file cannot be read as a table (line and reason).
    """
    as_text = {*TEXT_COLUMNS, *text}
    try:
        notes: list[str] = []
        if path.suffix.lower() == ".parquet":
            columns, notes = without_pictures(_parquet(path, as_text))
            decimal_comma = False
        else:
            cells = read_cells(path)
            columns, decimal_comma = cells.columns, cells.separator != ","
            if cells.unusual:
                notes.append(f"its cells are separated by {cells.unusual}; a comma in a number is read as a decimal comma")
        read = typed_columns(columns, text=text, decimal_comma=decimal_comma)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = (str(error).splitlines() or ["?"])[0].removeprefix(f"{path} ")
        raise ValueError(f"{path} cannot be read as a table: {reason}") from error
    return Table(read.rows, tuple(f"{path.name}: {note}" for note in (*notes, *read.notes)))


def typed_columns(columns: Mapping[str, Any], *, text: Sequence[str] = (), decimal_comma: bool = False) -> Table:
    """What the cells of a table say, wherever they come from; `TEXT_COLUMNS`, and those in `text`, are text.

    Args:
        columns: name -> cells `(n,)`, an Arrow column.
        text: further columns that are text whatever they look like.
        decimal_comma: see `data.tables.column_types.series_of`.
    """
    as_text, notes = {*TEXT_COLUMNS, *text}, []
    rows = pd.DataFrame(
        {name: series_of(column, text=name in as_text, decimal_comma=decimal_comma) for name, column in columns.items()}
    )
    for name in sorted(as_text.difference((*ID_COLUMNS, "path", *text)) & set(rows.columns)):
        spelt, floating = rows[name], pa.types.is_floating(columns[name].type)
        rows[name] = names_of(spelt)
        known = rows[name].dropna().astype(str)
        if name in _LABELS and (floating or not rows[name].equals(spelt)) and len(known) and known.str.isdigit().all():
            first = known.iloc[0]
            notes.append(
                f"column {name!r} holds numbers spelt with a point, as gaps make them: {first}.0 is the label {first}"
            )
    return Table(rows, (*notes, *column_notes(rows)))


def with_ids(rows: pd.DataFrame, *, where: str) -> pd.DataFrame:
    """The rows numbered from 0 with their `image_id` as text.

    Raises:
        ValueError: no column `image_id`, or a missing or repeated id (how many, and the first ones).
    """
    if "image_id" not in rows:
        raise ValueError(f"{where}: no column 'image_id'; columns: {', '.join(map(str, rows.columns))}")
    missing = rows["image_id"].isna().to_numpy()
    if missing.any():
        raise ValueError(
            f"{where}: {plural(int(missing.sum()), 'row has', 'rows have')} no id, first at row {int(missing.argmax()) + 1}"
        )
    rows = rows.reset_index(drop=True).assign(image_id=rows["image_id"].astype(str).to_numpy())
    require_unique(rows["image_id"], where=where)
    return rows


def require_unique(ids: pd.Series, *, where: str) -> None:
    """Refuses duplicate ids.

    Raises:
        ValueError: how many ids are repeated and the first ones.
    """
    repeated = ids[ids.duplicated()].unique()
    if len(repeated):
        raise ValueError(
            f"{where}: {plural(len(repeated), 'id occurs', 'ids occur')} "
            f"more than once, first {named(repeated)}: ids must be unique"
        )


def named(items: Iterable[object], *, most: int = 3) -> str:
    """The first few items in words, for a message: `'a', 'b', 'c' and 4 more`."""
    listed: Sequence[object] = list(items)
    text = ", ".join(repr(str(item)) for item in listed[:most])
    return text + (f" and {len(listed) - most:,} more" if len(listed) > most else "")


def _parquet(path: Path, textual: Iterable[str]) -> dict[str, Any]:
    """Name -> column, with names as a CSV's: without outer blanks, and an index, which pandas keeps under its own name."""
    table = read_arrow(path, textual=textual, otherwise="save it again")
    names = arrow_names(table.column_names)
    repeated = {name for name in names if names.count(name) > 1}
    if repeated or not all(names):
        raise ValueError(
            f"two columns are named {min(repeated)!r}, or a column has no name" if repeated else "a column has no name"
        )
    columns = dict(zip(names, table.columns, strict=True))
    index = [UNNAMED] if UNNAMED in columns else []
    return {name: columns[name] for name in (*index, *(name for name in columns if name not in index))}


def _id_column(read: Table, path: Path, asked: str | None) -> str:
    table = read.rows
    if asked is not None:
        require_id_column(path, map(str, table.columns), asked)
        return asked
    for name in ID_COLUMNS:
        if name in table:
            return name
    for column in table.columns:
        values = table[column]
        if pd.api.types.is_string_dtype(values) and values.notna().all() and values.is_unique:
            return str(column)
    pictures = "".join(f"; {note.partition(': ')[2]}" for note in read.notes if "holds pictures" in note)
    raise ValueError(
        f"{path} has no column 'image_id' or 'id' and no text column that differs in every row; "
        f"its columns: {', '.join(map(str, table.columns))} (name the id column with --id-column){pictures}"
    )
