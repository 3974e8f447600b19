"""How is a file of tensors opened, so that a damaged one is told in one line?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import Tensor


def read_tensors(path: Path, *, otherwise: str, damage: str = "is damaged") -> dict[str, Tensor]:
    """The tensors of a `.safetensors` file by name.

    Args:
        path: the file.
        otherwise: what to do where it is damaged.
        damage: what it is called then.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is damaged.
    """
    from safetensors.torch import load_file

    _require_file(path)
    try:
        return load_file(path)
    except Exception as error:  # safetensors raises errors of its own, OSError, KeyError, TypeError, by kind of damage
        raise _damaged(path, error, otherwise, damage) from error


def read_named_arrays(path: Path, *, otherwise: str) -> tuple[dict[str, npt.NDArray[np.float32]], tuple[str, ...]]:
    """The float32 arrays of a `.safetensors` file by name, and the list `names` in its metadata.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is damaged, holds other numbers, or has no such list.
    """
    from safetensors import safe_open

    _require_file(path)
    try:
        with safe_open(path, framework="np") as file:
            names = json.loads((file.metadata() or {})["names"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  no mapping: it has no iterator
    except Exception as error:  # as above
        raise _damaged(path, error, otherwise) from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{path} is damaged (its names are {str(names)[:60]!r}, expected a list of text): {otherwise}")
    for name, array in arrays.items():
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise ValueError(f"{path} is damaged ({name} holds {array.dtype}, or no numbers; expected float32): {otherwise}")
    return arrays, tuple(names)


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}: it does not exist")


def _damaged(path: Path, error: Exception, otherwise: str, damage: str = "is damaged") -> ValueError:
    reason = f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
    return ValueError(f"{path} {damage} ({' '.join(reason.split())[:160]}): {otherwise}")
