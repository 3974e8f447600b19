"""How do conversations become token ids, with a mark on everything that is to be learned, and batches of these?"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from affect_workbench.data.instruct.records import DESCRIBED, InstructRecord
from affect_workbench.probes.mmllm.templates import IMAGE_TOKEN

NOT_LEARNED = -100
"""Label of a token that no loss is taken of."""


def chat_of(record: InstructRecord, *, instead: str | None = None) -> list[dict[str, str]]:
    """The conversation as messages; before the first question the picture's token, or a text `instead` of the picture."""
    messages = []
    for number, turn in enumerate(record.turns):
        before = "" if number else f"{IMAGE_TOKEN if instead is None else instead}\n"
        messages.append({"role": "user", "content": before + turn.question})
        messages.append({"role": "assistant", "content": turn.answer})
    return messages


def lessons(record: InstructRecord) -> list[InstructRecord]:
    """The conversations that are learned from: of a description the captions alone, and all other turns in another order.

    A caption says all that is asked about later: before the questions, it would teach to read the answers off it instead of
    looking, and behind them to copy the answers. What is asked about an emotion stays as it is, each turn means the one
    before it. The order is always the same one.
    """
    if record.kind != DESCRIBED:
        return [record]
    captions = tuple(turn for turn in record.turns if turn.task == "caption")
    others = [turn for turn in record.turns if turn.task != "caption"]
    random.Random(record.id).shuffle(others)
    return [replace(record, turns=turns) for turns in (captions, tuple(others)) if turns]


def tokenised(
    tokenizer: Any, template: str, chats: Sequence[Sequence[Mapping[str, str]]], *, image_tokens: int = 0, longest: int = 0
) -> list[dict[str, list[int]]]:
    """Ids and labels of conversations; labels are those of the assistant's turns and their ends, `NOT_LEARNED` elsewhere.

    Args:
        tokenizer: a fast tokenizer.
        template: with marks around what is to be learned.
        chats: the conversations.
        image_tokens: how many tokens a picture takes; its one token is repeated.
        longest: where a conversation is cut, counted in tokens; 0 nowhere.

    Raises:
        ValueError: a picture or a question does not fit into `longest`, or nothing of a conversation would be learned.
    """
    image = tokenizer.convert_tokens_to_ids(IMAGE_TOKEN)
    read = tokenizer.apply_chat_template(
        [list(chat) for chat in chats],
        chat_template=template,
        tokenize=True,
        return_dict=True,
        return_assistant_tokens_mask=True,
        processor_kwargs={"add_special_tokens": False},
    )
    found = []
    for number, (ids, learned) in enumerate(zip(read["input_ids"], read["assistant_masks"], strict=True)):
        times = [image_tokens if image_tokens and one == image else 1 for one in ids]
        ids = [one for one, count in zip(ids, times, strict=True) for _ in range(count)]
        learned = [one for one, count in zip(learned, times, strict=True) for _ in range(count)]
        labels = [one if mark else NOT_LEARNED for one, mark in zip(ids, learned, strict=True)]
        if longest:
            ids, labels = ids[:longest], labels[:longest]
        if all(one == NOT_LEARNED for one in labels):
            raise ValueError(
                f"conversation {number + 1} has no answer within {longest or len(ids)} tokens: allow longer ones (longest)"
            )
        found.append({"input_ids": ids, "labels": labels})
    return found


@dataclass(frozen=True)
class Collator:
    """Examples padded on the right to one batch, with what stands for their pictures.

    Attributes:
        pad: id of the padding token.
        pictures: number of a picture -> what the model takes as its pixels `(3, s, s)` or as its tokens `(t, d)`; None for
            texts alone.
    """

    pad: int
    pictures: Any = None

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """Tensors `input_ids`, `attention_mask`, `labels` `(b, t)`, and `pixel_values` where there are pictures."""
        width = max(len(one["input_ids"]) for one in examples)
        shape = (len(examples), width)
        ids, labels = torch.full(shape, self.pad), torch.full(shape, NOT_LEARNED)
        mask = torch.zeros(shape, dtype=torch.long)
        for row, one in enumerate(examples):
            length = len(one["input_ids"])
            ids[row, :length] = torch.tensor(one["input_ids"])
            labels[row, :length] = torch.tensor(one["labels"])
            mask[row, :length] = 1
        batch = {"input_ids": ids, "attention_mask": mask, "labels": labels}
        if self.pictures is not None:
            batch["pixel_values"] = torch.stack([self.pictures[one["picture"]] for one in examples])
        return batch
