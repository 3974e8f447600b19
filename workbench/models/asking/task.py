"""Which pictures are asked about, in which words, and for which labels?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from affect_workbench.data.answers.prompts import STANDARD_PROMPTS, Prompt, read_prompts
from affect_workbench.data.datasets.checks import MISSING, UNREADABLE
from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.columns import ANSWER_COUNTS, PROMPT_PREFIX, SCORE_PREFIX, VOTE_PREFIX
from affect_workbench.data.tables.splits import split_name
from affect_workbench.data.taxonomies.files import taxonomy_called
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.asking.questions import Plan, Question
from affect_workbench.workbench.datasets.command import current_manifest
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.models.asking.settings import AskSettings


@dataclass(frozen=True)
class Task:
    """What is asked, of which pictures.

    Attributes:
        rows: the pictures, with their absolute `path`.
        paths: the same, where they are.
        taxonomy: the labels.
        prompts: the prompts.
        notes: what was decided.
    """

    rows: pd.DataFrame
    paths: Sequence[Path]
    taxonomy: Taxonomy
    prompts: tuple[Prompt, ...]
    notes: tuple[str, ...] = ()

    def plan(self, settings: AskSettings, *, scored: int, generated: int) -> Plan:
        """How often each prompt is scored, and how many texts are generated."""
        return Plan(self.prompts, self.taxonomy.labels, settings.seed, scored, generated)

    def questions(self, plan: Plan) -> list[Question]:
        """All questions, picture by picture."""
        return plan.questions(self.rows, self.paths)


def read_task(settings: AskSettings, say: Say) -> Task:
    """Reads pictures, labels and prompts, and says what was left out.

    Raises:
        FileNotFoundError: no such manifest or file of prompts.
        ValueError: no picture in the split, no labels or fewer than two, or prompts that `Prompt` refuses.
    """
    prompts = read_prompts(Path(settings.prompts)) if settings.prompts else STANDARD_PROMPTS
    manifest = current_manifest(Path(settings.pictures), say, allow_outside=settings.allow_outside)
    rows = manifest.rows.assign(path=[str(path) for path in manifest.paths()])
    if settings.split:
        rows = rows[rows["split"] == split_name(settings.split)] if "split" in rows else rows.iloc[:0]
        if rows.empty:
            raise ValueError(f"no picture of {settings.pictures} is in split {settings.split!r}")
        rows = rows.reset_index(drop=True)
    if settings.labels or settings.taxonomy:
        taxonomy = Taxonomy.spelt_as(settings.labels) if settings.labels else taxonomy_called(settings.taxonomy)
    elif manifest.taxonomy is not None:
        taxonomy = manifest.taxonomy
    else:
        raise ValueError(f"{settings.pictures} names no labels: say what to ask for with --labels or --taxonomy")
    if len(taxonomy) < 2:
        raise ValueError(f"{plural(len(taxonomy), 'label')} to ask for: expected at least two")
    require_free_names(rows)
    rows, notes = _with_known_truth(rows, taxonomy)
    notes = (*_left_out(manifest), *notes)
    for note in notes:
        say(f"note: {note}")
    return Task(rows, [Path(path) for path in rows["path"]], taxonomy, prompts, notes)


def require_free_names(rows: pd.DataFrame) -> None:
    """Refuses attributes whose names mean something in a table of predictions: they would be lost in it.

    Raises:
        ValueError: which.
    """
    taken = ("predicted", "answered", *ANSWER_COUNTS)
    lost = [str(name) for name in rows if name in taken or str(name).startswith((PROMPT_PREFIX, SCORE_PREFIX))]
    if lost:
        raise ValueError(
            f"the pictures have an attribute {lost[0]!r}, a name that predictions use for themselves: rename that column"
        )


def _left_out(manifest: Manifest) -> tuple[str, ...]:
    """Pictures that are named and could not be read, in a sentence."""
    broken = manifest.problems[manifest.problems["kind"].isin((MISSING, UNREADABLE))]
    if broken.empty:
        return ()
    first = broken.iloc[0]
    return (f"{plural(len(broken), 'picture')} cannot be read, first {first['path']}: {first['detail']}; nothing is asked",)


def _with_known_truth(rows: pd.DataFrame, taxonomy: Taxonomy) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows without labels and votes that the taxonomy does not know."""
    notes = []
    if "label" in rows and not all(map(taxonomy.knows, rows["label"].dropna().unique())):
        rows = rows.drop(columns="label")
        notes.append(f"the pictures' labels are not all among {', '.join(taxonomy.labels)}: the predictions have no truth")
    votes = [str(name) for name in rows.columns if str(name).startswith(VOTE_PREFIX)]
    if votes and not all(taxonomy.knows(name.removeprefix(VOTE_PREFIX)) for name in votes):
        rows = rows.drop(columns=votes)
        notes.append("the pictures' votes are not all for labels that are asked for: they are left out")
    return rows, tuple(notes)
