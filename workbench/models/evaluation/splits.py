"""Which pictures are measured, which are the baselines fitted on, and what do those know of the measured ones?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from affect_workbench.analyses.duplicates.find import leaked
from affect_workbench.arrays import Mask, Positions
from affect_workbench.data.features import FeatureSet
from affect_workbench.workbench.models.evaluation.notes import train_note
from affect_workbench.workbench.models.training.leakage import _taken, duplicate_notes, near_notes, probe_knows, without
from affect_workbench.workbench.models.training.near_duplicates import NearSearch
from affect_workbench.workbench.models.training.provenance import TrainingProvenance
from affect_workbench.workbench.models.training.splits import require_split

if TYPE_CHECKING:
    from affect_workbench.probes.projector import Probe

FITTED = "pictures that the baselines are fitted on"


@dataclass(frozen=True)
class Measured:
    """The sides of one evaluation.

    Attributes:
        pictures: those that are measured, `n`, all with a label.
        where: which those are, in words.
        seen: which of them the probe was trained on `(n,)`, by id or bytes.
        train: positions, in the features they were taken from, that the baselines are fitted on; None for out of fold.
        fitted_on: which those are, in words.
        notes: what leaks, and what could not be checked.
    """

    pictures: FeatureSet
    where: str
    seen: Mask
    train: Positions | None
    fitted_on: str
    notes: tuple[str, ...]


def measured_splits(
    probes: Sequence[Probe],
    features: FeatureSet,
    *,
    name: str,
    split: str,
    unseen_only: bool,
    provenance: TrainingProvenance,
    search: NearSearch,
) -> Measured:
    """The measured pictures and the baselines', and all that is copied between them and the probe's, exactly or nearly.

    Args:
        probes: seeds of one training.
        features: a set; pictures without a label take no part.
        name: of the set.
        split: measured on; `test` where there is one, else all.
        unseen_only: leave out of the measured pictures those, and near-duplicates of those, that any of the probes or the
            baselines was trained on.
        provenance: the probe's training pictures.
        search: finds near-duplicates.

    Raises:
        ValueError: no such split, or nothing is left.
    """
    at, train, where = _sides(features, split)
    words = "" if train is None else f"split train ({len(train):,} pictures)"
    measured = _taken(features, at)
    where += " that were not trained on" if unseen_only else ""
    seen, near, notes = probe_knows(probes, measured, provenance=provenance, search=search, unseen_only=unseen_only)
    if unseen_only:
        if seen.all():
            raise ValueError(
                f"no picture of {name} is unseen: all {len(measured)} measured ones were used for training or to "
                "choose the epoch"
            )
        if train is None and seen.any():
            # As many pictures to learn from as the probe had: fitted out of fold on the rest they would look worse.
            train, words = at[seen], f"the {int(seen.sum()):,} pictures that the probe was trained on"
        measured, seen = without(measured, seen | near, name=name), seen[~(seen | near)]
    if train is None:
        twins = search.within(measured)
        return Measured(measured, where, seen, None, "", (*notes, *duplicate_notes(measured, twins)))
    copies = leaked(features.rows.iloc[train], measured.rows)
    exact = measured.rows["image_id"].isin(copies["image_id"]).to_numpy()
    found = search.between([(features, train)], measured, np.flatnonzero(~exact & ~seen))
    notes += [train_note(copies, unseen_only=unseen_only)]
    notes += near_notes(found, of=FITTED, whose="the baselines'", unseen_only=unseen_only)
    if unseen_only:
        out = exact | found.found
        measured, seen = without(measured, out, name=name), seen[~out]
    return Measured(measured, where, seen, train, words, tuple(notes))


def _sides(features: FeatureSet, split: str) -> tuple[Positions, Positions | None, str]:
    """Positions of the measured pictures and of the baselines' training pictures (None: out of fold); the first in words."""
    labelled = features.rows["label"].notna().to_numpy()
    rows = features.rows
    of = rows["split"].to_numpy(dtype=object) if "split" in rows else np.full(len(rows), None)
    splits = sorted(set(rows["split"][labelled].dropna())) if "split" in rows else []
    chosen = split or ("test" if "test" in splits else "")
    if not chosen:
        return np.flatnonzero(labelled), None, "all pictures"
    chosen = require_split(chosen, splits)
    train = np.flatnonzero(labelled & (of == "train")) if chosen != "train" and "train" in splits else None
    return np.flatnonzero(labelled & (of == chosen)), train, f"split {chosen}"
