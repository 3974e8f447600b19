"""What would models that know nothing of language, or were never trained here, read on the same pictures?

A baseline is fitted on the training split where there is one, and out of fold where there is none: never on a picture that
it is measured on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from affect_workbench.arrays import Vectors
from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.arrays import unit_rows
from affect_workbench.data.tables.splits import stratified_folds
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.evaluation.evaluate import LinearBaseline, fit_baselines
from affect_workbench.probes.evaluation.neighbours import neighbour_shares

NEIGHBOURS = 15
FOLDS = 5
EVOKES = "a photo that evokes {}"
"""CLIP-E's prompt, https://arxiv.org/abs/2310.12062."""
CLIP = "CLIP text, zero-shot"
_CLIP_TEMPERATURE = 0.01
_CHUNK = 16_384


@dataclass(frozen=True)
class BaselinePredictions:
    """What one model says of `n` pictures.

    Attributes:
        name: how the table calls it.
        probabilities: `(n, k)`, rows sum to 1.
        scores: `(n, k)` that pictures are ranked by for each label, larger is nearer.
    """

    name: str
    probabilities: Vectors
    scores: Vectors


def fitted_baseline_predictions(
    train: FeatureSet, measured: FeatureSet, taxonomy: Taxonomy, *, within: npt.NDArray[np.int64] | None = None
) -> tuple[BaselinePredictions, ...]:
    """Majority, class mean, k nearest neighbours and logistic regression: fitted on `train`, reading `measured`.

    Args:
        train: pictures with labels; those without are left out.
        measured: pictures to read.
        taxonomy: the labels.
        within: positions in `train` of the pictures to fit on; None for all. Features on disk stay there.

    Raises:
        ValueError: `train` has no labels, or fewer than two classes.
    """
    logistic, means, commonest = fit_baselines(train, taxonomy, within=within)
    codes = taxonomy.codes(train.rows["label"])
    known = np.flatnonzero(codes >= 0)
    known = known if within is None else np.intersect1d(known, within)
    majority = commonest.probabilities(measured)
    near = neighbour_shares(train.values, known, codes[known], measured.values, neighbours=NEIGHBOURS, k=len(taxonomy))
    return (
        BaselinePredictions(commonest.name, majority, majority),
        _linear(means, measured),
        BaselinePredictions(f"{NEIGHBOURS} nearest neighbours", near, near),
        _linear(logistic, measured),
    )


def out_of_fold_predictions(
    features: FeatureSet, taxonomy: Taxonomy, *, folds: int = FOLDS, seed: int = 0
) -> tuple[BaselinePredictions, ...]:
    """The same baselines where there is no training split: every picture is read by those fitted on the other folds.

    Raises:
        ValueError: a picture without a label, fewer pictures than folds, or folds with fewer than two classes.
    """
    codes = taxonomy.codes(features.rows["label"])
    if (codes < 0).any():
        raise ValueError(f"{plural(int((codes < 0).sum()), 'picture has', 'pictures have')} no label: leave them out first")
    fold = stratified_folds(codes, min(folds, len(codes)), seed=seed)
    shape = (len(features), len(taxonomy))
    made: dict[str, tuple[Vectors, Vectors]] = {}
    for number in np.unique(fold):
        outside = fold == number
        inside = np.flatnonzero(~outside)
        for predictions in fitted_baseline_predictions(features, features.take(outside), taxonomy, within=inside):
            probabilities, scores = made.setdefault(predictions.name, (np.empty(shape), np.empty(shape)))
            probabilities[outside], scores[outside] = predictions.probabilities, predictions.scores
    return tuple(BaselinePredictions(name, *arrays) for name, arrays in made.items())


def text_predictions(features: FeatureSet, taxonomy: Taxonomy, *, encoder: str = "") -> BaselinePredictions:
    """Zero-shot by the text tower of the encoder that made the features, prompt `EVOKES`, at CLIP's own sharpness.

    Args:
        features: of an encoder with a text tower.
        taxonomy: the labels.
        encoder: the encoder's full name, where the features do not say it.

    Raises:
        ValueError: nobody says which encoder it was, its weights cannot be opened, it has no text tower, or it made other
            features.
    """
    from affect_workbench.probes.encoders.vision import vision_encoder

    spec = features.spec
    if not encoder and spec.encoder == "unknown":
        raise ValueError("the features do not say which encoder made them (name it with --encoder=open_clip:MODEL/TAG)")
    tower = vision_encoder(encoder or encoder_name(spec), on="cpu")
    named_alike = spec.encoder in ("unknown", tower.spec.encoder, encoder)
    weights = {tag.partition(",")[0] for tag in (spec.weights, tower.spec.weights) if tag}
    if tower.spec.width != spec.width or not named_alike or len(weights) > 1:
        raise ValueError(f"the features are of {spec.in_words()}, the text tower is of {tower.spec.in_words()}")
    words = tower.encode_text([EVOKES.format(label) for label in taxonomy.labels])
    cosines = np.concatenate(
        [unit_rows(features.values[start : start + _CHUNK]) @ words.T for start in range(0, len(features), _CHUNK)]
    )
    return BaselinePredictions(CLIP, softmax(cosines.astype(np.float64) / _CLIP_TEMPERATURE, axis=1), cosines)


def encoder_name(spec: FeatureSpec) -> str:
    """The name that `probes.encoders.vision.vision_encoder` takes for the encoder that made these features."""
    tag = spec.weights.partition(",")[0]
    hub = spec.encoder.startswith(("open_clip:hf-hub:", "open_clip:local-dir:"))
    return f"{spec.encoder}/{tag}" if spec.encoder.startswith("open_clip:") and tag and not hub else spec.encoder


def _linear(baseline: LinearBaseline, measured: FeatureSet) -> BaselinePredictions:
    """The baseline's probabilities, and its logits to rank by: for the class mean ten times the cosine."""
    chunks = (measured.values[start : start + _CHUNK] for start in range(0, len(measured), _CHUNK))
    logits = np.concatenate([unit_rows(chunk) @ baseline.weights.T + baseline.bias for chunk in chunks])
    return BaselinePredictions(baseline.name, softmax(logits.astype(np.float64), axis=1), logits)
