"""What lies in the files of a checkpoint, opened so that nothing in them can run, and is it a Metric Projector?"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.saved import read_json
from affect_workbench.data.tables.read import named
from affect_workbench.probes.projector import MetricProjector
from affect_workbench.probes.runtime import read_tensors

CONFIG = "config.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""Where weights are looked for in a folder, in this order; else its only `*.bin`."""


def weights_file(path: Path) -> Path:
    """The file with the weights: `path` itself, or the one in that folder.

    Raises:
        FileNotFoundError: there is none, or several that might be meant.
    """
    if path.is_file():
        return path
    wanted = f"expected a folder with {' or '.join(WEIGHTS)}, and {CONFIG}"
    if not path.is_dir():
        raise FileNotFoundError(f"no TinyEmo checkpoint at {path}: {wanted}")
    for name in WEIGHTS:
        if (path / name).is_file():
            return path / name
    others = sorted(path.glob("*.bin"))
    if len(others) != 1:
        found = f"it has several .bin files, {named([item.name for item in others])}: give one" if others else wanted
        raise FileNotFoundError(f"no TinyEmo checkpoint at {path}: {found}")
    return others[0]


def load_weights(file: Path) -> dict[str, Any]:
    """What lies in a `.safetensors` or a pickled file, by name; nothing in it can run.

    Raises:
        ValueError: damaged, or a pickle that asks for more than tensors.
    """
    return _opened_safetensors(file) if file.suffix == ".safetensors" else _opened_pickle(file)


def _opened_safetensors(file: Path) -> dict[str, Tensor]:
    return read_tensors(file, otherwise="download it again", damage="is not a readable safetensors file")


def _opened_pickle(file: Path) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch would advise to open the file unsafely
            held: Any = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises RuntimeError, EOFError, UnpicklingError, KeyError, ... by kind of damage
        asked = re.search(r"GLOBAL ([\w.]+)", str(error))
        if asked and "Weights only load failed" in str(error):
            raise ValueError(
                f"{file} is refused: besides tensors it asks for {asked[1]}, which could run code; "
                "only a plain state dict is opened"
            ) from error
        raise ValueError(
            f"{file} is not a plain state dict of tensors (truncated, not saved by torch.save, or holding more than "
            "tensors) and was not opened: download it again"
        ) from error
    if not isinstance(held, dict) or not all(isinstance(key, str) for key in held):
        raise ValueError(f"{file} holds {type(held).__name__}: expected a state dict of a Metric Projector")
    return held


def config_beside(file: Path) -> dict[str, Any]:
    """The `config.json` in the same folder; empty where there is none.

    Raises:
        ValueError: it cannot be read, or is no mapping.
    """
    path = file.with_name(CONFIG)
    if not path.is_file():
        return {}
    config = read_json(path, otherwise="repair it, or remove it and pass --anchors")
    if not isinstance(config, dict):
        raise ValueError(f"{path} holds {type(config).__name__}: expected a mapping that names vision tower and LLM")
    return config


def checked_state(tensors: Mapping[str, Any], file: Path) -> dict[str, Tensor]:
    """The tensors in float32, once keys, shapes and values are those of a `MetricProjector`.

    Raises:
        ValueError: keys that are missing or too many, shapes that disagree, NaN or infinite values.
    """
    expected = MetricProjector(1, 2).state_dict().keys()
    missing = [key for key in expected if key not in tensors]
    extra = [str(key) for key in tensors if key not in expected]
    if missing or extra:
        found = [f"lacks {named(missing)}"] if missing else []
        found += (
            [f"has {plural(len(extra), 'key that does', 'keys that do')} not belong there, first {named(extra)}"]
            if extra
            else []
        )
        raise ValueError(
            f"{file} is not a Metric Projector: it {' and '.join(found)}; expected are exactly {', '.join(expected)}"
        )
    for key, value in tensors.items():
        counts = key.endswith("num_batches_tracked")
        if not isinstance(value, Tensor) or value.is_floating_point() == counts:
            kind = str(value.dtype) if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(f"{file}: {key} is {kind}, expected {'whole' if counts else 'floating-point'} numbers")
    first = tensors["model.0.weight"]
    if first.ndim != 2:
        raise ValueError(f"{file}: model.0.weight has shape {tuple(first.shape)}, expected two numbers")
    text_width = len(first)
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(expected, (text_width,))
    shapes |= {"model.0.weight": tuple(first.shape), "model.4.weight": (text_width,) * 2, "model.1.num_batches_tracked": ()}
    for key, shape in shapes.items():
        if tuple(tensors[key].shape) != shape:
            raise ValueError(
                f"{file}: {key} has shape {tuple(tensors[key].shape)}, expected {shape} beside model.0.weight of "
                f"{tuple(first.shape)}"
            )
        if not torch.isfinite(tensors[key]).all():
            raise ValueError(f"{file}: {key} holds NaN or infinite values: download it again")
    if (tensors["model.1.running_var"] < 0).any():
        raise ValueError(f"{file}: model.1.running_var holds negative variances: download it again")
    return {key: value.detach().float() if value.is_floating_point() else value for key, value in tensors.items()}
