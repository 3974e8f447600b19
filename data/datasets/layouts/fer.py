"""How are FER2013, whose pictures are numbers in a CSV, and the votes of FER+ about them read?

FER+ says nothing of which picture a row is about but its place: its rows are FER2013's, in the same order, and the 173
pictures without a name are still rows there. That order is trusted only where both have as many rows of the same `Usage`
(https://github.com/microsoft/FERPlus, `src/generate_training_data.py`).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from affect_workbench.data.datasets.checks import UNREADABLE, Problem
from affect_workbench.data.datasets.layouts.layout import FileLayout, Found, Source, table_of_records
from affect_workbench.data.datasets.layouts.persons import leading
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.delimited import read_cells
from affect_workbench.data.tables.columns import VOTE_PREFIX
from affect_workbench.data.tables.splits import split_of
from affect_workbench.data.taxonomies.class_orders import class_order
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

_SIDE = 48
_OTHER_VOTES = {"unknown": "unknown_votes", "nf": "no_face_votes"}
_FOLDERS = {"fer2013train": "Training", "fer2013valid": "PublicTest", "fer2013test": "PrivateTest"}


def _pixel_files(source: Source) -> list[Path]:
    return source.tables("emotion", "pixels")


def _fer2013(source: Source, files: Sequence[Path]) -> Found:
    records: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for file in files:
        table = _table(file)
        stem = "fer2013" if len(files) == 1 else file.stem
        for row, (emotion, pixels) in enumerate(zip(table["emotion"], table["pixels"], strict=True)):
            usage = table["usage"][row] if "usage" in table else None
            name = f"{stem}-{row}"
            try:
                path = source.kept.put(_picture(pixels))
            except _NoPicture as error:
                problems.append(Problem(UNREADABLE, name, f"{file.name}, row {row + 1}: {error}"))
                continue
            split = usage if usage else source.split_of(file)
            records.append({"image_id": name, "path": path, "label": emotion or None, "split": split})
    notes = [f"ids are {'fer2013' if len(files) == 1 else 'the file'} and the number of the row, from 0"]
    return Found(table_of_records(records), notes, problems, order=class_order("fer2013"), kept=True)


def _vote_files(source: Source) -> list[Path]:
    return source.tables("neutral", "contempt", "unknown", "NF") or [
        path for path in source.called("label.csv") if path.parent.name.casefold() in _FOLDERS
    ]


def _ferplus(source: Source, files: Sequence[Path]) -> Found:
    votes = pd.concat([_votes(file) for file in files], ignore_index=True)
    labels = class_order("ferplus").labels
    rows = votes.rename(columns={"usage": "split", **_OTHER_VOTES, **{label: VOTE_PREFIX + label for label in labels}})
    rows = rows.assign(image_id=rows["path"].str.removesuffix(".png"))
    problems: list[Problem] = []
    pixels = _pixel_files(source)
    if pixels:
        rows, problems = _with_pixels(source, rows, files[0], pixels)
    unnamed = int(rows["path"].isna().sum())
    rows = rows[rows["path"].notna()].reset_index(drop=True)
    label, notes = leading(rows[[VOTE_PREFIX + label for label in labels]], rows[list(_OTHER_VOTES.values())])
    rows = rows.assign(label=label)
    notes.insert(0, "labels lead alone among the votes, those for unknown and for no face counted with them")
    if unnamed:
        notes.append(f"{plural(unnamed, 'row has', 'rows have')} no picture's name, as FER+ writes for no face: left out")
    return Found(rows, notes, problems, Taxonomy.spelt_as(labels), kept=bool(pixels))


def _with_pixels(
    source: Source, rows: pd.DataFrame, votes: Path, pixels: Sequence[Path]
) -> tuple[pd.DataFrame, list[Problem]]:
    """The rows with the pictures of FER2013's CSV, row by row."""
    table = _table(pixels[0])
    mine = [split_of(word) for word in rows["split"]]
    theirs = [split_of(word) for word in table["usage"]] if "usage" in table else []
    if mine != theirs:
        raise ValueError(
            f"{votes} and {pixels[0]} do not belong together: FER+ votes on FER2013 row by row, and these have "
            f"{len(mine):,} and {len(theirs):,} rows or differ in Usage; give the files as they were published"
        )
    problems: list[Problem] = []
    paths: list[str | None] = []
    for name, cell in zip(rows["path"], table["pixels"], strict=True):
        paths.append(None)
        if name is not None:
            try:
                paths[-1] = source.kept.put(_picture(cell))
            except _NoPicture as error:
                problems.append(Problem(UNREADABLE, str(name), f"{pixels[0].name}: {error}"))
    unreadable = {problem.path for problem in problems}
    rows = rows.assign(path=pd.Series(paths, index=rows.index, dtype=object))[~rows["path"].isin(unreadable)]
    return rows.reset_index(drop=True), problems


def _votes(file: Path) -> pd.DataFrame:
    """Columns `path` (missing where unnamed), `usage`, and a column of votes each, of a file of either kind."""
    labels = [*class_order("ferplus").labels, *_OTHER_VOTES]
    if file.name.casefold() == "label.csv":
        table = pd.read_csv(file, header=None, dtype=str, keep_default_na=False, skipinitialspace=True)
        if len(table.columns) != 2 + len(labels):
            raise ValueError(f"{file} has {len(table.columns)} columns: expected a name, a box and {len(labels)} votes")
        table.columns = pd.Index(["image name", "box", *labels])
        table = table.assign(usage=_FOLDERS[file.parent.name.casefold()])
        prefix = f"{file.parent.name}/"
    else:
        table, prefix = _table(file), ""
    names = [prefix + name if name else None for name in table["image name"]]
    read = pd.DataFrame({"path": pd.Series(names, dtype=object), "usage": table["usage"]})
    for label in labels:
        read[label] = pd.to_numeric(table[label], errors="coerce")
        if read[label].isna().any():
            row = int(read[label].isna().argmax())
            raise ValueError(f"{file}, row {row + 1}, column {label!r} holds {table[label].iloc[row]!r}: expected a number")
    return read


def _table(file: Path) -> pd.DataFrame:
    """All cells as text; names of columns in lower case, without blanks."""
    try:
        return read_cells(file).frame().rename(columns=str.casefold)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


class _NoPicture(ValueError):
    """A cell that is no picture; the text says why."""


def _picture(cell: str) -> bytes:
    """A PNG of the grey values in a cell."""
    try:
        values = np.array(cell.split(), dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise _NoPicture("its pixels are not all whole numbers") from error
    if len(values) != _SIDE * _SIDE or values.min() < 0 or values.max() > 255:
        raise _NoPicture(f"it has {plural(len(values), 'pixel')}: expected {_SIDE * _SIDE} from 0 to 255")
    out = io.BytesIO()
    Image.fromarray(values.astype(np.uint8).reshape(_SIDE, _SIDE)).save(out, "PNG")
    return out.getvalue()


FER2013 = FileLayout("fer2013", "FER2013", "CSV with the columns emotion and pixels", _pixel_files, _fer2013)
FERPLUS = FileLayout("ferplus", "FER+", "fer2013new.csv, or label.csv in FER2013Train", _vote_files, _ferplus)
