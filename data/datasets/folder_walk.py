"""Which picture files lie under a folder, and what else lies there that looks like one?"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from affect_workbench.data.datasets.checks import OUTSIDE, UNREAD_ENDING, Problem
from affect_workbench.data.images.containment import Inside
from affect_workbench.data.images.decode import UNOPENED_SUFFIXES, is_picture_name
from affect_workbench.data.plurals import plural


@dataclass(frozen=True)
class Walked:
    """What a walk through a folder found.

    Attributes:
        pictures: everything named like a picture that is opened, sorted; whether it is a file is not said yet.
        links: folders that are links out of the data set, which were not walked into.
        unopened: picture files with an ending that is not opened.
    """

    pictures: list[Path]
    links: list[Path]
    unopened: list[Path]

    def but_for(self, listed: Set[Path]) -> Walked:
        """The same without the pictures that a list names: those are opened whatever their ending, or refused one by one."""
        return replace(self, unopened=[item for item in self.unopened if item not in listed])

    def problems(self, root: Path) -> list[Problem]:
        """One for each link and each picture that is not opened, paths relative to `root`."""
        found = [
            Problem(
                OUTSIDE,
                link.relative_to(root).as_posix(),
                f"this folder is a link to {os.path.realpath(link)}, outside of the data set: its pictures are left out; "
                "--allow-outside reads them",
            )
            for link in self.links
        ]
        return found + [
            Problem(
                UNREAD_ENDING,
                item.relative_to(root).as_posix(),
                f"{item.suffix.lower()} pictures are not opened: left out; save it as .png or .jpg",
            )
            for item in self.unopened
        ]

    def notes(self) -> list[str]:
        """A sentence that counts the pictures that are not opened, by ending; none where there are none."""
        return [unopened_sentence(self.unopened)] if self.unopened else []


def pictures_under(folder: Path, *, inside: Inside | None = None) -> Walked:
    """Every picture below `folder`; hidden files and folders are left out, links are followed once.

    A folder named like a picture counts as one, which cannot be opened, and is not walked into.

    Args:
        folder: where to look.
        inside: what links must not lead out of; None to follow them anywhere.
    """
    pictures: list[Path] = []
    links: list[Path] = []
    unopened: list[Path] = []
    seen: set[str] = set()
    for where, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(where)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        pictures += [Path(where, name) for name in (*files, *folders) if is_picture_name(Path(name))]
        unopened += [Path(where, name) for name in files if is_unopened_name(Path(name))]
        shown = sorted(name for name in folders if not name.startswith(".") and not is_picture_name(Path(name)))
        out = [name for name in shown if inside is not None and not inside.holds(Path(where, name))]
        links += [Path(where, name) for name in out]
        folders[:] = [name for name in shown if name not in out]
    return Walked(sorted(pictures), sorted(links), sorted(unopened))


def is_unopened_name(path: Path) -> bool:
    """Whether the name ends like a picture's of a kind that is not opened, and is not hidden."""
    return path.suffix.lower() in UNOPENED_SUFFIXES and not path.name.startswith(".")


def unopened_sentence(files: Sequence[Path]) -> str:
    """How many pictures are not opened, by ending."""
    endings = Counter(file.suffix.lower() for file in files)
    said = ", ".join(f"{ending} ({count:,})" for ending, count in sorted(endings.items()))
    return (
        f"{plural(len(files), 'picture has', 'pictures have')} "
        f"an ending that is not opened, {said}: left out; save them as .png or .jpg"
    )


def why_none(walked: Walked) -> str:
    """What lies there that is not read, as the end of a sentence."""
    said = [unopened_sentence(walked.unopened)] if walked.unopened else []
    if walked.links:
        said.append(
            f"{plural(len(walked.links), 'folder leads', 'folders lead')} "
            f"elsewhere by a link, first {walked.links[0]}: give --allow-outside"
        )
    return f" ({'; '.join(said)})" if said else ""
