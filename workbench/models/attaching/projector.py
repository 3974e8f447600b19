"""Where in a model does a probe that the user has already fit, and what does it say there?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.plurals import plural
from affect_workbench.data.predictions import Predictions
from affect_workbench.workbench.models.attaching.files import PREDICTIONS_FILE
from affect_workbench.workbench.models.attaching.settings import AttachSettings

_MOST_NAMED = 5


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

    Raises:
        ValueError: see `place_of_probe`.
    """
    from affect_workbench.probes.checkpoint import load_probe

    probe = load_probe(settings.probe)
    place = place_of_probe(settings, probe.spec, {name: one.spec for name, one in features.items()})
    predictions = probe.predict(replace(features[place], spec=probe.spec))
    table = predictions.table()
    if probe.taxonomy.labels == answers.taxonomy.labels:
        labels = np.asarray(answers.taxonomy.labels, dtype=object)
        table = table.assign(answered=labels[answers.predicted])
    own = f"predictions are those of the probe {settings.probe} at {place} of {settings.model}, as it is"
    return Projected(place, table, (own, *predictions.notes))


def place_of_probe(
    settings: AttachSettings, read: FeatureSpec, tapped: Mapping[str, FeatureSpec], widths: Mapping[str, int] | None = None
) -> str:
    """The tapped place where the probe of the settings fits.

    A probe is used without any training where its features were made by the same place of the same model; elsewhere only
    where the user says so by `probe_at`, and the width fits.

    Args:
        settings: name the probe and perhaps the place.
        read: what made the features that the probe was trained on.
        tapped: what makes the features of the tapped places.
        widths: of all places of the model, to name those that would fit if they were tapped.

    Raises:
        ValueError: it fits at none of the tapped places (those that have its width are named), or not at `probe_at`.
    """
    wide = [place for place, spec in tapped.items() if spec.width == read.width]
    untapped = _untapped(settings, read, tapped, widths or {})
    if settings.probe_at:
        if settings.probe_at not in wide:
            raise ValueError(
                f"{settings.probe} takes features {read.width} wide: --probe-at {settings.probe_at!r} is not a tapped "
                f"place of that width ({_of(tapped)}){untapped}"
            )
        return settings.probe_at
    same = [place for place in wide if tapped[place].fingerprint() == read.fingerprint()]
    if not same:
        hint = (
            f"of the tapped places, that width {'has' if len(wide) == 1 else 'have'} {', '.join(wide)}: where the "
            "features are the same, "
            f"say so with --probe-at {wide[0]}"
            if wide
            else f"no tapped place has that width ({_of(tapped)})"
        )
        raise ValueError(f"{settings.probe} was trained on features of {read.in_words()}: {hint}{untapped}")
    return same[0]


def _untapped(
    settings: AttachSettings, read: FeatureSpec, tapped: Mapping[str, FeatureSpec], widths: Mapping[str, int]
) -> str:
    """The places that would fit if they were tapped, to end a sentence; only the probe's own where this model has it."""
    places = [place for place, width in widths.items() if place not in tapped and width == read.width]
    pool = read.pooling.partition(",")[0]
    own = read.layer if pool in ("mean", "prompt") else f"{read.layer}:{pool}"
    made_here = any((spec.encoder, spec.weights) == (read.encoder, read.weights) for spec in tapped.values())
    if made_here and own not in tapped and widths.get(read.layer) == read.width and not settings.probe_at:
        return f"; {own} is {read.width} wide: tap it with --at {own}"
    if not places:
        return ""
    best = settings.probe_at if settings.probe_at in places else places[0]
    places = [best, *(place for place in places if place != best)]
    more = f" and {plural(len(places) - _MOST_NAMED, 'other place')}" if len(places) > _MOST_NAMED else ""
    are, them = ("are", "one of them") if len(places) > 1 else ("is", "it")
    named = f"{', '.join(places[:_MOST_NAMED])}{more} {are} {read.width} wide"
    return f"; {named}: tap {them} with --at {best} --probe-at {best}"


def _of(tapped: Mapping[str, FeatureSpec]) -> str:
    return ", ".join(f"{place} {spec.width}" for place, spec in tapped.items())
