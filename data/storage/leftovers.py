"""What did a writer leave that was killed, and what of it is the only copy?

While a folder is written it is a hidden sibling, `.NAME.partial-PROCESS`; while a result is replaced, the earlier one is
`.NAME.partial-PROCESS-replaced`; what nobody needs any more is `...-spent` until it is removed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

MARKER = "COMPLETE.json"
ASIDE, SPENT = "-replaced", "-spent"
Identity = tuple[int, int, int]


def put_aside(path: Path) -> list[Path]:
    """Results that killed replacements of `path` had put aside, the newest first."""
    found = [item for item, kind in _left(Path(os.path.realpath(path))) if kind == ASIDE and item.is_dir()]
    return sorted(found, key=lambda item: (identity(item) or (0, 0, 0))[2], reverse=True)


def recover(path: Path, *, sure: bool) -> None:
    """Puts back what a killed replacement had put aside, and clears away what killed writers left half-written.

    What was put aside stays while it holds files that its marker does not list, such as reviews: they may be the only copy.
    Whoever has taken them over gives it to `discard`.

    Args:
        path: the folder.
        sure: whether no other process can be writing it; else what living processes of this machine own is let be.
    """
    aside = put_aside(path)
    whole = [item for item in aside if (item / MARKER).is_file()]
    if whole and not path.exists() and (sure or not _is_alive(whole[0])):
        os.replace(whole[0], path)
    for item, kind in _left(path):
        if not sure and _is_alive(item):
            continue
        if kind != ASIDE:
            shutil.rmtree(item, ignore_errors=True)
        elif path.exists() and not unlisted_files(item):
            discard(item)


def discard(path: Path) -> None:
    """Removes a folder or file so that a kill in between never leaves half of a folder under its name."""
    if not path.is_dir() or path.is_symlink():
        path.unlink()
        return
    name = path.name if path.name.endswith(ASIDE) else f".{path.name}.partial-{os.getpid()}"
    spent = path.with_name(name.removesuffix(ASIDE) + SPENT)
    shutil.rmtree(spent, ignore_errors=True)
    os.replace(path, spent)
    shutil.rmtree(spent, ignore_errors=True)


def unlisted_files(path: Path, *, known: Collection[str] = ()) -> list[str]:
    """Files in a result that its marker does not list, but for hidden ones; all of them where the marker is unreadable."""
    try:
        listed = set(json.loads((path / MARKER).read_text(encoding="utf-8"))["files"]) | {MARKER, *known}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        listed = set()
    names = sorted(item.relative_to(path).as_posix() for item in path.rglob("*") if not item.is_dir())
    return [name for name in names if name not in listed and not any(part.startswith(".") for part in name.split("/"))]


def identity(path: Path) -> Identity | None:
    """What tells a result from another one at the same place; None where nothing is."""
    try:
        folder = path.stat()
    except OSError:
        return None
    with suppress(OSError):
        return folder.st_dev, folder.st_ino, (path / MARKER).stat().st_mtime_ns
    return folder.st_dev, folder.st_ino, 0


def _left(path: Path) -> list[tuple[Path, str]]:
    """Hidden siblings that writers of `path` left, each with the ending of its name."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.partial-\d+({ASIDE}|{SPENT}|)")
    if not path.parent.is_dir():
        return []
    found = [(item, pattern.fullmatch(item.name)) for item in path.parent.iterdir()]
    return [(item, match[1]) for item, match in found if match]


def _is_alive(left: Path) -> bool:
    """Whether the process that left a hidden sibling still runs, and is another one than this."""
    process = int(re.findall(r"partial-(\d+)", left.name)[-1])
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return process != os.getpid()
