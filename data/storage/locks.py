"""How do processes and tabs take turns at a file? By a lock that a process that dies lets go of by itself."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What file systems without locks answer."""


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Waits until no other tab or process holds this lock file; a process that dies lets go by itself."""
    with locked(lock, wait=True):
        yield


@contextmanager
def locked(lock: Path, *, wait: bool) -> Iterator[tuple[IO[bytes], bool]]:
    """Holds a lock file: the open file, and whether others are really kept out (not every file system can).

    Raises:
        BlockingIOError: another holds it, and `wait` is False.
        OSError: the file cannot be made.
    """
    while True:
        file = lock.open("a+b")
        try:
            sure = _taken(file, wait=wait)
            # Whoever held it may have put another file, or a folder with another, in its place meanwhile.
            if _is_at(file, lock):
                break
        except BaseException:
            file.close()
            raise
        file.close()
    with file:
        try:
            yield file, sure
        finally:
            _let_go(file)


def _taken(file: IO[bytes], *, wait: bool) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
            except PermissionError as error:
                raise BlockingIOError from error
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return False
    return True


def _let_go(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)


def _is_at(file: IO[bytes], path: Path) -> bool:
    """Whether the open file is the one that is at `path` now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
