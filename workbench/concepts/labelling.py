"""How does an inferred attribute of a run become a queue of pictures that people label?"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.concepts.sampling import stratified_sample
from affect_workbench.workbench.concepts.queue import LABELS_FILE, Queue, open_queue, progress_lines, save_queue
from affect_workbench.workbench.concepts.settings import LabelSettings
from affect_workbench.workbench.concepts.tables import SCORES
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.runs.store import load_audit


def label(settings: LabelSettings, *, say: Say = print) -> Queue:
    """Makes the queue of a concept, or goes on with the one that is there, and says how far it is.

    Raises:
        FileNotFoundError: no such run.
        ValueError: no such concept, pictures without a file, or a folder that holds another queue.
    """
    result = load_audit(settings.run)
    concept = _concept(result, settings.concept, settings.run)
    folder = Path(settings.out) if settings.out else Path("labels") / _slug(concept)
    queue = drawn_queue(result, concept, folder, size=settings.size, seed=settings.seed, run=settings.run)
    if folder.exists():
        there = open_queue(folder)
        same = there.concept == queue.concept and list(there.pictures["image_id"]) == list(queue.pictures["image_id"])
        if not same:
            raise ValueError(
                f"{folder} holds another queue ({len(there.pictures):,} pictures, {there.concept!r}, seed {there.seed}): "
                "give the same --size and --seed to go on with it, or another folder"
            )
        queue = there
    else:
        save_queue(queue)
    say(f"{folder}: {len(queue.pictures):,} pictures, question: “{queue.question}”")
    for line in progress_lines(queue):
        say(line)
    say(f"next: workbench app {settings.run} --labels {folder.parent}  (page Label; keys Y, N, U, B)")
    say(f"then: workbench audit … --concept-labels {folder / LABELS_FILE}")
    return queue


def drawn_queue(result: AuditResult, concept: str, folder: Path, *, size: int, seed: int, run: str = "") -> Queue:
    """The queue of a concept of an audit, not written yet.

    Raises:
        ValueError: pictures without a file, or see `analyses.concepts.sampling.stratified_sample`.
    """
    samples = result.samples
    paths = samples["path"] if "path" in samples else pd.Series(np.nan, index=samples.index)
    if paths.isna().any():
        raise ValueError(
            f"{int(paths.isna().sum()):,} of {len(samples):,} pictures of this run have no column path, so they "
            "cannot be shown: audit features of a manifest, or join a table with image_id and path (--attributes "
            "TABLE.csv)"
        )
    table = _scores(result, run)
    scores = table.set_index("image_id").loc[samples["image_id"], concept].to_numpy(np.float64)
    predicted = result.taxonomy.codes(samples["predicted"])
    drawn = stratified_sample(scores, predicted, size=size, seed=seed)
    pictures = samples[["image_id", "path"]].iloc[drawn["position"]].reset_index(drop=True)
    pictures = pictures.assign(stratum=drawn["stratum"], probability=drawn["probability"])
    return Queue(folder, concept, f"Does “{concept}” fit this picture?", seed, run, pictures)


def _scores(result: AuditResult, run: str) -> pd.DataFrame:
    table = result.table(SCORES)
    if table is None:
        raise ValueError(f"{run} has no concepts to label: audit with --concepts first")
    return table


def _concept(result: AuditResult, asked: str, run: str) -> str:
    """The concept's name as the run knows it."""
    there = [str(name) for name in _scores(result, run).columns if name != "image_id"]
    if not asked and len(there) == 1:
        return there[0]
    if asked.removesuffix(" (inferred)") not in there:
        given = f"no concept {asked!r}" if asked else "several concepts, say which with --concept"
        raise ValueError(f"{run}: {given}; concepts: {', '.join(there)}")
    return asked.removesuffix(" (inferred)")


def _slug(name: str) -> str:
    """A folder name."""
    return re.sub(r"[^\w]+", "-", name, flags=re.UNICODE).strip("-").lower()[:60] or "concept"
