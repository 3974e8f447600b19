"""What does a log of answers say, whichever tool wrote it?"""

from __future__ import annotations

from pathlib import Path

from affect_workbench.data.answers.logs import kinds
from affect_workbench.data.answers.logs.answer_log import AnswerLog
from affect_workbench.data.answers.logs.every_eval_ever import read_every_eval_ever
from affect_workbench.data.answers.logs.inspect_ai import read_inspect
from affect_workbench.data.answers.logs.lmms_eval import read_lmms_eval
from affect_workbench.data.answers.logs.openai_batch import read_openai_batch
from affect_workbench.data.answers.logs.plain_texts import read_plain_texts
from affect_workbench.data.answers.logs.vlmevalkit import read_vlmevalkit
from affect_workbench.data.answers.text_files import TEXT_SUFFIXES
from affect_workbench.data.answers.texts import Texts, read_texts

_READERS = {
    kinds.LMMS_EVAL: read_lmms_eval,
    kinds.VLMEVALKIT: read_vlmevalkit,
    kinds.INSPECT: read_inspect,
    kinds.EEE: read_every_eval_ever,
    kinds.OPENAI_BATCH: read_openai_batch,
}


def read_log(path: Path, *, id_column: str = "", text_column: str = "") -> AnswerLog:
    """The answers in a file of any of `kinds.KINDS`.

    Args:
        path: the file.
        id_column: a column of the samples that names the picture, where it is not the sample's id.
        text_column: the column of texts of a plain table.

    Raises:
        FileNotFoundError: no such file.
        ValueError: none of these kinds, damaged, or without an answer that can be used.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no log at {path}: the file does not exist")
    kind = kinds.log_kind(path)
    if kind in _READERS:
        return _READERS[kind](path, id_column=id_column)
    if kind is None and not (id_column or text_column):
        raise ValueError(f"{path} is no log of answers: expected {'; '.join(kinds.KINDS.values())}")
    return read_plain_texts(path, id_column=id_column, text_column=text_column, kind=kind or kinds.TEXTS)


def texts_of(path: Path, *, id_column: str = "", text_column: str = "") -> Texts:
    """The texts in a file of any of these kinds; plain tables and lines by `data.answers.texts.read_texts`.

    Raises:
        FileNotFoundError, ValueError: see `read_log` and `read_texts`.
    """
    kind = kinds.log_kind(path)
    plain = kind in (None, kinds.LLAVA, kinds.TEXTS)
    if plain and (kind is None or Path(path).suffix.lower() in TEXT_SUFFIXES):
        return read_texts(path, id_column=id_column, text_column=text_column)
    return read_log(path, id_column=id_column, text_column=text_column).texts()
