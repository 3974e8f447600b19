"""Toward which emotion are the pictures of a slice pulled, and is that still so among pictures of the same label?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from affect_workbench.analyses.inference.multiplicity import benjamini_hochberg
from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.strata import series_of
from affect_workbench.analyses.space.contrasts import Contrasts, contrasts
from affect_workbench.arrays import Codes, Floats

COLUMNS = (
    "slice",
    "emotion",
    "n",
    "pull",
    "low",
    "high",
    "q",
    "n_within",
    "pull_within",
    "within_low",
    "within_high",
    "q_within",
)


def pull_table(data: SlicedPredictions) -> pd.DataFrame:
    """One row a (slice, emotion): the centroid pull `(mu_s - mu_s').(L_k - mean L)`, raw and within labels.

    Every picture's closeness to each label less its mean closeness to all labels is a number, and the pull is a difference
    of means of those, so its interval needs no vectors. Columns: `slice`, `emotion`, `n`; `pull` with its 95 % interval
    `low`, `high`, in cosines (or in scores); `q`, Benjamini-Hochberg over all rows; the same within labels (`n_within`
    pictures with a label that others have too, `pull_within`, `within_low`, `within_high`, `q_within`): Mantel-Haenszel
    weighted over the labels, NaN without a truth. What is pulled within labels is pulled by more than the mix of labels
    in the slice.

    Args:
        data: with distances that mean something.

    Raises:
        ValueError: predictions that name a label only.
    """
    predictions = data.predictions
    if predictions.measure == "label":
        raise ValueError("these predictions contain labels only: there are no distances")
    closeness = centred_closeness(predictions.distances)
    tables = [_rows(one, closeness, predictions.taxonomy.labels, data.true_codes, data.groups) for one in data.attributes]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))
    for column, p in (("q", "p"), ("q_within", "p_within")):
        table[column] = benjamini_hochberg(table[p].to_numpy(np.float64)) if tables else table[column]
    return table[list(COLUMNS)]


def centred_closeness(distances: np.ndarray[tuple[int, ...], np.dtype[np.floating]]) -> Floats:
    """Minus distance `(n, k)`, less the mean over the labels of each picture."""
    values = np.asarray(distances, np.float64)
    return np.asarray(values.mean(axis=1, keepdims=True) - values)


def _rows(
    attribute: CodedAttribute, closeness: Floats, labels: tuple[str, ...], y: Codes | None, groups: Codes | None
) -> pd.DataFrame:
    size, k = len(attribute.conditions), len(labels)
    raw = contrasts(attribute.codes, size, closeness, groups=groups)
    empty = np.full((size, k), np.nan)
    within = Contrasts(empty, empty, np.zeros(size), np.zeros(size))
    if y is not None:
        within = contrasts(attribute.codes, size, closeness, strata=y, groups=groups)
    low, high = raw.interval()
    within_low, within_high = within.interval()
    table = pd.DataFrame(
        {
            "slice": series_of([condition.name for condition in attribute.conditions], k),
            "emotion": np.tile(np.array(labels, dtype=object), size),
            "n": np.repeat(np.rint(raw.n).astype(np.int64), k),
            "pull": raw.effect.ravel(),
            "low": low.ravel(),
            "high": high.ravel(),
            "p": _p(raw).ravel(),
            "n_within": np.repeat(np.rint(within.n).astype(np.int64), k),
            "pull_within": within.effect.ravel(),
            "within_low": within_low.ravel(),
            "within_high": within_high.ravel(),
            "p_within": _p(within).ravel(),
        }
    )
    return table


def _p(found: Contrasts) -> Floats:
    """Two-sided normal p of "no difference"."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(2 * special.ndtr(-np.abs(found.effect) / found.error), np.float64)
