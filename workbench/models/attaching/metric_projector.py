"""Which labels does a Metric Projector read at a place of a model, where the model's own words for them are its anchors?

The projector is the one that `workbench train` fits, by the same code; what it reads is what every reader of the layer sweep
reads, standardised features of other pictures.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.fidelity.answer_probe import FoldFeatures
from affect_workbench.arrays import Codes
from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.anchors.anchors import LabelAnchors
from affect_workbench.probes.config import FitConfig
from affect_workbench.probes.projector import Probe
from affect_workbench.probes.runtime import device, one_thread
from affect_workbench.probes.training.label_sets import LabelSet, prepare
from affect_workbench.probes.training.loop import run

WIDTH = 256
"""Width of the space that label rows are turned into: as many as the standardised features have columns at most."""
_EPOCHS, _RATE, _BATCH = 5, 2e-3, 64
"""In few epochs at this rate it reads planted labels about as well as in ten at the rate of `workbench train`."""
_STEPS = 60
"""Steps below which the epochs are more: of few pictures, five epochs are too few steps to learn anything."""


def fit_and_read(parts: Sequence[FoldFeatures], codes: Codes, *, anchors: LabelAnchors, seed: int = 0) -> Codes:
    """Position of the label `(n,)` whose anchor is nearest, each picture's by a projector fitted on the other folds.

    The epoch is not chosen: all the pictures of a fit are trained on, for a fixed number of epochs, and none that is judged
    decides anything. Runs on the CPU, so that the same pictures give the same reading wherever the model lies.

    Args:
        parts: of `analyses.fidelity.answer_probe.fold_features`.
        codes: `(n,)` what is fitted on, -1 for nothing: true labels, or permuted ones as the control.
        anchors: of the `k` labels, see `label_row_anchors`.
        seed: of initial weights, order and dropout.
    """
    said = np.zeros(len(codes), np.int64)
    names = np.array([*anchors.labels, None], dtype=object)
    rows = pd.DataFrame({"image_id": np.arange(len(codes)).astype(str), "label": names[codes]})
    for part in parts:
        used, judged = np.flatnonzero(part.fitted & (codes >= 0)), np.flatnonzero(~part.fitted)
        seen = np.unique(codes[used])
        if len(seen) < 2:
            said[judged] = seen[0] if len(seen) else 0
            continue
        spec = FeatureSpec(part.values.shape[1])
        features = FeatureSet(spec, part.values.astype(np.float32), rows)
        said[judged] = _fitted(features, used, anchors, seed).predict(features.take(judged)).predicted
    return said


def label_row_anchors(labels: Sequence[str], rows: npt.NDArray[np.floating]) -> LabelAnchors:
    """The label words' rows of a language model `(k, d)` as anchors, in a space of `WIDTH` dimensions.

    `k` rows span at most `k` dimensions: turned to lie in the first ones of another space they keep every cosine between
    them, which is all that a projector learns from. As wide as a language model it would train a hundred times as long.

    Raises:
        ValueError: labels whose rows are the same, or zero.
    """
    own = np.linalg.qr(np.asarray(rows, np.float64).T)[1].T
    turned = np.pad(own, ((0, 0), (0, max(WIDTH, len(rows)) - own.shape[1])))
    return LabelAnchors(tuple(labels), turned.astype(np.float32), "label rows of the language model")


def _fitted(features: FeatureSet, used: Codes, anchors: LabelAnchors, seed: int) -> Probe:
    """A projector trained on these pictures."""
    epochs = max(_EPOCHS, -(-_STEPS * _BATCH // len(used)))
    config = FitConfig(
        epochs=epochs, batch=_BATCH, learning_rate=_RATE, calibrate=False, normalise=False, seed=seed, device="cpu"
    )
    taxonomy = Taxonomy("label words", anchors.labels)
    given = prepare([LabelSet(features, taxonomy, anchors, within=used)], config, held_out=False)
    with one_thread(config.batch * given.train.pictures.width * given.bank.shape[1]):
        fitted = run(config, given, lambda epoch: given.bank, device(config.device), progress=False, stop_after=epochs)
    centre = np.zeros(features.spec.width, np.float32)
    return Probe(fitted.projector, anchors, taxonomy, features.spec, centre, normalise=False)
