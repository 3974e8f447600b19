"""What does a picture of the drawn world make people feel, and why?

The documented cause: each value of an attribute adds its `WEIGHTS` to the score of an emotion, two combinations add
more, and the probability that an annotator names an emotion is the softmax of the scores. Nothing else matters: by this
rule the tone of a figure and the quality of the camera have **no** effect, so whatever a model makes of them is its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.arrays import Floats
from affect_workbench.data.synthetic.scenes.world import require_value
from affect_workbench.data.tables.columns import VOTE_PREFIX
from affect_workbench.data.taxonomies.taxonomy import Taxonomy, closest

EMOTIONS = Taxonomy.named("ekman6").labels

BASE: Mapping[str, float] = {"anger": 0.5, "disgust": 0.1, "fear": 0.4, "joy": 0.0, "sadness": 0.5, "surprise": 0.2}
"""Score of an emotion in a picture with nothing in it; chosen so that no emotion is rare."""

WEIGHTS: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "setting": {
        "beach": {"joy": 0.8},
        "forest": {"surprise": 0.3},
        "city": {"anger": 0.8, "disgust": 0.4},
        "room": {"sadness": 0.6},
    },
    "light": {
        "sunny": {"joy": 1.4},
        "overcast": {"sadness": 1.2},
        "sunset": {"joy": 0.6, "surprise": 0.6},
        "night": {"fear": 1.4},
        "storm": {"fear": 0.8, "anger": 1.2},
    },
    "weather": {"rain": {"sadness": 1.4}, "snow": {"surprise": 0.7, "joy": 0.4}, "fog": {"fear": 0.9, "sadness": 0.4}},
    "subject": {
        "dog": {"joy": 1.6},
        "flower": {"joy": 1.0, "surprise": 0.4},
        "house": {"sadness": 1.0},
        "snake": {"fear": 2.2, "disgust": 1.6},
        "none": {"sadness": 1.2},
    },
    "held": {
        "balloon": {"joy": 1.8, "surprise": 0.6},
        "gift": {"surprise": 2.6, "joy": 0.8},
        "umbrella": {"sadness": 1.4},
        "knife": {"anger": 2.6, "fear": 1.6},
    },
    "extras": {"fire": {"anger": 1.8, "fear": 0.8}, "garbage": {"disgust": 3.4}, "confetti": {"surprise": 2.4, "joy": 1.0}},
}
"""Attribute -> value -> emotion -> what it adds to the emotion's score. A value that is not named adds nothing."""

SHARPNESS = 1.5
"""Factor on all scores: how much annotators agree. At this value the best possible reader gets two labels in three right."""

COMBINATIONS: tuple[tuple[Mapping[str, str], Mapping[str, float]], ...] = (
    ({"held": "knife", "light": "night"}, {"fear": 1.6}),
    ({"subject": "dog", "light": "storm"}, {"sadness": 1.2}),
)
"""What two values add together beyond what each adds alone."""


@dataclass(frozen=True)
class AnnotatorBias:
    """A prejudice of the annotators: of pictures with `attribute = value`, a share of their answers is `emotion`.

    Attributes:
        attribute: e.g. `camera`; the default is what the demo plants, poor cameras being what poor people have.
        value: e.g. `noisy`.
        emotion: what they say without looking further.
        strength: share of the answers, 0 to 1.
    """

    attribute: str = "camera"
    value: str = "noisy"
    emotion: str = "anger"
    strength: float = 0.25

    def __post_init__(self) -> None:
        require_value(self.attribute, self.value)
        if self.emotion not in EMOTIONS:
            raise ValueError(f"cannot plant {self.emotion!r}: {closest(self.emotion, EMOTIONS)}")
        if not 0 <= self.strength <= 1:
            raise ValueError(f"strength {self.strength} of the bias toward {self.emotion} is not between 0 and 1")


def emotion_probabilities(scenes: pd.DataFrame, *, bias: AnnotatorBias | None = None) -> Floats:
    """Probability `(n, 6)` that an annotator names each of `EMOTIONS`, by the rule of this module.

    Args:
        scenes: attribute columns, as `sample_scenes` makes them.
        bias: a prejudice of the annotators; None for fair ones.
    """
    scores = np.tile([BASE[emotion] for emotion in EMOTIONS], (len(scenes), 1))
    effects = [({name: value}, added) for name, levels in WEIGHTS.items() for value, added in levels.items()]
    for where, added in (*effects, *COMBINATIONS):
        inside = np.logical_and.reduce([(scenes[name] == value).to_numpy(bool) for name, value in where.items()])
        scores[inside] += [added.get(emotion, 0.0) for emotion in EMOTIONS]
    scores *= SHARPNESS
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities: Floats = weights / weights.sum(axis=1, keepdims=True)
    if bias is not None:
        inside = (scenes[bias.attribute] == bias.value).to_numpy(bool)
        probabilities[inside] *= 1 - bias.strength
        probabilities[inside, EMOTIONS.index(bias.emotion)] += bias.strength
    return probabilities


def annotate(
    scenes: pd.DataFrame, *, rng: np.random.Generator, annotators: int = 10, bias: AnnotatorBias | None = None
) -> pd.DataFrame:
    """The answers of independent annotators: `label` (the first one's answer) and `vote_<emotion>` (shares of all).

    Raises:
        ValueError: fewer than one annotator.
    """
    if annotators < 1:
        raise ValueError(f"{annotators} annotators: at least one is needed")
    cumulative = emotion_probabilities(scenes, bias=bias).cumsum(axis=1)
    draws = rng.random((len(scenes), annotators))
    answers = np.minimum((draws[:, :, None] >= cumulative[:, None, :]).sum(axis=2), len(EMOTIONS) - 1)
    votes = (answers[:, :, None] == np.arange(len(EMOTIONS))).mean(axis=1)
    columns: dict[str, npt.NDArray[np.generic]] = {"label": np.array(EMOTIONS, dtype=object)[answers[:, 0]]}
    columns |= {VOTE_PREFIX + emotion: votes[:, at] for at, emotion in enumerate(EMOTIONS)}
    return pd.DataFrame(columns, index=scenes.index)


def bayes_accuracy(scenes: pd.DataFrame) -> float:
    """Expected share of labels that the best possible reader of these pictures gets right (fair annotators)."""
    return float(emotion_probabilities(scenes).max(axis=1).mean())
