"""Where the labels explain every skew, or the model adds to some: how often is "the model adds this" said, and wrongly?

Labels differ between kinds of pictures. An error is another picture's label of the same kind, so that predictions have the
shares of the labels in every slice, and no model gap is true; a bias reads some pictures of a kind as one emotion whatever
they show, so that the true model gap of every slice is known exactly.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from affect_workbench.analyses.skew.findings import skew_table
from affect_workbench.analyses.slices.coding import coded_attributes
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.sums import slice_sums
from affect_workbench.arrays import Codes
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

EKMAN = Taxonomy.named("ekman6")
VALUES = (3, 2, 4)
"""Values of the attributes of generated worlds."""
ACCURATE = 0.6
POINTS, PICTURES = 0.10, 4_000
"""The bias that must be found, in how many pictures."""
QUARTERS = 4


class AttributionCounts(NamedTuple):
    """What was said of one world.

    Cells that are skewed, that are ascribed to the model, and of these falsely; whether the planted cell was among them,
    None where none was planted.
    """

    skewed: int
    ascribed: int
    false: int
    found: bool | None


@dataclass(frozen=True)
class Pictures:
    """Kinds of pictures: which each is `(n,)`, its attributes, and its label `(n,)`."""

    kind: Codes
    rows: pd.DataFrame
    label: Codes


def generated(rng: np.random.Generator, *, n: int = PICTURES) -> Pictures:
    """Attributes by chance; the labels of every combination of values have shares of their own."""
    kinds = np.array(list(itertools.product(*(range(size) for size in VALUES))))
    kind = rng.integers(len(kinds), size=n)
    # What each value does to the logarithm of the shares adds up.
    odds = np.tile(rng.normal(0, 0.5, len(EKMAN)), (len(kinds), 1))
    for at, size in enumerate(VALUES):
        odds += rng.normal(0, 0.4, (size, len(EKMAN)))[kinds[:, at]]
    shares = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    label = (rng.random((n, 1)) > shares.cumsum(axis=1)[kind, :-1]).sum(axis=1)
    rows = pd.DataFrame({f"attribute_{at + 1}": [f"v{value}" for value in kinds[kind, at]] for at in range(len(VALUES))})
    return Pictures(kind, rows, label)


def emotion6(folder: Path) -> Pictures | None:
    """Emotion6's pictures by quartiles of their valence; None where the ratings are not there."""
    path = folder / "ratings_train.csv"
    if not path.is_file():
        return None
    table = pd.read_csv(path, keep_default_na=False)
    label = EKMAN.codes(table["id"].str.split("/").str[0])
    kind = pd.qcut(table["valence"].astype(float), QUARTERS, labels=False, duplicates="drop").to_numpy(np.int64)
    return Pictures(kind, pd.DataFrame({"attribute_1": [f"quarter {at + 1}" for at in kind]}), np.asarray(label, np.int64))


def attribution_counts(
    pictures: Pictures, rng: np.random.Generator, *, biased: Sequence[tuple[int, str, int, float]] = ()
) -> AttributionCounts:
    """Errors drawn anew, biases put in, and what the audit's rules say of it.

    Args:
        pictures: whose labels are true.
        rng: of the errors.
        biased: (attribute, value, emotion, share of the value's pictures that are read as it whatever they show); the first
            one's cell is the planted one.
    """
    n, k = len(pictures.label), len(EKMAN)
    y_pred = np.where(rng.random(n) < ACCURATE, pictures.label, -1)
    shares = np.zeros((n, k))
    for kind in np.unique(pictures.kind):
        here = pictures.kind == kind
        wrong = here & (y_pred < 0)
        y_pred[wrong] = rng.choice(pictures.label[here], wrong.sum())
        shares[here] = np.bincount(pictures.label[here], minlength=k) / here.sum()
    expected = np.zeros((n, k))
    for attribute, value, emotion, share in biased:
        here = (pictures.rows[f"attribute_{attribute}"] == value).to_numpy()
        y_pred[here & (rng.random(n) < share)] = emotion
        now = shares + expected
        expected[here] += share * (np.eye(k)[emotion] - now[here])
    rows = pictures.rows.assign(
        image_id=np.arange(n).astype(str), label=np.array(EKMAN.labels, dtype=object)[pictures.label]
    )
    table: Any = _findings(Predictions(1.0 - np.eye(k)[y_pred], rows, EKMAN, "label"))
    skewed = table[table["verdict"] == "skewed"]
    ascribed = skewed[skewed["origin"].isin(["model", "both"])]
    false = 0
    for row in ascribed.to_dict("records"):
        inside = SliceSpec.from_json(row["where"]).mask(rows)
        gap = expected[inside].mean(axis=0) - expected[~inside].mean(axis=0)
        false += bool(gap[EKMAN.labels.index(row["emotion"])] * np.sign(row["effect"]) <= 1e-12)
    found = None
    if biased:
        attribute, value, emotion, _ = biased[0]
        cell = (ascribed["slice"] == f"attribute 1: {value}".replace("1", str(attribute))) & (
            ascribed["emotion"] == EKMAN.labels[emotion]
        )
        found = bool(cell.any())
    return AttributionCounts(len(skewed), len(ascribed), false, found)


def _findings(predictions: Predictions) -> pd.DataFrame:
    named = [str(name) for name in predictions.rows if str(name).startswith("attribute_")]
    coded, _ = coded_attributes(predictions.rows, named, available=named)
    data = SlicedPredictions(predictions, tuple(coded))
    sums = slice_sums(coded, data.scores.columns, order=min(2, len(named)), beside=1 + len(EKMAN))
    return skew_table(sums, data)


def label_only(seed: Sequence[int], *, pictures: Pictures | None = None) -> AttributionCounts:
    """A world in which the labels explain every skew: Emotion6's, or a generated one."""
    rng = np.random.default_rng(seed)
    return attribution_counts(generated(rng) if pictures is None else pictures, rng)


def mixed(seed: Sequence[int]) -> AttributionCounts:
    """Labels differ everywhere; the model adds to what is said of two values of the first attribute, one of them much."""
    rng = np.random.default_rng(seed)
    emotions = rng.integers(len(EKMAN), size=2)
    return attribution_counts(
        generated(rng), rng, biased=((1, "v0", int(emotions[0]), 0.15), (1, "v1", int(emotions[1]), 0.05))
    )


def planted(seed: Sequence[int]) -> AttributionCounts:
    """Of one value of the first attribute as many pictures more are read as one emotion as make a gap of ten points.

    One that the labels do not make rarer there: where they do, labels and bias cancel, and there is no skew whose doing
    could be asked (a quarter of the pairs, were they drawn from all).
    """
    rng = np.random.default_rng(seed)
    pictures = generated(rng)
    here = (pictures.rows["attribute_1"] == "v0").to_numpy()
    own, other = (np.bincount(pictures.label[side], minlength=len(EKMAN)) / side.sum() for side in (here, ~here))
    emotion = int(rng.choice(np.flatnonzero(own >= other)))
    base = float(own[emotion])
    return attribution_counts(pictures, rng, biased=((1, "v0", emotion, POINTS / (1 - base)),))
