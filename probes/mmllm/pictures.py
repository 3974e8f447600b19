"""What stands for a picture: its pixels, or the tokens that a frozen tower makes of them, computed once?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from affect_workbench.arrays import Vectors
from affect_workbench.data.images.decode import open_picture
from affect_workbench.data.storage.atomic import write_json
from affect_workbench.data.storage.progress import progress_bar

_BATCH = 64
_REMEMBERED = 64
"""Pictures whose tokens are kept in memory: many more than a batch of questions is about."""


@dataclass(frozen=True)
class PictureTokens:
    """Tokens `(n, t, d)` in half precision, on disk, in the order of the pictures."""

    tokens: Vectors
    are_tokens = True

    def __getitem__(self, number: int) -> Tensor:
        return torch.from_numpy(self.tokens[number].astype(np.float32))


@dataclass(frozen=True)
class PicturePixels:
    """Pixels, decoded and prepared anew whenever they are asked for."""

    paths: Sequence[Path]
    processor: Any
    are_tokens = False

    def __getitem__(self, number: int) -> Tensor:
        picture = open_picture(self.paths[number])
        pixels: Tensor = self.processor(images=[picture], return_tensors="pt")["pixel_values"][0]
        return pixels


@torch.no_grad()
def tower_tokens(model: Any, processor: Any, paths: Sequence[Path], work: Path, *, progress: bool = True) -> PictureTokens:
    """What the tower makes of pictures, as the connector reads it; goes on where a killed run stopped.

    Args:
        model: a composed model.
        processor: its processor.
        paths: the pictures.
        work: folder that keeps the tokens, 2 bytes a number.
        progress: whether a bar is shown.
    """
    work.mkdir(parents=True, exist_ok=True)
    file, done_file = work / "tokens.npy", work / "tokens.json"
    pixels = PicturePixels(paths, processor.image_processor)
    config = model.config
    first = int(config.vision_feature_select_strategy == "default")

    def seen(numbers: range) -> Vectors:
        batch = torch.stack([pixels[number] for number in numbers]).to(model.device, model.dtype)
        layers = model.model.vision_tower(batch, output_hidden_states=True).hidden_states
        return layers[config.vision_feature_layer][:, first:].half().cpu().numpy()

    known = json.loads(done_file.read_text(encoding="utf-8")) if done_file.is_file() and file.is_file() else None
    model.model.vision_tower.eval()
    if known is None or known["n"] != len(paths):
        shape = seen(range(1)).shape[1:]
        known = {"n": len(paths), "done": 0}
        tokens = np.lib.format.open_memmap(file, "w+", np.float16, (len(paths), *shape))
        write_json(done_file, known)
    else:
        tokens = np.lib.format.open_memmap(file, "r+")
    with progress_bar(total=len(paths), initial=known["done"], desc="looking", unit=" pictures", progress=progress) as bar:
        for start in range(known["done"], len(paths), _BATCH):
            numbers = range(start, min(start + _BATCH, len(paths)))
            tokens[start : numbers.stop] = seen(numbers)
            tokens.flush()
            write_json(done_file, {"n": len(paths), "done": numbers.stop})
            bar.update(len(numbers))
    return PictureTokens(np.load(file, mmap_mode="r"))


@contextmanager
def looked_at_once(model: Any, known: dict[str, Tensor]) -> Iterator[None]:
    """Within, what a LLaVA's connector makes of a picture is computed once, and known when the same pixels come again.

    Other families are asked as ever: their pictures do not come one a row.

    Args:
        model: of transformers.
        known: what was computed so far; the latest are kept.
    """
    if model.config.model_type != "llava":
        yield
        return
    inside = model.model
    computed = inside.get_image_features

    @wraps(computed)
    def features(pixel_values: Tensor, **more: Any) -> Any:
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        rows = pixel_values.detach().cpu().contiguous().flatten(1).view(torch.uint8).numpy()
        keys = [hashlib.sha256(row.tobytes()).hexdigest() for row in rows]
        new = {key: at for at, key in enumerate(keys) if key not in known}
        if new:
            made = computed(pixel_values=pixel_values[list(new.values())], **more).pooler_output
            known.update(zip(new, made, strict=True))
        found: Any = [known[key] for key in keys]
        for key in dict.fromkeys(keys):
            known[key] = known.pop(key)
        for key in list(known)[:-_REMEMBERED]:
            del known[key]
        return BaseModelOutputWithPooling(pooler_output=found)

    inside.get_image_features = features
    try:
        yield
    finally:
        del inside.get_image_features
