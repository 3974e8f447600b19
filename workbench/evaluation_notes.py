"""What must be known of a dataset's figures before they are believed, in one sentence each?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from analyses.overlap import leaked
from data.features import FeatureSet
from data.tables import named
from data.taxonomy import Taxonomy

if TYPE_CHECKING:
    from probes.projector import Probe


def bank_note(probe: Probe, taxonomy: Taxonomy) -> str:
    """Which label anchors the pictures are read against."""
    if taxonomy.labels == probe.taxonomy.labels:
        return "read against the probe's own label anchors"
    return (
        f"zero-shot: the probe was trained on the labels of {probe.taxonomy.name}; anchors of {taxonomy.name} are made anew "
        f"from {probe.anchors.source}, “{probe.anchors.template}”"
    )


def seen_note(measured: FeatureSet, seen: npt.NDArray[np.bool_], *, unseen_only: bool, recorded: bool = True) -> str:
    """How many of the measured pictures the probe knows, `seen (n,)`, and which.

    Without a record of what it was trained on (`recorded` false: an imported checkpoint), that is all there is to say.
    """
    if not recorded:
        return "leakage cannot be ruled out: the probe carries no record of the pictures that it was trained on"
    by = (
        "id or bytes"
        if "content" in measured.rows
        else "id only (without hashes of the bytes, equal ids of two datasets look like one picture)"
    )
    if not seen.any():
        return (
            f"no leakage found: the probe has seen none of the {len(measured):,} pictures, by {by}; near copies are what "
            "workbench overlap looks for"
        )
    count = (
        f"{int(seen.sum()):,} of {len(measured):,} pictures were seen by the probe in training or model selection, by {by}"
    )
    which = f"first {named(measured.rows['image_id'][seen])}"
    if unseen_only:
        return f"leakage: {count}, {which}; they are left out"
    return f"leakage: {count}, {which}: its figures are too high (--unseen-only leaves them out)"


def train_note(train: FeatureSet, measured: FeatureSet) -> str:
    """How many measured pictures the baselines are fitted on too; empty where none is."""
    copies = leaked(train.rows, measured.rows)
    if copies.empty:
        return ""
    return (
        f"leakage: {len(copies):,} measured picture(s) are among those that the baselines are fitted on, first "
        f"{named(copies['image_id'])}: the baselines' figures are too high"
    )


def twins_note(measured: FeatureSet) -> str:
    """How many measured pictures have a copy among themselves; empty where none has."""
    if "content" not in measured.rows:
        return ""
    known = measured.rows["content"].notna() & (measured.rows["content"] != "")
    twins = known & measured.rows["content"].duplicated(keep=False)
    if not twins.any():
        return ""
    return (
        f"leakage: {int(twins.sum()):,} picture(s) have a copy among the measured ones, first "
        f"{named(measured.rows['image_id'][twins])}: the folds of the baselines may hold both"
    )
