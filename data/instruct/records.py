"""What is one conversation about one picture, of which a model shall learn the answers, and where does it come from?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass

import pandas as pd

PRETRAINING, FINE_TUNING = "pretraining", "fine-tuning"
STAGES = (PRETRAINING, FINE_TUNING)
DESCRIBED, GIVEN, OPEN = "described", "given", "open"
STAGE_OF: Mapping[str, str] = {DESCRIBED: PRETRAINING, GIVEN: FINE_TUNING, OPEN: FINE_TUNING}
"""Kind of a conversation -> the stage that it is for. `described`: caption, visual and sentiment questions; `given`: why
the emotion that the question names; `open`: which emotion, and why."""
UNKNOWN = "unknown"
"""Kind, task and writer of what somebody else wrote without saying so."""
LABEL_LINE = "Predicted Label: "
"""How the question of a `given` conversation begins; the label stands behind it on the same line."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer.

    Attributes:
        task: `caption`, `question`, `statement`, `sentiment` or `reasoning`.
        question: what the model reads.
        answer: what it shall write.
    """

    task: str
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a conversation comes from.

    Attributes:
        writer: `rules`, `transformers` or `endpoint`.
        model: its name and version.
        prompts: `prompts_hash` of what the writer was asked.
        seed: of what was drawn.
        picture: 16 hex digits of the SHA-256 of the picture's bytes.
    """

    writer: str = UNKNOWN
    model: str = ""
    prompts: str = ""
    seed: int = 0
    picture: str = ""


@dataclass(frozen=True, slots=True)
class InstructRecord:
    """A conversation about one picture.

    Attributes:
        id: of the conversation.
        image_id: of the picture.
        image: the file in posix form, relative to the data set's folder where it lies under it, else absolute.
        kind: one of `STAGE_OF`, or `unknown`.
        turns: at least one.
        label: the emotion that it is about; None where none is known.
        provenance: who wrote it.

    Raises:
        ValueError: there is no turn.
    """

    id: str
    image_id: str
    image: str
    kind: str
    turns: tuple[Turn, ...]
    label: str | None = None
    provenance: Provenance = Provenance()

    def __post_init__(self) -> None:
        if not self.turns:
            raise ValueError(f"conversation {self.id!r} has no question with an answer")

    @property
    def stage(self) -> str:
        """The stage of training that it is for; what is of unknown kind is for the first."""
        return STAGE_OF.get(self.kind, PRETRAINING)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with instruct data.

    Attributes:
        kind: see `data.instruct.checks.KINDS`.
        record: id of the conversation; empty where there is none.
        image_id: of the picture, likewise.
        turn: number of the turn, from 1; 0 where it is about the whole conversation.
        detail: in words.
    """

    kind: str
    record: str
    image_id: str
    turn: int
    detail: str


def problem_table(problems: Iterable[Problem]) -> pd.DataFrame:
    """Columns `kind`, `record`, `image_id`, `turn`, `detail`, in the order given."""
    return pd.DataFrame([astuple(one) for one in problems], columns=list(Problem.__slots__))


def prompts_hash(prompts: Sequence[str]) -> str:
    """16 hex digits of the texts that a writer was asked, in their order."""
    return hashlib.sha256(json.dumps(list(prompts), ensure_ascii=False).encode()).hexdigest()[:16]


def single_turns(records: Iterable[InstructRecord]) -> list[InstructRecord]:
    """A conversation of one turn for each turn of these."""
    return [
        InstructRecord(
            f"{one.id}/{number}", one.image_id, one.image, one.kind, (turn,), label=one.label, provenance=one.provenance
        )
        for one in records
        for number, turn in enumerate(one.turns, start=1)
    ]


def as_json(record: InstructRecord) -> dict[str, object]:
    """What the formats keep of a conversation beside its texts and its picture."""
    return {
        "image_id": record.image_id,
        "kind": record.kind,
        "label": record.label,
        "tasks": [turn.task for turn in record.turns],
        "provenance": asdict(record.provenance),
    }
