"""What is trained on? One or several sets of labelled pictures, each with its own taxonomy, over one bank of anchors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from affect_workbench.data.features import FeatureSet, require_same_spec
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.columns import VOTE_PREFIX
from affect_workbench.data.tables.splits import stratified_holdout
from affect_workbench.data.taxonomies.joint import JointTaxonomy, joint
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.anchors.anchors import LabelAnchors
from affect_workbench.probes.config import FitConfig
from affect_workbench.probes.training.batches import Pictures

SIMILARITY_TEMPERATURE = 0.1
"""Divides the cosines of anchors where soft labels are made of them (CLIP-E shares out by label similarity)."""


@dataclass(frozen=True)
class LabelSet:
    """Labelled pictures of one taxonomy.

    Attributes:
        features: rows need `label`; pictures without one are left out.
        taxonomy: the `k` labels.
        anchors: one unit vector a label.
        val: pictures to choose the epoch by; None to hold out a share of those that are trained on.
        within: positions in `features` of the pictures that are trained on; None for all. Features on disk stay there, where
            `FeatureSet.take` would read them into memory.

    Raises:
        ValueError: no label column, fewer than two classes, anchors of other labels, features of two encoders, or a
            validation set without labels.
    """

    features: FeatureSet
    taxonomy: Taxonomy
    anchors: LabelAnchors
    val: FeatureSet | None = None
    within: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if "label" not in self.features.rows:
            raise ValueError("cannot train: the features have no 'label' column")
        if self.anchors.labels != self.taxonomy.labels:
            raise ValueError(f"anchors are for {self.anchors.labels}, the taxonomy has {self.taxonomy.labels}")
        classes = len(np.unique(self.codes(self.features)[self.labelled]))
        if classes < 2:
            raise ValueError(f"cannot train on {plural(classes, 'class', 'classes')}: at least two are needed")
        if self.val is not None:
            if self.val.spec.fingerprint() != self.features.spec.fingerprint():
                ours, theirs = self.features.spec.in_words(), self.val.spec.in_words()
                raise ValueError(f"validation features are of {theirs}, training ones of {ours}")
            if not (self.codes(self.val) >= 0).any():
                raise ValueError(
                    "the validation features have no label, so no epoch can be chosen by them: give labelled ones, or none "
                    "to hold out a share of the training pictures"
                )

    @cached_property
    def labelled(self) -> npt.NDArray[np.int64]:
        """Positions in `features` of the pictures that are trained on and have a label."""
        known = np.flatnonzero(self.codes(self.features) >= 0)
        return known if self.within is None else np.intersect1d(known, self.within)

    @property
    def unlabelled(self) -> int:
        """How many pictures are left out for want of a label."""
        return (len(self.features) if self.within is None else len(self.within)) - len(self.labelled)

    def codes(self, features: FeatureSet) -> npt.NDArray[np.int64]:
        """Label positions `(n,)` in the taxonomy, -1 where there is none."""
        if "label" not in features.rows:
            return np.full(len(features), -1)
        return self.taxonomy.codes(features.rows["label"])

    def votes(self, features: FeatureSet) -> npt.NDArray[np.float32]:
        """Shares of the votes `(n, k)`; a picture without votes shares nothing out (zeros).

        Raises:
            ValueError: a label has no vote column, or a vote is negative.
        """
        missing = [label for label in self.taxonomy.labels if VOTE_PREFIX + label not in features.rows]
        if missing:
            labels = ", ".join(self.taxonomy.labels)
            raise ValueError(f"no column {VOTE_PREFIX + missing[0]!r}: soft = votes needs one for each of {labels}")
        votes = features.rows[[VOTE_PREFIX + label for label in self.taxonomy.labels]].fillna(0).to_numpy(np.float32)
        if (votes < 0).any():
            bad = features.rows["image_id"][np.asarray((votes < 0).any(axis=1))]
            raise ValueError(
                f"{plural(len(bad), 'picture has', 'pictures have')} "
                f"negative votes, first {str(bad.iloc[0])!r}: expected counts or shares"
            )
        total = votes.sum(axis=1, keepdims=True)
        return np.divide(votes, total, where=total > 0, out=np.zeros_like(votes))


@dataclass(frozen=True)
class Side:
    """Pictures of all sets, for training or for validation.

    Attributes:
        pictures: their features.
        y: joint label positions `(n,)`.
        sets: number of the set `(n,)`.
        soft: shares over the joint labels `(n, K)`, None for the label alone.
    """

    pictures: Pictures
    y: npt.NDArray[np.int64]
    sets: npt.NDArray[np.int64]
    soft: Tensor | None


@dataclass(frozen=True)
class Prepared:
    """What the training loop needs of the sets.

    Attributes:
        train: pictures to learn from.
        val: pictures to choose the epoch by.
        labels: the joint labels, `K` in all.
        bank: their anchors `(K, m)`.
        own: `(number of sets, K)`, which labels a set's pictures can have.
        seen: ids and content hashes of all labelled pictures.
        unlabelled: pictures left out for want of a label.
    """

    train: Side
    val: Side
    labels: JointTaxonomy
    bank: Tensor
    own: Tensor
    seen: frozenset[str]
    unlabelled: int


def prepare(sets: Sequence[LabelSet], config: FitConfig, *, held_out: bool = True) -> Prepared:
    """Splits every set into its two sides and lays them over one bank.

    Args:
        sets: labelled pictures, each set with its taxonomy.
        config: how the sides are cut, and what soft labels are.
        held_out: False to train on every labelled picture; both sides are then the same, and no epoch can be chosen.

    Raises:
        ValueError: no set, features of two encoders, anchors of two widths, taxonomies without a map, see `LabelSet.votes`.
    """
    if not sets:
        raise ValueError("no set of pictures to train on: at least one is needed")
    for other in sets[1:]:
        require_same_spec(sets[0].features.spec, other.features.spec, what="the first set")
    labels = joint([one.taxonomy for one in sets])
    widths = {one.anchors.vectors.shape[1] for one in sets}
    if len(widths) > 1:
        raise ValueError(f"anchors are {' and '.join(map(str, sorted(widths)))} wide: take them from one text model")
    bank = np.zeros((len(labels), widths.pop()), np.float32)
    own = np.zeros((len(sets), len(labels)), dtype=bool)
    for number, one in enumerate(sets):
        start = labels.offset(one.taxonomy)
        bank[start : start + len(one.taxonomy)] = one.anchors.vectors
        own[number, start : start + len(one.taxonomy)] = True
    anchors = torch.from_numpy(bank)
    if held_out:
        splits = [_split(one, config) for one in sets]
        train, val = (_side(sets, [split[which] for split in splits], labels, anchors, config) for which in (0, 1))
    else:
        train = val = _side(sets, [(one.features, one.labelled) for one in sets], labels, anchors, config)
    names = [
        _names(rows)
        for one in sets
        for rows in (one.features.rows.iloc[one.labelled], *([one.val.rows] if one.val is not None else []))
    ]
    unlabelled = sum(one.unlabelled for one in sets)
    return Prepared(train, val, labels, anchors, torch.from_numpy(own), frozenset().union(*names), unlabelled)


def _split(one: LabelSet, config: FitConfig) -> tuple[tuple[FeatureSet, npt.NDArray[np.int64]], ...]:
    """(features, positions in them) of the training and of the validation pictures."""
    labelled = one.labelled
    if one.val is not None:
        return (one.features, labelled), (one.val, np.flatnonzero(one.codes(one.val) >= 0))
    codes = one.codes(one.features)[labelled]
    try:
        held = stratified_holdout(codes, config.validation_share, seed=config.seed)
    except ValueError as error:
        raise ValueError(f"no picture is left to choose the epoch by (validation_share): {error}") from error
    return (one.features, labelled[~held]), (one.features, labelled[held])


def _side(
    sets: Sequence[LabelSet],
    parts: Sequence[tuple[FeatureSet, npt.NDArray[np.int64]]],
    labels: JointTaxonomy,
    bank: Tensor,
    config: FitConfig,
) -> Side:
    pictures = Pictures(
        tuple(features.values for features, _ in parts), tuple(rows for _, rows in parts), normalise=config.normalise
    )
    y = np.concatenate(
        [one.codes(features)[rows] + labels.offset(one.taxonomy) for one, (features, rows) in zip(sets, parts, strict=True)]
    )
    numbers = np.repeat(np.arange(len(sets)), [len(rows) for _, rows in parts])
    if config.soft == "none" and not config.label_smoothing:
        return Side(pictures, y, numbers, None)
    soft = torch.zeros(len(y), len(labels))
    for number, (one, (features, rows)) in enumerate(zip(sets, parts, strict=True)):
        start, k = labels.offset(one.taxonomy), len(one.taxonomy)
        hard = functional.one_hot(torch.from_numpy(y[numbers == number] - start), k).float()
        own = bank[start : start + k]
        if config.soft == "similarity":
            hard = hard @ (own @ own.T / SIMILARITY_TEMPERATURE).softmax(dim=1)
        elif config.soft == "votes":
            votes = torch.from_numpy(one.votes(features)[rows])
            hard = torch.where(votes.sum(dim=1, keepdim=True) > 0, votes, hard)
        mixed = (1 - config.label_smoothing) * hard + config.label_smoothing / k
        soft[torch.from_numpy(np.flatnonzero(numbers == number)), start : start + k] = mixed
    return Side(pictures, y, numbers, soft)


def _names(rows: pd.DataFrame) -> frozenset[str]:
    """Ids of the pictures, and the hashes of their bytes where known: a copy under another id is the same picture."""
    contents = rows["content"].dropna().astype(str) if "content" in rows else ()
    return frozenset(rows["image_id"]) | frozenset(contents)
