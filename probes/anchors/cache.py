"""Were these vectors read before? A small file each, named by everything that they depend on."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from affect_workbench.data.storage.atomic import write_bytes
from affect_workbench.probes.anchors.sources import TextVectors

FOLDER_VARIABLE = "AFFECT_WORKBENCH_CACHE"
_VERSION = 1
"""Goes up when the reading of vectors changes, so that old files are never taken for new ones."""


def cache_folder() -> Path:
    """`$AFFECT_WORKBENCH_CACHE`, else the platform's folder for what an application can make again."""
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "affect-workbench"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "affect-workbench"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "affect-workbench"


def cached(key: Mapping[str, Any], read: Callable[[], TextVectors]) -> TextVectors:
    """The vectors stored under `key`, or those that `read` gives, which are stored then.

    A file that is damaged is made again, and a folder that cannot be written to is left alone; either is said in one line on
    standard error.

    Args:
        key: everything that the vectors depend on, JSON-ready; a `model` of None (not known what it is) is never stored.
        read: makes them.
    """
    if key["model"] is None:
        return read()
    name = hashlib.sha256(json.dumps([_VERSION, key], sort_keys=True).encode()).hexdigest()
    path = cache_folder() / "anchors" / f"{name[:32]}.safetensors"
    stored = _stored(path, name)
    if stored is not None:
        return stored
    made = read()
    try:
        write_bytes(path, _packed(made, name))
    except OSError as error:
        _say(f"cannot keep anchors in {path.parent} ({error.strerror or error}): they are read again each time")
    return made


def _stored(path: Path, name: str) -> TextVectors | None:
    if not path.is_file():
        return None
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            vectors, about = file.get_tensor("vectors"), file.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        _say(f"the cached anchors in {path} are damaged ({str(error).splitlines()[0][:80]}): made again")
        return None
    if about.get("key") != name or about.get("digest") != _digest(vectors):
        _say(f"the cached anchors in {path} are damaged (not what was written): made again")
        return None
    return TextVectors(vectors, about.get("note", ""))


def _packed(made: TextVectors, name: str) -> bytes:
    from safetensors.numpy import save

    vectors = np.ascontiguousarray(made.vectors, dtype=np.float32)
    return save({"vectors": vectors}, metadata={"key": name, "digest": _digest(vectors), "note": made.note})


def _digest(vectors: Any) -> str:
    return hashlib.sha256(str((vectors.shape, vectors.dtype.str)).encode() + vectors.tobytes()).hexdigest()


def _say(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)
