"""Is there a file of texts at a path? Answered without pandas, so that a wrong name is refused at once."""

from __future__ import annotations

from pathlib import Path

from affect_workbench.data.tables.headers import ID_COLUMNS, TABLE_SUFFIXES

LINES = (".jsonl", ".ndjson")
TEXT_SUFFIXES = (*TABLE_SUFFIXES, *LINES)
PICTURE_COLUMNS = (*ID_COLUMNS, "image", "question_id")
"""Columns that may name the picture, the first that is there; `question_id` as in LLaVA's answers."""
TEXT_COLUMNS = ("text", "answer", "caption", "response", "output")
"""Columns that may hold the text, the first that is there."""


def require_texts(path: Path) -> None:
    """Refuses what cannot be a file of texts.

    Raises:
        FileNotFoundError: no such file.
        ValueError: its name does not say what it is.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no texts at {path}: the file does not exist")
    if path.suffix.lower() not in TEXT_SUFFIXES:
        raise ValueError(f"{path} is no file of texts that the workbench reads: expected one of {', '.join(TEXT_SUFFIXES)}")
