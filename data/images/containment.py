"""Does a path stay in its data set's folder, when `..` and links are followed?"""

from __future__ import annotations

import os
from pathlib import Path


class Inside:
    """Says of many paths whether they lie in one folder; a folder that was followed once is remembered."""

    def __init__(self, root: Path) -> None:
        self._root = os.path.realpath(root)
        self._real: dict[str, str] = {}

    def holds(self, path: Path) -> bool:
        """Whether `path`, which need not exist, leads to a place in the folder, or is the folder itself."""
        parent = os.path.dirname(os.path.abspath(path)) if ".." not in path.parts else None
        if parent is None or os.path.islink(path):
            real = os.path.realpath(path)
        else:
            if parent not in self._real:
                self._real[parent] = os.path.realpath(parent)
            real = os.path.join(self._real[parent], os.path.basename(path))
        return real == self._root or real.startswith(self._root.rstrip(os.sep) + os.sep)
