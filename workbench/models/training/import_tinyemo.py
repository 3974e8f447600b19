"""How does a projector that others trained become a probe folder like any other?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.storage.atomic import atomic_folder
from affect_workbench.data.taxonomies.files import taxonomy_called
from affect_workbench.workbench.datasets.features import open_features
from affect_workbench.workbench.interface.claiming import writes_out
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.models.training.settings import ImportTinyemoSettings

if TYPE_CHECKING:
    from affect_workbench.probes.projector import Probe
    from affect_workbench.probes.tinyemo.checkpoints import Checkpoint

_UNIT = 0.01
_SAMPLE = 4_096


@writes_out()
def import_tinyemo(settings: ImportTinyemoSettings, *, say: Say = print) -> Probe:
    """Opens a checkpoint that TinyEmo published, says what is in it and what it leaves open, and writes a probe folder.

    Raises:
        FileNotFoundError: no checkpoint there, or no such language model.
        FileExistsError: the folder exists.
        ValueError: not a Metric Projector, anchors or features of another width, or no language model to take anchors from.
    """
    from affect_workbench.probes.anchors.anchors import anchors_from
    from affect_workbench.probes.checkpoint import save_probe
    from affect_workbench.probes.evaluation.evaluate import save_baselines
    from affect_workbench.probes.projector import mean_direction
    from affect_workbench.probes.tinyemo.checkpoints import open_checkpoint, probe_from

    out = Path(settings.out)
    if settings.features and settings.encoder:
        raise ValueError("give either --features or --encoder: features say themselves what made them")
    if not 0 < settings.temperature < float("inf"):
        raise ValueError(f"temperature is {settings.temperature}: expected above 0")
    taxonomy = taxonomy_called(settings.taxonomy)
    checkpoint = open_checkpoint(settings.path)
    say(_contents(checkpoint))
    features = open_features(settings.features) if settings.features else None
    spec = _spec(checkpoint, features, settings.encoder)
    anchors = anchors_from(settings.anchors or checkpoint.anchor_source(), taxonomy, template=settings.template)
    centre = mean_direction(features.values) if features is not None else None
    probe = probe_from(checkpoint, anchors, taxonomy, spec=spec, centre=centre, temperature=settings.temperature)
    say(f"labels: {', '.join(taxonomy.labels)}; anchors: {anchors.source}, “{anchors.template}”")
    say(f"takes features of {spec.in_words()}")
    for warning in _warnings(spec, features):
        say(f"warning: {warning}")
    with atomic_folder(out, overwrite=settings.overwrite) as partial:
        save_probe(probe, partial)
        save_baselines((), partial / "baselines.safetensors")
    say(f"wrote {out}")
    return probe


def _contents(checkpoint: Checkpoint) -> str:
    size = sum(tensor.numel() for name, tensor in checkpoint.tensors.items() if name.endswith((".weight", ".bias")))
    text = f"{checkpoint.file}: {checkpoint.width} -> {checkpoint.text_width}, {size:,} parameters"
    named = [f"{key} = {value}" for key, value in checkpoint.read.items()]
    return f"{text}; its config names {', '.join(named) if named else 'neither vision tower nor language model'}"


def _spec(checkpoint: Checkpoint, features: FeatureSet | None, encoder: str) -> FeatureSpec:
    """What makes the features: those at hand know it best, then the flag, then the checkpoint."""
    if features is not None:
        return features.spec
    return FeatureSpec(checkpoint.width, encoder) if encoder else checkpoint.spec()


def _warnings(spec: FeatureSpec, features: FeatureSet | None) -> list[str]:
    told = [
        (
            "the checkpoint does not say which pictures it was trained on, so none can be left out. Those that "
            "TinyEmo published saw EmotionROI (very probably the pictures of Emotion6), EmoSet and WEBEmo: accuracy "
            "on these does not measure what it does on new pictures"
        )
    ]
    if spec.encoder == "unknown":
        told.append(
            "the encoder of its features is not known: any features of its width are accepted. Name it with --encoder"
        )
    if features is None:
        told.append("features of any other encoder or precision will be refused: import with --features FOLDER for those")
    elif spec.normalised or _is_unit(features):
        told.append("the features have unit length; the published projectors were trained on image embeddings as they come")
    return told


def _is_unit(features: FeatureSet) -> bool:
    lengths = np.linalg.norm(np.asarray(features.values[:_SAMPLE], dtype=np.float32), axis=1)
    return bool(np.abs(lengths - 1).max() < _UNIT)
