"""How is a result written so that a half-written one is never read as whole?

Files go into a hidden sibling folder; a marker that lists every file with its size is written last; one rename makes
the folder visible. A kill or a full disk leaves the old result, or none. To replace a result takes two renames: after a
kill between them the old one is put back as soon as the folder is read, or claimed again (`data.storage.destination`).
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from affect_workbench.data.storage.destination import claimed, ensure_free, is_replaceable, restore
from affect_workbench.data.storage.leftovers import ASIDE, MARKER, discard, identity
from affect_workbench.data.storage.locks import alone
from affect_workbench.data.storage.saved import read_record

__all__ = [
    "MARKER",
    "alone",
    "atomic_folder",
    "ensure_free",
    "finished_under",
    "is_replaceable",
    "require_complete",
    "write_bytes",
    "write_json",
    "write_text",
]


def write_text(path: Path, text: str, *, durable: bool = False) -> None:
    """Writes `text` to a temporary name beside `path`, then renames; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8"), durable=durable)


def write_bytes(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Writes `content` to a temporary name beside `path`, then renames.

    Args:
        path: the file.
        content: what it shall hold.
        durable: not made again by any command: waits until it is on the disk, so that a power cut leaves no empty file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}-{threading.get_ident()}")
    try:
        with partial.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, record: Any, *, durable: bool = False) -> None:
    """Writes `record` as strict JSON (NaN refused) with sorted keys left as given, two-space indented."""
    write_text(path, json.dumps(record, indent=2, allow_nan=False, ensure_ascii=False) + "\n", durable=durable)


@contextmanager
def atomic_folder(
    path: Path, *, overwrite: bool = False, derived: Iterable[str] = (), known: Collection[str] = ()
) -> Iterator[Path]:
    """A fresh folder to write into; on a clean exit it becomes `path` with a completion marker, else it vanishes.

    Args:
        path: where the folder shall be; of a link, where it leads.
        overwrite: replace a folder of ours that is there.
        derived: files that may be made again later; the marker does not vouch for their size.
        known: see `data.storage.destination.ensure_free`; `derived` files are.

    Raises:
        FileExistsError: see `data.storage.destination.claimed`; or another process has written the folder meanwhile.
        OSError: the place cannot be written to.
    """
    path, derived = Path(path), tuple(derived)
    known = {*known, *derived}
    with claimed(path, overwrite=overwrite, known=known) as claim:
        ensure_free(path, overwrite=overwrite, known=known)
        partial = _sibling(claim.path)
        partial.mkdir()
        try:
            yield partial
            files = {
                item.relative_to(partial).as_posix(): item.stat().st_size
                for item in sorted(partial.rglob("*"))
                if item.is_file() and item.name not in derived
            }
            write_json(partial / MARKER, {"files": files})
            claim.require_unchanged()
            ensure_free(path, overwrite=overwrite, known=known)
            _put(partial, claim.path)
            claim.found = identity(claim.path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _put(partial: Path, path: Path) -> None:
    """Gives a finished folder its name; what has the name now is put aside first, and removed last."""
    if not path.exists():
        os.replace(partial, path)
        return
    aside = _sibling(path, ASIDE)
    os.replace(path, aside)
    try:
        os.replace(partial, path)
    except BaseException:
        if not path.exists():
            os.replace(aside, path)
        raise
    discard(aside)


def _sibling(path: Path, ending: str = "") -> Path:
    """A hidden name beside `path` that no other process uses."""
    return path.with_name(f".{path.name}.partial-{os.getpid()}{ending}")


def require_complete(path: Path, *, what: str) -> None:
    """Checks that `path` is a whole result: marker present, every file there with the size it was written with.

    Raises:
        FileNotFoundError: the folder or a file is missing.
        ValueError: no marker, or a file is shorter or longer than written.
    """
    if not path.is_dir():
        restore(path)
    if not path.is_dir():
        raise FileNotFoundError(f"no {what} at {path}: {'that is a file' if path.exists() else 'the folder does not exist'}")
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


def finished_under(root: Path | str, *records: str) -> list[Path]:
    """Finished folders up to two levels under `root` (or `root` itself) that hold one of these files, the newest first.

    Hidden ones are left out.
    """
    root = Path(root)
    found = {path.parent for record in records for depth in ("", "*/", "*/*/") for path in root.glob(depth + record)}
    whole = [path for path in found if (path / MARKER).is_file()]
    whole = [path for path in whole if not any(part.startswith(".") for part in path.relative_to(root).parts)]
    return sorted(whole, key=lambda path: ((path / MARKER).stat().st_mtime_ns, str(path)), reverse=True)
