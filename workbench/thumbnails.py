"""What does a picture behind a number look like, small enough for a page?"""

from __future__ import annotations

import base64
from pathlib import Path

SIDE = 72


def thumbnail_uri(path: object) -> str | None:
    """The picture at `path` as a `data:` address of a few kilobytes; None where there is no file or it cannot be opened."""
    from data.images import UnreadablePicture, thumbnail

    if not isinstance(path, str) or not path or not Path(path).is_file():
        return None
    try:
        return "data:image/jpeg;base64," + base64.b64encode(thumbnail(Path(path), side=SIDE)).decode("ascii")
    except (UnreadablePicture, OSError):
        return None
