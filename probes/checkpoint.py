"""How is a probe kept on disk, and how is a damaged or edited one noticed?

A folder: `config.json` (what it is and what it was fitted on, with fingerprints), `model.safetensors` (projector,
anchors, centre of the training features) and `pictures.parquet` (ids that training has seen).
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import torch
from safetensors.torch import save
from torch import Tensor

from affect_workbench.data.features import FeatureSpec
from affect_workbench.data.storage.atomic import require_complete, write_json
from affect_workbench.data.storage.saved import read_record
from affect_workbench.data.storage.saved_arrays import read_parquet
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.anchors.anchors import LabelAnchors
from affect_workbench.probes.projector import SCHEMA, fingerprint, named_tensors
from affect_workbench.probes.runtime import read_tensors

if TYPE_CHECKING:
    from affect_workbench.probes.projector import Probe


def save_probe(probe: Probe, folder: Path) -> None:
    """Writes the probe's files into an existing folder (see `data.storage.atomic.atomic_folder`)."""
    (folder / "model.safetensors").write_bytes(save(named_tensors(probe)))
    pd.DataFrame({"image_id": sorted(probe.trained_on)}).to_parquet(folder / "pictures.parquet")
    write_json(
        folder / "config.json",
        {
            "schema": SCHEMA,
            "architecture": "MetricProjector",
            "taxonomy": probe.taxonomy.as_json(),
            "features": asdict(probe.spec),
            "features_fingerprint": probe.spec.fingerprint(),
            "anchors": {"source": probe.anchors.source, "template": probe.anchors.template},
            "anchors_fingerprint": probe.anchors.fingerprint(),
            "temperature": probe.temperature,
            "normalise": probe.normalise,
            "pictures_fingerprint": _ids_fingerprint(probe.trained_on),
            "training": dict(probe.config),
            "fingerprint": fingerprint(probe),
        },
    )


def load_probe(folder: Path | str) -> Probe:
    """The probe saved in `folder`.

    Raises:
        FileNotFoundError: no such folder, or a file is missing.
        ValueError: unfinished, damaged, of another schema, or edited after it was written.
    """
    from affect_workbench.probes.projector import MetricProjector, Probe

    folder = Path(folder)
    require_complete(folder, what="probe")
    if not (folder / "model.safetensors").is_file():
        raise ValueError(f"{folder} is not a probe: it has no model.safetensors (a run folder was given?)")
    again = "train the probe again"
    record = read_record(folder / "config.json", schema=SCHEMA, otherwise=again)
    tensors = read_tensors(folder / "model.safetensors", otherwise=again)
    taxonomy, spec = Taxonomy.from_record(record, "taxonomy"), record.record("features").made(FeatureSpec)
    source, template = record.record("anchors").text("source"), record.record("anchors").text("template")
    temperature, normalise = record.number("temperature"), record.flag("normalise")
    if not temperature > 0:
        raise record.refused("temperature", "a number above 0")
    training = record.record("training").values
    state = _state(tensors, spec.width, path=folder / "model.safetensors", otherwise=again)
    projector = MetricProjector(spec.width, state["anchors"].shape[1])
    projector.load_state_dict({name: state[name] for name in projector.state_dict()})
    pictures = read_parquet(folder / "pictures.parquet", needed=("image_id",), otherwise=again)
    if pictures["image_id"].isna().any():
        raise ValueError(f"{folder}/pictures.parquet cannot be read: an image_id is missing; {again}")
    seen = frozenset(map(str, pictures["image_id"]))
    try:
        anchors = LabelAnchors(taxonomy.labels, state["anchors"].numpy(), source, template)
        probe = Probe(
            projector, anchors, taxonomy, spec, state["centre"].numpy(), temperature, normalise, seen, config=training
        )
    except ValueError as error:
        raise ValueError(f"the probe at {folder} cannot be used: {error}; {again}") from error
    for name, saved, found in (
        ("features", record.text("features_fingerprint"), spec.fingerprint()),
        ("anchors", record.text("anchors_fingerprint"), anchors.fingerprint()),
        ("pictures", record.text("pictures_fingerprint"), _ids_fingerprint(seen)),
        ("weights", record.text("fingerprint"), fingerprint(probe)),
    ):
        if saved != found:
            raise ValueError(
                f"the probe at {folder} does not match its {name} fingerprint ({saved[:16]} saved, {found} found): "
                "a file was changed after training; train it again"
            )
    return probe


def _state(tensors: dict[str, Tensor], width: int, *, path: Path, otherwise: str) -> dict[str, Tensor]:
    """The tensors, once they are those that a probe of this width is made of."""
    from affect_workbench.probes.projector import MetricProjector

    anchors = tensors.get("anchors")
    if anchors is None or anchors.ndim != 2 or not anchors.numel():
        raise ValueError(f"{path} is damaged (it has no label anchors (labels, width)): {otherwise}")
    text_width = anchors.shape[1]
    first = tensors.get("model.0.weight")
    if first is None or tuple(first.shape) != (text_width, width):  # before anything of that size is made
        found = "is missing" if first is None else f"has shape {tuple(first.shape)}"
        raise ValueError(f"{path} is damaged (model.0.weight {found}, expected {(text_width, width)}): {otherwise}")
    with torch.device("meta"):
        expected = {name: (one.shape, one.dtype) for name, one in MetricProjector(width, text_width).state_dict().items()}
    expected |= {"anchors": (anchors.shape, torch.float32), "centre": (torch.Size([width]), torch.float32)}
    for name, (shape, dtype) in expected.items():
        one = tensors.get(name)
        if one is None or one.shape != shape or one.dtype != dtype:
            found = "is missing" if one is None else f"is {one.dtype} of shape {tuple(one.shape)}"
            raise ValueError(f"{path} is damaged ({name} {found}, expected {dtype} of shape {tuple(shape)}): {otherwise}")
    return tensors


def _ids_fingerprint(ids: frozenset[str]) -> str:
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()[:16]
