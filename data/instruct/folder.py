"""What lies in a folder of instruct data, and how is it, or a file of somebody else's conversations, opened?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from affect_workbench.data.instruct.checks import Knowledge, rows_by_id
from affect_workbench.data.instruct.formats import (
    Conversations,
    by_stage,
    read_llava,
    read_messages,
    write_llava,
    write_messages,
)
from affect_workbench.data.instruct.hub_datasets import read_datasets, require_datasets, write_datasets
from affect_workbench.data.instruct.records import STAGES, InstructRecord
from affect_workbench.data.instruct.vocabulary import Vocabulary, attribute_vocabulary, is_drawn_world, scenes_vocabulary
from affect_workbench.data.storage.atomic import require_complete, write_json
from affect_workbench.data.storage.saved import read_record
from affect_workbench.data.storage.saved_arrays import read_parquet
from affect_workbench.data.tables.columns import attribute_columns
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

SCHEMA = 1
INSTRUCT_FILE = "instruct.json"
PICTURES_FILE = "pictures.parquet"
PROBLEMS_FILE = "problems.csv"
UNWRITTEN_FILE = "unwritten.csv"
CARD_FILE = "DATASET.md"
CROISSANT_FILE = "croissant.json"
DATASETS_FOLDER = "datasets"
FORMATS = ("messages", "llava", "datasets")
_ENDING = {"messages": ".jsonl", "llava": ".llava.json"}
_AGAIN = "build the instruct data again"


@dataclass(frozen=True)
class InstructData:
    """Conversations, and what is known of their pictures.

    Attributes:
        conversations: the conversations, and the lines that are none.
        pictures: one row a picture, as in the manifest; no row where nothing is known.
        root: the data set's folder.
        taxonomy: the labels; None where there are none.
        attributes: those that are written about; all where none is named.
        causes: those that may be named as causes; all of these where none is named.
        record: what `instruct.json` says; empty for a file of somebody else.
    """

    conversations: Conversations
    pictures: pd.DataFrame
    root: Path
    taxonomy: Taxonomy | None = None
    attributes: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    record: dict[str, Any] | None = None

    @property
    def records(self) -> tuple[InstructRecord, ...]:
        """The conversations."""
        return self.conversations.records

    @property
    def vocabulary(self) -> Vocabulary | None:
        """Words for what the pictures show; None where nothing is known of them."""
        return vocabulary_of(self.pictures, self.attributes, self.causes) if len(self.pictures) else None

    def knowledge(self, *, most_words: int) -> Knowledge:
        """What the conversations are checked against."""
        return Knowledge(self.root, self.taxonomy, self.vocabulary, rows_by_id(self.pictures), most_words)


def vocabulary_of(rows: pd.DataFrame, attributes: Sequence[str] = (), causes: Sequence[str] = ()) -> Vocabulary:
    """Words for what is known of the pictures: the drawn world's, else those of these attributes, or of all.

    Raises:
        ValueError: attributes or causes for the drawn world, which has its own, or such as are no columns to talk about.
    """
    if not is_drawn_world(rows):
        return attribute_vocabulary(rows, attributes or attribute_columns(rows), causes=causes)
    if attributes or causes:
        name = "--causes" if causes else "--attributes"
        raise ValueError(f"{name} are known for the drawn world: leave it out")
    return scenes_vocabulary()


def write_instruct(folder: Path, records: Sequence[InstructRecord], *, formats: Sequence[str], root: Path) -> None:
    """Writes the conversations, a file a stage and format, into a folder that is there.

    Raises:
        ValueError: an unknown format; see `require_formats`.
    """
    stages = by_stage(records)
    for name in formats:
        if name == DATASETS_FOLDER:
            write_datasets(folder / DATASETS_FOLDER, stages, root=root)
            continue
        for stage, some in stages.items():
            path = folder / f"{stage}{_ENDING[name]}"
            if name == "messages":
                write_messages(path, some, root=root)
            else:
                write_llava(path, some)


def require_formats(formats: Sequence[str]) -> None:
    """Refuses what cannot be written, before anything is asked of anyone.

    Raises:
        ValueError: no format, an unknown one, or one whose package is missing.
    """
    unknown = sorted(set(formats) - set(FORMATS))
    if unknown or not formats:
        raise ValueError(f"--formats {', '.join(unknown) or '(none)'}: expected some of {', '.join(FORMATS)}")
    if DATASETS_FOLDER in formats:
        require_datasets()


def read_instruct(path: Path) -> InstructData:
    """A folder that `write_instruct` filled, a JSONL file of messages, or LLaVA's JSON.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: damaged, or no such file.
    """
    if not path.is_dir():
        if not path.is_file():
            raise FileNotFoundError(f"no instruct data at {path}: expected a folder of `instruct build`, .jsonl or .json")
        root = path.resolve().parent
        found = read_llava(path) if path.suffix == ".json" else read_messages(path, root=root)
        return InstructData(found, pd.DataFrame(), root)
    require_complete(path, what="folder of instruct data")
    record = read_record(path / INSTRUCT_FILE, schema=SCHEMA, otherwise=_AGAIN)
    pictures = read_parquet(path / PICTURES_FILE, needed=("image_id", "path", "content"), otherwise=_AGAIN)
    then, moved = Path(record.text("root")), Path(os.path.abspath(path / record.text("root_from_here")))
    root = moved if not then.is_dir() and moved.is_dir() else then
    parts = list(_parts(path, then))
    found = Conversations(
        tuple(one for part in parts for one in part.records), tuple(one for part in parts for one in part.problems)
    )
    taxonomy = Taxonomy.from_record(record, "taxonomy") if record.known("taxonomy") else None
    return InstructData(
        found, pictures, root, taxonomy, record.texts("attributes"), record.texts("causes"), dict(record.values)
    )


def _parts(folder: Path, root: Path) -> Iterator[Conversations]:
    """What one of the formats holds, the first of `FORMATS` that is there."""
    for name, ending in _ENDING.items():
        files = [file for stage in STAGES if (file := folder / f"{stage}{ending}").is_file()]
        for file in files:
            found = read_llava(file) if name == "llava" else read_messages(file, root=root)
            named = tuple(replace(one, detail=f"{file.name}, {one.detail}") for one in found.problems)
            yield replace(found, problems=named)
        if files:
            return
    if (folder / DATASETS_FOLDER).is_dir():
        yield read_datasets(folder / DATASETS_FOLDER)


def write_record(folder: Path, record: dict[str, Any], *, root: Path, out: Path) -> None:
    """Writes `instruct.json` into a folder that will be `out`; `root` is the pictures' folder, found again if both move."""
    where = {"root": root.as_posix(), "root_from_here": Path(os.path.relpath(root, os.path.abspath(out))).as_posix()}
    write_json(folder / INSTRUCT_FILE, {"schema": SCHEMA} | record | where)
