"""What do the answers that another tool asked for come to: a table of predictions, and how far repeated runs agree?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.concepts.agreement import agreement
from affect_workbench.data.answers.logs.answer_log import AnswerLog
from affect_workbench.data.answers.logs.labels import log_answers, log_labels, log_predictions
from affect_workbench.data.answers.logs.read import read_log
from affect_workbench.data.answers.parser import PARSER_VERSION
from affect_workbench.data.plurals import plural
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

RUNS_TABLE = "runs"
"""Agreement of each two runs, in a run folder."""


@dataclass(frozen=True)
class LoggedPredictions:
    """The predictions in a log of answers.

    Attributes:
        table: one row a sample, see `data.predictions.predictions_from_table`.
        notes: what was left out, and how far runs agree.
        provenance: tool, model and parser.
        tables: `RUNS_TABLE` where answers were repeated.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]
    provenance: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]


def logged_predictions(
    path: Path, *, taxonomy: Taxonomy | None = None, id_column: str = "", seed: int = 0
) -> LoggedPredictions:
    """The predictions in a log.

    Args:
        path: a file of any of `data.answers.logs.kinds.KINDS`.
        taxonomy: the labels; those of the log's right answers and options when not given.
        id_column: a column of the log's samples that names the picture, where it is not the sample's id.
        seed: of the interval of agreement.

    Raises:
        ValueError: the log names no labels, none of its answers does, or see `read_log`.
    """
    log = read_log(path, id_column=id_column)
    chosen = taxonomy or log_labels(log)
    if chosen is None:
        raise ValueError(
            f"{path} ({log.kind}) does not say which labels its {plural(len(log), 'answer')} can name: name them with "
            f"--taxonomy (ekman6, a .toml file); or audit what is written, with --texts {path}"
        )
    answers = log_answers(log, chosen)
    table, notes = log_predictions(log, answers, chosen)
    tables, told = _between_runs(log, answers, seed=seed)
    model = f"{log.model} " if log.model else ""
    provenance = {"asked_model": f"{model}(log of {log.kind}), parser {PARSER_VERSION}"}
    return LoggedPredictions(table, (*log.notes, *notes, *told), provenance, tables)


def _between_runs(log: AnswerLog, answers: pd.DataFrame, *, seed: int) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    """Agreement of the runs on samples and prompts that two of them answered; nothing for one run."""
    if len(log.runs) < 2:
        return {}, ()
    named = answers[answers["kind"] == "label"]
    asked = named["image_id"] if len(log.prompts) < 2 else named["image_id"] + "\t" + named["prompt"]
    given = pd.DataFrame({"image_id": asked, "annotator": named["run"], "answer": named["answer"]})
    found = agreement(given, seed=seed)
    every = given.groupby("image_id")["answer"].agg(["nunique", "size"])
    several = every[every["size"] > 1]
    same = float((several["nunique"] == 1).mean()) if len(several) else np.nan
    interval = f" [{found.low:.2f}, {found.high:.2f}]" if np.isfinite(found.low) else ""
    kappa = found.pairs["kappa"].dropna()
    pairs = f", Cohen's kappa of two runs {kappa.min():.2f} to {kappa.max():.2f}" if len(kappa) else ""
    alpha = f", Krippendorff's alpha {found.alpha:.2f}{interval}" if np.isfinite(found.alpha) else ""
    note = (
        f"{log.source}: {len(log.runs)} runs; all name one label in {same:.0%} of {plural(len(several), 'sample')} that "
        f"two or more answered with one{alpha}{pairs}"
    )
    return {RUNS_TABLE: found.pairs}, (note,)
