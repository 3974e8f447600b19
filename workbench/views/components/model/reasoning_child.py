"""How does a page ask a model why a picture conveys an emotion? By `workbench mmllm chat`, whose events it follows."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from affect_workbench.workbench.interface.thumbnails import thumbnail_bytes
from affect_workbench.workbench.models.mmllm.events import Talk, talks_so_far
from affect_workbench.workbench.views.components.model.child import Child

PICTURE_TYPES = ("png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff")
_EVENTS = "events.jsonl"
_SIDE = 440


@dataclass(frozen=True)
class Request:
    """What the page asks for.

    Attributes:
        model: hub name or folder.
        probe: folder; empty for none.
        mode: see `data.instruct.conditioning.Mode`.
        label: the right label, where the mode takes one; empty for none.
        question: the reader's own; empty for the usual one.
        dtype: precision of the model.
        certainty: whether the question says how sure the probe is.
    """

    model: str
    probe: str
    mode: str
    label: str
    question: str
    dtype: str = "auto"
    certainty: bool = True

    def words(self, picture: Path, events: Path) -> Sequence[str]:
        """The command that asks about a picture and tells what happens."""
        given = {"probe": self.probe, "mode": self.mode, "label": self.label, "question": self.question, "dtype": self.dtype}
        flags = [f"--{name}={value}" for name, value in given.items() if value]
        certainty = [] if self.certainty else ["--no-certainty"]
        return ["mmllm", "chat", f"--json={events}", *flags, *certainty, "--", self.model, str(picture)]


@dataclass(frozen=True)
class Asking:
    """A command that was started for one picture.

    Attributes:
        child: it.
        request: what it was asked.
        picture: the picture, small, to be shown.
    """

    child: Child
    request: Request
    picture: bytes | None

    @classmethod
    def start(cls, request: Request, name: str, content: bytes) -> Asking:
        """Starts asking about a picture file of this name and these bytes."""
        folder, suffix = Path(tempfile.mkdtemp(prefix="affect-workbench-")), Path(name).suffix.lower()
        picture = folder / f"picture{suffix if suffix.removeprefix('.') in PICTURE_TYPES else '.png'}"
        picture.write_bytes(content)
        child = Child.start(request.words(picture, folder / _EVENTS), folder)
        return cls(child, request, thumbnail_bytes(str(picture), side=_SIDE))

    @property
    def talk(self) -> Talk | None:
        """What was asked and what is answered yet; None before the model has read the question."""
        return next(iter(talks_so_far(self.child.folder / _EVENTS)), None)

    @property
    def notes(self) -> list[str]:
        """What the reader has to know of it."""
        return [line.removeprefix("note: ") for line in self.child.lines if line.startswith("note: ")]

    def forget(self) -> None:
        """Removes its files."""
        shutil.rmtree(self.child.folder, ignore_errors=True)
