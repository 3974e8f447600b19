"""A feature table whose bias is known because we put it there, and an unbiased twin: does the audit tell them apart?

A picture's vector is its *content* (the direction of an emotion) plus a direction for each of its attributes plus
noise. Without bias the content is the true emotion and attributes say nothing about it. Two things can be planted:

- `reading`: in the slice, a share `strength` of the pictures carries the content of another emotion than the true one,
  as when an encoder sees anger in dark faces. The labels stay true, so this is a *model gap*.
- `labels`: in the slice, a share `strength` of the pictures truly has the emotion. The model is right to say so;
  this is a *label gap*.

Only the split `test` is biased; `train` is drawn without bias, so a probe cannot learn to undo it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from affect_workbench.arrays import Mask
from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.taxonomies.taxonomy import Taxonomy, closest

ATTRIBUTES: Mapping[str, tuple[tuple[str, float], ...]] = {
    "figure_tone": (("light", 0.4), ("medium", 0.35), ("dark", 0.25)),
    "setting": (("street", 0.3), ("home", 0.3), ("nature", 0.25), ("party", 0.15)),
    "light": (("day", 0.55), ("dusk", 0.25), ("night", 0.2)),
    "weather": (("clear", 0.5), ("rain", 0.3), ("snow", 0.2)),
    "subject": (("one person", 0.45), ("several people", 0.3), ("animal", 0.15), ("no figure", 0.1)),
    "camera": (("phone", 0.6), ("studio", 0.3), ("old film", 0.1)),
}
"""Attribute -> (value, share). Attributes are independent of each other and, in the twin, of the emotion."""


@dataclass(frozen=True)
class PlantedBias:
    """One planted cause.

    Attributes:
        where: attribute -> value; the slice is the conjunction.
        emotion: the emotion that is said more often there.
        strength: share of the slice's pictures that are changed, 0 to 1.
        kind: `reading` (labels stay true: model gap) or `labels` (the truth itself differs: label gap).
    """

    where: Mapping[str, str]
    emotion: str
    strength: float
    kind: Literal["reading", "labels"] = "reading"


DEFAULT_BIASES = (
    PlantedBias({"figure_tone": "dark"}, "anger", 0.18),
    PlantedBias({"light": "night", "setting": "street"}, "fear", 0.35),
    PlantedBias({"setting": "party"}, "joy", 0.25, kind="labels"),
)
"""What `workbench demo` plants: one attribute, one intersection, and one slice whose labels truly differ."""


def feature_table(
    *,
    biases: Sequence[PlantedBias] = DEFAULT_BIASES,
    train: int = 3_000,
    test: int = 4_000,
    width: int = 64,
    noise: float = 0.5,
    taxonomy: str = "ekman6",
    seed: int = 0,
) -> FeatureSet:
    """Features of `train + test` imaginary pictures with the biases planted in split `test`.

    Args:
        biases: what to plant; an empty sequence gives the unbiased twin (same seed, same attributes and noise).
        train: pictures in split `train`, never biased.
        test: pictures in split `test`.
        width: feature width `d`; at least labels + attribute values, so that all directions are orthogonal.
        noise: standard deviation along every axis, where an emotion's direction has length 1; 0.5 leaves about three
            in four pictures readable.
        taxonomy: name of the label set.
        seed: makes everything repeatable.

    Raises:
        ValueError: an unknown attribute, value or emotion, a strength outside 0 to 1, or a width that is too small.
    """
    labels = Taxonomy.named(taxonomy).labels
    for bias in biases:
        _check(bias, labels)
    count, rng = train + test, np.random.default_rng(seed)
    values = sum(len(levels) for levels in ATTRIBUTES.values())
    if width < len(labels) + values:
        raise ValueError(f"width {width} is too small: {len(labels)} labels and {values} attribute values need as many")
    basis = np.linalg.qr(rng.standard_normal((width, len(labels) + values)))[0].T
    emotion = rng.integers(len(labels), size=count)
    rows = pd.DataFrame(
        {
            "image_id": [f"planted-{number:06d}" for number in range(count)],
            "split": np.where(np.arange(count) < train, "train", "test"),
        }
    )
    vectors = np.zeros((count, width))
    row = len(labels)
    for name, levels in ATTRIBUTES.items():
        codes = rng.choice(len(levels), size=count, p=[share for _, share in levels])
        rows[name] = np.array([value for value, _ in levels], dtype=object)[codes]
        vectors += 0.5 * basis[row + codes]
        row += len(levels)
    content = emotion.copy()
    # A stream of its own, so that the twin has the same noise.
    draws = np.random.default_rng([seed, 1]).random((len(biases), count))
    for bias, draw in zip(biases, draws, strict=True):
        changed = planted_slice(rows, bias.where) & (rows["split"] == "test").to_numpy() & (draw < bias.strength)
        content[changed] = labels.index(bias.emotion)
        if bias.kind == "labels":
            emotion[changed] = labels.index(bias.emotion)
    vectors += basis[content] + noise * rng.standard_normal((count, width))
    rows["label"] = np.array(labels, dtype=object)[emotion]
    spec = FeatureSpec(width=width, encoder="planted", weights=f"seed {seed}, noise {noise:g}", layer="synthetic")
    return FeatureSet(spec, vectors.astype(np.float32), rows)


def planted_slice(rows: pd.DataFrame, where: Mapping[str, str]) -> Mask:
    """Which rows `(n,)` are in the conjunction."""
    mask = np.ones(len(rows), dtype=bool)
    for name, value in where.items():
        mask &= (rows[name] == value).to_numpy()
    return mask


def _check(bias: PlantedBias, labels: tuple[str, ...]) -> None:
    if bias.emotion not in labels:
        raise ValueError(f"cannot plant {bias.emotion!r}: {closest(bias.emotion, labels)}")
    if not 0 <= bias.strength <= 1:
        raise ValueError(f"strength {bias.strength} of the bias toward {bias.emotion} is not between 0 and 1")
    for name, value in bias.where.items():
        if name not in ATTRIBUTES:
            raise ValueError(f"cannot plant in attribute {name!r}: {closest(name, ATTRIBUTES)}")
        legal = [level for level, _ in ATTRIBUTES[name]]
        if value not in legal:
            raise ValueError(f"attribute {name!r} has no value {value!r}: {closest(value, legal)}")
