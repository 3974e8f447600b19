"""What is a split called, and which pictures are held out where there is none? Seeded, stratified, for any class sizes."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.arrays import Mask
from affect_workbench.data.plurals import plural

SPLITS = {
    "train": "train",
    "training": "train",
    "trainset": "train",
    "val": "val",
    "valid": "val",
    "validate": "val",
    "validation": "val",
    "valset": "val",
    "dev": "val",
    "devel": "val",
    "development": "val",
    "test": "test",
    "testing": "test",
    "testset": "test",
    "publictest": "test",
    "privatetest": "test",
}
"""What datasets call a split (in lower case, without blanks, `_` and `-`) -> what it is called here.

FER2013 measures on PublicTest in its contest and on PrivateTest after it: neither is trained on, so both are test.
"""


def split_of(word: object) -> str | None:
    """`train`, `val` or `test` for any word that datasets use for it (`Training`, `dev`, `PrivateTest`), else None."""
    return SPLITS.get(re.sub(r"[\s_\-]+", "", str(word)).casefold())


def split_name(word: str) -> str:
    """The same, and any other word as it is: what a split is called here."""
    return split_of(word) or word


def with_split_names(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with their column `split`, where they have one, in the words used here; missing values stay missing."""
    if "split" not in rows:
        return rows
    known = {word: split_of(word) for word in rows["split"].dropna().unique()}
    if all(name in (None, word) for word, name in known.items()):
        return rows
    column = rows["split"].astype(object)
    return rows.assign(split=column.map(lambda word: known.get(word) or word, na_action="ignore"))


def in_split(rows: pd.DataFrame, word: str, *, where: str) -> Mask:
    """Which of the rows are in the split `(n,)`.

    Args:
        rows: one row a picture.
        word: what the caller calls the split.
        where: what the rows are of, for messages.

    Raises:
        ValueError: none is in it (which splits there are), or there is no column of splits.
    """
    if "split" not in rows:
        raise ValueError(f"no picture of {where} is in split {word!r}: there is no column 'split'; leave --split out")
    splits = with_split_names(rows)["split"]
    inside: Mask = (splits == split_name(word)).to_numpy(dtype=bool)
    if not inside.any():
        there = ", ".join(f"{name!r} ({count:,})" for name, count in splits.value_counts().items()) or "none"
        raise ValueError(f"no picture of {where} is in split {word!r}; splits: {there}")
    return inside


def ids_without_split(rows: pd.DataFrame) -> pd.Series:
    """The ids, without the picture's own split before them: `val/joy/7` of split val is `joy/7` in other tables."""
    ids = rows["image_id"].astype(str)
    if "split" not in rows:
        return ids
    own = rows["split"].astype(object).map(str)
    bare = [name.removeprefix(f"{split}/") for name, split in zip(ids, own, strict=True)]
    return pd.Series(bare, index=rows.index, dtype=object)


def stratified_folds(codes: npt.NDArray[np.integer], folds: int, *, seed: int) -> npt.NDArray[np.int64]:
    """Fold number `(n,)`, 0 to folds - 1; every class is spread over the folds as evenly as its size allows.

    Args:
        codes: class position `(n,)`.
        folds: how many, at least 2.
        seed: the same seed gives the same folds for the same codes.

    Raises:
        ValueError: fewer than two folds, or fewer pictures than folds.
    """
    if folds < 2 or len(codes) < folds:
        raise ValueError(
            f"cannot make {folds} folds of {plural(len(codes), 'picture')}: at least 2 folds and one picture each"
        )
    shuffled = np.random.default_rng(seed).permutation(len(codes))
    # Dealing the class-sorted pictures round the folds keeps both class shares and fold sizes within one of equal.
    by_class = shuffled[np.argsort(codes[shuffled], kind="stable")]
    fold = np.empty(len(codes), dtype=np.int64)
    fold[by_class] = np.arange(len(codes)) % folds
    return fold


def stratified_holdout(codes: npt.NDArray[np.integer], share: float, *, seed: int) -> Mask:
    """Mask `(n,)` of about `share` of every class; a class of one picture is never held out.

    Raises:
        ValueError: share not between 0 and 1, or nothing would be held out or left.
    """
    if not 0 < share < 1:
        raise ValueError(f"the held-out share is {share}: expected a number between 0 and 1")
    shuffled = np.random.default_rng(seed).permutation(len(codes))
    by_class = shuffled[np.argsort(codes[shuffled], kind="stable")]
    sizes = np.unique(codes, return_counts=True)[1]
    rank = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    held = np.zeros(len(codes), dtype=bool)
    held[by_class] = rank < np.minimum(np.round(share * np.repeat(sizes, sizes)), np.repeat(sizes, sizes) - 1)
    if not held.any() or held.all():
        raise ValueError(
            f"holding out {share:.0%} of {plural(len(codes), 'picture')} leaves one side empty: more pictures are needed"
        )
    return held
