"""Which pictures are no longer what a saved manifest says of them?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.images.decode import UnreadablePicture, content_id
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import MARKER
from affect_workbench.data.tables.read import named

_SLACK = 2_000_000_000
"""Nanoseconds by which clocks of file systems may be coarse (FAT counts in twos of seconds)."""


def with_changes(manifest: Manifest, folder: Path) -> tuple[Manifest, list[str]]:
    """The manifest with the `content` that its pictures have now, and one sentence where any has changed.

    Only files that were written, renamed or put in place after the manifest in `folder` was are read again. Ids, labels and
    splits stay as they are. A file that is gone keeps its row: what reads it next says so.
    """
    written = (folder / MARKER).stat().st_mtime_ns - _SLACK
    paths = manifest.paths()
    later = [at for at, path in enumerate(paths) if _last_change(path) >= written]
    if not later:
        return manifest, []
    before = manifest.rows["content"]
    now = _contents([paths[at] for at in later], otherwise=list(before.iloc[later]))
    changed = [at for at, content in zip(later, now, strict=True) if content != before.iloc[at]]
    if not changed:
        return manifest, []
    content = before.to_numpy(dtype=object).copy()
    content[later] = now
    rows = manifest.rows.assign(content=pd.Series(content, index=manifest.rows.index, dtype=object))
    said = (
        f"{plural(len(changed), 'picture has', 'pictures have')} changed since the manifest was written, first "
        f"{named(manifest.rows['path'].iloc[changed])}: they are taken as they are now; read the dataset again "
        "(workbench data) for their splits and copies"
    )
    fresh = Manifest(rows, manifest.root, manifest.layout, manifest.taxonomy, manifest.problems, (*manifest.notes, said))
    return fresh, [said]


def _last_change(path: Path) -> int:
    """When the file was written or put in place, in nanoseconds; 0 where there is none."""
    try:
        state = path.stat()
    except OSError:
        return 0
    return max(state.st_mtime_ns, state.st_ctime_ns)


def _contents(paths: Sequence[Path], *, otherwise: Sequence[str]) -> list[str]:
    """The content id of each file; what it was before where the file cannot be read now."""

    def one(path: Path, before: str) -> str:
        try:
            return content_id(path)
        except (OSError, UnreadablePicture):
            return before

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(one, paths, otherwise))
