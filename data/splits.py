"""Which pictures are held out? Seeded, stratified by label, for any class sizes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


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
        raise ValueError(f"cannot make {folds} folds of {len(codes)} picture(s): at least 2 folds and one picture each")
    shuffled = np.random.default_rng(seed).permutation(len(codes))
    # Dealing the class-sorted pictures round the folds keeps both class shares and fold sizes within one of equal.
    by_class = shuffled[np.argsort(codes[shuffled], kind="stable")]
    fold = np.empty(len(codes), dtype=np.int64)
    fold[by_class] = np.arange(len(codes)) % folds
    return fold


def stratified_holdout(codes: npt.NDArray[np.integer], share: float, *, seed: int) -> npt.NDArray[np.bool_]:
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
            f"holding out {share:.0%} of {len(codes)} picture(s) leaves one side empty: more pictures are needed"
        )
    return held
