"""How does a multimodal LLM write the answers, in memory or behind an address, so that a kill loses little?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from affect_workbench.data.answers.parser import parse
from affect_workbench.data.instruct.plan import PlannedTurn, Written
from affect_workbench.data.instruct.records import prompts_hash
from affect_workbench.data.plurals import plural
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.asking.asking import ask_all, with_pictures
from affect_workbench.probes.asking.endpoint import Endpoint
from affect_workbench.probes.asking.questions import Answerer, Asked, Question, Reply
from affect_workbench.probes.asking.shards import Shards
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.models.asking.calling import already
from affect_workbench.workbench.models.instruct.settings import InstructSettings

_LOOKED_AT = 3
_MINUTE = 60.0
_ANY_LABELS = Taxonomy.named("ekman6")
"""Where no label is asked for, and one must be named."""


def shards_of(settings: InstructSettings, turns: Sequence[PlannedTurn]) -> Shards:
    """Where answers lie until the data are whole; another writer or plan has other ones."""
    own = {name: getattr(settings, name) for name in ("writer", "seed", "max_tokens", "temperature")}
    asked = {"endpoint": settings.calling.endpoint, "prompts": prompts_hash(sorted({turn.prompt for turn in turns}))}
    return Shards(Path(settings.out or "instruct"), own | asked | settings.calling.way(settings.loading))


def questions_of(turns: Sequence[PlannedTurn], rows: pd.DataFrame, root: Path) -> list[Question]:
    """What the model is asked, a question a turn; paths of `rows` are relative to `root`."""
    found = {str(row.image_id): (str(row.content), root / str(row.path)) for row in rows.itertuples()}
    return [
        Question(turn.image_id, *found[turn.image_id], f"{turn.kind}-{turn.number}", "generated", 0, turn.prompt)
        for turn in turns
    ]


def expectation(settings: InstructSettings, questions: Sequence[Question], shards: Shards) -> str:
    """What it will take to ask what is not answered yet."""
    known = shards.keys()
    todo = [question for question in questions if question.key not in known]
    answered = len(questions) - len(todo)
    if not settings.calling.endpoint:
        return f"{plural(len(todo), 'text')} to generate{already(answered)}; nothing is sent"
    return settings.calling.cost(todo, answered=answered, longest=settings.max_tokens)


@dataclass(frozen=True)
class ModelWriter:
    """A model that writes; what it has written lies in the shards, and is not asked again.

    Attributes:
        name: `transformers` or `endpoint`.
        model: its name and version.
        answerer: who is asked.
        shards: where answers lie.
        questions: what it is asked, one a turn.
        size: answers that a kill loses at most.
    """

    name: str
    model: str
    answerer: Answerer
    shards: Shards
    questions: Sequence[Question]
    size: int

    def written(self, turns: Sequence[PlannedTurn]) -> list[Written]:
        """One text a turn, or why there is none.

        Raises:
            EndpointError: the endpoint failed; what was answered is kept.
        """
        questions = self.questions
        if len(questions) != len(turns):
            raise ValueError(f"{len(questions)} questions for {len(turns)} turns")
        ask_all(questions, self.answerer, self.shards, shard=self.size)
        table = self.shards.table().set_index(["image_id", "content", "prompt", "method", "run"])
        replies = table.loc[pd.MultiIndex.from_tuples([question.key for question in questions], names=table.index.names)]
        columns = (replies[name] for name in ("text", "refused", "error"))
        return [_written(*reply) for reply in zip(*columns, strict=True)]


def _written(text: str, refused: bool, error: str) -> Written:
    if error:
        return Written(problem=f"the picture cannot be read: {error}")
    if refused or parse(text, _ANY_LABELS).kind == "refusal":
        return Written(problem="the model refused")
    return Written(text)


def model_writer(settings: InstructSettings, questions: Sequence[Question], shards: Shards, say: Say) -> ModelWriter:
    """The writer that the settings name, ready to write.

    Raises:
        ValueError: no key, a model that cannot be loaded, or another one than before an interruption.
        EndpointError: the endpoint does not answer.
    """
    if settings.calling.endpoint:
        return _endpoint_writer(settings, questions, shards, say)
    from affect_workbench.probes.asking.local import LocalModel

    model = settings.loading.load(settings.writer, say)
    fingerprint = model.fingerprint()
    shards.keep_model(settings.writer, fingerprint=fingerprint)
    answerer = LocalModel(
        model, (), batch=settings.batch, longest=settings.max_tokens, temperature=settings.temperature, seed=settings.seed
    )
    name = f"{model.source.name} ({fingerprint})"
    say(f"{name} writes on {model.device}")
    return ModelWriter("transformers", name, answerer, shards, questions, settings.calling.shard(settings.batch))


def _endpoint_writer(settings: InstructSettings, questions: Sequence[Question], shards: Shards, say: Say) -> ModelWriter:
    given = settings.calling.settings(settings.writer, longest=settings.max_tokens, temperature=settings.temperature)
    endpoint = Endpoint(given, _ANY_LABELS, shards.state() or None)
    known = endpoint.learn(with_pictures(questions[:_LOOKED_AT])[0])
    shards.keep(asdict(known))
    say(f"{given.shown} writes as {known.model}")
    for note in known.notes:
        say(f"note: {note}")
    answerer: Answerer = Paced(endpoint, settings.per_minute) if settings.per_minute else endpoint
    model = f"{known.model} at {given.shown}"
    return ModelWriter("endpoint", model, answerer, shards, questions, settings.calling.shard(settings.batch))


@dataclass(frozen=True)
class Paced:
    """Asks another answerer no more than so many questions a minute."""

    answerer: Answerer
    per_minute: int

    def replies(self, asked: Sequence[Asked]) -> Iterator[tuple[int, Reply]]:
        """The same replies, a few at a time, each few not before its time has come."""
        few = max(1, self.per_minute // 12)
        for start in range(0, len(asked), few):
            begun = time.monotonic()
            some = asked[start : start + few]
            yield from ((start + at, reply) for at, reply in self.answerer.replies(some))
            time.sleep(max(0.0, begun + len(some) * _MINUTE / self.per_minute - time.monotonic()))
