"""How do the answers that an evaluation tool wrote down become one table, with nothing lost unsaid?

One row an answer, whichever tool wrote it. Rows meet by the ids of their samples, never by their order. What is left out or
found twice is counted and named.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from affect_workbench.data.answers.texts import Texts
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.column_types import series_of_objects
from affect_workbench.data.tables.columns import CORE_COLUMNS, PROMPT_PREFIX, SCORE_PREFIX, VOTE_PREFIX
from affect_workbench.data.tables.read import named
from affect_workbench.data.taxonomies.taxonomy import closest

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LONGEST_NAME = 40
"""Characters of a prompt that is its own name; longer ones are numbered."""
_OF_THE_SAMPLE = ("path", "group_id", "pair_id", "split", "content")
"""Columns with a fixed meaning that a log's samples may bring."""


@dataclass(frozen=True)
class Answer:
    """One answer of a model about one sample.

    Attributes:
        image_id: the id of the sample as the log has it.
        text: as the model gave it; "" where it gave nothing.
        run: which repetition it is; "" where the log does not say.
        prompt: the question.
        gold: the right answers; several where the log holds several.
        options: letter -> the answer that it stands for, of a question with choices.
        path: the file of the picture.
        model: who answered.
        facts: further columns of the sample.
    """

    image_id: str
    text: str
    run: str = ""
    prompt: str = ""
    gold: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    model: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class AnswerLog:
    """All answers of a log.

    Attributes:
        rows: one row an answer: `image_id`, `text` (NFKC), `run` and `prompt` (text, "" where there is one only), and
            `options` (letter -> answer).
        samples: one row a sample in the order of their first answers: `image_id`, `gold` (a tuple of right answers, empty
            where unknown), and columns that the log has of its samples.
        kind: which tool wrote it, one of `kinds.KINDS`.
        source: the name of the file.
        model: who answered; "" where the log does not say.
        notes: sentences about what was left out, or was not what it looks like.
    """

    rows: pd.DataFrame
    samples: pd.DataFrame
    kind: str
    source: str
    model: str = ""
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def runs(self) -> list[str]:
        """Names of the runs, in the order in which they come; one where nothing was repeated."""
        return list(dict.fromkeys(self.rows["run"]))

    @property
    def prompts(self) -> list[str]:
        """Names of the prompts; one where all samples were asked alike, or each something of its own."""
        return list(dict.fromkeys(self.rows["prompt"]))

    def texts(self) -> Texts:
        """The answers as texts about pictures, without what is right."""
        pictures = self.samples.drop(columns="gold")
        return Texts(self.rows[["image_id", "text"]].reset_index(drop=True), pictures, self.source, self.notes)


def answer_log(
    kind: str, answers: Iterable[Answer], *, source: str, notes: Sequence[str] = (), id_column: str = ""
) -> AnswerLog:
    """The log of these answers.

    Answers that come twice, of one sample in one run to one prompt, are taken once where every such answer is the same text;
    where some differ they are repeated runs, in the order of the file.

    Args:
        kind: which tool wrote them.
        answers: in the order of the file.
        source: the name of the file.
        notes: what its reader found wanting.
        id_column: a column of the samples that names the picture, in place of the sample's own id.

    Raises:
        ValueError: no answer at all, answers of two models, or no such column.
    """
    given = [_named_by(answer, id_column, source) for answer in answers] if id_column else list(answers)
    said = [f"{source}: {note}" for note in notes]
    named_ones = [answer for answer in given if answer.image_id.strip()]
    nameless = len(given) - len(named_ones)
    if nameless:
        said.append(f"{source}: {plural(nameless, 'answer names', 'answers name')} no sample: left out")
    if not named_ones:
        raise ValueError(f"{source} holds no answer that can be used{''.join(f'; {note}' for note in notes)}")
    models = Counter(answer.model for answer in named_ones if answer.model)
    if len(models) > 1:
        raise ValueError(
            f"{source} holds answers of {len(models)} models, {named(models)}: expected those of one; "
            "write a file for each and compare their audits"
        )
    kept, repeats = _repeats(_with_prompt_names(named_ones), source)
    rows = pd.DataFrame(
        {
            "image_id": [answer.image_id for answer in kept],
            "text": [unicodedata.normalize("NFKC", answer.text).strip() for answer in kept],
            "run": [answer.run for answer in kept],
            "prompt": [answer.prompt for answer in kept],
            "options": pd.Series([dict(answer.options) for answer in kept], dtype=object),
        }
    )
    samples, wanting = _samples(kept, source)
    said += [*repeats, *wanting]
    return AnswerLog(rows, samples, kind, source, next(iter(models), ""), tuple(said))


def lettered(choices: Sequence[object]) -> dict[str, str]:
    """Letter -> choice, in the order in which choices are lettered; nothing for more choices than letters."""
    return dict(zip(LETTERS, map(str, choices), strict=False)) if len(choices) <= len(LETTERS) else {}


def right_answers(gold: Iterable[object], options: Mapping[str, str]) -> tuple[str, ...]:
    """The right answers in words, where they are given as letters of options."""
    return tuple(dict.fromkeys(options.get(str(one).strip(), str(one).strip()) for one in gold if str(one).strip()))


def _named_by(answer: Answer, column: str, source: str) -> Answer:
    own = {"path": answer.path} | dict(answer.facts)
    if column not in own:
        raise ValueError(f"{source} has no column {column!r} for the ids: {closest(column, own)}")
    return replace(answer, image_id="" if own[column] is None else str(own[column]).strip())


def _with_prompt_names(answers: Sequence[Answer]) -> list[Answer]:
    """The answers with short names of prompts where samples were asked in several; questions of their own count as one."""
    asked: defaultdict[str, set[str]] = defaultdict(set)
    for answer in answers:
        asked[answer.prompt].add(answer.image_id)
    shared = sorted(asked, key=lambda prompt: -len(asked[prompt]))
    several = len(asked) > 1 and len(asked[shared[0]] & asked[shared[1]]) > 0
    if not several:
        return [replace(answer, prompt="") for answer in answers]
    short = all(0 < len(prompt) <= _LONGEST_NAME for prompt in asked)
    names = {prompt: prompt if short else str(number) for number, prompt in enumerate(asked, start=1)}
    return [replace(answer, prompt=names[answer.prompt]) for answer in answers]


def _repeats(answers: Sequence[Answer], source: str) -> tuple[list[Answer], list[str]]:
    """The answers, each once for a sample, prompt and run; and what is said of the others."""
    by_key: dict[tuple[str, str, str], list[Answer]] = {}
    for answer in answers:
        by_key.setdefault((answer.image_id, answer.prompt, answer.run), []).append(answer)
    repeated = [many for many in by_key.values() if len(many) > 1]
    if not repeated:
        return list(answers), []
    first = f"first {repeated[0][0].image_id!r}"
    extra = sum(len(many) - 1 for many in repeated)
    differing = sum(len({answer.text for answer in many}) > 1 for many in repeated)
    if not differing:
        times = plural(len(repeated), "sample has", "samples have")
        return [many[0] for many in by_key.values()], [
            f"{source}: {times} the same answer more than once, {first}: {plural(extra, 'copy', 'copies')} left out"
        ]
    if any(answer.run for many in repeated for answer in many):
        return [many[0] for many in by_key.values()], [
            f"{source}: {plural(len(repeated), 'sample has', 'samples have')} two answers in one run, {first}: the first is "
            f"taken, {plural(extra, 'other')} left out"
        ]
    kept = [replace(answer, run=str(at)) for many in by_key.values() for at, answer in enumerate(many, start=1)]
    most = max(map(len, by_key.values()))
    return kept, [
        f"{source}: {plural(len(repeated), 'sample is', 'samples are')} answered more than once, {first}, and "
        f"{differing:,} of them in other words: read as {most} runs, in the order of the file"
    ]


def _samples(answers: Sequence[Answer], source: str) -> tuple[pd.DataFrame, list[str]]:
    """One row a sample with what all of its answers say of it, and a sentence about right answers that contradict."""
    by_sample: dict[str, list[Answer]] = {}
    for answer in answers:
        by_sample.setdefault(answer.image_id, []).append(answer)
    gold: list[tuple[str, ...]] = []
    apart: list[str] = []
    for name, many in by_sample.items():
        given = {answer.gold for answer in many if answer.gold}
        gold.append(next(iter(given)) if len(given) == 1 else ())
        if len(given) > 1:
            apart.append(name)
    notes = (
        [
            f"{source}: {plural(len(apart), 'sample has', 'samples have')} other right answers in one row than in another, "
            f"{named(apart)}: taken as unknown"
        ]
        if apart
        else []
    )
    columns: dict[str, object] = {"image_id": list(by_sample), "gold": pd.Series(gold, dtype=object)}
    firsts = [many[0] for many in by_sample.values()]
    if any(answer.path for answer in firsts):
        columns["path"] = [answer.path or None for answer in firsts]
    for name in dict.fromkeys(name for answer in answers for name in answer.facts):
        if name in columns or not _is_free(name):
            continue
        values = [[answer.facts.get(name) for answer in many] for many in by_sample.values()]
        if all(one == many[0] for many in values for one in many) and not isinstance(values[0][0], Mapping):
            columns[name] = series_of_objects([many[0] for many in values], text=name in _OF_THE_SAMPLE)
    return pd.DataFrame(columns), notes


def _is_free(name: str) -> bool:
    """Whether a column of the log may be one of the samples: called nothing that is made here."""
    taken = (SCORE_PREFIX, VOTE_PREFIX, PROMPT_PREFIX)
    return bool(name.strip()) and (name in _OF_THE_SAMPLE or (name not in CORE_COLUMNS and not name.startswith(taken)))
