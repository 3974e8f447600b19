"""How sure is a share of answers, a macro recall, a paired difference, where answers come in groups or do not?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from affect_workbench.analyses.inference.intervals import mean_interval, wilson
from affect_workbench.analyses.inference.means.shares import design_effect_of_mean, mean_of_shares
from affect_workbench.analyses.inference.means.sums import Sums
from affect_workbench.analyses.inference.paired import mean_change_interval
from affect_workbench.arrays import Codes, Floats


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval, of `n` answers; NaN where it is not known."""

    share: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if not self.n:
            return "unknown"
        percent = 100 * self.share
        ends = f" [{100 * self.low:.0f}, {100 * self.high:.0f}]" if np.isfinite(self.low) else ""
        return f"{percent:.0f} %{ends}".replace("-", "−")


def share_of(values: pd.Series, groups: pd.Series) -> Estimate:
    """Of hits, or of shares of votes: Wilson's interval, or Student's; whole groups are the units where there are any."""
    numbers: Floats = values.to_numpy(np.float64)
    return Estimate(*mean_of_shares(numbers, _grouped(groups)), len(numbers))


def macro_recall(hits: pd.Series, values: pd.Series, groups: pd.Series) -> Estimate:
    """Mean over values of the share of hits among the answers about pictures with that value; every value counts alike.

    The interval is put together from Wilson's of each value, each end's distance added up in squares (MOVER), so that it has
    a width where every answer is right. Source: Zou, Huang and Zhang 2009, A note on confidence interval estimation for a
    linear function of binomial proportions, Computational Statistics & Data Analysis 53. Values are taken to be independent
    of each other; within each, whole groups are the units.
    """
    parts = []
    for _, at in values.groupby(values, sort=True).groups.items():
        own: Floats = hits.loc[at].to_numpy(np.float64)
        codes = _grouped(groups.loc[at])
        deff, freedom = (1.0, float("inf")) if codes is None else design_effect_of_mean(own, codes, shares=True)
        low, high = wilson(np.array(own.sum() / deff), np.array(len(own) / deff), freedom=freedom)
        parts.append((own.mean(), float(low), float(high)))
    if not parts:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    recall, low, high = np.array(parts).T
    mean = float(recall.mean())
    down, up = (float(np.sqrt(((end - recall) ** 2).sum()) / len(recall)) for end in (low, high))
    return Estimate(mean, mean - down, mean + up, len(hits))


def mean_number(values: pd.Series, groups: pd.Series) -> Estimate:
    """A mean of numbers of any size, with Student's interval."""
    numbers: Floats = values.to_numpy(np.float64)
    codes = _grouped(groups)
    deff = 1.0 if codes is None else design_effect_of_mean(numbers, codes)[0]
    low, high = (float(end[0]) for end in mean_interval(_sums(numbers, deff)))
    return Estimate(float(numbers.mean()) if len(numbers) else float("nan"), low, high, len(numbers))


def mean_difference(differences: pd.Series, groups: pd.Series) -> Estimate:
    """A mean of paired differences between -1 and 1, with the interval of Agresti and Min."""
    numbers: Floats = differences.to_numpy(np.float64)
    if not len(numbers):
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    codes = _grouped(groups)
    deff, freedom = (1.0, float("inf")) if codes is None else design_effect_of_mean(numbers, codes)
    low, high = (float(end[0]) for end in mean_change_interval(_sums(numbers, deff), freedom=freedom))
    return Estimate(float(numbers.mean()), max(low, -1.0), min(high, 1.0), len(numbers))


def _sums(numbers: Floats, deff: float) -> Sums:
    parts = (numbers.sum(), (numbers**2).sum(), len(numbers))
    return Sums(*(np.array([part], dtype=np.float64) for part in parts)).over(deff)


def _grouped(groups: pd.Series) -> Codes | None:
    """A number for the group of each answer; None where each is in one of its own."""
    return pd.factorize(groups)[0].astype(np.int64) if groups.duplicated().any() else None
