"""Embeddings whose hidden bias is known because we put it there: which pictures would a discovery of slices have to find?

A picture's vector is a part in the span of the label vectors (which emotion it shows) plus a part outside it: its topic, the
continuous attributes that it has more or less of, and noise whose spectrum falls off as 1 / rank, as that of natural
features does. Everything outside the label span is independent of the prediction given the true label, except where a
bias is planted: a null is a null exactly (for `vectors`: off the label span, where its errors are a function of vectors).

Scenarios, each with one planted slice that no column of the rows tells:
    null: nothing is planted.
    direction: the pictures with most of one attribute (a tail of a direction).
    topic: one topic, in one true class only.
    conjunction: the pictures with much of two attributes at once.
    ring: the pictures that are far from the middle of the plane of two attributes, in any direction.

Mechanisms:
    outcome: predictions are drawn from the true label by a confusion kernel on the circumplex; in the slice a share of them
        is replaced by one emotion. Vectors are not touched.
    vectors: the nearest label vector is predicted; in the slice, vectors are moved toward one label vector.

The defaults were chosen before anything of `analyses.discovery` was scored on them, so that two plain methods score about
what they scored on such plants elsewhere, or less (average precision, held out, 8 seeds): ridge regression of the residual
.85 for a direction of 3 %, .57 for 1 %, .58 for a conjunction; k-means inside the class .91 for a topic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.arrays import Codes, Floats, Mask
from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

Mechanism = Literal["outcome", "vectors"]

SCENARIOS = ("null", "direction", "topic", "conjunction", "ring")
SHARES = {"direction": 0.03, "topic": 0.015, "conjunction": 0.03, "ring": 0.03}
"""Scenario -> share of all pictures in the planted slice, where none is given."""
TOPICS = 40
TOPIC_LENGTH = 2.0
"""Expected length of a topic's vector; the noise outside the label span has expected length 1."""
ATTRIBUTES = 6
ATTRIBUTE_LENGTH = 0.8
"""How far one standard deviation of an attribute moves a vector along the attribute's direction."""
IN_COMMON = 0.5
"""Share of a label vector's squared length that lies in the plane of the circumplex; the rest is the label's own."""
CONCENTRATION = 2.0
"""Of the confusion kernel: a wrong label is drawn with weight exp(this x cosine of the angle on the circumplex)."""
TOGETHER = 0.3
"""Within a cluster: the share of predictions that are drawn once for all its pictures (about the intraclass correlation)."""


@dataclass(frozen=True)
class Population:
    """What pictures and predictions are drawn from, before anything is planted.

    Attributes:
        width: `d`.
        accuracy: of nearest label vectors (by bisection on the noise in their span) and of the confusion kernel.
        taxonomy: name of the label set; labels stand on the circumplex in its order, at equal angles.
        label_vectors: `(k, m)` real label vectors (anchors of a probe, say) instead; centred and scaled to unit mean length.
        cluster_size: pictures of one cluster share label, topic, attributes, half of their noise and often the
            prediction; 1 for independent pictures.

    Raises:
        ValueError: an unknown taxonomy, or an accuracy that is not between chance and 1.
    """

    width: int = 128
    accuracy: float = 0.7
    taxonomy: str = "mikels8"
    label_vectors: Floats | None = None
    cluster_size: int = 1

    def __post_init__(self) -> None:
        chance = 1 / len(Taxonomy.named(self.taxonomy))
        if not chance < self.accuracy < 1:
            raise ValueError(f"accuracy is {self.accuracy:g}: expected between {chance:.3g} (chance) and 1")


CIRCUMPLEX = Population()
"""Independent pictures of eight emotions."""


@dataclass(frozen=True)
class PlantedEmbeddings:
    """Embeddings, what a model said of them, and the slice that was planted.

    Attributes:
        scenario: one of `SCENARIOS`.
        features: `(n, d)` float32.
        rows: `image_id`, `label` (the truth), `attribute_3` to `attribute_6` ("low" or "high"; none of them is planted),
            and `group_id` where pictures come in clusters.
        distances: `(n, k)`, smaller = closer: 0 and 1 for the mechanism `outcome`, cosine distances for `vectors`.
        taxonomy: the `k` labels.
        truth: `(n,)` bool, which pictures are in the planted slice; none in the null.
        emotion: what is said too often there; "" in the null.
        effect: as realised: share said in the slice minus that of others at the same true labels; 0 in the null.
        mechanism: how the bias came in.
        anchors: `(k, d)` the label vectors among the features.
        description: the plant in one sentence.
    """

    scenario: str
    features: npt.NDArray[np.float32]
    rows: pd.DataFrame
    distances: Floats
    taxonomy: Taxonomy
    truth: Mask
    emotion: str
    effect: float
    mechanism: Mechanism
    anchors: Floats
    description: str

    @property
    def predictions(self) -> Predictions:
        """The same as `Predictions`; for `vectors` with embeddings and anchors, which are the features themselves."""
        source = f"planted {self.scenario}"
        if self.mechanism == "outcome":
            return Predictions(self.distances, self.rows, self.taxonomy, "label", source)
        return Predictions(self.distances, self.rows, self.taxonomy, "cosine", source, self.features, self.anchors)

    @property
    def feature_set(self) -> FeatureSet:
        """The same as `FeatureSet`."""
        spec = FeatureSpec(width=self.features.shape[1], encoder="planted", weights=self.scenario, layer="synthetic")
        return FeatureSet(spec, self.features, self.rows)


def planted_embeddings(
    scenario: str,
    *,
    n: int = 30_000,
    seed: int = 0,
    share: float | None = None,
    effect: float = 0.7,
    mechanism: Mechanism = "outcome",
    population: Population = CIRCUMPLEX,
) -> PlantedEmbeddings:
    """Embeddings of `n` imaginary pictures with one hidden biased slice, or none.

    Args:
        scenario: one of `SCENARIOS`.
        n: pictures.
        seed: makes everything repeatable.
        share: of the pictures in the planted slice; of `SHARES` when not given. For a topic the nearest cell is taken.
        effect: planted difference against other pictures of the same true labels; reached by bisection on the share of
            replaced predictions, or on how far vectors are moved.
        mechanism: `outcome` or `vectors`.
        population: what the pictures are drawn from.

    Raises:
        ValueError: an unknown scenario or mechanism, a number out of range, or an effect that cannot be reached.
    """
    labels, width, cluster_size = Taxonomy.named(population.taxonomy), population.width, population.cluster_size
    share = SHARES.get(scenario, 0.0) if share is None else share
    _check_plant(scenario, mechanism, share, effect)
    if n < 100 or not 1 <= cluster_size <= n // 2:
        raise ValueError(f"n is {n} in clusters of {cluster_size}: expected at least 100 pictures in at least two clusters")
    rng = np.random.default_rng([seed, SCENARIOS.index(scenario)])
    k, cluster = len(labels), np.arange(n) // cluster_size
    clusters = int(cluster[-1]) + 1
    vectors, accuracy = population.label_vectors, population.accuracy
    anchors = _circumplex(k) if vectors is None else _centred(np.asarray(vectors, np.float64), k)
    span = anchors.shape[1]
    if width <= span + TOPICS:
        raise ValueError(f"width is {width}: expected more than {span + TOPICS}, room for labels and topics")
    basis = np.linalg.qr(rng.standard_normal((width, width)))[0].T

    y = rng.integers(k, size=clusters)[cluster]
    topic = _topics(rng, y[::cluster_size], k)[cluster]
    attributes = rng.standard_normal((clusters, ATTRIBUTES))[cluster]
    outside = _noise(rng, n, width - span, cluster, clusters)
    outside += TOPIC_LENGTH / np.sqrt(width - span) * rng.standard_normal((TOPICS, width - span))[topic]
    directions = rng.standard_normal((ATTRIBUTES, width - span))
    outside += ATTRIBUTE_LENGTH * attributes @ (directions / np.linalg.norm(directions, axis=1, keepdims=True))
    truth, where = _slice(scenario, share, attributes, topic, y, k, labels)
    emotion = int(rng.choice(np.setdiff1d(np.arange(k), np.unique(y[truth]) if scenario == "topic" else [])))

    noise = rng.standard_normal((n, span))
    spread = _bisected(lambda sd: -float((_nearest(anchors[y] + sd * noise, anchors) == y).mean()), -accuracy, high=16.0)
    inside = anchors[y] + spread * noise
    y_pred = _drawn(rng, y, _kernel(anchors, accuracy), cluster, together=TOGETHER if cluster_size > 1 else 0.0)
    draw = rng.random(n)

    def moved(strength: float) -> Floats:
        """Slice vectors moved by this many times the way from their own label vector to the emotion's."""
        return np.asarray(inside + strength * truth[:, None] * (anchors[emotion] - anchors[y]))

    def predicted(strength: float) -> Codes:
        if mechanism == "vectors":
            return _nearest(moved(strength), anchors)
        return np.where(truth & (draw < strength), emotion, y_pred)

    strength = 0.0
    if truth.any():
        most = 4.0 if mechanism == "vectors" else 1.0
        reached = adjusted_difference(predicted(most) == emotion, truth, y)
        if reached < effect:
            raise ValueError(f"effect is {effect:g}: at most {reached:.3g} can be planted in this slice")
        strength = _bisected(lambda s: adjusted_difference(predicted(s) == emotion, truth, y), effect, high=most)
    final = moved(strength) if mechanism == "vectors" else inside
    distances = 1 - (_cosines(final, anchors) if mechanism == "vectors" else np.eye(k)[predicted(strength)])
    realised = adjusted_difference(distances.argmin(axis=1) == emotion, truth, y) if truth.any() else 0.0
    rows = pd.DataFrame({"image_id": [f"{scenario}-{at:06d}" for at in range(n)], "label": np.array(labels.labels)[y]})
    for at in range(2, ATTRIBUTES):
        rows[f"attribute_{at + 1}"] = np.where(attributes[:, at] > 0, "high", "low")
    if cluster_size > 1:
        rows["group_id"] = [f"cluster-{at}" for at in cluster]
    name = labels.labels[emotion] if truth.any() else ""
    where += (
        f": {truth.mean():.1%} of the pictures, predicted as {name} {100 * realised:.1f} points more often" if name else ""
    )
    return PlantedEmbeddings(
        scenario,
        np.asarray(np.hstack([final, outside]) @ basis, np.float32),
        rows,
        distances,
        labels,
        truth,
        name,
        realised,
        mechanism,
        anchors @ basis[:span],
        where,
    )


def adjusted_difference(predicted: Mask, inside: Mask, y: Codes) -> float:
    """Share predicted in the slice minus the share that the other pictures get at the slice's mix of true labels."""
    k = int(y.max()) + 1
    others = np.bincount(y[~inside], weights=predicted[~inside], minlength=k) / np.maximum(
        np.bincount(y[~inside], minlength=k), 1
    )
    return float(predicted[inside].mean() - others[y[inside]].mean())


def _check_plant(scenario: str, mechanism: str, share: float, effect: float) -> None:
    if scenario not in SCENARIOS:
        raise ValueError(f"no scenario {scenario!r}; scenarios: {', '.join(SCENARIOS)}")
    if mechanism not in ("outcome", "vectors"):
        raise ValueError(f"no mechanism {mechanism!r}: expected outcome or vectors")
    if scenario != "null" and not 0 < share < 0.5:
        raise ValueError(f"share is {share:g}: expected between 0 and 0.5")
    if not 0 < effect < 1:
        raise ValueError(f"effect is {effect:g}: expected between 0 and 1")


def _circumplex(k: int) -> Floats:
    """Label vectors `(k, k + 2)` of length 1: a point on a circle, and a direction of its own."""
    angle = 2 * np.pi * np.arange(k) / k
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    return np.hstack([np.sqrt(IN_COMMON) * circle, np.sqrt(1 - IN_COMMON) * np.eye(k)])


def _centred(vectors: Floats, k: int) -> Floats:
    """Real label vectors in coordinates of their own span `(k, rank)`, mean 0 and mean length 1."""
    if vectors.ndim != 2 or len(vectors) != k:
        raise ValueError(f"label_vectors have shape {vectors.shape}: expected ({k}, width), one per label of the taxonomy")
    centred = vectors - vectors.mean(axis=0)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    coordinates = left[:, size > 1e-9 * size[0]] * size[size > 1e-9 * size[0]]
    return np.asarray(coordinates / np.linalg.norm(coordinates, axis=1).mean())


def _topics(rng: np.random.Generator, y: Codes, k: int) -> Codes:
    """A topic a cluster `(clusters,)`: Zipf weights, which every class changes by a factor of its own (log sd .5)."""
    weights = 1 / np.arange(1, TOPICS + 1) * np.exp(0.5 * rng.standard_normal((k, TOPICS)))
    edges = (weights / weights.sum(axis=1, keepdims=True)).cumsum(axis=1)
    return np.asarray(np.minimum((rng.random(len(y))[:, None] > edges[y]).sum(axis=1), TOPICS - 1), np.int64)


def _noise(rng: np.random.Generator, n: int, width: int, cluster: Codes, clusters: int) -> Floats:
    """Noise `(n, width)` of expected squared length 1, variance 1 / rank; half of it the cluster's where there are some."""
    variance = 1 / np.arange(1, width + 1)
    own = rng.standard_normal((n, width))
    if clusters < n:
        own = np.sqrt(0.5) * own + np.sqrt(0.5) * rng.standard_normal((clusters, width))[cluster]
    return np.asarray(own * np.sqrt(variance / variance.sum()))


def _slice(
    scenario: str, share: float, attributes: Floats, topic: Codes, y: Codes, k: int, labels: Taxonomy
) -> tuple[Mask, str]:
    """The planted slice `(n,)`, and which one it is in words."""
    if scenario == "null":
        return np.zeros(len(y), dtype=bool), "nothing is planted"
    if scenario == "topic":
        cells = np.bincount(topic * k + y, minlength=TOPICS * k)
        cell = int(np.abs(cells / len(y) - share).argmin())
        return topic * k + y == cell, f"topic {cell // k + 1} within the true class {labels.labels[cell % k]}"
    if scenario == "direction":
        return attributes[:, 0] > np.quantile(attributes[:, 0], 1 - share), "most of attribute 1"
    if scenario == "ring":
        radius = (attributes[:, :2] ** 2).sum(axis=1)
        return radius > np.quantile(radius, 1 - share), "far from the middle of attributes 1 and 2"
    least = np.minimum(attributes[:, 0], attributes[:, 1])
    return least > np.quantile(least, 1 - share), "much of attribute 1 and of attribute 2"


def _kernel(anchors: Floats, accuracy: float) -> Floats:
    """P(said | true) `(k, k)`: right with the given accuracy, else near labels more often than far ones."""
    weights = np.exp(CONCENTRATION * _cosines(anchors, anchors))
    np.fill_diagonal(weights, 0)
    return np.asarray((1 - accuracy) * weights / weights.sum(axis=1, keepdims=True) + accuracy * np.eye(len(anchors)))


def _drawn(rng: np.random.Generator, y: Codes, kernel: Floats, cluster: Codes, *, together: float) -> Codes:
    """A prediction a picture; with chance `together` a picture takes the draw of its cluster."""
    shared = rng.random(len(y)) < together
    draw = np.where(shared, rng.random(len(y))[cluster], rng.random(len(y)))
    return np.asarray(np.minimum((draw[:, None] > kernel.cumsum(axis=1)[y]).sum(axis=1), len(kernel) - 1), np.int64)


def _cosines(vectors: Floats, anchors: Floats) -> Floats:
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return np.asarray(unit @ (anchors / np.linalg.norm(anchors, axis=1, keepdims=True)).T)


def _nearest(vectors: Floats, anchors: Floats) -> Codes:
    return np.asarray(_cosines(vectors, anchors).argmax(axis=1), np.int64)


def _bisected(rising: Callable[[float], float], target: float, *, high: float) -> float:
    """The argument in [0, high] at which a rising function reaches the target."""
    low = 0.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < target else (low, middle)
    return high
