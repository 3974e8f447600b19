"""What does a model read when it is shown pictures with questions, and where in it are the pictures?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL.Image import Image
from torch import Tensor

from affect_workbench.probes.attach.families.encoding import inputs_of
from affect_workbench.probes.attach.model import MultimodalModel


@dataclass(frozen=True)
class Batch:
    """What `model.model(**tensors)` takes, padded on the left.

    Attributes:
        tensors: `input_ids` and `attention_mask` `(b, t)`, the pixels, and what else the family reads.
        image_positions: for each picture the positions `(i,)` of its image tokens in its row.
    """

    tensors: dict[str, Tensor]
    image_positions: tuple[Tensor, ...]


def prepare(model: MultimodalModel, pictures: Sequence[Image], questions: Sequence[str]) -> Batch:
    """One row a picture: the picture, then its question, in the model's chat template, up to where it would answer.

    Positions are counted from the first token that is no padding, so that a row means the same alone and in a batch; models
    with positions in three axes (`image_grid_thw`) count their own.

    Raises:
        ValueError: not one question a picture, none at all, or a picture of which the processor leaves nothing.
    """
    if len(pictures) != len(questions) or not pictures:
        raise ValueError(f"{len(pictures)} pictures with {len(questions)} questions: expected one question a picture")
    tensors = inputs_of(model.model, model.processor, pictures, questions)
    tensors = {name: tensor.to(model.device) for name, tensor in tensors.items()}
    return Batch(tensors, image_positions(tensors["input_ids"], model.structure.image_token))


def prompt_text(model: MultimodalModel, picture: Image, question: str) -> str:
    """What the model reads, decoded from its tokens: template, marks and all; a run of image tokens as one with its count.

    A word that the tokenizer does not know stands there as the model sees it, as an unknown one.

    Raises:
        ValueError: as for `prepare`.
    """
    tensors = prepare(model, [picture], [question]).tensors
    read = tensors["input_ids"][0][tensors["attention_mask"][0].bool()]
    mark = re.escape(model.tokenizer.decode([model.structure.image_token]))
    text = model.tokenizer.decode(read, skip_special_tokens=False)
    return re.sub(rf"({mark})(?: ?{mark})+", lambda run: f"{run[1]} x {run[0].count(run[1])}", text)


def image_positions(ids: Tensor, image_token: int) -> tuple[Tensor, ...]:
    """Positions of the image tokens in each row of ids `(b, t)`.

    Raises:
        ValueError: a row has none.
    """
    found = tuple(torch.nonzero(row == image_token).flatten() for row in ids)
    lacking = [row for row, positions in enumerate(found) if not len(positions)]
    if lacking:
        raise ValueError(f"the processor left no image token of picture {lacking[0]} of {len(found)}: is it too small?")
    return found
