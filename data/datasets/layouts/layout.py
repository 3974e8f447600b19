"""What must a layout answer, and what may it look at?

A layout looks at a `Source` twice: cheaply, to say whether it is one of its kind, and whole, to say what is known of each
picture. It opens no picture and joins on names, never on the order of rows.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from affect_workbench.data.datasets.checks import NOT_LISTED, OnDisk, Problem
from affect_workbench.data.datasets.folder_walk import Walked, pictures_under
from affect_workbench.data.datasets.layouts.kept import Kept
from affect_workbench.data.datasets.listings import once
from affect_workbench.data.datasets.manifest import Listing
from affect_workbench.data.images.containment import Inside
from affect_workbench.data.images.decode import is_picture_name
from affect_workbench.data.storage.delimited import header_of
from affect_workbench.data.storage.text_files import text_of
from affect_workbench.data.tables.splits import split_of
from affect_workbench.data.taxonomies.class_orders import ClassOrder
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

LABEL_NAMES = ("label", "labels", "emotion", "expression", "class", "category")
"""What a column of true labels is called where a format leaves it open, the surest first."""
_DEEP = 4
_MOST_HEADERS = 64


@dataclass(frozen=True)
class Source:
    """A folder or a file that may be a data set, and what was seen of it.

    Attributes:
        place: the folder or file.
        keep: where pictures that are no files are kept as files; None where that is not wanted.
        allow_outside: also look at pictures that a link leads to outside of the folder.
        progress: show bars.
    """

    place: Path
    keep: Path | None = None
    allow_outside: bool = False
    progress: bool = True

    @property
    def root(self) -> Path:
        """The folder that names are relative to."""
        if self.place.is_dir():
            return self.place
        return self.place.parent.parent if self.place.parent.name == "annotations" else self.place.parent

    @cached_property
    def files(self) -> list[Path]:
        """Visible files that are no pictures, down to four folders, the shallowest first; the place itself if it is one."""
        if not self.place.is_dir():
            return [self.place]
        found: list[Path] = []
        for where, folders, names in os.walk(self.place):
            depth = len(Path(where).relative_to(self.place).parts)
            folders[:] = sorted(name for name in folders if not name.startswith(".")) if depth < _DEEP - 1 else []
            found += [Path(where, name) for name in names if not name.startswith(".") and not is_picture_name(Path(name))]
        return sorted(found, key=lambda path: (len(path.parts), path))

    def called(self, *names: str) -> list[Path]:
        """The files with one of these names."""
        return [path for path in self.files if path.name.casefold() in names]

    def ending(self, *suffixes: str) -> list[Path]:
        """The files with one of these endings."""
        return [path for path in self.files if path.suffix.lower() in suffixes]

    @cached_property
    def _headers(self) -> dict[Path, set[str]]:
        headers: dict[Path, set[str]] = {}
        for path in self.ending(".csv", ".tsv")[:_MOST_HEADERS]:
            try:
                headers[path] = {name.casefold() for name in header_of(path)}
            except (OSError, ValueError):
                continue  # whoever reads it says what is wrong
        return headers

    def tables(self, *columns: str) -> list[Path]:
        """The CSV files that have all of these columns, in any case; one with a column `path` is a table of one's own."""
        wanted = {name.casefold() for name in columns}
        return [path for path, names in self._headers.items() if wanted <= names and "path" not in names]

    @cached_property
    def walked(self) -> Walked:
        """The pictures under the root."""
        return pictures_under(self.root, inside=None if self.allow_outside else Inside(self.root))

    @cached_property
    def disk(self) -> OnDisk:
        """The same, to be found by name."""
        return OnDisk(self.root, self.walked.pictures)

    @cached_property
    def kept(self) -> Kept:
        """Where the bytes of pictures go."""
        return Kept(self.keep)

    def split_of(self, path: Path) -> str | None:
        """The split that the name of a file, or of a folder that it lies in, has in it."""
        try:
            return split_in(path.relative_to(self.root).as_posix())
        except ValueError:
            return split_in(path.name)

    def listing(self, layout: str, found: Found) -> Listing:
        """What was found, with the names of pictures as they are on disk, and what is on disk and in no list."""
        if found.kept:
            rows, problems = once(found.rows)
            return Listing(
                rows, self.kept.folder, layout, found.taxonomy, problems + found.problems, found.notes, found.order
            )
        rows, problems = once(found.rows.assign(path=[self.disk.ending(str(name)) for name in found.rows["path"]]))
        walked = self.walked.but_for({self.root / str(name) for name in rows["path"]})
        unlisted = sorted(set(self.disk.names) - set(rows["path"]) - found.known)
        problems += [Problem(NOT_LISTED, name, "no list names this picture: left out") for name in unlisted]
        problems += [*found.problems, *self.disk.problems, *walked.problems(self.root)]
        notes = [*found.notes, *walked.notes()]
        return Listing(rows, self.root, layout, found.taxonomy, problems, notes, found.order)


@dataclass
class Found:
    """What the files of a data set say of its pictures.

    Attributes:
        rows: `path` as the files name it, `label` (maybe as a number), `split`, `vote_<label>`, `image_id`, attributes.
        notes: what was decided, and what was left out, with counts.
        problems: what is wrong with single pictures.
        taxonomy: the labels, where the format says which there are.
        order: what numbers in `label` stand for.
        kept: whether paths are those of kept bytes.
        known: pictures that no list names, and that are none the worse for it.
    """

    rows: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    taxonomy: Taxonomy | None = None
    order: ClassOrder | None = None
    kept: bool = False
    known: frozenset[str] = frozenset()


class Layout(Protocol):
    """One way in which data sets lie on disk."""

    @property
    def name(self) -> str:
        """Short name, as `--layout` takes it."""

    @property
    def title(self) -> str:
        """What it is called in print."""

    def recognises(self, source: Source) -> bool:
        """Whether the place is of this kind. No picture is opened."""

    def read(self, source: Source) -> Listing:
        """What is known of each picture.

        Raises:
            FileNotFoundError, ValueError: it is not of this kind, or cannot be read (which file, where).
        """


@dataclass(frozen=True)
class FileLayout:
    """A layout that rests on files beside the pictures, or that hold them.

    Attributes:
        name: short name.
        title: what it is called in print.
        rests_on: what those files are, for a message.
        files: the files, none where the place is of another kind.
        found: what they say.
    """

    name: str
    title: str
    rests_on: str
    files: Callable[[Source], Sequence[Path]]
    found: Callable[[Source, Sequence[Path]], Found]

    def recognises(self, source: Source) -> bool:
        """Whether one of the files is there."""
        return bool(self.files(source))

    def read(self, source: Source) -> Listing:
        """What the files say.

        Raises:
            FileNotFoundError: none of them is there.
            ValueError: one cannot be read, or no picture is in any of them.
        """
        files = self.files(source)
        if not files:
            raise FileNotFoundError(f"{source.place} has no {self.rests_on}: {self.title} rests on it")
        found = self.found(source, files)
        if found.rows.empty:
            said = "".join(f"; {note}" for note in found.notes)
            raise ValueError(f"{files[0]} names no picture: expected {self.rests_on}{said}")
        return source.listing(self.name, found)


def split_in(name: str) -> str | None:
    """The split that a path has in it (`data/train-00000-of-00002.parquet`, `instances_val2017.json`), the last one."""
    for part in reversed(name.split("/")):
        for word in re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", part).casefold()):
            if split := split_of(word):
                return split
    return None


def table_of_records(records: Iterable[Mapping[str, Any]], *, columns: Sequence[str] = ("path",)) -> pd.DataFrame:
    """Records as rows of objects; `columns` are there also where there is no record."""
    rows = list(records)
    return pd.DataFrame(rows, dtype=object) if rows else pd.DataFrame(columns=list(columns), dtype=object)


def json_object_in(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no JSON, or something other than an object.
    """
    try:
        found = json.loads(text_of(path))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not readable JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds a {type(found).__name__}: expected a JSON object")
    return found
