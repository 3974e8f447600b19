"""What did people decide about the findings of an audit, and does it still hold after the audit was made again?

A review is kept in the run folder as `review.json`, by the finding's fingerprint. Two findings are the same when they ask
the same question: the same conditions of the slice (in any order; 1 and 1.0 are one value), the same emotion, out of the
same set of labels, with each attribute declared in both audits or inferred in both. Pictures, predictions and the answer
do not count, so that a review is found again when a newer model is audited; where the answer changed its verdict or its
sign, the review says that it was made on an earlier result. Bins with other edges are other conditions.

Nothing is ever taken out of the file: a later decision about a finding is put behind the earlier one, and counts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.skew.findings import on_its_own
from affect_workbench.data.storage.atomic import alone, write_json
from affect_workbench.data.storage.destination import restore
from affect_workbench.data.storage.leftovers import put_aside
from affect_workbench.data.storage.saved import read_record
from affect_workbench.workbench.runs.files import REVIEW_FILE

DECISIONS = ("confirmed", "dismissed", "follow-up")
WITHDRAWN = "withdrawn"
"""Takes a decision back: the finding is open again."""
_SCHEMA = 1
REVIEW_LOCK = ".review.lock"


@dataclass(frozen=True)
class Review:
    """One decision of one person about one finding.

    Attributes:
        finding: the finding's fingerprint.
        slice: the slice in words.
        where: column -> value or range.
        emotion: the label.
        decision: one of `DECISIONS`, or `WITHDRAWN`.
        reviewer: the name that the person typed.
        time: when, in UTC, ISO 8601.
        reason: why; a dismissal must have one.
        note: anything else that the person wrote.
        verdict: what the audit said of the finding then.
        effect: the difference then, as a share; None where it was not estimated.
        audited: when that audit was made.

    Raises:
        ValueError: no such decision, no name, a time without its zone, or dismissed without a reason.
    """

    finding: str
    slice: str
    where: Mapping[str, Any]
    emotion: str
    decision: str
    reviewer: str
    time: str
    reason: str = ""
    note: str = ""
    verdict: str = ""
    effect: float | None = None
    audited: str = ""

    def __post_init__(self) -> None:
        if self.decision not in (*DECISIONS, WITHDRAWN):
            raise ValueError(f"no decision {self.decision!r}; decisions: {', '.join((*DECISIONS, WITHDRAWN))}")
        if not self.reviewer.strip():
            raise ValueError("a review needs a name: type yours, so that others know whom to ask")
        if datetime.fromisoformat(self.time).tzinfo is None:
            raise ValueError(
                f"a review was made at {self.time!r}: expected a time with its zone, as 2026-01-31T09:30:00+00:00"
            )
        if self.decision == "dismissed" and not self.reason.strip():
            raise ValueError("a finding is dismissed with a reason: write why it does not count")

    @property
    def words(self) -> str:
        """The decision in words: `dismissed by Ada: the camera was broken`."""
        decided = f"{'kept for ' if self.decision == 'follow-up' else ''}{self.decision} by {self.reviewer}"
        why = "; ".join(filter(None, (self.reason, self.note)))
        return f"{decided}: {why}" if why else decided


@dataclass(frozen=True)
class ReviewedFinding:
    """The decision that counts about one finding, beside what the audit says of it now.

    Attributes:
        review: the newest review of the finding.
        position: row of `AuditResult.findings`; None where this audit has no such finding.
        earlier: why it was made on an earlier result, in words; empty where the answer is still the same.
    """

    review: Review
    position: int | None
    earlier: str = ""

    @property
    def mark(self) -> str:
        """What stands beside the finding."""
        return f"{self.review.words} ({self.earlier})" if self.earlier else self.review.words


def fingerprint(where: Mapping[str, Any], emotion: str, *, labels: Sequence[str], inferred: Iterable[str] = ()) -> str:
    """16 hexadecimal digits that are equal for the same finding of two audits (see the top of this file).

    Args:
        where: the slice's JSON.
        emotion: the label.
        labels: the labels of the taxonomy.
        inferred: columns whose values were inferred, not declared.
    """
    sources = {column: "inferred" if column in set(inferred) else "declared" for column in where}
    asked = {"where": _plain(where), "emotion": emotion, "labels": sorted(labels), "sources": sources}
    text = json.dumps(asked, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


def review_of(
    result: AuditResult,
    position: int,
    *,
    decision: str,
    reviewer: str,
    reason: str = "",
    note: str = "",
    now: datetime | None = None,
) -> Review:
    """A review of row `position` of the audit's findings, ready to be saved; spaces and line breaks become one space.

    Raises:
        ValueError: see `Review`.
    """
    row = result.finding(position)
    reviewer, reason, note = (" ".join(text.split()) for text in (reviewer, reason, note))
    return Review(
        finding=_of(result, row.where, row.emotion),
        slice=row.slice,
        where=row.where,
        emotion=row.emotion,
        decision=decision,
        reviewer=reviewer,
        time=(now or datetime.now(UTC)).isoformat(timespec="milliseconds"),
        reason=reason,
        note=note,
        verdict=row.verdict,
        effect=None if row.effect is None else float(row.effect),
        audited=str(result.run.created),
    )


def load_reviews(folder: Path | str) -> tuple[Review, ...]:
    """Every review of a run, the oldest first; none where nobody has reviewed it.

    Raises:
        ValueError: `review.json` is damaged or of another schema.
    """
    path = Path(folder) / REVIEW_FILE
    if not path.parent.is_dir():
        restore(path.parent)
    if not path.is_file():
        return ()
    record = read_record(path, schema=_SCHEMA, otherwise="put a good copy back, or move it away")
    known = {item.name for item in fields(Review)}
    return tuple(
        replace(one, values={name: value for name, value in one.values.items() if name in known}).made(Review)
        for one in record.records("reviews")
    )


def write_reviews(reviews: Sequence[Review], folder: Path | str) -> None:
    """Writes `review.json`, under a temporary name first. `save_review` adds to what is there; this replaces it."""
    record = {"schema": _SCHEMA, "reviews": [asdict(review) for review in reviews]}
    write_json(Path(folder) / REVIEW_FILE, record, durable=True)


def save_review(review: Review, folder: Path | str) -> tuple[Review, ...]:
    """Adds a review to those that are in the run folder now, whoever put them there, and returns all of them.

    Raises:
        ValueError: see `load_reviews`; nothing is written then.
        OSError: the folder cannot be written to.
    """
    with alone(Path(folder) / REVIEW_LOCK):
        reviews = (*load_reviews(folder), review)
        write_reviews(reviews, folder)
    return reviews


def merged(*histories: Sequence[Review]) -> tuple[Review, ...]:
    """The reviews of several runs, each once, the oldest first."""
    unique: dict[str, Review] = {}
    for review in (review for history in histories for review in history):
        unique.setdefault(json.dumps(asdict(review), sort_keys=True), review)
    return tuple(sorted(unique.values(), key=lambda review: datetime.fromisoformat(review.time)))


def carried_reviews(folder: Path | str, source: Path | str = "") -> tuple[Review, ...]:
    """The reviews that an audit written to `folder` starts with: those of the run it replaces and of `source`.

    Those of runs that were put aside there while they were replaced, and left by a kill, are among them.

    Raises:
        FileNotFoundError: `source` is not a run.
        ValueError: see `load_reviews`.
    """
    if source:
        restore(Path(source))
    if source and not (Path(source) / "audit.json").is_file():
        raise FileNotFoundError(f"no run at {source} to carry reviews over from: expected a run folder with audit.json")
    there = [load_reviews(folder), *(load_reviews(aside) for aside in put_aside(Path(folder)))]
    return merged(load_reviews(source) if source else (), *there)


def match_reviews(result: AuditResult, reviews: Sequence[Review]) -> list[ReviewedFinding]:
    """What counts now, one a reviewed finding, in the order of the findings; those that this audit has not come last."""
    newest = {review.finding: review for review in reviews}
    left = {key: review for key, review in newest.items() if review.decision != WITHDRAWN}
    if not left:
        return []
    asked = {(_text(review.where), review.emotion) for review in left.values()}
    emotions = {review.emotion for review in left.values()}
    findings, found = result.findings, []
    at = [position for position, emotion in enumerate(findings["emotion"]) if emotion in emotions]
    for position, where, emotion in zip(at, findings["where"].iloc[at], findings["emotion"].iloc[at], strict=True):
        if (_text(where), emotion) in asked and (review := left.pop(_of(result, where, emotion), None)):
            found.append(ReviewedFinding(review, position, _earlier(review, findings.iloc[position])))
    return found + [ReviewedFinding(review, None, "this audit has no such finding") for review in left.values()]


def marks(found: Iterable[ReviewedFinding]) -> dict[int, str]:
    """Row of `AuditResult.findings` -> what people decided, in words."""
    return {one.position: one.mark for one in found if one.position is not None}


def worklist(result: AuditResult) -> list[int]:
    """Rows of the findings that ask for a decision: every skew that stands on its own, in order."""
    findings = result.findings
    own = (findings["verdict"] == "skewed") & on_its_own(findings)
    return [position for position, asks in enumerate(own) if asks]


def progress_sentence(result: AuditResult, found: Sequence[ReviewedFinding]) -> str:
    """How far the review is, in one sentence."""
    asked, done = worklist(result), {one.position for one in found}
    counts = [f"{sum(one.review.decision == name for one in found):,} {name}" for name in DECISIONS]
    earlier = sum(bool(one.earlier) and one.position is not None for one in found)
    gone = sum(one.position is None for one in found)
    parts = [f"{sum(at in done for at in asked):,} of {len(asked):,} skews that stand on their own are reviewed"]
    parts += [", ".join(counts)] if found else []
    parts += [f"{earlier:,} made on an earlier result"] if earlier else []
    parts += [f"{gone:,} about findings that this audit does not have"] if gone else []
    return "; ".join(parts) + "."


def _of(result: AuditResult, where: Mapping[str, Any], emotion: str) -> str:
    return fingerprint(where, emotion, labels=result.taxonomy.labels, inferred=result.run.inferred)


def _earlier(review: Review, row: Any) -> str:
    """Why the review was made on an earlier result; a verdict or a sign that is not known did not change."""
    effect = None if pd.isna(row["effect"]) else float(row["effect"])
    turned = review.effect is not None and effect is not None and review.effect * effect < 0
    if row["verdict"] == review.verdict and not turned:
        return ""
    then = f", {100 * review.effect:+.1f} points".replace("-", "−") if review.effect is not None else ""
    return f"made on an earlier result: {review.verdict}{then}"


def _text(where: Mapping[str, Any]) -> str:
    return json.dumps(_plain(where), sort_keys=True)


def _plain(value: Any) -> Any:
    """The value with 1.0 as 1: a column of whole numbers is read as floats as soon as one is missing."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value
