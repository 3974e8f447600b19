"""What does a table of texts say: a column of ids and one of texts, and `run`, `prompt` and `label` where it has them?

CSV, TSV, Parquet, Excel or JSON lines; LLaVA's answers are such lines (`question_id`, `text`; MMBench with options, once for
each of their rotations).
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from affect_workbench.data.answers.logs.answer_log import Answer, AnswerLog, answer_log, right_answers
from affect_workbench.data.answers.logs.kinds import LLAVA, TEXTS
from affect_workbench.data.answers.logs.lmms_eval import options_in
from affect_workbench.data.answers.text_files import LINES, PICTURE_COLUMNS, TEXT_COLUMNS
from affect_workbench.data.tables.json_lines import json_records
from affect_workbench.data.tables.read import columns_of
from affect_workbench.data.tables.spreadsheet import SHEET_SUFFIXES, sheet_records

_GOLD = ("label", "gold", "target", "ground_truth", "truth")
_MODEL = ("model_id", "model")
_OWN = ("prompt", "question", "options", "option_char", "run", "epoch", "round_id", "answer_id", "metadata", "kind")


def read_plain_texts(path: Path, *, id_column: str = "", text_column: str = "", kind: str = TEXTS) -> AnswerLog:
    """The log in a table of texts.

    Args:
        path: the table.
        id_column: names the picture; the first of `PICTURE_COLUMNS` that is there when not given.
        text_column: holds the text; the first of `TEXT_COLUMNS` that is there when not given.
        kind: `TEXTS`, or `LLAVA`.

    Raises:
        ValueError: no such column, or see `answer_log`.
    """
    records, notes = _records(path, (id_column, text_column))
    names = dict.fromkeys(name for record in records for name in record)
    picture = _first(names, (id_column,) if id_column else PICTURE_COLUMNS, path, "ids of the pictures", "--id-column")
    usual = ("text",) if kind == LLAVA else TEXT_COLUMNS
    text = _first(names, (text_column,) if text_column else usual, path, "texts", "--text-column")
    gold = next((name for name in _GOLD if name in names and name not in (picture, text)), None)
    model = next((name for name in _MODEL if name in names), None)
    own = {picture, text, gold, model, "path", *_OWN}
    notes = (*notes, *([f"the right answers are taken from its column {gold}"] if gold not in (None, "label") else []))
    rounds = "round_id" in names
    answers = []
    for record in records:
        prompt = _text(record.get("prompt", record.get("question")))
        options = _options(record) or options_in(prompt)
        answers.append(
            Answer(
                _text(record.get(picture)),
                _text(record.get(text)),
                run=_text(next((record[name] for name in ("run", "epoch", "round_id") if name in record), "")),
                prompt="" if rounds else prompt,
                gold=right_answers([_text(record.get(gold))] if gold else [], options),
                options=options,
                path=_text(record.get("path")),
                model=_text(record.get(model)) if model else "",
                facts={name: value for name, value in record.items() if name not in own},
            )
        )
    return answer_log(kind, answers, source=path.name, notes=notes)


def _records(path: Path, named: Sequence[str]) -> tuple[Sequence[Mapping[str, object]], Sequence[str]]:
    if path.suffix.lower() in LINES:
        return json_records(path)
    if path.suffix.lower() in SHEET_SUFFIXES:
        return [{name: value or None for name, value in record.items()} for record in sheet_records(path)], ()
    as_text = (*PICTURE_COLUMNS, *TEXT_COLUMNS, *_GOLD, "run", "epoch", *filter(None, named))
    read = columns_of(path, text=as_text)
    rows = read.rows.astype(object).where(read.rows.notna(), None)
    records = [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]
    return records, [note.removeprefix(f"{path.name}: ") for note in read.notes]


def _first(names: Mapping[str, None], legal: Sequence[str], path: Path, what: str, option: str) -> str:
    found = next((name for name in legal if name in names), None)
    if found is None:
        raise ValueError(
            f"{path} has no column for the {what}: expected one of {', '.join(legal)}, or name it with {option}; "
            f"its columns: {', '.join(names)}"
        )
    return found


def _options(record: Mapping[str, object]) -> dict[str, str]:
    """Letter -> option, as MMBench's answers hold them in `option_char` and `options`."""
    letters, options = record.get("option_char"), record.get("options")
    if isinstance(options, str) and isinstance(letters, str):  # from a table, as Python writes lists
        try:
            letters, options = ast.literal_eval(letters), ast.literal_eval(options)
        except (ValueError, SyntaxError):
            return {}
    if isinstance(letters, list) and isinstance(options, list) and len(letters) == len(options):
        return {str(letter): str(option) for letter, option in zip(letters, options, strict=True)}
    return {}


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
