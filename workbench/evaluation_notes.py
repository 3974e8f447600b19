"""What must be known of a dataset's figures before they are believed, in one sentence each?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.features import FeatureSet
from data.tables import named
from data.taxonomy import Taxonomy
from workbench.leakage import NearCopies

if TYPE_CHECKING:
    from probes.projector import Probe

LEARNT = "pictures that the probe was trained on or that chose its epoch"


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
        return f"leakage cannot be ruled out: there is no record of {LEARNT}"
    by = (
        "id or bytes"
        if "content" in measured.rows
        else "id only (without hashes of the bytes, equal ids of two datasets look like one picture)"
    )
    if not seen.any():
        return f"no leakage found: the probe has seen none of the {len(measured):,} pictures, by {by}"
    count = (
        f"{int(seen.sum()):,} of {len(measured):,} pictures were seen by the probe in training or model selection, by {by}"
    )
    which = f"first {named(measured.rows['image_id'][seen])}"
    if unseen_only:
        return f"leakage: {count}, {which}; they are left out"
    return f"leakage: {count}, {which}: its figures are too high (--unseen-only leaves them out)"


def train_note(copies: pd.DataFrame, *, unseen_only: bool) -> str:
    """Which measured pictures the baselines are fitted on too (see `analyses.overlap.leaked`); empty where none is."""
    if copies.empty:
        return ""
    said = (
        f"leakage: {len(copies):,} measured picture(s) are among those that the baselines are fitted on, first "
        f"{named(copies['image_id'])}"
    )
    return said + ("; they are left out" if unseen_only else ": the baselines' figures are too high")


def thin_notes(codes: npt.NDArray[np.int64], learnt: npt.NDArray[np.int64] | None, taxonomy: Taxonomy) -> list[str]:
    """Labels with too few pictures: `codes` of those measured, `learnt` of those baselines are fitted on (None: folds)."""
    sizes, labels = np.bincount(codes, minlength=len(taxonomy)), np.array(taxonomy.labels)
    lone = sizes == 1
    missed = lone if learnt is None else (sizes > 0) & (np.bincount(learnt, minlength=len(taxonomy)) == 0)
    notes = []
    if (sizes == 0).any():
        notes.append(f"no picture is labelled {', '.join(labels[sizes == 0])}, so that has no recall")
    if lone.any():
        notes.append(f"a single measured picture is labelled {', '.join(labels[lone])}: its recall can only be 0 or 1")
    if missed.any():
        notes.append(f"the baselines have no picture to learn {', '.join(labels[missed])} from, so they always miss it")
    return notes


def near_notes(copies: NearCopies, *, of: str, whose: str, unseen_only: bool) -> list[str]:
    """How many measured pictures are nearly one of those that something was learnt from, and what was not looked at.

    Args:
        copies: what was found.
        of: what they were compared with.
        whose: whose figures they make too high.
        unseen_only: whether they are left out.
    """
    start = f"near copies of {of} were not " + ("all looked for" if copies.by else "looked for")
    unchecked = [f"{start}: {reason}" for reason in copies.unchecked]
    if not copies.by:
        return unchecked
    if copies.pairs.empty:
        return [f"no near copy of {of} was found, by {copies.by}", *unchecked]
    first = copies.pairs.iloc[0]
    which = f"first {first['image_id']!r} (like {first['like']!r}, cosine {first['cosine']:.3f}), by {copies.by}"
    left_out = "; they are left out" if unseen_only else ""
    which += ", from where about one pair is expected by chance"
    if copies.may_be_chance:
        return [f"{len(copies.pairs)} picture(s) are as like {of} as near copies are, {which}{left_out}", *unchecked]
    count = f"leakage: {len(copies.pairs):,} of {len(copies.found):,} pictures are near copies of {of}, {which}"
    return [count + (left_out or f": {whose} figures may be too high (--unseen-only leaves them out)"), *unchecked]


def twins_notes(measured: FeatureSet, near: NearCopies) -> list[str]:
    """How many measured pictures have a copy or a near copy among themselves."""
    content = measured.rows["content"] if "content" in measured.rows else pd.Series("", index=measured.rows.index)
    twins = (content.notna() & (content != "") & content.duplicated(keep=False)).to_numpy()
    both = "the folds of the baselines may hold both"
    notes = []
    if twins.any():
        which = f"first {named(measured.rows['image_id'][twins])}"
        notes.append(f"leakage: {int(twins.sum()):,} picture(s) have a copy among the measured ones, {which}: {both}")
    notes += [f"near copies among the measured pictures were not looked for: {reason}" for reason in near.unchecked]
    if len(near.pairs) and not near.may_be_chance:
        first = near.pairs.iloc[0]
        which = f"first {first['image_id']!r} (like {first['like']!r}, cosine {first['cosine']:.3f}), by {near.by}"
        which += ", from where about one pair is expected by chance"
        notes.append(f"leakage: {len(near.pairs):,} picture(s) are nearly another measured one, {which}: {both}")
    return notes
