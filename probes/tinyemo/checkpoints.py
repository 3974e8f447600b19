"""How does a projector that TinyEmo published become a probe?

A published checkpoint is a folder with `pytorch_model.bin` (a pickled state dict of the layers of `MetricProjector`) and a
`config.json` that names the vision tower and the language model. It fixes neither labels nor temperature: labels are read
against the anchors of any taxonomy. The published code feeds the projector raw image embeddings (not of unit length), and
takes the tokens of the bare label word. Source: https://arxiv.org/abs/2410.07062, https://github.com/ggcr/TinyEmo.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from affect_workbench.data.features import FeatureSpec
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.anchors.anchors import LabelAnchors
from affect_workbench.probes.projector import MetricProjector, Probe
from affect_workbench.probes.tinyemo.files import CONFIG, checked_state, config_beside, load_weights, weights_file

VISION_KEYS = (
    "vision_encoder_path",
    "vision_tower",
    "mm_vision_tower",
    "vision_model_name_or_path",
    "vision_encoder",
    "vision_model",
    "image_encoder",
    "vision_config",
)
LANGUAGE_KEYS = (
    "model_path",
    "llm_model_name_or_path",
    "llm_path",
    "llm",
    "language_model",
    "language_model_path",
    "text_model",
    "text_encoder",
    "text_config",
)
"""Keys of `config.json` that are understood, in this order; the first of each are those of the published code.

A key may hold a name, or a mapping with one (`_name_or_path`, `model_name_or_path`, `name`).
"""
TEXT_WIDTHS: Mapping[int, str] = {
    1280: "apple/OpenELM-270M-Instruct",
    1536: "apple/OpenELM-450M-Instruct",
    2048: "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
    2560: "microsoft/phi-2",
    3072: "microsoft/Phi-3-mini-128k-instruct",
}
"""Width of the token table -> the language model that TinyEmo used of this width."""


def _tower(width: int, encoder: str, weights: str, side: int) -> FeatureSpec:
    return FeatureSpec(width, f"open_clip:{encoder}", weights, "image embedding", "the model's own", side)


TOWERS: Mapping[str, FeatureSpec] = {
    "openai/clip-vit-large-patch14": _tower(768, "ViT-L-14-quickgelu", "openai", 224),
    "openai/clip-vit-large-patch14-336": _tower(768, "ViT-L-14-336-quickgelu", "openai", 336),
    "openai/clip-vit-base-patch16": _tower(512, "ViT-B-16-quickgelu", "openai", 224),
    "google/siglip-so400m-patch14-384": _tower(1152, "ViT-SO400M-14-SigLIP-384", "webli", 384),
}
"""The towers TinyEmo used -> what `workbench features` calls the same numbers in full precision.

OpenAI's weights were trained with QuickGELU; open_clip's models without it in their name read them with another activation.
"""


@dataclass(frozen=True)
class Checkpoint:
    """A published projector as it lies on disk.

    Attributes:
        tensors: the state of a `MetricProjector`, float32.
        file: where the weights were.
        fingerprint: sixteen hex digits of that file's bytes.
        vision_tower: as `config.json` names it; empty where it does not.
        language_model: the same.
        read: key of `config.json` -> the name that was read from it.
        keys: all keys of `config.json`; empty where there is none.

    Raises:
        ValueError: keys that are missing or too many, shapes that disagree, NaN or infinite values.
    """

    tensors: Mapping[str, Tensor]
    file: Path
    fingerprint: str
    vision_tower: str = ""
    language_model: str = ""
    read: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "tensors", checked_state(self.tensors, self.file))

    @property
    def width(self) -> int:
        """Width `d` of the picture features that it takes."""
        return int(self.tensors["model.0.weight"].shape[1])

    @property
    def text_width(self) -> int:
        """Width `m` of the label anchors that it was made for."""
        return int(self.tensors["model.4.weight"].shape[0])

    def spec(self) -> FeatureSpec:
        """What makes the features that it takes, by its vision tower; `unknown` where none is named.

        Raises:
            ValueError: the tower gives features of another width.
        """
        known = TOWERS.get(self.vision_tower, FeatureSpec(self.width, self.vision_tower or "unknown"))
        if known.width != self.width:
            raise ValueError(
                f"{self.file} takes features {self.width} wide, but the vision tower that its {CONFIG} names, "
                f"{self.vision_tower}, makes them {known.width} wide: say what makes them with --encoder or --features"
            )
        return known

    def anchor_source(self) -> str:
        """Where its label anchors come from: the token table of its language model.

        Raises:
            ValueError: `config.json` names none; what the width suggests is said.
        """
        if self.language_model:
            return f"token:{self.language_model}"
        hint = TEXT_WIDTHS.get(self.text_width)
        raise ValueError(
            f"{self.file} does not say which language model its anchors come from ({self._in_config()}): pass "
            f"--anchors token:{hint or 'MODEL'}"
            + (f" if it is the one of width {self.text_width} that TinyEmo used" if hint else "")
        )

    def _in_config(self) -> str:
        if not self.keys and (self.file.parent / CONFIG).is_file():
            return f"its {CONFIG} is empty"
        return f"keys of {CONFIG}: {', '.join(self.keys[:12])}" if self.keys else f"there is no {CONFIG} beside it"


def open_checkpoint(path: Path | str) -> Checkpoint:
    """The checkpoint in a folder, or in a file with its `config.json` beside it (which may be absent).

    Pickles are opened with `weights_only=True`: nothing in them can run.

    Raises:
        FileNotFoundError: no such folder, or none of the files it should hold.
        ValueError: damaged, holding more than tensors, or of another shape than a Metric Projector.
    """
    file = weights_file(Path(path))
    tensors, config = load_weights(file), config_beside(file)
    vision, language = _first(config, VISION_KEYS), _first(config, LANGUAGE_KEYS)
    return Checkpoint(
        tensors,
        file,
        hashlib.sha256(file.read_bytes()).hexdigest()[:16],
        vision[1],
        language[1],
        {key: value for key, value in (vision, language) if key},
        tuple(map(str, config)),
    )


def probe_from(
    checkpoint: Checkpoint,
    anchors: LabelAnchors,
    taxonomy: Taxonomy,
    *,
    spec: FeatureSpec | None = None,
    centre: npt.NDArray[np.float32] | None = None,
    temperature: float = 0.1,
) -> Probe:
    """A probe with the checkpoint's weights, in evaluation mode, that reads pictures against `anchors`.

    Args:
        checkpoint: the published projector.
        anchors: of the taxonomy, as wide as the checkpoint's last layer.
        taxonomy: any; the checkpoint does not know its labels.
        spec: what makes the features; that of the checkpoint's vision tower when not given.
        centre: mean direction of such features `(d,)`, where some are at hand; zero (no doubt is ever raised) without.
        temperature: for probabilities; the checkpoint has none. 0.1 is what TinyEmo's InfoNCE was trained with.

    Raises:
        ValueError: anchors or features of another width.
    """
    spec = spec or checkpoint.spec()
    if spec.width != checkpoint.width:
        raise ValueError(
            f"{checkpoint.file} takes features {checkpoint.width} wide, {spec.in_words()} were given: "
            "use features of the vision tower that it was trained on"
        )
    if anchors.vectors.shape[1] != checkpoint.text_width:
        hint = TEXT_WIDTHS.get(checkpoint.text_width, "the language model that it was trained with")
        raise ValueError(
            f"anchors from {anchors.source} are {anchors.vectors.shape[1]} wide, {checkpoint.file} projects to "
            f"{checkpoint.text_width}: pass --anchors token:MODEL, MODEL being {hint} or a folder with its token table"
        )
    projector = MetricProjector(checkpoint.width, checkpoint.text_width)
    projector.load_state_dict(dict(checkpoint.tensors))
    record = {
        "imported": "tinyemo",
        "file": checkpoint.file.name,
        "file_fingerprint": checkpoint.fingerprint,
        "vision_tower": checkpoint.vision_tower,
        "language_model": checkpoint.language_model,
    }
    return Probe(
        projector,
        anchors,
        taxonomy,
        spec,
        np.zeros(spec.width, np.float32) if centre is None else centre,
        temperature,
        normalise=False,
        config=record,
    )


def _first(config: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[str, str]:
    """The first of `keys` that names something, and what it names; two empty texts where none does."""
    for key in keys:
        value = config.get(key)
        inner = (
            [value.get(name) for name in ("_name_or_path", "model_name_or_path", "name")] if isinstance(value, dict) else []
        )
        for name in (value, *inner):
            if isinstance(name, str) and name.strip():
                return key, name.strip()
    return "", ""
