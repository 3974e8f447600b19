"""Which numbers of the pictures' texts are compared between slices when instruct data are audited?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from affect_workbench.data.instruct.emotion_words import frequent_words, picture_outcomes, texts_frame
from affect_workbench.data.instruct.folder import read_instruct
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.columns import attribute_columns
from affect_workbench.data.tables.read import Table


def audited_texts(folder: Path, *, words: Sequence[str] = (), frequent: int = 0) -> tuple[Table, tuple[str, ...]]:
    """One row a picture: its attributes, and what its answers name; and the names of these outcomes.

    Args:
        folder: that `build` wrote.
        words: to compare.
        frequent: how many frequent words to compare as well.

    Raises:
        FileNotFoundError, ValueError: see `read_instruct`; or a file alone, beside which no attributes lie.
    """
    data = read_instruct(folder)
    if not len(data.pictures):
        raise ValueError(f"{folder} says nothing of its pictures: audit the folder that `instruct build` wrote")
    texts = texts_frame(data.records)
    named = data.vocabulary.all_words() if data.vocabulary is not None else ()
    words = (*words, *frequent_words(texts, most=frequent, leaving_out=named))
    outcomes = picture_outcomes(texts, words=words)
    names = tuple(name for name in map(str, outcomes) if name != "image_id")
    columns = ["image_id", *(name for name in ("group_id",) if name in data.pictures), *attribute_columns(data.pictures)]
    rows = data.pictures[columns].merge(outcomes, on="image_id", how="inner")
    varying = tuple(name for name in names if rows[name].nunique() > 1)
    notes = []
    if len(data.conversations.problems):
        broken = plural(len(data.conversations.problems), "line is", "lines are")
        notes.append(f"{broken} broken and left out: see instruct check")
    if len(rows) < len(data.pictures):
        silent = plural(len(data.pictures) - len(rows), "picture has", "pictures have")
        notes.append(f"{silent} no text: not audited")
    return Table(rows.drop(columns=[name for name in names if name not in varying]), tuple(notes)), varying
