"""Which multimodal model is meant, and what is it once loaded: its weights, its processor, where in it the pictures go?"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from affect_workbench.probes.attach.structure import Structure
from affect_workbench.probes.encoders.names import file_tag, parameters_tag

QUANTIZATION = {"8bit": 1.0, "4bit": 0.5}
"""Kinds of bitsandbytes -> bytes that a weight of a linear layer takes."""


@dataclass(frozen=True)
class ModelSource:
    """Where a model comes from and how it is to be loaded.

    Attributes:
        name: a repository of the Hugging Face hub, or a folder.
        revision: branch, tag or commit of the repository.
        dtype: `auto` (as saved), or a name of torch: `float32`, `bfloat16`, `float16`.
        device: where it runs, `auto` for the fastest there is; not read with a `device_map`.
        device_map: how it is spread over several devices (`auto`, `balanced`, `sequential`), by accelerate.
        quantization: `8bit` or `4bit`, by bitsandbytes.
        attn_implementation: `eager`, `sdpa`, `flash_attention_2`, ...; the model's own where empty.
        trust_remote_code: whether code of the repository may run.
    """

    name: str
    revision: str = ""
    dtype: str = "auto"
    device: str = "auto"
    device_map: str = ""
    quantization: str = ""
    attn_implementation: str = ""
    trust_remote_code: bool = False

    def __post_init__(self) -> None:
        """Refuses what no model could be loaded with.

        Raises:
            ValueError: no name, a dtype that torch does not know, a quantization that bitsandbytes does not.
        """
        if not self.name:
            raise ValueError("no model is named: expected a repository of the hub or a folder, MODEL[@revision]")
        if self.dtype != "auto" and not (isinstance(self.torch_dtype, torch.dtype) and self.torch_dtype.is_floating_point):
            raise ValueError(f"unknown dtype {self.dtype!r}: expected auto, float32, bfloat16 or float16")
        if self.quantization and self.quantization not in QUANTIZATION:
            raise ValueError(f"unknown quantization {self.quantization!r}: expected {' or '.join(QUANTIZATION)}")

    @classmethod
    def parse(cls, text: str, **options: Any) -> ModelSource:
        """The source that `MODEL[@revision]` names; `options` are the other attributes.

        Raises:
            ValueError: as for the source itself.
        """
        name, _, revision = (text, "", "") if "@" not in text or Path(text).exists() else text.rpartition("@")
        return cls(name, revision, **options)

    @property
    def folder(self) -> Path | None:
        """The folder that is meant; None for a repository."""
        path = Path(self.name).expanduser()
        return path if path.is_dir() else None

    @property
    def torch_dtype(self) -> Any:
        """The type that `dtype` names; None for `auto`."""
        return getattr(torch, self.dtype, None)

    @property
    def where(self) -> dict[str, Any]:
        """What every loader of transformers is given; code of others runs only where it is asked for."""
        return {
            "pretrained_model_name_or_path": str(self.folder or self.name),
            "revision": self.revision or None,
            "trust_remote_code": self.trust_remote_code,
        }


@dataclass(frozen=True)
class MultimodalModel:
    """A model of `transformers` that reads a picture and a text and writes text.

    Attributes:
        model: the model as `transformers` loads it, with its output head, in evaluation mode.
        processor: what turns pictures and texts into its inputs; its tokenizer pads on the left.
        structure: the names of the modules that pictures pass.
        source: where it was loaded from, a repository at its commit.
    """

    model: Any
    processor: Any
    structure: Structure
    source: ModelSource

    @property
    def device(self) -> torch.device:
        """Where the inputs go: the device of the input embeddings; the CPU where accelerate keeps these elsewhere."""
        place = self.model.get_input_embeddings().weight.device
        return torch.device("cpu") if place.type == "meta" else place

    @property
    def tokenizer(self) -> Any:
        """The tokenizer of the processor."""
        return self.processor.tokenizer

    def fingerprint(self) -> str:
        """What the weights are, and the precision they are used in where that is not float32.

        The commit of a repository; for a folder, twelve hex digits of its weight files; for a model made in memory, of the
        tensors themselves.
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        files = sorted((self.source.folder or Path()).glob("*.safetensors")) if self.source.folder else []
        tag = self.source.revision or (_joined(files) if files else parameters_tag(self.model))
        dtype = str(self.model.dtype).removeprefix("torch.")
        return ", ".join(part for part in (tag, self.source.quantization, "" if dtype == "float32" else dtype) if part)


def _joined(files: list[Path]) -> str:
    if len(files) == 1:
        return file_tag(files[0])
    return hashlib.sha256("".join(map(file_tag, files)).encode()).hexdigest()[:12]
