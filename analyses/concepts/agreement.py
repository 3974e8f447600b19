"""Do several people who labelled the same pictures agree, beyond what chance would make them agree?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from affect_workbench.arrays import Floats

_DRAWS = 1_000


@dataclass(frozen=True)
class Agreement:
    """How alike annotators answer.

    Attributes:
        annotators: who.
        shared: pictures that at least two of them answered.
        alpha: Krippendorff's alpha for nominal answers: 1 for perfect agreement, 0 for chance; NaN where it is not defined
            (fewer than two shared pictures, or all answers the same).
        low: lower end of its 95 % interval (percentile bootstrap of pictures); NaN below ten shared pictures.
        high: upper end.
        pairs: one row a pair of annotators: `first`, `second`, `shared`, `agree` (share of equal answers), Cohen's `kappa`.
    """

    annotators: tuple[str, ...]
    shared: int
    alpha: float
    low: float
    high: float
    pairs: pd.DataFrame


def agreement(answers: pd.DataFrame, *, seed: int = 0) -> Agreement:
    """Agreement of the answers in a table with `image_id`, `annotator` and `answer`, one row each; any number of answers.

    Alpha takes any number of annotators who answered different pictures (Krippendorff 2004, Content Analysis, chapter 11).
    "Unsure" is an answer like the others.
    """
    wide = answers.pivot(index="image_id", columns="annotator", values="answer")
    codes = {answer: code for code, answer in enumerate(sorted(answers["answer"].unique()))}
    counts = np.stack([(wide == answer).sum(axis=1).to_numpy(np.float64) for answer in codes], axis=1)
    counts = counts[counts.sum(axis=1) >= 2]
    low = high = np.nan
    if len(counts) >= 10:
        rng = np.random.default_rng(seed)
        draws = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=_DRAWS).astype(np.float64)
        found = krippendorff_alpha(counts, draws)
        if np.isfinite(found).any():
            low, high = (float(end) for end in np.nanquantile(found, [0.025, 0.975]))
    alpha = float(krippendorff_alpha(counts, np.ones((1, len(counts))))[0]) if len(counts) >= 2 else np.nan
    pairs = [_pair(wide[[first, second]].dropna(), str(first), str(second)) for first, second in combinations(wide, 2)]
    table = pd.DataFrame(pairs, columns=["first", "second", "shared", "agree", "kappa"])
    return Agreement(tuple(map(str, wide.columns)), len(counts), alpha, low, high, table)


def krippendorff_alpha(counts: Floats, weights: Floats) -> Floats:
    """Alpha of nominal answers `(b,)`: 1 minus observed over expected disagreement; NaN where all answers are the same.

    Args:
        counts: how often each answer was given to each picture `(pictures, answers)`, at least two a picture.
        weights: how often each picture counts, in each of b bootstrap draws `(b, pictures)`.
    """
    given = counts.sum(axis=1)
    unequal = (given**2 - (counts**2).sum(axis=1)) / np.maximum(given - 1, 1)
    totals = weights @ counts
    every = totals.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = (every**2 - (totals**2).sum(axis=1)) / (every - 1)
        return np.asarray(np.where(expected > 0, 1 - (weights @ unequal) / expected, np.nan), np.float64)


def _pair(both: pd.DataFrame, first: str, second: str) -> tuple[str, str, int, float, float]:
    from sklearn.metrics import cohen_kappa_score

    if both.empty:
        return first, second, 0, np.nan, np.nan
    left, right = both.iloc[:, 0].to_numpy(), both.iloc[:, 1].to_numpy()
    varies = len(np.unique(np.concatenate([left, right]))) > 1
    kappa = float(cohen_kappa_score(left, right)) if varies else np.nan
    return first, second, len(both), float((left == right).mean()), kappa
