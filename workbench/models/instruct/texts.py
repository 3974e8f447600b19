"""Which texts of instruct data are audited, and which words are looked for in them?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from affect_workbench.analyses.texts.lexicon import Lexicon
from affect_workbench.analyses.texts.words import frequent_words
from affect_workbench.data.answers.texts import Texts
from affect_workbench.data.instruct.folder import read_instruct
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.columns import attribute_columns


def instruct_texts(folder: Path, *, words: Sequence[str] = (), frequent: int = 0) -> tuple[Texts, Lexicon]:
    """All answers, with the attributes of their pictures; and the built-in emotion words with others to compare.

    Args:
        folder: that `build` wrote.
        words: to compare.
        frequent: how many frequent words to compare as well.

    Raises:
        FileNotFoundError, ValueError: see `read_instruct`; a file alone, beside which no attributes lie; or no word.
    """
    data = read_instruct(folder)
    if not len(data.pictures):
        raise ValueError(f"{folder} says nothing of its pictures: audit the folder that `instruct build` wrote")
    answers = [(one.image_id, turn.answer) for one in data.records for turn in one.turns]
    rows = pd.DataFrame(answers, columns=["image_id", "text"])
    lexicon = Lexicon.built_in()
    named = data.vocabulary.all_words() if data.vocabulary is not None else ()
    words = (*words, *frequent_words(rows, most=frequent, leaving_out={*named, *lexicon.emotion}))
    columns = ["image_id", *(name for name in ("group_id",) if name in data.pictures), *attribute_columns(data.pictures)]
    notes = []
    if len(data.conversations.problems):
        broken = plural(len(data.conversations.problems), "line is", "lines are")
        notes.append(f"{broken} broken and left out: see instruct check")
    if silent := len(data.pictures) - int(data.pictures["image_id"].isin(rows["image_id"]).sum()):
        notes.append(f"{plural(silent, 'picture has', 'pictures have')} no text: not audited")
    return Texts(rows, data.pictures[columns], folder.name, tuple(notes)), lexicon.with_words(words)
