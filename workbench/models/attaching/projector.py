"""Where in a model does a probe that the user has already fit, and what does it say there?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from affect_workbench.data.features import FeatureSet
from affect_workbench.data.predictions import Predictions
from affect_workbench.workbench.models.attaching.files import PREDICTIONS_FILE
from affect_workbench.workbench.models.attaching.settings import AttachSettings


@dataclass(frozen=True)
class Projected:
    """What a probe of the user says at a place of a model.

    Attributes:
        place: where it was used.
        predictions: of the tapped pictures, with `answered`, what the model itself said.
        notes: what has to be known of them, such as that the probe was trained on these pictures.
    """

    place: str
    predictions: pd.DataFrame
    notes: tuple[str, ...] = ()

    def in_words(self) -> str:
        """Where the probe was used, and how often it says what the model answered."""
        told = f"your probe is used at {self.place}, as it is"
        if "answered" not in self.predictions:
            return f"{told}; its labels are others than the model was asked for"
        agreement = (self.predictions["predicted"] == self.predictions["answered"]).mean()
        return f"{told}: it says what the model answered for {agreement:.0%} of pictures"

    def write(self, folder: Path) -> None:
        """Writes the table, which `workbench audit --predictions` takes."""
        folder.mkdir()
        self.predictions.to_parquet(folder / PREDICTIONS_FILE)


def projected_predictions(settings: AttachSettings, features: Mapping[str, FeatureSet], answers: Predictions) -> Projected:
    """What the probe of the settings says, at the place where it fits.

    A probe is used without any training where its features were made by the same place of the same model; elsewhere only
    where the user says so by `probe_at`, and the width fits.

    Raises:
        ValueError: it fits at none of the tapped places (those that have its width are named), or not at `probe_at`.
    """
    from affect_workbench.probes.checkpoint import load_probe

    probe = load_probe(settings.probe)
    wide = [place for place, one in features.items() if one.spec.width == probe.spec.width]
    if settings.probe_at:
        if settings.probe_at not in wide:
            raise ValueError(
                f"{settings.probe} takes features {probe.spec.width} wide: --probe-at {settings.probe_at!r} is not a tapped "
                f"place of that width ({_of(features)})"
            )
        place = settings.probe_at
    else:
        same = [place for place in wide if features[place].spec.fingerprint() == probe.spec.fingerprint()]
        if not same:
            hint = (
                f"of the tapped places, that width {'has' if len(wide) == 1 else 'have'} {', '.join(wide)}: where the "
                "features are the same, "
                f"say so with --probe-at {wide[0]}"
                if wide
                else f"no tapped place has that width ({_of(features)})"
            )
            raise ValueError(f"{settings.probe} was trained on features of {probe.spec.in_words()}: {hint}")
        place = same[0]
    predictions = probe.predict(replace(features[place], spec=probe.spec))
    table = predictions.table()
    if probe.taxonomy.labels == answers.taxonomy.labels:
        labels = np.asarray(answers.taxonomy.labels, dtype=object)
        table = table.assign(answered=labels[answers.predicted])
    own = f"predictions are those of the probe {settings.probe} at {place} of {settings.model}, as it is"
    return Projected(place, table, (own, *predictions.notes))


def _of(features: Mapping[str, FeatureSet]) -> str:
    return ", ".join(f"{place} {one.spec.width}" for place, one in features.items())
