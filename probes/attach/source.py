"""How is a multimodal model loaded, how much memory does that need, and why can it not be loaded?"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from affect_workbench.probes.attach.model import QUANTIZATION, ModelSource, MultimodalModel
from affect_workbench.probes.attach.structure import find_structure
from affect_workbench.probes.runtime import declare_torchvision_operators, device

__all__ = ["ModelSize", "ModelSource", "load_model", "size_of"]


@dataclass(frozen=True)
class ModelSize:
    """What a model's weights need, counted before any is read.

    Attributes:
        parameters: how many there are.
        dtype: what they are held in.
        gigabytes: what that takes (10^9 bytes); pictures in work come on top.
    """

    parameters: int
    dtype: str
    gigabytes: float

    def __str__(self) -> str:
        """The size in words."""
        small = self.parameters < 1e8
        count = f"{self.parameters / 1e6:.2f} million" if small else f"{self.parameters / 1e9:.2f} billion"
        size = f"{1e3 * self.gigabytes:.1f} MB" if small else f"{self.gigabytes:.2f} GB"
        return f"{count} parameters, {size} in {self.dtype}"


def load_model(source: ModelSource) -> MultimodalModel:
    """The model with its processor and its structure, in evaluation mode, every weight from the checkpoint.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: the repository is missing or gated, needs code of its own that is not trusted, has no processor or no
            vision tower; a dtype or an amount of memory that is not there; quantization without bitsandbytes; weights that
            are damaged or lacking.
    """
    declare_torchvision_operators()
    from transformers import AutoModelForImageTextToText

    from affect_workbench.probes.encoders.builtin.tower import register_tower

    register_tower()
    config = _config(source)
    options = _options(source)
    _require_room(source, _size(source, config))
    processor = _processor(source)
    with _in_one_line(f"the model of {source.name} cannot be loaded"):
        loaded: Any = AutoModelForImageTextToText.from_pretrained(
            **source.where, **options, config=config, output_loading_info=True
        )
    model, report = loaded
    _require_whole(source, report["missing_keys"])
    if "device_map" not in options:
        with _in_one_line(f"{source.name} does not fit"):
            model = model.to(device(source.device))
    model = model.eval().requires_grad_(False)
    return MultimodalModel(model, processor, find_structure(model, processor), replace(source, revision=_commit(source)))


def size_of(source: ModelSource) -> ModelSize:
    """What loading needs, counted on the meta device: the configuration is read, the weights are not.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: as for `load_model`, as far as the configuration tells.
    """
    declare_torchvision_operators()
    from affect_workbench.probes.encoders.builtin.tower import register_tower

    register_tower()
    return _size(source, _config(source))


def _config(source: ModelSource) -> Any:
    from transformers import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING, AutoConfig

    path = Path(source.name).expanduser()
    if source.folder is None and (path.is_absolute() or source.name.startswith(".") or source.name.count("/") > 1):
        raise FileNotFoundError(f"{path}: no such folder; expected a folder with a model, or a hub name ORGANISATION/NAME")
    if source.folder is not None and source.revision:
        raise ValueError(f"{source.name} is a folder, which has no revision {source.revision!r}")
    try:
        config = AutoConfig.from_pretrained(**source.where)
    except Exception as error:  # hub, network and file errors of several libraries
        raise ValueError(_why_no_config(source, error)) from error
    if type(config) not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING and "AutoModelForImageTextToText" not in (
        getattr(config, "auto_map", None) or {}
    ):
        reads = "has no vision tower" if getattr(config, "vocab_size", None) else "does not read a picture and write text"
        raise ValueError(
            f"{source.name} {reads} (model type {config.model_type!r}): expected an image-text-to-text model of transformers"
        )
    return config


def _why_no_config(source: ModelSource, error: Exception) -> str:
    text = str(error)
    if "trust_remote_code" in text:
        return f"{source.name} needs code of its own repository: read it, then allow it to run with --trust-remote-code"
    if "gated repo" in text:
        return f"{source.name} is gated: ask for access at https://huggingface.co/{source.name}, then run `hf auth login`"
    if "not a valid model identifier" in text:
        return f"the hub has no repository {source.name}, or it is private: check the name, or run `hf auth login`"
    if "not a valid git identifier" in text:
        return f"{source.name} has no revision {source.revision!r}: see https://huggingface.co/{source.name}/tree/main"
    if "couldn't connect" in text:
        return f"{source.name} is no folder, is not in the hub's cache, and the hub cannot be reached"
    return f"{source.name} cannot be read as a model: {_first_line(error)}"


def _size(source: ModelSource, config: Any) -> ModelSize:
    from transformers import AutoModelForImageTextToText

    with _in_one_line(f"the size of {source.name} cannot be counted"), torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(config, trust_remote_code=source.trust_remote_code)
    saved = getattr(config, "dtype", None) or getattr(config.get_text_config(), "dtype", None) or torch.float32
    dtype = saved if source.dtype == "auto" else source.torch_dtype
    count = sum(parameter.numel() for parameter in model.parameters())
    packed = sum(part.weight.numel() for part in _packed(model)) if source.quantization else 0
    size = (count - packed) * dtype.itemsize + packed * QUANTIZATION.get(source.quantization, 0.0)
    name = str(dtype).removeprefix("torch.")
    return ModelSize(count, f"{name}, {source.quantization}" if source.quantization else name, size / 1e9)


def _packed(model: Any) -> Iterator[nn.Linear]:
    """The layers that bitsandbytes packs: all linear ones but the output head."""
    head = model.get_output_embeddings()
    return (part for part in model.modules() if isinstance(part, nn.Linear) and part is not head)


def _options(source: ModelSource) -> dict[str, Any]:
    """What the model's loader is given beside its place."""
    from transformers import BitsAndBytesConfig

    options: dict[str, Any] = {"dtype": source.dtype if source.dtype == "auto" else source.torch_dtype}
    if source.attn_implementation:
        options["attn_implementation"] = source.attn_implementation
    if source.device_map:
        _require_package("accelerate", f"device map {source.device_map!r}")
        options["device_map"] = source.device_map
        return options
    place = device(source.device)
    if source.dtype != "auto":
        _require_dtype(source.torch_dtype, place)
    if source.quantization:
        _require_package("bitsandbytes", f"quantization {source.quantization!r}")
        options["quantization_config"] = BitsAndBytesConfig(**{f"load_in_{source.quantization}": True})
        options["device_map"] = {"": place}
    return options


def _require_package(name: str, wanted: str) -> None:
    if importlib.util.find_spec(name) is None:
        raise ValueError(f"{wanted} needs {name}, which is not installed: pip install {name}")


def _require_dtype(dtype: torch.dtype, place: torch.device) -> None:
    try:
        square = torch.zeros(2, 2, dtype=dtype, device=place)
        nn.functional.layer_norm(square @ square, (2,))
    except (RuntimeError, TypeError) as error:
        name = str(dtype).removeprefix("torch.")
        raise ValueError(f"{place.type} does not compute in {name}: use float32, or --dtype auto") from error


def _require_room(source: ModelSource, size: ModelSize) -> None:
    if source.device_map:
        return
    place = device(source.device)
    room = torch.cuda.mem_get_info(place)[0] if place.type == "cuda" else _memory()
    if room is not None and size.gigabytes * 1e9 > room:
        raise ValueError(
            f"{source.name} needs {size.gigabytes:.1f} GB in {size.dtype}, and {place.type} has {room / 1e9:.1f} GB free: "
            "spread it with --device-map auto, or take --dtype bfloat16 or --quantization 4bit"
        )


def _memory() -> int | None:
    """Bytes that a process may still take here; None where the system does not tell."""
    told = Path("/proc/meminfo")
    lines = told.read_text(encoding="ascii").splitlines() if told.is_file() else []
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable")), None)


def _processor(source: ModelSource) -> Any:
    """What makes the model's inputs; its tokenizer pads on the left."""
    from transformers import AutoProcessor

    lacking = f"{source.name} has no processor for pictures with a question (processor_config.json, tokenizer.json)"
    with _in_one_line(lacking):
        processor = AutoProcessor.from_pretrained(**source.where)
    if not hasattr(processor, "image_processor") or getattr(processor, "tokenizer", None) is None:
        raise ValueError(f"{lacking}: {type(processor).__name__} is what it has")
    processor.tokenizer.padding_side = "left"
    return processor


def _require_whole(source: ModelSource, missing: list[str]) -> None:
    if missing:
        raise ValueError(
            f"the checkpoint of {source.name} lacks {len(missing)} weights, such as {min(missing)}: "
            "random ones in their place would mean nothing"
        )


def _commit(source: ModelSource) -> str:
    """The commit that a repository's files are of; nothing for a folder."""
    from huggingface_hub import try_to_load_from_cache

    if source.folder is not None:
        return ""
    cached = try_to_load_from_cache(source.name, "config.json", revision=source.revision or None)
    return Path(cached).parent.name if isinstance(cached, str) else source.revision


@contextmanager
def _in_one_line(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # hub, network, file and memory errors of several libraries
        raise ValueError(f"{what}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
