"""Which conversations are held about a picture, and what is a writer asked for each of their turns?"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from affect_workbench.data.instruct.records import (
    DESCRIBED,
    GIVEN,
    LABEL_LINE,
    OPEN,
    InstructRecord,
    Provenance,
    Turn,
    prompts_hash,
)
from affect_workbench.data.instruct.vocabulary import Vocabulary

TASKS = ("caption", "questions", "sentiment", "reasoning")
"""What can be asked for; `questions` are visual questions and a statement to judge."""
MATTERS_MOST = "What matters most for that?"
POLARITY = "Is the feeling of this picture positive or negative?"
WHY = "Why does this picture convey this emotion?"
"""Asked below the line that gives the label."""
WHICH_AND_WHY = "Which emotion does this picture convey, and why?"
"""Asked where no label is given."""
_CAPTIONS = ("Describe this picture.", "What does this picture show?")
_EMOTION = ("Which emotion does this picture convey?", "What is the feeling of this picture?")
_VISUAL = (
    "Who or what is in this picture?",
    "Where was this picture taken?",
    "What is happening in this picture?",
    "What is the light or the weather like?",
    "Which colours stand out?",
    "What is in the background?",
)
_ASKED = {
    "caption": "{question} Answer in one or two sentences, with nothing but what can be seen.",
    "question": "{question} Answer in a few words.",
    "statement": "{question} Answer with True or False.",
    "sentiment": "People named the emotion of this picture: {label}. {question} Answer with one word.",
    "reasoning": "People named the emotion of this picture: {label}. {question} Name that emotion, and what in the picture "
    "causes it, in one to three sentences. Name nothing that cannot be seen.",
    "most": "People named the emotion of this picture: {label}. What in the picture matters most for that? Answer in a few "
    "words.",
}


@dataclass(frozen=True, slots=True)
class PlannedTurn:
    """A turn that a writer shall answer.

    Attributes:
        image_id: of the picture.
        kind: of the conversation.
        number: of the turn in it, from 0.
        task: see `data.instruct.records.Turn`.
        question: what the model will read.
        prompt: what the writer is asked: it knows the label.
        about: attribute that the question is about; empty where it is about none.
        claim: value that a statement claims of it.
        label: the picture's emotion, empty where none is known.
    """

    image_id: str
    kind: str
    number: int
    task: str
    question: str
    prompt: str
    about: str = ""
    claim: str = ""
    label: str = ""

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells it from all other turns."""
        return self.image_id, self.kind, self.number


@dataclass(frozen=True)
class Plan:
    """What is asked about each picture.

    Attributes:
        vocabulary: words for what pictures show.
        tasks: some of `TASKS`.
        questions: visual questions a picture.
        seed: of which they are.

    Raises:
        ValueError: no task, an unknown one, or a number of questions below 0.
    """

    vocabulary: Vocabulary
    tasks: tuple[str, ...] = TASKS
    questions: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = sorted(set(self.tasks) - set(TASKS))
        if unknown or not self.tasks:
            raise ValueError(f"--tasks {', '.join(unknown) or '(none)'}: expected some of {', '.join(TASKS)}")
        if self.questions < 0:
            raise ValueError(f"--questions is {self.questions}: expected 0 or more")

    def turns(self, rows: pd.DataFrame) -> list[PlannedTurn]:
        """All turns, picture by picture and conversation by conversation; those about an emotion only where one is known."""
        return [turn for row in rows.to_dict("records") for turn in self._of({str(key): row[key] for key in row})]

    def _of(self, row: Mapping[str, object]) -> Iterator[PlannedTurn]:
        image_id, found = str(row["image_id"]), row.get("label")
        label = found if isinstance(found, str) else ""
        rng = random.Random(f"{self.seed}\0{image_id}")
        conversations = {DESCRIBED: list(self._described(row, label, rng)), GIVEN: [], OPEN: []}
        if label and "reasoning" in self.tasks:
            most = ("reasoning", MATTERS_MOST, "", "")
            conversations[GIVEN] = [("reasoning", f"{LABEL_LINE}{label}\n{WHY}", "", ""), most]
            conversations[OPEN] = [("reasoning", WHICH_AND_WHY, "", ""), most]
        for kind, turns in conversations.items():
            for number, (task, question, about, claim) in enumerate(turns):
                asked = _ASKED["most" if question == MATTERS_MOST else task]
                shown = question.removeprefix(f"{LABEL_LINE}{label}\n")
                prompt = asked.format(question=shown, label=label)
                yield PlannedTurn(image_id, kind, number, task, question, prompt, about, claim, label)

    def _described(self, row: Mapping[str, object], label: str, rng: random.Random) -> Iterator[tuple[str, str, str, str]]:
        if "caption" in self.tasks:
            yield "caption", rng.choice(_CAPTIONS), "", ""
        if "questions" in self.tasks:
            yield from self._questions(row, rng)
        if label and "sentiment" in self.tasks:
            yield "sentiment", POLARITY, "", ""
            yield "sentiment", rng.choice(_EMOTION), "", ""

    def _questions(self, row: Mapping[str, object], rng: random.Random) -> Iterator[tuple[str, str, str, str]]:
        words = self.vocabulary.words
        if not words:
            yield from (("question", text, "", "") for text in rng.sample(_VISUAL, min(self.questions, len(_VISUAL))))
            return
        for name in rng.sample(list(words), min(self.questions, len(words))):
            yield "question", rng.choice(self.vocabulary.questions[name]), name, ""
        shown = self.vocabulary.shown(row)
        if shown and self.questions:
            name = rng.choice(list(shown))
            wrong = [value for value in words[name] if value != shown[name]]
            common = self.vocabulary.common.get(name, {})
            true = rng.random() < 0.5 or not wrong
            claim = shown[name] if true else rng.choices(wrong, [common.get(value, 1.0) for value in wrong])[0]
            yield "statement", f"True or false: {rng.choice(words[name][claim])}.", name, claim


@dataclass(frozen=True, slots=True)
class Written:
    """What a writer made of a turn: its text, or why there is none."""

    text: str = ""
    problem: str = ""


def records_of(
    turns: Sequence[PlannedTurn], written: Sequence[Written], rows: pd.DataFrame, source: tuple[str, str], *, seed: int
) -> tuple[list[InstructRecord], pd.DataFrame]:
    """The conversations made of what was written, and the turns that nothing was written for.

    Args:
        turns: as planned, the turns of a conversation together.
        written: one a turn.
        rows: the pictures, with `image_id`, `path` and `content`.
        source: the writer, and its model.
        seed: of the plan.

    Returns:
        The conversations with what was written of them, in order; and columns `image_id`, `kind`, `turn` (from 1),
        `question`, `reason`.
    """
    pictures = {str(row.image_id): (str(row.path), str(row.content)) for row in rows.itertuples()}
    kept: dict[tuple[str, str], list[tuple[PlannedTurn, str]]] = {}
    left = []
    for turn, one in zip(turns, written, strict=True):
        if one.text.strip():
            kept.setdefault((turn.image_id, turn.kind), []).append((turn, one.text.strip()))
        else:
            left.append((turn.image_id, turn.kind, turn.number + 1, turn.question, one.problem or "an empty answer"))
    records = []
    for (image_id, kind), some in kept.items():
        path, content = pictures[image_id]
        writer, model = source
        provenance = Provenance(writer, model, prompts_hash([turn.prompt for turn, _ in some]), seed, content)
        answered = tuple(Turn(turn.task, turn.question, text) for turn, text in some)
        label = some[0][0].label or None
        records.append(InstructRecord(f"{image_id}/{kind}", image_id, path, kind, answered, label, provenance))
    return records, pd.DataFrame(left, columns=["image_id", "kind", "turn", "question", "reason"])
