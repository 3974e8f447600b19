"""A progress bar is drawn where somebody can see it."""

from __future__ import annotations

import io

import pytest

from affect_workbench.data.storage.progress import WATCHED_VARIABLE, progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "watched", "progress", "drawn"),
    [
        (Terminal, "", True, True),
        (Terminal, "", False, False),
        (io.StringIO, "", True, False),
        (io.StringIO, "1", True, True),
        (io.StringIO, "1", False, False),
    ],
)
def test_bars_are_drawn_at_a_terminal_or_for_a_program_that_reads_them(monkeypatch, stream, watched, progress, drawn):
    written = stream()
    monkeypatch.setattr("sys.stderr", written)
    monkeypatch.setenv(WATCHED_VARIABLE, watched)
    assert list(progress_bar(range(3), desc="counting", progress=progress, mininterval=0)) == [0, 1, 2]
    assert ("counting" in written.getvalue()) is drawn
