"""How is a probe kept on disk, and how is a damaged or edited one noticed?

A folder: `config.json` (what it is and what it was fitted on, with fingerprints), `model.safetensors` (projector,
anchors, centre of the training features) and `pictures.parquet` (ids that training has seen).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from data.atomic import require_complete, write_json
from data.features import FeatureSpec
from data.taxonomy import Taxonomy
from probes.anchors import LabelAnchors

if TYPE_CHECKING:
    from probes.projector import Probe

SCHEMA = 1


def fingerprint(probe: Probe) -> str:
    """Sixteen hex digits of projector weights, anchors, taxonomy, feature spec, temperature and input scaling."""
    return _digest(
        _tensors(probe), probe.anchors, probe.spec, {"temperature": probe.temperature, "normalise": probe.normalise}
    )


def save_probe(probe: Probe, folder: Path) -> None:
    """Writes the probe's files into an existing folder (see `data.atomic.atomic_folder`)."""
    (folder / "model.safetensors").write_bytes(save(_tensors(probe)))
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
    from probes.projector import MetricProjector, Probe

    folder = Path(folder)
    require_complete(folder, what="probe")
    if not (folder / "model.safetensors").is_file():
        raise ValueError(f"{folder} is not a probe: it has no model.safetensors (a run folder was given?)")
    record = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if record.get("schema") != SCHEMA:
        raise ValueError(f"the probe at {folder} has schema {record.get('schema')!r}: this version reads {SCHEMA}")
    try:
        tensors = load_file(folder / "model.safetensors")
    except SafetensorError as error:
        raise ValueError(f"{folder}/model.safetensors is damaged ({error}): train the probe again") from error
    taxonomy = Taxonomy.from_json(record["taxonomy"])
    vectors = tensors["anchors"].numpy()
    anchors = LabelAnchors(taxonomy.labels, vectors, record["anchors"]["source"], record["anchors"]["template"])
    spec = FeatureSpec(**record["features"])
    projector = MetricProjector(spec.width, vectors.shape[1])
    projector.load_state_dict({name: tensors[name] for name in projector.state_dict()})
    seen = frozenset(pd.read_parquet(folder / "pictures.parquet")["image_id"])
    probe = Probe(
        projector, anchors, taxonomy, spec, tensors["centre"].numpy(), record["temperature"], record["normalise"], seen,
        config=record["training"],
    )  # fmt: skip
    for name, saved, found in (
        ("features", record["features_fingerprint"], spec.fingerprint()),
        ("anchors", record["anchors_fingerprint"], anchors.fingerprint()),
        ("pictures", record["pictures_fingerprint"], _ids_fingerprint(seen)),
        ("weights", record["fingerprint"], fingerprint(probe)),
    ):
        if saved != found:
            raise ValueError(
                f"the probe at {folder} does not match its {name} fingerprint ({saved} saved, {found} found): "
                "a file was changed after training; train it again"
            )
    return probe


def _ids_fingerprint(ids: frozenset[str]) -> str:
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()[:16]


def _tensors(probe: Probe) -> dict[str, Tensor]:
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in probe.projector.state_dict().items()}
    arrays = {"anchors": probe.anchors.vectors, "centre": probe.centre}
    return weights | {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}


def _digest(tensors: dict[str, Tensor], anchors: LabelAnchors, spec: FeatureSpec, settings: dict[str, float]) -> str:
    head = {"labels": anchors.labels, "spec": spec.fingerprint(), "schema": SCHEMA, **settings}
    digest = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()[:16]
