"""How is anyone's CSV or Parquet table read without losing ids, and how are its rows found again?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from data.saved_arrays import read_parquet

ID_COLUMNS = ("image_id", "id")
_TEXTUAL = (*ID_COLUMNS, "label", "predicted", "split", "group_id", "path")
TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")


def is_table(path: Path) -> bool:
    """Whether the file name says CSV, TSV or Parquet."""
    return path.suffix.lower() in TABLE_SUFFIXES


def read_table(path: Path, *, id_column: str | None = None) -> pd.DataFrame:
    """The table at `path` with a text column `image_id`.

    The id is `id_column` where given, else `image_id` or `id`, else the first text column with a different value in
    every row. Ids are read as text, so `007` stays `007`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a readable table, empty, no id column, missing or duplicate ids (the first ones named).
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no table at {path}: the file does not exist")
    if not is_table(path):
        raise ValueError(f"{path} is not a table the workbench reads: expected one of {', '.join(TABLE_SUFFIXES)}")
    try:
        if path.suffix.lower() == ".parquet":
            table = read_parquet(path, textual=_TEXTUAL, otherwise="save it again")
        else:
            separator = "\t" if path.suffix.lower() == ".tsv" else ","
            header = pd.read_csv(path, nrows=0, sep=separator, skipinitialspace=True).columns
            as_text = {name: str for name in header if name in (*ID_COLUMNS, id_column)}
            table = pd.read_csv(path, sep=separator, dtype=as_text, skipinitialspace=True, low_memory=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as a table: {str(error).splitlines()[0]}") from error
    if table.empty:
        raise ValueError(f"{path} has no rows: expected one row a picture")
    name = _id_column(table, path, id_column)
    if name != "image_id" and "image_id" in table:
        table = table.drop(columns="image_id")
    table = table.rename(columns={name: "image_id"})
    return with_ids(table, where=str(path))


def with_ids(rows: pd.DataFrame, *, where: str) -> pd.DataFrame:
    """The rows numbered from 0 with their `image_id` as text.

    Raises:
        ValueError: no column `image_id`, or a missing or repeated id (how many, and the first ones).
    """
    if "image_id" not in rows:
        raise ValueError(f"{where}: no column 'image_id'; columns: {', '.join(map(str, rows.columns))}")
    missing = rows["image_id"].isna().to_numpy()
    if missing.any():
        raise ValueError(f"{where}: {int(missing.sum())} row(s) have no id, first at row {int(missing.argmax()) + 1}")
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
        raise ValueError(f"{where}: {len(repeated)} id(s) occur more than once, first {named(repeated)}: ids must be unique")


def named(items: Iterable[object], *, most: int = 3) -> str:
    """The first few items in words, for a message: `'a', 'b', 'c' and 4 more`."""
    listed: Sequence[object] = list(items)
    text = ", ".join(repr(str(item)) for item in listed[:most])
    return text + (f" and {len(listed) - most:,} more" if len(listed) > most else "")


def _id_column(table: pd.DataFrame, path: Path, asked: str | None) -> str:
    if asked is not None:
        if asked not in table:
            raise ValueError(
                f"{path} has no column {asked!r} for the ids; its columns: {', '.join(map(str, table.columns))}"
            )
        return asked
    for name in ID_COLUMNS:
        if name in table:
            return name
    for column in table.columns:
        values = table[column]
        if not pd.api.types.is_numeric_dtype(values) and values.notna().all() and values.is_unique:
            return str(column)
    raise ValueError(
        f"{path} has no column 'image_id' or 'id' and no text column that differs in every row; "
        f"its columns: {', '.join(map(str, table.columns))} (name the id column with --id-column)"
    )
