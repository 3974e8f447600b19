"""What is one question about one picture, and what comes back?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import pandas as pd
from PIL import Image

from affect_workbench.data.answers.prompts import Prompt

Method = Literal["scored", "generated"]
"""`scored`: how likely each label's word is as the answer; `generated`: what the model writes by itself."""
Key = tuple[str, str, str, str, int]


@dataclass(frozen=True, slots=True)
class Question:
    """One prompt about one picture.

    Attributes:
        image_id: of the picture.
        content: hash of the picture's bytes: a changed picture is asked about again.
        path: where it is.
        prompt: id of the prompt.
        method: how it is asked.
        run: number of the repetition, from 0.
        text: the question, options in their order.
    """

    image_id: str
    content: str
    path: Path
    prompt: str
    method: Method
    run: int
    text: str

    @property
    def key(self) -> Key:
        """What tells this question from all others of a run."""
        return self.image_id, self.content, self.prompt, self.method, self.run


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        text: as the model wrote it; empty where only label words were scored.
        probabilities: of the `k` labels, adding up to 1; None where there are none.
        refused: whether the endpoint itself said that the answer is withheld.
        cut: whether the text was cut off at the longest allowed.
        tokens_in: tokens that were read, as the endpoint counts them; 0 where it does not say.
        tokens_out: tokens that were written, likewise.
        error: why nothing was asked: the picture cannot be read.
    """

    text: str = ""
    probabilities: tuple[float, ...] | None = None
    refused: bool = False
    cut: bool = False
    tokens_in: int = 0
    tokens_out: int = 0
    error: str = ""


Asked = tuple[Question, Image.Image]


class Answerer(Protocol):
    """A model that answers questions, wherever it runs."""

    def replies(self, asked: Sequence[Asked]) -> Iterator[tuple[int, Reply]]:
        """Position and reply, in whichever order they come; what came before an error is yielded before it is raised."""
        ...


@dataclass(frozen=True)
class Plan:
    """Which questions are asked of each picture.

    Attributes:
        prompts: asked one after the other.
        labels: the `k` labels, listed where a prompt lists them.
        seed: of the order of options.
        scored: how many times each prompt is scored: 1, or 0 where nothing can be scored.
        generated: how many texts are generated for each prompt.
    """

    prompts: tuple[Prompt, ...]
    labels: tuple[str, ...]
    seed: int = 0
    scored: int = 1
    generated: int = 0

    def questions(self, rows: pd.DataFrame, paths: Sequence[Path]) -> list[Question]:
        """All questions, picture by picture; `rows` with `image_id` and `content`, `paths` where each picture is."""
        methods: tuple[tuple[Method, int], ...] = (("scored", self.scored), ("generated", self.generated))
        return [
            Question(image_id, content, path, prompt.id, method, run, self._text(prompt, image_id, run))
            for image_id, content, path in zip(rows["image_id"].astype(str), rows["content"].astype(str), paths, strict=True)
            for prompt in self.prompts
            for method, runs in methods
            for run in range(runs)
        ]

    def _text(self, prompt: Prompt, image_id: str, run: int) -> str:
        return prompt.question(self.labels, image_id=image_id, run=run, seed=self.seed)
