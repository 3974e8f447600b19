"""How does a page let a command run, and how does it learn what came of it? A process of its own, and files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from affect_workbench.data.storage.progress import WATCHED_VARIABLE

_OUT, _ERR = "out.txt", "err.txt"
_PERCENT = re.compile(r"(\d{1,3})%\|")
_TAIL = 4_096


@dataclass(frozen=True)
class Child:
    """A command `workbench WORDS` that was started.

    Attributes:
        process: it.
        folder: where what it prints is kept.
    """

    process: subprocess.Popen[bytes]
    folder: Path

    @classmethod
    def start(cls, words: Sequence[str], folder: Path) -> Child:
        """Starts `workbench WORDS`; what it prints goes into files in `folder`."""
        command = [sys.executable, "-m", "affect_workbench", *words]
        with (folder / _OUT).open("wb") as out, (folder / _ERR).open("wb") as err:
            watched = os.environ | {WATCHED_VARIABLE: "1"}
            return cls(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=watched), folder)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    @property
    def lines(self) -> list[str]:
        """What it has printed."""
        return (self.folder / _OUT).read_text(encoding="utf-8", errors="replace").splitlines()

    @property
    def progress(self) -> float | None:
        """How much of its work is done, from 0 to 1, by its progress bar; None while it shows none."""
        found = _PERCENT.findall((self.folder / _ERR).read_text(encoding="utf-8", errors="replace")[-_TAIL:])
        return min(int(found[-1]), 100) / 100 if found else None

    @property
    def failure(self) -> str:
        """Why it failed, in its own line; empty while it runs and where it did not."""
        code = self.process.poll()
        if not code:
            return ""
        lines = re.split(r"[\r\n]+", (self.folder / _ERR).read_text(encoding="utf-8", errors="replace").strip())
        told = [line for line in lines if line.startswith("workbench ")]
        if code < 0 and not told:
            return f"the command was ended by signal {-code}, perhaps because memory ran out"
        return (told or lines)[-1].partition(": error: ")[2] or (told or lines)[-1]

    def stop(self) -> None:
        """Ends it."""
        self.process.terminate()
        self.process.wait()
