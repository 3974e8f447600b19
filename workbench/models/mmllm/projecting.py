"""Which emotions does a probe find in a picture file? Its own encoder looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from affect_workbench.data.features import FeatureSet, require_same_spec
from affect_workbench.data.images.decode import content_id, open_picture
from affect_workbench.data.instruct.conditioning import Ranked
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

if TYPE_CHECKING:
    from affect_workbench.probes.encoders.vision import VisionEncoder
    from affect_workbench.probes.projector import Probe


@dataclass(frozen=True)
class FoundEmotions:
    """What a probe says of pictures.

    Attributes:
        ranked: for each picture its labels with their probabilities, the likeliest first.
        seen: how many of the pictures the probe was trained on.
    """

    ranked: Sequence[Ranked]
    seen: int


def found_emotions(probe: Probe, pictures: Sequence[Path], encoder: VisionEncoder) -> FoundEmotions:
    """What the probe says of different pictures.

    Args:
        probe: the probe.
        pictures: files, each once.
        encoder: see `encoder_of`.

    Raises:
        OSError, UnreadablePicture: a picture cannot be read.
    """
    values = [encoder.encode(encoder.recipe.pixels(open_picture(path))[None])[0] for path in pictures]
    rows = pd.DataFrame({"image_id": list(map(str, pictures)), "content": list(map(content_id, pictures))})
    features = FeatureSet(probe.spec, np.stack(values), rows)
    shares = probe.probabilities(probe.predict(features))
    return FoundEmotions([_ranked(probe.taxonomy, row) for row in shares.tolist()], int((~probe.unseen(features)).sum()))


def encoder_of(probe: Probe, *, encoder: str = "", device: str = "auto") -> VisionEncoder:
    """The encoder whose features the probe takes, made again.

    Args:
        probe: the probe.
        encoder: its name, where the probe does not say enough.
        device: where it runs.

    Raises:
        ValueError: the probe does not say which encoder it was, or the one named is another.
    """
    from affect_workbench.probes.encoders.names import name_of, precision_of
    from affect_workbench.probes.encoders.vision import vision_encoder

    try:
        name = encoder or name_of(probe.spec)
    except ValueError as error:
        raise ValueError(
            f"a probe needs its own encoder to look at a picture; {error}: name it with --encoder "
            "open_clip:MODEL/FILE or transformers:FOLDER"
        ) from error
    made = vision_encoder(name, on=device, precision=precision_of(probe.spec))
    if probe.spec.encoder != "unknown":
        require_same_spec(probe.spec, made.spec, what="the probe")
    elif made.spec.width != probe.spec.width:
        raise ValueError(
            f"{name} is {made.spec.width} wide, the probe takes features {probe.spec.width} wide: see --encoder"
        )
    return made


def _ranked(taxonomy: Taxonomy, shares: Sequence[float]) -> Ranked:
    return tuple(sorted(zip(taxonomy.labels, shares, strict=True), key=lambda pair: -pair[1]))
