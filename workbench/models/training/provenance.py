"""Where are the features of the pictures that a probe was trained on, and can they still be opened?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from affect_workbench.arrays import Positions
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.storage.atomic import write_json
from affect_workbench.data.storage.saved import read_record
from affect_workbench.workbench.datasets.features import Source
from affect_workbench.workbench.models.training.near_duplicates import NearDuplicates, NearSearch

if TYPE_CHECKING:
    from affect_workbench.probes.projector import Probe

SOURCES_FILE = "sources.json"
"""In a probe's folder: where its training features were. The probe's own files name the pictures, not where they lie."""


@dataclass(frozen=True)
class TrainingProvenance:
    """The pictures that a probe was trained on, as far as their features can be opened.

    Attributes:
        sets: (where from, the whole set, positions of those trained on).
        unopened: why others cannot be compared with, a phrase each.
    """

    sets: tuple[tuple[Source, FeatureSet, Positions], ...]
    unopened: tuple[str, ...] = ()

    def loaded(self, source: Source) -> FeatureSet | None:
        """The whole set from there, where it is open already."""
        return next((features for known, features, _ in self.sets if known == source), None)

    def near(self, measured: FeatureSet, asked: Positions, search: NearSearch) -> NearDuplicates:
        """Which of the asked positions of `measured` are near-duplicates of these pictures, and what was not compared."""
        found = search.between([(features, within) for _, features, within in self.sets], measured, asked)
        return replace(found, unchecked=(*found.unchecked, *(self.unopened if len(asked) else ())))


def save_sources(sources: Sequence[Source], folder: Path) -> None:
    """Notes in a probe's folder where its training features are."""
    write_json(folder / SOURCES_FILE, {"sources": [asdict(source) for source in sources]})


def training_provenance(
    folders: Sequence[Path | str], probes: Sequence[Probe], *, given: Sequence[str] = ()
) -> TrainingProvenance:
    """The pictures that one training, in one or several seeds, was trained on or chosen the epoch by.

    Args:
        folders: of the probes.
        probes: what is in them. Those without a record of their pictures were trained on split train of what is given, or
            all of it where it has none.
        given: where the features are now; where training left them when empty.

    Raises:
        FileNotFoundError: nothing at a given path.
        ValueError: no features at a given path, another encoder's, or none that the probe was trained on.
    """
    recorded = all(probe.trained_on for probe in probes)
    sources = [Source.at(path, encoder=probes[0].spec.encoder) for path in given] or _kept(folders)
    if not sources:
        return TrainingProvenance((), ("the probe does not say where their features are (name them with --trained-on)",))
    sets: list[tuple[Source, FeatureSet, Positions]] = []
    unopened: list[str] = []
    for source in sources:
        try:
            sets.append((source, *_learnt_at(source, probes, recorded=recorded)))
        except (ValueError, OSError) as error:
            if given:
                raise
            unopened.append(f"{error} (name where they are now with --trained-on)")
    found = sum(len(within) for _, _, within in sets)
    known = sum(int(probes[0].config.get(name, 0)) for name in ("pictures", "validation_pictures"))
    if recorded and not unopened and found < known:
        unopened.append(f"{known - found:,} of its {known:,} training pictures are no longer among them")
    return TrainingProvenance(tuple(sets), tuple(unopened))


def _kept(folders: Sequence[Path | str]) -> list[Source]:
    found: dict[Source, None] = {}
    for folder in folders:
        file = Path(folder) / SOURCES_FILE
        if file.is_file():
            records = read_record(file, otherwise="name the training features with --trained-on").records("sources")
            found |= {record.made(Source): None for record in records}
    return list(found)


def _learnt_at(source: Source, probes: Sequence[Probe], *, recorded: bool) -> tuple[FeatureSet, Positions]:
    from affect_workbench.workbench.datasets.features import open_features

    spec = probes[0].spec
    features = open_features(source.path, encoder=source.encoder, id_column=source.id_column)
    if features.spec.width != spec.width or features.spec.encoder != spec.encoder:
        raise ValueError(
            f"the features at {source.path} are of {features.spec.in_words()}, the probe's of {spec.in_words()}"
        )
    if recorded:
        within = np.flatnonzero(~np.all([probe.unseen(features) for probe in probes], axis=0))
    else:
        train = (features.rows["split"] == "train").to_numpy() if "split" in features.rows else np.zeros(0, dtype=bool)
        within = np.flatnonzero(train) if train.any() else np.arange(len(features))
    if not len(within):
        raise ValueError(
            f"none of the {len(features):,} pictures at {source.path} is one that the probe was trained on or that chose "
            "its epoch"
        )
    return features, within
