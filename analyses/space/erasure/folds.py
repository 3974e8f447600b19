"""Which pictures are fitted on and which are judged, so that no scene or person is on both sides?"""

from __future__ import annotations

import numpy as np

from affect_workbench.arrays import Codes
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.splits import stratified_folds


def grouped_folds(codes: Codes, folds: int, *, groups: Codes | None = None, seed: int = 0) -> Codes:
    """Fold `(n,)` of each picture, 0 to folds - 1: values spread over the folds evenly, groups whole.

    A group counts as the value that most of its pictures have.

    Args:
        codes: value of each picture `(n,)`, at least 0.
        folds: how many.
        groups: group of each picture, None for independent ones.
        seed: the same seed gives the same folds.

    Raises:
        ValueError: fewer pictures or groups than folds.
    """
    if groups is None:
        return stratified_folds(codes, folds, seed=seed)
    number = np.unique(groups, return_inverse=True)[1]
    count, size = int(number.max(initial=-1)) + 1, int(codes.max(initial=0)) + 1
    if count < folds:
        raise ValueError(f"the pictures come from {plural(count, 'group')}: expected at least {folds}, one a fold")
    usual = np.bincount(number * size + codes, minlength=count * size).reshape(count, size).argmax(axis=1)
    return np.asarray(stratified_folds(usual, folds, seed=seed)[number], np.int64)
