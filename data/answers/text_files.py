"""Is there a file of texts at a path? Answered without pandas, so that a wrong name is refused at once."""

from __future__ import annotations

from pathlib import Path

from affect_workbench.data.tables.headers import TABLE_SUFFIXES

TEXT_SUFFIXES = (*TABLE_SUFFIXES, ".jsonl", ".ndjson")


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
