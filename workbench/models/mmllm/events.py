"""What happens while pictures are asked about, one JSON object a line, so that a page can follow it?

Every line has `event`: `started` (`model`, `probe`, `mode`), `unreadable` (`picture`, `reason`), `asked` (what `Talk` has,
but no text), `text` (`picture`, and in `text` a piece of the answer), `answer` (`Talk` with the whole text).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TextIO

STARTED, UNREADABLE, ASKED, TEXT, ANSWER = "started", "unreadable", "asked", "text", "answer"


@dataclass(frozen=True)
class Talk:
    """What was asked about one picture, and what was answered.

    Attributes:
        picture: the file.
        emotions: what the probe says, the likeliest first; empty without a probe.
        label: the one in the question; empty in mode `none`.
        why: where it comes from, in words.
        question: what was asked, the label in it.
        prompt: exactly what the model reads.
        text: the answer, or what there is of it yet.
    """

    picture: str
    emotions: tuple[tuple[str, float], ...]
    label: str
    why: str
    question: str
    prompt: str = ""
    text: str = ""


class Events:
    """Writes one line an event, each of them at once."""

    def __init__(self, file: TextIO | None) -> None:
        """Writes into `file`; nowhere where there is none."""
        self._file = file

    def tell(self, event: str, **values: Any) -> None:
        """Writes a line."""
        if self._file is not None:
            self._file.write(json.dumps({"event": event, **values}, ensure_ascii=False) + "\n")
            self._file.flush()

    def asked(self, talk: Talk) -> None:
        """A question was put."""
        self.tell(ASKED, **_without_text(talk))

    def answered(self, talk: Talk) -> None:
        """Its answer is whole."""
        self.tell(ANSWER, **asdict(talk))


@contextmanager
def events_into(path: str, *, overwrite: bool) -> Iterator[Events]:
    """Events written into a new file; nowhere without a path.

    Raises:
        FileExistsError: there is such a file, and it may not be replaced.
        OSError: it cannot be written.
    """
    if not path:
        yield Events(None)
        return
    if Path(path).exists() and not overwrite:
        raise FileExistsError(f"{path} exists: choose another file for --json, or replace it with --overwrite")
    with Path(path).open("w", encoding="utf-8", newline="\n") as file:
        yield Events(file)


def talks_so_far(path: Path) -> list[Talk]:
    """What the events in a file tell of each picture that was asked about, even while they are being written."""
    talks: dict[str, Talk] = {}
    for line in _whole_lines(path):
        event, picture = line.pop("event"), str(line.get("picture"))
        if event in (ASKED, ANSWER):
            emotions = tuple((str(label), float(share)) for label, share in line.pop("emotions"))
            talks[picture] = Talk(emotions=emotions, **line)
        elif event == TEXT:
            talks[picture] = replace(talks[picture], text=talks[picture].text + line["text"])
    return list(talks.values())


def _whole_lines(path: Path) -> Sequence[dict[str, Any]]:
    """The lines of the file that end: the last one may still be on its way."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]


def _without_text(talk: Talk) -> dict[str, Any]:
    return {name: value for name, value in asdict(talk).items() if name != "text"}
