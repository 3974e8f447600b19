"""What do the files beside a dataset's pictures say: split lists, annotations, tables of votes?"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from affect_workbench.data.datasets.checks import ATTRIBUTES, REPEATED, Problem
from affect_workbench.data.storage.progress import progress_bar
from affect_workbench.data.storage.text_files import lines_of, text_of
from affect_workbench.data.tables.columns import VOTE_PREFIX
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

NEUTRAL = "neutral_share"
"""The attribute that votes for `neutral` become: no taxonomy here has that label."""


def entries_of(root: Path, lists: Mapping[str, str], under: str) -> tuple[pd.DataFrame, list[str]]:
    """Columns `path`, `split` (and `label`, `annotation` from JSON) of the pictures that the lists name, in their order.

    A text list has a line `<class>/<file>` a picture; a JSON list has `[label, picture, annotation]`.

    Args:
        root: the dataset's folder.
        lists: split -> list file, relative to `root`.
        under: folder that names in a text list are relative to.

    Raises:
        FileNotFoundError: none of the lists is there.
        ValueError: a list that cannot be read (file and line or entry).
    """
    absent = [name for name in lists.values() if not (root / name).is_file()]
    if len(absent) == len(lists):
        raise FileNotFoundError(f"{root} has none of its lists {', '.join(absent)}: they say which pictures belong to it")
    notes = [f"{name} is not there: its split has no pictures" for name in absent]
    records: list[dict[str, object]] = []
    for split, name in lists.items():
        if name not in absent:
            read = _json_list if name.endswith(".json") else _text_list
            records += [{**record, "split": split} for record in read(root / name, under)]
    table = pd.DataFrame(records, dtype=object) if records else pd.DataFrame(columns=["path", "split"], dtype=object)
    return table, notes


def once(table: pd.DataFrame) -> tuple[pd.DataFrame, list[Problem]]:
    """The table with the first of rows that name one path; each of the others is a problem."""
    again = table["path"].duplicated().to_numpy()
    if not again.any():
        return table, []
    paths = [str(path) for path in table["path"]]
    splits = [str(split) for split in table["split"]] if "split" in table else [""] * len(paths)
    first = dict(zip(reversed(paths), reversed(splits), strict=True))
    times = table["path"].value_counts()
    problems = []
    for path, split, repeated in zip(paths, splits, again, strict=True):
        if repeated:
            where = f", first in split {first[path]}, again in {split}" if split != first[path] else ""
            problems.append(Problem(REPEATED, path, f"listed {times[path]} times{where}: the first counts"))
    return table[~again].reset_index(drop=True), problems


def with_votes(table: Path, under: str, taxonomy: Taxonomy) -> tuple[pd.DataFrame, list[Problem], list[str]]:
    """Columns `path`, `vote_<label>` and what else the table holds (`valence`, `arousal`, `neutral_share`).

    The first column names the picture. A heading such as `[prob. anger]` or `'Sad'` is read by the words in it; names may
    be in single or double quotes; tabs, commas and blanks separate.

    Raises:
        FileNotFoundError: no such table.
        ValueError: its heading does not name two labels, or two columns stand for one.
    """
    if not table.is_file():
        raise FileNotFoundError(f"no table of votes at {table}: the file does not exist")
    lines = [line for line in _lines(table) if line.strip()]
    cells = _cells(lines)
    names = ["path", *(_column(cell, taxonomy) for cell in cells[0][1:])] if cells else []
    votes = [name for name in names if name.startswith(VOTE_PREFIX)]
    if len(votes) < 2 or len(set(names)) < len(names):
        raise ValueError(
            f"{table} has the heading {lines[0] if lines else ''!r}: expected a file name, then a different column a label "
            f"of {taxonomy.name} ({', '.join(taxonomy.labels)})"
        )
    problems: list[Problem] = []
    records: list[dict[str, object]] = []
    for number, row in enumerate(cells[1:], start=2):
        path = _joined(under, row[0])
        values = [_number(cell) for cell in row[1 : len(names)]]
        values += [math.nan] * (len(names) - 1 - len(values))
        bad = [name for name, value in zip(names[1:], values, strict=True) if math.isnan(value)]
        if bad or len(row) != len(names):
            what = f"no number for {', '.join(bad)}" if bad else f"{len(row)} cells for {len(names)} columns"
            problems.append(Problem(ATTRIBUTES, path, f"{table.name}, row {number}: {what}"))
        records.append({"path": path, **dict(zip(names[1:], values, strict=True))})
    notes = []
    if NEUTRAL in names:
        share = pd.Series([record[NEUTRAL] for record in records], dtype=float).mean()
        notes.append(f"votes for neutral (mean {share:.3g}) are kept as the attribute `{NEUTRAL}`: they are no label here")
    return pd.DataFrame(records, columns=names), problems, notes


def with_annotations(
    root: Path, listing: pd.DataFrame, attributes: Sequence[str], *, progress: bool = True
) -> tuple[pd.DataFrame, list[Problem]]:
    """The listing with one column an attribute instead of `annotation`; lists become one text, joined with `, `.

    An attribute that no file has is left out; a file that is missing or unreadable is a problem, not an end.
    """
    problems: list[Problem] = []
    records: list[dict[str, object]] = []
    pairs = zip(listing["path"], listing["annotation"], strict=True)
    bar = progress_bar(
        pairs, total=len(listing), desc="reading annotations", unit="file", mininterval=0.5, progress=progress
    )
    for path, name in bar:
        record: object = {}
        if isinstance(name, str):
            try:
                record = json.loads((root / name).read_text(encoding="utf-8-sig"))
            except FileNotFoundError:
                problems.append(Problem(ATTRIBUTES, str(path), f"{name} does not exist: no attributes"))
            except (OSError, ValueError, RecursionError) as error:
                problems.append(Problem(ATTRIBUTES, str(path), f"{name}: {' '.join(str(error).split())}"))
        if not isinstance(record, dict):
            problems.append(Problem(ATTRIBUTES, str(path), f"{name} is no JSON object: no attributes"))
            record = {}
        records.append({key: _value(record.get(key)) for key in attributes})
    table = pd.DataFrame(records, columns=list(attributes), index=listing.index, dtype=object)
    columns = {key: _typed(table[key]) for key in attributes if table[key].notna().any()}
    return listing.drop(columns="annotation").assign(**columns), problems


def _text_list(path: Path, under: str) -> list[dict[str, object]]:
    return [{"path": _joined(under, line)} for line in _lines(path) if line.strip()]


def _lines(path: Path) -> list[str]:
    """The lines of a list.

    Raises:
        ValueError: it is not text (file and line).
    """
    try:
        return lines_of(text_of(path))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _json_list(path: Path, under: str) -> list[dict[str, object]]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not readable JSON: {error}") from error
    if not isinstance(entries, list):
        raise ValueError(f"{path} holds a {type(entries).__name__}: expected a list of [label, picture, annotation]")
    records: list[dict[str, object]] = []
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, list) or len(entry) < 2 or not all(isinstance(item, str) for item in entry[:2]):
            raise ValueError(f"{path}, entry {number} is {str(entry)[:60]!r}: expected [label, picture, annotation]")
        annotation = entry[2] if len(entry) > 2 else None
        records.append({"path": _joined("", entry[1]), "label": entry[0], "annotation": annotation})
    return records


def _cells(lines: list[str]) -> list[list[str]]:
    """The table's cells without quotes and blanks, separated by what separates the heading."""
    heading = lines[0] if lines else ""
    if "\t" in heading:
        rows = [line.split("\t") for line in lines]
    elif "," in heading:
        rows = list(csv.reader(lines, quotechar="'", skipinitialspace=True))
    else:
        rows = [line.split() for line in lines]
    return [[cell.strip().strip("'\"").strip() for cell in row] for row in rows]


def _column(heading: str, taxonomy: Taxonomy) -> str:
    words = re.findall(r"[a-z]+", heading.casefold())
    for word in words:
        if taxonomy.knows(word):
            return VOTE_PREFIX + taxonomy.resolve(word)
    return NEUTRAL if "neutral" in words else "_".join(words)


def _joined(under: str, name: str) -> str:
    """The posix path, relative to the dataset, of a name in a list."""
    name = name.strip().strip("'\"").strip().replace("\\", "/").removeprefix("./")
    return name if not under or name.startswith(f"{under}/") else f"{under}/{name}"


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _value(value: object) -> object:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or None
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value


def _typed(column: pd.Series) -> pd.Series:
    """Numbers as floats where every value is one, else text; missing values stay missing."""
    present = column.dropna()
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
        return column.astype(float)
    return pd.Series([None if value is None else str(value) for value in column], index=column.index, dtype=object)
