"""What do samples in the schema of Every Eval Ever say (version 0.3.0, `<uuid>_samples.jsonl`)?

A row is one sample under one metric, so a sample has as many rows as metrics. Several texts of one row are repetitions, and
so are evaluations with ids of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from affect_workbench.data.answers.logs.answer_log import Answer, AnswerLog, answer_log, lettered, right_answers
from affect_workbench.data.answers.logs.kinds import EEE
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.json_lines import json_records


def read_every_eval_ever(path: Path, *, id_column: str = "") -> AnswerLog:
    """The log in a file of samples, or in the one beside an aggregate (`<uuid>.json`).

    Raises:
        FileNotFoundError: an aggregate without its samples.
        ValueError: samples of two benchmarks under one id, or see `answer_log`.
    """
    path = _samples_of(path) if path.suffix.lower() == ".json" else path
    records, broken = json_records(path)
    several = len({record.get("evaluation_id") for record in records}) > 1
    answers: list[Answer] = []
    failed, notes = 0, list(broken)
    questions: dict[str, object] = {}
    seen: set[tuple[str, ...]] = set()
    for record in records:
        given, name, texts = _dict(record.get("input")), str(record.get("sample_id", "")), _texts(record)
        if questions.setdefault(name, given.get("raw")) != given.get("raw"):
            raise ValueError(
                f"{path} has two questions for sample {name!r}, of {record.get('evaluation_name')!r} and another "
                "benchmark: expected one; write a file for each"
            )
        evaluation = str(record.get("evaluation_id", ""))
        if (evaluation, name, *texts) in seen:
            continue  # the same answer under another metric
        seen.add((evaluation, name, *texts))
        if record.get("error") and not any(texts):
            failed += 1
            continue
        options = lettered(given.get("choices") or [])
        for at, text in enumerate(texts, start=1):
            run = [evaluation] * several + [str(at)] * (len(texts) > 1)
            answers.append(
                Answer(
                    name,
                    text,
                    run=" ".join(run),
                    gold=right_answers(given.get("reference") or [], options),
                    options=options,
                    model=str(record.get("model_id") or ""),
                    facts=_dict(record.get("metadata")),
                )
            )
    if failed:
        notes.append(f"{plural(failed, 'sample')} ended in an error, without an answer: left out")
    return answer_log(EEE, answers, source=path.name, notes=notes, id_column=id_column)


def _samples_of(path: Path) -> Path:
    """The samples that an aggregate names, beside it whatever folder it names them in."""
    try:
        aggregate = _dict(json.loads(path.read_text(encoding="utf-8-sig")))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    said = _dict(aggregate.get("detailed_evaluation_results")).get("file_path")
    beside = path.with_name(Path(str(said)).name if said else f"{path.stem}_samples.jsonl")
    if not beside.is_file():
        raise FileNotFoundError(f"{path} says nothing of single samples, and there are none at {beside}: name that file")
    return beside


def _texts(record: Mapping[str, Any]) -> list[str]:
    """The model's answers: its texts, else the last turn of a conversation, else what was taken for its answer."""
    raw = _dict(record.get("output")).get("raw")
    if raw:
        return [str(one) for one in raw] if isinstance(raw, list) else [str(raw)]
    turns = [_dict(turn) for turn in record.get("messages") or []]
    spoken = [str(turn.get("content") or "") for turn in turns if turn.get("role") == "assistant"]
    if spoken:
        return spoken[-1:]
    taken = [_dict(one) for one in record.get("answer_attribution") or []]
    return [str(one.get("extracted_value") or "") for one in taken if one.get("is_terminal")][-1:] or [""]


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
