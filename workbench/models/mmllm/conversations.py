"""Which conversations does each stage learn from, and which are left out because their picture is missing?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from affect_workbench.data.instruct.folder import InstructData, read_instruct
from affect_workbench.data.instruct.records import FINE_TUNING, PRETRAINING, InstructRecord
from affect_workbench.data.plurals import plural
from affect_workbench.workbench.interface.progress import Say

if TYPE_CHECKING:
    from affect_workbench.probes.mmllm.recipes import Stage

_STAGE_OF = {"connector": PRETRAINING, "reasoning": FINE_TUNING}


@dataclass(frozen=True)
class StageData:
    """Conversations whose pictures are there, these pictures, and the number of each among them."""

    records: Sequence[InstructRecord]
    paths: Sequence[Path]
    number: Mapping[str, int]

    @classmethod
    def read(cls, source: Path, say: Say) -> StageData:
        """Those of a folder or a file; what is broken or lacks its picture is named and left out.

        Raises:
            ValueError: nothing is left.
        """
        data = read_instruct(source)
        broken = data.conversations.problems
        if broken:
            listed = "; ".join(problem.detail for problem in broken[:5])
            say(f"note: {plural(len(broken), 'broken line')} left out: {listed}{' …' if len(broken) > 5 else ''}")
        found = cls._with_files(data, say)
        if not found.records:
            raise ValueError(f"{source}: no conversation with a picture that is there")
        return found

    @classmethod
    def _with_files(cls, data: InstructData, say: Say) -> StageData:
        there = {image: data.root / image for image in dict.fromkeys(record.image for record in data.records)}
        missing = [image for image, path in there.items() if not path.is_file()]
        if missing:
            lost = sum(record.image in set(missing) for record in data.records)
            some = f"{', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}"
            pictures, chats = plural(len(missing), "picture is", "pictures are"), plural(lost, "conversation")
            say(f"note: {pictures} missing ({some}): {chats} left out")
        paths = {image: path for image, path in there.items() if image not in set(missing)}
        kept = [record for record in data.records if record.image in paths]
        return cls(kept, list(paths.values()), {image: at for at, image in enumerate(paths)})

    def examples(self, processor: Any, stage: Stage, seed: int, *, image_tokens: int) -> list[dict[str, Any]]:
        """What a stage learns from, as token ids (`probes.mmllm.examples.tokenised`), each with the number of its picture.

        Raises:
            ValueError: there is nothing for this stage, or see `tokenised`.
        """
        from affect_workbench.probes.mmllm.examples import chat_of, lessons, tokenised

        learned = [one for record in self._chosen(stage, seed) for one in lessons(record)]
        chats, template = [chat_of(one) for one in learned], processor.chat_template
        made = tokenised(processor.tokenizer, template, chats, image_tokens=image_tokens, longest=stage.longest)
        return [{**one, "picture": self.number[record.image]} for one, record in zip(made, learned, strict=True)]

    def _chosen(self, stage: Stage, seed: int) -> list[InstructRecord]:
        """The conversations of the stage, with some of the earlier stage's among them so that they are not forgotten."""
        own = [record for record in self.records if record.stage == _STAGE_OF[stage.name]]
        if not own:
            raise ValueError(
                f"stage {stage.name!r} learns from {_STAGE_OF[stage.name]} conversations, and the data have none"
            )
        others = [record for record in self.records if record.stage != _STAGE_OF[stage.name]]
        count = min(len(others), round(stage.rehearsal * len(own)))
        drawn = np.random.default_rng(seed).permutation(len(others))[:count]
        return [*own, *(others[at] for at in sorted(drawn))]
