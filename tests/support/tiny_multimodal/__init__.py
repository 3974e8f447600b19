"""Which multimodal models are tested with? Tiny ones of the real architectures, with their real processors, saved."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from affect_workbench.probes.runtime import declare_torchvision_operators
from tiny_multimodal.gemma import GEMMA
from tiny_multimodal.idefics import IDEFICS
from tiny_multimodal.llava import LLAVA
from tiny_multimodal.qformer import QFORMER
from tiny_multimodal.qwen import QWEN
from tiny_multimodal.tiles import TILES
from tiny_multimodal.weights import fill

if TYPE_CHECKING:
    from affect_workbench.probes.attach.model import MultimodalModel

declare_torchvision_operators()

BUILDERS = {**LLAVA, **GEMMA, **QWEN, **IDEFICS, **QFORMER, **TILES}
FAMILIES: tuple[str, ...] = tuple(BUILDERS)


def tiny_model(family: str, folder: Path) -> Path:
    """A folder as `save_pretrained` leaves it: a small model of the family, no weight of it zero, and its processor."""
    model, processor = BUILDERS[family]()
    fill(model)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@cache
def tiny_folder(family: str) -> Path:
    """The folder of a family's model, made once for all tests: read it, and leave it as it is."""
    return tiny_model(family, Path(os.environ["AFFECT_WORKBENCH_CACHE"]) / "tiny" / family)


@cache
def attached(family: str) -> MultimodalModel:
    """A family's model, loaded once for all tests: leave it as it is."""
    from affect_workbench.probes.attach.source import ModelSource, load_model

    return load_model(ModelSource(str(tiny_folder(family)), device="cpu"))
