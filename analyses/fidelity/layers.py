"""Where inside a model does what it answers, and what is true, stand written, and how is it skewed there?

At every place the same questions are put to several readers of its features: the answer probe, a linear probe, a Metric
Projector and differences of means fitted on true labels, and the cosine with the rows of the label words, which is fitted on
nothing. Only the answer probe speaks for the model; the others say what is readable and are baselines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.fidelity.answer_probe import FoldFeatures, answer_folds, fitted_probabilities, fold_features
from affect_workbench.analyses.fidelity.pictures import AnsweredPictures
from affect_workbench.analyses.inference.intervals import distance_from_zero
from affect_workbench.analyses.inference.means.shares import mean_of_shares
from affect_workbench.analyses.inference.resampling import permuted_codes
from affect_workbench.analyses.inference.verdicts import LOW_EVIDENCE_COUNT
from affect_workbench.analyses.slices.sums import group_sums
from affect_workbench.arrays import Codes, Floats

LAYERS = "layers"
"""Name of the table in `AuditResult.tables`."""
READERS = ("answer probe", "linear probe", "Metric Projector", "difference of means", "label rows")
FitAndRead = Callable[[Sequence[FoldFeatures], Codes], Codes]
"""(features as each fold takes them, what is fitted on) -> what is read of each picture by the fit that it is not in."""
_PLACES = {
    "connector.in": "what enters the connector",
    "connector.out": "what leaves the connector",
    "last": "what the output head reads",
}
LAYER_COLUMNS = (
    "place",
    "reader",
    "fitted_on",
    "width",
    "n",
    "fidelity",
    "fidelity_low",
    "fidelity_high",
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "own",
    "control",
    "selectivity",
    "slice",
    "emotion",
    "skew",
    "answers_skew",
    "largest_slice",
    "largest_emotion",
    "largest_skew",
    "largest_answers_skew",
)


def place_words(place: str) -> str:
    """A place in quotes, and what it is: `“last” (what the output head reads)`.

    Args:
        place: as it is recorded: `connector.in`, `connector.out`, `layers.N` or `last`, with or without `:POOL`; another
            name is quoted as it is.
    """
    where, _, pool = place.partition(":")
    number = where.removeprefix("layers.")
    what = _PLACES.get(where, f"what enters layer {number}" if number != where else "")
    if not what:
        return f"“{place}”"
    return f"“{place}” ({what}{f', {pool} over its tokens' if pool in ('mean', 'max') else ''})"


def layer_sweep(
    taps: Mapping[str, npt.NDArray[Any]],
    pictures: AnsweredPictures,
    *,
    label_rows: npt.NDArray[Any] | None = None,
    projector: FitAndRead | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """One row a (place, reader), places in their order, with the columns `LAYER_COLUMNS`; shares, NaN where not known.

    Readers (`READERS`), each judged on pictures that it was not fitted on:

        answer probe: `analyses.fidelity.answer_probe.answer_probe` on the model's answers.
        linear probe: the same fit on true labels; left out where no truth is known.
        Metric Projector: `projector` on true labels; left out where none is given or no truth is known.
        difference of means: the label whose mean, less that of all other pictures, a picture lies along farthest; fitted on
            true labels (on the answers where no truth is known).
        label rows: the label whose row has the largest cosine with the features; nothing is fitted. Left out where
            there are no rows, or where features have another width (before the connector, say).

    Columns: `fitted_on` ("answers", "labels" or "nothing"); `width` of the features, `n` pictures with an answer;
    `fidelity`, share of them where the reader says what the model answered, and `accuracy`, share where it says what is
    true, both with 95 % intervals, groups respected; `own`, the share right of what it was fitted on (answers for "label
    rows"), `control`, the same of the same reader fitted on labels permuted at random (groups together; for "label
    rows" the rows stay and what is asked of them is permuted), `selectivity` the first less the second (Hewitt and Liang
    2019, https://arxiv.org/abs/1909.03368). `slice`, `emotion`: the cell where the answers are most surely skewed, beyond
    the true labels where these are known, the same in all rows, with `skew` by the reader beside `answers_skew`;
    `largest_...`: the cell where the reader is, and the answers' skew there. Cells have at least 30 pictures on either side.

    Args:
        taps: place -> features `(n, d)`, all of the same pictures.
        pictures: what the model answered to them.
        label_rows: `(k, d)` the label words in the space of the taps.
        projector: fits a Metric Projector and reads with it; None to leave it out, for it takes the longest.
        seed: of folds, components and permutations.

    Raises:
        ValueError: no place, features of other pictures, or what `answer_probe` refuses.
    """
    if not taps:
        raise ValueError("no place was recorded: nothing to sweep over")
    for place, x in taps.items():
        if len(x) != len(pictures):
            raise ValueError(f"{place} has features of {len(x)} pictures: expected {len(pictures)}")
    fold = answer_folds(pictures.answers, groups=pictures.groups, seed=seed)
    judge = _Judge.of(pictures)
    rows = []
    for place, x in taps.items():
        for reading in _readings(np.asarray(x), pictures, fold, label_rows=label_rows, projector=projector, seed=seed):
            rows.append({"place": place, "width": x.shape[1]} | judge.row(reading))
    return pd.DataFrame(rows, columns=list(LAYER_COLUMNS))


@dataclass(frozen=True)
class _Reading:
    """What a reader says of every picture `(n,)`, what it was to say, and what it says of labels permuted at random."""

    reader: str
    fitted_on: str
    said: Codes
    target: Codes
    control: Codes
    permuted: Codes


def _readings(
    x: npt.NDArray[Any],
    pictures: AnsweredPictures,
    fold: Codes,
    *,
    label_rows: npt.NDArray[Any] | None,
    projector: FitAndRead | None,
    seed: int,
) -> Iterator[_Reading]:
    parts = list(fold_features(x, fold, seed=seed))
    answers, truth, k = pictures.answers, pictures.truth, len(pictures.labels)
    readable = truth is not None and len(np.unique(truth[truth >= 0])) > 1
    labels = truth if readable and truth is not None else answers
    on = "labels" if readable else "answers"

    def probe(codes: Codes) -> Codes:
        return np.asarray(fitted_probabilities(parts, codes, classes=k).argmax(axis=1), np.int64)

    def permuted(codes: Codes) -> Codes:
        return next(permuted_codes(codes, pictures.groups, draws=1, rng=np.random.default_rng(seed)))

    def reading(reader: str, on: str, target: Codes, read: Callable[[Codes], Codes]) -> _Reading:
        shuffled = permuted(target)
        return _Reading(reader, on, read(target), target, read(shuffled), shuffled)

    yield reading("answer probe", "answers", answers, probe)
    if readable:
        yield reading("linear probe", "labels", labels, probe)
        if projector is not None:
            yield reading("Metric Projector", "labels", labels, partial(projector, parts))
    yield reading("difference of means", on, labels, lambda codes: _by_means(parts, codes, k))
    if label_rows is not None and label_rows.shape[1] == x.shape[1]:
        said = _by_rows(x, np.asarray(label_rows))
        yield _Reading("label rows", "nothing", said, answers, said, permuted(answers))


def _by_means(parts: list[FoldFeatures], codes: Codes, k: int) -> Codes:
    """By differences of means `(n,)`: how far past the middle between a label's mean and the others' each picture lies."""
    said = np.zeros(len(codes), np.int64)
    for part in parts:
        used = part.fitted & (codes >= 0)
        count = np.bincount(codes[used], minlength=k)[:, None].astype(np.float64)
        sums = group_sums(codes[used], k, part.values[used])
        with np.errstate(divide="ignore", invalid="ignore"):
            own, other = sums / count, (sums.sum(axis=0) - sums) / (count.sum() - count)
            direction = own - other
            direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        middle = ((own + other) / 2 * direction).sum(axis=1)
        along = part.values[~part.fitted] @ np.nan_to_num(direction).T - np.nan_to_num(middle)
        said[~part.fitted] = np.where(np.isfinite(middle), along, -np.inf).argmax(axis=1)
    return said


def _by_rows(x: npt.NDArray[Any], rows: npt.NDArray[Any]) -> Codes:
    """The label with the largest cosine `(n,)`."""
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return np.asarray((x.astype(np.float32) @ rows.astype(np.float32).T).argmax(axis=1), np.int64)


@dataclass(frozen=True)
class _Skews:
    """Skews of all cells in a row `(c,)`: what they are, how surely they are not zero, and whether both sides are large."""

    size: Floats
    sure: Floats
    enough: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, pictures: AnsweredPictures, said: Codes, *, beyond: Codes | None = None) -> _Skews:
        """Of what is said; with `beyond`, of how much more it is said than that."""
        sizes, sure, enough = [], [], []
        for _, found in pictures.skews(np.where(pictures.answers >= 0, said, -1), beyond=beyond):
            sizes.append(found.effect.ravel())
            sure.append(distance_from_zero(*found.interval()).ravel())
            enough.append(np.repeat(np.minimum(found.n, found.m) >= LOW_EVIDENCE_COUNT, len(pictures.labels)))
        if not sizes:
            return cls(np.empty(0), np.empty(0), np.empty(0, bool))
        return cls(np.concatenate(sizes), np.concatenate(sure), np.concatenate(enough))

    def top(self) -> int | None:
        """The cell whose interval lies farthest from zero, of several the one with the largest skew; None without cells."""
        known = np.flatnonzero(self.enough & np.isfinite(self.size))
        if not len(known):
            return None
        return int(known[np.lexsort((-np.abs(self.size[known]), -self.sure[known]))[0]])


@dataclass(frozen=True)
class _Judge:
    """What every reader is compared with."""

    pictures: AnsweredPictures
    answers: _Skews
    names: list[tuple[str, str]]
    shown: int | None

    @classmethod
    def of(cls, pictures: AnsweredPictures) -> _Judge:
        names = [
            (condition.name, label)
            for attribute in pictures.attributes
            for condition in attribute.conditions
            for label in pictures.labels
        ]
        own = _Skews.of(pictures, pictures.answers, beyond=pictures.truth)
        return cls(pictures, _Skews.of(pictures, pictures.answers), names, own.top())

    def row(self, reading: _Reading) -> dict[str, Any]:
        """All columns but the place and the width of its features."""
        pictures, own = self.pictures, _Skews.of(self.pictures, reading.said)
        right, control = _share(reading.said, reading.target), _share(reading.control, reading.permuted)
        found = {
            "reader": reading.reader,
            "fitted_on": reading.fitted_on,
            "n": int((pictures.answers >= 0).sum()),
            "own": right,
            "control": control,
            "selectivity": right - control,
        }
        for name, codes in (("fidelity", pictures.answers), ("accuracy", pictures.truth)):
            found |= dict(zip((name, f"{name}_low", f"{name}_high"), self._agreement(reading.said, codes), strict=True))
        for prefix, at in (("", self.shown), ("largest_", own.top())):
            if at is not None:
                name, emotion = self.names[at]
                skews = {f"{prefix}skew": own.size[at], f"{prefix}answers_skew": self.answers.size[at]}
                found |= {f"{prefix}slice": name, f"{prefix}emotion": emotion} | skews
        return found

    def _agreement(self, said: Codes, codes: Codes | None) -> tuple[float, float, float]:
        if codes is None:
            return float("nan"), float("nan"), float("nan")
        known, groups = codes >= 0, self.pictures.groups
        return mean_of_shares((said == codes)[known].astype(np.float64), None if groups is None else groups[known])


def _share(said: Codes, target: Codes) -> float:
    known = target >= 0
    return float((said == target)[known].mean()) if known.any() else float("nan")
