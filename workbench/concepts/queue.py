"""Which pictures are people asked about, what have they answered, and how is it kept so that nothing is lost?

A label folder holds `queue.csv` (which pictures, in which order, drawn with which probability), `queue.json` (what is asked)
and, from the first answer on, `labels.csv` (see `data.concepts.annotations`), which can be committed and shared. Neither
the model's reading nor the score of a picture is in the folder: whoever labels must not know them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from affect_workbench.analyses.concepts.agreement import agreement
from affect_workbench.analyses.concepts.calibrated_skew import ENOUGH_LABELS
from affect_workbench.data.concepts.annotations import ANSWER_COLUMNS, ANSWERS, UNSURE, read_answers
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import alone, atomic_folder, require_complete, write_json, write_text
from affect_workbench.data.storage.saved import read_record
from affect_workbench.data.storage.saved_arrays import numbers, read_saved_csv

QUEUE_FILE, QUEUE_RECORD, LABELS_FILE = "queue.csv", "queue.json", "labels.csv"
_SCHEMA = 1
_LOCK = ".labels.lock"
_ASKED = ("concept", "question", "seed", "run")


@dataclass(frozen=True)
class Queue:
    """What people are asked.

    Attributes:
        folder: where it is.
        concept: the concept's name.
        question: what is asked about a picture.
        seed: of the draw.
        run: the run folder that it was drawn from.
        pictures: one row a picture in the order to label them: `image_id`, `path`, `stratum`, `probability`.
    """

    folder: Path
    concept: str
    question: str
    seed: int
    run: str
    pictures: pd.DataFrame

    @property
    def answers(self) -> pd.DataFrame:
        """What was answered so far (`data.concepts.annotations.ANSWER_COLUMNS`)."""
        path = self.folder / LABELS_FILE
        return read_answers([path] if path.is_file() else [])


def open_queue(folder: Path | str) -> Queue:
    """The queue in a label folder.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: not a whole label folder, or of another schema.
    """
    folder = Path(folder)
    require_complete(folder, what="label folder")
    again = "make the label folder again"
    record = read_record(folder / QUEUE_RECORD, schema=_SCHEMA, otherwise=again)
    path = folder / QUEUE_FILE
    pictures = read_saved_csv(path, needed=("image_id", "path", "stratum", "probability"), otherwise=again)
    pictures = pictures.assign(
        stratum=numbers(pictures, "stratum", path=path, whole=True, otherwise=again),
        probability=numbers(pictures, "probability", path=path, otherwise=again),
    )
    asked = {name: record.text(name) for name in _ASKED if name != "seed"}
    return Queue(folder, pictures=pictures, seed=record.whole("seed"), **asked)


def save_queue(queue: Queue) -> None:
    """Writes the label folder of a new queue; it appears whole or not at all.

    Raises:
        FileExistsError: the folder exists.
    """
    record = {name: getattr(queue, name) for name in _ASKED}
    made = {"created": datetime.now(UTC).isoformat(timespec="seconds"), "pictures": len(queue.pictures)}
    with atomic_folder(queue.folder) as partial:
        queue.pictures.to_csv(partial / QUEUE_FILE, index=False)
        write_json(partial / QUEUE_RECORD, {"schema": _SCHEMA} | record | made)


def save_answer(
    queue: Queue, position: int, answer: str, annotator: str, *, shown: str | None = None, now: datetime | None = None
) -> None:
    """Writes one answer about the picture at `position` of the queue; the same person's earlier answer gives way.

    Args:
        queue: what is asked.
        position: of the picture.
        answer: yes, no or unsure.
        annotator: whose answer it is.
        shown: id of the picture that was on the screen; not compared where it is not given.
        now: when it was answered.

    Raises:
        ValueError: no such answer, no name, another picture was on the screen, or `labels.csv` cannot be read; nothing is
            written then.
        OSError: the folder cannot be written to.
    """
    annotator = " ".join(annotator.split())
    if answer not in ANSWERS:
        raise ValueError(f"no answer {answer!r}; answers: {', '.join(ANSWERS)}")
    if not annotator:
        raise ValueError("an answer needs a name: type yours, so that others know who labelled what")
    picture = queue.pictures.iloc[position]
    if shown is not None and shown != picture["image_id"]:
        raise ValueError(
            f"the answer is about picture {shown!r}, which was on the screen, not about {picture['image_id']!r}, which is "
            "asked about: answer again"
        )
    row = {
        "concept": queue.concept,
        "image_id": picture["image_id"],
        "answer": answer,
        "annotator": annotator,
        "time": (now or datetime.now(UTC)).isoformat(timespec="milliseconds"),
        "stratum": int(picture["stratum"]),
        "probability": float(picture["probability"]),
    }
    with alone(queue.folder / _LOCK):
        answers = queue.answers
        own = (answers["image_id"] == row["image_id"]) & (answers["annotator"] == annotator)
        table = pd.concat([answers[~own], pd.DataFrame([row])], ignore_index=True) if len(answers) else pd.DataFrame([row])
        # In the order of the queue: two people's files differ line by line, and a version control system can merge them.
        order = pd.Series(range(len(queue.pictures)), index=queue.pictures["image_id"])
        table = table.assign(at=table["image_id"].map(order)).sort_values(["at", "annotator"], kind="stable")
        text = table[list(ANSWER_COLUMNS)].to_csv(index=False, lineterminator="\n")
        write_text(queue.folder / LABELS_FILE, text, durable=True)


def answered(queue: Queue, annotator: str) -> dict[int, str]:
    """Position in the queue -> what this person answered."""
    answers = queue.answers
    own = answers[answers["annotator"] == " ".join(annotator.split())].set_index("image_id")["answer"]
    return {at: own[image_id] for at, image_id in enumerate(queue.pictures["image_id"]) if image_id in own.index}


def next_open(queue: Queue, done: dict[int, str], *, after: int = -1) -> int | None:
    """The first picture behind `after` that is still to be answered, else the first of all; None where none is."""
    left = [at for at in range(len(queue.pictures)) if at not in done]
    return next((at for at in left if at > after), left[0] if left else None)


def progress_lines(queue: Queue) -> list[str]:
    """How many pictures each person has answered, whether that is enough, and how well they agree."""
    answers = queue.answers
    if answers.empty:
        return [
            (f"nobody has labelled yet; {ENOUGH_LABELS} pictures are needed to calibrate a skew, more narrow its interval")
        ]
    counts = pd.crosstab(answers["annotator"], answers["answer"]).reindex(columns=list(ANSWERS), fill_value=0)
    lines = [
        f"{name}: {int(row.sum()):,} of {len(queue.pictures):,} ({', '.join(f'{row[said]:,} {said}' for said in ANSWERS)})"
        for name, row in counts.iterrows()
    ]
    sure = answers.loc[answers["answer"] != UNSURE, "image_id"].nunique()
    lines.append(
        f"{plural(sure, 'picture has', 'pictures have')} a yes or a no: "
        + (
            "enough to calibrate"
            if sure >= ENOUGH_LABELS
            else f"{ENOUGH_LABELS - sure:,} more are needed to calibrate a skew"
        )
    )
    if len(counts) > 1:
        lines.append(agreement_sentence(queue))
    return lines


def agreement_sentence(queue: Queue) -> str:
    """How well several people agree, in one sentence."""
    found = agreement(queue.answers)
    if not np.isfinite(found.alpha):
        shared = f"{len(found.annotators):,} people share {plural(found.shared, 'picture')}"
        return f"{shared}: too few answers, or all the same, to measure agreement"
    interval = f" [{found.low:.2f}, {found.high:.2f}]" if np.isfinite(found.low) else ""
    return (
        f"On the {found.shared:,} pictures that two or more of {len(found.annotators)} people labelled, "
        f"Krippendorff’s alpha is {found.alpha:.2f}{interval} (1 is perfect, 0 is chance; below .67 agreement is "
        "too low to rely on)"
    )
