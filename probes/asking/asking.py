"""How are all questions put to a model so that a kill, or an error in the middle, loses one shard at most?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from affect_workbench.data.images.decode import UnreadablePicture, open_picture
from affect_workbench.data.storage.progress import progress_bar
from affect_workbench.probes.asking.endpoint import EndpointError
from affect_workbench.probes.asking.questions import Answerer, Asked, Question, Reply
from affect_workbench.probes.asking.shards import Shards


def ask_all(
    questions: Sequence[Question], answerer: Answerer, shards: Shards, *, shard: int = 32, progress: bool = True
) -> int:
    """Asks what is not answered yet and keeps every answer in the shards.

    Args:
        questions: all of them, in an order that keeps those about one picture together.
        answerer: who is asked.
        shards: what is there already, and where answers go.
        shard: answers a file: so many are lost by a kill. After an error what was answered before it is kept.
        progress: show a bar.

    Returns:
        How many were asked now.

    Raises:
        EndpointError: the endpoint failed; how much is kept, and how to go on.
    """
    known = shards.keys()
    todo = [question for question in questions if question.key not in known]
    bar = progress_bar(
        total=len(questions), initial=len(questions) - len(todo), desc="asking", unit=" answers", progress=progress
    )
    try:
        with bar:
            for start in range(0, len(todo), shard):
                _ask_shard(todo[start : start + shard], answerer, shards, bar)
    except EndpointError as error:
        kept = f"{len(shards.keys()):,} of {len(questions):,} answers are kept in {shards.folder}"
        raise EndpointError(f"{error}; {kept}: run the same command again to go on") from error
    return len(todo)


def _ask_shard(questions: Sequence[Question], answerer: Answerer, shards: Shards, bar: tqdm[None]) -> None:
    answered: list[tuple[Question, Reply]] = []
    try:
        asked, unreadable = with_pictures(questions)
        answered += unreadable
        bar.update(len(unreadable))
        for at, reply in answerer.replies(asked):
            answered.append((asked[at][0], reply))
            bar.update()
    finally:
        shards.append(answered)


def with_pictures(questions: Sequence[Question]) -> tuple[list[Asked], list[tuple[Question, Reply]]]:
    """The questions with their pictures, each opened once, and those whose picture cannot be read, with why."""
    pictures: dict[Path, Image.Image | str] = {}
    for question in questions:
        if question.path not in pictures:
            try:
                pictures[question.path] = open_picture(question.path)
            except (UnreadablePicture, OSError) as error:
                pictures[question.path] = error.reason if isinstance(error, UnreadablePicture) else "the file does not exist"
    asked: list[Asked] = []
    unreadable: list[tuple[Question, Reply]] = []
    for question in questions:
        picture = pictures[question.path]
        if isinstance(picture, str):
            unreadable.append((question, Reply(error=picture)))
        else:
            asked.append((question, picture))
    return asked, unreadable
