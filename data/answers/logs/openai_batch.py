"""What does an output file of OpenAI's batches say (JSON lines, of chat completions or of the Responses API)?

Lines come in no order: `custom_id` says what each answers. Requests that failed stand in a file of their own, or here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from affect_workbench.data.answers.logs.answer_log import Answer, AnswerLog, answer_log
from affect_workbench.data.answers.logs.kinds import OPENAI_BATCH
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.json_lines import json_records


def read_openai_batch(path: Path, *, id_column: str = "") -> AnswerLog:
    """The log in an output file; `custom_id` is the id of the picture.

    Raises:
        ValueError: see `answer_log`.
    """
    records, broken = json_records(path)
    answers: list[Answer] = []
    failed: list[str] = []
    for record in records:
        name, response = str(record.get("custom_id") or ""), _dict(record.get("response"))
        body = _dict(response.get("body"))
        texts = list(_texts(body))
        if record.get("error") or response.get("status_code", 200) != 200 or not texts:
            failed.append(name)
            continue
        for at, text in enumerate(texts, start=1):
            answers.append(Answer(name, text, run=str(at) if len(texts) > 1 else "", model=str(body.get("model") or "")))
    notes = list(broken)
    if failed:
        notes.append(f"{plural(len(failed), 'request')} failed, first {failed[0]!r}: left out; ask again")
    return answer_log(OPENAI_BATCH, answers, source=path.name, notes=notes, id_column=id_column)


def _texts(body: Mapping[str, Any]) -> Iterator[str]:
    """The texts of all choices, or the one of a response; a refusal is a text."""
    for choice in body.get("choices") or []:
        message = _dict(_dict(choice).get("message"))
        yield str(message.get("content") or message.get("refusal") or "")
    items = [_dict(item) for item in body.get("output") or []]
    parts = [_dict(part) for item in items if item.get("type") == "message" for part in item.get("content") or []]
    if parts:
        yield "".join(str(part.get("text") or part.get("refusal") or "") for part in parts)


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
