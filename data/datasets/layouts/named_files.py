"""How are pictures read that a table or a list beside them names: imagefolder's metadata, lists of pictures by class?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from affect_workbench.data.datasets.checks import UNKNOWN_LABEL, Problem
from affect_workbench.data.datasets.layouts.layout import LABEL_NAMES, FileLayout, Found, Source, split_in, table_of_records
from affect_workbench.data.images.decode import PICTURE_SUFFIXES
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.text_files import lines_of, text_of
from affect_workbench.data.tables.headers import column_names
from affect_workbench.data.tables.json_lines import json_lines, json_object
from affect_workbench.data.tables.read import columns_of
from affect_workbench.data.taxonomies.label_identity import text_of as cell_text

_METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
_LISTED = re.compile(
    r"(?P<path>.+\.(?:" + "|".join(suffix[1:] for suffix in PICTURE_SUFFIXES) + r"))(?:[\s,]+(?P<class>\d+))?", re.I
)


def _metadata_files(source: Source) -> list[Path]:
    return [path for path in source.called(*_METADATA) if _names_files(path)]


def _names_files(path: Path) -> bool:
    """Whether a table of metadata has a column of file names: one with a column `path` is a table of one's own."""
    try:
        names = _first_keys(path) if path.suffix == ".jsonl" else column_names(path) or []
    except ValueError:
        return False
    return any(_is_file_name(name) for name in names)


def _first_keys(path: Path) -> list[str]:
    lines = lines_of(text_of(path, most=1 << 16))
    return list(json_object(lines[0], 1)) if lines else []


def _is_file_name(name: object) -> bool:
    return name == "file_name" or str(name).endswith("_file_name")


def _imagefolder(source: Source, files: Sequence[Path]) -> Found:
    kinds = sorted({file.suffix for file in files})
    if len(kinds) > 1:
        raise ValueError(f"{source.place} has metadata of more than one kind ({', '.join(kinds)}): keep one")
    tables: list[pd.DataFrame] = []
    notes: list[str] = []
    for file in files:
        read = json_lines(file) if file.suffix == ".jsonl" else columns_of(file)
        table = read.rows
        column = "file_name" if "file_name" in table else next(filter(_is_file_name, table.columns), None)
        if column is None:
            raise ValueError(f"{file} has no column 'file_name'; its columns: {', '.join(map(str, table.columns))}")
        notes += read.notes
        folder = file.parent.relative_to(source.root).as_posix()
        table = table.drop(columns="path", errors="ignore").rename(columns={column: "path"})
        table["path"] = [name if folder == "." else f"{folder}/{name}" for name in table["path"].astype(str)]
        if "split" not in table:
            table["split"] = [split_in(str(name).rpartition("/")[0]) for name in table["path"]]
        tables.append(table)
    rows = pd.concat(tables, ignore_index=True)
    chosen = next((name for name in LABEL_NAMES if name in rows), None)
    if chosen is None:
        notes.append(f"metadata names no label (a column {', '.join(LABEL_NAMES)}): folders are no labels beside it")
    elif chosen != "label":
        rows = rows.rename(columns={chosen: "label"})
        rows["label"] = [None if pd.isna(value) else cell_text(value) for value in rows["label"]]
        notes.append(f"labels are those of column {chosen!r}")
    return Found(rows, notes)


def _list_files(source: Source) -> list[Path]:
    return [path for path in source.ending(".txt", ".lst", ".csv") if split_in(path.stem) and _lists_classes(source, path)]


def _lists_classes(source: Source, path: Path) -> bool:
    """Whether the first line names a picture in a folder."""
    try:
        lines = lines_of(text_of(path, most=1 << 16))
    except ValueError:
        return False
    match = _LISTED.fullmatch(lines[0].strip()) if lines else None
    return match is not None and "/" in match["path"]


def _class_lists(source: Source, files: Sequence[Path]) -> Found:
    records: list[dict[str, Any]] = []
    numbers: dict[str, set[str]] = {}
    problems: list[Problem] = []
    for file in files:
        for number, line in enumerate(lines_of(text_of(file)), start=1):
            if not line.strip():
                continue
            match = _LISTED.fullmatch(line.strip())
            if match is None or "/" not in match["path"]:
                raise ValueError(f"{file}, line {number} is {line[:60]!r}: expected <class>/<picture>, maybe with a number")
            label = match["path"].split("/")[-2]
            records.append({"path": match["path"], "label": label, "split": split_in(file.stem)})
            if match["class"] is not None:
                numbers.setdefault(match["class"], set()).add(label)
    notes = ["labels are the folders that the lists name"]
    for given, labels in sorted(numbers.items()):
        if len(labels) > 1:
            said = f"number {given} stands for {' and '.join(sorted(labels))} in the lists"
            problems.append(Problem(UNKNOWN_LABEL, files[0].name, f"{said}: the folders are taken"))
    if numbers:
        notes.append(f"{plural(len(numbers), 'number')} beside the pictures: compared with the folders, not used")
    return Found(table_of_records(records), notes, problems)


IMAGEFOLDER = FileLayout(
    "imagefolder",
    "Hugging Face, imagefolder",
    "metadata.csv, metadata.jsonl or metadata.parquet",
    _metadata_files,
    _imagefolder,
)
CLASS_LISTS = FileLayout(
    "class-lists", "lists of pictures by class", "train.txt or test.txt with <class>/<picture>", _list_files, _class_lists
)
