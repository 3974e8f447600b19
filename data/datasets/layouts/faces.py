"""How are AffectNet, RAF-DB, FairFace and ExpW read, whose lists name faces?"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from affect_workbench.data.datasets.checks import ATTRIBUTES, Problem
from affect_workbench.data.datasets.layouts.layout import FileLayout, Found, Source, split_in, table_of_records
from affect_workbench.data.datasets.layouts.persons import merged
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.delimited import read_cells
from affect_workbench.data.storage.saved_arrays import read_npy
from affect_workbench.data.storage.text_files import lines_of, text_of
from affect_workbench.data.taxonomies.class_orders import class_number, class_order
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

_AFFECTNET = (
    "subdirectory_filepath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
)
_NO_RATING = -2.0
_RAFDB_LISTS = ("list_patition_label.txt", "list_partition_label.txt")
_RAFDB_PERSON = {
    "gender": ("male", "female", "unsure"),
    "race": ("Caucasian", "African-American", "Asian"),
    "age": ("0-3", "4-19", "20-39", "40-69", "70+"),
}
_FAIRFACE = ("file", "age", "gender", "race")
_FAIRFACE_DATES = {
    **dict.fromkeys(("9-mar", "3-sep", "03-sep", "09-mar", "mar-09", "sep-03"), "3-9"),
    **dict.fromkeys(("19-oct", "oct-19"), "10-19"),
}
"""What spreadsheets make of FairFace's ages that look like dates."""


def _affectnet_files(source: Source) -> list[Path]:
    tables = source.tables("subDirectory_filePath", "expression")
    # The list of the validation pictures is also published without a header.
    return tables and [*tables, *(set(source.called("validation.csv")) - set(tables))]


def _affectnet(source: Source, files: Sequence[Path]) -> Found:
    records: list[dict[str, Any]] = []
    notes: list[str] = []
    for file in files:
        lines = list(csv.reader(lines_of(text_of(file)), skipinitialspace=True))
        named = [cell.strip().casefold() for cell in lines[0]] if lines else []
        header = named if "expression" in named else list(_AFFECTNET)
        if header is not named:
            notes.append(f"{file.name} has no header: its columns are taken to be AffectNet's")
        for number, line in enumerate(lines[header is named :], start=1 + (header is named)):
            if len(line) != len(header):
                raise ValueError(f"{file}, line {number} has {len(line)} cells: expected {len(header)}")
            row = dict(zip(header, line, strict=True))
            records.append(
                {
                    "path": row["subdirectory_filepath"].strip(),
                    "label": row["expression"].strip(),
                    "split": split_in(file.name),
                }
                | {name: _rating(row.get(name, "")) for name in ("valence", "arousal")}
            )
    return Found(_rated(records, notes), notes, order=class_order("affectnet8"))


def _array_files(source: Source) -> list[Path]:
    return [path for path in source.ending(".npy") if path.name.endswith("_exp.npy") and path.parent.name == "annotations"]


def _affectnet_arrays(source: Source, files: Sequence[Path]) -> Found:
    records: list[dict[str, Any]] = []
    notes: list[str] = []
    problems: list[Problem] = []
    pictures = {name.rpartition(".")[0]: name for name in source.disk.names}
    for file in files:
        key = file.name.removesuffix("_exp.npy")
        stem = (file.parent.parent / "images" / key).relative_to(source.root).as_posix()
        path = pictures.get(stem, f"{stem}.jpg")
        cells: dict[str, str] = {}
        for kind in ("exp", "val", "aro"):
            try:
                cells[kind] = str(read_npy(file.with_name(f"{key}_{kind}.npy")).reshape(-1)[0])
            except FileNotFoundError:
                continue
            except (ValueError, IndexError) as error:
                problems.append(Problem(ATTRIBUTES, path, " ".join(str(error).split())))
        records.append(
            {"path": path, "label": cells.get("exp"), "split": source.split_of(file)}
            | {"valence": _rating(cells.get("val", "")), "arousal": _rating(cells.get("aro", ""))}
        )
    return Found(_rated(records, notes), notes, problems, order=class_order("affectnet8"))


def _rating(cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        return math.nan
    return math.nan if value == _NO_RATING else value


def _rated(records: list[dict[str, Any]], notes: list[str]) -> pd.DataFrame:
    """The records as rows; a note counts those without valence."""
    rows = table_of_records(records, columns=("path", "valence", "arousal"))
    rows = rows.astype({"valence": float, "arousal": float})
    missing = int(rows["valence"].isna().sum())
    if missing and missing < len(rows):
        notes.append(f"{plural(missing, 'picture has', 'pictures have')} no valence (-2 in AffectNet, or no number)")
    return rows if missing < len(rows) else rows.drop(columns=["valence", "arousal"])


def _rafdb_files(source: Source) -> list[Path]:
    return source.called(*_RAFDB_LISTS)


def _rafdb(source: Source, files: Sequence[Path]) -> Found:
    if len(files) > 1:
        said = " and ".join(path.relative_to(source.root).as_posix() for path in files)
        raise ValueError(f"{source.place} has more than one list of RAF-DB, {said}: give the folder of one of them")
    records: list[dict[str, Any]] = []
    aligned = {name for name in source.disk.names if Path(name).stem.endswith("_aligned")}
    persons = {path.name: path for path in source.files if path.name.endswith("_manu_attri.txt")}
    problems: list[Problem] = []
    for number, line in enumerate(lines_of(text_of(files[0])), start=1):
        name, _, label = line.strip().rpartition(" ")
        if not line.strip():
            continue
        if not name or class_number(label) is None:
            raise ValueError(f"{files[0]}, line {number} is {line!r}: expected a picture, a blank and a number")
        stem, _, ending = name.strip().rpartition(".")
        path = f"{stem}_aligned.{ending}" if aligned else name.strip()
        record: dict[str, Any] = {"path": path, "label": label, "split": split_in(name)}
        if f"{stem}_manu_attri.txt" in persons:
            person = _person(persons[f"{stem}_manu_attri.txt"])
            problems += [] if person else [Problem(ATTRIBUTES, path, f"{stem}_manu_attri.txt does not end in three numbers")]
            record |= person
        records.append(record)
    compound = any((class_number(record["label"]) or 0) > 7 for record in records)
    notes: list[str] = []
    others = frozenset(set(source.disk.names) - aligned) if aligned else frozenset()
    if others:
        notes.append(f"{plural(len(others), 'picture is', 'pictures are')} not aligned: left out, the aligned ones are read")
    return Found(
        table_of_records(records),
        notes,
        problems,
        order=class_order("rafdb-compound" if compound else "rafdb"),
        known=others,
    )


def _person(file: Path) -> dict[str, str]:
    """Gender, race and age of the last three lines; nothing where they are not what they should be."""
    lines = [line.strip() for line in lines_of(text_of(file)) if line.strip()][-3:]
    numbers = [class_number(line) for line in lines]
    if len(numbers) < 3:
        return {}
    chosen = dict(zip(_RAFDB_PERSON.items(), numbers, strict=True))
    if any(number is None or not 0 <= number < len(words) for (_, words), number in chosen.items()):
        return {}
    return {name: words[number or 0] for (name, words), number in chosen.items()}


def _fairface_files(source: Source) -> list[Path]:
    return source.tables(*_FAIRFACE)


def _fairface(source: Source, files: Sequence[Path]) -> Found:
    records: list[dict[str, Any]] = []
    dates = 0
    for file in files:
        for row in read_cells(file).frame().to_dict("records"):
            age = _FAIRFACE_DATES.get(row["age"].casefold(), row["age"])
            dates += age != row["age"]
            records.append(
                {"path": row["file"], "split": split_in(row["file"]) or split_in(file.name), "age": age or None}
                | {name: row[name] or None for name in ("gender", "race")}
            )
    notes = ["FairFace says nothing of emotions: there are no labels"]
    if dates:
        notes.append(f"{plural(dates, 'age is', 'ages are')} a date, as a spreadsheet makes of 3-9 and 10-19: put right")
    return Found(table_of_records(records), notes)


def _expw_files(source: Source) -> list[Path]:
    return source.called("label.lst")


def _expw(source: Source, files: Sequence[Path]) -> Found:
    order = class_order("expw")
    faces: dict[tuple[str, ...], dict[str, Any]] = {}
    repeated = 0
    for number, line in enumerate(lines_of(text_of(files[0])), start=1):
        cells = re.split(r"\s+", line.strip())
        if cells == [""]:
            continue
        label = order.label_of(class_number(cells[-1]) or 0) if class_number(cells[-1]) is not None else None
        if len(cells) != 8 or label is None:
            raise ValueError(f"{files[0]}, line {number} is {line!r}: expected a picture, six numbers and a class 0 to 6")
        repeated += tuple(cells) in faces
        faces[tuple(cells)] = {"path": cells[0], "labels": [label], "faces": 1}
    rows, notes = merged(list(faces.values()), labels=order.labels)
    rows["faces"] = rows["path"].map(pd.Series([face["path"] for face in faces.values()]).value_counts())
    notes.insert(0, f"labels are numbers, named as {order.title}: {order.in_words()}; every face of a picture is a vote")
    if repeated:
        notes.append(f"{plural(repeated, 'line is', 'lines are')} there before, word for word: left out")
    return Found(rows, notes, taxonomy=Taxonomy.spelt_as(order.labels))


AFFECTNET = FileLayout(
    "affectnet", "AffectNet", "CSV with the columns subDirectory_filePath and expression", _affectnet_files, _affectnet
)
AFFECTNET_ARRAYS = FileLayout(
    "affectnet-arrays", "AffectNet, arrays", "annotations/<id>_exp.npy beside images", _array_files, _affectnet_arrays
)
RAFDB = FileLayout("rafdb", "RAF-DB", "list_patition_label.txt", _rafdb_files, _rafdb)
FAIRFACE = FileLayout("fairface", "FairFace", f"CSV with the columns {', '.join(_FAIRFACE)}", _fairface_files, _fairface)
EXPW = FileLayout("expw", "ExpW", "label.lst", _expw_files, _expw)
