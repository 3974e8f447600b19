"""What does a file of samples of lmms-eval say (`*_samples_<task>.jsonl`, versions 0.4 to 0.7)?

`doc_id` names a sample, `target` is always text, and the answer stands in `resps` or, where that is the same, in
`filtered_resps` alone. Options of a question are in its prompt only. Lines come in the order of the processes that wrote
them, and a second run is added to the file of the first.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path

from affect_workbench.data.answers.logs.answer_log import LETTERS, Answer, AnswerLog, answer_log, right_answers
from affect_workbench.data.answers.logs.kinds import LMMS_EVAL
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.json_lines import json_records

_OPTION = re.compile(r"^[ \t]*\(?([A-Z])[.):][ \t]*(\S.*?)[ \t]*$", re.MULTILINE)

_INLINE = re.compile(r"\(([A-Z])\)[ \t]*([^()\n]*[^()\n,;\s])(?=[,;\s]*(?:\([A-Z]\)|\n|\Z))")


def read_lmms_eval(path: Path, *, id_column: str = "") -> AnswerLog:
    """The log in a file of samples.

    Raises:
        ValueError: see `answer_log`; or nothing was generated, only likelihoods compared.
    """
    records, broken = json_records(path)
    notes, compared = list(broken), 0
    answers: list[Answer] = []
    for record in records:
        texts = _texts(record.get("resps", record.get("filtered_resps")))
        if texts is None:
            compared += 1
            continue
        prompt = str(record.get("input") or "")
        options = options_in(prompt)
        media = record.get("input_media")
        files = [one for one in media if isinstance(one, str)] if isinstance(media, list) else []
        for at, text in enumerate(texts, start=1):
            name = record.get("doc_id")
            answers.append(
                Answer(
                    "" if name is None else str(name),
                    text,
                    run=str(at) if len(texts) > 1 else "",
                    gold=right_answers(_targets(record.get("target")), options),
                    options=options,
                    path=files[0] if len(files) == 1 else "",
                )
            )
    if compared:
        notes.append(
            f"{plural(compared, 'sample was', 'samples were')} answered by the likelihoods of choices that the log does not "
            "name: left out; what the model writes is in the log of a task of the kind generate_until"
        )
    return answer_log(LMMS_EVAL, answers, source=path.name, notes=notes, id_column=id_column)


def options_in(prompt: str) -> dict[str, str]:
    """Letter -> option, of a prompt that lists them once from A on (lines `A. awe`, or `(A) awe (B) fear`); else nothing."""
    found = _OPTION.findall(prompt)
    found = found if len(found) > 1 else _INLINE.findall(prompt)
    letters = "".join(letter for letter, _ in found)
    return dict(found) if len(found) > 1 and LETTERS.startswith(letters) else {}


def _texts(given: object) -> list[str] | None:
    """The answers of one sample; None where they are (log-likelihood, is greedy) pairs."""
    if given is None:
        return [""]
    if not isinstance(given, list):
        return [str(given)]
    if _is_likelihood(given) or any(_is_likelihood(one) for one in _flat(given)):
        return None
    return [str(one) for one in _leaves(given)] or [""]


def _flat(given: list[object]) -> list[object]:
    return [two for one in given if isinstance(one, list) for two in (one, *_flat(one))]


def _leaves(given: list[object]) -> list[object]:
    return [leaf for one in given for leaf in (_leaves(one) if isinstance(one, list) else [one])]


def _is_likelihood(pair: object) -> bool:
    if not isinstance(pair, list) or len(pair) != 2 or str(pair[1]) not in ("True", "False"):
        return False
    try:
        return float(str(pair[0])) <= 0
    except ValueError:
        return False


def _targets(target: object) -> list[object]:
    """The right answers; a list stands in the log as Python writes it."""
    if isinstance(target, str) and target.startswith("[") and target.endswith("]"):
        try:
            target = ast.literal_eval(target)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return [target]
    if isinstance(target, Mapping):
        return []
    return list(target) if isinstance(target, list) else [] if target is None else [target]
