"""What does a picture behind a number look like, small enough for a page?"""

from __future__ import annotations

import base64
from functools import lru_cache
from pathlib import Path

SIDE = 72
_SMALL = 60


def thumbnail_uri(path: object) -> str | None:
    """The picture at `path` as a `data:` address of a few kilobytes; None where there is no file or it cannot be opened."""
    small = thumbnail_bytes(path, side=SIDE, quality=_SMALL)
    return None if small is None else "data:image/jpeg;base64," + base64.b64encode(small).decode("ascii")


def thumbnail_bytes(path: object, *, side: int, quality: int = 80) -> bytes | None:
    """The picture at `path` as a small JPEG; None where there is no file or it cannot be opened."""
    if not isinstance(path, str) or not path or not Path(path).is_file():
        return None
    return _made(path, Path(path).stat().st_mtime_ns, side, quality)


@lru_cache(maxsize=4_096)
def _made(path: str, written: int, side: int, quality: int) -> bytes | None:
    """Kept, since a page of the app is drawn again at every click; `written` tells a file from what it was before."""
    from affect_workbench.data.images.decode import UnreadablePicture, thumbnail

    del written
    try:
        return thumbnail(Path(path), side=side, quality=quality)
    except (UnreadablePicture, OSError):
        return None
