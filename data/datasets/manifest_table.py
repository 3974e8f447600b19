"""How does anyone's table of pictures (CSV, TSV, JSONL, Parquet with a column `path`) become a `Manifest`?"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from affect_workbench.data.datasets.labels import with_class_names
from affect_workbench.data.datasets.listings import once
from affect_workbench.data.datasets.manifest import Listing, Manifest, manifest_of
from affect_workbench.data.images.containment import Inside
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.column_types import numbers_of
from affect_workbench.data.tables.columns import VOTE_PREFIX
from affect_workbench.data.tables.headers import ID_COLUMNS, TABLE_SUFFIXES
from affect_workbench.data.tables.json_lines import json_lines
from affect_workbench.data.tables.read import Table, columns_of, with_ids
from affect_workbench.data.tables.splits import with_split_names
from affect_workbench.data.taxonomies.class_orders import ClassOrder
from affect_workbench.data.taxonomies.label_columns import with_vote_names
from affect_workbench.data.taxonomies.label_identity import plain
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

LISTING_SUFFIXES = (*TABLE_SUFFIXES, ".jsonl")


def read_manifest(
    path: Path | str,
    *,
    root: Path | str | None = None,
    id_column: str | None = None,
    taxonomy: Taxonomy | None = None,
    classes: ClassOrder | None = None,
    progress: bool = True,
    allow_outside: bool = False,
) -> Manifest:
    """A saved manifest, or a table with a column `path`; every picture of a table is opened and checked.

    Args:
        path: the saved folder, or a CSV, TSV, JSONL or Parquet file.
        root: what paths are relative to; the table's folder unless given.
        id_column: the column with the ids; else `image_id` or `id`, else ids are made of the pictures' content.
        taxonomy: the labels; else those of the table (a built-in taxonomy where it has exactly these labels).
        classes: what numbers in a table's column `label` stand for.
        progress: show a bar while pictures are checked.
        allow_outside: also read pictures that a relative path or a link leads to outside of `root`.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: no table, no rows, no column `path`, a row without a path, repeated ids.
    """
    path = Path(path)
    if path.is_dir():
        return Manifest.load(path, root=root)
    if not path.is_file():
        raise FileNotFoundError(f"no manifest at {path}: neither a saved folder nor a table is there")
    read = _table(path, id_column)
    table = read.rows
    if "path" not in table:
        pictures = "".join(f"; {note.partition(': ')[2]}" for note in read.notes if "holds pictures" in note)
        raise ValueError(
            f"{path} has no column 'path' that says where each picture lies; "
            f"its columns: {', '.join(map(str, table.columns))}{pictures}"
        )
    if table["path"].isna().any():
        raise ValueError(
            f"{path}: {plural(int(table['path'].isna().sum()), 'row has', 'rows have')} no "
            "path: fill it in, or leave them out"
        )
    asked = id_column or next((name for name in ID_COLUMNS if name in table), None)
    if asked is not None:
        if asked != "image_id":
            table = table.drop(columns="image_id", errors="ignore").assign(image_id=table[asked])
            table = table if asked == "path" else table.drop(columns=asked)
        table = with_ids(table, where=str(path))
    where = path.parent if root is None else Path(root)
    table = table.assign(path=[_placed(str(name), where) for name in table["path"]]).drop(columns="content", errors="ignore")
    table, problems = once(table)
    table = with_split_names(table)
    table, strange, named = with_class_names(table, classes, None)
    problems += strange
    if taxonomy is None:
        taxonomy = Taxonomy.spelt_as(classes.labels) if classes is not None else _taxonomy_of(table)
    if taxonomy is not None:
        table = _with_vote_names(table, taxonomy, path)
    listing = Listing(table, where, "table", taxonomy, problems, [*read.notes, *named])
    return manifest_of(listing, progress=progress, allow_outside=allow_outside)


def _table(path: Path, id_column: str | None) -> Table:
    suffix = path.suffix.lower()
    text = (id_column,) if id_column else ()
    if suffix not in LISTING_SUFFIXES:
        raise ValueError(f"{path} cannot be read as a table: expected one of {', '.join(LISTING_SUFFIXES)}")
    read = json_lines(path, text=text) if suffix == ".jsonl" else columns_of(path, text=text)
    table = read.rows
    if table.empty:
        raise ValueError(f"{path} has no rows: expected one row per picture")
    if id_column is not None and id_column not in table:
        raise ValueError(
            f"{path} has no column {id_column!r} for the ids; its columns: {', '.join(map(str, table.columns))}"
        )
    return read


def _placed(name: str, root: Path) -> str:
    """The path in posix form, relative to `root` where it lies in it; Windows separators are understood."""
    if "\\" in name and not (root / name).exists():
        name = name.replace("\\", "/")
    place = Path(name)
    if place.is_absolute() and place.is_relative_to(root.absolute()) and Inside(root).holds(place):
        place = place.relative_to(root.absolute())
    return place.as_posix()


def _taxonomy_of(table: pd.DataFrame) -> Taxonomy | None:
    if "label" in table and table["label"].notna().any():
        labels = sorted(table["label"].dropna().unique())
    else:
        labels = [str(name).removeprefix(VOTE_PREFIX) for name in table.columns if str(name).startswith(VOTE_PREFIX)]
    return Taxonomy.spelt_as(labels) if len(set(map(plain, labels))) > 1 else None


def _with_vote_names(table: pd.DataFrame, taxonomy: Taxonomy, path: Path) -> pd.DataFrame:
    """Vote columns in the taxonomy's spelling, as numbers; those for other words stay as they are."""
    votes = [str(name) for name in table.columns if str(name).startswith(VOTE_PREFIX)]
    table = table.assign(**{name: numbers_of(table[name], where=f"{path}, column {name!r}") for name in votes})
    try:
        return with_vote_names(table, taxonomy)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
