"""Does the model tie an attribute to an emotion more strongly than its training data did?

Directional bias amplification from attribute to task (A -> T): where training pictures with a value show an emotion more
often than others, is it said of them even more often; where less often, even less? Positive = amplified.
Source: Wang and Russakovsky 2021, arXiv 2102.12594.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from affect_workbench.analyses.inference.exact import fisher_exact
from affect_workbench.analyses.inference.intervals import newcombe
from affect_workbench.analyses.inference.means.sums import Sums
from affect_workbench.analyses.inference.paired import mean_change_interval
from affect_workbench.analyses.inference.resampling import STANDARD_SAMPLING, Sampling, counts_of, drawn_tables
from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.slices.pairs import group_codes
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.strata import true_codes
from affect_workbench.arrays import Codes, Floats
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

Base = Literal["training", "labels"]


def amplification_tables(
    data: SlicedPredictions, *, training: pd.DataFrame, base: Base = "training", sampling: Sampling = STANDARD_SAMPLING
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Amplification of every (slice, emotion), and its mean over each attribute.

    The first has one row a (slice of one condition, emotion): `slice`, `where`, `emotion`; `n_training`, `n`;
    `training_rate`, the share of the slice's training pictures with the emotion; `direction`, +1 where the two go together
    in training and -1 where not, `direction_p` (exact: a direction that is only chance makes the row meaningless);
    `predicted_rate`, `base_rate`; `amplification = direction (predicted_rate - base_rate)` with its 95 % interval `low`,
    `high` (Newcombe, or of paired differences against labels; it takes pictures as independent). The second has one row an
    attribute and one for all: `attribute`, `cells`, `amplification`, their mean, with its bootstrap interval `low`, `high`
    (whole groups drawn together; the directions stay those seen).

    A model that says one emotion where votes spread over several amplifies by being decided.

    Args:
        data: the `n` pictures, which were not trained on.
        training: one row a training picture: the same attribute columns, and `label` or `vote_<label>`.
        base: what the predictions are held against: the rates of the training labels, or of the labels of the same pictures
            (as the authors' code does), which leaves out how the two sets of pictures differ.
        sampling: bootstrap samples.

    Raises:
        ValueError: an attribute is not in the training rows, or has none of the values; no labels; an unknown base.
    """
    if base not in ("training", "labels"):
        raise ValueError(f"base is {base!r}: expected 'training' or 'labels'")
    predictions, groups, draws, rng = data.predictions, data.groups, sampling.draws, sampling.rng()
    taxonomy, k = predictions.taxonomy, len(predictions.taxonomy)
    trained = _trained(training, taxonomy)
    train_truth, train_groups = true_codes(trained), group_codes(trained.rows)
    truth = true_codes(predictions) if base == "labels" else np.zeros(len(predictions), dtype=np.int64)
    joint = np.maximum(truth, 0) * k + predictions.predicted
    cells, drawn_cells, means = [], [], []
    for attribute in data.attributes:
        size = len(attribute.conditions)
        train_codes = np.where(train_truth >= 0, _coded_alike(attribute, trained.rows), -1)
        if not (train_codes >= 0).any():
            raise ValueError(
                f"no training picture has a label and a value of {attribute.column!r} that the audited ones have"
            )
        codes = np.where(truth >= 0, attribute.codes, -1)
        seen = counts_of(train_codes, size, np.maximum(train_truth, 0), k)
        counts = counts_of(codes, size, joint, k * k).reshape(size, k, k)
        direction = np.where(seen * seen.sum() > seen.sum(axis=1, keepdims=True) * seen.sum(axis=0), 1.0, -1.0)
        cells.append(_cell_table(attribute, taxonomy, seen, counts, direction, base))
        drawn = drawn_tables(codes, size, joint, k * k, groups, draws=draws, rng=rng).reshape(draws, size, k, k)
        again = drawn_tables(train_codes, size, np.maximum(train_truth, 0), k, train_groups, draws=draws, rng=rng)
        drawn_cells.append((direction * _change(drawn, again, base)).reshape(draws, -1))
        means.append((attribute.column, cells[-1]["amplification"].to_numpy(), drawn_cells[-1]))
    every = ("all attributes", np.concatenate([values for _, values, _ in means]), np.concatenate(drawn_cells, axis=1))
    rows = []
    for name, values, samples in [*means, every]:
        known = np.isfinite(values)
        kept = np.ma.masked_invalid(samples[:, known]).mean(axis=1).filled(np.nan)
        low, high = np.nanquantile(kept, [0.025, 0.975]) if known.any() and np.isfinite(kept).any() else (np.nan, np.nan)
        rows.append((name, int(known.sum()), values[known].mean() if known.any() else np.nan, low, high))
    table = pd.DataFrame(rows, columns=["attribute", "cells", "amplification", "low", "high"])
    return pd.concat(cells, ignore_index=True), table


def _cell_table(
    attribute: CodedAttribute, taxonomy: Taxonomy, seen: Floats, counts: Floats, direction: Floats, base: Base
) -> pd.DataFrame:
    """Rows of one attribute; `seen (values, k)` in training, `counts (values, k true, k predicted)` audited."""
    k, n_training, n = len(taxonomy), seen.sum(axis=1, keepdims=True), counts.sum(axis=(1, 2))[:, None]
    predicted, true, hit = counts.sum(axis=1), counts.sum(axis=2), np.diagonal(counts, axis1=1, axis2=2)
    n_training, n = np.broadcast_to(n_training, predicted.shape), np.broadcast_to(n, predicted.shape)
    if base == "training":
        low, high = newcombe(predicted, n, seen, n_training)
    else:
        low, high = mean_change_interval(Sums(predicted - true, predicted + true - 2 * hit, n))
    up = direction > 0
    whole = seen.sum(axis=0)
    integers = (np.rint(side).astype(np.int64) for side in (seen, n_training, whole - seen, seen.sum() - n_training))
    with np.errstate(divide="ignore", invalid="ignore"):
        numbers = {
            "training_rate": seen / n_training,
            "direction": direction,
            "direction_p": fisher_exact(*integers),
            "predicted_rate": predicted / n,
            "base_rate": seen / n_training if base == "training" else true / n,
            "amplification": direction * _change(counts, seen, base),
            "low": np.where(up, low, -high),
            "high": np.where(up, high, -low),
        }
    table = pd.DataFrame({name: values.ravel() for name, values in numbers.items()})
    table.insert(0, "slice", np.repeat(np.array([one.name for one in attribute.conditions], dtype=object), k))
    table.insert(1, "where", [{one.column: one.as_json()} for one in attribute.conditions for _ in range(k)])
    table.insert(2, "emotion", list(taxonomy.labels) * len(attribute.conditions))
    table.insert(3, "n_training", np.rint(n_training).astype(np.int64).ravel())
    table.insert(4, "n", np.rint(n).astype(np.int64).ravel())
    return table


def _change(counts: Floats, seen: Floats, base: Base) -> Floats:
    """Share said less the base share `(..., values, k)`; NaN where a slice is empty."""
    n = counts.sum(axis=(-2, -1))[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        from_ = seen / seen.sum(axis=-1, keepdims=True) if base == "training" else counts.sum(axis=-1) / n
        return np.asarray(counts.sum(axis=-2) / n - from_, dtype=np.float64)


def _trained(training: pd.DataFrame, taxonomy: Taxonomy) -> Predictions:
    """The training rows, checked as any rows are; what was predicted for them does not matter."""
    return Predictions(np.zeros((len(training), len(taxonomy))), training, taxonomy, "label", "training")


def _coded_alike(attribute: CodedAttribute, rows: pd.DataFrame) -> Codes:
    """Which condition of the attribute each training row fulfils `(n,)`, -1 for none.

    Raises:
        ValueError: no such column.
    """
    if attribute.column not in rows:
        raise ValueError(
            f"the training rows have no attribute {attribute.column!r}; their columns: "
            f"{', '.join(map(str, rows.columns[:12]))}"
        )
    codes = np.full(len(rows), -1, dtype=np.int64)
    for code, condition in enumerate(attribute.conditions):
        codes[condition.mask(rows)] = code
    return codes
