"""Where in the language model's token space does a picture fall, and which emotion word is nearest?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from affect_workbench.arrays import Floats, Mask
from affect_workbench.data.features import FeatureSet, FeatureSpec, require_same_spec
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.storage.arrays import give_back
from affect_workbench.data.tables.splits import ids_without_split
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.anchors.anchors import LabelAnchors

_BATCH = 8_192
_CLEAR_DIRECTION = 0.3
_SAME_ENCODER = 0.5


class Dropout(nn.Dropout):
    """Dropout whose mask takes 16 random bits an entry, so that the probability is met to 1 in 65,536.

    On a CPU the usual draw of a number an entry costs as much as the matrix product beside it.
    """

    def forward(self, values: Tensor) -> Tensor:
        """`values` with a share `p` of the entries set to zero and the rest scaled up; unchanged in evaluation mode."""
        if not self.training or not self.p:
            return values
        words = torch.empty((values.numel() + 3) // 4, dtype=torch.int64, device=values.device).random_(-(2**63), None)
        dropped = round(self.p * 65_536)
        kept = words.view(torch.int16)[: values.numel()].view(values.shape) >= dropped - 32_768
        return values * kept * (65_536 / (65_536 - dropped))


class MetricProjector(nn.Module):
    """TinyEmo's projector: `Linear(d, m) -> BatchNorm1d -> GELU -> Dropout -> Linear(m, m)`, then unit length.

    The layers sit in `self.model` so that the published checkpoints (`model.0.weight`, ...) keep their names.
    Source: https://arxiv.org/abs/2410.07062.
    """

    def __init__(self, width: int, text_width: int, *, dropout: float = 0.2) -> None:
        """Makes a fresh projector from `d = width` to `m = text_width`."""
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(width, text_width),
            nn.BatchNorm1d(text_width),
            nn.GELU(),
            Dropout(dropout),
            nn.Linear(text_width, text_width),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Unit vectors `(n, m)` for features `(n, d)`."""
        return functional.normalize(self.model(features), dim=1)


@dataclass(frozen=True, repr=False)
class Probe:
    """A trained projector with the label anchors it reads against.

    Attributes:
        projector: in evaluation mode.
        anchors: the `k` label anchors, unit rows.
        taxonomy: the `k` labels.
        spec: what made the features it was fitted on; others are refused.
        temperature: turns cosines into probabilities, softmax(cos / temperature).
        normalise: whether features are scaled to unit length (times sqrt(d)) before the first layer.
        centre: mean of the unit training features `(d,)`: what all pictures have in common for this encoder.
        trained_on: ids (and hashes of the bytes, where known) of the pictures that training or model selection has seen.
        config: how it was trained, for the record.
    """

    projector: MetricProjector
    anchors: LabelAnchors
    taxonomy: Taxonomy
    spec: FeatureSpec
    centre: npt.NDArray[np.float32]
    temperature: float = 0.1
    normalise: bool = True
    trained_on: frozenset[str] = frozenset()
    config: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if self.anchors.labels != self.taxonomy.labels:
            raise ValueError(f"anchors are for {self.anchors.labels}, the taxonomy has {self.taxonomy.labels}")
        self.projector.eval()

    def __repr__(self) -> str:
        labels = f"{len(self.taxonomy)} labels ({self.taxonomy.name})"
        return f"<Probe of {self.spec.in_words()}: {labels}, anchors {self.anchors.source}, {len(self.trained_on):,} seen>"

    def fingerprint(self) -> str:
        """Sixteen hex digits of weights, anchors and what they were fitted on."""
        pass

        return fingerprint(self)

    @property
    def none_threshold(self) -> float | None:
        """Largest cosine below which a picture is like none of the labels, by validation pictures; None where none was kept.

        Ask with `probes.evaluation.calibration.none_of_these(1 - predictions.distances, probe.none_threshold)`.
        """
        kept = self.config.get("none_threshold")
        return None if kept is None else float(kept)

    def embed(self, features: FeatureSet) -> npt.NDArray[np.float32]:
        """The pictures as unit vectors `(n, m)` in the label space, in batches.

        Raises:
            ValueError: another encoder made these features.
        """
        require_same_spec(self.spec, features.spec, what="the probe")
        on = next(self.projector.parameters()).device
        out = np.empty((len(features), self.anchors.vectors.shape[1]), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(features), _BATCH):
                batch = as_input(features.values[start : start + _BATCH], normalise=self.normalise).to(on)
                out[start : start + _BATCH] = self.projector(batch).cpu().numpy()
                give_back(features.values)
        return out

    def predict(self, features: FeatureSet) -> Predictions:
        """Cosine distance of every picture to every label anchor, with the features' rows beside them.

        Raises:
            ValueError: another encoder made these features, or a label is outside the taxonomy.
        """
        embeddings = self.embed(features)
        distances = 1.0 - embeddings @ self.anchors.vectors.T
        return Predictions(
            distances,
            features.rows,
            self.taxonomy,
            "cosine",
            f"probe {self.fingerprint()}",
            embeddings,
            self.anchors.vectors,
            (*self._encoder_notes(features), *self._in_sample_notes(features)),
        )

    def unseen(self, features: FeatureSet) -> Mask:
        """Which pictures `(n,)` neither training nor model selection has seen, by their ids or by their bytes."""
        seen = features.rows["image_id"].isin(self.trained_on) | ids_without_split(features.rows).isin(self.trained_on)
        if "content" in features.rows:
            seen |= features.rows["content"].isin(self.trained_on)
        return ~seen.to_numpy(dtype=bool)

    def _encoder_notes(self, features: FeatureSet) -> tuple[str, ...]:
        """A doubt about features whose encoder nobody named: specs agree, but they point another way.

        Picture features of one encoder share a strong mean direction whatever is on the pictures; those of two encoders
        do not. Features without such a direction (centred ones) raise no doubt.
        """
        if features.spec.encoder != "unknown":
            return ()
        centre = mean_direction(features.values)
        lengths = np.linalg.norm(centre) * np.linalg.norm(self.centre)
        cosine = float(centre @ self.centre) / max(float(lengths), 1e-12)
        if lengths < _CLEAR_DIRECTION**2 or cosine >= _SAME_ENCODER:
            return ()
        return (
            "these features may come from another encoder than the probe's: neither names one, and their mean direction "
            f"has cosine {cosine:.2f} with that of the training features",
        )

    def _in_sample_notes(self, features: FeatureSet) -> tuple[str, ...]:
        seen = int((~self.unseen(features)).sum())
        if not seen:
            return ()
        return (
            f"{seen} of {len(features)} predictions are in-sample: these pictures were trained on, or used to choose the "
            "epoch, so the probe does better on them, and with less bias, than on new ones. Audit unseen pictures "
            "(--unseen-only) or out-of-fold predictions (workbench train --folds 5) instead",
        )

    def probabilities(self, predictions: Predictions) -> Floats:
        """softmax(cos / temperature) `(n, k)`."""
        cosines = 1.0 - predictions.distances.astype(np.float64)
        return torch.from_numpy(cosines / self.temperature).softmax(dim=1).numpy()


def mean_direction(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Mean of the features scaled to unit length `(d,)`, in batches; its length says how much they have in common."""
    total = np.zeros(values.shape[1])
    for start in range(0, len(values), _BATCH):
        batch = np.asarray(values[start : start + _BATCH], dtype=np.float32)
        total += (batch / np.maximum(np.linalg.norm(batch, axis=1, keepdims=True), 1e-12)).sum(axis=0)
    return (total / len(values)).astype(np.float32)


def as_input(values: npt.NDArray[Any], *, normalise: bool) -> Tensor:
    """Features `(n, d)` as a float32 tensor; scaled to length sqrt(d), so that one coordinate is of order 1."""
    tensor = torch.from_numpy(np.array(values, dtype=np.float32))
    return functional.normalize(tensor, dim=1) * tensor.shape[1] ** 0.5 if normalise else tensor


SCHEMA = 1


def fingerprint(probe: Probe) -> str:
    """Sixteen hex digits of projector weights, anchors, taxonomy, feature spec, temperature and input scaling."""
    return _digest(
        named_tensors(probe), probe.anchors, probe.spec, {"temperature": probe.temperature, "normalise": probe.normalise}
    )


def named_tensors(probe: Probe) -> dict[str, Tensor]:
    """The tensors that a checkpoint keeps, by name."""
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
