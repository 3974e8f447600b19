"""What is wrong with instruct data: empty, refused, repeated, contradicting, about what is not shown, not English?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from affect_workbench.data.answers.parser import parse
from affect_workbench.data.instruct.formats import BROKEN
from affect_workbench.data.instruct.mentions import COMMON_ENGLISH, Mentions
from affect_workbench.data.instruct.records import GIVEN, LABEL_LINE, InstructRecord, Problem, Turn
from affect_workbench.data.instruct.vocabulary import Vocabulary
from affect_workbench.data.storage.progress import progress_bar
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.data.taxonomies.words import COMMON_ALIASES

MISSING_PICTURE = "missing picture"
EMPTY = "empty"
REFUSAL = "refusal"
DUPLICATE = "duplicate"
LEAKED = "label in question"
CONTRADICTION = "contradiction"
NOT_SHOWN = "not shown"
LANGUAGE = "language"
LENGTH = "length"
KINDS = (BROKEN, MISSING_PICTURE, EMPTY, REFUSAL, DUPLICATE, LEAKED, CONTRADICTION, NOT_SHOWN, LANGUAGE, LENGTH)
"""Every kind of problem, in the order in which it is counted."""

_MAY_REFUSE = re.compile(
    r"\b(?:i|we|unable|cannot|sorry|impossible|inappropriate)\b|\bno (?:picture|image)\b", re.IGNORECASE
)
_LEAST_WORDS = 8
"""Words from which on an English sentence has some of the commonest in it."""
_WORD = re.compile(r"[^\W\d_]+")
_POSITIVE, _NEGATIVE = re.compile(r"\bpositive\b", re.IGNORECASE), re.compile(r"\bnegative\b", re.IGNORECASE)


@dataclass(frozen=True)
class Knowledge:
    """What conversations are checked against.

    Attributes:
        root: the data set's folder; pictures are looked for under it.
        taxonomy: the labels; None where there are none.
        vocabulary: words for the attributes; None where nothing is known of the pictures.
        rows: image_id -> what is known of the picture.
        most_words: longest answer in words.
    """

    root: Path
    taxonomy: Taxonomy | None = None
    vocabulary: Vocabulary | None = None
    rows: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    most_words: int = 200


def rows_by_id(rows: pd.DataFrame) -> dict[str, dict[str, object]]:
    """image_id -> the picture's columns."""
    return {str(row["image_id"]): {str(key): row[key] for key in row} for row in rows.to_dict("records")}


def problems_of(records: Sequence[InstructRecord], known: Knowledge, *, progress: bool = True) -> list[Problem]:
    """All that is wrong with these conversations, one by one, then those of the same picture against each other.

    Args:
        records: the conversations.
        known: what is known of their pictures.
        progress: show a bar.
    """
    leaks, objects = _Leaks(known.taxonomy), _Objects(known)
    there: dict[str, bool] = {}
    found: list[Problem] = []
    for record in progress_bar(records, desc="checking", unit=" conversations", progress=progress):
        if not there.setdefault(record.image, (known.root / record.image).is_file()):
            found.append(Problem(MISSING_PICTURE, record.id, record.image_id, 0, record.image))
        for number, turn in enumerate(record.turns, start=1):
            for kind, detail in _of_turn(record, turn, known, leaks, objects):
                found.append(Problem(kind, record.id, record.image_id, number, detail))
    return found + list(_repeated(records)) + list(_contradictions(records))


def counted(problems: Iterable[Problem]) -> dict[str, int]:
    """Kind -> how many, in the order of `KINDS`, those that occur."""
    counts = Counter(one.kind for one in problems)
    return {kind: counts[kind] for kind in KINDS if counts[kind]}


def _of_turn(
    record: InstructRecord, turn: Turn, known: Knowledge, leaks: _Leaks, objects: _Objects
) -> Iterator[tuple[str, str]]:
    question, answer = turn.question.strip(), turn.answer.strip()
    for what, text in (("question", question), ("answer", answer)):
        if not _WORD.search(text):
            yield EMPTY, f"the {what} has no word"
    taxonomy = known.taxonomy
    if taxonomy is not None and _MAY_REFUSE.search(answer) and parse(answer, taxonomy).kind == "refusal":
        yield REFUSAL, _short(answer)
    if record.label and (leaked := leaks.found(record, question)):
        yield LEAKED, f"{leaked!r} in {_short(question)}"
    if taxonomy is not None and record.label and taxonomy.knows(record.label):
        yield from _against_label(turn, record.label, taxonomy)
    for text, detail in objects.found(record.image_id, answer):
        yield NOT_SHOWN, f"{text!r}: {detail}"
    if (reason := _not_english(answer)) is not None:
        yield LANGUAGE, f"{reason}: {_short(answer)}"
    words = len(answer.split())
    if words > known.most_words:
        yield LENGTH, f"{words:,} words, more than {known.most_words:,}"


def _against_label(turn: Turn, label: str, taxonomy: Taxonomy) -> Iterator[tuple[str, str]]:
    """An answer that names another emotion than the label, or the opposite feeling."""
    if turn.task not in ("sentiment", "reasoning"):
        return
    named = parse(turn.answer, taxonomy).label
    if named is not None and named != taxonomy.resolve(label):
        yield CONTRADICTION, f"the label is {label}, the answer {named}: {_short(turn.answer)}"
    polarity = taxonomy.polarity.get(taxonomy.resolve(label), 0)
    positive, negative = bool(_POSITIVE.search(turn.answer)), bool(_NEGATIVE.search(turn.answer))
    if turn.task == "sentiment" and positive != negative and polarity == (-1 if positive else 1):
        yield CONTRADICTION, f"the label is {label}, the answer {_short(turn.answer)}"


class _Leaks:
    """Questions that give the answer away: they name the label, and no other one."""

    def __init__(self, taxonomy: Taxonomy | None) -> None:
        labels = taxonomy.labels if taxonomy is not None else ()
        self._label = {word.lower(): label for label in labels for word in (label, *COMMON_ALIASES.get(label, ()))}
        either = "|".join(map(re.escape, sorted(self._label, key=len, reverse=True)))
        self._pattern = re.compile(rf"\b(?:{either})\b", re.IGNORECASE) if either else None

    def found(self, record: InstructRecord, question: str) -> str:
        """The word that gives it away; empty where none does."""
        if self._pattern is None:
            return ""
        if record.kind == GIVEN and question.startswith(LABEL_LINE):
            question = question.partition("\n")[2]
        words = self._pattern.findall(question)
        labels = {self._label[word.lower()] for word in words}
        return words[0] if labels == {record.label} else ""


class _Objects:
    """Words for a value of an attribute in the answer about a picture that has another value."""

    def __init__(self, known: Knowledge) -> None:
        self._rows, self._vocabulary = known.rows, known.vocabulary
        self._mentions = Mentions(known.vocabulary)

    def found(self, image_id: str, answer: str) -> Iterator[tuple[str, str]]:
        """Word, and what the picture has instead."""
        row = self._rows.get(image_id)
        if self._vocabulary is None or row is None:
            return
        shown = self._vocabulary.shown(row)
        for one in self._mentions.of(answer):
            if shown.get(one.attribute) != one.value:
                yield one.words, f"{one.attribute} is {shown.get(one.attribute, 'unknown')}"


def _not_english(text: str) -> str | None:
    letters = [letter for letter in text if letter.isalpha()]
    if letters and sum(ord(letter) > 0x24F for letter in letters) > 0.3 * len(letters):
        return "not in Latin letters"
    words = [word.lower() for word in _WORD.findall(text)]
    return "no common English word" if len(words) >= _LEAST_WORDS and not COMMON_ENGLISH & set(words) else None


def _repeated(records: Sequence[InstructRecord]) -> Iterator[Problem]:
    ids: set[str] = set()
    asked: dict[tuple[str, str, str, str], str] = {}
    for record in records:
        if record.id in ids:
            yield Problem(DUPLICATE, record.id, record.image_id, 0, "a conversation of this id stands before it")
        ids.add(record.id)
        context = ""  # a question that refers to what was said before it is another one after something else
        for number, turn in enumerate(record.turns, start=1):
            key = (record.image_id, context if turn.task == "reasoning" else "", turn.question, turn.answer)
            if key in asked:
                where = f"the same question and answer stand in {asked[key]}"
                yield Problem(DUPLICATE, record.id, record.image_id, number, where)
            asked.setdefault(key, record.id)
            context += turn.question


def _contradictions(records: Sequence[InstructRecord]) -> Iterator[Problem]:
    """Different answers to one question about a picture, and different labels of one picture."""
    answers: dict[tuple[str, str], tuple[str, str]] = {}
    labels: dict[str, str] = {}
    for record in records:
        if record.label and labels.setdefault(record.image_id, record.label) != record.label:
            detail = f"the label is {record.label}, and {labels[record.image_id]} in another conversation"
            yield Problem(CONTRADICTION, record.id, record.image_id, 0, detail)
        for number, turn in enumerate(record.turns, start=1):
            if turn.task not in ("statement", "sentiment"):
                continue
            first, where = answers.setdefault((record.image_id, turn.question), (turn.answer, record.id))
            if first.lower() != turn.answer.lower():
                detail = f"{_short(turn.answer)}, and {_short(first)} in {where}"
                yield Problem(CONTRADICTION, record.id, record.image_id, number, detail)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
