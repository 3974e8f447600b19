"""Is there a table at a path, and which columns has it? Answered without pandas, so that a wrong name is refused at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from affect_workbench.data.storage.delimited import UNNAMED, header_of

ID_COLUMNS = ("image_id", "id")
TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")


def is_table(path: Path) -> bool:
    """Whether the file name says CSV, TSV or Parquet."""
    return path.suffix.lower() in TABLE_SUFFIXES


def require_table(path: Path) -> None:
    """Refuses what cannot be a table.

    Raises:
        FileNotFoundError: no such file.
        ValueError: its name does not say what it is.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no table at {path}: the file does not exist")
    if not is_table(path):
        raise ValueError(f"{path} is not a table the workbench reads: expected one of {', '.join(TABLE_SUFFIXES)}")


def require_id_column(path: Path, columns: Iterable[str], asked: str) -> None:
    """Refuses a table without the id column that was asked for.

    Raises:
        ValueError: it is not among the columns (which there are).
    """
    columns = list(columns)
    if asked not in columns:
        raise ValueError(f"{path} has no column {asked!r} for the ids; its columns: {', '.join(columns)}")


def column_names(path: Path) -> list[str] | None:
    """The names of a table's columns in the file's order; None where only the reader proper can tell, or says what is wrong.

    Args:
        path: an existing CSV, TSV or Parquet file.
    """
    try:
        return _schema_names(path) if path.suffix.lower() == ".parquet" else header_of(path)
    except (OSError, ValueError):
        return None


def arrow_names(names: Sequence[str]) -> list[str]:
    """Names as a CSV's: without outer blanks, and an index, which pandas keeps under its own name, as `UNNAMED`."""
    return [UNNAMED if name == "__index_level_0__" else name.strip() for name in names]


def _schema_names(path: Path) -> list[str]:
    from pyarrow import ArrowException, parquet

    try:
        return arrow_names(parquet.read_schema(path).names)
    except ArrowException as error:
        raise ValueError(str(error)) from error
