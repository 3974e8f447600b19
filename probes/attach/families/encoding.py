"""How is a processor asked for a model's inputs, whatever its family?"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from PIL.Image import Image
from torch import Tensor

from affect_workbench.probes.attach.families import family_of

PADDED: dict[str, Any] = {"padding": True, "padding_side": "left"}


def inputs_of(model: Any, processor: Any, pictures: Sequence[Image], questions: Sequence[str]) -> dict[str, Tensor]:
    """What the model takes, on the CPU, its pixels in the model's precision.

    Raises:
        ValueError: the processor refuses the pictures, or leaves no pixels of them.
    """
    seen = [picture.convert("RGB") for picture in pictures]
    try:
        encoded = _encoded(processor, family_of(model.config.model_type).prompt, seen, questions)
    except (ValueError, TypeError, RuntimeError, ZeroDivisionError, IndexError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"{type(processor).__name__} cannot read these {len(seen)} pictures: {reason}") from error
    tensors = {name: value for name, value in encoded.items() if isinstance(value, Tensor) and name != "labels"}
    tensors = {name: value.to(model.dtype) if value.is_floating_point() else value for name, value in tensors.items()}
    if "pixel_values" not in tensors or not tensors["pixel_values"].numel():
        raise ValueError(f"{type(processor).__name__} left no pixels of {len(seen)} pictures: see its `size`")
    if "qformer_input_ids" in tensors:
        tensors |= _padded_right(tensors["qformer_input_ids"], tensors["qformer_attention_mask"])
    if "position_ids" in inspect.signature(model.forward).parameters and "image_grid_thw" not in tensors:
        tensors["position_ids"] = (tensors["attention_mask"].cumsum(1) - 1).clamp_min(0)
    return tensors


def _encoded(processor: Any, prompt: str, pictures: Sequence[Image], questions: Sequence[str]) -> Any:
    template = getattr(processor, "chat_template", None) or getattr(processor.tokenizer, "chat_template", None)
    if not template:
        image = getattr(processor, "image_token", "")
        texts = [prompt.format(image=image, question=question) for question in questions]
        return processor(images=list(pictures), text=texts, return_tensors="pt", **PADDED)
    talks = [
        [{"role": "user", "content": [{"type": "image", "image": picture}, {"type": "text", "text": question}]}]
        for picture, question in zip(pictures, questions, strict=True)
    ]
    return processor.apply_chat_template(
        talks,
        chat_template=template if isinstance(template, str) else None,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs=dict(PADDED),  # it is written into
    )


def _padded_right(ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """What InstructBLIP's connector reads of the question: its positions count from the left, padding or not."""
    order = mask.argsort(dim=1, descending=True, stable=True)
    return {"qformer_input_ids": ids.gather(1, order), "qformer_attention_mask": mask.gather(1, order)}
