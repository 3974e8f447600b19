"""What does a model read when it is shown pictures with questions, and where in it are the pictures?"""

from __future__ import annotations

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
