"""How are the decisions about a run's findings listed on the command line, and taken away as CSV?"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from affect_workbench.data.storage.atomic import write_text
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.runs.reviews import (
    Review,
    ReviewedFinding,
    load_reviews,
    match_reviews,
    progress_sentence,
    worklist,
)
from affect_workbench.workbench.runs.settings import ReviewSettings
from affect_workbench.workbench.runs.store import load_audit

if TYPE_CHECKING:
    from affect_workbench.analyses.audit.result import AuditResult

LISTING_COLUMNS = (
    "slice",
    "emotion",
    "decision",
    "reviewer",
    "time",
    "reason",
    "note",
    "remark",
    "verdict",
    "effect",
    "finding",
)


def review_run(settings: ReviewSettings, *, say: Say = print) -> pd.DataFrame:
    """Lists the reviews of a run (see `review_table`), what is still open, and writes a CSV where asked.

    Raises:
        FileNotFoundError: no such run.
        ValueError: the run or its reviews cannot be read.
    """
    result, reviews = load_audit(settings.run), load_reviews(settings.run)
    found = match_reviews(result, reviews)
    shown = _history(reviews, found) if settings.history else found
    for one in shown:
        review, remark = one.review, f" ({one.earlier})" if one.earlier else ""
        say(f"{review.slice} → {review.emotion}: {review.words}, {review.time[:10]}{remark}")
    for line in open_lines(result, found):
        say(line)
    say(progress_sentence(result, found))
    table = review_table(shown)
    if settings.out:
        text = io.StringIO()
        table.to_csv(text, index=False, lineterminator="\n")
        write_text(Path(settings.out), text.getvalue())
        say(f"wrote {settings.out}")
    return table


def review_table(found: Sequence[ReviewedFinding]) -> pd.DataFrame:
    """One row a decision, columns `LISTING_COLUMNS`; `remark` says whether the answer has changed since."""
    records = [asdict(one.review) | {"remark": one.earlier} for one in found]
    return pd.DataFrame(records, columns=list(LISTING_COLUMNS)).astype({"effect": float})


def open_lines(result: AuditResult, found: Sequence[ReviewedFinding]) -> list[str]:
    """One line for every skew that stands on its own and that nobody has decided about."""
    done = {one.position for one in found}
    rows = [result.finding(position) for position in worklist(result) if position not in done]
    return [f"{row.slice} → {row.emotion}: open" for row in rows]


def _history(reviews: Sequence[Review], found: Sequence[ReviewedFinding]) -> list[ReviewedFinding]:
    """Every decision, the oldest first, with what has become of it."""
    newest = {review.finding: review for review in reviews}
    remarks = {one.review.finding: one.earlier for one in found}
    return [
        ReviewedFinding(one, None, remarks.get(one.finding, "") if newest[one.finding] is one else "a later decision counts")
        for one in reviews
    ]
