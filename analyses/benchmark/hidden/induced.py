"""On real features: is a slice found in which predictions were changed, when the features themselves were not made up?

Predictions are drawn from the true labels; in the slice seven in ten are replaced by one emotion. The slice is a tail of a
wide direction of the features, or a combination of values of attributes that discovery is not told of.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from affect_workbench.analyses.benchmark.hidden.detection import recovery
from affect_workbench.analyses.benchmark.results import Experiment, Record, Row, share_row, values_of
from affect_workbench.analyses.discovery.discover import discover
from affect_workbench.arrays import Codes, Mask, Vectors
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

ACCURACY, STRENGTH = 0.7, 0.7
WIDE = 10
"""The direction is one of this many principal components."""
SHARE, FEWEST = 0.03, 150
SHARES = (0.03, 0.1)
"""Of the pictures, in a combination of attribute values that may be planted."""


def induced_experiment(
    name: str, what: str, features: FeatureSet, taxonomy: Taxonomy, *, attributes: Sequence[str], blocks: tuple[int, int]
) -> Experiment:
    """Slices induced on a labelled feature set.

    Args:
        name: of the experiment.
        what: the features in words.
        features: with a label of every picture.
        taxonomy: the labels.
        attributes: whose values, two together, make a slice; none for tails of directions.
        blocks: quick and full.
    """
    y = taxonomy.codes(features.rows["label"])
    bare = features.rows[["image_id", "label"]]

    def run(seed: Sequence[int], quick: bool) -> Record:
        rng = np.random.default_rng(seed)
        inside = _combination(features.rows, attributes, rng) if attributes else _tail(features.values, rng)
        found: dict[str, list[float]] = {}
        for kind, slice_ in (("planted", inside), ("null", np.zeros_like(inside))):
            y_pred = induced(y, slice_, len(taxonomy), rng)
            predictions = Predictions(1.0 - np.eye(len(taxonomy))[y_pred], bare, taxonomy, "label", "induced")
            result = discover(np.asarray(features.values), predictions)
            found[kind] = [float(len(result.verified) > 0)]
            if inside is slice_:
                scored = recovery(result, inside)
                found |= {"planted": [float(scored.found)], "precision": [scored.average_precision]}
        return found

    def rows(records: Sequence[Record], quick: bool) -> list[Row]:
        found, alarms = values_of(records, "planted"), values_of(records, "null")
        precision = float(np.mean(values_of(records, "precision")))
        where = "two attribute values together" if attributes else "a tail of a wide direction"
        return [
            share_row(
                int(sum(found)),
                len(found),
                kind="scenario",
                name=f"{what}: {where}, found and verified",
                note=f"{len(y):,} pictures; average precision {precision:.2f}",
            ),
            share_row(
                int(sum(alarms)),
                len(alarms),
                at_most=0.05,
                kind="scenario",
                name=f"{what}: nothing planted, any slice verified",
            ),
        ]

    return Experiment(name, blocks, run, rows)


def induced(y: Codes, inside: Mask, k: int, rng: np.random.Generator) -> Codes:
    """Predictions `(n,)`: right in seven of ten, else any other label; in the slice mostly one label, whatever is shown."""
    other = (y + rng.integers(1, k, size=len(y))) % k
    y_pred = np.where(rng.random(len(y)) < ACCURACY, y, other)
    return np.asarray(np.where(inside & (rng.random(len(y)) < STRENGTH), rng.integers(k), y_pred), np.int64)


def _tail(values: Vectors, rng: np.random.Generator) -> Mask:
    x = np.asarray(values, np.float64)
    x = x - x.mean(axis=0)
    axes = np.linalg.eigh(x.T @ x)[1][:, ::-1]
    score = x @ axes[:, int(rng.integers(WIDE))] * rng.choice([-1, 1])
    return np.asarray(score > np.quantile(score, 1 - max(SHARE, FEWEST / len(x))))


def _combination(rows: pd.DataFrame, attributes: Sequence[str], rng: np.random.Generator) -> Mask:
    """Two values together that hold a share of the pictures within `SHARES`, drawn evenly among those that do."""
    fitting: list[tuple[str, str, object, object]] = []
    for at, one in enumerate(attributes):
        for other in attributes[at + 1 :]:
            sizes = rows.groupby([one, other]).size() / len(rows)
            wanted = sizes[(sizes >= SHARES[0]) & (sizes <= SHARES[1])]
            fitting += [(one, other, first, second) for first, second in wanted.index]
    if not fitting:
        raise ValueError(
            f"no two values of {', '.join(attributes)} together hold {100 * SHARES[0]:.0f} % to {100 * SHARES[1]:.0f} %"
        )
    one, other, first, second = fitting[int(rng.integers(len(fitting)))]
    return np.asarray((rows[one] == first) & (rows[other] == second))
