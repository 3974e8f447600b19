"""Which probe looks at pictures with the built-in encoder, without having been trained?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from affect_workbench.data.features import FeatureSpec
from affect_workbench.data.storage.atomic import atomic_folder
from affect_workbench.data.taxonomies.taxonomy import Taxonomy


def untrained_probe(folder: Path, *, taxonomy: str = "ekman6", seen: Iterable[str] = (), **spec: object) -> Path:
    """A probe folder: random weights from a fixed seed, the built-in encoder's features.

    Args:
        folder: where it is written.
        taxonomy: its labels.
        seen: ids or contents of pictures that it says it was trained on.
        spec: what its features say of themselves instead.
    """
    import torch

    from affect_workbench.probes.anchors.anchors import LabelAnchors
    from affect_workbench.probes.checkpoint import save_probe
    from affect_workbench.probes.encoders.builtin import WEIGHTS_FILE
    from affect_workbench.probes.encoders.names import file_tag
    from affect_workbench.probes.projector import MetricProjector, Probe

    labels = Taxonomy.named(taxonomy)
    vectors = np.eye(len(labels), 16, dtype=np.float32)
    made = replace(
        FeatureSpec(128, "builtin:scenes", file_tag(WEIGHTS_FILE), "image embedding", "the model's own", 64), **spec
    )
    torch.manual_seed(0)
    projector = MetricProjector(made.width, 16)
    anchors, centre = LabelAnchors(labels.labels, vectors, "test"), np.zeros(made.width, np.float32)
    probe = Probe(projector, anchors, labels, made, centre, trained_on=frozenset(seen))
    with atomic_folder(folder) as partial:
        save_probe(probe, partial)
    return folder
