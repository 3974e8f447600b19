"""What is an encoder called, with which weights, so that the very same one can be made again?"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import torch

from affect_workbench.data.features import FeatureSpec

KINDS = ("open_clip", "transformers", "builtin")
SCHEMAS = ("hf-hub:", "local-dir:")
"""How open_clip marks models that bring their own configuration."""
_FILE_TAG = re.compile("[0-9a-f]{12}")


def parameters_tag(model: Any) -> str:
    """Twelve hex digits of a model's weights, whatever file they came from."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:12]


def name_of(spec: FeatureSpec) -> str:
    """What to call the encoder that made these features, so that `vision_encoder` makes it again.

    Raises:
        ValueError: the features do not say which encoder it was, or it was loaded from a file or folder.
    """
    kind, _, model = spec.encoder.partition(":")
    tag = tag_of(spec)
    loose = _FILE_TAG.fullmatch(tag.partition("+")[0]) is not None
    if kind == "builtin" or (kind == "open_clip" and model.startswith(SCHEMAS)) or (kind == "transformers" and not loose):
        return spec.encoder
    if kind == "open_clip" and tag and not loose:
        return f"{spec.encoder}/{tag}"
    if kind not in KINDS:
        raise ValueError("the features do not say which encoder made them")
    raise ValueError(f"{spec.in_words()}, had its weights from a file")


def tag_of(spec: FeatureSpec) -> str:
    """The weights of the encoder, without the precision they were used in."""
    return spec.weights.partition(",")[0]


def precision_of(spec: FeatureSpec) -> str:
    """The precision that the encoder computed in."""
    return spec.weights.partition(", ")[2] or "float32"


def file_tag(path: Path) -> str:
    """Twelve hex digits of a file's bytes, to name weights by what they are."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
