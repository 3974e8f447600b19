"""Where do tests get cosines, a model's answers, a probe's predictions and features from, of which all is known?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import softmax

from affect_workbench.analyses.fidelity.pictures import AnsweredPictures
from affect_workbench.analyses.slices.coding import coded_attribute, coded_attributes
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.data.predictions import predictions_from_table

Pair = tuple[np.ndarray, np.ndarray]
LABELS = ("anger", "disgust", "fear", "joy", "sadness", "surprise")


def answered_table(
    n: int = 2_000, *, agreement: float = 0.85, probe_skew: float | None = None, skew: float = 0.3, seed: int = 0
) -> pd.DataFrame:
    """Labels, what a model answered, and what a probe of it predicts, in random pictures of two tones and three places.

    The model calls a share `skew` of the dark pictures angry, whatever they show. The probe repeats its answer with
    probability `agreement` (else it guesses), or with `probe_skew` adds that share of anger to the truth by itself.
    """
    rng, k = np.random.default_rng(seed), len(LABELS)
    names = np.array(LABELS, dtype=object)
    tone, place = rng.integers(2, size=n), rng.integers(3, size=n)
    truth = rng.integers(k, size=n)
    answered = np.where((tone == 0) & (rng.random(n) < skew), 0, truth)
    predicted = np.where(rng.random(n) < agreement, answered, rng.integers(k, size=n))
    if probe_skew is not None:
        predicted = np.where((tone == 0) & (rng.random(n) < probe_skew), 0, truth)
    return pd.DataFrame(
        {
            "image_id": [f"p{number:05d}" for number in range(n)],
            "label": names[truth],
            "predicted": names[predicted],
            "answered": names[answered],
            "tone": np.array(["dark", "light"], dtype=object)[tone],
            "place": np.array(["forest", "home", "street"], dtype=object)[place],
        }
    )


def sliced_answers(table: pd.DataFrame) -> SlicedPredictions:
    """Such a table, sliced by tone and place."""
    predictions = predictions_from_table(table)
    coded, _ = coded_attributes(predictions.rows, ["tone", "place"], available=["tone", "place"])
    return SlicedPredictions(predictions, tuple(coded))


def answered_pictures(
    n: int = 1_200, *, skew: float = 0.4, truth: bool = True, groups: np.ndarray | None = None, seed: int = 0
) -> AnsweredPictures:
    """A model's answers to pictures of two tones, the dark ones called angry in a share `skew`."""
    rng, k = np.random.default_rng(seed), len(LABELS)
    shown, tone = rng.integers(k, size=n), rng.integers(2, size=n)
    answers = np.where((tone == 0) & (rng.random(n) < skew), 0, shown)
    attribute = coded_attribute(pd.Series(np.array(["dark", "light"], dtype=object)[tone], name="tone"))
    return AnsweredPictures(LABELS, answers, (attribute,), shown if truth else None, groups)


def written_features(codes: np.ndarray, width: int, *, strength: float = 3.0, seed: int = 0) -> np.ndarray:
    """Features `(n, width)` in which the codes are written along random directions, in noise of unit variance."""
    rng = np.random.default_rng(seed)
    directions = np.linalg.qr(rng.standard_normal((width, len(LABELS))))[0].T
    return (strength * directions[codes] + rng.standard_normal((len(codes), width))).astype(np.float32)


def drawn(probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One label a row, drawn with these probabilities."""
    return (
        (rng.random((len(probabilities), 1)) > probabilities.cumsum(axis=1)).sum(axis=1).clip(max=probabilities.shape[1] - 1)
    )


def world(n: int, *, temperature: float = 0.07, k: int = 5, seed: int = 0) -> Pair:
    """Cosines, and labels that are drawn from softmax(cosine / temperature): the temperature is known."""
    rng = np.random.default_rng(seed)
    cosines = rng.uniform(-0.3, 0.5, (n, k))
    return cosines, drawn(softmax(cosines / temperature, axis=1), rng)
