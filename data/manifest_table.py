"""How does anyone's table of pictures (CSV, TSV, JSONL, Parquet with a column `path`) become a `Manifest`?"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from data.features import VOTE_PREFIX
from data.inspection import REPEATED, Problem
from data.manifest import SPLITS, Manifest, manifest_of
from data.saved_arrays import read_parquet
from data.tables import ID_COLUMNS, TABLE_SUFFIXES, with_ids
from data.taxonomy import Taxonomy

LISTING_SUFFIXES = (*TABLE_SUFFIXES, ".jsonl")
_TEXT = (*ID_COLUMNS, "path", "label", "split", "group_id")


def read_manifest(
    path: Path | str,
    *,
    root: Path | str | None = None,
    id_column: str | None = None,
    taxonomy: Taxonomy | None = None,
    progress: bool = True,
) -> Manifest:
    """A saved manifest, or a table with a column `path`; every picture of a table is opened and checked.

    Args:
        path: the saved folder, or a CSV, TSV, JSONL or Parquet file.
        root: what paths are relative to; the table's folder unless given.
        id_column: the column with the ids; else `image_id` or `id`, else ids are made of the pictures' content.
        taxonomy: the labels; else those of the table (a built-in taxonomy where it has exactly these labels).
        progress: show a bar while pictures are checked.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: no table, no rows, no column `path`, a row without a path, repeated ids.
    """
    path = Path(path)
    if path.is_dir():
        return Manifest.load(path, root=root)
    if not path.is_file():
        raise FileNotFoundError(f"no manifest at {path}: neither a saved folder nor a table is there")
    table = _table(path, id_column)
    if "path" not in table:
        raise ValueError(
            f"{path} has no column 'path' that says where each picture lies; "
            f"its columns: {', '.join(map(str, table.columns))}"
        )
    if table["path"].isna().any():
        raise ValueError(f"{path}: {int(table['path'].isna().sum())} row(s) have no path: fill it in, or leave them out")
    asked = id_column or next((name for name in ID_COLUMNS if name in table), None)
    if asked is not None:
        if asked != "image_id":
            table = table.drop(columns="image_id", errors="ignore").assign(image_id=table[asked])
            table = table if asked == "path" else table.drop(columns=asked)
        table = with_ids(table, where=str(path))
    where = path.parent if root is None else Path(root)
    table = table.assign(path=[_placed(str(name), where) for name in table["path"]]).drop(columns="content", errors="ignore")
    again = table["path"].duplicated()
    problems = [
        Problem(REPEATED, str(name), "more than one row has this path: the first counts") for name in table["path"][again]
    ]
    table = table[~again].reset_index(drop=True)
    if "split" in table:
        table = table.assign(split=[SPLITS.get(str(name).casefold(), name) for name in table["split"]])
    if taxonomy is None:
        taxonomy = _taxonomy_of(table)
    if taxonomy is not None:
        table = _with_vote_names(table, taxonomy, path)
    return manifest_of(table, root=where, layout="table", taxonomy=taxonomy, problems=problems, progress=progress)


def _table(path: Path, id_column: str | None) -> pd.DataFrame:
    suffix = path.suffix.lower()
    text = {*_TEXT, *([id_column] if id_column else [])}
    try:
        if suffix == ".parquet":
            table = read_parquet(path, textual=text, otherwise="save it again")
        elif suffix == ".jsonl":
            table = _json_lines(path)
        elif suffix in TABLE_SUFFIXES:
            separator = "\t" if suffix == ".tsv" else ","
            header = pd.read_csv(path, nrows=0, sep=separator, skipinitialspace=True, encoding="utf-8-sig").columns
            as_text = {name: str for name in header if name in text}
            table = pd.read_csv(
                path, sep=separator, dtype=as_text, skipinitialspace=True, encoding="utf-8-sig", low_memory=False
            )
        else:
            raise ValueError(f"expected one of {', '.join(LISTING_SUFFIXES)}")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as a table: {str(error).splitlines()[0]}") from error
    if table.empty:
        raise ValueError(f"{path} has no rows: expected one row a picture")
    if id_column is not None and id_column not in table:
        raise ValueError(
            f"{path} has no column {id_column!r} for the ids; its columns: {', '.join(map(str, table.columns))}"
        )
    for name in text & set(table.columns):
        present = table[name].notna()
        table[name] = table[name].astype(object).where(~present, table[name].astype(str)).where(present, None)
    return table


def _json_lines(path: Path) -> pd.DataFrame:
    records: list[dict[str, object]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = "nested too deeply" if isinstance(error, RecursionError) else getattr(error, "msg", str(error))
            raise ValueError(f"line {number} is not JSON: {reason}") from error
        if not isinstance(record, dict):
            raise ValueError(f"line {number} is not a JSON object with a key 'path'")
        records.append({key: _plain(value) for key, value in record.items()})
    return pd.DataFrame(records)


def _plain(value: object) -> object:
    """A list as one text, so that it can be an attribute's value; other nested values as JSON."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value


def _placed(name: str, root: Path) -> str:
    """The path in posix form, relative to `root` where it lies under it; Windows separators are understood."""
    if "\\" in name and not (root / name).exists():
        name = name.replace("\\", "/")
    place = Path(name)
    if place.is_absolute() and place.is_relative_to(root.absolute()):
        place = place.relative_to(root.absolute())
    return place.as_posix()


def _taxonomy_of(table: pd.DataFrame) -> Taxonomy | None:
    if "label" in table and table["label"].notna().any():
        labels = sorted(table["label"].dropna().unique())
    else:
        labels = [str(name).removeprefix(VOTE_PREFIX) for name in table.columns if str(name).startswith(VOTE_PREFIX)]
    return Taxonomy.from_labels(labels) if len({label.strip().casefold() for label in labels}) > 1 else None


def _with_vote_names(table: pd.DataFrame, taxonomy: Taxonomy, path: Path) -> pd.DataFrame:
    """Vote columns in the taxonomy's spelling, as numbers; those for other words stay as they are."""
    votes = [str(name) for name in table.columns if str(name).startswith(VOTE_PREFIX)]
    names = {
        name: VOTE_PREFIX + taxonomy.resolve(name.removeprefix(VOTE_PREFIX))
        for name in votes
        if taxonomy.knows(name.removeprefix(VOTE_PREFIX))
    }
    if len(set(names.values())) < len(names):
        raise ValueError(f"{path}: two vote columns stand for one label of {taxonomy.name}: {', '.join(names)}")
    return table.assign(**{name: pd.to_numeric(table[name], errors="coerce") for name in votes}).rename(columns=names)
