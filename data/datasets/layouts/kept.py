"""Where are pictures kept that a data set holds as bytes inside its files?

Each becomes a file named for its bytes, in one folder; what is there already is not written again. Copies of one picture
get names of their own (`<content>_2.png`), so that they are told as the copies that they are.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

from affect_workbench.data.storage.atomic import write_bytes

_BEGINNINGS = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG", ".png"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
    (b"P5", ".pgm"),
    (b"P6", ".ppm"),
    (b"\0\0\0\x0cjP", ".jp2"),
)


class Kept:
    """A folder of pictures named for their bytes."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._times: Counter[str] = Counter()

    @property
    def folder(self) -> Path:
        """The folder.

        Raises:
            ValueError: none was given.
        """
        if self._folder is None:
            raise ValueError(
                "the pictures lie inside the data set's files: say where to keep them, as workbench data SET -o DIR does"
            )
        return self._folder

    @property
    def count(self) -> int:
        """How many pictures were put here now."""
        return self._times.total()

    def put(self, data: bytes) -> str:
        """Keeps a picture; its path relative to the folder."""
        content = hashlib.sha256(data).hexdigest()[:16]
        self._times[content] += 1
        again = "" if self._times[content] == 1 else f"_{self._times[content]}"
        name = f"{content[:2]}/{content}{again}{_suffix(data)}"
        if not (self.folder / name).is_file():
            write_bytes(self.folder / name, data)
        return name


def _suffix(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ".webp"
    return next((suffix for beginning, suffix in _BEGINNINGS if data.startswith(beginning)), ".picture")
