"""Which of the listed pictures are there, whole, and different from each other? Everything wrong is told at once."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from affect_workbench.data.images.containment import Inside
from affect_workbench.data.images.decode import Inspection, inspect_picture
from affect_workbench.data.storage.progress import progress_bar

MISSING = "missing file"
UNREADABLE = "unreadable picture"
OUTSIDE = "outside the data set"
UNKNOWN_LABEL = "unknown label"
COPY = "copy"
COPY_ACROSS = "copy in another split"
COPY_LABEL = "copy with another label"
NOT_LISTED = "not listed"
ATTRIBUTES = "unreadable annotation"
REPEATED = "listed twice"
UNREAD_ENDING = "ending not opened"
KINDS = (
    MISSING,
    UNREADABLE,
    OUTSIDE,
    UNKNOWN_LABEL,
    COPY_LABEL,
    COPY_ACROSS,
    COPY,
    UNREAD_ENDING,
    NOT_LISTED,
    ATTRIBUTES,
    REPEATED,
)
"""Every kind of problem, the gravest first; a file that is missing, unreadable, outside or not opened costs a row."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one picture: its kind (one of `KINDS`), its path as listed, and the detail in words."""

    kind: str
    path: str
    detail: str


def problem_table(problems: Iterable[Problem]) -> pd.DataFrame:
    """Columns `kind`, `path`, `detail`; the gravest kind first, paths in order."""
    listed = sorted(problems, key=lambda problem: (KINDS.index(problem.kind), problem.path, problem.detail))
    # A name that is no valid UTF-8 can be shown, but not written.
    cells = [[text.encode("utf-8", "replace").decode() for text in astuple(problem)] for problem in listed]
    return pd.DataFrame(cells, columns=["kind", "path", "detail"], dtype=object)


class OnDisk:
    """The picture files of a dataset, found by the name a list gives even where case or Unicode form differ.

    Attributes:
        names: paths relative to the dataset, in posix form, sorted.
        problems: the files whose name is no text.
    """

    def __init__(self, root: Path, files: Sequence[Path]) -> None:
        names = [file.relative_to(root).as_posix() for file in files]
        self.names = [name for name in names if _is_text(name)]
        self.problems = [
            Problem(UNREADABLE, name, "its name is not valid UTF-8: rename it") for name in names if not _is_text(name)
        ]
        self._exact = set(self.names)
        self._folded: dict[str, list[str]] = {}
        for name in self.names:
            self._folded.setdefault(_folded(name), []).append(name)

    def find(self, listed: str) -> str:
        """The file's real relative path; `listed` itself where nothing, or more than one thing, answers to it."""
        if listed in self._exact:
            return listed
        near = self._folded.get(_folded(listed), [])
        return near[0] if len(near) == 1 else listed

    def ending(self, listed: str) -> str:
        """The same, also for the only file whose path ends in the listed name; `listed` itself where there is none."""
        exact = self.find(listed)
        if exact in self._exact:
            return exact
        wanted = _folded(listed).split("/")
        near = [name for name in self._by_file.get(wanted[-1], []) if _folded(name).split("/")[-len(wanted) :] == wanted]
        return near[0] if len(near) == 1 else listed

    @cached_property
    def _by_file(self) -> dict[str, list[str]]:
        """File name, folded -> the paths that end in it."""
        paths: dict[str, list[str]] = {}
        for name in self.names:
            paths.setdefault(_folded(name).rsplit("/", 1)[-1], []).append(name)
        return paths


def inspected(
    listing: pd.DataFrame, *, root: Path, progress: bool = True, allow_outside: bool = False
) -> tuple[pd.DataFrame, list[Problem]]:
    """The rows whose picture decodes, with their `content`, in the given order; and what is wrong with the others.

    Args:
        listing: one row a picture, `path` absolute or relative to `root`; optionally `label` and `split`.
        root: what relative paths are relative to.
        progress: show a bar on standard error.
        allow_outside: open what a relative path, or a link in it, leads to outside of `root`.

    Returns:
        The surviving rows, numbered from 0, and the problems: missing, unreadable, outside, copies.
    """
    problems: list[Problem] = []
    if not allow_outside:
        inside = Inside(root)
        stays = [Path(str(name)).is_absolute() or inside.holds(root / str(name)) for name in listing["path"]]
        said = f"it leads out of {root}, the data set's folder, and is not opened: --allow-outside reads it"
        problems = [Problem(OUTSIDE, str(name), said) for name, stay in zip(listing["path"], stays, strict=True) if not stay]
        listing = listing[stays]
    names = [str(path) for path in listing["path"]]
    found = _inspections([root / name for name in names], progress=progress)
    for name, look in zip(names, found, strict=True):
        if look.reason:
            kind = MISSING if look.missing else UNREADABLE
            problems.append(Problem(kind, name, look.reason))
    good = [not look.reason for look in found]
    rows = listing.assign(content=[look.content for look in found])[good].reset_index(drop=True)
    return rows, problems + _copies(rows)


def content_names(content: Sequence[str], path: Sequence[str]) -> list[str]:
    """A unique id for each picture: its content id; further copies, in the order of their paths, get `-2`, `-3` ..."""
    names = [""] * len(content)
    times: dict[str, int] = {}
    for position in sorted(range(len(content)), key=lambda where: path[where]):
        times[content[position]] = times.get(content[position], 0) + 1
        count = times[content[position]]
        names[position] = content[position] + (f"-{count}" if count > 1 else "")
    return names


def _inspections(paths: list[Path], *, progress: bool) -> list[Inspection]:
    # Threads suffice: Pillow's decoders and hashlib let go of the interpreter while they work.
    pool = ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1))
    try:
        bar = progress_bar(
            pool.map(inspect_picture, paths),
            total=len(paths),
            desc="checking pictures",
            unit="picture",
            mininterval=0.5,
            progress=progress,
        )
        return list(bar)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _copies(rows: pd.DataFrame) -> list[Problem]:
    """One problem for each copy after the first (by path) of the same bytes."""
    problems: list[Problem] = []
    repeated = rows[rows["content"].duplicated(keep=False)].sort_values("path")
    for _, members in repeated.groupby("content", sort=False):
        first = members.iloc[0]
        for _, row in members.iloc[1:].iterrows():
            kind, detail = COPY, f"same bytes as {first['path']}"
            if _differ(first, row, "split"):
                kind, detail = COPY_ACROSS, f"{detail}, which is in split {first['split']}, this in {row['split']}"
            if _differ(first, row, "label"):
                kind, detail = COPY_LABEL, f"{detail}, which is labelled {first['label']}, this {row['label']}"
            problems.append(Problem(kind, str(row["path"]), detail))
    return problems


def _differ(first: pd.Series, other: pd.Series, column: str) -> bool:
    if column not in first.index or (pd.isna(first[column]) and pd.isna(other[column])):
        return False
    return str(first[column]) != str(other[column])


def _is_text(name: str) -> bool:
    """Whether the name can be written down: bytes that are no UTF-8 come from the file system as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
