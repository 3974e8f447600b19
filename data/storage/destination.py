"""May a folder be written here, and by this process alone?

A command claims the folder that it will write before it starts to work: the place is checked, a lock file beside it keeps
other processes out until the end, and what a killed writer left is put back or cleared away. A result is replaced only if
the workbench wrote all that is in it.
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.leftovers import (
    ASIDE,
    MARKER,
    SPENT,
    Identity,
    identity,
    put_aside,
    recover,
    unlisted_files,
)
from affect_workbench.data.storage.locks import locked

_LONGEST = 255 - len(f"..partial-{2**22}{ASIDE}")
_LOCK = ".workbench.lock"
_OWN = re.compile(rf"{re.escape(_LOCK)}|\..+\.partial-\d+({ASIDE}|{SPENT}|)")
"""Hidden names in a folder that only holds results: its lock, and what killed writers of these results left."""


@dataclass
class Claim:
    """A folder that this process alone may write.

    Attributes:
        path: where it really is, links followed.
        found: what was there when it was claimed, or put there since by this process; None for nothing.
        process: who claimed it.
    """

    path: Path
    found: Identity | None
    process: int = field(default_factory=os.getpid)

    def require_unchanged(self) -> None:
        """Refuses to write over what another process has put there since.

        Raises:
            FileExistsError: it has.
        """
        if identity(self.path) != self.found:
            raise FileExistsError(
                f"{self.path} was written by another process meanwhile, and is kept: choose another folder, or look at "
                "what is there first"
            )


_CLAIMS: dict[Path, Claim] = {}


@contextmanager
def claimed(path: Path, *, overwrite: bool, known: Collection[str] = (), whole: bool = True) -> Iterator[Claim]:
    """Holds a folder for this process from the check before the work to the last rename.

    Inside a claim of the same folder by this process, that one is given.

    Args:
        path: the folder.
        overwrite: whether a result that is there may be replaced.
        known: see `ensure_free`.
        whole: whether the folder becomes a result as a whole; else it only holds results, and nothing is asked of it but
            that it can be written to.

    Raises:
        FileExistsError: see `ensure_free`; another process is writing it.
        OSError: the place cannot be written to.
    """
    real = Path(os.path.realpath(path))
    held = _CLAIMS.get(real)
    if held is not None and held.process == os.getpid():
        yield held
        return
    if whole:
        ensure_place(path)
    elif real.exists() and not real.is_dir():
        raise FileExistsError(f"{path} exists and is a file: choose another folder")
    with _made(real.parent if whole else real, path), _locked(real, path, inside=not whole) as sure:
        if whole:
            recover(real, sure=sure)
            ensure_free(path, overwrite=overwrite, known=known)
        claim = _CLAIMS[real] = Claim(real, identity(real))
        try:
            yield claim
        finally:
            del _CLAIMS[real]


def ensure_place(path: Path) -> None:
    """Refuses places where no folder can be put as a whole.

    Raises:
        ValueError: the current folder or one above it, a mount point, or a name that is too long.
    """
    real = Path(os.path.realpath(path))
    if real == Path.cwd() or real in Path.cwd().parents:
        raise ValueError(f"{path} is the folder you are in, or one above it: name a new folder, such as runs/audit")
    if os.path.ismount(real):
        raise ValueError(f"{path} is a mount point, which cannot be replaced as a whole: name a folder inside it")
    if len(os.fsencode(real.name)) > _LONGEST:
        raise ValueError(f"the name {real.name[:20]}… has {len(os.fsencode(real.name))} bytes: expected at most {_LONGEST}")


def ensure_free(path: Path, *, overwrite: bool, known: Collection[str] = ()) -> None:
    """Refuses a destination that exists, before any work is spent on it.

    Args:
        path: the folder.
        overwrite: whether a result that is there may be replaced.
        known: names of files that a result may hold beside what its marker lists and that may be replaced with it.

    Raises:
        FileExistsError: the folder exists and `overwrite` is False; it is none of ours; it holds files that are not part of
            its result, such as somebody's answers.
        ValueError: see `ensure_place`.
    """
    ensure_place(path)
    if not path.exists() or _is_empty(path):
        return
    if not overwrite and not path.is_dir():
        raise FileExistsError(f"{path} exists and is a file: choose another folder")
    if not overwrite:
        raise FileExistsError(f"{path} exists: choose another folder, or pass --overwrite to replace it")
    if not is_replaceable(path):
        raise FileExistsError(
            f"{path} exists and was not written by the workbench (no {MARKER}): refusing to replace it; remove it yourself"
        )
    strangers = unlisted_files(path, known=known)
    if strangers:
        raise FileExistsError(
            f"{path} holds {plural(len(strangers), 'file that is', 'files that are')} "
            f"not part of its result, first {strangers[0]!r}: to replace it "
            "would delete what is not its own; move that away, or choose another folder"
        )


def is_replaceable(path: Path) -> bool:
    """Whether `path` is an empty folder or one that the workbench wrote."""
    return path.is_dir() and ((path / MARKER).is_file() or _is_empty(path))


def restore(path: Path) -> None:
    """Where `path` is gone because its replacement was killed half-way: puts the earlier result back, if possible."""
    real = Path(os.path.realpath(path))
    if real.exists() or real in _CLAIMS or not put_aside(real):
        return
    with suppress(OSError), _locked(real, path, inside=False) as sure:
        recover(real, sure=sure)


def _is_empty(path: Path) -> bool:
    return path.is_dir() and all(_OWN.fullmatch(item.name) for item in path.iterdir())


@contextmanager
def _made(folder: Path, path: Path) -> Iterator[None]:
    """The folder exists; what was made for it goes again if nothing is put into it."""
    ancestors = (folder, *folder.parents)
    made = [item for item in ancestors if not item.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        way = next((item for item in ancestors if item.exists()), folder)
        why = f"{way} is a file" if way.is_file() else f"{error.strerror or error}, in {way}"
        raise OSError(f"{path} cannot be written: {why}; choose another place") from error
    try:
        yield
    finally:
        for item in made:
            with suppress(OSError):
                item.rmdir()


@contextmanager
def _locked(real: Path, path: Path, *, inside: bool) -> Iterator[bool]:
    """Holds the lock file of a folder; whether that really keeps others out."""
    lock = real / _LOCK if inside else real.with_name(f"{real.name}.workbench-lock")
    with ExitStack() as held:
        try:
            file, sure = held.enter_context(locked(lock, wait=False))
        except BlockingIOError:
            raise FileExistsError(
                f"{path} is being written by another process{_holder(lock)}: wait until it has ended, or choose another "
                "folder"
            ) from None
        except OSError as error:
            raise OSError(
                f"{path} cannot be written: {error.strerror or error}, in {lock.parent}; choose another place"
            ) from error
        with suppress(OSError):
            file.truncate(0)
            since = datetime.now(UTC).isoformat(timespec="seconds")
            file.write(json.dumps({"process": os.getpid(), "host": socket.gethostname(), "since": since}).encode())
            file.flush()
        try:
            yield sure
        finally:
            with suppress(OSError):
                lock.unlink()


def _holder(lock: Path) -> str:
    """Who holds it, in words; empty where that cannot be read."""
    try:
        record = json.loads(lock.read_text(encoding="utf-8"))
        return f" (process {record['process']} on {record['host']}, since {record['since']})"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
