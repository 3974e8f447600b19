"""How well does a probe, or anyone's model, read the labelled pictures at hand, and what is its confidence worth?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.audit.accuracy import MODEL_COLUMNS, Confidence, MeasuredAccuracy
from affect_workbench.analyses.inference.means.shares import mean_of_shares
from affect_workbench.arrays import Codes, Floats, Mask, Vectors
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.predictions import Predictions
from affect_workbench.workbench.report.figures.calibration import thinned
from affect_workbench.workbench.report.sections.reliability import NO_NONE_THRESHOLD, none_sentence

if TYPE_CHECKING:
    from affect_workbench.probes.evaluation.evaluate import LinearBaseline
    from affect_workbench.probes.projector import Probe

PROBE = "metric projector"
_LEVEL = 0.95
_ROUNDING = 0.01


def confidence_of(
    model: str, probabilities: Vectors, codes: Codes, *, seen: int | None, target_accuracy: float
) -> Confidence:
    """What a model's `probabilities (n, k)` are worth on pictures with the labels `codes (n,)`.

    Args:
        model: how it is called.
        probabilities: of the labelled pictures.
        codes: their labels.
        seen: how many of them it was trained on, None where nobody knows; with any, no threshold is looked for.
        target_accuracy: the accuracy asked for among the answered.

    Raises:
        ValueError: see `probes.evaluation.calibration`.
    """
    from affect_workbench.probes.evaluation.calibration import abstention_threshold, coverage_curve, reliability

    threshold = None if seen else abstention_threshold(probabilities, codes, accuracy=target_accuracy, level=_LEVEL)
    curve = thinned(coverage_curve(probabilities, codes), threshold=threshold)
    table = reliability(probabilities, codes)
    return Confidence(model, len(codes), seen, table, curve, target_accuracy, threshold, _LEVEL)


def probe_accuracy(
    probe: Probe,
    features: FeatureSet,
    predictions: Predictions,
    baselines: Sequence[LinearBaseline],
    *,
    target_accuracy: float,
) -> MeasuredAccuracy | None:
    """Of a probe and the baselines that were saved with it; None where no picture has a label or votes.

    Where there are votes and no labels it is of the votes: how much of them goes to what is said, and no confidence.

    Args:
        probe: that made the predictions.
        features: the pictures, in the order of the predictions.
        predictions: with all that was joined to them, so that labels may come from there.
        baselines: fitted on the probe's training pictures.
        target_accuracy: see `confidence_of`.
    """
    codes = _codes(predictions)
    known, shares = _known(codes, predictions)
    if not known.any():
        return None
    seen = int((~probe.unseen(features))[known].sum()) if probe.trained_on else None
    name = PROBE + (f" ({100 * seen / known.sum():.0f} % in-sample)" if seen else "")
    predicted = [(name, "probe", predictions.predicted)]
    predicted += [(one.name, "baseline", one.probabilities(features).argmax(axis=1)) for one in baselines]
    models = _models([(model, kind, _hits(answers, codes, shares)[known]) for model, kind, answers in predicted])
    if shares is not None:
        return MeasuredAccuracy(models, seen, None, "votes")
    own = probe.probabilities(predictions)[known]
    return MeasuredAccuracy(models, seen, confidence_of(name, own, codes[known], seen=seen, target_accuracy=target_accuracy))


def table_accuracy(
    predictions: Predictions, *, target_accuracy: float, seen: int | None = None, basis: str = ""
) -> MeasuredAccuracy | None:
    """Of anyone's predictions; None where no picture has a label or votes.

    Without confidence where scores are no probabilities, or where there are votes and no labels.

    Args:
        predictions: with all that was joined to them.
        target_accuracy: see `confidence_of`.
        seen: pictures that the model was trained on, where that is known: 0 for predictions out of fold.
        basis: see `analyses.audit.accuracy.Confidence`.
    """
    codes = _codes(predictions)
    known, voted = _known(codes, predictions)
    if not known.any():
        return None
    name = predictions.source
    models = _models([(name, "model", _hits(predictions.predicted, codes, voted)[known])])
    if voted is not None:
        return MeasuredAccuracy(models, seen, None, "votes")
    scores = 1.0 - predictions.distances[known].astype(np.float64)
    shares = predictions.measure == "score" and bool(
        (scores >= 0).all() and (np.abs(scores.sum(axis=1) - 1) <= _ROUNDING).all()
    )
    if not shares:
        return MeasuredAccuracy(models, seen, None)
    confidence = confidence_of(name, scores, codes[known], seen=seen, target_accuracy=target_accuracy)
    return MeasuredAccuracy(models, seen, replace(confidence, basis=basis))


def none_count(probe: Probe, predictions: Predictions) -> int | None:
    """How many pictures are like none of the probe's own labels; None where it keeps no threshold for that."""
    from affect_workbench.probes.evaluation.calibration import none_of_these

    threshold = probe.none_threshold
    return None if threshold is None else int(none_of_these(1 - predictions.distances, threshold).sum())


def none_of_these(probe: Probe, beyond: int | None, n: int) -> str:
    """The same in a sentence."""
    return NO_NONE_THRESHOLD if beyond is None else none_sentence(beyond, n, float(probe.config["none_share"]))


def coverage_record(confidence: Confidence) -> dict[str, Any]:
    """What was asked and what can be promised, for a record or a table; None where nothing is promised."""
    row = confidence.answered
    return {
        "answer_at": confidence.asked,
        "answer_from": confidence.threshold,
        "answered": None if row is None else float(row["coverage"]),
    }


def _codes(predictions: Predictions) -> npt.NDArray[np.int64]:
    """Of the labels; -1 where there is none. Beside votes, a column `label` may well be about something else."""
    none = np.full(len(predictions), -1)
    if "label" not in predictions.rows:
        return none
    labels, taxonomy = predictions.rows["label"], predictions.taxonomy
    if predictions.has_votes and not all(taxonomy.knows(str(label)) for label in labels.dropna().unique()):
        return none
    return taxonomy.codes(labels)


def _known(codes: npt.NDArray[np.int64], predictions: Predictions) -> tuple[Mask, Vectors | None]:
    """Which pictures have a truth `(n,)`, and their shares of votes `(n, k)` where it is votes and no labels."""
    truth = predictions.truth
    if (codes >= 0).any() or truth is None or not predictions.has_votes:
        return codes >= 0, None
    return np.asarray(np.isfinite(truth).all(axis=1), dtype=bool), np.asarray(truth, dtype=np.float64)


def _hits(predicted: Codes, codes: npt.NDArray[np.int64], shares: Vectors | None) -> Floats:
    """Whether each answer is the label, or its share of the votes `(n,)`."""
    return np.asarray(
        predicted == codes if shares is None else shares[np.arange(len(predicted)), predicted], dtype=np.float64
    )


def _models(hits: list[tuple[str, str, Floats]]) -> pd.DataFrame:
    rows = [(name, kind, len(hit), *mean_of_shares(hit)) for name, kind, hit in hits]
    return pd.DataFrame(rows, columns=list(MODEL_COLUMNS))
