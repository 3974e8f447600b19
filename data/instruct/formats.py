"""How do conversations become files that trainers read, and how are these files read again?

`messages` is TRL's conversational form for pictures, one JSON object a line, with absolute paths in `images`
(https://huggingface.co/docs/trl/dataset_formats); `llava` is LLaVA's list of `conversations` with paths relative to the data
set's folder. Both carry the rest of a conversation in further keys, which trainers leave aside.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from affect_workbench.data.instruct.records import UNKNOWN, InstructRecord, Problem, Provenance, Turn, as_json
from affect_workbench.data.storage.atomic import write_text
from affect_workbench.data.storage.text_files import text_of

BROKEN = "broken line"
_PICTURE = "<image>"
_OF_US = {"user": "human", "assistant": "gpt"}
Chat = list[tuple[str, str]]


@dataclass(frozen=True)
class Conversations:
    """What a file holds.

    Attributes:
        records: the conversations that could be read, in order.
        problems: a line (or an entry of a list) each that could not.
    """

    records: tuple[InstructRecord, ...]
    problems: tuple[Problem, ...] = ()


def write_messages(path: Path, records: Iterable[InstructRecord], *, root: Path) -> None:
    """One JSON object a line; pictures by their absolute paths, those of the records being relative to `root`."""
    write_text(path, "".join(json.dumps(as_messages(one, root), ensure_ascii=False) + "\n" for one in records))


def as_messages(record: InstructRecord, root: Path) -> dict[str, Any]:
    """A conversation as TRL reads it; the picture stands before the first question."""
    messages = []
    for number, turn in enumerate(record.turns):
        question = [{"type": "text", "text": turn.question}]
        messages += [
            {"role": "user", "content": question if number else [{"type": "image", "text": None}, *question]},
            {"role": "assistant", "content": [{"type": "text", "text": turn.answer}]},
        ]
    return {"id": record.id, "messages": messages, "images": [(root / record.image).as_posix()]} | as_json(record)


def read_messages(path: Path, *, root: Path) -> Conversations:
    r"""The conversations of such a file; a line that is none is left out and named.

    Args:
        path: the file; its lines end at `\n` alone.
        root: what the records' pictures are relative to, where they lie under it.

    Raises:
        FileNotFoundError, ValueError: there is no such file, or it is no text.
    """
    lines = [(number, line) for number, line in enumerate(_text(path).split("\n"), 1) if line.strip(" \t\r")]
    return _read(((f"line {number}", line) for number, line in lines), lambda item: _of_messages(item, root))


def write_llava(path: Path, records: Iterable[InstructRecord]) -> None:
    """One JSON list of all conversations."""
    write_text(path, json.dumps([as_llava(one) for one in records], ensure_ascii=False, indent=1) + "\n")


def as_llava(record: InstructRecord) -> dict[str, Any]:
    """A conversation as LLaVA's trainers read it."""
    conversations = []
    for number, turn in enumerate(record.turns):
        question = turn.question if number else f"{_PICTURE}\n{turn.question}"
        conversations += [{"from": "human", "value": question}, {"from": "gpt", "value": turn.answer}]
    return {"id": record.id, "image": record.image, "conversations": conversations} | as_json(record)


def read_llava(path: Path) -> Conversations:
    """The conversations of such a file; an entry that is none is left out and named.

    Raises:
        FileNotFoundError, ValueError: there is no such file, or it is no JSON list.
    """
    try:
        entries = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(entries, list):
        raise ValueError(f"{path} is no list of conversations: expected LLaVA's JSON")
    return _read(((f"entry {number}", entry) for number, entry in enumerate(entries, start=1)), _of_llava)


def _text(path: Path) -> str:
    try:
        return text_of(path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _read(items: Iterator[tuple[str, Any]], record_of: Any) -> Conversations:
    records, problems = [], []
    for where, item in items:
        try:
            found = json.loads(item) if isinstance(item, str) else item
            if not isinstance(found, dict):
                raise ValueError("no JSON object")
            records.append(record_of(found))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else getattr(error, "msg", str(error))
            problems.append(Problem(BROKEN, "", "", 0, f"{where}: {reason}"))
    return Conversations(tuple(records), tuple(problems))


def _of_messages(item: Mapping[str, Any], root: Path) -> InstructRecord:
    chat = [(_role(one["role"]), _content(one["content"])) for one in item["messages"]]
    images = item.get("images") or [item["image"]]
    if len(images) != 1 or not isinstance(images[0], str):
        raise ValueError(f"{len(images)} pictures: expected the path of one")
    path = Path(images[0])
    image = path.relative_to(root) if path.is_relative_to(root) else path
    return record_from(item, image.as_posix(), chat)


def _of_llava(item: Mapping[str, Any]) -> InstructRecord:
    chat = [(_role(one["from"]), one["value"].replace(_PICTURE, "").strip("\n")) for one in item["conversations"]]
    return record_from(item, str(item["image"]), chat)


def _role(name: Any) -> str:
    role = _OF_US.get(name, name)
    if role not in ("human", "gpt", "system"):
        raise ValueError(f"the role {name!r}: expected user and assistant, or human and gpt")
    return str(role)


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part["type"] == "text")


def record_from(item: Mapping[str, Any], image: str, chat: Chat) -> InstructRecord:
    """The conversation of texts in turn (`human`, `gpt`), with what the item says beside them.

    Raises:
        ValueError: questions and answers do not alternate, or what is beside them is of another kind.
    """
    chat = [one for one in chat if one[0] != "system"]
    if not chat or [role for role, _ in chat] != ["human", "gpt"] * (len(chat) // 2):
        raise ValueError("questions and answers do not alternate")
    texts = [text for _, text in chat]
    tasks = item.get("tasks") or [UNKNOWN] * (len(texts) // 2)
    if len(tasks) != len(texts) // 2:
        raise ValueError(f"{len(tasks)} tasks for {len(texts) // 2} questions")
    turns = tuple(Turn(str(task), texts[2 * at], texts[2 * at + 1]) for at, task in enumerate(tasks))
    image_id = str(item.get("image_id") or item.get("id") or image)
    label = item.get("label")
    return InstructRecord(
        str(item.get("id") or image_id),
        image_id,
        image,
        str(item.get("kind") or UNKNOWN),
        turns,
        str(label) if label else None,
        _provenance(item.get("provenance") or {}),
    )


def _provenance(record: Mapping[str, Any]) -> Provenance:
    known = [one.name for one in fields(Provenance)]
    return Provenance(**{name: record[name] for name in known if record.get(name) is not None})


def by_stage(records: Sequence[InstructRecord]) -> dict[str, list[InstructRecord]]:
    """Stage -> its conversations, where it has any."""
    found: dict[str, list[InstructRecord]] = {}
    for one in records:
        found.setdefault(one.stage, []).append(one)
    return found
