"""How well were the labelled pictures read, and how far can the confidence be believed? Tables small enough to keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

MODEL_COLUMNS = ("model", "kind", "n", "accuracy", "low", "high")
_FACTS = ("model", "n", "seen", "asked", "threshold", "level")


@dataclass(frozen=True)
class Confidence:
    """What one model's confidence is worth on `n` labelled pictures.

    Attributes:
        model: how it is called.
        n: pictures that the tables are of.
        seen: how many of them the model was trained on; None where nobody knows. Nothing is promised where there are any.
        reliability: accuracy at each confidence (see `probes.evaluation.calibration.reliability`).
        coverage: accuracy left when only the surest are answered (`probes.evaluation.calibration.coverage_curve`, thinned
            for drawing; the row of `threshold` is in it).
        asked: the accuracy that was asked for among the answered.
        threshold: the confidence from which it can be promised (`probes.evaluation.calibration.abstention_threshold`), or
            None.
        level: how sure the promise is.
        basis: what the probabilities are, in a phrase; empty where they are simply the model's.
    """

    model: str
    n: int
    seen: int | None
    reliability: pd.DataFrame
    coverage: pd.DataFrame
    asked: float
    threshold: float | None
    level: float = 0.95
    basis: str = ""

    @property
    def answered(self) -> dict[str, Any] | None:
        """The row of `coverage` at `threshold`: `n` answered, their share `coverage`, `accuracy`; or None."""
        if self.threshold is None:
            return None
        return dict(self.coverage[self.coverage["threshold"] >= self.threshold].iloc[-1])

    def as_json(self) -> dict[str, Any]:
        """Plain values only; what `confidence_from_json` reads."""
        facts = {name: getattr(self, name) for name in (*_FACTS, "basis")}
        return facts | {name: getattr(self, name).to_dict("records") for name in ("reliability", "coverage")}


@dataclass(frozen=True)
class MeasuredAccuracy:
    """How a model, and the baselines beside it, read the labelled pictures of an audit.

    Attributes:
        models: one row a model, the audited one first: `model`, `kind` (probe, model or baseline), `n`, `accuracy` with
            its 95 % interval `low`, `high`.
        seen: pictures among them that the audited one was trained on; None where nobody knows.
        confidence: of the audited one; None where it gives no probabilities, or the truth is votes.
        truth: `labels`; or `votes`, where `accuracy` is a mean share of votes for what was said: vote agreement.
    """

    models: pd.DataFrame
    seen: int | None
    confidence: Confidence | None
    truth: str = "labels"

    @property
    def measure(self) -> str:
        """What the figures are called."""
        return "vote agreement" if self.truth == "votes" else "accuracy"

    def as_json(self) -> dict[str, Any]:
        """Plain values only; what `accuracy_from_json` reads."""
        return {
            "models": self.models.to_dict("records"),
            "seen": self.seen,
            "confidence": None if self.confidence is None else self.confidence.as_json(),
            "truth": self.truth,
        }


def accuracy_from_json(record: Mapping[str, Any]) -> MeasuredAccuracy:
    """What `MeasuredAccuracy.as_json` wrote.

    Raises:
        ValueError: something is missing.
    """
    try:
        models = pd.DataFrame(record["models"], columns=list(MODEL_COLUMNS))
        found, truth = record["confidence"], record.get("truth", "labels")
        if found is None:
            return MeasuredAccuracy(models, record["seen"], None, truth)
        tables: dict[str, Any] = {name: pd.DataFrame(found[name]) for name in ("reliability", "coverage")}
        facts = {name: found[name] for name in _FACTS} | {"basis": str(found.get("basis", ""))}
        return MeasuredAccuracy(models, record["seen"], Confidence(**tables, **facts), truth)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an accuracy record ({error} is missing or not as expected): audit again") from error
