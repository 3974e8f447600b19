"""Where does the work run, how is it seeded, and how are tensors of others opened safely?"""

from __future__ import annotations

import importlib.util
import json
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from affect_workbench.arrays import Vectors

_WORTH_THREADS = 1e8
_LIBRARIES: list[torch.library.Library] = []


def device(name: str = "auto") -> torch.device:
    """The device called `name`; `auto` takes CUDA, then Apple's MPS, then the CPU.

    Raises:
        ValueError: no such device here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        found = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"no device is called {name!r}: expected auto, cpu, cuda, cuda:1 and so on, or mps") from error
    try:
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].split(". ")[0]
        raise ValueError(f"device {name!r} is not available here: {reason}; use auto or cpu") from error
    return found


def seed_everything(seed: int) -> torch.Generator:
    """Seeds Python, numpy and torch (third-party layers draw from the global state) and returns a CPU generator."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  global on purpose: libraries below us read it
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


@contextmanager
def one_thread(work: float) -> Iterator[None]:
    """One CPU thread for many tiny operations, where several mostly wait for each other.

    Measured on two cores with another process busy: training on 3,000 features took 17 to 53 s with two threads, 1.1 s
    with one. Restores the number of threads afterwards.

    Args:
        work: multiplications in one typical operation; at `_WORTH_THREADS` and above nothing is changed.
    """
    before = torch.get_num_threads()
    if work < _WORTH_THREADS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def read_vector(path: Path) -> Vectors:
    """One `torch.save`d tensor as an array, opened with `weights_only=True` so that no code in the file can run.

    Raises:
        ValueError: truncated, not a tensor file, or holding anything but one floating-point tensor.
    """
    try:
        tensor = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises RuntimeError, EOFError, UnpicklingError, KeyError, ... by kind of damage
        raise ValueError(
            f"{path} is not a readable tensor file (truncated, or not saved by torch.save): encode that picture again"
        ) from error
    if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
        raise ValueError(f"{path} holds {type(tensor).__name__}: expected one floating-point tensor")
    tensor = tensor.detach()
    return (tensor if tensor.dtype in (torch.float16, torch.float32) else tensor.float()).numpy()


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


def declare_torchvision_operators() -> bool:
    """Lets `transformers` and `open_clip` import beside a torchvision whose compiled part does not load.

    A CUDA-built torchvision beside a CPU-only torch fails on import with `operator torchvision::nms does not exist`.
    Declaring the operators' schemas first cures that. Call it before the first import of either library.

    Returns:
        Whether anything was declared; False where torchvision is absent, whole, or already imported.
    """
    if _LIBRARIES or "torchvision" in sys.modules:
        return False
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return False
    compiled = [file for folder in spec.submodule_search_locations for file in Path(folder).glob("_C.*")]
    try:
        for file in compiled:
            torch.ops.load_library(str(file))
    except OSError:
        pass
    if torch._C._dispatch_has_kernel("torchvision::nms") or _has_schema("torchvision::nms"):
        return False
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _LIBRARIES.append(library)
    return True


def _has_schema(name: str) -> bool:
    return bool(torch._C._jit_get_schemas_for_operator(name))
