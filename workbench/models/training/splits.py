"""Which pictures are trained on, which choose the epoch, and which measure?

Positions in a feature set, not copies of it: features on disk stay there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.arrays import Mask, Positions
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.read import named
from affect_workbench.data.tables.splits import split_name, stratified_holdout
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.models.training.settings import TrainSettings

NO_SPLIT = "none"


@dataclass(frozen=True)
class TrainingSplits:
    """Positions of labelled pictures in one feature set.

    Attributes:
        train: trained on.
        val: choose the epoch; None to hold out a share of `train`.
        test: measure; None where every picture is measured out of fold, or where nothing is.
        measured_on: what the test is called; empty where nothing is measured.
    """

    train: Positions
    val: Positions | None
    test: Positions | None
    measured_on: str

    @property
    def trained_on(self) -> Positions:
        """All that a training sees: the pictures that are trained on and those that choose the epoch."""
        return self.train if self.val is None else np.concatenate([self.train, self.val])

    def validation(self, features: FeatureSet) -> FeatureSet | None:
        """The pictures that choose the epoch."""
        return None if self.val is None else features.take(self.val)


def training_splits(
    features: FeatureSet, taxonomy: Taxonomy, settings: TrainSettings, *, first: bool = True
) -> TrainingSplits:
    """The splits of one set: its splits where it has them, else a held-out share.

    Args:
        features: the set, with labels.
        taxonomy: its labels.
        settings: `split`, `val_split`, `folds`, `holdout` and the seed.
        first: of several sets trained on together only the first is cut where it has no split to measure on.

    Raises:
        ValueError: no such split, or nothing labelled in one that is needed.
    """
    labelled = features.rows["label"].notna().to_numpy()
    split = features.rows["split"].to_numpy(dtype=object) if "split" in features.rows else np.full(len(features), None)
    splits = sorted({str(name) for name in split if not pd.isna(name)})
    chosen = (settings.split if first else "") or ("train" if len(splits) > 1 and "train" in splits else "")
    if chosen:
        chosen = require_split(chosen, splits)
    train = np.flatnonzero(labelled & (split == chosen) if chosen else labelled)
    if not len(train):
        raise ValueError(f"cannot train: no picture{f' of split {chosen}' if chosen else ''} has a label")
    if first and settings.folds:
        return TrainingSplits(train, None, None, f"out of fold, {settings.folds} folds")
    val = _validation(split, splits, labelled, chosen, settings)
    if chosen and chosen != "test" and "test" in splits:
        test = np.flatnonzero(labelled & (split == "test"))
        if not len(test):
            raise ValueError("no picture of split test has a label, so accuracy cannot be measured: label some of them")
        return TrainingSplits(train, val, test, "split test")
    if not first or settings.holdout == 0:
        return TrainingSplits(train, val, None, "")
    try:
        held = stratified_holdout(
            taxonomy.codes(features.rows["label"].iloc[train]), settings.holdout, seed=settings.fit.seed
        )
    except ValueError as error:
        raise ValueError(f"no picture is left to measure accuracy on (--holdout): {error}") from error
    return TrainingSplits(
        train[~held], val, train[held], f"a held-out {100 * settings.holdout:.0f} %, seed {settings.fit.seed}"
    )


def refuse_copies(trained_on: pd.DataFrame, measured: pd.DataFrame | None, *, allowed: bool, say: Say) -> None:
    """Refuses (or, where allowed, warns of) pictures measured on whose very bytes were trained on, or chose the epoch.

    Args:
        trained_on: rows of the pictures that are trained on, and of those that choose the epoch.
        measured: rows of those that measure; None where `trained_on` is cut into folds.
        allowed: warn only.
        say: receives the warning.

    Raises:
        ValueError: there are such pictures (how many, and the first).
    """
    if "content" not in trained_on or (measured is not None and "content" not in measured):
        return
    if measured is None:
        leaked, rows = trained_on["content"].notna() & trained_on["content"].duplicated(), trained_on
        so = "of another picture, so folds would measure on pictures they were trained on"
        what = f"picture is a copy {so}", f"pictures are copies {so}"
    else:
        leaked, rows = measured["content"].isin(set(trained_on["content"].dropna())), measured
        also = "also used for training or to choose the epoch, byte for byte"
        what = f"picture to measure on was {also}", f"pictures to measure on were {also}"
    if not leaked.any():
        return
    sentence = f"{plural(int(leaked.sum()), *what)}, first {named(rows['image_id'][leaked])}"
    if not allowed:
        raise ValueError(f"{sentence}: remove them (workbench overlap shows the pairs), or pass --allow-overlap")
    say(f"warning: {sentence}: accuracy is too high by what that makes up")


def thin_labels(features: FeatureSet, taxonomy: Taxonomy, cut: TrainingSplits) -> list[str]:
    """What to do about labels with too few pictures to be both learned from and measured on, a sentence each.

    That is warned of and not refused: all other labels are learned and measured as well as ever, and the label itself is
    read, if only by its word. (A sweep refuses it: it compares settings by every label in every fold.)
    """
    codes = taxonomy.codes(features.rows["label"])
    trained_on = np.bincount(codes[cut.train], minlength=len(taxonomy))
    folds = cut.test is None and bool(cut.measured_on)
    if not folds and cut.test is None:
        return []  # nothing is measured, and each label is learned from
    measured = trained_on if cut.test is None else np.bincount(codes[cut.test], minlength=len(taxonomy))
    alone = "the projector knows them by their word alone and the baselines never predict them"
    told = {
        "with no picture to learn from, so " + alone: (trained_on == 0) & (measured > 0),
        "with a single picture, so that in its fold " + alone: (trained_on == 1) & folds,
        "with a single picture, which is learned from and cannot be measured on": (trained_on == 1) & (measured == 0),
        "learned from a single picture": (trained_on == 1) & (measured > 0) & (cut.test is not None),
    }
    return [
        (
            f"{plural(int(which.sum()), 'label')} {what}: {', '.join(np.array(taxonomy.labels)[which])}; add pictures of "
            "them, or remove them"
        )
        for what, which in told.items()
        if which.any()
    ]


def sampling_sentence(sampling: str, sizes: list[int]) -> str:
    """The rule by which an epoch draws from several sets, with the share of each."""
    total = sum(sizes)
    shares = [1 / len(sizes)] * len(sizes) if sampling == "sets" else [size / total for size in sizes]
    told = ", ".join(f"{100 * share:.0f} %" for share in shares)
    return {
        "as_is": f"an epoch uses every picture once: the sets make up {told} of it",
        "sets": f"an epoch uses {total:,} pictures, drawn with replacement, every set equally often: {told}",
        "classes": f"an epoch uses {total:,} pictures, drawn with replacement, every label of every set equally often",
    }[sampling]


def _validation(
    split: npt.NDArray[np.object_], splits: list[str], labelled: Mask, chosen: str, settings: TrainSettings
) -> Positions | None:
    """The split that chooses the epoch: what was asked for, else what is called validation and is nothing else."""
    usual = [name for name in splits if name == "val" and name != chosen]
    name = settings.val_split or (usual[0] if usual and chosen else "")
    if not name or name == NO_SPLIT:
        return None
    if split_name(name) == chosen:
        raise ValueError(
            f"split {name!r} cannot be used both for training and to choose the epoch: give another --val-split, or none"
        )
    name = require_split(name, splits)
    found = np.flatnonzero(labelled & (split == name))
    if not len(found):
        raise ValueError(
            f"the validation split {name!r} is empty (no picture of it has a label), so it cannot choose the epoch: label "
            f"some, or pass --val-split {NO_SPLIT} to hold out a share of the training pictures"
        )
    return found


def require_split(name: str, splits: list[str]) -> str:
    """What the split is called here (see `data.tables.splits`); refused where it is not there.

    Raises:
        ValueError: which there are.
    """
    if not splits:
        raise ValueError(f"these features have no split, so there is no split {name!r}: leave that out")
    if split_name(name) not in splits:
        raise ValueError(f"no picture is in split {name!r}; splits: {', '.join(splits)}")
    return split_name(name)
