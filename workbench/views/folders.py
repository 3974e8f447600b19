"""Which folders are there to open, of which kind is each, and what came of it?"""

from __future__ import annotations

import os
from pathlib import Path

from affect_workbench.data.storage.atomic import MARKER, finished_under
from affect_workbench.data.storage.saved import read_record
from affect_workbench.workbench.views.settings import (
    ATTACHED,
    AUDIT,
    KINDS,
    LABELS,
    LABELS_VARIABLE,
    RUN_VARIABLE,
    RUNS_VARIABLE,
    Kind,
)


def kind_of(folder: Path) -> Kind | None:
    """What wrote the folder, by the record that it holds; None where nothing did that the app can open."""
    return next((kind for kind in KINDS if (folder / kind.record).is_file()), None)


def require_openable(folder: Path) -> Kind | None:
    """The kind of a folder; None where it is a folder of runs.

    Raises:
        FileNotFoundError: there is nothing to open.
    """
    kind = kind_of(folder)
    if kind is None and not found_under(folder, *KINDS):
        wrote = ", ".join(f"{one.record} of {one.command}" for one in KINDS)
        why = "holds none of these" if folder.is_dir() else "is no folder"
        raise FileNotFoundError(
            f"nothing to open at {folder}, which {why}: expected what one of these commands writes ({wrote}), or a folder "
            "with such folders in it"
        )
    return kind


def found_under(root: Path, *kinds: Kind) -> list[Path]:
    """Finished folders of these kinds up to two levels under `root`, the newest first; not the answers within a run."""
    found = finished_under(root, *(kind.record for kind in kinds))
    return [folder for folder in found if not (folder.parent / ATTACHED.record).is_file()]


def runs_root() -> Path:
    """The folder that is looked through for runs."""
    return Path(os.environ.get(RUNS_VARIABLE, "runs"))


def labels_root() -> Path:
    """The folder that is looked through for label folders as well."""
    return Path(os.environ.get(LABELS_VARIABLE, "labels"))


def asked_folder() -> Path | None:
    """The folder that the app was started with; None where it was started with none."""
    asked = os.environ.get(RUN_VARIABLE, "")
    return Path(asked) if asked else None


def asked_kind() -> Kind | None:
    """The kind of that folder, an audit where it cannot be told; None where it is a folder of runs, or there is none."""
    asked = asked_folder()
    if asked is None:
        return None
    return kind_of(asked) or (None if asked.resolve() == runs_root().resolve() else AUDIT)


def folders_to_open(*kinds: Kind) -> list[Path]:
    """The folder that the app was started with, where it is of these kinds; then all others, newest first.

    Label folders are looked for in a place of their own as well.
    """
    roots = [runs_root(), *([labels_root()] if LABELS in kinds else [])]
    asked, kind = asked_folder(), asked_kind()
    first = [asked] if asked is not None and kind in kinds else []
    distinct: dict[Path, Path] = {}
    for folder in [*first, *(folder for root in roots for folder in found_under(root, *kinds))]:
        distinct.setdefault(folder.resolve(), folder)
    return list(distinct.values())


def short_name(path: Path, root: Path) -> str:
    """The path as it is under `root`, whole where it lies elsewhere."""
    try:
        return str(path.resolve().relative_to(root.resolve()))
    except ValueError:
        return str(path)


def finished_at(folder: Path) -> float:
    """When a finished folder was written, in seconds."""
    return (folder / MARKER).stat().st_mtime


def outcome_of(folder: Path, kind: Kind) -> str:
    """What came of a run, in one line of its record; empty where that says nothing.

    Raises:
        OSError, ValueError: the record cannot be read.
    """
    record = read_record(folder / kind.record)
    return record.text(kind.outcome) if record.known(kind.outcome) else ""
