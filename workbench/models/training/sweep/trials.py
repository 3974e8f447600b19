"""How good are some settings on the folds left out, and how is that kept, so that a killed sweep goes on?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.arrays import Floats, Mask
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import write_json
from affect_workbench.data.storage.saved import Record, read_json, read_record
from affect_workbench.data.tables.splits import stratified_folds
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.config import FitConfig

if TYPE_CHECKING:
    from affect_workbench.probes.anchors.anchors import LabelAnchors

QUESTION_FILE = "question.json"
STATES = ("complete", "pruned", "stopped", "failed")
_AGAIN = "remove the sweep's working folder, and sweep again"
_READ_AT_ONCE = 1 << 16
"""Pictures that are read at once, 200 MB at width 768."""


@dataclass(frozen=True)
class CVSetup:
    """What all trials of a sweep are measured on: the same pictures in the same folds.

    Attributes:
        features: a set with labels.
        within: positions in it of the labelled training pictures `(n,)`; features on disk stay there.
        taxonomy: their labels.
        anchors: one vector a label, loaded once.
        folds: how many parts; each is left out once.
        seed: of the folds.
        measure: `accuracy` or `balanced_accuracy`.

    Raises:
        ValueError: fewer than two folds or two classes, or a class with fewer pictures than folds.
    """

    features: FeatureSet
    within: npt.NDArray[np.int64]
    taxonomy: Taxonomy
    anchors: LabelAnchors
    folds: int
    seed: int
    measure: str = "accuracy"

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise ValueError(f"--folds is {self.folds}: at least 2 are needed, one to train on and one to measure on")
        sizes = self.sizes
        if (sizes > 0).sum() < 2:
            raise ValueError(
                f"cannot sweep on {plural(int((sizes > 0).sum()), 'class', 'classes')}: at least two are needed"
            )
        few = [f"{self.taxonomy.labels[at]!r} has {sizes[at]}" for at in np.flatnonzero((sizes > 0) & (sizes < self.folds))]
        if few:
            raise ValueError(
                f"{plural(len(few), 'class has', 'classes have')} "
                f"fewer pictures than the {self.folds} folds, first {few[0]}: every fold needs "
                "one; take fewer folds or more pictures"
            )

    @cached_property
    def codes(self) -> npt.NDArray[np.int64]:
        """Label positions `(n,)`."""
        return self.taxonomy.codes(self.features.rows["label"].iloc[self.within])

    @cached_property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Pictures of each label `(k,)`."""
        return np.bincount(self.codes, minlength=len(self.taxonomy))

    @cached_property
    def fold(self) -> npt.NDArray[np.int64]:
        """Number of each picture's fold `(n,)`."""
        return stratified_folds(self.codes, self.folds, seed=self.seed)

    @cached_property
    def weights(self) -> Floats:
        """Weight of each picture's hit `(n,)`, of mean 1: equal for accuracy, each class the same for balanced accuracy."""
        if self.measure == "accuracy":
            return np.ones(len(self.codes))
        return len(self.codes) / ((self.sizes > 0).sum() * self.sizes[self.codes])

    def hits_by_fold(self, config: FitConfig) -> Iterator[tuple[npt.NDArray[np.int64], Mask]]:
        """Fold by fold: positions left out, and whether a probe trained on the others read each rightly."""
        from affect_workbench.probes.training.fit import fit_joint
        from affect_workbench.probes.training.label_sets import LabelSet

        for number in range(self.folds):
            outside = np.flatnonzero(self.fold == number)
            inside = LabelSet(self.features, self.taxonomy, self.anchors, within=self.within[self.fold != number])
            (probe,) = fit_joint(config, [inside], progress=False)
            parts = (outside[start : start + _READ_AT_ONCE] for start in range(0, len(outside), _READ_AT_ONCE))
            read = [probe.predict(self.features.take(self.within[part])).predicted for part in parts]
            yield outside, np.concatenate(read) == self.codes[outside]

    def score(self, positions: npt.NDArray[np.int64], hits: Mask) -> float:
        """The measure over some pictures; larger is better."""
        if self.measure == "accuracy":
            return float(hits.mean())
        codes = self.codes[positions]
        sizes = np.bincount(codes, minlength=len(self.taxonomy))
        found = np.bincount(codes, weights=hits, minlength=len(self.taxonomy))
        return float((found[sizes > 0] / sizes[sizes > 0]).mean())

    def question(self, given: FitConfig, space: dict[str, Any]) -> dict[str, Any]:
        """What a sweep asks, as text that changes with anything that its figures depend on."""
        words = self.features.rows["label"].iloc[self.within].astype(str)
        labels = hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]
        return {
            "features": self.features.fingerprint(self.within),
            "labels": labels,
            "taxonomy": list(self.taxonomy.labels),
            "anchors": self.anchors.fingerprint(),
            "folds": self.folds,
            "measure": self.measure,
            "given": asdict(given),
            "space": {name: bounds.in_words() for name, bounds in space.items()},
        }


@dataclass(frozen=True)
class TrialResult:
    """One trial of a sweep.

    Attributes:
        number: from 0, which is the given settings.
        state: `complete`; `pruned` (worse than the median after a fold); `stopped` (the time was over); `failed`.
        suggested: what the sampler chose.
        config: the settings that follow from it.
        scores: the measure of each fold that was done.
        hits: of a complete trial, whether each picture was read rightly while it was left out `(n,)`; else empty.
        seconds: how long it took.
        elapsed: seconds that the whole sweep had taken at its end.
        note: why it failed.
    """

    number: int
    state: str
    suggested: dict[str, Any]
    config: FitConfig
    scores: tuple[float, ...]
    hits: Mask
    seconds: float
    elapsed: float
    note: str = ""

    @property
    def mean(self) -> float:
        """Of the folds that were done; NaN without any."""
        return float(np.mean(self.scores)) if self.scores else float("nan")

    @property
    def standard_error(self) -> float:
        """Of the mean, over the folds; NaN with fewer than two."""
        return float(np.std(self.scores, ddof=1) / np.sqrt(len(self.scores))) if len(self.scores) > 1 else float("nan")


def measured(
    setup: CVSetup,
    number: int,
    suggested: dict[str, Any],
    config: FitConfig,
    *,
    verdict: Callable[[list[float]], str],
    clock: Callable[[], float],
) -> TrialResult:
    """Trains on the folds one after another, until all are done or `verdict` of the scores so far names a reason to end.

    Settings under which training breaks down (scores that are no numbers) make a failed trial; where that are the given
    ones, it is the caller's input and is raised.

    Raises:
        ValueError: the given settings cannot be trained with.
    """
    started, state, note = clock(), "complete", ""
    hits, scores = np.zeros(len(setup.codes), dtype=bool), list[float]()
    try:
        for positions, right in setup.hits_by_fold(config):
            hits[positions] = right
            scores.append(setup.score(positions, right))
            ended = verdict(scores) if len(scores) < setup.folds else ""
            if ended:
                state = ended
                break
    except ValueError as error:
        if not number:
            raise
        state, note = "failed", str(error)
    whole = hits if state == "complete" else hits[:0]
    now = clock()
    return TrialResult(number, state, suggested, config, tuple(scores), whole, now - started, now, note)


def save_trial(trial_result: TrialResult, work: Path) -> None:
    """One JSON file a trial, which appears whole or not at all; `load_trials` reads them."""
    record = {
        name: getattr(trial_result, name)
        for name in ("number", "state", "suggested", "scores", "seconds", "elapsed", "note")
    }
    packed = np.packbits(trial_result.hits).tobytes().hex()
    write_json(
        work / f"trial-{trial_result.number:05d}.json", record | {"config": asdict(trial_result.config), "hits": packed}
    )


def load_trials(work: Path, setup: CVSetup, question: dict[str, Any]) -> list[TrialResult]:
    """The finished trials of an earlier, killed sweep in `work`, in order; notes the question there if there is none.

    Raises:
        ValueError: the folder is of another question.
    """
    file = work / QUESTION_FILE
    if not file.is_file():
        write_json(file, question)
    elif read_json(file, otherwise=_AGAIN) != json.loads(json.dumps(question)):
        raise ValueError(f"{work} is of a sweep over other features or settings: remove it, or choose another output")
    trials: list[TrialResult] = []
    while (file := work / f"trial-{len(trials):05d}.json").is_file():
        trials.append(_trial(read_record(file, otherwise=_AGAIN), len(setup.codes)))
    return trials


def _trial(record: Record, n: int) -> TrialResult:
    state = record.text("state")
    if state not in STATES:
        raise record.refused("state", f"one of {', '.join(STATES)}")
    count = n if state == "complete" else 0
    try:
        packed = bytes.fromhex(record.text("hits"))
    except ValueError as error:
        raise record.refused("hits", "hexadecimal digits") from error
    if len(packed) != (count + 7) // 8:
        raise record.damaged(f"hits are of {8 * len(packed):,} pictures, expected {count:,}")
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=count)
    scores = record.numbers("scores") if record.values.get("scores") else ()
    return TrialResult(
        record.whole("number", least=0),
        state,
        dict(record.record("suggested").values),
        record.record("config").made(FitConfig),
        scores,
        bits.astype(bool),
        record.number("seconds"),
        record.number("elapsed"),
        record.text("note"),
    )


def trials_table(trials: list[TrialResult], measure: str) -> pd.DataFrame:
    """One row a trial.

    Columns: `trial`, `state`, `folds` done, `measure`, its `mean` and `standard_error` over those, `seconds`, one column a
    field of `FitConfig`, and `note`.
    """
    return pd.DataFrame(
        [
            {
                "trial": trial_result.number,
                "state": trial_result.state,
                "folds": len(trial_result.scores),
                "measure": measure,
                "mean": trial_result.mean,
                "standard_error": trial_result.standard_error,
                "seconds": round(trial_result.seconds, 2),
                **asdict(trial_result.config),
                "note": trial_result.note,
            }
            for trial_result in trials
        ]
    )
