"""In which words is the question about a picture's emotion put?

One wording is not enough: the answers of multimodal models depend on it, and where options are listed also on their order
(https://arxiv.org/abs/2310.11324, https://arxiv.org/abs/2309.03882). Every prompt is asked of every picture; options are
shuffled anew for each picture.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affect_workbench.data.storage.saved import read_toml

OPTIONS = "{options}"
"""Stands for the list of labels in the text of a prompt."""
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


@dataclass(frozen=True)
class Prompt:
    """One way of asking.

    Attributes:
        id: short name, e.g. `listed`; the ending of a column's name.
        text: the question; `{options}` in it becomes the labels in shuffled order, separated by commas.

    Raises:
        ValueError: an id that is not lower-case letters, digits and hyphens, or a text without a word or with other braces.
    """

    id: str
    text: str

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError(f"prompt {self.id!r}: expected a name of lower-case letters, digits and hyphens")
        rest = self.text.replace(OPTIONS, "", 1)
        if not rest.strip() or "{" in rest or "}" in rest:
            raise ValueError(f"prompt {self.id!r} is {self.text!r}: expected a question, with {OPTIONS} in it at most once")

    @property
    def lists_options(self) -> bool:
        """Whether the labels are listed in the question."""
        return OPTIONS in self.text

    def question(self, labels: Sequence[str], *, image_id: str, run: int = 0, seed: int = 0) -> str:
        """The question about one picture; the order of the options follows from the picture, the run and the seed alone."""
        if not self.lists_options:
            return self.text
        digest = hashlib.sha256(f"{seed}\0{self.id}\0{run}\0{image_id}".encode()).digest()
        order = np.random.default_rng(int.from_bytes(digest[:8], "big")).permutation(len(labels))
        return self.text.replace(OPTIONS, ", ".join(labels[at] for at in order))


STANDARD_PROMPTS = (
    Prompt("open", "Which emotion does this picture convey? Answer with one word."),
    Prompt("feeling", "What is the main feeling in this picture? Reply with a single word."),
    Prompt("listed", "Which of these emotions does this picture convey: {options}? Answer with one of these words only."),
    Prompt("choose", "Choose the emotion that fits this picture best. Options: {options}. Answer with the word alone."),
    Prompt(
        "list-first", "Emotions: {options}. Which one of them is the emotion of this picture? Reply with exactly one word."
    ),
    Prompt("sentence", "Complete the sentence with one word. The emotion of this picture is"),
)
"""Six ways of asking, three of which list the labels."""


def read_prompts(path: Path) -> tuple[Prompt, ...]:
    """The prompts of a TOML file: a line `name = "question"` each.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not TOML, no prompt, or one that `Prompt` refuses. The message names the file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no prompts at {path}: the file does not exist")
    given = read_toml(path)
    if not given or not all(isinstance(text, str) for text in given.values()):
        raise ValueError(f'{path}: expected a line a prompt, e.g. open = "Which emotion does this picture convey?"')
    try:
        return tuple(Prompt(name, text) for name, text in given.items())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def prompts_fingerprint(prompts: Iterable[Prompt]) -> str:
    """16 hex digits of the names and texts of prompts, in their order."""
    texts = [[prompt.id, prompt.text] for prompt in prompts]
    return hashlib.sha256(json.dumps(texts, ensure_ascii=False).encode()).hexdigest()[:16]
