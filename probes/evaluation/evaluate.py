"""How well does a probe read emotions, beside what simple baselines do on the same pictures?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from safetensors.numpy import save
from scipy.special import softmax

from affect_workbench.arrays import Codes, Floats, Vectors
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.plurals import plural
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.storage.arrays import take_rows, unit_rows
from affect_workbench.data.storage.threads import threads_for
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.evaluation.metrics import figures
from affect_workbench.probes.projector import Probe
from affect_workbench.probes.runtime import read_named_arrays

_CHUNK = 16_384
LOGISTIC_AT_MOST = 50_000
"""Pictures that the logistic regression is fitted on at most: 300 MB at width 768, and minutes of work."""


@dataclass(frozen=True)
class LinearBaseline:
    """Logits `unit(x) @ weights.T + bias`: enough for logistic regression, the nearest class mean and the commonest label.

    Attributes:
        name: how the table calls it.
        weights: `(k, d)`.
        bias: `(k,)`.
    """

    name: str
    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    def probabilities(self, features: FeatureSet) -> Vectors:
        """Softmax of the logits `(n, k)`, in chunks."""
        chunks = (features.values[start : start + _CHUNK] for start in range(0, len(features), _CHUNK))
        return np.concatenate([softmax(unit_rows(chunk) @ self.weights.T + self.bias, axis=1) for chunk in chunks])


def fit_baselines(
    train: FeatureSet, taxonomy: Taxonomy, *, within: npt.NDArray[np.int64] | None = None
) -> tuple[LinearBaseline, ...]:
    """Logistic regression (C = 10, unit features), nearest class mean (cosine) and majority, fitted on `train`.

    The majority says the commonest label of every picture, with the share of each label as its probability.

    The logistic regression takes `LOGISTIC_AT_MOST` pictures drawn at random where there are more (its name then says so):
    it needs them all in memory, where the class means are sums over chunks.

    Args:
        train: pictures with labels; those without are left out.
        taxonomy: the labels.
        within: positions in `train` of the pictures to fit on; None for all.

    Raises:
        ValueError: no labels, or fewer than two classes.
    """
    from sklearn.linear_model import LogisticRegression

    if "label" not in train.rows:
        raise ValueError("cannot fit baselines: the features have no 'label' column")
    codes = taxonomy.codes(train.rows["label"])
    rows = np.flatnonzero(codes >= 0)
    rows = rows if within is None else np.intersect1d(rows, within)
    classes = np.unique(codes[rows])
    if len(classes) < 2:
        raise ValueError(f"cannot fit baselines on {plural(len(classes), 'class', 'classes')}: at least two are needed")
    sample = _at_most(rows, codes[rows], LOGISTIC_AT_MOST)
    # In single precision it stops where rounding does, which differs with the number of threads.
    x = unit_rows(take_rows(train.values, sample)).astype(np.float64)
    with threads_for(x.size):
        model = LogisticRegression(C=10, max_iter=2_000, tol=1e-6).fit(x, codes[sample])
    slope, offset = (
        (model.coef_, model.intercept_)
        if len(classes) > 2
        else (np.vstack([-model.coef_, model.coef_]) / 2, np.concatenate([-model.intercept_, model.intercept_]) / 2)
    )
    # A class without a training picture can never be said: its logit is far below every other.
    weights, bias = np.zeros((len(taxonomy), train.spec.width), np.float32), np.full(len(taxonomy), -1e4, np.float32)
    weights[classes], bias[classes] = slope, offset
    means, mean_bias = np.zeros_like(weights), np.full_like(bias, -1e4)
    means[classes], mean_bias[classes] = unit_rows(_class_sums(train, codes, rows, len(taxonomy))[classes]), 0
    shares = np.bincount(codes[rows], minlength=len(taxonomy)) / len(rows)
    log_shares = np.log(shares, where=shares > 0, out=np.full(len(taxonomy), -1e4)).astype(np.float32)
    sampled = f" ({len(sample):,} pictures)" if len(sample) < len(rows) else ""
    # Cosines differ by hundredths; the projector's own default temperature makes them comparable probabilities.
    return (
        LinearBaseline(f"logistic regression{sampled}", weights, bias),
        LinearBaseline("class mean", means / 0.1, mean_bias),
        LinearBaseline("majority", np.zeros_like(weights), log_shares),
    )


def _at_most(rows: npt.NDArray[np.int64], codes: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
    """`most` of the rows in order, drawn at random by a fixed seed; every class keeps at least one."""
    if len(rows) <= most:
        return rows
    shuffled = np.random.default_rng(0).permutation(len(rows))
    firsts = shuffled[np.unique(codes[shuffled], return_index=True)[1]]
    chosen = np.concatenate([firsts, shuffled[~np.isin(shuffled, firsts)]])[:most]
    return np.sort(rows[chosen])


def _class_sums(train: FeatureSet, codes: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], k: int) -> Floats:
    """Sum of the unit features of every class `(k, d)`; it points where the mean does."""
    sums = np.zeros((k, train.spec.width))
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        belongs = (codes[part] == np.arange(k)[:, None]).astype(np.float32)
        sums += belongs @ unit_rows(take_rows(train.values, part))
    return sums


def save_baselines(baselines: tuple[LinearBaseline, ...], path: Path) -> None:
    """One safetensors file; the names are in its metadata."""
    tensors = {
        f"{number}.{part}": np.ascontiguousarray(getattr(baseline, part))
        for number, baseline in enumerate(baselines)
        for part in ("weights", "bias")
    }
    path.write_bytes(save(tensors, metadata={"names": json.dumps([baseline.name for baseline in baselines])}))


def load_baselines(path: Path) -> tuple[LinearBaseline, ...]:
    """What `save_baselines` wrote.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no baselines at {path}: train the probe again with `workbench train`")
    again = "train the probe again"
    arrays, names = read_named_arrays(path, otherwise=again)
    found = []
    for number, name in enumerate(names):
        weights, bias = arrays.get(f"{number}.weights"), arrays.get(f"{number}.bias")
        if weights is None or bias is None or weights.ndim != 2 or bias.shape != weights.shape[:1]:
            raise ValueError(f"{path} is damaged (the weights of {name[:60]!r} are missing, or of another shape): {again}")
        found.append(LinearBaseline(name, weights, bias))
    return tuple(found)


@dataclass(frozen=True)
class Evaluation:
    """How a probe and its baselines did on the same pictures.

    Attributes:
        table: one row a model: `model`, `n`, `accuracy` with its 95 % Wilson interval `low`, `high`,
            `balanced_accuracy`, `ece`, and `recall_<label>` columns (NaN for a class without pictures).
        confusion: truth (rows) against the probe's prediction (columns), counts.
        unlabelled: pictures without a label, not counted anywhere above.
    """

    table: pd.DataFrame
    confusion: pd.DataFrame
    unlabelled: int

    def as_json(self) -> dict[str, object]:
        """The probe's figures at the top, the baselines' beside them; NaN becomes null."""
        records = json.loads(self.table.to_json(orient="records"))
        head = records[0]
        return {
            **{name: head[name] for name in ("accuracy", "low", "high", "n", "balanced_accuracy", "ece")},
            "recall": {name.removeprefix("recall_"): head[name] for name in head if name.startswith("recall_")},
            "baselines": {
                record["model"]: {name: record[name] for name in ("accuracy", "low", "high", "balanced_accuracy", "ece")}
                for record in records[1:]
            },
            "confusion": json.loads(self.confusion.to_json(orient="split", index=True)),
            "unlabelled": self.unlabelled,
        }


def evaluate(probe: Probe, features: FeatureSet, baselines: tuple[LinearBaseline, ...] = ()) -> Evaluation:
    """Probe and baselines on the labelled pictures of `features`.

    Raises:
        ValueError: no labels, a label outside the taxonomy, or another encoder's features.
    """
    predictions = probe.predict(features)
    by_model: dict[str, Vectors] = {"metric projector": probe.probabilities(predictions)}
    by_model |= {baseline.name: baseline.probabilities(features) for baseline in baselines}
    return evaluation(by_model, features, probe.taxonomy)


def evaluation(by_model: Mapping[str, Vectors], features: FeatureSet, taxonomy: Taxonomy) -> Evaluation:
    """The table for ready probabilities `(n, k)` by model name; the first is the one whose confusion is kept.

    Raises:
        ValueError: no picture has a label.
    """
    codes = taxonomy.codes(features.rows["label"]) if "label" in features.rows else np.full(len(features), -1)
    known = codes >= 0
    if not known.any():
        raise ValueError("cannot evaluate: no picture has a label")
    table = pd.DataFrame(
        [{"model": name, **_figures(reading[known], codes[known], taxonomy)} for name, reading in by_model.items()]
    )
    y_pred = next(iter(by_model.values()))[known].argmax(axis=1)
    counts = np.bincount(codes[known] * len(taxonomy) + y_pred, minlength=len(taxonomy) ** 2)
    confusion = pd.DataFrame(
        counts.reshape(len(taxonomy), len(taxonomy)), index=list(taxonomy.labels), columns=list(taxonomy.labels)
    )
    return Evaluation(table, confusion, int((~known).sum()))


def _figures(probabilities: Vectors, codes: Codes, taxonomy: Taxonomy) -> dict[str, float]:
    """The figures of the table that training writes; `probes.evaluation.metrics` has more."""
    known = figures(probabilities, codes, taxonomy)
    return {name: value for name, value in known.items() if name not in ("macro_f1", "top2")}


def out_of_fold(parts: list[tuple[npt.NDArray[np.int64], Predictions]], features: FeatureSet) -> Predictions:
    """Predictions of every picture by the probe that did not see it, from (positions, predictions) of the folds.

    Raises:
        ValueError: a picture is predicted never or twice.
    """
    times = np.bincount(np.concatenate([positions for positions, _ in parts]), minlength=len(features))
    if (times != 1).any():
        raise ValueError(
            f"{plural(int((times == 0).sum()), 'picture is', 'pictures are')} "
            f"in no fold and {int((times > 1).sum())} in several"
        )
    first = parts[0][1]
    distances = np.empty((len(features), len(first.taxonomy)), dtype=first.distances.dtype)
    for positions, predictions in parts:
        distances[positions] = predictions.distances
    source = "+".join(predictions.source for _, predictions in parts)
    return Predictions(distances, features.rows, first.taxonomy, first.measure, source)
