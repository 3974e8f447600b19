"""How are the questions put to the model so that a kill loses little, and what comes back?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from affect_workbench.analyses.texts.reasoning.answers import TEXT_COLUMNS
from affect_workbench.data.plurals import plural
from affect_workbench.probes.asking.asking import ask_all
from affect_workbench.probes.asking.shards import Shards
from affect_workbench.workbench.models.mmllm.reasoning.pictures import ShownPictures
from affect_workbench.workbench.models.mmllm.reasoning.questions import as_questions

_BATCHES_A_FILE = 16


@dataclass
class Interview:
    """Asks one model, and keeps what it answered beside the result until that is written.

    Attributes:
        shards: what is answered.
        shown: the model, with what it is shown.
        batch: questions that go together.
        unreadable: questions whose picture cannot be read.
    """

    shards: Shards
    shown: ShownPictures
    batch: int
    unreadable: int = field(default=0, init=False)

    def answered(self, asked: pd.DataFrame, paths: Mapping[str, Path], contents: Mapping[str, str]) -> pd.DataFrame:
        """What the model answers to these questions: `TEXT_COLUMNS`; what was answered before is not asked again.

        Args:
            asked: see `questions.ASKED_COLUMNS`.
            paths: where the picture of each `image_id` is.
            contents: the hash of its bytes.
        """
        questions = as_questions(asked, paths, contents)
        ask_all(questions, self.shown, self.shards, shard=_BATCHES_A_FILE * self.batch)
        keys = [(one.image_id, one.content, one.prompt) for one in questions]
        raw = self.shards.table().set_index(["image_id", "content", "prompt"]).loc[keys].reset_index(drop=True)
        found = asked.reset_index(drop=True).assign(text=raw["text"])[list(TEXT_COLUMNS)]
        readable = raw["error"] == ""
        self.unreadable += int((~readable).sum())
        return found[readable.to_numpy()].reset_index(drop=True)

    @property
    def notes(self) -> tuple[str, ...]:
        """Questions that could not be asked."""
        left = plural(self.unreadable, "question was", "questions were")
        return (f"{left} not asked: the picture cannot be read",) if self.unreadable else ()


def way_of(settings: Mapping[str, Any], contents: Sequence[str]) -> dict[str, Any]:
    """What tells answers that may be put together from others: who was asked, how, and about which pictures."""
    pictures = hashlib.sha256("\n".join(contents).encode()).hexdigest()[:16]
    return {**settings, "pictures": pictures}
