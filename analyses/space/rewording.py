"""How many pictures are read otherwise when the same emotions are asked for in other words?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from affect_workbench.analyses.inference.intervals import wilson
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.arrays import Vectors

COLUMNS = ("wording", "slice", "n", "flips", "low", "high", "most_changed", "emotion_change")


def prompt_variant_table(data: SlicedPredictions, prompt_variants: Mapping[str, Vectors]) -> pd.DataFrame:
    """One row a (wording, slice), the first of each wording for all pictures: the share whose nearest label changes.

    Columns: `wording`, `slice`, `n`, `flips` with its Wilson interval `low`, `high`; `most_changed`, the emotion whose share
    changes most, and `emotion_change`, by how much. A skew that is smaller than this depends on how the question is put.

    Args:
        data: with embeddings; every slice of one condition is looked at.
        prompt_variants: name, such as a template, -> label vectors `(k, m)` in the labels' order.

    Raises:
        ValueError: predictions without embeddings, or label vectors of another shape.
    """
    predictions = data.predictions
    if predictions.embeddings is None:
        raise ValueError("these predictions have no embeddings: prompt variants need a probe")
    k, width = len(predictions.taxonomy), predictions.embeddings.shape[1]
    slices = [("all pictures", np.ones(len(predictions), bool))]
    slices += [
        (condition.name, one.codes == code) for one in data.attributes for code, condition in enumerate(one.conditions)
    ]
    rows = []
    for name, anchors in prompt_variants.items():
        if anchors.shape != (k, width):
            raise ValueError(f"label vectors of {name!r} have shape {anchors.shape}: expected {(k, width)} (labels, width)")
        unit = anchors / np.linalg.norm(anchors, axis=1, keepdims=True)
        y_pred = (predictions.embeddings @ unit.T).argmax(axis=1)
        changed = y_pred != predictions.predicted
        for where, inside in slices:
            n = int(inside.sum())
            if not n:
                continue
            low, high = wilson(np.array([changed[inside].sum()]), np.array([n]))
            difference = np.bincount(y_pred[inside], minlength=k) - np.bincount(predictions.predicted[inside], minlength=k)
            most = int(np.abs(difference).argmax())
            rows.append(
                (
                    name,
                    where,
                    n,
                    float(changed[inside].mean()),
                    float(low[0]),
                    float(high[0]),
                    predictions.taxonomy.labels[most],
                    float(difference[most] / n),
                )
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))
