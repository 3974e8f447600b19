"""What does a log of Inspect say (`<time>_<task>_<id>.eval`, a ZIP file, or one JSON object)?

A sample's id stands in it, not in the name of its file; epochs repeat samples. Members are deflated, from version 0.3.206 on
packed by Zstandard. Long texts may stand among a sample's attachments.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from affect_workbench.data.answers.logs.answer_log import Answer, AnswerLog, answer_log, lettered, right_answers
from affect_workbench.data.answers.logs.kinds import INSPECT
from affect_workbench.data.answers.logs.zip_members import members
from affect_workbench.data.plurals import plural

_ATTACHED, _HEADER = "attachment://", "header.json"


def read_inspect(path: Path, *, id_column: str = "") -> AnswerLog:
    """The log of one evaluation.

    Raises:
        ValueError: damaged, without samples, or see `answer_log`.
    """
    header, samples = (_zipped if path.suffix.lower() == ".eval" else _plain)(path)
    if not samples:
        raise ValueError(f"{path} holds no samples, only what is said of all of them: write the log with its samples")
    notes: list[str] = []
    answers: list[Answer] = []
    failed = extracted = 0
    if header is None:
        notes.append("it has no header: the evaluation was not finished, and what is there is read")
    elif header.get("status") != "success":
        notes.append(f"its status is {header.get('status')}: the evaluation was not finished, and what is there is read")
    model = str(_dict(_dict(header).get("eval")).get("model") or "")
    for sample in samples:
        text, own = _text(sample)
        if text is None:
            failed += 1
            continue
        extracted += not own
        options = lettered(sample.get("choices") or [])
        target = sample.get("target")
        answers.append(
            Answer(
                str(sample.get("id", "")),
                text,
                run=str(sample.get("epoch", "")),
                gold=right_answers(target if isinstance(target, list) else [target or ""], options),
                options=options,
                model=model,
                facts={name: value for name, value in _dict(sample.get("metadata")).items() if not isinstance(value, dict)},
            )
        )
    if failed:
        notes.append(f"{plural(failed, 'sample')} ended in an error, without an answer: left out")
    if extracted:
        notes.append(f"{plural(extracted, 'sample')} without the model's text: what the scorer took for its answer is read")
    return answer_log(INSPECT, answers, source=path.name, notes=notes, id_column=id_column)


def _zipped(path: Path) -> tuple[Mapping[str, Any] | None, list[Mapping[str, Any]]]:
    """The header, None without one, and the samples."""
    header: Mapping[str, Any] | None = None
    samples: list[Mapping[str, Any]] = []
    for name, content in members(path, _is_read):
        found = _object(content, f"{path}: {name}")
        if name == _HEADER:
            header = found
        else:
            samples.append(found)
    return header, samples


def _is_read(name: str) -> bool:
    return name == _HEADER or (name.startswith("samples/") and name.endswith(".json"))


def _plain(path: Path) -> tuple[Mapping[str, Any] | None, list[Mapping[str, Any]]]:
    header = _object(path.read_bytes(), str(path))
    return header, [sample for sample in header.get("samples") or [] if isinstance(sample, dict)]


def _object(content: bytes, where: str) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{where} holds no object: expected a log of Inspect")
    return found


def _text(sample: Mapping[str, Any]) -> tuple[str | None, bool]:
    """The model's answer, and whether it is its own text rather than what a scorer took from it; None after an error."""
    attached = _dict(sample.get("attachments"))
    for choice in _dict(sample.get("output")).get("choices") or []:
        text = "\n".join(_parts(_dict(_dict(choice).get("message")).get("content"), attached))
        if text.strip() or not sample.get("error"):
            return text, True
    answers = (_dict(score).get("answer") for score in _dict(sample.get("scores")).values())
    extracted = next((str(answer) for answer in answers if answer), None)
    if extracted is not None:
        return extracted, False
    return (None, True) if sample.get("error") else ("", True)


def _parts(content: object, attached: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(content, str):
        yield str(attached.get(content.removeprefix(_ATTACHED), content)) if content.startswith(_ATTACHED) else content
    elif isinstance(content, list):
        for part in content:
            if isinstance(part, dict) and part.get("type") == "text":
                yield from _parts(part.get("text"), attached)


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
