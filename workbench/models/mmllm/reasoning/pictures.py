"""What does a model see: the picture, the mean of all pictures, or the picture with a region hidden?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from affect_workbench.analyses.texts.reasoning.answers import CAUSE_MASKED, MEAN, OTHER_MASKED
from affect_workbench.arrays import Mask
from affect_workbench.data.images.decode import UnreadablePicture, open_picture
from affect_workbench.data.instruct.vocabulary import is_drawn_world
from affect_workbench.data.storage.progress import progress_bar
from affect_workbench.data.synthetic.scenes import ATTRIBUTES, draw, region
from affect_workbench.data.synthetic.scenes.dataset import drawn_seeds
from affect_workbench.probes.asking.questions import Asked, Question, Reply

Responder = Callable[[Sequence[Image.Image], Sequence[str]], list[str]]
"""A model: the answer to each question about the picture beside it."""
_MOST_SHARED = 0.05
"""Share of a region that the other one of its size may have in common with it."""


@dataclass(frozen=True)
class DrawnRegions:
    """Where the drawn pictures show what.

    Attributes:
        scenes: image_id -> what the picture shows.
        seeds: image_id -> with which seed it was drawn.
        why_not: why regions are not known, in words; empty where they are.
    """

    scenes: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    seeds: Mapping[str, int] = field(default_factory=dict)
    why_not: str = ""
    _masks: dict[tuple[str, str], tuple[Mask, Mask] | None] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, rows: pd.DataFrame, root: Path, first: Path) -> DrawnRegions:
        """Those of a manifest's pictures.

        Args:
            rows: the pictures.
            root: the data set's folder.
            first: where the first of these pictures is; it has to look as it is drawn.
        """
        left_out = "whether a cause that is hidden is still named is left out: "
        if not is_drawn_world(rows):
            return cls(why_not=f"{left_out}regions are known for the drawn world only")
        seeds = drawn_seeds(root)
        if not set(rows["image_id"]) <= seeds.keys():
            return cls(why_not=f"{left_out}{root} does not say with which seeds its pictures were drawn: draw them again")
        known = rows[["image_id", *ATTRIBUTES]].astype(object)
        records = known.where(known.notna(), None).to_dict("records")
        scenes = {str(row["image_id"]): {str(key): row[key] for key in row} for row in records}
        one = str(rows["image_id"].iloc[0])
        if draw(scenes[one], seed=seeds[one]).tobytes() != open_picture(first).tobytes():
            return cls(why_not=f"{left_out}the pictures in {root} are no longer drawn as they were")
        return cls(scenes, seeds)

    def maskable(self, image_id: str, attribute: str) -> bool:
        """Whether the region of an attribute is known, and leaves room for another of its size."""
        return image_id in self.scenes and self.masks(image_id, attribute) is not None

    def masks(self, image_id: str, attribute: str) -> tuple[Mask, Mask] | None:
        """Pixels of an attribute, and as many elsewhere: the same shape, moved; None where nothing is seen or it fills all.

        It is moved around the edges to where it has the least in common with itself, the same way every time.
        """
        if (image_id, attribute) not in self._masks:
            self._masks[image_id, attribute] = self._found(image_id, attribute)
        return self._masks[image_id, attribute]

    def _found(self, image_id: str, attribute: str) -> tuple[Mask, Mask] | None:
        own = region(self.scenes[image_id], attribute, seed=self.seeds[image_id])
        if not own.any():
            return None
        common = np.rint(np.fft.ifft2(np.abs(np.fft.fft2(own)) ** 2).real)
        if common.min() > _MOST_SHARED * own.sum():
            return None
        places = np.argwhere(common == common.min())
        down, right = places[self.seeds[image_id] % len(places)]
        return own, np.roll(own, (int(down), int(right)), axis=(0, 1))


def mean_picture(paths: Sequence[Path]) -> Image.Image:
    """The mean of the pictures that can be read, in the size of the first of them.

    Raises:
        ValueError: none can be read.
    """
    total: npt.NDArray[np.float64] | None = None
    count, size = 0, (0, 0)
    for path in progress_bar(paths, desc="averaging", unit=" pictures"):
        try:
            picture = open_picture(path)
        except (UnreadablePicture, OSError):
            continue
        if total is None:
            size, total = picture.size, np.zeros((picture.height, picture.width, 3))
        total += np.asarray(picture.resize(size))
        count += 1
    if total is None:
        raise ValueError(f"none of {len(paths):,} pictures can be read")
    return Image.fromarray(np.rint(total / count).astype(np.uint8))


class ShownPictures:
    """Puts questions to a model in batches, with the picture that each is asked with.

    The same question about the same picture is asked once, whoever it is about. Answers to be of about one length go
    together, so that a batch does not wait for the longest.

    Args:
        answers: the model; it answers the same question in the same words.
        mean: the mean picture.
        regions: where pictures show what.
        batch: how many questions go together.
    """

    def __init__(self, answers: Responder, mean: Image.Image, regions: DrawnRegions, *, batch: int) -> None:
        self._answers, self._mean, self._regions, self._batch = answers, mean, regions, batch
        self._told: dict[tuple[str, str], str] = {}

    def replies(self, asked: Sequence[Asked]) -> Iterator[tuple[int, Reply]]:
        """Position and reply."""
        waiting: dict[tuple[str, str], list[int]] = {}
        for at, (question, _) in enumerate(asked):
            waiting.setdefault((_look(question), question.text), []).append(at)
        todo = [key for key in waiting if key not in self._told]
        todo.sort(key=lambda key: _length(asked[waiting[key][0]][0]))
        for start in range(0, len(todo), self._batch):
            some = todo[start : start + self._batch]
            pictures = [self._seen(*asked[waiting[key][0]]) for key in some]
            self._told |= zip(some, self._answers(pictures, [text for _, text in some]), strict=True)
            yield from self._known(some, waiting)
        yield from self._known([key for key in waiting if key not in set(todo)], waiting)

    def _known(
        self, keys: Iterable[tuple[str, str]], waiting: Mapping[tuple[str, str], Sequence[int]]
    ) -> Iterator[tuple[int, Reply]]:
        return ((at, Reply(text=self._told[key])) for key in keys for at in waiting[key])

    def _seen(self, question: Question, picture: Image.Image) -> Image.Image:
        shown, _, rest = question.prompt.partition("/")
        if shown == MEAN:
            return self._mean
        if shown not in (CAUSE_MASKED, OTHER_MASKED):
            return picture
        masks = self._regions.masks(question.image_id, rest)
        if masks is None:
            raise ValueError(f"no region of {rest} is known in picture {question.image_id!r}")
        pixels = np.array(picture)
        hidden = masks[0] if shown == CAUSE_MASKED else masks[1]
        pixels[hidden] = np.asarray(self._mean.resize(picture.size))[hidden]
        return Image.fromarray(pixels)


def _look(question: Question) -> str:
    """What tells apart what is seen."""
    shown = question.prompt.partition("/")[0]
    if shown == MEAN:
        return MEAN
    return f"{question.prompt} {question.image_id}" if shown in (CAUSE_MASKED, OTHER_MASKED) else question.content


def _length(question: Question) -> tuple[str, int]:
    """What tells how long an answer will be: what it is about (its task and mode), and how much is asked."""
    return question.prompt.partition("/")[2], len(question.text)
