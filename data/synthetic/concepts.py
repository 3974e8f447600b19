"""A concept that has nothing to do with any emotion, and a prompt for it that has: which skew does the prompt make up?

The world is the null of `data.synthetic.embeddings`: what is predicted depends on the part of a picture in the span of the
label vectors, and on nothing else. A concept outside that span is given to some pictures at random: its true skew is zero.
A prompt's direction has a known cosine to one label vector and points along the concept otherwise; pictures that score high
on it are then also pictures that lie toward that label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.arrays import Floats, Mask
from affect_workbench.data.concepts.definitions import Concept
from affect_workbench.data.synthetic.embeddings import PlantedEmbeddings, Population, planted_embeddings

SHARE = 0.3
"""Share of the pictures that have the concept."""
SEPARATION = 1.05
"""How far apart pictures with and without the concept lie along it: a prompt of cosine .2 has an AUC of .99 then."""


@dataclass(frozen=True)
class CorrelatedConcept:
    """Pictures, what is said of them, a concept, and a prompt for it.

    Attributes:
        world: rows, distances, labels and label vectors; its features do not hold the concept yet.
        features: `(n, d)` float32, with the concept in them.
        gold: `(n,)` bool, which pictures truly have the concept; independent of everything else.
        concept: the prompt's direction.
        label: position of the emotion that the prompt leans toward.
        cosine: of the prompt's direction and that label's vector.
    """

    world: PlantedEmbeddings
    features: npt.NDArray[np.float32]
    gold: Mask
    concept: Concept
    label: int
    cosine: float

    @property
    def y_pred(self) -> npt.NDArray[np.int64]:
        """Predicted label of each picture `(n,)`."""
        return np.asarray(self.world.distances.argmin(axis=1), np.int64)

    @property
    def score(self) -> Floats:
        """Score of each picture on the prompt `(n,)`: features of unit length times the direction."""
        unit = self.features / np.linalg.norm(self.features, axis=1, keepdims=True)
        return np.asarray(unit @ self.concept.direction, np.float64)

    @property
    def groups(self) -> npt.NDArray[np.object_] | None:
        """Cluster of each picture `(n,)`, None for independent pictures."""
        rows: pd.DataFrame = self.world.rows
        return rows["group_id"].to_numpy(object) if "group_id" in rows else None


def correlated_concept(
    cosine: float, *, n: int = 20_000, seed: int = 0, skew: float = 0.0, cluster_size: int = 1, width: int = 128
) -> CorrelatedConcept:
    """A concept of `SHARE` of `n` pictures and a prompt with this cosine to a label.

    Args:
        cosine: of prompt and label vector; 0 for a prompt that is entangled with no emotion.
        n: pictures.
        seed: makes everything repeatable.
        skew: true skew of that label: the share of pictures read so among those with the concept minus that among others.
        cluster_size: pictures of one cluster have the concept together, and are alike in other ways; 1 for independent ones.
        width: `d`.

    Raises:
        ValueError: a cosine that is not between -1 and 1, or a skew that this concept cannot have.
    """
    if not -1 < cosine < 1:
        raise ValueError(f"cosine is {cosine:g}: expected between -1 and 1")
    population = Population(width=width, cluster_size=cluster_size)
    world = planted_embeddings("null", n=n, seed=seed, mechanism="vectors", population=population)
    rng = np.random.default_rng([seed, 1])
    anchors = world.anchors
    label = int(rng.integers(len(anchors)))
    span = np.linalg.qr(anchors.T)[0]
    outside = rng.standard_normal(width)
    outside -= span @ (span.T @ outside)
    outside /= np.linalg.norm(outside)
    predicted = world.distances.argmin(axis=1) == label
    # P(concept | predicted) and P(concept | not predicted) that give the wanted share and difference of rates.
    lean = skew * SHARE * (1 - SHARE)
    with_label, without = SHARE + lean / predicted.mean(), SHARE - lean / (1 - predicted.mean())
    if not (0 <= with_label <= 1 and 0 <= without <= 1):
        raise ValueError(f"skew is {skew:g}: a concept of {SHARE:.0%} of the pictures cannot have it")
    draw = rng.random(-(-n // cluster_size))[np.arange(n) // cluster_size]
    gold = draw < np.where(predicted, with_label, without)
    features = world.features + SEPARATION * np.outer(gold - 0.5, outside)
    toward = anchors[label] / np.linalg.norm(anchors[label])
    direction = cosine * toward + np.sqrt(1 - cosine**2) * outside
    return CorrelatedConcept(world, np.asarray(features, np.float32), gold, Concept("planted", direction), label, cosine)
