"""Does a model use an attribute that stands written inside it? Erase it there, let the model answer again, and compare.

The erasing and the running are someone else's (`probes.attach`): here are answers before, after, and after each of many
random directions of equal rank, on pictures that the eraser was not fitted to. What random directions do as well is not due
to the attribute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.fidelity.pictures import AnsweredPictures, weighted_skews
from affect_workbench.analyses.inference.paired import mcnemar
from affect_workbench.analyses.inference.resampling import (
    STANDARD_SAMPLING,
    Sampling,
    chance_p,
    drawn_weights,
    expanded_tail,
)
from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.arrays import Codes, Floats

CAUSAL = "causal"
"""Name of the table in `AuditResult.tables`."""
FEWEST_RANDOM = 20
FEWEST_PICTURES = 10
"""Pictures on either side of a cell, below which nothing is said of its skew."""
MOST_DRAWS = 500
"""Bootstrap samples behind the interval of the share removed."""
CAUSAL_COLUMNS = (
    "place",
    "erasure",
    "attribute",
    "erased",
    "slice",
    "emotion",
    "n",
    "n_complement",
    "before",
    "before_low",
    "before_high",
    "after",
    "after_low",
    "after_high",
    "removed",
    "removed_low",
    "removed_high",
    "random_removed",
    "random_least",
    "random_most",
    "random",
    "p",
    "answers_changed",
    "random_changed",
    "accuracy",
    "accuracy_after",
    "accuracy_p",
    "random_accuracy",
    "texts_same",
    "texts_overlap",
)


@dataclass(frozen=True)
class Erasure:
    """What a model answered to the `n` judged pictures after something was erased inside it.

    Attributes:
        attribute: name of the attribute that was erased.
        after: probabilities `(n, k)`, or positions of the answered labels `(n,)` (-1 for none).
        random: the same after each of `r` random erasures of equal rank at the same place: `(r, n, k)` or `(r, n)`.
        texts: free texts before and as many after, of some of the pictures, where any were generated.
        place: where in the model it was erased, for the record.

    Raises:
        ValueError: fewer than 20 random erasures, or numbers of pictures that disagree.
    """

    attribute: str
    after: npt.NDArray[Any]
    random: npt.NDArray[Any]
    texts: tuple[Sequence[str], Sequence[str]] | None = None
    place: str = ""

    def __post_init__(self) -> None:
        if len(self.random) < FEWEST_RANDOM:
            raise ValueError(
                f"{len(self.random)} random erasures: expected at least {FEWEST_RANDOM}, to say what erasing anything does"
            )
        for what, lengths in (
            ("answers", {len(self.after), self.random.shape[1]}),
            ("texts", set(map(len, self.texts or ()))),
        ):
            if len(lengths) > 1:
                raise ValueError(f"{what} are of {sorted(lengths)} pictures: expected the same pictures throughout")


def answered_codes(answers: npt.NDArray[Any]) -> Codes:
    """Position of the answered label: the most probable where probabilities are given (last axis), else as they are."""
    if np.issubdtype(answers.dtype, np.floating):
        return np.asarray(answers.argmax(axis=-1), np.int64)
    return answers.astype(np.int64)


def causal_table(pictures: AnsweredPictures, erasure: Erasure, *, sampling: Sampling = STANDARD_SAMPLING) -> pd.DataFrame:
    """One row a (value of an attribute, emotion), of the erased attribute and of all others, columns `CAUSAL_COLUMNS`.

    `place`: where it was erased. `erasure`: which attribute was erased, the same in every row; `erased`: whether the row is
    of that attribute; the other rows say what else changed. `n`, `n_complement`: pictures answered before and after.
    `before`, `after`: how much more often the emotion is answered for the value than for the other pictures (a share), with
    95 % intervals. `removed`: share of the skew that is gone, 1 - after / before (above 1 where it turned around); its
    interval is a percentile interval over bootstrap samples of the pictures (groups), the same pictures before and after;
    NaN where the interval of `before` holds zero, as there is no skew to remove, and with fewer than `FEWEST_PICTURES` on
    either side. `random_removed`, `random_least`, `random_most`: mean and range of the same over the `random` random
    erasures; `p`: (b + 1) / (r + 1), b the random ones that remove as much or more. The rest is of all pictures and the same
    in every row: `answers_changed`, the share that is answered otherwise, with its mean over random erasures,
    `random_changed`; `accuracy` before and `accuracy_after` on pictures with a truth, exact paired p of their difference
    (McNemar; in groups the sign test of their sums), and the mean `random_accuracy`; `texts_same`, the share of free texts
    that stay word for word, and `texts_overlap`, the mean share of words that both have (Jaccard).

    Args:
        pictures: the judged pictures, with the answers before anything is erased.
        erasure: the answers after.
        sampling: bootstrap samples (at most `MOST_DRAWS`) and seed.

    Raises:
        ValueError: other pictures, an attribute that is not among theirs, or answers outside the labels.
    """
    names = [one.column for one in pictures.attributes]
    if erasure.attribute not in names:
        raise ValueError(f"no attribute {erasure.attribute!r} among {', '.join(names) or 'none'}")
    before, after, random = pictures.answers, answered_codes(erasure.after), answered_codes(erasure.random)
    after = replace(pictures, answers=after).answers  # refuses other pictures and other labels
    both = (before >= 0) & (after >= 0)
    whole = _whole(pictures, after, random, erasure.texts)
    rows = [_rows(pictures, one, _Answers(before, after, random, both), sampling) for one in pictures.attributes]
    table = pd.concat(rows, ignore_index=True)
    table = table.assign(
        place=erasure.place,
        erasure=erasure.attribute,
        erased=table["attribute"] == erasure.attribute,
        random=len(random),
        **whole,
    )
    # The erased attribute first, the others in their order.
    order = np.argsort(~table["erased"].to_numpy(), kind="stable")
    return table.iloc[order].reset_index(drop=True)[list(CAUSAL_COLUMNS)]


@dataclass(frozen=True)
class _Answers:
    """Before, after, after each random erasure, and which pictures were answered both times."""

    before: Codes
    after: Codes
    random: Codes
    both: npt.NDArray[np.bool_]


def _rows(pictures: AnsweredPictures, attribute: CodedAttribute, answers: _Answers, sampling: Sampling) -> pd.DataFrame:
    """The rows of one attribute, without what is the same in all."""
    k, size = len(pictures.labels), len(attribute.conditions)
    only = replace(pictures, attributes=(attribute,))
    before, after = (next(only.skews(np.where(answers.both, said, -1)))[1] for said in (answers.before, answers.after))
    (low, high), (after_low, after_high) = before.interval(), after.interval()
    enough = np.minimum(before.n, before.m) >= FEWEST_PICTURES
    sure = ((low > 0) | (high < 0)) & enough[:, None]
    codes = np.where(answers.both, attribute.codes, -1)
    ones = np.ones((len(codes), 1))
    whole = np.where(before.effect == 0, np.nan, before.effect)
    removed = 1 - after.effect / whole
    by_chance = np.stack(
        [1 - weighted_skews(np.where(said >= 0, codes, -1), size, said, ones, k)[..., 0] / whole for said in answers.random]
    )
    removed_low, removed_high = _removed_interval(pictures, codes, size, answers, sampling.at_most(MOST_DRAWS))
    numbers = {
        "before": before.effect,
        "before_low": low,
        "before_high": high,
        "after": after.effect,
        "after_low": after_low,
        "after_high": after_high,
        "removed": np.where(sure, removed, np.nan),
        "removed_low": np.where(sure, removed_low, np.nan),
        "removed_high": np.where(sure, removed_high, np.nan),
        "random_removed": np.where(sure, by_chance.mean(axis=0), np.nan),
        "random_least": np.where(sure, by_chance.min(axis=0), np.nan),
        "random_most": np.where(sure, by_chance.max(axis=0), np.nan),
        "p": np.where(sure, chance_p(removed, by_chance), np.nan),
    }
    return pd.DataFrame(
        {
            "attribute": attribute.column,
            "slice": np.repeat(np.array([one.name for one in attribute.conditions], dtype=object), k),
            "emotion": np.tile(np.array(pictures.labels, dtype=object), size),
            "n": np.repeat(np.rint(before.n).astype(np.int64), k),
            "n_complement": np.repeat(np.rint(before.m).astype(np.int64), k),
            **{name: values.ravel() for name, values in numbers.items()},
        }
    )


def _removed_interval(
    pictures: AnsweredPictures, codes: Codes, size: int, answers: _Answers, sampling: Sampling
) -> tuple[Floats, Floats]:
    """Ends `(size, k)` of the interval of the share removed, over bootstrap samples of the pictures."""
    n, k = len(codes), len(pictures.labels)
    weights = np.stack(list(drawn_weights(n, pictures.groups, draws=sampling.draws, rng=sampling.rng())), axis=1)
    before, after = (weighted_skews(codes, size, said, weights, k) for said in (answers.before, answers.after))
    with np.errstate(divide="ignore", invalid="ignore"):
        removed = np.where(before != 0, 1 - after / before, np.nan)
    units = n if pictures.groups is None else len(np.unique(pictures.groups))
    tail = expanded_tail(0.025, units)
    known = np.asarray(np.isfinite(removed).all(axis=2))
    low, high = np.quantile(np.where(known[..., None], removed, 0.0), [tail, 1 - tail], axis=2)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def _whole(
    pictures: AnsweredPictures, after: Codes, random: Codes, texts: tuple[Sequence[str], Sequence[str]] | None
) -> dict[str, float]:
    """What is said of all pictures together."""
    before, truth = pictures.answers, pictures.truth
    found = {
        "answers_changed": float((after != before).mean()),
        "random_changed": float((random != before).mean()),
        "accuracy": np.nan,
        "accuracy_after": np.nan,
        "accuracy_p": np.nan,
        "random_accuracy": np.nan,
        "texts_same": np.nan,
        "texts_overlap": np.nan,
    }
    if truth is not None and (truth >= 0).any():
        known = truth >= 0
        right, right_after = ((said == truth)[known] for said in (before, after))
        change = right_after.astype(np.float64) - right
        if pictures.groups is not None:
            number = np.unique(pictures.groups[known], return_inverse=True)[1].astype(np.int64)
            change = np.bincount(number, weights=change)
        found |= {
            "accuracy": float(right.mean()),
            "accuracy_after": float(right_after.mean()),
            "accuracy_p": float(mcnemar(np.asarray((change > 0).sum()), np.asarray((change < 0).sum()))),
            "random_accuracy": float((random == truth)[:, known].mean()),
        }
    if texts is not None:
        pairs = list(zip(*texts, strict=True))
        found |= {
            "texts_same": float(np.mean([one.split() == other.split() for one, other in pairs])),
            "texts_overlap": float(np.mean([_overlap(one, other) for one, other in pairs])),
        }
    return found


def _overlap(one: str, other: str) -> float:
    words, others = set(one.casefold().split()), set(other.casefold().split())
    return len(words & others) / len(words | others) if words | others else 1.0
