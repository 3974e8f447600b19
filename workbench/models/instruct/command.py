"""How do pictures become instruct data, and how are instruct data checked?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.instruct.card import CardFacts, croissant, dataset_card
from affect_workbench.data.instruct.checks import Knowledge, counted, problems_of, rows_by_id
from affect_workbench.data.instruct.folder import (
    CARD_FILE,
    CROISSANT_FILE,
    PICTURES_FILE,
    PROBLEMS_FILE,
    UNWRITTEN_FILE,
    read_instruct,
    require_formats,
    vocabulary_of,
    write_instruct,
    write_record,
)
from affect_workbench.data.instruct.plan import Plan, PlannedTurn, records_of
from affect_workbench.data.instruct.records import InstructRecord, Problem, problem_table, single_turns
from affect_workbench.data.instruct.vocabulary import Vocabulary
from affect_workbench.data.instruct.writers import PlantedWords, RulesWriter, Writer
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import atomic_folder, write_json, write_text
from affect_workbench.data.tables.splits import split_name
from affect_workbench.workbench.datasets.command import current_manifest
from affect_workbench.workbench.interface.claiming import writes_out
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.models.asking.calling import require_least
from affect_workbench.workbench.models.instruct.settings import STEPS, InstructSettings

RULES = "rules"
_DERIVED = (PROBLEMS_FILE,)


@dataclass(frozen=True)
class BuiltData:
    """What `build` wrote: the conversations, the turns that nothing was written for, and what the check found."""

    records: Sequence[InstructRecord]
    unwritten: pd.DataFrame
    problems: Sequence[Problem]


def require_step(settings: InstructSettings) -> None:
    """Refuses steps and settings that do not go together, before anything is read.

    Raises:
        ValueError: which, and what to do.
    """
    if settings.step not in STEPS:
        raise ValueError(
            f"{settings.step!r} is no step: expected {', '.join(STEPS)}, e.g. instruct build MANIFEST -o FOLDER"
        )
    if settings.step == "check" and settings.fail_on not in ("", "problems"):
        raise ValueError(f"--fail-on {settings.fail_on!r}: check knows 'problems'")
    if settings.step == "build" and settings.fail_on:
        raise ValueError("--fail-on is for check and audit: build only tells what its check found")
    if settings.step != "check" and not settings.out and not settings.calling.dry_run:
        raise ValueError("missing --out")
    require_least(settings, "longest", least=1)


@writes_out(known=_DERIVED)
def build(settings: InstructSettings, *, command: str = "", say: Say = print) -> BuiltData | None:
    """Writes instruct data about the pictures of a manifest; see `InstructSettings`.

    Args:
        settings: what is written, by whom.
        command: the command line, for the record.
        say: where lines for the reader go.

    Returns:
        What was written; None after a dry run.

    Raises:
        ValueError: settings that do not go together, nothing to write about, no key, or a model that cannot be loaded.
        EndpointError: the endpoint failed; what was answered is kept.
        FileExistsError: the folder exists.
    """
    require_step(settings)
    _require_writer(settings)
    require_formats(settings.formats)
    manifest = current_manifest(Path(settings.path), say, allow_outside=settings.allow_outside)
    rows = _rows(manifest, settings)
    vocabulary = vocabulary_of(rows, settings.attributes, settings.causes)
    notes = _notes(rows, vocabulary, settings)
    for note in notes:
        say(f"note: {note}")
    plan = Plan(vocabulary, settings.tasks, settings.questions, settings.seed)
    turns = plan.turns(rows)
    if not turns:
        raise ValueError("there is nothing to ask: the pictures have no labels, and only --tasks about labels are asked for")
    if settings.writer == RULES and settings.calling.dry_run:
        say(f"{plural(len(turns), 'text')} by rules; nothing is sent")
        return None
    if settings.writer == RULES:
        plant = PlantedWords.parse(settings.plant, vocabulary) if settings.plant else None
        writer: Writer = RulesWriter(rows, vocabulary, manifest.taxonomy, seed=settings.seed, plant=plant)
        built = _built(settings, manifest, rows, turns, writer)
    else:
        from affect_workbench.workbench.models.instruct.model_writers import (
            expectation,
            model_writer,
            questions_of,
            shards_of,
        )

        shards = shards_of(settings, turns)
        questions = questions_of(turns, rows, manifest.root)
        say(expectation(settings, questions, shards))
        if settings.calling.dry_run:
            return None
        writer = model_writer(settings, questions, shards, say)
        built = _built(settings, manifest, rows, turns, writer)
    if not built.records:
        raise ValueError(f"nothing was written: {built.unwritten['reason'].iloc[0]}")
    _write(settings, manifest, rows, built, writer, notes, command)
    if settings.writer != RULES:
        shards.remove()
    _tell(built, rows, say)
    say(f"wrote {settings.out}; next: workbench instruct audit {settings.out} -o AUDIT")
    return built


def check(settings: InstructSettings, *, say: Say = print) -> int:
    """Checks instruct data, says what was found, and writes `problems.csv`: into the folder, or beside the file.

    Returns:
        How many problems there are.

    Raises:
        FileNotFoundError, ValueError: see `data.instruct.folder.read_instruct`.
    """
    require_step(settings)
    path = Path(settings.path)
    data = read_instruct(path)
    problems = [*data.conversations.problems, *problems_of(data.records, data.knowledge(most_words=settings.longest))]
    target = path / PROBLEMS_FILE if path.is_dir() else path.with_name(f"{path.stem}.{PROBLEMS_FILE}")
    write_text(target, problem_table(problems).to_csv(index=False))
    answers = sum(len(one.turns) for one in data.records)
    say(f"{plural(len(data.records), 'conversation')} with {plural(answers, 'answer')}")
    if not len(data.pictures):
        say("note: nothing is known of these pictures: labels and objects are not checked")
    _tell_problems(problems, say)
    say(f"wrote {target}")
    return len(problems)


def _require_writer(settings: InstructSettings) -> None:
    require_least(settings, "per_minute", "temperature", least=0)
    require_least(settings, "max_tokens", "batch", least=1)
    if settings.calling.endpoint and settings.writer == RULES:
        raise ValueError("--endpoint needs the name of a model there: give it with --writer")
    settings.calling.require_usable(settings.writer, longest=settings.max_tokens, temperature=settings.temperature)
    if settings.plant and settings.writer != RULES:
        raise ValueError("--plant is for --writer rules: a model writes what it writes")


def _rows(manifest: Manifest, settings: InstructSettings) -> pd.DataFrame:
    """The pictures that are written about."""
    rows = manifest.rows
    if not settings.split:
        return rows
    rows = rows[rows["split"] == split_name(settings.split)] if "split" in rows else rows.iloc[:0]
    if rows.empty:
        raise ValueError(f"no picture of {settings.path} is in split {settings.split!r}")
    return rows.reset_index(drop=True)


def _notes(rows: pd.DataFrame, vocabulary: Vocabulary, settings: InstructSettings) -> tuple[str, ...]:
    notes = []
    unlabelled = int(rows["label"].isna().sum()) if "label" in rows else len(rows)
    if unlabelled and {"sentiment", "reasoning"} & set(settings.tasks):
        have = plural(unlabelled, "picture has", "pictures have")
        notes.append(f"{have} no label: no sentiment question and no reasoning is written for them")
    no_rule = vocabulary.causes is None and not settings.causes and bool(vocabulary.named)
    if settings.writer == RULES and no_rule and "reasoning" in settings.tasks and unlabelled < len(rows):
        named = ", ".join(vocabulary.named)
        notes.append(f"reasoning may name any attribute as a cause ({named}): say with --causes which may be one")
    if settings.plant:
        notes.append(f"a textual bias is planted: pictures with {settings.plant} are always described darkly")
    return tuple(notes)


def _built(
    settings: InstructSettings, manifest: Manifest, rows: pd.DataFrame, turns: Sequence[PlannedTurn], writer: Writer
) -> BuiltData:
    """What the writer makes of the plan, checked."""
    records, unwritten = records_of(turns, writer.written(turns), rows, (writer.name, writer.model), seed=settings.seed)
    if settings.single_turns:
        records = single_turns(records)
    known = Knowledge(
        manifest.root,
        manifest.taxonomy,
        vocabulary_of(rows, settings.attributes, settings.causes),
        rows_by_id(rows),
        settings.longest,
    )
    return BuiltData(records, unwritten, problems_of(records, known))


def _write(
    settings: InstructSettings,
    manifest: Manifest,
    rows: pd.DataFrame,
    built: BuiltData,
    writer: Writer,
    notes: tuple[str, ...],
    command: str,
) -> None:
    source = {
        "pictures": f"{settings.path} ({plural(len(rows), 'picture')}"
        + (f", split {settings.split})" if settings.split else ")"),
        "writer": f"{writer.name}, {writer.model}",
        "seed": str(settings.seed),
    }
    facts = CardFacts(Path(settings.out).name, built.records, source, counted(built.problems), len(built.unwritten), notes)
    record = {
        "writer": writer.name,
        "model": writer.model,
        "seed": settings.seed,
        "tasks": list(settings.tasks),
        "questions": settings.questions,
        "formats": list(settings.formats),
        "attributes": list(settings.attributes),
        "causes": list(settings.causes),
        "plant": settings.plant,
        "taxonomy": None if manifest.taxonomy is None else manifest.taxonomy.as_json(),
        "pictures": len(rows),
        "conversations": len(built.records),
        "answers": sum(len(one.turns) for one in built.records),
        "unwritten": len(built.unwritten),
        "problems": counted(built.problems),
        "notes": list(notes),
        "command": command,
    }
    with atomic_folder(Path(settings.out), overwrite=settings.overwrite, derived=_DERIVED) as partial:
        write_instruct(partial, built.records, formats=settings.formats, root=manifest.root)
        rows.to_parquet(partial / PICTURES_FILE)
        problem_table(built.problems).to_csv(partial / PROBLEMS_FILE, index=False)
        if len(built.unwritten):
            built.unwritten.to_csv(partial / UNWRITTEN_FILE, index=False)
        write_record(partial, record, root=manifest.root, out=Path(settings.out))
        write_text(partial / CARD_FILE, dataset_card(facts))
        write_json(partial / CROISSANT_FILE, croissant(facts, partial, version=version("affect-workbench")))


def _tell(built: BuiltData, rows: pd.DataFrame, say: Say) -> None:
    answers = sum(len(one.turns) for one in built.records)
    pictures = plural(len(rows), "picture")
    say(f"{plural(len(built.records), 'conversation')} with {plural(answers, 'answer')} about {pictures}")
    if len(built.unwritten):
        left = plural(len(built.unwritten), "answer is", "answers are")
        reasons = ", ".join(f"{reason} ({count:,})" for reason, count in built.unwritten["reason"].value_counts().items())
        say(f"warning: {left} missing: {reasons}; see {UNWRITTEN_FILE}")
    _tell_problems(built.problems, say)


def _tell_problems(problems: Sequence[Problem], say: Say) -> None:
    if not problems:
        say("check: nothing found")
        return
    say("check: " + ", ".join(f"{kind} {count:,}" for kind, count in counted(problems).items()))
    first = {one.kind: one for one in reversed(problems)}
    for kind in counted(problems):
        one = first[kind]
        where = f"{one.record}" + (f", turn {one.turn}" if one.turn else "") if one.record else "the file"
        say(f"  {kind}, first in {where}: {one.detail}")
