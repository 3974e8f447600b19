"""How is a model in memory asked: its label words scored, its own words generated?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from affect_workbench.data.plurals import plural
from affect_workbench.probes.asking.questions import Asked, Question, Reply

if TYPE_CHECKING:
    from affect_workbench.probes.attach.model import MultimodalModel


class LocalModel:
    """Asks a multimodal language model that is loaded."""

    def __init__(
        self,
        model: MultimodalModel,
        labels: Sequence[str],
        *,
        batch: int = 8,
        longest: int = 48,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> None:
        """A model and how it is asked.

        Args:
            model: the model.
            labels: the `k` words that are scored.
            batch: questions that go through it together.
            longest: tokens that it may write.
            temperature: of the sampling of texts; 0 takes the likeliest token each time.
            seed: of the sampling.
        """
        self.model, self.labels, self.batch = model, list(labels), batch
        self.longest, self.temperature, self.seed = longest, temperature, seed

    def replies(self, asked: Sequence[Asked]) -> Iterator[tuple[int, Reply]]:
        """Scores or generates, batch by batch.

        Raises:
            ValueError: labels that cannot be told apart, or a batch that does not fit into memory.
        """
        from affect_workbench.probes.attach.scoring import label_tokens

        if any(question.method == "scored" for question, _ in asked):
            label_tokens(self.model, self.labels)
        for method in ("scored", "generated"):
            members = [at for at, (question, _) in enumerate(asked) if question.method == method]
            for start in range(0, len(members), self.batch):
                some = members[start : start + self.batch]
                batch = [asked[at] for at in some]
                try:
                    replies = self._scored(batch) if method == "scored" else self._generated(batch)
                except torch.OutOfMemoryError as error:
                    raise ValueError(
                        f"{plural(len(batch), 'question')} at a time: that does not fit into memory: ask fewer with --batch"
                    ) from error
                except ValueError:  # the processor refuses a picture: which, is found out one by one
                    replies = [self._alone(one, method) for one in batch]
                yield from zip(some, replies, strict=True)

    def _alone(self, asked: Asked, method: str) -> Reply:
        """The reply to one question; where the processor refuses the picture, its reason."""
        try:
            return (self._scored if method == "scored" else self._generated)([asked])[0]
        except ValueError as error:
            return Reply(error=str(error))

    def _scored(self, asked: Sequence[Asked]) -> list[Reply]:
        from affect_workbench.probes.attach.scoring import score_labels

        found = score_labels(self.model, [picture for _, picture in asked], [one.text for one, _ in asked], self.labels)
        return [Reply(probabilities=tuple(row)) for row in np.exp(found).tolist()]

    def _generated(self, asked: Sequence[Asked]) -> list[Reply]:
        from affect_workbench.probes.attach.generation import generate

        texts = generate(
            self.model,
            [picture for _, picture in asked],
            [one.text for one, _ in asked],
            max_new_tokens=self.longest,
            temperature=self.temperature,
            seed=[self._seed(one) for one, _ in asked],
        )
        return [Reply(text=text) for text in texts]

    def _seed(self, question: Question) -> int:
        """Follows from the question alone, so that neither batches nor an interruption change a text."""
        digest = hashlib.sha256(repr((self.seed, question.key)).encode()).digest()
        return int.from_bytes(digest[:4], "big")
