"""What do readers say of every place of a model, and which place's answer probe stands in for the model?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from affect_workbench.analyses.fidelity.answer_probe import answer_probe
from affect_workbench.analyses.fidelity.certificate import SPEAKS_FROM
from affect_workbench.analyses.fidelity.layers import FitAndRead, layer_sweep
from affect_workbench.analyses.fidelity.pictures import AnsweredPictures
from affect_workbench.analyses.slices.coding import coded_attributes
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.arrays import Floats, Vectors
from affect_workbench.data.answers.table import PROBABILITY_PREFIX
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.tables.columns import ANSWER_COUNTS, PROMPT_PREFIX, SCORE_PREFIX, attribute_columns

if TYPE_CHECKING:
    from affect_workbench.probes.attach.tap import Tap

ANSWER_PROBE, LENS = "answer probe", "logit lens"


@dataclass(frozen=True)
class TapProbes:
    """What the places hold.

    Attributes:
        answers: what the model itself said of the `n` tapped pictures, in the rows of the features.
        probes: place -> probabilities `(n, k)` by the answer probe there.
        lenses: place in the language model -> probabilities `(n, k)` of the label words, read by the model's own head.
        layers: the sweep (`analyses.fidelity.layers.layer_sweep`).
        audited: the place whose answer probe is audited.
        chosen: whether it was chosen for its agreement with the answers.
    """

    answers: Predictions
    probes: Mapping[str, Floats]
    lenses: Mapping[str, Floats]
    layers: pd.DataFrame
    audited: str
    chosen: bool

    @property
    def agreement(self) -> Mapping[str, float]:
        """Place -> share of pictures where its answer probe says what the model answered."""
        own = self.layers[self.layers["reader"] == ANSWER_PROBE]
        return dict(zip(own["place"], own["fidelity"].astype(float), strict=True))

    def table(self) -> pd.DataFrame:
        """One row a (picture, place, reader): `image_id`, `place`, `reader`, a probability `p_<label>` each."""
        ids, names = self.answers.rows["image_id"], [PROBABILITY_PREFIX + one for one in self.answers.taxonomy.labels]
        parts = []
        for reader, found in ((ANSWER_PROBE, self.probes), (LENS, self.lenses)):
            for place, shares in found.items():
                own = pd.DataFrame(np.asarray(shares, np.float32), columns=names)
                own.insert(0, "image_id", ids.to_numpy())
                parts.append(own.assign(place=place, reader=reader))
        return pd.concat(parts, ignore_index=True)

    def predictions(self) -> pd.DataFrame:
        """The table that is audited: the rows of the pictures, what the probe says, and what the model answered."""
        labels = np.asarray(self.answers.taxonomy.labels, dtype=object)
        left = [name for name in self.answers.rows if str(name).startswith(PROMPT_PREFIX) or name in ANSWER_COUNTS]
        shares = self.probes[self.audited]
        said = {SCORE_PREFIX + label: shares[:, at] for at, label in enumerate(labels)}
        own = pd.DataFrame({"predicted": labels[shares.argmax(axis=1)], "answered": labels[self.answers.predicted], **said})
        rows = self.answers.rows.drop(columns=[*left, *own.columns], errors="ignore").reset_index(drop=True)
        return pd.concat([rows, own], axis=1)

    def in_words(self) -> list[str]:
        """Where the probe speaks for the model, a sentence."""
        agreement = self.agreement[self.audited]
        how = f", the most of {len(self.probes)} places" if self.chosen and len(self.probes) > 1 else ""
        sentence = f"the answer probe at {self.audited} says what the model answered for {agreement:.0%} of pictures{how}"
        if agreement < SPEAKS_FROM:
            sentence += f": below {SPEAKS_FROM:.0%}, it does not speak for the model; audit its answers themselves"
        return [sentence]


def read_places(
    tap: Tap,
    features: Mapping[str, FeatureSet],
    answers: Predictions,
    *,
    audited: str = "",
    projector: bool = True,
    seed: int = 0,
) -> TapProbes:
    """Reads every place: answer probe, logit lens and the sweep with its baselines.

    Args:
        tap: the model.
        features: place -> features of the tapped pictures, the same in all.
        answers: what the model said of these pictures, in the same order.
        audited: the place that is audited; where not given, the one whose probe agrees best.
        projector: fit a Metric Projector on true labels at every place too.
        seed: of folds and controls.

    Raises:
        ValueError: no such place among the tapped ones, too few pictures to fit a probe, or label words with one and the
            same row, which no projector can tell apart.
    """
    if audited and audited not in features:
        raise ValueError(f"--audited {audited!r} is not tapped: expected one of {', '.join(features)}")
    from affect_workbench.probes.attach.scoring import label_rows, lens

    pictures = answered_pictures(answers)
    labels = answers.taxonomy.labels
    taps = {place: np.asarray(one.values) for place, one in features.items()}
    rows = label_rows(tap.model, labels)
    read = _projector(labels, rows, seed=seed) if projector and pictures.truth is not None else None
    layers = layer_sweep(taps, pictures, label_rows=rows, projector=read, seed=seed)
    probes = {
        place: answer_probe(x, pictures.answers, classes=len(labels), groups=pictures.groups, seed=seed).probabilities
        for place, x in taps.items()
    }
    inside = [place for place in taps if not place.startswith("connector.in")]
    lenses = {place: lens(tap.model, taps[place], labels, normed=place == "last") for place in inside}
    own = layers[layers["reader"] == ANSWER_PROBE]
    best = str(own["place"].iloc[int(own["fidelity"].to_numpy().argmax())])
    return TapProbes(answers, probes, lenses, layers, audited or best, not audited)


def _projector(labels: Sequence[str], rows: Vectors, *, seed: int) -> FitAndRead:
    from affect_workbench.workbench.models.attaching.metric_projector import fit_and_read, label_row_anchors

    try:
        anchors = label_row_anchors(labels, rows)
    except ValueError as error:
        raise ValueError(f"no Metric Projector can be fitted, leave it out with --no-projector: {error}") from error
    return partial(fit_and_read, anchors=anchors, seed=seed)


def answered_pictures(answers: Predictions) -> AnsweredPictures:
    """The pictures with the model's answers and every attribute that can be sliced by."""
    coded, _ = coded_attributes(answers.rows, None, available=attribute_columns(answers.rows))
    data = SlicedPredictions(answers, tuple(coded))
    return AnsweredPictures(answers.taxonomy.labels, answers.predicted, data.attributes, data.true_codes, data.groups)
