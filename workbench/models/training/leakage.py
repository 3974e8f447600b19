"""Which of the pictures to measure on did the probe learn from, and what is said of them?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from affect_workbench.arrays import Mask, Positions
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.read import named
from affect_workbench.workbench.models.training.near_duplicates import NearDuplicates, NearSearch
from affect_workbench.workbench.models.training.provenance import TrainingProvenance

if TYPE_CHECKING:
    from affect_workbench.probes.projector import Probe


TRAINING_PICTURES = "pictures that the probe was trained on or that chose its epoch"


def seen_note(measured: FeatureSet, seen: Mask, *, unseen_only: bool, recorded: bool = True) -> str:
    """How many of the measured pictures the probe knows, `seen (n,)`, and which.

    Without a record of what it was trained on (`recorded` false: an imported checkpoint), that is all there is to say.
    """
    if not recorded:
        return f"leakage cannot be ruled out: there is no record of {TRAINING_PICTURES}"
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


def near_notes(copies: NearDuplicates, *, of: str, whose: str, unseen_only: bool) -> list[str]:
    """How many measured pictures are nearly one of those that something was trained on, and what was not looked at.

    Args:
        copies: what was found.
        of: what they were compared with.
        whose: whose figures they make too high.
        unseen_only: whether they are left out.
    """
    start = f"near-duplicates of {of} were not " + ("all looked for" if copies.by else "looked for")
    unchecked = [f"{start}: {reason}" for reason in copies.unchecked]
    if not copies.by:
        return unchecked
    if copies.pairs.empty:
        return [f"no near-duplicate of {of} was found, by {copies.by}", *unchecked]
    first = copies.pairs.iloc[0]
    which = f"first {first['image_id']!r} (like {first['like']!r}, cosine {first['cosine']:.3f}), by {copies.by}"
    left_out = "; they are left out" if unseen_only else ""
    which += ", from where about one pair is expected by chance"
    if copies.may_be_chance:
        return [
            f"{plural(len(copies.pairs), 'picture is', 'pictures are')} "
            f"as similar to {of} as near-duplicates are, {which}{left_out}",
            *unchecked,
        ]
    count = f"leakage: {len(copies.pairs):,} of {len(copies.found):,} pictures are near-duplicates of {of}, {which}"
    return [count + (left_out or f": {whose} figures may be too high (--unseen-only leaves them out)"), *unchecked]


def duplicate_notes(measured: FeatureSet, near: NearDuplicates) -> list[str]:
    """How many measured pictures have a copy or a near-duplicate among themselves."""
    content = measured.rows["content"] if "content" in measured.rows else pd.Series("", index=measured.rows.index)
    twins = (content.notna() & (content != "") & content.duplicated(keep=False)).to_numpy()
    both = "the folds of the baselines may hold both"
    notes = []
    if twins.any():
        which = f"first {named(measured.rows['image_id'][twins])}"
        notes.append(
            f"leakage: {plural(int(twins.sum()), 'picture has', 'pictures have')} "
            f"an exact duplicate among the measured ones, {which}: {both}"
        )
    notes += [f"near-duplicates among the measured pictures were not looked for: {reason}" for reason in near.unchecked]
    if len(near.pairs) and not near.may_be_chance:
        first = near.pairs.iloc[0]
        which = f"first {first['image_id']!r} (like {first['like']!r}, cosine {first['cosine']:.3f}), by {near.by}"
        which += ", from where about one pair is expected by chance"
        notes.append(
            f"leakage: {plural(len(near.pairs), 'picture is a near-duplicate', 'pictures are near-duplicates')} "
            f"of another measured one, {which}: {both}"
        )
    return notes


def probe_knows(
    probes: Sequence[Probe], measured: FeatureSet, *, provenance: TrainingProvenance, search: NearSearch, unseen_only: bool
) -> tuple[Mask, Mask, list[str]]:
    """Which of the measured pictures `(n,)` any probe has seen, which are near-duplicates of those, and that in words."""
    seen = ~np.all([probe.unseen(measured) for probe in probes], axis=0)
    near = provenance.near(measured, np.flatnonzero(~seen), search)
    notes = [seen_note(measured, seen, unseen_only=unseen_only, recorded=all(probe.trained_on for probe in probes))]
    return seen, near.found, notes + near_notes(near, of=TRAINING_PICTURES, whose="its", unseen_only=unseen_only)


def _taken(features: FeatureSet, at: Positions) -> FeatureSet:
    """The pictures there; all of them are taken as they are, without a copy."""
    return features if len(at) == len(features) else features.take(at)


def without(measured: FeatureSet, out: Mask, *, name: str) -> FeatureSet:
    """The measured pictures but for those `(n,)` that were trained on.

    Raises:
        ValueError: none is left.
    """
    if out.all():
        raise ValueError(
            f"no picture of {name} is left: all {len(measured)} were used in training, or are near-duplicates of "
            "pictures that were"
        )
    return _taken(measured, np.flatnonzero(~out))


def chosen_pictures(features: FeatureSet, probe: Probe, *, split: str, unseen_only: bool) -> FeatureSet:
    """The pictures of a split, and of those the ones that the probe has not seen.

    Raises:
        ValueError: no such split, or none that is unseen.
    """
    if split:
        features = features.where(split=split)
    if unseen_only:
        unseen = probe.unseen(features)
        if not unseen.any():
            raise ValueError(
                f"the probe was trained on all {len(features)} pictures, so none is unseen: audit out-of-fold predictions "
                "instead (train --folds 5, then audit --predictions PROBE)"
            )
        features = features.take(unseen)
    return features
