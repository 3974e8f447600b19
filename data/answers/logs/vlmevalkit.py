"""What does a file of predictions of VLMEvalKit say (`<model>_<dataset>.xlsx`, TSV, CSV or JSON; judged or not)?

The columns are those of the dataset (`index`, `question`, an option a letter, `answer`, categories) and `prediction`. In a
circular set a question comes once for each rotation of its options, a million apart in `index`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from affect_workbench.data.answers.logs.answer_log import LETTERS, Answer, AnswerLog, answer_log, right_answers
from affect_workbench.data.answers.logs.kinds import VLMEVALKIT
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.delimited import read_cells
from affect_workbench.data.tables.headers import is_table
from affect_workbench.data.tables.spreadsheet import MOST_IN_A_CELL, sheet_records

_ROTATION = 1_000_000
_FAILED = re.compile(r"failed to obtain answer via api", re.IGNORECASE)
_NO_FACTS = (
    "index",
    "g_index",
    "question",
    "hint",
    "answer",
    "prediction",
    "thinking",
    "extra_records",
    "hit",
    "log",
    "image",
)
"""Columns that are no facts about the picture."""


def read_vlmevalkit(path: Path, *, id_column: str = "") -> AnswerLog:
    """The log in a file of predictions.

    Raises:
        ValueError: not readable (for a workbook perhaps for want of openpyxl), or see `answer_log`.
    """
    records = [_with_our_names(record) for record in _records(path)]
    indices = {record["index"] for record in records}
    failed = cut = rotated = 0
    answers: list[Answer] = []
    for record in records:
        text = record["prediction"]
        if _FAILED.search(text):
            failed += 1
            continue
        cut += len(text) == MOST_IN_A_CELL and not is_table(path)
        options = {letter: record[letter] for letter in LETTERS if record.get(letter)}
        index, rotation = _base(record["index"], indices)
        rotated += rotation > 0
        facts = {name: value or None for name, value in record.items() if name not in _NO_FACTS and name not in LETTERS}
        answers.append(
            Answer(
                index,
                text,
                run=f"rotation {rotation}" if rotation else "",
                gold=right_answers([record.get("answer", "")], options),
                options=options,
                path=record.get("image_path", ""),
                facts={name: value for name, value in facts.items() if name != "image_path"},
            )
        )
    notes = []
    if failed:
        notes.append(f"{plural(failed, 'call')} of the API failed: left out")
    if cut:
        notes.append(f"{plural(cut, 'answer')} as long as a cell can be ({MOST_IN_A_CELL:,} characters): cut off")
    if rotated:
        answers = [answer if answer.run else replace(answer, run="rotation 0") for answer in answers]
        notes.append("its questions come once for each rotation of their options (index over a million): read as runs")
    return answer_log(VLMEVALKIT, answers, source=path.name, notes=notes, id_column=id_column)


def _records(path: Path) -> Sequence[Mapping[str, object]]:
    if is_table(path) and path.suffix.lower() != ".parquet":
        frame = read_cells(path).frame()
        return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
    if path.suffix.lower() != ".json":
        return sheet_records(path)
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    return [record for record in found if isinstance(record, dict)]


def _with_our_names(record: Mapping[str, object]) -> dict[str, str]:
    """Names in lower case but for the letters of options, as in a judged file; no value as ""."""
    own = {name if name in LETTERS else name.lower(): "" if value is None else str(value) for name, value in record.items()}
    return {"index": "", "prediction": ""} | own


def _base(index: str, indices: set[str]) -> tuple[str, int]:
    """The index of the question that an index is a rotation of, and which one; 0 for the question itself."""
    if index.isdigit() and int(index) >= _ROTATION and str(int(index) % _ROTATION) in indices:
        return str(int(index) % _ROTATION), int(index) // _ROTATION
    return index, 0
