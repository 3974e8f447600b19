"""How is a result written so that a half-written one is never read as whole?

Files go into a hidden sibling folder; a marker that lists every file with its size is written last; one rename makes
the folder visible. A kill or a full disk leaves the old result, or none.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data.saved import read_record

MARKER = "COMPLETE.json"


def write_text(path: Path, text: str) -> None:
    """Writes `text` to a temporary name beside `path`, then renames."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Writes `content` to a temporary name beside `path`, then renames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, record: Any) -> None:
    """Writes `record` as strict JSON (NaN refused) with sorted keys left as given, two-space indented."""
    write_text(path, json.dumps(record, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def ensure_free(path: Path, *, overwrite: bool) -> None:
    """Refuses a destination that exists, before any work is spent on it.

    Raises:
        FileExistsError: the folder exists and `overwrite` is False.
    """
    if path.exists() and not overwrite and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(f"{path} exists: choose another folder, or pass --overwrite to replace it")
    if path.exists() and overwrite and not is_replaceable(path):
        raise FileExistsError(
            f"{path} exists and was not written by the workbench (no {MARKER}): refusing to replace it; remove it yourself"
        )


def is_replaceable(path: Path) -> bool:
    """Whether `path` is an empty folder or one that this module wrote."""
    return path.is_dir() and ((path / MARKER).is_file() or not any(path.iterdir()))


@contextmanager
def atomic_folder(path: Path, *, overwrite: bool = False, derived: Iterable[str] = ()) -> Iterator[Path]:
    """A fresh folder to write into; on a clean exit it becomes `path` with a completion marker, else it vanishes.

    Args:
        path: where the folder shall be.
        overwrite: replace a folder of ours that is there.
        derived: files that may be made again later; the marker does not vouch for their size.

    Raises:
        FileExistsError: see `ensure_free`.
    """
    path = Path(path)
    ensure_free(path, overwrite=overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    for stale in path.parent.glob(f".{path.name}.partial-*"):
        if not _is_alive(stale.name.split("partial-")[1].split("-")[0]):
            shutil.rmtree(stale, ignore_errors=True)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    partial.mkdir()
    try:
        yield partial
        files = {
            str(item.relative_to(partial)): item.stat().st_size
            for item in sorted(partial.rglob("*"))
            if item.is_file() and item.name not in derived
        }
        write_json(partial / MARKER, {"files": files})
        if path.exists():
            replaced = path.with_name(f".{path.name}.partial-{os.getpid()}-replaced")
            os.replace(path, replaced)
            os.replace(partial, path)
            shutil.rmtree(replaced)
        else:
            os.replace(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _is_alive(process: str) -> bool:
    """Whether the process that writes a partial folder still runs (so that its work is not taken from under it)."""
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return int(process) != os.getpid()


def require_complete(path: Path, *, what: str) -> None:
    """Checks that `path` is a whole result: marker present, every file there with the size it was written with.

    Raises:
        FileNotFoundError: the folder or a file is missing.
        ValueError: no marker, or a file is shorter or longer than written.
    """
    if not path.is_dir():
        raise FileNotFoundError(f"no {what} at {path}: the folder does not exist")
    if not (path / MARKER).is_file():
        raise ValueError(f"{path} is not a finished {what}: {MARKER} is missing (killed while writing, or another folder)")
    try:
        files = read_record(path / MARKER).record("files").values
    except ValueError as error:
        raise ValueError(f"{path} is not a finished {what}: {error}") from error
    for name, size in files.items():
        if not (path / name).is_file():
            raise FileNotFoundError(f"the {what} at {path} has lost its file {name}: make it again")
        if (path / name).stat().st_size != size:
            raise ValueError(
                f"the {what} at {path} is damaged: {name} has {(path / name).stat().st_size} bytes, {size} were written"
            )


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Waits until no other tab or process holds this lock file; a process that dies lets go by itself."""
    with lock.open("a+b") as file:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
            try:
                yield
            finally:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
            yield
