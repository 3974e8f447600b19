"""What must be known of a dataset's figures before they are believed, in one sentence each?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.read import named
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

if TYPE_CHECKING:
    from affect_workbench.probes.projector import Probe


def bank_note(probe: Probe, taxonomy: Taxonomy) -> str:
    """Which label anchors the pictures are read against."""
    if taxonomy.labels == probe.taxonomy.labels:
        return "compared with the probe's own label anchors"
    return (
        f"zero-shot: the probe was trained on the labels of {probe.taxonomy.name}; anchors of {taxonomy.name} are "
        f"computed from {probe.anchors.source}, “{probe.anchors.template}”"
    )


def train_note(copies: pd.DataFrame, *, unseen_only: bool) -> str:
    """Which measured pictures the baselines are fitted on too (`analyses.duplicates.find.leaked`); empty where none is."""
    if copies.empty:
        return ""
    sentence = (
        f"leakage: {plural(len(copies), 'measured picture is', 'measured pictures are')} "
        "among those that the baselines are fitted on, first "
        f"{named(copies['image_id'])}"
    )
    return sentence + ("; they are left out" if unseen_only else ": the baselines' figures are too high")


def thin_notes(codes: npt.NDArray[np.int64], fitted_on: npt.NDArray[np.int64] | None, taxonomy: Taxonomy) -> list[str]:
    """Labels with too few pictures: `codes` of the measured, `fitted_on` of what baselines are fitted on (None: folds)."""
    sizes, labels = np.bincount(codes, minlength=len(taxonomy)), np.array(taxonomy.labels)
    lone = sizes == 1
    missed = lone if fitted_on is None else (sizes > 0) & (np.bincount(fitted_on, minlength=len(taxonomy)) == 0)
    notes = []
    if (sizes == 0).any():
        notes.append(f"no picture is labelled {', '.join(labels[sizes == 0])}, so that has no recall")
    if lone.any():
        notes.append(f"a single measured picture is labelled {', '.join(labels[lone])}: its recall can only be 0 or 1")
    if missed.any():
        notes.append(f"the baselines have no picture to learn {', '.join(labels[missed])} from, so they never predict it")
    return notes
